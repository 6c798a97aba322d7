"""Raw arrays from a file checked and brought into the form of a Dataset."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

__all__ = ["features", "integer_labels", "labels"]

# Class names are made for every class up to the largest label: a stray huge label must not ask
# for gigabytes of them.
_MAX_CLASSES = 2**20


def features(
    array: np.ndarray, source: str, scale: float | None
) -> tuple[np.ndarray, tuple[int, int] | None]:
    """
    Bring features into the form of `Dataset.X`.

    Parameters
    ----------
    array : ndarray of bool, integers or floats, shape (n, features) or (n, height, width)
        What the file holds.
    source : str
        The file, for error messages.
    scale : float, optional
        Factor on every value; None means 1/255 for 8-bit images and 1 for everything else.

    Returns
    -------
    X : ndarray of float32, shape (n, features)
        The features.
    image_shape : tuple of int or None
        (height, width) of images.

    Raises
    ------
    ValueError
        If the dtype is not numeric, the shape is another one, there are no samples or no
        features, or a value is NaN or infinite or does not fit float32; the message has its
        position.
    """
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{source}: features must be real numbers, got dtype {array.dtype}")
    if array.ndim not in (2, 3):
        raise ValueError(
            f"{source}: features must have shape (n, features) or (n, height, width), "
            f"got {array.shape}"
        )
    if array.size == 0:
        raise ValueError(f"{source}: there are no features in an array of shape {array.shape}")
    image_shape = (array.shape[1], array.shape[2]) if array.ndim == 3 else None
    if scale is None:
        scale = 1 / 255 if image_shape and array.dtype == np.uint8 else 1.0
    flat = array.reshape(len(array), -1)
    with np.errstate(over="ignore"):
        X = np.ascontiguousarray(flat, dtype=np.float32)
        if scale != 1.0:
            X = X * np.float32(scale)
    _check_finite(X, flat, source)
    return X, image_shape


def labels(
    array: np.ndarray, count: int, source: str, class_names: Sequence[str] | None
) -> tuple[np.ndarray, tuple[str, ...]]:
    """
    Bring labels into the form of `Dataset.y` and `Dataset.class_names`.

    Parameters
    ----------
    array : ndarray of integers, whole floats or text, shape (n,) or (n, 1)
        What the file holds. Integers are class indices as they are. Text is looked up in
        `class_names`, by default the sorted set of what occurs.
    count : int
        Number of samples there must be a label for.
    source : str
        The file, for error messages.
    class_names : sequence of str, optional
        The classes, in order.

    Returns
    -------
    y : ndarray of int64, shape (n,)
        The class indices.
    class_names : tuple of str
        The classes; "0", "1", … up to the largest label if none are known.

    Raises
    ------
    ValueError
        If the dtype is neither numeric nor text, the shape or the number of labels is wrong, or a
        label is not a whole number, is negative, or is not among `class_names`; the message has
        its position.
    """
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise ValueError(f"{source}: labels must have shape (n,), got {array.shape}")
    if len(array) != count:
        raise ValueError(f"{source}: {len(array)} labels for {count} samples")
    if array.dtype.kind in "US":
        return _named(array.astype(np.str_), source, class_names)
    y = integer_labels(array, source)
    if class_names is None:
        class_names = [str(label) for label in range(int(y.max(initial=-1)) + 1)]
    _refuse(y >= len(class_names), y, f"there are {len(class_names)} classes", source)
    return y, tuple(class_names)


def integer_labels(array: np.ndarray, source: str) -> np.ndarray:
    """Return labels as int64, or raise as `labels` does; a bool is the class 0 or 1."""
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{source}: labels must be integers or text, got dtype {array.dtype}")
    if array.dtype.kind == "f":
        _refuse(~(array == np.floor(array)), array, "labels must be whole numbers", source)
    _refuse(array < 0, array, "labels count from 0", source)
    _refuse(array >= _MAX_CLASSES, array, f"labels must be below {_MAX_CLASSES}", source)
    return array.astype(np.int64)


def _named(
    array: np.ndarray, source: str, class_names: Sequence[str] | None
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Turn text labels into indices."""
    names, y = np.unique(array, return_inverse=True)
    if class_names is None:
        return y.astype(np.int64), tuple(names.tolist())
    index = {name: position for position, name in enumerate(class_names)}
    known = np.array([index.get(name, -1) for name in names.tolist()], dtype=np.int64)
    y = known[y]
    _refuse(y < 0, array, f"the classes are {', '.join(class_names)}", source)
    return y, tuple(class_names)


def _refuse(bad: np.ndarray, array: np.ndarray, reason: str, source: str) -> None:
    """Raise for the first label where `bad` is true."""
    positions = np.flatnonzero(bad)
    if positions.size:
        value = array[positions[0]].item()
        raise ValueError(f"{source}: label {value!r} of sample {positions[0]}: {reason}")


def _check_finite(X: np.ndarray, original: np.ndarray, source: str) -> None:
    """Raise for the first value that is NaN, infinite or too large for float32."""
    positions = np.argwhere(~np.isfinite(X))
    if positions.size:
        row, column = positions[0].tolist()
        raise ValueError(
            f"{source}: the value {original[row, column]} of sample {row}, feature {column} "
            "is not a finite float32 number"
        )
