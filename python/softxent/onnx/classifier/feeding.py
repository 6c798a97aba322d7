"""Samples and other inputs brought into the types, shapes and batches that a graph declares."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from softxent._arguments.arrays import as_array
from softxent.onnx.anatomy import Input
from softxent.onnx.errors import NotUnderstoodError

Array = NDArray[Any]

#: Bytes of samples that are fed at once where the batch is free.
_BYTES_AT_ONCE = 2**26


@dataclass(frozen=True)
class Feeds:
    """All inputs of a graph for some samples.

    Attributes
    ----------
    by_row : mapping of str to ndarray
        Inputs with one entry per sample.
    whole : mapping of str to ndarray
        Inputs that are the same for all samples.
    rows : int
        The number of samples.
    batch : int or None
        The batch that the graph is fixed at.
    """

    by_row: Mapping[str, Array]
    whole: Mapping[str, Array]
    rows: int
    batch: int | None

    def batches(self) -> Iterator[tuple[dict[str, Array], int]]:
        """Give the inputs of one run after the other, and how many of its rows are samples.

        Where the batch is fixed the last one is filled up with its own rows, which cannot change
        the range that a model quantises to as it runs.
        """
        size = self.batch or self._rows_at_once()
        for start in range(0, self.rows, size):
            stop = min(start + size, self.rows)
            rows = np.arange(start, stop)
            if self.batch is not None:
                rows = np.resize(rows, self.batch)
            given = {name: array[rows] for name, array in self.by_row.items()}
            yield given | dict(self.whole), stop - start

    def _rows_at_once(self) -> int:
        bytes_per_row = sum(array[:1].nbytes for array in self.by_row.values())
        return max(1, _BYTES_AT_ONCE // max(bytes_per_row, 1))


def features(X: Array, declared: Input) -> Array:
    """Bring samples into the type and shape of the input that takes them.

    Flat samples, as tables hold them, are read in the order of the declared shape: the pixels of
    the first channel row by row, then the next channel.

    Raises
    ------
    ValueError
        If they have another number of features, or values that the type cannot hold.
    NotUnderstoodError
        If flat samples could have several shapes, or the input takes no batch or no numbers.
    """
    return _converted(_shaped(X, declared), declared.dtype, declared.name, "sample")


def columns(X: Array, declared: Sequence[Input]) -> dict[str, Array]:
    """Give every column of samples to an input of its own, in their order.

    Raises
    ------
    ValueError, NotUnderstoodError
        As `features`.
    """
    if X.ndim != 2 or X.shape[1] != len(declared):
        names = ", ".join(item.name for item in declared)
        raise ValueError(
            f"X must have shape (n, {len(declared)}), a column for each of the inputs {names}, "
            f"got {X.shape}"
        )
    return {item.name: features(X[:, [at]], item) for at, item in enumerate(declared)}


def further(
    value: ArrayLike, declared: Input, rows: int, samples: Input | None
) -> tuple[Array, bool]:
    """Bring a further input into its type and shape; say whether it has one entry per sample.

    It has if its first size is that of the samples: the same number or the same name, or both free
    and as many entries as samples.

    Raises
    ------
    ValueError, NotUnderstoodError
        As `features`.
    """
    array = _converted(as_array(value, declared.name), declared.dtype, declared.name, "entry")
    if declared.shape is None:
        return array, array.ndim > 0 and len(array) == rows
    by_row = _shares_batch(declared, samples) and array.ndim > 0 and len(array) == rows
    wanted = declared.shape[1:] if by_row else declared.shape
    found = array.shape[1:] if by_row else array.shape
    if not _fits(found, wanted):
        sizes = _sizes(wanted)
        if sizes is None or math.prod(found) != math.prod(sizes) or not _same_order(found, sizes):
            raise ValueError(
                f"the input {declared.name} must have shape {_text(declared.shape)}, "
                f"got {array.shape}"
            )
        array = array.reshape((*array.shape[:by_row], *sizes))
    return array, by_row


def _shares_batch(declared: Input, samples: Input | None) -> bool:
    if not declared.shape:
        return False
    first = declared.shape[0]
    return samples is None or not samples.shape or first == samples.shape[0] or first is None


def _shaped(X: Array, declared: Input) -> Array:
    if declared.shape is None:
        return X
    if not declared.shape:
        raise NotUnderstoodError(f"the input {declared.name} takes a single number, no samples")
    wanted = declared.shape[1:]
    if _fits(X.shape[1:], wanted):
        return X
    sizes = _sizes(wanted)
    if sizes is not None:
        if math.prod(X.shape[1:]) == math.prod(sizes) and _same_order(X.shape[1:], sizes):
            return X.reshape(len(X), *sizes)
    elif X.ndim == 2 and len(wanted) > 1:
        raise NotUnderstoodError(
            f"the input {declared.name} takes samples of shape {_text(declared.shape[1:])}, which "
            f"does not say how {X.shape[1]} numbers are to be arranged; shape must say it"
        )
    rest = _text(declared.shape[1:]).strip("(,)")
    raise ValueError(f"X must have shape (n, {rest}), got {X.shape}")


def _same_order(found: Sequence[int], wanted: Sequence[int]) -> bool:
    """Whether a reshape keeps the meaning of axes: one side is flat, or axes of size 1 differ."""
    if len(found) <= 1 or len(wanted) <= 1:
        return True
    return [size for size in found if size != 1] == [size for size in wanted if size != 1]


def _fits(found: Sequence[int], wanted: Sequence[int | str | None]) -> bool:
    return len(found) == len(wanted) and all(
        not isinstance(size, int) or size == given
        for given, size in zip(found, wanted, strict=True)
    )


def _sizes(shape: Sequence[int | str | None]) -> tuple[int, ...] | None:
    """All sizes, if none is free."""
    sizes = tuple(size for size in shape if isinstance(size, int))
    return sizes if len(sizes) == len(shape) else None


def _text(shape: Sequence[int | str | None]) -> str:
    sizes = [str(size) if isinstance(size, int) else "any" for size in shape]
    return f"({', '.join(sizes)}{',' * (len(sizes) == 1)})"


def _converted(values: Array, dtype: str, name: str, unit: str) -> Array:
    """Convert to the type of an input; a value that it cannot hold is an error."""
    if dtype in ("string", "sequence", "map", "optional", ""):
        kind = {"string": "text", "": "an unknown type"}.get(dtype, f"a {dtype}")
        raise NotUnderstoodError(f"the input {name} takes {kind}, which tables of numbers lack")
    if values.dtype.kind not in "biuf":
        raise TypeError(f"the input {name} takes numbers, got dtype {values.dtype}")
    target = _dtype(dtype)
    with np.errstate(over="ignore", invalid="ignore"):
        converted = values.astype(target)
    if target.kind in "biu":
        lost = converted != values
        reason = f"does not fit into {dtype}"
    else:
        lost = np.isfinite(values) & ~np.isfinite(converted.astype(np.float64))
        reason = f"is too large for {dtype}"
    if lost.any():
        at = tuple(int(i) for i in np.unravel_index(int(lost.argmax()), lost.shape))
        place = f"{unit} {at[0]}" if at else "the value"
        raise ValueError(f"the input {name}: {values[at]!s} of {place} {reason}")
    return converted


def _dtype(name: str) -> np.dtype[Any]:
    if name == "bfloat16":
        import ml_dtypes

        return np.dtype(ml_dtypes.bfloat16)
    return np.dtype(name)
