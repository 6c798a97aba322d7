"""What a library hands to objectives and metrics, read into scores, targets and weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from softxent._arguments.arrays import as_array, as_float
from softxent._arguments.scalars import integer

__all__ = ["Rows", "class_weights", "from_learning_api", "read"]


class Rows(NamedTuple):
    """Raw scores, targets and weights of all rows."""

    scores: np.ndarray
    targets: np.ndarray
    weights: np.ndarray | None


def from_learning_api(second: Any) -> bool:
    """Tell (scores, DMatrix or Dataset) from (labels, scores)."""
    return hasattr(second, "get_label") and hasattr(second, "get_weight")


def read(first: Any, second: Any, weights: Any, targets: np.ndarray | None, binary: bool) -> Rows:
    """
    Read the arguments of a call, whichever API it comes from.

    Parameters
    ----------
    first, second : array_like, or array_like and data set
        Labels and scores of the scikit-learn API, scores and data of the learning API.
    weights : array_like or None
        Of the scikit-learn API.
    targets : ndarray or None
        What takes the place of the labels.
    binary : bool
        Whether there is one score per row.

    Raises
    ------
    TypeError
        If scores or labels are no numbers.
    ValueError
        If the shapes do not fit, or a label is no whole number; of binary ones, no probability.
    """
    if from_learning_api(second):
        first, second, weights = second.get_label(), first, second.get_weight()
    scores = as_float(second, "scores")
    if not binary and scores.ndim != 2:
        raise ValueError(
            f"scores have shape {scores.shape}; expected (rows, classes): is num_class set?"
        )
    labels = targets if targets is not None else as_array(first, "labels")
    if labels.dtype.kind not in "biuf":
        raise TypeError(f"labels have dtype {labels.dtype}; expected numbers")
    if weights is not None and np.size(weights) == 0:
        weights = None
    if binary:
        if labels.size != scores.size:
            raise ValueError(
                f"{scores.size} scores and {labels.size} targets; expected one of each per row: "
                + ("are the labels set?" if labels.size == 0 else "is num_class set?")
            )
        bad = np.flatnonzero(~((labels >= 0) & (labels <= 1)))
        if bad.size:
            raise ValueError(
                f"label {labels.flat[bad[0]]} of row {bad[0]} is not in [0, 1], as binary ones are"
            )
        return Rows(scores, labels.reshape(scores.shape), weights)
    if labels.size == scores.size != len(scores):
        return Rows(scores, labels.reshape(scores.shape).astype(scores.dtype), weights)
    if len(labels) != len(scores):
        hint = "" if labels.size else ": are the labels set?"
        raise ValueError(f"{len(scores)} rows of scores and {len(labels)} targets{hint}")
    with np.errstate(invalid="ignore"):
        whole = labels.astype(np.int64)
    bad = np.flatnonzero(whole != labels)
    if bad.size:
        raise ValueError(f"label {labels[bad[0]]} of row {bad[0]} is no whole number")
    return Rows(scores, whole, weights)


def class_weights(given: Any, count: int) -> np.ndarray | None:
    """Return one weight per class, of an array or of a mapping whose other classes weigh 1."""
    if given is None:
        return None
    if isinstance(given, Mapping):
        weights = np.ones(count)
        for label, weight in given.items():
            weights[integer("a label of class_weight", label, 0, count - 1)] = weight
    elif isinstance(given, str):
        raise TypeError(
            f"class_weight is {given!r}; expected {count} numbers, or a mapping of labels to them"
        )
    else:
        weights = as_float(given, "class_weight").astype(np.float64)
    if weights.shape != (count,):
        raise ValueError(f"class_weight must have shape ({count},), got {weights.shape}")
    bad = np.flatnonzero(~(np.isfinite(weights) & (weights >= 0)))
    if bad.size:
        raise ValueError(
            f"class_weight must be finite and at least 0, got {weights[bad[0]]} for class {bad[0]}"
        )
    return weights
