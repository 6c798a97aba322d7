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
from softxent.data.frames import as_frame, plain_labels
from softxent.data.matching import feature_names_in, matched_features

from . import _fit_tasks as tasks
from ._executors import Executor
from ._inputs import check_chunks, check_meta, refuse_collection

__all__ = ["Source", "Units"]


class Source:
    """
    Features and labels of the same rows, as dask arrays.

    Parameters
    ----------
    X : dask array or data frame, array_like, or table in memory
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
        name = "y" if what == "X" else "validation y"
        if isinstance(y, str):
            X, y = _divided(X, y, what)
        if y is None:
            raise TypeError(f"{name} is None; expected labels or probabilities")
        self._frame = X if _is_frame(X) else None
        self._names = tuple(map(str, X.columns)) if _is_frame(X) else feature_names_in(X)
        check_distinct(self._names, what)
        self._table = as_frame(X)
        is_array = self._frame is None and self._table is None
        self._X = _array(X, what, "biuf", "real numbers") if is_array else None
        self.y = _array(plain_labels(y), name, "biufUSO", "labels or probabilities")
        if self.y.ndim == 0:
            raise ValueError(f"{name} must have a label or probabilities for every row, got one")

    @property
    def meta(self) -> Any:
        """What has the names of the columns, None if there are none."""
        return self._table if self._frame is None else self._frame._meta

    def features(self, names: tuple[str, ...] | None) -> da.Array:
        """The features; of a table in the order of a network's names."""
        if self._table is not None:
            table = matched_features(self._table, names, self._what)
            X = _array(table, self._what, "biuf", "real numbers")
        elif self._frame is not None:
            import warnings

            frame = self._frame
            assert self._names is not None
            if names is not None:
                columns = matched(self._names, names, self._what)
                for line in unused(self._names, columns):
                    warnings.warn(f"{self._what}: {line}", UserWarning, stacklevel=4)
                frame = frame[[frame.columns[at] for at in columns]]
            X = _counted(_numbers(frame, self._what))
        else:
            assert self._X is not None
            X = self._X
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


def _divided(X: Any, label: str, what: str) -> tuple[Any, Any]:
    """A table, lazy or in memory, without a column, and that column."""
    if _is_frame(X):
        if label in X.columns:
            return X.drop(columns=[label]), X[label]
    else:
        table = as_frame(X)
        if table is not None and table.names is not None and label in table.names:
            at = table.names.index(label)
            return table.without(at), table.column(at)
    raise ValueError(f"{what}: there is no column {label!r} of labels")


def _numbers(frame: Any, what: str) -> Any:
    """A lazy table with columns of NumPy's numbers; TypeError for one of other things."""
    converted = {}
    for name, dtype in frame.dtypes.items():
        if getattr(dtype, "kind", "O") not in "biuf":
            raise TypeError(f"{what} must be real numbers, but column {name!r} holds {dtype}")
        # Bools beside numbers make objects, and so do pandas' and Arrow's numbers; missing: NaN.
        if dtype.kind == "b" or not isinstance(dtype, np.dtype):
            narrow = dtype.kind == "f" and dtype.itemsize <= 4
            converted[name] = np.float32 if narrow else np.float64
    return frame.astype(converted) if converted else frame


def _plain_series(series: Any) -> Any:
    """Text as objects, and categories and numbers of pandas or Arrow as NumPy's numbers."""
    dtype = series.dtype
    if dtype == "category":
        series = series.cat.as_known()
        dtype = series.cat.categories.dtype
    held = np.dtype(getattr(dtype, "numpy_dtype", dtype if isinstance(dtype, np.dtype) else object))
    held = held if held.kind in "biuf" else np.dtype(object)
    return series.map_partitions(_plain_part, meta=(series.name, held))


def _plain_part(part: Any) -> Any:
    array = np.asarray(plain_labels(part))
    return type(part)(array, index=part.index, dtype=array.dtype, name=part.name)


def _array(value: Any, what: str, kinds: str, kind_names: str) -> da.Array:
    if _is_series(value) and not isinstance(value.dtype, np.dtype):
        value = _plain_series(value)
    if _is_frame(value) or _is_series(value):
        array = _counted(value)
    elif isinstance(value, da.Array):
        check_meta(value, what)
        check_chunks(value, what)
        array = value
    else:
        refuse_collection(value, what, "a dask array or data frame")
        array = da.from_array(np.asarray(as_array(value, what)), chunks=-1)
    if array.dtype.kind not in kinds:
        raise TypeError(f"{what} must be {kind_names}, got dtype {array.dtype}")
    return array
