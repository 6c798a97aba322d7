"""Parquet, Feather and Arrow files, read through pyarrow."""

from __future__ import annotations

from typing import Any

import numpy as np

from softxent._machine.optional import require
from softxent.data.columns import Wanted, choose
from softxent.data.frames import Frame, as_frame, plain_labels
from softxent.data.labels import Labels
from softxent.data.source import Source
from softxent.data.table import Table

__all__ = ["from_arrow", "from_frame", "from_parquet"]

_STREAM = b"\xff\xff\xff\xff"


def from_parquet(source: Source, wanted: Wanted) -> Table:
    """
    Read a Parquet file.

    Raises
    ------
    ImportError
        If pyarrow is not installed.
    ValueError
        If the file is damaged, or its columns are not as `from_frame` wants them.
    """
    parquet = require("pyarrow.parquet", "tables", "a Parquet file")
    # A file object, so that no folder of a data set is looked for beside the file.
    return _read(lambda stream: parquet.ParquetFile(stream).read(), source, wanted)


def from_arrow(source: Source, wanted: Wanted) -> Table:
    """
    Read a Feather file of either version, or an Arrow IPC file or stream.

    Raises
    ------
    ImportError, ValueError
        As `from_parquet`.
    """
    feather = require("pyarrow.feather", "tables", "an Arrow file")
    ipc = require("pyarrow.ipc", "tables", "an Arrow file")
    if source.head(len(_STREAM)) == _STREAM:
        return _read(lambda stream: ipc.open_stream(stream).read_all(), source, wanted)
    return _read(feather.read_table, source, wanted)


def _read(reader: Any, source: Source, wanted: Wanted) -> Table:
    arrow = require("pyarrow", "tables", "an Arrow file")
    try:
        with source.seekable() as stream:
            table = reader(stream)
            # What a damaged file says about its strings would otherwise be believed; names of
            # columns are decoded where they are asked for.
            table.validate(full=True)
            frame = as_frame(table)
    except (arrow.ArrowException, OSError, MemoryError, UnicodeDecodeError) as error:
        reason = str(error) or "it asks for more memory than there is"
        raise ValueError(f"{source.name} cannot be read as an Arrow table: {reason}") from error
    assert frame is not None
    return from_frame(frame, wanted, source.name)


def from_frame(frame: Frame, wanted: Wanted, source: str) -> Table:
    """
    Take features, labels and identifiers from the columns of a table in memory.

    Raises
    ------
    ValueError
        If a column is not there or a feature holds no real numbers, or as `Labels.of_array`.
    """
    columns = choose(frame.names, frame.width, wanted, source, index=_may_be_index(frame))
    try:
        X = frame.numbers(columns.features, f"{source}: features")
    except TypeError as error:
        raise ValueError(str(error)) from error
    labels = None
    if columns.label is not None:
        name = columns.label if frame.names is None else repr(frame.names[columns.label])
        values = np.asarray(plain_labels(frame.column(columns.label)))
        labels = Labels.of_array(values, f"{source}: column {name}")
    names = frame.names and tuple(frame.names[at] for at in columns.features)
    if columns.id is None:
        return Table(X, labels, names, notes=columns.notes)
    ids = np.array([str(value) for value in np.asarray(frame.column(columns.id)).tolist()], object)
    id_name = str(columns.id) if frame.names is None else frame.names[columns.id]
    return Table(X, labels, names, ids, id_name, columns.notes)


def _may_be_index(frame: Frame) -> bool:
    return frame.width > 0 and np.asarray(frame.column(0)).dtype.kind in "iuO"
