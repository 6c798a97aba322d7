"""The rows of a text table: numbers at once where all is well, field by field where it is not."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from operator import itemgetter

import numpy as np

from softxent.data.fields import is_missing
from softxent.data.missing import refuse
from softxent.data.text import dialect
from softxent.data.text.head import Head
from softxent.data.text.options import BLANKS, TextOptions
from softxent.data.text.quotes import quote_error

__all__ = ["Rows"]

# Lines that are converted together: enough to be quick, few enough to stay in the cache.
_LINES = 256
# From here on numbers round to an infinite float32: half a unit above the largest.
_OVERFLOW = 2.0**128 - 2.0**103

_LINE_END = re.compile(r"\r\n|\r|\n")


class Rows:
    """
    Collects the rows of a table.

    A piece of a few hundred rows is converted as a whole. If anything about it is out of the
    ordinary, it is read once more, row by row, and that reading decides: it knows the lines.

    Parameters
    ----------
    lines : iterable of str
        All lines, header included, without comments.
    head : Head
        The form of the table.
    options : TextOptions
        How it is written.
    missing : str
        "error" refuses missing features; otherwise they become NaN.
    source : str
        The file, for error messages.

    Attributes
    ----------
    features : list of ndarray of float32
        The features, piece by piece.
    codes : list of int
        For every row, which of `texts` its label is.
    texts, places : list of str
        The distinct labels, and where each first occurs.
    ids : list of str
        The identifiers.
    """

    def __init__(
        self, lines: Iterable[str], head: Head, options: TextOptions, missing: str, source: str
    ) -> None:
        self._stream = iter(lines)
        self._head, self._options, self._source = head, options, source
        self._missing = missing
        self._pick = _picker(head.columns.features)
        self._code_of: dict[str, int] = {}
        self._blank_line: int | None = None
        self._before = 0
        self._header_pending = head.names is not None
        self.features: list[np.ndarray] = []
        self.codes: list[int] = []
        self.texts: list[str] = []
        self.places: list[str] = []
        self.ids: list[str] = []

    def read(self) -> None:
        """
        Read to the end.

        Raises
        ------
        ValueError
            For the first row that is not as it should be.
        """
        while lines := list(islice(self._stream, _LINES)):
            rows = self._split(lines)
            if rows is None or self._header_pending or not self._take(rows, len(lines)):
                self._take_one_by_one(lines)
            self._before += len(lines)

    def _split(self, lines: list[str]) -> list[list[str]] | None:
        """Split lines, and as many more as a quoted field may go on for; None if that fails."""
        limit = sum(map(len, lines)) + csv.field_size_limit()
        while True:
            try:
                return list(dialect.reader(lines, self._head.delimiter))
            except csv.Error:
                more = list(islice(self._stream, _LINES))
                lines += more
                if not more or sum(map(len, lines)) > limit:
                    return None

    def _take(self, rows: list[list[str]], lines: int) -> bool:
        """Convert rows together; False, and nothing taken, if they need a closer look."""
        head = self._head
        width, columns = head.width, head.columns
        if len(rows) != lines or (width == 1 and self._blank_line):
            return False
        widths = set(map(len, rows))
        if widths != {width}:
            beyond = chain.from_iterable(row[width:] for row in rows)
            if min(widths) < width or any(map(str.strip, beyond)):
                return False
        table = self._numbers(rows)
        if table is None:
            return False
        if columns.label is not None:
            labels = [row[columns.label] for row in rows]
            if not self._code_of.keys() >= set(labels):
                return False
            self.codes += map(self._code_of.__getitem__, labels)
        if columns.id is not None:
            self.ids += (row[columns.id].strip() for row in rows)
        self.features.append(table)
        return True

    def _numbers(self, rows: list[list[str]]) -> np.ndarray | None:
        """Return the features of rows, None if one is not a finite number."""
        fields = list(chain.from_iterable(map(self._pick, rows)))
        count = len(fields)
        joined = "\n".join(fields)
        if "_" in joined:
            return None
        if self._options.decimal != ".":
            if "." in joined:
                return None
            fields = joined.replace(self._options.decimal, ".").split("\n")
            if len(fields) != count:
                return None
        if "e" in joined or "E" in joined:
            # Of an exponent or a truth value.
            fields = [dialect.TRUTH.get(field, field) for field in fields]
        try:
            wide = np.fromiter(map(float, fields), np.float64, count)
        except ValueError:
            return None
        with np.errstate(over="ignore"):
            table = wide.astype(np.float32)
        return table.reshape(len(rows), -1) if np.isfinite(table).all() else None

    def _take_one_by_one(self, lines: list[str]) -> None:
        """Convert lines row by row, or raise for the first that is not right."""
        columns = self._head.columns
        taken: list[np.ndarray] = []
        for line, row in self._numbered_rows(lines):
            if self._is_blank(row):
                if self.features or taken:
                    self._blank_line = line
                continue
            if self._header_pending:
                self._header_pending = False
                continue
            self._check_width(row, line)
            numbers = self._numbers([row])
            if numbers is None:
                one_by_one = [self._number(row[at], line, at) for at in columns.features]
                numbers = np.array([one_by_one], dtype=np.float32)
            taken.append(numbers)
            if columns.label is not None:
                self.codes.append(self._label(row[columns.label], line))
            if columns.id is not None:
                self.ids.append(row[columns.id].strip())
        if taken:
            self.features.append(np.concatenate(taken))

    def _is_blank(self, row: list[str]) -> bool:
        """Say whether a row is an empty line; where there is one column, blanks are a field."""
        return not row or (len(row) == 1 < self._head.width and not row[0].strip())

    def _numbered_rows(self, lines: list[str]) -> Iterator[tuple[int, list[str]]]:
        """Split lines once more; yield every row with the number of its first line."""
        reader = dialect.reader(iter(lines), self._head.delimiter)
        while True:
            start = reader.line_num
            number = self._before + start + 1
            try:
                row = next(reader, None)
            except csv.Error as error:
                told = quote_error(lines[start:], number, self._head.delimiter, error)
                raise ValueError(f"{self._source}, {told}") from None
            if row is None:
                return
            if reader.line_num > start + 1:
                self._check_no_rows_inside(row, number)
            yield number, row

    def _check_no_rows_inside(self, row: list[str], line: int) -> None:
        """Refuse a quoted field that swallowed rows of the table: its quote was never closed."""
        for at, field in enumerate(row):
            lines = _LINE_END.split(field)
            # Where the field starts, and where it ends, it may share a line with other fields.
            inside = lines[at > 0 : len(lines) - (at < len(row) - 1)]
            swallowed = next(filter(self._is_row_of_numbers, inside), None)
            if swallowed is not None and len(lines) > 1:
                raise ValueError(
                    f"{self._source}, line {line}: a quote that opens in this row is closed only "
                    f"after rows of the table, such as {swallowed.strip()!r}: is one missing?"
                )

    def _is_row_of_numbers(self, line: str) -> bool:
        """Say whether a line has a field for every column, and numbers for the features."""
        head = self._head
        row = line.split(None if head.delimiter == BLANKS else head.delimiter)
        return len(row) == head.width > 1 and all(
            dialect.numeric(row[at].strip(), self._options.decimal) for at in head.columns.features
        )

    def _check_width(self, row: list[str], line: int) -> None:
        width = self._head.width
        if width == 1 and self._blank_line is not None:
            raise ValueError(
                f"{self._source}, line {self._blank_line} is empty; a missing value in a table of "
                'one column is written as ""'
            )
        if len(row) < width or any(map(str.strip, row[width:])):
            count = len(dialect.trimmed(row)) if len(row) > width else len(row)
            # R leaves the column of row names without a name.
            short = self._head.names is not None and count == width + 1 and not self.features
            hint = "; the header has a name less: is there one for the first column?" * short
            raise ValueError(f"{self._source}, line {line}: {count} fields, expected {width}{hint}")

    def _number(self, field: str, line: int, column: int) -> float:
        """Return a field as a number; NaN if it is missing and may be."""
        field, decimal = field.strip(), self._options.decimal
        if is_missing(field):
            if self._missing == "error":
                raise refuse(self._place(line, column), field)
            return math.nan
        if not dialect.numeric(field, decimal):
            hint = self._hint(field, line, column)
            raise ValueError(f"{self._place(line, column)}: {field!r} is not a number{hint}")
        value = float(dialect.TRUTH.get(field, field).replace(decimal, "."))
        if not abs(value) < _OVERFLOW:
            place = self._place(line, column)
            raise ValueError(f"{place}: {field!r} is not a finite float32 number")
        return value

    def _hint(self, field: str, line: int, column: int) -> str:
        """Name the option that may be missing."""
        comma = self._options.decimal == "." and self._head.delimiter != ","
        if comma and dialect.numeric(field, ","):
            return "; decimal=',' reads decimal commas"
        if field[:1] in ("#", "%") and self._options.comment is None:
            return f"; comment={field[0]!r} leaves out comments"
        if line == 1 and not self._head.certain:
            return "; header=True if the first line names the columns"
        if self._head.columns.label is None:
            return ""
        return f"; drop={self._head.name(column)!r} leaves out the column"

    def _label(self, field: str, line: int) -> int:
        """Return the code of a label."""
        code = self._code_of.get(field)
        if code is None:
            text = field.strip()
            if self._options.decimal != "." and dialect.numeric(text, self._options.decimal):
                text = text.replace(self._options.decimal, ".")
            code = self._code_of.setdefault(text, len(self.texts))
            if code == len(self.texts):
                self.texts.append(text)
                column = self._head.columns.label
                assert column is not None
                self.places.append(f"line {line}, column {self._head.name(column)}")
            self._code_of[field] = code
        return code

    def _place(self, line: int, column: int) -> str:
        return f"{self._source}, line {line}, column {self._head.name(column)}"


def _picker(columns: Sequence[int]) -> Callable[[list[str]], Iterable[str]]:
    """Return the function that takes some fields of a row."""
    if len(columns) == 1:
        column = columns[0]
        return lambda row: (row[column],)
    return itemgetter(*columns)
