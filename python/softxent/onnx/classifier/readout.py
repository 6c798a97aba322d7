"""Classes and probabilities from what the runtime put out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import softxent
from softxent.onnx.anatomy.logits import Logits
from softxent.onnx.errors import NotUnderstoodError

Array = NDArray[Any]

#: How far the sum of a row of probabilities may be from 1: those of 8-bit models are coarse.
_SUM_TOLERANCE = 0.02


@dataclass(frozen=True)
class Decision:
    """Classes of samples.

    Attributes
    ----------
    labels : ndarray of int64, shape (n,)
    probabilities : ndarray, shape (n, C), or None
        None where the model gives none.
    """

    labels: Array
    probabilities: Array | None


def from_logits(values: Array, logits: Logits) -> Decision:
    """Compute probabilities natively from logits that the runtime computed.

    Raises
    ------
    NotUnderstoodError
        If they are no logits of one choice per sample.
    """
    if values.dtype.kind in "iub":
        raise NotUnderstoodError(f"{logits.name!r} holds integers ({values.dtype}), no logits")
    values = values.astype(np.float32) if values.dtype.itemsize < 4 else values
    if logits.kind == "binary":
        if values.size != len(values):
            raise NotUnderstoodError(
                f"{logits.name!r} has the shape {values.shape}, not one logit per sample"
            )
        z = values.reshape(-1)
        probabilities = np.stack([softxent.sigmoid(-z), softxent.sigmoid(z)], axis=1)
        return Decision((z > 0).astype(np.int64), probabilities)
    matrix = _matrix(values, logits)
    if logits.presumed and looks_normalised(matrix):
        raise NotUnderstoodError(
            f"the rows of {logits.name!r} sum to 1: they may be probabilities rather than logits; "
            f"probabilities={logits.name} or logits={logits.name} says which"
        )
    return Decision(matrix.argmax(axis=1), softxent.softmax(matrix, axis=1))


def _matrix(values: Array, logits: Logits) -> Array:
    """Bring logits into the shape (n, C)."""
    axis = logits.axis if logits.axis is not None else 1
    if values.ndim < 2 or axis % values.ndim == 0:
        raise NotUnderstoodError(
            f"{logits.name!r} has the shape {values.shape} and its classes along axis {axis}, "
            "expected (n, C)"
        )
    values = np.moveaxis(values, axis, 1)
    if values.size != values.shape[0] * values.shape[1]:
        raise NotUnderstoodError(
            f"{logits.name!r} has the shape {values.shape}: several choices per sample, as of "
            "pixels or words, are not supported"
        )
    return values.reshape(values.shape[:2])


def from_probabilities(values: Array, name: str, *, single: bool) -> Decision:
    """Take the probabilities of the model itself.

    Parameters
    ----------
    values : ndarray
        (n, C); or (n,) or (n, 1), the probability of the second of two classes.
    name : str
        For messages.
    single : bool
        Whether one probability per sample is known to be that of the second class.

    Raises
    ------
    NotUnderstoodError
        If they are no probabilities that sum to 1.
    """
    values = values.astype(np.float32) if values.dtype.itemsize < 4 else values
    if values.size == len(values):
        p = values.reshape(-1)
        if not single or not _in_unit_interval(p):
            raise NotUnderstoodError(f"{name!r} is one number per sample and no probability")
        return Decision((p > 0.5).astype(np.int64), np.stack([1 - p, p], axis=1))
    if values.size != np.prod(values.shape[:2]):
        raise NotUnderstoodError(f"{name!r} has the shape {values.shape}, not (n, C)")
    matrix = values.reshape(values.shape[:2])
    if not looks_normalised(matrix):
        raise NotUnderstoodError(
            f"the rows of {name!r} are not between 0 and 1 or do not sum to 1: they are no "
            "probabilities of one choice"
        )
    return Decision(matrix.argmax(axis=1), matrix)


def looks_normalised(matrix: Array) -> bool:
    """Whether all rows are between 0 and 1 and sum to 1; NaN rows say nothing."""
    known = matrix[~np.isnan(matrix).any(axis=1)]
    if not len(known):
        return False
    sums = known.sum(axis=1, dtype=np.float64)
    return _in_unit_interval(known) and bool((np.abs(sums - 1) <= _SUM_TOLERANCE).all())


def _in_unit_interval(values: Array) -> bool:
    known = values[~np.isnan(values)]
    return bool(((known >= -1e-6) & (known <= 1 + 1e-6)).all())


def map_values(rows: Sequence[dict[Any, float]]) -> tuple[Array, tuple[str, ...]]:
    """Turn the maps of a ZipMap into an array and the names of its columns."""
    keys = list(rows[0])
    array = np.array([[row[key] for key in keys] for row in rows], np.float32)
    return array, tuple(map(str, keys))


def indices_of(labels: Sequence[Any], names: Sequence[str], output: str) -> Array:
    """Positions of the labels that a model put out among the names of its classes.

    Raises
    ------
    NotUnderstoodError
        If one is not among them.
    """
    position = {name: at for at, name in enumerate(names)}
    texts = [label.decode("utf-8", "replace") if isinstance(label, bytes) else str(label)
             for label in labels]  # fmt: skip
    unknown = [text for text in texts if text not in position]
    if unknown:
        raise NotUnderstoodError(
            f"the output {output!r} gives the label {unknown[0]!r}, which is none of the classes "
            f"{', '.join(names)}"
        )
    return np.array([position[text] for text in texts], np.int64)
