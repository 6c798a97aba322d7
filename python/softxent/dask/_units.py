"""The data of a training: dask arrays or data frames, cut into units of rows by their numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import dask.array as da
import numpy as np

from softxent._arguments.arrays import as_array
from softxent._machine.optional import available
from softxent.data.columns import check_distinct, matched, unused

from . import _fit_tasks as tasks
from ._executors import Executor
from ._inputs import check_chunks

__all__ = ["Source", "Units"]


class Source:
    """
    Features and labels of the same rows, as dask arrays.

    Parameters
    ----------
    X : dask array or data frame, or array_like
        The features.
    y : dask array or series, array_like, or str
        The labels; a name is that of a column of X.
    what : str
        What to call them in errors.

    Raises
    ------
    TypeError
        If one is neither.
    ValueError
        If they have different numbers of rows, or sizes of chunks that are not known.
    """

    def __init__(self, X: Any, y: Any, what: str) -> None:
        self._what = what
        if isinstance(y, str):
            if not _is_frame(X) or y not in X.columns:
                raise ValueError(f"{what}: there is no column {y!r} of labels")
            X, y = X.drop(columns=[y]), X[y]
        self.frame = X if _is_frame(X) else None
        self.names = None if self.frame is None else tuple(map(str, X.columns))
        check_distinct(self.names, what)
        self._X = None if self.frame is not None else _array(X, what, "biuf", "real numbers")
        name = "y" if what == "X" else "validation y"
        self.y = _array(y, name, "biufUSO", "labels or probabilities")

    def features(self, names: tuple[str, ...] | None) -> da.Array:
        """The features; of a frame in the order of a network's names."""
        if self.frame is None:
            assert self._X is not None
            X = self._X
        else:
            import warnings

            frame = self.frame
            assert self.names is not None
            if names is not None:
                columns = matched(self.names, names, self._what)
                for line in unused(self.names, columns):
                    warnings.warn(f"{self._what}: {line}", UserWarning, stacklevel=4)
                frame = frame[[frame.columns[at] for at in columns]]
            X = _counted(frame)
        if X.ndim != 2:
            raise ValueError(f"{self._what} must have shape (n, features), got {X.shape}")
        if X.shape[0] != self.y.shape[0]:
            raise ValueError(f"{self._what} has {X.shape[0]} rows and its labels {self.y.shape[0]}")
        return X


class Units:
    """
    Rows in units of a fixed number, by their place in the data and not by their chunks.

    Parameters
    ----------
    executor : Executor
        Where they are made ready.
    model : Model
        What they are made ready for.
    X, y : dask arrays
        The data.
    rows : int
        Rows of a unit.
    kept : int
        How many units are kept.
    """

    def __init__(
        self,
        executor: Executor,
        model: tasks.Model,
        X: da.Array,
        y: da.Array,
        rows: int,
        kept: int,
    ) -> None:
        self._executor, self._model = executor, model
        self._X, self._y = X, y
        self._rows, self._kept = rows, kept
        self._ready: dict[int, Any] = {}

    def __len__(self) -> int:
        return math.ceil(self.rows / self._rows)

    @property
    def rows(self) -> int:
        """Rows in all."""
        return int(self._X.shape[0])

    def size(self, number: int) -> int:
        """Rows of a unit."""
        return min(self._rows, self.rows - number * self._rows)

    def __getitem__(self, number: int) -> Any:
        """The handle of a unit, which is loaded unless it has been kept."""
        handle = self._ready.pop(number, None)
        if handle is None:
            start = number * self._rows
            rows = slice(start, start + self._rows)
            X, y = self._executor.load(self._X[rows], self._y[rows])
            handle = self._executor.submit(tasks.prepare, self._model, start, X, y)
        self._ready[number] = handle  # the last one used is the last to go
        while len(self._ready) > self._kept:
            del self._ready[next(iter(self._ready))]
        return handle

    def labels(self) -> Iterator[Any]:
        """Handles of the labels of each unit, not made ready."""
        for number in range(len(self)):
            rows = slice(number * self._rows, (number + 1) * self._rows)
            yield self._executor.load(self._X[:0], self._y[rows])[1]


def _is_frame(value: Any) -> bool:
    if not available("pandas"):
        return False
    kinds = {f"{kind.__module__.partition('.')[0]}.{kind.__name__}" for kind in type(value).__mro__}
    return bool(kinds & {"dask.DataFrame", "dask_expr.DataFrame"})


def _is_series(value: Any) -> bool:
    kinds = {f"{kind.__module__.partition('.')[0]}.{kind.__name__}" for kind in type(value).__mro__}
    return bool(kinds & {"dask.Series", "dask_expr.Series"})


def _counted(frame: Any) -> da.Array:
    """The values, with the sizes of chunks: of partitions as Dask fuses them for these columns."""
    return frame.to_dask_array().compute_chunk_sizes()


def _array(value: Any, what: str, kinds: str, kind_names: str) -> da.Array:
    if _is_series(value) and str(value.dtype).startswith(("string", "str")):
        value = value.astype(object)
    if _is_frame(value) or _is_series(value):
        array = _counted(value)
    elif isinstance(value, da.Array):
        check_chunks(value, what)
        array = value
    else:
        array = da.from_array(np.asarray(as_array(value, what)), chunks=-1)
    if array.dtype.kind not in kinds:
        raise TypeError(f"{what} must be {kind_names}, got dtype {array.dtype}")
    return array
