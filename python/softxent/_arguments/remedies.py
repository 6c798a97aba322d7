"""What to write in the place of targets of a wrong shape or kind: the end of an error message."""

from __future__ import annotations

import math

import numpy as np

from .scalars import shown

__all__ = ["dtype_remedy", "reshaping", "shape_remedy"]


def shape_remedy(
    array: np.ndarray,
    shape: tuple[int, ...],
    axis: int,
    name: str = "target",
    has_axis: bool = False,
) -> str:
    """
    Find out what numeric targets of a wrong shape were meant to be.

    Parameters
    ----------
    array : ndarray
        The targets.
    shape : tuple of int
        Shape of the logits, whose classes lie along `axis`.
    axis : int
        The axis, counted from the front.
    name : str
        What the caller calls the targets.
    has_axis : bool
        Whether the caller may give another axis.

    Returns
    -------
    str
        "; pass …", or nothing if it cannot be told.
    """
    rows = shape[:axis] + shape[axis + 1 :]
    cast = "" if array.dtype.kind in "iu" else ".astype(int)"
    if cast and not _are_whole(array):
        return _instead_of_missing(array, name) if array.shape == rows else ""
    if array.shape == shape and not cast:
        return _instead_of_counts(array, axis, name)
    if array.shape == (*rows, shape[axis]) and _is_one_hot(array, -1):
        return f"; pass {name}.argmax(-1), the classes of one-hot rows"
    if array.shape == rows and cast:
        return f"; pass {name}{cast} if these are class indices"
    reshaped = reshaping(array.shape, rows, name)
    if reshaped:
        return f"; pass {reshaped}{cast}"
    for other, count in enumerate(shape if has_axis else ()):
        if other != axis and array.shape == shape[:other] + shape[other + 1 :]:
            return _other_axis(shape, other, count, name, cast)
    return ""


def dtype_remedy(
    array: np.ndarray, name: str = "target", shape: tuple[int, ...] = (), axis: int = -1
) -> str:
    """
    Say what to pass instead of targets that are no numbers.

    Parameters
    ----------
    array : ndarray
        The targets.
    name : str
        What the caller calls them.
    shape : tuple of int
        Shape of the logits.
    axis : int
        The axis of the classes.

    Returns
    -------
    str
        "; pass …", or nothing if it cannot be told.
    """
    if array.dtype.kind == "b" and array.ndim and array.shape == shape:
        return _instead_of_counts(array, axis % array.ndim, name)
    if array.dtype.kind == "b":
        return (
            f"; a bool is no class index: pass {name}.astype(int), or probabilities as floats, "
            f"{name}.astype(float)"
        )
    kinds = set(map(type, array.flat)) if array.dtype.kind == "O" else set()
    if array.dtype.kind in "US" or (kinds and all(issubclass(kind, str) for kind in kinds)):
        return f"; pass np.unique({name}, return_inverse=True)[1], which numbers the sorted names"
    if kinds and all(issubclass(kind, (int, np.integer)) for kind in kinds):
        huge = [label for label in array.flat if not -(2**63) <= label < 2**63]
        return f"; {shown(huge[0])} is no class index" if huge else f"; pass {name}.astype(int)"
    if type(None) in kinds:
        return f"; None is no label: leave such rows out{_or_ignored(name)}"
    return ""


def reshaping(shape: tuple[int, ...], wanted: tuple[int, ...], name: str) -> str:
    """Give the expression that drops or adds the axes of length 1 between two shapes, or ''."""
    if shape == (*wanted, 1):
        return {0: f"{name}[0]", 1: f"{name}[:, 0]"}.get(len(wanted), f"{name}[..., 0]")
    if shape == (1, *wanted):
        return f"{name}[0]"
    if [n for n in shape if n != 1] == [n for n in wanted if n != 1]:
        return f"{name}.reshape({wanted})"
    return ""


def _instead_of_counts(array: np.ndarray, axis: int, name: str) -> str:
    """For integers in the shape of the logits."""
    if _is_one_hot(array, axis):
        written = -1 if axis == array.ndim - 1 else axis
        return (
            f"; one-hot rows: pass {name}.argmax({written}), or {name}.astype(float) as class "
            "probabilities"
        )
    return f"; pass {name}.astype(float) if these are class probabilities"


def _or_ignored(name: str) -> str:
    """The other way, of the functions alone: networks know no ignored label."""
    return ", or give them the label ignore_index" if name == "target" else ""


def _instead_of_missing(array: np.ndarray, name: str) -> str:
    """For whole numbers and NaN, which is how tables hold labels that are missing."""
    missing = np.argwhere(np.isnan(array)) if array.dtype.kind == "f" else np.empty((0, 0))
    if not missing.size or not _are_whole(array[~np.isnan(array)]):
        return ""
    index = tuple(int(k) for k in missing[0])
    return f"; NaN at index {index} is no label: leave such rows out{_or_ignored(name)}"


def _other_axis(shape: tuple[int, ...], axis: int, count: int, name: str, cast: str) -> str:
    """For one label per row if the classes lay along another axis."""
    if count == 1:
        total = math.prod(shape)
        return (
            f"; logits of shape {shape} are one row of {total} classes and take one label: for "
            f"{total} samples pass logits of shape ({total}, C), or with one logit each "
            f"binary_cross_entropy(logits.reshape({total}), {name})"
        )
    also = f" and {name}{cast}" if cast else ""
    where = "axis 1, as in PyTorch" if axis == 1 else f"axis {axis}"
    return f"; pass axis={axis}{also} if the classes lie along {where}"


def _are_whole(array: np.ndarray) -> bool:
    if array.dtype.kind == "b":
        return True
    if array.dtype.kind != "f" and array.dtype.name != "bfloat16":
        return False
    with np.errstate(all="ignore"):
        return bool((array == np.floor(array)).all())


def _is_one_hot(array: np.ndarray, axis: int) -> bool:
    return bool(((array == 0) | (array == 1)).all() and (array.sum(axis) == 1).all())
