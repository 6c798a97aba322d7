"""Progress of a training on stderr."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from softxent._machine.optional import available, require

__all__ = ["Reporter", "reporter"]


class Reporter:
    """Shows nothing; the base of those that do."""

    def batch(self) -> None:
        """Note the end of a mini-batch."""

    def epoch(self, epoch: int, record: Mapping[str, float]) -> None:
        """Note the end of an epoch, counted from 1."""


class _Lines(Reporter):
    """One line per epoch."""

    def __init__(self, epochs: int) -> None:
        self._epochs = epochs

    def epoch(self, epoch: int, record: Mapping[str, float]) -> None:
        values = ", ".join(f"{name} {value}" for name, value in _shown(record).items())
        print(f"epoch {epoch}/{self._epochs}: {values}", file=sys.stderr, flush=True)


class _Bar(Reporter):
    """One bar over the batches of all epochs."""

    def __init__(self, bar: Any, epochs: int, done: int) -> None:
        self._bar = bar
        self._epochs = epochs
        self._announce(done + 1)

    def _announce(self, epoch: int) -> None:
        self._bar.set_description(f"epoch {min(epoch, self._epochs)}/{self._epochs}")

    def batch(self) -> None:
        self._bar.update()

    def epoch(self, epoch: int, record: Mapping[str, float]) -> None:
        self._bar.set_postfix(_shown(record), refresh=False)
        self._announce(epoch + 1)


@contextmanager
def reporter(progress: bool, epochs: int, batches: int, done: int) -> Iterator[Reporter]:
    """
    Show the progress of a training while the block runs.

    Parameters
    ----------
    progress : bool
        Whether to show anything: a bar if stderr is a terminal and tqdm is installed, and one
        line per epoch otherwise.
    epochs : int
        Number of epochs.
    batches : int
        Number of mini-batches per epoch.
    done : int
        Epochs that were done before.

    Yields
    ------
    Reporter
        What to tell about every batch and epoch.
    """
    if not progress or sys.stderr is None:
        yield Reporter()
    elif sys.stderr.isatty() and available("tqdm"):
        tqdm = require("tqdm", "cli", "the progress bar")
        total = {"total": epochs * batches, "initial": done * batches}
        with tqdm.tqdm(**total, unit="batch", dynamic_ncols=True) as bar:
            yield _Bar(bar, epochs, done)
    else:
        yield _Lines(epochs)


def _shown(record: Mapping[str, float]) -> dict[str, str]:
    """Return what is worth the space of a line."""
    return {name: f"{value:.4g}" for name, value in record.items() if name != "learning_rate"}
