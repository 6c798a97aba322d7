"""What happened in a training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

__all__ = ["History"]


class History(Mapping[str, list[float]]):
    """
    The values of every epoch, by name.

    A mapping from "loss", "learning_rate" and, if there was validation data, "val_loss" and
    "val_accuracy" to lists with one value per epoch: ``history["loss"][-1]`` is the loss of the
    last epoch. "loss" is the mean over the epoch's batches, each taken before its update.

    Parameters
    ----------
    epochs : sequence of mappings of str to float
        One record per epoch.
    interrupted : bool, default False
        Whether Ctrl-C ended the training.
    stopped_early : bool, default False
        Whether early stopping or a callback ended it before its last epoch.

    Examples
    --------
    >>> from softxent.models import History
    >>> history = History([{"loss": 0.7}, {"loss": 0.4}])
    >>> history["loss"]
    [0.7, 0.4]
    >>> history
    History(2 epochs: loss 0.4)
    """

    def __init__(
        self,
        epochs: Sequence[Mapping[str, float]] = (),
        *,
        interrupted: bool = False,
        stopped_early: bool = False,
    ) -> None:
        self._epochs = [dict(record) for record in epochs]
        self.interrupted = interrupted
        self.stopped_early = stopped_early

    @property
    def epochs(self) -> list[dict[str, float]]:
        """The records, one per epoch."""
        return [dict(record) for record in self._epochs]

    @property
    def best_epoch(self) -> int | None:
        """The epoch, counted from 1, with the lowest "val_loss", or "loss" without validation."""
        if not self._epochs:
            return None
        values = self["val_loss" if "val_loss" in self else "loss"]
        return values.index(min(values)) + 1

    def __getitem__(self, name: str) -> list[float]:
        """Return the values of all epochs."""
        if not self._epochs:
            raise KeyError(name)
        return [record[name] for record in self._epochs]

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names."""
        return iter(self._epochs[0] if self._epochs else ())

    def __len__(self) -> int:
        """Return the number of names."""
        return len(self._epochs[0]) if self._epochs else 0

    def __repr__(self) -> str:
        """Describe the training in one line."""
        last = ", ".join(f"{name} {values[-1]:.4g}" for name, values in self.items())
        flags = [name for name in ("interrupted", "stopped_early") if getattr(self, name)]
        return f"History({len(self._epochs)} epochs{': ' + last if last else ''}" + (
            f"; {', '.join(flags)})" if flags else ")"
        )

    def to_dict(self) -> dict[str, object]:
        """
        Return everything in values that JSON can hold.

        Returns
        -------
        dict
            The lists by name, and "best_epoch", "interrupted" and "stopped_early".
        """
        return {
            **{name: list(values) for name, values in self.items()},
            "best_epoch": self.best_epoch,
            "interrupted": self.interrupted,
            "stopped_early": self.stopped_early,
        }
