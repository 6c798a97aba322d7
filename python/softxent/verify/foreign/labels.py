"""Labels as a graph takes them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from softxent._arguments.arrays import as_array
from softxent._arguments.remedies import dtype_remedy, shape_remedy
from softxent.onnx.anatomy import Anatomy
from softxent.verify.arithmetic import Array


def labels_for(
    parts: Anatomy,
    y: ArrayLike | None,
    rows: int,
    given: set[str],
    ignored: Collection[int] | None,
) -> dict[str, Array] | None:
    """Bring the labels into the type and shape of the input that takes them.

    Parameters
    ----------
    parts : Anatomy
        The graph.
    y : array_like or None
        The labels.
    rows : int
        Number of samples.
    given : set of str
        Inputs that have their array already.
    ignored : collection of int or None
        Labels that are no class and allowed; None if any label may be.

    Returns
    -------
    dict of str to ndarray, or None
        The array by the name of the input; None where no input takes labels, or there are none.

    Raises
    ------
    TypeError, ValueError, IndexError
        If they do not suit it, or one is no class.
    """
    item = parts.target
    labels = None if y is None else _one_per_row(as_array(y, "y"), rows)
    if item is None or item.name in given or labels is None:
        return None
    dtype, classes = np.dtype(item.dtype), parts.logits.num_classes if parts.logits else None
    axes = labels.ndim if item.shape is None else len(item.shape)
    if dtype.kind == "f":
        if labels.ndim == 1 and axes == 2 and classes and item.shape and item.shape[1] != 1:
            labels = (labels[:, np.newaxis] == np.arange(classes)).astype(dtype)
        column = labels[:, np.newaxis] if axes == labels.ndim + 1 else labels
        return {item.name: column.astype(dtype)}
    if labels.dtype.kind not in "iu":
        hint = dtype_remedy(labels, "y") or "; pass y.astype(int)" * (labels.dtype.kind == "f")
        raise TypeError(f"y must be integer labels for this model, got dtype {labels.dtype}{hint}")
    if labels.ndim != axes:
        remedy = shape_remedy(labels, (rows, classes or 2), 1, "y")
        raise ValueError(f"y must have {axes} axes for this model, got {labels.shape}{remedy}")
    _check_labels(labels, dtype, classes, ignored)
    return {item.name: labels.astype(dtype)}


def _one_per_row(labels: Array, rows: int) -> Array:
    if not labels.ndim:
        raise ValueError(
            f"y must have one entry per row of X: expected {rows}, got the 0-d {labels!r}"
        )
    if len(labels) != rows:
        raise ValueError(f"y must have one entry per row of X: expected {rows}, got {len(labels)}")
    return labels


def _check_labels(
    labels: Array, dtype: np.dtype[Any], classes: int | None, ignored: Collection[int] | None
) -> None:
    """Refuse labels that are no class, and those that a conversion would wrap into another."""
    limits, wide = np.iinfo(dtype), labels.astype(object)
    legal = (wide >= limits.min) & (wide <= limits.max)
    what = f"does not fit the model's {dtype}"
    if classes and ignored is not None:
        legal = (wide >= 0) & (wide < classes)
        for label in ignored:
            legal = legal | (wide == label)
        what = f"is not in [0, {classes})"
    bad = np.argwhere(~legal.astype(bool))
    if bad.size:
        index = tuple(bad[0].tolist())
        raise IndexError(f"label {labels[index]} at index {index} {what}")
