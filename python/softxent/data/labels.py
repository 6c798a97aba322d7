"""A column of labels, each distinct value once and with its place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from softxent._arguments.remedies import shape_remedy
from softxent.data.fields import is_missing, is_number, whole_number

__all__ = ["Labels"]


@dataclass(frozen=True, eq=False)
class Labels:
    """
    A column of labels, each distinct value once.

    Parameters
    ----------
    codes : ndarray of int64, shape (n,)
        For every sample the position of its label in `values`.
    values : tuple of str or of int
        The distinct labels in the order in which they first occur.
    places : tuple of str
        Where each value first occurs.
    source : str
        Where all of them are from, for error messages.
    """

    codes: np.ndarray
    values: tuple[str | int, ...]
    places: tuple[str, ...]
    source: str

    @classmethod
    def of_texts(
        cls, codes: np.ndarray, texts: Sequence[str], places: Sequence[str], source: str
    ) -> Labels:
        """
        Read the labels of a text table, where numbers are text too; "1" and "1.0" are one label.

        Raises
        ------
        ValueError
            If a label is missing or a number that is not whole, or if some are text and some are
            numbers.
        """
        for text, place in zip(texts, places, strict=True):
            _check_present(text, place, source)
        numbers = [whole_number(text) for text in texts]
        if None in numbers:
            _check_not_mixed(texts, places, source)
            return cls(codes, tuple(texts), tuple(places), source)
        distinct = _Distinct()
        ranks = [distinct.code(*pair) for pair in zip(numbers, places, strict=True)]
        return cls(np.array(ranks, np.int64)[codes], *distinct.parts(), source)

    @classmethod
    def of_array(
        cls, array: np.ndarray, source: str, unit: str = "sample", start: int = 0
    ) -> Labels:
        """
        Read labels from an array of bool, integers, whole floats or text, shape (n,) or (n, 1).

        `start` is the number of the first one, of a part of the data.

        Raises
        ------
        ValueError
            For another dtype or shape, and as `of_texts`.
        """
        if array.ndim == 2 and array.shape[1] == 1:
            array = array[:, 0]
        if array.ndim != 1:
            table = array.ndim == 2 and array.dtype.kind in "iu"
            remedy = shape_remedy(array, array.shape, 1, "y") if table else ""
            raise ValueError(f"{source}: labels must have shape (n,), got {array.shape}{remedy}")
        if array.dtype.kind not in "biufUSO":
            raise ValueError(f"{source}: labels must be integers or text, got dtype {array.dtype}")
        if array.dtype.kind in "SO":
            return cls._of_objects(array.tolist(), source, unit, start)
        values, first, codes = np.unique(array, return_index=True, return_inverse=True)
        order = np.argsort(first)
        rank = np.empty(len(order), np.int64)
        rank[order] = np.arange(len(order))
        places = tuple(f"{unit} {start + row}" for row in first[order].tolist())
        found = [
            _checked(value, place, source)
            for value, place in zip(values[order].tolist(), places, strict=True)
        ]
        return cls(rank[codes.reshape(-1)], tuple(found), places, source)

    @classmethod
    def _of_objects(cls, values: Iterable[Any], source: str, unit: str, start: int) -> Labels:
        """Read labels that are bytes or Python objects."""
        distinct = _Distinct()
        codes = []
        for row, value in enumerate(values, start):
            place = f"{unit} {row}"
            if isinstance(value, float) and value != value:
                value = None
            codes.append(distinct.code(_checked(value, place, source), place))
        found, places = distinct.parts()
        if len({isinstance(value, str) for value in found}) > 1:
            raise ValueError(f"{source}: labels must be all text or all numbers, got both")
        return cls(np.array(codes, np.int64), found, places, source)

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.codes)

    @property
    def are_numbers(self) -> bool:
        """Whether the labels are whole numbers."""
        return bool(self.values) and not isinstance(self.values[0], str)

    def taken(self, kept: np.ndarray | None) -> Labels:
        """Return the labels of the samples where `kept` is true; None keeps all."""
        if kept is None:
            return self
        used, codes = np.unique(self.codes[kept], return_inverse=True)
        values, places = zip(*((self.values[at], self.places[at]) for at in used), strict=True)
        return Labels(codes.reshape(-1).astype(np.int64), values, places, self.source)

    def error(self, position: int, reason: str) -> ValueError:
        """Make the exception for one of the distinct labels."""
        return _error(self.values[position], self.places[position], self.source, reason)


class _Distinct:
    """Distinct values in the order in which they come, each with its first place."""

    def __init__(self) -> None:
        self._codes: dict[Any, int] = {}
        self._places: list[str] = []

    def code(self, value: Any, place: str) -> int:
        """Return the number of a value."""
        if value not in self._codes:
            self._codes[value] = len(self._codes)
            self._places.append(place)
        return self._codes[value]

    def parts(self) -> tuple[tuple[Any, ...], tuple[str, ...]]:
        """Return values and places."""
        return tuple(self._codes), tuple(self._places)


def _checked(value: Any, place: str, source: str) -> str | int:
    """Return one label of an array as text or a whole number."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        raise ValueError(f"{source}, {place}: the label is missing ({value})")
    if isinstance(value, float) and value != value:
        raise _error(value, place, source, "labels must be whole numbers; this one is missing")
    if isinstance(value, bytes):
        try:
            value = value.decode("ascii")
        except UnicodeDecodeError:
            reason = "bytes beyond ASCII, in an encoding that is not stated; save it as text"
            raise _error(value, place, source, reason) from None
    if isinstance(value, str):
        _check_present(value.strip(), place, source)
        return value
    if not isinstance(value, (bool, int, float, np.number, np.bool_)):
        raise _error(value, place, source, "labels must be whole numbers or text")
    if isinstance(value, (float, np.floating)) and not float(value).is_integer():
        raise _error(value, place, source, "labels must be whole numbers")
    return int(value)


def _check_present(text: str, place: str, source: str) -> None:
    if is_missing(text):
        found = f"missing ({text})" if text else "empty"
        raise ValueError(f"{source}, {place}: the label is {found}")


def _check_not_mixed(texts: Sequence[str], places: Sequence[str], source: str) -> None:
    """Refuse numbers among text: a fraction, a slip of the pen or a header read as data."""
    numeric = [is_number(text) for text in texts]
    if not any(numeric):
        return
    if all(numeric):
        at = next(at for at, text in enumerate(texts) if whole_number(text) is None)
        raise _error(float(texts[at]), places[at], source, "labels must be whole numbers or text")
    if numeric[0]:
        at = numeric.index(False)
        raise ValueError(
            f"{source}, {places[at]}: {texts[at]!r} is not a number, but the label {texts[0]!r} "
            f"of {places[0]} is"
        )
    raise ValueError(
        f"{source}, {places[0]}: the label column has both text ({texts[0]!r}) and numbers "
        f"({texts[numeric.index(True)]!r}); pass header=True if the first line names "
        "the columns"
    )


def _error(value: Any, place: str, source: str, reason: str) -> ValueError:
    return ValueError(f"{source}: label {value!r} of {place}: {reason}")
