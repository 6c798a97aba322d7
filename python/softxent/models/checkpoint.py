"""The state of a training in a file, from which it goes on bit for bit.

Everything that the rest of a training depends on is in the state: parameters, optimizer, the
records of all epochs, the best parameters and the seed. The order of the mini-batches needs
nothing else, because it is drawn anew for every epoch from the seed and the epoch's number. The
file is replaced whole at the end of every epoch, so a process that is killed loses at most the
epoch it was in, and repeats it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from softxent._files.atomic import remove_leftovers
from softxent._files.npz import read_npz, write_npz
from softxent.models.history import History

__all__ = ["Checkpoint", "State"]

_KEY = "checkpoint"
_FORMAT = 1
_HEADER = {"format", "identity", "seed", "records", "stopped"}
_Arrays = dict[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class State:
    """
    Where a training is, at the end of an epoch; never changed, only replaced.

    Parameters
    ----------
    seed : int
        The seed of the mini-batches' order.
    parameters : dict of str to ndarray
        The parameters after the last epoch.
    best_parameters : dict of str to ndarray
        The parameters after the best epoch, the initial ones before the first.
    optimizer : dict of str to ndarray
        The state of the optimizer.
    records : tuple of dict
        The record of every epoch that is done.
    stopped : bool
        Whether the callback asked to stop.
    """

    seed: int
    parameters: _Arrays
    best_parameters: _Arrays
    optimizer: _Arrays
    records: tuple[dict[str, float], ...] = ()
    stopped: bool = False

    @property
    def best_epoch(self) -> int:
        """The best epoch, counted from 1; 0 if none is done."""
        return History(self.records).best_epoch or 0


class Checkpoint:
    """
    A file with the state of one training.

    Parameters
    ----------
    path : str or os.PathLike
        The file.
    identity : mapping of str to JSON values
        What the training is: a file with another identity is refused. A value of None says that
        the file decides.
    """

    def __init__(self, path: str | os.PathLike[str], identity: Mapping[str, object]) -> None:
        self._path = Path(path)
        # Compared after a round trip: JSON makes lists of tuples.
        self._identity = json.loads(json.dumps(identity))

    def write(self, state: State) -> None:
        """
        Replace the file.

        Parameters
        ----------
        state : State
            The state to keep.

        Raises
        ------
        OSError
            If the file cannot be written.
        """
        header = {
            "format": _FORMAT,
            "identity": self._identity,
            "seed": state.seed,
            "records": state.records,
            "stopped": state.stopped,
        }
        arrays = {_KEY: np.array(json.dumps(header))}
        for group in ("parameters", "best_parameters", "optimizer"):
            for name, array in getattr(state, group).items():
                arrays[f"{group}/{name}"] = array
        write_npz(self._path, arrays)

    def read(self) -> State | None:
        """
        Read the file.

        Returns
        -------
        State or None
            The state; None if there is no file. What killed processes left beside it is removed.

        Raises
        ------
        ValueError
            If the file is damaged or not a checkpoint, or belongs to another training; the
            message names the first setting that differs.
        OSError
            If the file cannot be read.
        """
        remove_leftovers(self._path)
        if not self._path.exists():
            return None
        arrays = read_npz(self._path)
        header = self._header(arrays.pop(_KEY, None))
        for name, here in self._identity.items():
            there = header["identity"].get(name)
            if here != there and here is not None:
                raise ValueError(
                    f"{self._path} belongs to another training: {name} is {there!r} there and "
                    f"{here!r} here; remove the file to start anew"
                )
        groups: dict[str, _Arrays] = {"parameters": {}, "best_parameters": {}, "optimizer": {}}
        for name, array in arrays.items():
            group, _, rest = name.partition("/")
            groups.setdefault(group, {})[rest] = array
        return State(
            seed=header["seed"],
            records=tuple(header["records"]),
            stopped=header["stopped"],
            **groups,
        )

    def _header(self, stored: np.ndarray | None) -> dict:
        """Parse the JSON text of the file."""
        if stored is None:
            raise ValueError(f"{self._path} is not a checkpoint: it has no array {_KEY!r}")
        try:
            header = json.loads(str(stored))
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{self._path} is not a readable checkpoint: {error}") from error
        if not isinstance(header, dict) or set(header) != _HEADER or header["format"] != _FORMAT:
            raise ValueError(f"{self._path} is not a checkpoint of format {_FORMAT}")
        return header
