"""Errors inside tasks: what is wrong with a chunk, told by its position in the whole array."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["check_binary_targets", "check_dtype", "check_labels", "check_weights"]

Position = tuple[int, ...]


def _first(wrong: np.ndarray) -> Position | None:
    found = np.argwhere(wrong)
    return tuple(int(k) for k in found[0]) if len(found) else None


def _lies_between(array: np.ndarray, least: float, below: float) -> bool:
    """Whether all elements do, without memory for each of them; NaN does not."""
    once = array[tuple(slice(1) if step == 0 else slice(None) for step in array.strides)]
    with np.errstate(all="ignore"):
        return once.size == 0 or bool(least <= once.min() and once.max() < below)


def _moved(index: Position, start: Position) -> Position:
    return tuple(k + n for k, n in zip(index, start, strict=True))


def check_dtype(chunk: np.ndarray, name: str, expected: np.dtype) -> None:
    """TypeError for a chunk that has not the dtype that its array is said to have."""
    if chunk.dtype != expected:
        raise TypeError(
            f"{name} has dtype {chunk.dtype} in a chunk; expected {expected}, as the array says"
        )


def check_labels(labels: Any, classes: int, ignore_index: Any, start: Position) -> None:
    """IndexError for a label that is neither a class nor ignored, with its position."""
    array = np.asarray(labels)
    wrong = (array < 0) | (array >= classes)
    if ignore_index is not None:
        wrong &= array != ignore_index
    index = _first(wrong)
    if index is not None:
        raise IndexError(
            f"label {int(array[index])} at index {_moved(index, start)} is not in [0, {classes})"
        )


def check_weights(weights: Any, name: str, start: Position) -> None:
    """ValueError for a weight that is negative, infinite or NaN, with its position."""
    if weights is None:
        return
    array = np.asarray(weights)
    if _lies_between(array, 0, np.inf):
        return
    index = _first(~(np.isfinite(array) & (array >= 0)))
    if index is not None:
        place = list(_moved(index, start)) or ""
        raise ValueError(f"{name}{place} is {float(array[index])}; expected a finite number >= 0")


def check_binary_targets(target: Any, start: Position) -> None:
    """ValueError for an integer target that is neither 0 nor 1, with its position."""
    array = np.asarray(target)
    if array.dtype.kind not in "iu" or _lies_between(array, 0, 2):
        return
    index = _first((array != 0) & (array != 1))
    if index is not None:
        raise ValueError(f"target {array[index]} at index {_moved(index, start)} is not 0 or 1")
