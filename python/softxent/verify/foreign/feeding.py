"""Samples, targets and further inputs as a graph takes them: types, shapes, rows at a time."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from softxent._arguments.arrays import as_array
from softxent.onnx.anatomy import Anatomy, Input
from softxent.onnx.classifier import feeding
from softxent.onnx.errors import NotUnderstoodError
from softxent.verify.arithmetic import Array
from softxent.verify.foreign.labels import labels_for
from softxent.verify.missing import Missing


@dataclass(frozen=True)
class Samples:
    """A set of rows.

    Attributes
    ----------
    name : str
        As it stands in the report.
    by_row : dict of str to ndarray
        Inputs with one entry per row.
    whole : dict of str to ndarray
        Inputs that are the same for all rows.
    target : str or None
        Which of them are the labels.
    rows : int
    """

    name: str
    by_row: Mapping[str, Array]
    whole: Mapping[str, Array]
    target: str | None
    rows: int

    def take(self, rows: Any, name: str, target: Array | None = None) -> Samples:
        """Some of the rows, with other labels on request."""
        chosen = {key: array[rows] for key, array in self.by_row.items()}
        if target is not None and self.target is not None:
            chosen[self.target] = target.astype(chosen[self.target].dtype)
        return replace(self, name=name, by_row=chosen, rows=len(next(iter(chosen.values()))))

    def repeated(self, count: int, name: str, target: Array | None = None) -> Samples:
        """`count` rows, the given ones over and over."""
        return self.take(np.resize(np.arange(self.rows), count), name, target)

    def pieces(self, size: int, fixed: bool) -> Iterator[Piece]:
        """Rows in pieces of at most `size`; of a fixed size, the last one filled up."""
        for start in range(0, self.rows, size):
            rows = np.arange(start, min(start + size, self.rows))
            kept = len(rows)
            if fixed:
                rows = np.resize(rows, size)
            feeds = {name: array[rows] for name, array in self.by_row.items()}
            target = None if self.target is None else feeds[self.target]
            yield Piece({**feeds, **self.whole}, target, len(rows), kept)


@dataclass(frozen=True)
class Piece:
    """Rows that are fed at a time, the first `kept` of which are samples."""

    feeds: Mapping[str, Array]
    target: Array | None
    rows: int
    kept: int


@dataclass(frozen=True)
class Fed:
    """What goes into the inputs of a graph.

    Attributes
    ----------
    samples : Samples or None
        All of it; None if something is missing.
    missing : list of Missing
        What is.
    batch : int or None
        The number of rows that the graph is fixed at.
    """

    samples: Samples | None
    missing: list[Missing]
    batch: int | None


def feed(
    parts: Anatomy,
    X: ArrayLike | None,
    y: ArrayLike | None,
    inputs: Mapping[str, Any],
    ignored: Collection[int] | None = None,
) -> Fed:
    """Bring the user's data into the types and shapes of the inputs.

    Parameters
    ----------
    parts : Anatomy
        The graph.
    X : array_like or None
        The samples, for the input that no other array is given for.
    y : array_like or None
        The labels.
    inputs : mapping of str to array_like
        Further inputs by name.
    ignored : collection of int, optional
        Labels that are no class and allowed; None if any label may be.

    Raises
    ------
    TypeError, ValueError, IndexError
        If an array does not suit its input.
    """
    known = {item.name: item for item in parts.inputs}
    for name in inputs:
        if name not in known:
            raise ValueError(f"inputs: the graph has no input {name!r}, but {', '.join(known)}")
    given = {name: as_array(value, f"input {name!r}") for name, value in inputs.items()}
    x = None if X is None else as_array(X, "X")
    rows = _rows(x, given, known)
    missing: list[Missing] = []
    by_row: dict[str, Array] = {}
    try:
        by_row |= {} if x is None else _features(parts, x, set(given))
    except NotUnderstoodError as error:
        missing.append(Missing(str(error), "X", "--shape C,H,W"))
    whole: dict[str, Array] = {}
    for name, array in given.items():
        suited, is_by_row = feeding.further(array, known[name], rows, parts.features)
        (by_row if is_by_row else whole)[name] = suited
    target = labels_for(parts, y, rows, set(given), ignored) or {}
    by_row |= target
    missing = missing or _missing(parts, {*by_row, *whole})
    batch = next((known[name].batch for name in by_row if known[name].batch), None)
    labels = next(iter(target), None)
    samples = None if missing else Samples("data", by_row, whole, labels, rows)
    return Fed(samples, missing, batch)


def _rows(x: Array | None, given: Mapping[str, Array], known: Mapping[str, Input]) -> int:
    if x is not None:
        if not x.ndim:
            raise ValueError(f"X must have one entry per sample, got the 0-d {x!r}")
        if not len(x):
            raise ValueError("X must have at least one row to compare anything, got none")
        return len(x)
    sizes = [len(a) for name, a in given.items() if a.ndim and known[name].role != "other"]
    sizes += [len(a) for a in given.values() if a.ndim]
    if not sizes:
        raise ValueError("X is None, and no array among the inputs has rows")
    return sizes[0]


def _features(parts: Anatomy, x: Array, given: set[str]) -> dict[str, Array]:
    """The samples for the one input that is left for them, or a column for each of several.

    Of several inputs, the first one that samples of this shape go into takes them.
    """
    free = [item for item in parts.inputs if item.name not in given and item.role != "target"]
    columns = [item for item in free if item.role == "column"]
    if columns and all(item.dtype != "string" for item in columns):
        return feeding.columns(_numbers(x), columns)
    if columns:
        if x.ndim != 2 or x.shape[1] != len(columns):
            names = ", ".join(item.name for item in columns)
            raise ValueError(f"X must have the {len(columns)} columns {names}, got shape {x.shape}")
        return {item.name: _column(item, x[:, i]) for i, item in enumerate(columns)}
    stated = [item for item in free if item.role == "features"] or free
    refused: ValueError | None = None
    for item in stated:
        try:
            return {item.name: feeding.features(_numbers(x), item)}
        except ValueError as error:
            refused = refused or error
    if refused is not None:
        raise refused
    return {}


def _numbers(x: Array) -> Array:
    """Samples as numbers, also where they are objects."""
    if x.dtype.kind == "O":
        try:
            return x.astype(np.float64)
        except (TypeError, ValueError):
            pass
    if x.dtype.kind not in "biuf":
        raise TypeError(f"X must be real numbers, got dtype {x.dtype}")
    return x


def _column(item: Input, column: Array) -> Array:
    """One column of text or numbers, as (n,) or (n, 1)."""
    axes = 1 if item.shape is None else len(item.shape)
    shaped = column.reshape(-1, *[1] * (axes - 1))
    if item.dtype == "string":
        return shaped.astype(str).astype(object)
    return feeding.features(_numbers(shaped), item)


def _missing(parts: Anatomy, fed: set[str]) -> list[Missing]:
    found = []
    for item in parts.inputs:
        if item.name in fed:
            continue
        if item is parts.target:
            found.append(Missing(f"y is needed: {item.name!r} takes the labels", "y", "--labels"))
        else:
            flag = f"--input {item.name}=FILE"
            found.append(Missing(f"nothing feeds the input {item.name!r}", "inputs", flag))
    return found
