"""Arrays of .npz, .npy and IDX files, and features in the form of a Dataset."""

from __future__ import annotations

import numpy as np

from softxent._files.npz import npy_array, npz_arrays
from softxent.data.columns import Wanted
from softxent.data.formats import format_of
from softxent.data.idx import label_file, read_idx
from softxent.data.labels import Labels
from softxent.data.missing import settle
from softxent.data.source import Source
from softxent.data.table import Table

__all__ = ["features", "from_idx", "from_npy", "from_npz"]

_PAIRS = (
    ("X", "y"),
    ("x", "y"),
    ("data", "target"),
    ("images", "labels"),
    ("x_train", "y_train"),
    ("x_test", "y_test"),
    ("X_train", "y_train"),
    ("X_test", "y_test"),
)


def from_npz(source: Source, wanted: Wanted) -> Table:
    """
    Take features and labels from the arrays of a .npz file.

    Raises
    ------
    ValueError
        If the file is damaged, the arrays that are asked for are not there, or it is not clear
        which ones are meant; the message names the choice.
    """
    with source.seekable() as stream:
        arrays = npz_arrays(stream, source.name)
    X_name, y_name, notes = _chosen(arrays, wanted, source.name)
    labels = None
    if y_name is not None:
        labels = Labels.of_array(arrays[y_name], f"{source.name}: array {y_name!r}")
    return Table(arrays[X_name], labels, notes=notes)


def from_npy(source: Source, wanted: Wanted) -> Table:
    """Take features from a .npy file, and labels from the file that `wanted.label` names."""
    with source.seekable() as stream:
        X = npy_array(stream, source.name)
    if wanted.label is None and not wanted.with_labels:
        return Table(X)
    if not isinstance(wanted.label, str):
        raise ValueError(
            f"{source.name}: a .npy file needs a second file with the labels: pass labels=FILE"
        )
    return Table(X, _label_array(wanted.label))


def from_idx(source: Source, wanted: Wanted) -> Table:
    """Take features from an IDX file, and labels from a second one, by default the one beside."""
    X = read_idx(source)
    if wanted.label is None and not wanted.with_labels:
        return Table(X)
    path = wanted.label if wanted.label is not None else label_file(source.path)
    if path is None or isinstance(path, int):
        raise ValueError(
            f"{source.name}: an IDX file needs a second file with the labels: pass labels=FILE"
        )
    return Table(X, _label_array(str(path)))


def _label_array(path: str) -> Labels:
    """Read a file of labels."""
    source = Source(path)
    kind = format_of(source)
    if kind == "idx":
        return Labels.of_array(read_idx(source), source.name)
    if kind != "npy":
        raise ValueError(f"{source.name}: labels of their own file must be npy or idx, got {kind}")
    with source.seekable() as stream:
        return Labels.of_array(npy_array(stream, source.name), source.name)


def _chosen(
    arrays: dict[str, np.ndarray], wanted: Wanted, source: str
) -> tuple[str, str | None, tuple[str, ...]]:
    """Return the names of the arrays with features and labels, and a line on what else is there."""
    pairs = [pair for pair in _PAIRS if pair[0] in arrays and pair[1] in arrays]
    y_name = None if wanted.label is None else str(wanted.label)
    for name in (y_name, *map(str, wanted.features)):
        if name is not None and name not in arrays:
            raise ValueError(f"{source}: no array {name!r}; it has {', '.join(arrays)}")
    if wanted.features:
        X_name = str(wanted.features[0])
        partner = [y for X, y in pairs if X_name == X]
        if y_name is None and wanted.with_labels and partner:
            y_name = partner[0]
        return X_name, y_name, ()
    if y_name is not None:
        return _partner(arrays, pairs, y_name, source), y_name, ()
    if not wanted.with_labels:
        return _features_alone(arrays, pairs, source), None, ()
    if not pairs:
        raise ValueError(
            f"{source}: expected arrays {', '.join(f'{X}/{y}' for X, y in _PAIRS[:5])}; "
            f"it has {', '.join(arrays) or 'none'}{_by_name(arrays)}"
        )
    (X_name, y_name), others = pairs[0], [y for _, y in pairs[1:] if y != pairs[0][1]]
    notes = tuple(
        f"{X_name} is read with {y_name} (labels={y} reads the other part)" for y in others
    )
    return X_name, y_name, notes


def _by_name(arrays: dict[str, np.ndarray]) -> str:
    return "; pass features=[NAME] and labels=NAME to take others" if len(arrays) > 1 else ""


def _partner(
    arrays: dict[str, np.ndarray], pairs: list[tuple[str, str]], y_name: str, source: str
) -> str:
    """Return the array of features that belongs to labels."""
    known = [X for X, y in pairs if y == y_name]
    others = [name for name in arrays if name != y_name]
    if not known and len(others) != 1:
        raise ValueError(
            f"{source}: cannot tell which array has the features: {', '.join(others)}; "
            "pass features=[NAME]"
        )
    return known[0] if known else others[0]


def _features_alone(
    arrays: dict[str, np.ndarray], pairs: list[tuple[str, str]], source: str
) -> str:
    """Return the array with the features where labels are not asked for."""
    known = list(dict.fromkeys(X for X, _ in (pairs or _PAIRS) if X in arrays))
    if len(arrays) == 1:
        known = list(arrays)
    if len(known) != 1:
        raise ValueError(
            f"{source}: cannot tell which array has the features: "
            f"{', '.join(known or arrays)}; pass features=[NAME]"
        )
    return known[0]


def features(
    table: Table, source: str, scale: float | None, missing: str
) -> tuple[Table, tuple[int, ...] | None]:
    """
    Bring features into the form of `Dataset.X`.

    Parameters
    ----------
    table : Table
        What the file holds.
    source : str
        The file, for error messages.
    scale : float, optional
        Factor on every value; None means 1/255 for 8-bit images and 1 for everything else.
    missing : {"error", "drop", "mean"}
        What becomes of NaN.

    Returns
    -------
    table : Table
        The same with X of float32, shape (n, features), C-contiguous.
    image_shape : tuple of int or None
        Of images: (height, width), or with channels as they are in the file.

    Raises
    ------
    ValueError
        If the dtype is not numeric, the shape is another one, there are no samples or no
        features, the number of labels is another one, or a value is NaN or infinite or does not
        fit float32; the message has its position.
    """
    array = table.X
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{source}: features must be real numbers, got dtype {array.dtype}")
    if array.ndim < 2:
        raise ValueError(
            f"{source}: features must have shape (n, features) or (n, height, width), "
            f"got {array.shape}"
        )
    if array.size == 0:
        raise ValueError(f"{source}: there are no features in an array of shape {array.shape}")
    if table.labels is not None and len(table.labels) != len(array):
        raise ValueError(f"{source}: {len(table.labels)} labels for {len(array)} samples")
    image_shape = array.shape[1:] if array.ndim > 2 else None
    if scale is None:
        scale = 1 / 255 if image_shape and array.dtype == np.uint8 else 1.0

    def place(row: int, column: int) -> str:
        names = table.feature_names
        return f"sample {row}, {f'column {names[column]}' if names else f'feature {column}'}"

    flat = array.reshape(len(array), -1)
    with np.errstate(over="ignore"):
        X = np.ascontiguousarray(flat, dtype=np.float32)
        if scale != 1.0:
            X = X * np.float32(scale)
    absent = np.isnan(X) if missing != "error" else False
    bad = np.argwhere(~(np.isfinite(X) | absent))
    if bad.size:
        row, column = bad[0].tolist()
        value = flat[row, column]
        hint = (
            "; missing='drop' leaves out such rows, missing='mean' takes the mean of the column"
            if value != value
            else ""
        )
        raise ValueError(
            f"{source}: the value {value} of {place(row, column)} is not a finite float32 "
            f"number{hint}"
        )
    X, kept, notes = settle(X, missing, lambda row, column: f"{source}, {place(row, column)}")
    return table.taken(kept, X).noted(*notes), image_shape
