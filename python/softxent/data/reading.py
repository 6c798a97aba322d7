"""The user's own data: .npz, .npy, .csv, and .idx as MNIST is distributed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from softxent._npz import read_npy, read_npz
from softxent.data import _arrays
from softxent.data._csv import read_csv
from softxent.data._idx import read_idx
from softxent.data.dataset import Dataset

__all__ = ["read", "read_features"]

_PAIRS = (("X", "y"), ("x", "y"), ("data", "target"), ("images", "labels"), ("x_train", "y_train"))
_PathLike = str | os.PathLike[str]


def read(
    path: _PathLike,
    labels: _PathLike | int | None = None,
    *,
    header: bool | None = None,
    class_names: Sequence[str] | None = None,
    scale: float | None = None,
) -> Dataset:
    """
    Read a labelled data set from a file, or from a file of features and one of labels.

    Parameters
    ----------
    path : str or os.PathLike
        The data. Its ending decides how it is read: ``.npz``, ``.npy``, ``.csv`` / ``.tsv`` /
        ``.txt`` (also ``.gz``), and IDX as ``.idx``, ``.idx.gz`` or with MNIST's own names
        ("train-images-idx3-ubyte", "train-images-idx3-ubyte.gz").
    labels : str, os.PathLike or int, optional
        Where the labels are. ``.npz``: the name of the array (default: the partner in X/y, x/y,
        data/target, images/labels or x_train/y_train). ``.npy``: the second file (required).
        CSV: the column, by name or position (default: the last). IDX: the second file (default:
        the file beside `path` with "images-idx3" in its name replaced by "labels-idx1").
    header : bool, optional
        For CSV: whether the first line names the columns. By default it does if none of its
        features is a number.
    class_names : sequence of str, optional
        The classes in order. Needed to read a test set that must agree with a training set: by
        default text labels are numbered in sorted order of those that occur, and the names of
        integer labels are "0", "1", … up to the largest.
    scale : float, optional
        Factor on the features. The default is 1/255 for images of 8-bit integers (IDX, or an
        array of shape (n, height, width)), and 1 for everything else.

    Returns
    -------
    Dataset
        With X of float32 and y of int64. Arrays of shape (n, height, width) are flattened and
        their image shape is kept.

    Raises
    ------
    FileNotFoundError
        If a file does not exist.
    ValueError
        If the ending is unknown, a file is damaged or holds Python objects, the label column or
        array does not exist, shapes or lengths disagree, a feature is not a finite real number,
        or a label is not a whole number ≥ 0 or not one of `class_names`. The message has the
        value and its place.
    """
    path = _existing(path)
    X, y = _READERS[_kind(path)](path, labels, header)
    if y is None:
        raise ValueError(f"{path} has no labels")
    features, image_shape = _arrays.features(X, str(path), scale)
    indices, names = _arrays.labels(y, len(features), str(path), class_names)
    return Dataset(path.name.partition(".")[0], features, indices, names, image_shape)


def read_features(
    path: _PathLike, *, header: bool | None = None, scale: float | None = None
) -> np.ndarray:
    """
    Read features without labels, for prediction.

    Parameters
    ----------
    path : str or os.PathLike
        The data, in the formats of `read`. Every column of a CSV file is a feature; of a
        ``.npz`` file with several arrays the one is taken that `read` would take.
    header, scale
        As for `read`.

    Returns
    -------
    ndarray of float32, shape (n, features)
        The features.

    Raises
    ------
    FileNotFoundError, ValueError
        As for `read`.
    """
    path = _existing(path)
    X = _FEATURE_READERS[_kind(path)](path, header)
    return _arrays.features(X, str(path), scale)[0]


def _existing(path: _PathLike) -> Path:
    """Return the path of a file that exists."""
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {str(path)!r}")
    return path


def _kind(path: Path) -> str:
    """Name the format of a file."""
    name = path.name.lower().removesuffix(".gz")
    if name.endswith((".npz", ".npy")) and name == path.name.lower():
        return name[-3:]
    if name.endswith((".csv", ".tsv", ".txt")):
        return "csv"
    if name.endswith(".idx") or "-idx" in name:
        return "idx"
    raise ValueError(
        f"{path}: unknown ending {path.suffix!r}; expected .npz, .npy, .csv, .tsv, .txt or .idx "
        "(the last four also with .gz)"
    )


_Raw = tuple[np.ndarray, np.ndarray | None]


def _from_npz(path: Path, labels: _PathLike | int | None, header: bool | None) -> _Raw:
    arrays = read_npz(path)
    if labels is None:
        X_name, y_name = _pair(arrays, path)
        return arrays[X_name], arrays[y_name]
    y_name = str(labels)
    if y_name not in arrays:
        raise ValueError(f"{path}: no array {y_name!r}; it has {', '.join(arrays)}")
    others = [name for name in arrays if name != y_name]
    if len(others) != 1:
        known = dict((y, X) for X, y in reversed(_PAIRS) if X in arrays)
        others = [known[y_name]] if y_name in known else others
    if len(others) != 1:
        raise ValueError(f"{path}: cannot tell which array has the features: {', '.join(others)}")
    return arrays[others[0]], arrays[y_name]


def _pair(arrays: dict[str, np.ndarray], path: Path) -> tuple[str, str]:
    """Find features and labels by name."""
    for pair in _PAIRS:
        if pair[0] in arrays and pair[1] in arrays:
            return pair
    raise ValueError(
        f"{path}: expected arrays {', '.join(f'{X}/{y}' for X, y in _PAIRS)}; "
        f"it has {', '.join(arrays) or 'none'}"
    )


def _from_npy(path: Path, labels: _PathLike | int | None, header: bool | None) -> _Raw:
    if labels is None or isinstance(labels, int):
        raise ValueError(f"{path}: a .npy file needs a second file with the labels, got {labels!r}")
    return read_npy(path), read_npy(_existing(labels))


def _from_csv(path: Path, labels: _PathLike | int | None, header: bool | None) -> _Raw:
    column = -1 if labels is None else labels if isinstance(labels, int) else str(labels)
    table = read_csv(path, column, header)
    return table.values, table.labels


def _from_idx(path: Path, labels: _PathLike | int | None, header: bool | None) -> _Raw:
    if labels is None:
        labels = path.with_name(path.name.replace("images-idx3", "labels-idx1"))
        if labels == path or not labels.is_file():
            raise ValueError(f"{path}: an IDX file needs a second file with the labels")
    return read_idx(path), read_idx(_existing(str(labels)))


def _features_of_npz(path: Path, header: bool | None) -> np.ndarray:
    arrays = read_npz(path)
    for name in (*(X for X, _ in _PAIRS), *(arrays if len(arrays) == 1 else ())):
        if name in arrays:
            return arrays[name]
    raise ValueError(f"{path}: cannot tell which array has the features: {', '.join(arrays)}")


_READERS = {"npz": _from_npz, "npy": _from_npy, "csv": _from_csv, "idx": _from_idx}
_FEATURE_READERS = {
    "npz": _features_of_npz,
    "npy": lambda path, header: read_npy(path),
    "csv": lambda path, header: read_csv(path, None, header).values,
    "idx": lambda path, header: read_idx(path),
}
