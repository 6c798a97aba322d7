"""Tables of numbers with a label column, as text."""

from __future__ import annotations

import csv
import gzip
import os
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import TextIO

import numpy as np

__all__ = ["Table", "read_csv"]

_DELIMITERS = ",;\t"


@dataclass(frozen=True)
class Table:
    """
    What a CSV file holds.

    Parameters
    ----------
    values : ndarray of float64, shape (n, columns)
        The features.
    labels : ndarray of float64 or text, shape (n,), or None
        The label column.
    columns : tuple of str or None
        The names of the features, if the file has a header.
    """

    values: np.ndarray
    labels: np.ndarray | None
    columns: tuple[str, ...] | None


@dataclass(frozen=True)
class _Layout:
    """Where things are in a file."""

    delimiter: str
    header: tuple[str, ...] | None
    width: int
    label: int | None
    text_labels: bool

    @property
    def features(self) -> list[int]:
        """Positions of the feature columns."""
        return [column for column in range(self.width) if column != self.label]


def read_csv(path: str | os.PathLike[str], label: str | int | None, header: bool | None) -> Table:
    """
    Read a table of numbers separated by commas, semicolons or tabs.

    Parameters
    ----------
    path : str or os.PathLike
        The file, UTF-8; it is decompressed if its name ends in ".gz".
    label : str, int or None
        The label column by name or position (-1 is the last), None if there is none.
    header : bool or None
        Whether the first line names the columns. None: it does if none of its features is a
        number.

    Returns
    -------
    Table
        The contents.

    Raises
    ------
    ValueError
        If the file is empty, is not text, a line has too few or too many fields, a field is not a
        number, or there is no label column of the given name; the message has line and column.
    OSError
        If the file cannot be opened.
    """
    try:
        layout = _layout(path, label, header)
        table, classes = _load(path, layout)
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 text: {error}") from error
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"{path} is a damaged gzip file: {error}") from error
    names = layout.header and tuple(layout.header[column] for column in layout.features)
    if layout.label is None:
        return Table(table, None, names)
    labels = table[:, layout.label]
    if layout.text_labels:
        labels = np.array(classes)[labels.astype(np.intp)]
        _check_text(labels.tolist(), path)
    return Table(np.delete(table, layout.label, axis=1), labels, names)


def _open(path: str | os.PathLike[str]) -> TextIO:
    """Open as text; a byte order mark, which spreadsheets write, is skipped."""
    if str(path).lower().endswith(".gz"):
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    return open(path, encoding="utf-8-sig", newline="")


def _layout(path: str | os.PathLike[str], label: str | int | None, header: bool | None) -> _Layout:
    """Find the delimiter, the header and the label column from the first two lines."""
    with _open(path) as stream:
        first_line = stream.readline()
        delimiter = max(_DELIMITERS, key=first_line.count)
        stream.seek(0)
        rows = list(islice(filter(None, csv.reader(stream, delimiter=delimiter)), 2))
    if not rows:
        raise ValueError(f"{path} is empty")
    first = tuple(field.strip() for field in rows[0])
    position = label if isinstance(label, int) else None
    if position is not None and not -len(first) <= position < len(first):
        raise ValueError(f"{path}: label column {position} is not among {len(first)} columns")
    position = None if position is None else position % len(first)
    if header is None:
        header = isinstance(label, str) or _looks_like_names(first, position)
    if isinstance(label, str):
        position = _find(label, first if header else (), path)
    body = rows[1:] if header else rows
    if not body:
        raise ValueError(f"{path} has a header but no data")
    text = position is not None and position < len(body[0]) and not _is_number(body[0][position])
    return _Layout(delimiter, first if header else None, len(first), position, text)


def _looks_like_names(fields: tuple[str, ...], label: int | None) -> bool:
    """Say whether no field, the label's left out, is a number; text labels are no header."""
    features = [field for column, field in enumerate(fields) if column != label]
    return not any(_is_number(field) for field in features or fields)


def _find(name: str, header: tuple[str, ...], path: str | os.PathLike[str]) -> int:
    """Return the position of a column."""
    if name not in header:
        have = ", ".join(header) if header else "none, because the file has no header"
        raise ValueError(f"{path}: no column {name!r}; the columns are {have}")
    return header.index(name)


def _load(path: str | os.PathLike[str], layout: _Layout) -> tuple[np.ndarray, list[str]]:
    """Read all columns; text labels become indices into the list that is returned with them."""
    classes: dict[str, int] = {}

    def index(name: str) -> int:
        return classes.setdefault(name.strip(), len(classes))

    converters: dict[int | str, Callable[[str], int]] = {}
    if layout.label is not None and layout.text_labels:
        converters[layout.label] = index
    try:
        with _open(path) as stream:
            table = np.loadtxt(
                stream,
                comments=None,
                delimiter=layout.delimiter,
                quotechar='"',
                skiprows=int(layout.header is not None),
                converters=converters,
                encoding=None,
                ndmin=2,
            )
    except UnicodeDecodeError:
        raise
    except ValueError as error:
        raise ValueError(_explain(path, layout) or f"{path}: {error}") from error
    if table.shape[1] != layout.width:
        raise ValueError(_explain(path, layout))
    return table, list(classes)


def _explain(path: str | os.PathLike[str], layout: _Layout) -> str | None:
    """Find the first faulty line; np.loadtxt counts rows its own way and knows no names."""
    with _open(path) as stream:
        reader = csv.reader(stream, delimiter=layout.delimiter)
        for number, row in enumerate(filter(None, reader)):
            if number == 0 and layout.header:
                continue
            where = f"{path}, line {reader.line_num}"
            if len(row) != layout.width:
                return f"{where}: {len(row)} fields, expected {layout.width}"
            for column, field in enumerate(row):
                if not _is_number(field) and not (column == layout.label and layout.text_labels):
                    name = layout.header[column] if layout.header else str(column)
                    return f"{where}, column {name}: {field!r} is not a number"
    return None


def _check_text(labels: list[str], path: str | os.PathLike[str]) -> None:
    """Refuse text among numbers: a header was taken for data."""
    numbers = [label for label in labels if _is_number(label)]
    if numbers:
        raise ValueError(
            f"{path}: the label column has both text ({labels[0]!r}) and numbers "
            f"({numbers[0]!r}); pass header=True if its first line names the columns"
        )


def _is_number(field: str) -> bool:
    """Say whether a field can be read as a floating-point number."""
    try:
        float(field)
    except ValueError:
        return False
    return True
