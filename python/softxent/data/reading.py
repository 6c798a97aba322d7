"""The user's own data: arrays, tables as text or Arrow, and images as MNIST is distributed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from softxent._arguments.scalars import number, read_integer, shown
from softxent.data import arrays, classes
from softxent.data.arrow import from_arrow, from_parquet
from softxent.data.columns import Wanted, text_names
from softxent.data.dataset import Dataset, Samples
from softxent.data.formats import format_of
from softxent.data.missing import REMEDY, REMEDY_FOR_SAMPLES, check_policy
from softxent.data.source import Source
from softxent.data.table import Table
from softxent.data.text import TextOptions, read_text

__all__ = ["read", "read_features", "read_samples"]

_PathLike = str | os.PathLike[str]
_Columns = Sequence[str | int]
_ARRAYS = {"npz": arrays.from_npz, "npy": arrays.from_npy, "idx": arrays.from_idx}
_FRAMES = {"parquet": from_parquet, "arrow": from_arrow}


@dataclass(frozen=True)
class _File:
    """The contents of one file, in the form of `Dataset.X`."""

    source: Source
    table: Table
    image_shape: tuple[int, ...] | None


def read(
    path: _PathLike,
    labels: _PathLike | int | None = None,
    *,
    class_names: Sequence[str] | None = None,
    num_classes: int | None = None,
    feature_names: Sequence[str] | None = None,
    features: _Columns = (),
    drop: _Columns = (),
    missing: str = "error",
    header: bool | None = None,
    sep: str | None = None,
    decimal: str = ".",
    comment: str | None = None,
    scale: float | None = None,
) -> Dataset:
    """
    Read a labelled data set from a file, or from a file of features and one of labels.

    Every row of the file is a sample, or there is an error with its line and column: nothing is
    ever left out without being told to.

    Parameters
    ----------
    path : str or os.PathLike
        The data, or "-" for standard input: a table as text (``.csv``, ``.tsv``, ``.txt``,
        ``.data``), Parquet, Feather or Arrow (these need pyarrow), ``.npz``, ``.npy``, or IDX as
        MNIST is distributed. The first bytes decide before the name does; gzip is unpacked.
    labels : str, os.PathLike or int, optional
        Where the labels are. Tables: the column, by name or position; the last by default, or the
        last that is no feature of `feature_names`. ``.npz``: the name of the array; by default the
        partner in X/y, x/y, data/target, images/labels, x_train/y_train or x_test/y_test.
        ``.npy``: the second file. IDX: the second file, by default the one beside `path` with
        "labels-idx1" in its name for "images-idx3".
    class_names : sequence of str, optional
        The classes in order, those of a network for instance, in which labels are looked up: text
        always; whole numbers if all the names are texts of whole numbers, while they are indices
        if the names are words. By default whole numbers that are exactly 0 to C-1 are indices;
        of other labels the distinct values are the classes, in numeric or sorted order.
    num_classes : int, optional
        Take whole numbers as class indices below this number, whichever of them occur.
    feature_names : sequence of str, optional
        The features in order, those of a network for instance. The columns of a table with names
        are matched with them: in any order, further ones are left out.
    features, drop : sequence of str or int, optional
        The columns that are features, and columns that are left out, by name or position. For
        ``.npz``, `features` holds the name of one array.
    missing : {"error", "drop", "mean"}
        What becomes of missing features, such as an empty field, NA or NaN: an error, the row is
        left out, or the mean of the column takes their place. A missing label is always an error.
    header : bool, optional
        Text: whether the first line names the columns. By default it does if none of its features
        is a number, or if it counts the columns 0, 1, 2, ….
    sep : str, optional
        Text: the delimiter, one character, "tab" or "blanks". By default the one of tab, ";",
        "|", "," and blanks that splits the first rows evenly.
    decimal : {".", ","}
        Text: the decimal sign.
    comment : str, optional
        Text: the character that starts a comment.
    scale : float, optional
        Factor on the features. The default is 1/255 for images of 8-bit integers (IDX, or an
        array of shape (n, height, width)), and 1 for everything else.

    Returns
    -------
    Dataset
        With X of float32 and y of int64. Arrays of shape (n, height, width) are flattened and
        their image shape is kept. What was found out and may surprise is in its `notes`.

    Raises
    ------
    FileNotFoundError
        If a file does not exist.
    ImportError
        If a package is needed for the format and not installed.
    ValueError
        If the format is unknown, a file is damaged or holds Python objects, a row is too short or
        too long, columns, arrays or labels are not there, shapes or lengths disagree, a feature is
        not a finite real number, or a label is missing or is not one of the classes. The message
        has the value and its place.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from softxent.data import read
    >>> path = pathlib.Path(tempfile.mkdtemp(), "animals.csv")
    >>> _ = path.write_text("legs,weight,kind\\n6,0.01,ant\\n4,4.5,cat\\n")
    >>> data = read(path)
    >>> data.feature_names, data.class_names, data.y
    (('legs', 'weight'), ('ant', 'cat'), array([0, 1]))
    """
    if class_names is not None:
        class_names = text_names("class_names", class_names)
    wanted = Wanted(_label(labels), features, drop, None, feature_names)
    file = _read(path, wanted, TextOptions(header, sep, decimal, comment), missing, scale)
    if file.image_shape is not None and len(file.image_shape) > 2:
        shape = (len(file.table.X), *file.image_shape)
        raise ValueError(
            f"{file.source.name}: features must have shape (n, features) or (n, height, width), "
            f"got {shape}"
        )
    table = file.table
    if table.labels is None:
        raise ValueError(
            f"{file.source.name} has no labels where they are looked for; pass labels=NAME"
        )
    if class_names is not None:
        y, names = classes.looked_up(table.labels, class_names), tuple(class_names)
    elif num_classes is not None:
        y, names = classes.numbered(table.labels, num_classes)
    else:
        y, names, notes = classes.learned(table.labels)
        table = table.noted(*notes)
    return Dataset(
        name=file.source.stem,
        X=table.X,
        y=y,
        class_names=names,
        image_shape=file.image_shape,
        feature_names=table.feature_names,
        notes=table.notes,
    )


def read_samples(
    path: _PathLike,
    labels: _PathLike | int | None = None,
    *,
    class_names: Sequence[str] | None = None,
    num_classes: int | None = None,
    feature_names: Sequence[str] | None = None,
    features: _Columns = (),
    drop: _Columns = (),
    id: str | int | None = None,
    with_labels: bool = False,
    missing: str = "error",
    header: bool | None = None,
    sep: str | None = None,
    decimal: str = ".",
    comment: str | None = None,
    scale: float | None = None,
) -> Samples:
    """
    Read samples for a network that is there already; labels are optional.

    Parameters
    ----------
    path, class_names, num_classes, feature_names, features, drop, missing, header, sep, decimal, \
comment, scale
        As for `read`. Without `class_names` and `num_classes`, labels are class indices.
    labels : str, os.PathLike or int, optional
        Where the labels are, as for `read`. None looks for them only under `with_labels`.
    id : str or int, optional
        A column of a table that is kept as text, and is no feature.
    with_labels : bool
        Whether labels are looked for in their default places; there need not be any.

    Returns
    -------
    Samples
        One row for every row of the file.

    Raises
    ------
    FileNotFoundError, ImportError, ValueError
        As for `read`; also ValueError for `missing="drop"`, after which the rows would be others.

    Examples
    --------
    >>> import os, tempfile
    >>> from softxent.data import read_samples
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "bees.csv")
    ...     with open(path, "w") as file:
    ...         print("legs,weight,kind", "6,0.1,bee", "4,4000,cat", sep=chr(10), file=file)
    ...     samples = read_samples(path, "kind", class_names=("ant", "bee", "cat"))
    >>> samples.X.shape, samples.y, samples.feature_names
    ((2, 2), array([1, 2]), ('legs', 'weight'))
    """
    if missing == "drop":
        raise ValueError(
            "missing must be 'error' or 'mean' where every row of the input needs a result, "
            "got 'drop'"
        )
    if class_names is not None:
        class_names = text_names("class_names", class_names)
    wanted = Wanted(_label(labels), features, drop, id, feature_names, with_labels)
    options = TextOptions(header, sep, decimal, comment)
    try:
        file = _read(path, wanted, options, missing, scale)
    except ValueError as error:
        message = str(error)
        if REMEDY not in message:
            raise
        raise ValueError(message.replace(REMEDY, REMEDY_FOR_SAMPLES)) from None
    y = None
    if file.table.labels is not None:
        if class_names is not None:
            y = classes.looked_up(file.table.labels, class_names)
        else:
            y = classes.indices(file.table.labels, num_classes)
    return Samples(
        name=file.source.stem,
        X=file.table.X,
        y=y,
        feature_names=file.table.feature_names,
        ids=file.table.ids,
        id_name=file.table.id_name,
        image_shape=file.image_shape,
        notes=file.table.notes,
    )


def read_features(
    path: _PathLike,
    *,
    feature_names: Sequence[str] | None = None,
    features: _Columns = (),
    drop: _Columns = (),
    missing: str = "error",
    header: bool | None = None,
    sep: str | None = None,
    decimal: str = ".",
    comment: str | None = None,
    scale: float | None = None,
) -> np.ndarray:
    """
    Read features without labels, for prediction.

    Parameters
    ----------
    path : str or os.PathLike
        The data, in the formats of `read`. Every column of a table is a feature, unless
        `feature_names`, `features` or `drop` say otherwise.
    feature_names, features, drop, missing, header, sep, decimal, comment, scale
        As for `read_samples`.

    Returns
    -------
    ndarray of float32, shape (n, features)
        The features.

    Raises
    ------
    FileNotFoundError, ImportError, ValueError
        As for `read_samples`.

    Examples
    --------
    >>> import os, tempfile
    >>> from softxent.data import read_features
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "bees.csv")
    ...     with open(path, "w") as file:
    ...         print("legs,weight,kind", "6,0.1,bee", "4,4000,cat", sep=chr(10), file=file)
    ...     read_features(path, drop=["kind"]).shape
    (2, 2)
    """
    return read_samples(
        path,
        feature_names=feature_names,
        features=features,
        drop=drop,
        missing=missing,
        header=header,
        sep=sep,
        decimal=decimal,
        comment=comment,
        scale=scale,
    ).X


def _label(labels: _PathLike | int | None) -> str | int | None:
    if labels is None:
        return None
    position = read_integer(labels)
    if position is not None:
        return position
    if not isinstance(labels, (str, os.PathLike)):
        raise TypeError(f"labels must be a name, a position or a file, got {shown(labels)}")
    return os.fspath(labels)


def _read(
    path: _PathLike, wanted: Wanted, options: TextOptions, missing: str, scale: float | None
) -> _File:
    """Read a file of any format."""
    check_policy(missing)
    if scale is not None:
        scale = number("scale", scale, 0, open_low=True)
    source = Source(path)
    kind = format_of(source)
    _check_options(kind, wanted, options, source.name)
    if kind == "text":
        table = read_text(source, options, wanted, missing)
    elif kind in _FRAMES:
        table = _FRAMES[kind](source, wanted)
    else:
        table = _ARRAYS[kind](source, wanted)
    table, image_shape = arrays.features(table, source.name, scale, missing)
    return _File(source, table, image_shape)


def _check_options(kind: str, wanted: Wanted, options: TextOptions, source: str) -> None:
    """Refuse options that a format knows nothing of: they would be ignored without a word."""
    given = []
    if kind != "text":
        given += [f.name for f in fields(options) if getattr(options, f.name) != f.default]
    if kind in _ARRAYS:
        given += [name for name in ("drop", "id") if getattr(wanted, name) not in (None, (), [])]
        if len(wanted.features) > (kind == "npz"):
            given.append("features")
    if given:
        raise ValueError(f"{source}: {given[0]}=… is not for {kind} files")
