"""Files of tables as training data: classes, rows kept for testing, means and deviations."""

from __future__ import annotations

import glob
import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import Any

import dask.array as da
import numpy as np
from dask.utils import natural_sort_key

from softxent._arguments.wording import listed
from softxent._machine.optional import require
from softxent.data import Standardizer
from softxent.data.classes import learned
from softxent.data.columns import Wanted, choose
from softxent.data.labels import Labels
from softxent.models.model import Model as Net

from . import _fit_tasks as tasks
from ._executors import Executor, executor
from ._units import Source, Units

__all__ = ["Table", "measured", "read"]

_ENDINGS = (".parquet", ".parq", ".pq")
_UNIT = 16384


@dataclass(frozen=True, eq=False)
class Table:
    """
    Rows of a table with labels, not in memory.

    Parameters
    ----------
    name : str
        Where they are from.
    feature_names, class_names : tuple of str
        The names.
    counts : ndarray of int64
        How many rows each class has.
    X, y : dask arrays
        Features and labels.
    notes : tuple of str
        What was found out about the columns, in one line each.
    numbers : callable, optional
        Gives the numbers that the rows have in the files, where these are not all.
    """

    name: str
    feature_names: tuple[str, ...]
    class_names: tuple[str, ...]
    counts: np.ndarray
    X: da.Array
    y: da.Array
    notes: tuple[str, ...] = ()
    numbers: Callable[[], np.ndarray] | None = None

    def __len__(self) -> int:
        return int(self.X.shape[0])

    def split(self, fraction: float, seed: int) -> tuple[Table, Table]:
        """Rows for training and for testing, drawn by their numbers."""
        starts = np.cumsum([0, *self.X.chunks[0]])
        tested = [int(_drawn(int(a), int(b), fraction, seed).sum()) for a, b in pairwise(starts)]
        return (
            self._part(
                [n - k for n, k in zip(self.X.chunks[0], tested, strict=True)], 0, fraction, seed
            ),
            self._part(tested, 1, fraction, seed),
        )

    def _part(self, sizes: list[int], drawn: int, fraction: float, seed: int) -> Table:
        X = da.map_blocks(
            _selected, self.X, fraction, seed, drawn, dtype=self.X.dtype,
            chunks=(tuple(sizes), *self.X.chunks[1:]), meta=np.empty((0, 0), self.X.dtype),
        )  # fmt: skip
        y = da.map_blocks(
            _selected, self.y.rechunk((self.X.chunks[0],)), fraction, seed, drawn,
            dtype=self.y.dtype, chunks=(tuple(sizes),), meta=np.empty(0, self.y.dtype),
        )  # fmt: skip
        return replace(self, X=X, y=y, numbers=partial(_numbers, len(self), fraction, seed, drawn))

    def standardizer(self) -> Standardizer:
        """Mean and deviation of each feature, from units of rows in their order."""
        where, count = executor(), 0
        mean = squares = np.zeros(len(self.feature_names))
        parts = _over_units(where, self.X, self.X[:, 0], _moments)
        for rows, other, more, bad in parts:
            if bad is not None:
                self._refuse_value(*bad)
            total = count + rows
            distance = other - mean
            squares = squares + more + distance**2 * (count * rows / total)
            mean, count = mean + distance * (rows / total), total
        scale = np.sqrt(squares / max(count, 1))
        return Standardizer(mean, np.where(scale > 0, scale, 1.0), self.feature_names)

    def check_finite(self, dtype: np.dtype) -> None:
        """Raise ValueError for the first value that is not finite in a dtype, with its row."""
        look = partial(_not_finite, dtype)
        for bad in _over_units(executor(), self.X, self.X[:, 0], look):
            if bad is not None:
                self._refuse_value(*bad)

    def _refuse_value(self, row: int, column: int, value: float) -> None:
        row = row if self.numbers is None else int(self.numbers()[row])
        what = "beyond the type of the network" if np.isfinite(value) else "not a finite number"
        raise ValueError(
            f"{self.name}: the value {value} of row {row}, column "
            f"{self.feature_names[column]} is {what}: leave such rows out"
        )

    def transformed(self, standardizer: Standardizer) -> Table:
        """The same rows with standardised features."""
        X = self.X.rechunk({1: -1}).map_blocks(_standardised, standardizer, dtype=np.float32)
        return replace(self, X=X)


def read(pattern: str, labels: str | None, features: Sequence[str], drop: Sequence[str]) -> Table:
    """
    Open Parquet files, look through their labels, and leave the rest where it is.

    Raises
    ------
    FileNotFoundError
        If no file has such a name.
    ValueError
        If there is no column of labels or of features, or none of a name that is given, and if
        features are no numbers.
    """
    frames = require("dask.dataframe", "tables", "softxent train --dask")
    found = _files(pattern)
    if found is not None and not found:
        raise FileNotFoundError(f"there is no file {pattern}")
    if not all(map(_is_parquet, found or [pattern])):
        raise ValueError(
            f"{pattern}: --dask reads Parquet files, such as 'part-*.parquet', or a folder of them"
        )
    files = {name: _columns(name) for name in found or ()}
    # Dask knows no other patterns than those with *.
    frame = frames.read_parquet(found if found and set("?[") & set(pattern) else pattern)
    names = [str(name) for name in frame.columns]
    indexed = bool(names) and frame.dtypes.iloc[0].kind != "f"
    columns = choose(names, len(names), Wanted(labels, features, drop), pattern, index=indexed)
    wanted = [names[at] for at in columns.features]
    if columns.label is None:
        raise ValueError(
            f"{pattern}: there is no column of labels; the columns are {listed(names)}"
        )
    label = names[columns.label]
    # What no file has is the name of a folder, kind=ant.
    held = set().union(*files.values()).intersection((*wanted, label))
    for file, there in files.items():
        if missing := [repr(name) for name in names if name in held.difference(there)]:
            raise ValueError(f"{file} lacks columns that others have: {listed(missing)}")
    try:
        source = Source(frame[wanted], frame[label], "X")
        X, counts = source.features(tuple(wanted)), Counter[Any]()
    except TypeError as error:  # what a file holds is no fault of the types in a program
        raise ValueError(f"{pattern}: {error}") from error
    if not len(X):
        raise ValueError(f"{pattern} has no rows")
    for part in _over_units(executor(), source.y[:, None], source.y, _counted):
        counts.update(part)
    values = np.array(list(counts))
    y, classes, _ = learned(Labels.of_array(values, pattern))
    sizes = np.zeros(len(classes), np.int64)
    np.add.at(sizes, y, list(counts.values()))
    return Table(pattern, tuple(wanted), classes, sizes, X, source.y, columns.notes)


def _files(pattern: str) -> list[str] | None:
    """Files on this machine in the order in which Dask reads them, None if they are elsewhere."""
    if "://" in pattern:
        return None
    found = []
    for name in sorted(glob.glob(pattern), key=natural_sort_key):
        if os.path.isdir(name):
            inside = glob.glob(os.path.join(glob.escape(name), "**", "*"), recursive=True)
            found += sorted(filter(_is_parquet, inside), key=natural_sort_key)
        else:
            found.append(name)
    return found


def _is_parquet(name: str) -> bool:
    return name.endswith(_ENDINGS)


def _columns(file: str) -> list[str]:
    """The names in a file, which is found to be Parquet."""
    parquet = require("pyarrow.parquet", "tables", "softxent train --dask")
    try:
        names: list[str] = parquet.read_schema(file).names
    except (ValueError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"{file} cannot be read as Parquet: {reason}") from error
    return names


def measured(net: Net, table: Table) -> tuple[float, float]:
    """Plain loss and accuracy of a network."""
    where = executor()
    model = tasks.Model(net.layers, net.head, net.dtype, net.class_names, None, 0.0)
    units = Units(where, model, table.X, table.y, _UNIT, 0)
    parameters = net.state_dict()
    handles = [
        where.submit(tasks.measure, model, parameters, units[number])
        for number in range(len(units))
    ]
    total = divisor = 0.0
    right = rows = 0
    for loss, count, hits, size in where.results(handles):
        total, divisor, right, rows = total + loss, divisor + count, right + hits, rows + size
    return total / divisor, right / rows


def _over_units(where: Executor, X: da.Array, y: da.Array, function: Any) -> list[Any]:
    """What a function makes of features and labels of each unit, in the order of the rows."""
    handles = []
    for start in range(0, X.shape[0], _UNIT):
        rows = slice(start, start + _UNIT)
        handles.append(where.submit(function, start, *where.load(X[rows], y[rows])))
    return where.results(handles)


def _counted(start: int, _: np.ndarray, labels: np.ndarray) -> dict[Any, int]:
    read = Labels.of_array(np.asarray(labels), "labels", "row", start)
    numbers = np.bincount(read.codes, minlength=len(read.values))
    return dict(zip(read.values, numbers.tolist(), strict=True))


def _moments(start: int, X: np.ndarray, _: np.ndarray) -> tuple[int, np.ndarray, np.ndarray, Any]:
    wide = np.asarray(X, dtype=np.float64)
    for row, column in np.argwhere(~np.isfinite(wide))[:1].tolist():
        return len(wide), wide[0], wide[0], (start + row, column, float(wide[row, column]))
    mean = wide.mean(axis=0)
    return len(wide), mean, ((wide - mean) ** 2).sum(axis=0), None


def _not_finite(dtype: np.dtype, start: int, X: np.ndarray, _: np.ndarray) -> Any:
    with np.errstate(over="ignore"):
        finite = np.isfinite(np.asarray(X, dtype=dtype))
    for row, column in np.argwhere(~finite)[:1].tolist():
        return start + row, column, float(X[row, column])
    return None


def _standardised(block: np.ndarray, standardizer: Standardizer) -> np.ndarray:
    return np.asarray(standardizer.transform(block)) if block.size else block.astype(np.float32)


def _drawn(start: int, stop: int, fraction: float, seed: int) -> np.ndarray:
    """Whether each row is for testing: a hash of its number and the seed below the fraction."""
    with np.errstate(over="ignore"):
        key = np.arange(start, stop, dtype=np.uint64)
        key += np.uint64(seed % 2**32) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(1)
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            key = (key ^ (key >> np.uint64(shift))) * np.uint64(factor)
        key ^= key >> np.uint64(31)
    return key < np.uint64(min(int(fraction * 2.0**64), 2**64 - 1))


def _numbers(count: int, fraction: float, seed: int, drawn: int) -> np.ndarray:
    return np.flatnonzero(_drawn(0, count, fraction, seed) == bool(drawn))


def _selected(
    block: np.ndarray, fraction: float, seed: int, drawn: int, block_info: Any = None
) -> np.ndarray:
    if not block_info:
        return block[:0]
    start, stop = block_info[0]["array-location"][0]
    return block[_drawn(start, stop, fraction, seed) == bool(drawn)]
