"""What the first lines of a text table say about the rest."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass

from softxent.data.columns import Columns, Wanted, choose, is_position
from softxent.data.fields import whole_number
from softxent.data.text import dialect
from softxent.data.text.options import TextOptions
from softxent.data.text.quotes import quote_error

__all__ = ["Head", "read_head"]


@dataclass(frozen=True)
class Head:
    """
    The form of a table.

    Parameters
    ----------
    delimiter : str
        What separates fields.
    names : tuple of str or None
        The names of all columns, if the first row has them.
    width : int
        The number of columns.
    columns : Columns
        What they are.
    certain : bool
        Whether the caller said whether there is a header.
    notes : tuple of str
        What was decided, in one line each.
    """

    delimiter: str
    names: tuple[str, ...] | None
    width: int
    columns: Columns
    certain: bool
    notes: tuple[str, ...]

    def name(self, column: int) -> str:
        """Return the name of a column, or its position."""
        return str(column) if self.names is None else self.names[column]

    @property
    def feature_names(self) -> tuple[str, ...] | None:
        """The names of the features."""
        return self.names and tuple(self.names[column] for column in self.columns.features)


def read_head(lines: Sequence[str], options: TextOptions, wanted: Wanted, source: str) -> Head:
    """
    Find delimiter, header and columns.

    Parameters
    ----------
    lines : sequence of str
        The first lines, without comments.
    options, wanted, source
        As for `read_text`.

    Raises
    ------
    ValueError
        If there is nothing, or no text, or the columns cannot be found.
    """
    if any("\0" in line for line in lines):
        raise ValueError(
            f"{source} holds NUL bytes: it is no text, or UTF-16 without a byte order mark"
        )
    delimiter = options.sep or dialect.delimiter_of(_plain(lines), options.decimal)
    rows = dialect.parsed(lines, delimiter)
    if not rows:
        raise _nothing(lines, delimiter, source)
    _check_no_comment(rows, lines, options, source)
    width = _width(rows)
    row = [*dialect.trimmed(rows[0]), *[""] * width][:width]
    label = _label_position(wanted, row)
    header = dialect.Header(bool(options.header))
    if options.header is None:
        header = dialect.find_header([row, *rows[1:]], wanted, label, options.decimal)
    names = tuple(_without_mark(row)) if header.present else None
    index = names is not None and all(_counts(other[0]) for other in rows[1:])
    columns = choose(names, width, wanted, source, index=index)
    notes = (*header.notes, *columns.notes)
    return Head(delimiter, names, width, columns, options.header is not None, notes)


def _plain(lines: Sequence[str]) -> Sequence[str]:
    """Leave out a first line that looks like a comment: its words are no fields."""
    start = next((at for at, line in enumerate(lines) if line.strip()), 0)
    if lines and lines[start].lstrip().startswith("#") and len(lines) > start + 1:
        return lines[start + 1 :]
    return lines


def _nothing(lines: Sequence[str], delimiter: str, source: str) -> ValueError:
    """Make the exception for a file without a row: empty, or its first quote is not closed."""
    try:
        list(dialect.reader(lines, delimiter))
    except csv.Error as error:
        return ValueError(f"{source}, {quote_error(lines, 1, delimiter, error)}")
    return ValueError(f"{source} is empty")


def _check_no_comment(
    rows: list[list[str]], lines: Sequence[str], options: TextOptions, source: str
) -> None:
    """Refuse a first line that is a comment, unless it has a name for every column."""
    number, first = next((at, line) for at, line in enumerate(lines, 1) if line.strip())
    mark = first.lstrip()[0]
    if mark not in "#%" or mark == options.comment:
        return
    if len(rows) > 1 and len(dialect.trimmed(rows[0])) == len(dialect.trimmed(rows[1])) > 1:
        return
    raise ValueError(
        f"{source}, line {number} starts with {mark!r}: if it is a comment, pass comment={mark!r}"
    )


def _without_mark(row: list[str]) -> list[str]:
    """Return names without the "#" that numpy.savetxt writes before them."""
    return [row[0].removeprefix("#").lstrip(), *row[1:]] if row[0].startswith("#") else row


def _width(rows: list[list[str]]) -> int:
    """Return the number of columns; empty fields at the end of all rows are none."""
    whole, used = len(rows[0]), len(dialect.trimmed(rows[0]))
    if whole > used and any(len(dialect.trimmed(row)) == whole for row in rows[1:]):
        return whole
    return used


def _label_position(wanted: Wanted, row: Sequence[str]) -> int | None:
    """Return where the labels are, for all that the first row says."""
    width = len(row)
    if wanted.label is None:
        return width - 1 if wanted.with_labels else None
    if wanted.label in row:
        return row.index(str(wanted.label))
    return int(wanted.label) % width if is_position(wanted.label) else None


def _counts(field: str) -> bool:
    """Say whether a field may be of a column that only counts or names the rows."""
    return whole_number(field) is not None or not dialect.numeric(field, ".")
