"""Tables of pandas, polars and pyarrow, recognised without importing any of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any

import numpy as np

__all__ = ["Frame", "as_frame", "plain_labels"]

_PACKAGES = ("pandas", "polars", "pyarrow")
_TABLES = ("DataFrame", "LazyFrame", "Table", "RecordBatch")


@dataclass(frozen=True, eq=False)
class Frame:
    """
    A table in memory.

    Parameters
    ----------
    names : tuple of str or None
        The names of the columns; None where pandas has only counted them.
    width : int
        How many columns there are.
    rows : int
        How many rows there are.
    column : callable
        Takes a position, returns that column.
    """

    names: tuple[str, ...] | None
    width: int
    rows: int
    column: Callable[[int], Any]

    def numbers(self, columns: Sequence[int], what: str) -> np.ndarray:
        """
        Return columns of numbers side by side; missing values become NaN.

        Returns
        -------
        ndarray of floats, shape (rows, columns)
            float64, or float32 if all columns are of at most 32 bits.

        Raises
        ------
        TypeError
            If a column does not hold real numbers; the message names it.
        """
        arrays = [self._numbers(at, what) for at in columns]
        return np.stack(arrays, axis=1) if arrays else np.empty((self.rows, 0))

    def without(self, at: int) -> Frame:
        """Return the table without one column."""
        kept = [k for k in range(self.width) if k != at]
        names = None if self.names is None else tuple(self.names[k] for k in kept)
        return Frame(names, len(kept), self.rows, lambda k: self.column(kept[k]))

    def _numbers(self, at: int, what: str) -> np.ndarray:
        array = np.asarray(self.column(at))
        if array.dtype.kind == "O":
            numbers = [_number(value) for value in array.tolist()]
            if None not in numbers:
                return np.array(numbers, dtype=np.float64)
        if array.dtype.kind in "biu":
            return array.astype(np.float64)
        if array.dtype.kind == "f":
            return array
        name = at if self.names is None else repr(self.names[at])
        held = "text or other objects" if array.dtype.kind in "OUS" else array.dtype
        raise TypeError(f"{what} must be real numbers, but column {name} holds {held}")


def as_frame(value: Any) -> Frame | None:
    """Return the view of a DataFrame, Table or RecordBatch, or None of anything else."""
    if type(value) is Frame:
        return value
    package, kind = _origin(value)
    if package == "pandas" and kind == "DataFrame":
        names = tuple(map(str, value.columns))
        # Columns that are only counted have no names.
        counted = list(value.columns) == list(range(len(names)))
        return Frame(None if counted else names, len(names), len(value), partial(_pandas, value))
    if package == "polars" and kind == "LazyFrame":
        raise TypeError("a polars LazyFrame has no values yet: pass it as .collect()")
    if package == "polars" and kind == "DataFrame":
        return Frame(tuple(value.columns), value.width, value.height, value.to_series)
    if package == "pyarrow" and kind in ("Table", "RecordBatch"):
        names = tuple(value.schema.names)
        return Frame(names, value.num_columns, value.num_rows, value.column)
    return None


def plain_labels(y: Any) -> Any:
    """
    Return a column of labels, or a table of probabilities, as a NumPy array.

    Anything but a Series, a DataFrame and their like is returned as it is. A DataFrame of one
    column counts as that column. Whole numbers of which some are missing become objects, among
    them None: as floats they would be probabilities.
    """
    frame = as_frame(y)
    if frame is not None and frame.width != 1:
        return frame.numbers(range(frame.width), "y")
    column = y if frame is None else frame.column(0)
    if _origin(column)[0] is None:
        return y
    array = np.asarray(column)
    kind = str(getattr(column, "dtype", None) or column.type).lower()
    if array.dtype.kind == "f" and not kind.startswith(("float", "double", "half")):
        return np.array([None if value != value else int(value) for value in array.tolist()])
    return array


def _origin(value: Any) -> tuple[str | None, str]:
    """Return the package that a type is from, or its base, and the name it has there."""
    if type(value) is np.ndarray:
        return None, ""
    for kind in type(value).__mro__:
        package = kind.__module__.partition(".")[0]
        if package in _PACKAGES:
            names = [base.__name__ for base in type(value).__mro__]
            known = [name for name in _TABLES if name in names]
            return package, known[0] if known else kind.__name__
    return None, ""


def _pandas(frame: Any, at: int) -> Any:
    return frame.iloc[:, at]


def _number(value: Any) -> float | None:
    """Return a Python object as a number, NaN if it is missing, None if it is neither."""
    if value is None or type(value).__name__ == "NAType":
        return math.nan
    if isinstance(value, (bool, int, float, Decimal)):
        return float(value)
    return None
