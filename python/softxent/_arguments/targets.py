"""Targets of the multi-class losses: class indices or class probabilities, told apart by dtype."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from softxent._core.errors import label_error

from .arrays import as_array, is_float
from .remedies import dtype_remedy, shape_remedy

__all__ = ["Target", "read_target"]

_INT64_MAX = np.iinfo(np.int64).max


class Target(NamedTuple):
    """Either `labels`, one int64 per row, or `probs` in the shape and dtype of the logits."""

    labels: Any
    probs: Any


def read_target(target: Any, logits: np.ndarray, axis: int, has_axis: bool = True) -> Target:
    """
    Read targets for logits whose classes lie along `axis`.

    `has_axis`: whether the caller may give another one, which an error then says.

    Raises
    ------
    TypeError
        For bools and every other dtype that is neither an integer nor a float.
    ValueError
        For a wrong shape.
    IndexError
        For a label that does not even fit int64.
    """
    array = as_array(target, "target")
    if array.dtype.kind in "iu":
        return Target(_labels(array, logits.shape, axis, has_axis), None)
    if is_float(array.dtype) or array.dtype.kind == "f":
        return Target(None, _probabilities(array, logits, axis, has_axis))
    raise TypeError(
        f"target has dtype {array.dtype}; expected integers (class indices) "
        f"or floats (class probabilities)" + dtype_remedy(array, "target", logits.shape, axis)
    )


def _labels(array: np.ndarray, shape: tuple[int, ...], axis: int, has_axis: bool) -> np.ndarray:
    rows = shape[:axis] + shape[axis + 1 :]
    if array.shape != rows:
        raise ValueError(
            f"target of class indices has shape {array.shape}; expected {rows}, "
            f"the shape {shape} of the logits without axis {axis}"
            f"{shape_remedy(array, shape, axis, has_axis=has_axis)}"
        )
    if array.dtype.kind == "u" and array.dtype.itemsize == 8:
        # Beyond int64 a cast would wrap into the negative numbers, where ignore_index lives.
        beyond = np.flatnonzero(array > _INT64_MAX)
        if beyond.size:
            row = int(beyond[0])
            raise label_error(int(array.reshape(-1)[row]), row, shape, axis)
    return np.require(array, np.int64, ("C", "A"))  # np.asarray keeps what is not aligned


def _probabilities(array: np.ndarray, logits: np.ndarray, axis: int, has_axis: bool) -> np.ndarray:
    if array.shape != logits.shape:
        raise ValueError(
            f"target of dtype {array.dtype} holds class probabilities and has shape "
            f"{array.shape}; expected the logits' shape {logits.shape} "
            f"(class indices must be integers)"
            f"{shape_remedy(array, logits.shape, axis, has_axis=has_axis)}"
        )
    with np.errstate(all="ignore"):
        return array.astype(logits.dtype, copy=False)
