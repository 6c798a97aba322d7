"""How long a batch takes, per batch size, in the model's runtime and in the references."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import softxent
from softxent._machine.optional import available, require

#: Repeats go on until this much time has been spent on a batch size, in seconds.
BUDGET = 0.1
MIN_REPEATS, MAX_REPEATS = 5, 200


@dataclass(frozen=True)
class Timing:
    """Median time of one batch, in seconds."""

    runner: str
    batch_size: int
    seconds: float
    repeats: int

    def to_dict(self) -> dict[str, Any]:
        """As values that JSON can hold."""
        return asdict(self)


def measure(
    runners: Mapping[str, Callable[[int], Callable[[], object]]], batch_sizes: Sequence[int]
) -> list[Timing]:
    """Time runners against each other, one call of each in turn, so that drift hits all alike.

    Parameters
    ----------
    runners : mapping of str to callable
        For a batch size, a function that computes one batch.
    batch_sizes : sequence of int
        What to measure.
    """
    with _one_thread():
        return [timing for size in batch_sizes for timing in _measure(runners, size)]


def thread_limit() -> int:
    """Return the number of threads of a runner, 0 where it takes what it usually takes."""
    return 1 if available("threadpoolctl") else 0


def threads() -> str:
    """Say how many threads a runner is timed with."""
    return "one thread" if thread_limit() else "the usual threads"


@contextmanager
def _one_thread() -> Iterator[None]:
    """Keep NumPy, PyTorch and softxent to one thread: several measure how busy the machine is."""
    with ExitStack() as stack:
        if thread_limit():
            threadpoolctl = require("threadpoolctl", "cli", "timing on one thread")
            stack.enter_context(threadpoolctl.threadpool_limits(1))
            stack.enter_context(softxent.num_threads(1))
        yield


def _measure(
    runners: Mapping[str, Callable[[int], Callable[[], object]]], size: int
) -> list[Timing]:
    calls = {name: prepare(size) for name, prepare in runners.items()}
    samples: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        call()
    start, rounds = time.perf_counter(), 0
    while rounds < MIN_REPEATS or (
        rounds < MAX_REPEATS and time.perf_counter() - start < BUDGET * len(calls)
    ):
        for name, call in calls.items():
            before = time.perf_counter()
            call()
            samples[name].append(time.perf_counter() - before)
        rounds += 1
    return [Timing(name, size, statistics.median(times), rounds) for name, times in samples.items()]
