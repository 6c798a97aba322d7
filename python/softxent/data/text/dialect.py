"""The delimiter and the header of a text table, found out from its first rows."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from softxent.data.columns import Wanted
from softxent.data.fields import is_missing, is_number, whole_number
from softxent.data.text.options import BLANKS

__all__ = [
    "TRUTH",
    "Header",
    "delimiter_of",
    "find_header",
    "numeric",
    "parsed",
    "reader",
    "trimmed",
]

#: The truth values of Python, R and JSON as numbers.
TRUTH = {
    **dict.fromkeys(("True", "TRUE", "true"), "1"),
    **dict.fromkeys(("False", "FALSE", "false"), "0"),
}
# Where two fit equally well, the one that is rarer inside fields comes first.
_CANDIDATES = ("\t", ";", "|", ",", BLANKS)


@dataclass(frozen=True)
class Header:
    """
    Whether the first row names the columns.

    Parameters
    ----------
    present : bool
        If it does.
    notes : tuple of str
        One line where it might have been taken for the other.
    """

    present: bool
    notes: tuple[str, ...] = ()


def parsed(lines: Sequence[str], delimiter: str) -> list[list[str]]:
    """Split lines into rows, up to the first that cannot be; those without a field are left out."""
    rows: list[list[str]] = []
    try:
        for row in reader(lines, delimiter):
            if any(row := [field.strip() for field in row]):
                rows.append(row)
    except csv.Error:
        pass
    return rows


def reader(lines: Iterable[str], delimiter: str) -> Any:
    """Return csv's reader for a delimiter."""
    if delimiter != BLANKS:
        return csv.reader(lines, delimiter=delimiter, strict=True)
    single = (line.replace("\t", BLANKS) for line in lines)
    return csv.reader(single, delimiter=BLANKS, strict=True, skipinitialspace=True)


def trimmed(row: list[str]) -> list[str]:
    """Return a row without the empty fields after its last one: trailing delimiters."""
    end = len(row)
    while end > 1 and not row[end - 1].strip():
        end -= 1
    return row[:end]


def numeric(field: str, decimal: str) -> bool:
    """Say whether a field is a number with this decimal sign, or a truth value."""
    if field in TRUTH:
        return True
    if decimal != ".":
        return "." not in field and is_number(field.replace(decimal, "."))
    return is_number(field)


def delimiter_of(lines: Sequence[str], decimal: str) -> str:
    """
    Find the delimiter that splits the first rows best.

    That is one outside quotes that splits the first row and gives all rows the same number of
    fields; among several, the one that leaves the most numbers.
    """
    best = max(
        (delimiter for delimiter in _CANDIDATES if delimiter != decimal),
        key=lambda delimiter: _fitness(parsed(lines, delimiter), decimal),
    )
    return best if _fitness(parsed(lines, best), decimal)[0] else ","


def _fitness(rows: list[list[str]], decimal: str) -> tuple[bool, bool, float, int]:
    if not rows:
        return False, False, 0.0, 0
    rows = list(map(trimmed, rows))
    widths = {len(row) for row in rows}
    fields = [field for row in rows[1:] or rows for field in row]
    numbers = sum(numeric(field, decimal) or is_missing(field) for field in fields)
    return len(rows[0]) > 1, len(widths) == 1, numbers / len(fields), len(rows[0])


def find_header(rows: list[list[str]], wanted: Wanted, label: int | None, decimal: str) -> Header:
    """
    Decide whether the first row names the columns.

    It does if one of its fields is asked for as a column, if none of its features is a number, or
    if it counts the columns from 0, as pandas writes a table without names.
    """
    first = rows[0]
    asked = [*wanted.names, *(wanted.network or ())]
    if wanted.names or (asked and set(asked) <= set(first)):
        return Header(True)
    features = [field for at, field in enumerate(first) if at != label] or first
    if not any(numeric(field, sign) for field in features for sign in {decimal, ","}):
        return Header(True)
    start = 1 if first[0] in ("", "Unnamed: 0") else 0
    counted = first[start:]
    named = not is_number(counted[-1]) and len(counted) > 1
    if named:
        counted = counted[:-1]
    if counted != [str(at) for at in range(len(counted))]:
        return _other_numbers(rows, label, decimal)
    if named and not _is_name(first[-1], rows[1:], len(counted)):
        return Header(False)
    if start or named or len(counted) > 2 or _has_fraction(rows[1:], decimal):
        note = "counts the columns and is read as their names (header=False if it is a sample)"
        return Header(True, (f"the first line, {_shown(first)}, {note}",))
    return Header(False, (_read_as_sample(first),))


def _shown(row: list[str]) -> str:
    return ", ".join(map(repr, row[:4])) + (", …" if len(row) > 4 else "")


def _read_as_sample(row: list[str]) -> str:
    return f"the first line, {_shown(row)}, is read as a sample (header=True if it has names)"


def _other_numbers(rows: list[list[str]], label: int | None, decimal: str) -> Header:
    """Say so where a first row of whole numbers may be names, though it is more likely data."""
    numbers = [whole_number(field) for field in rows[0]]
    counts = len(numbers) > 4 and None not in numbers and _counts_on(numbers)
    apart = all(number is not None for at, number in enumerate(numbers) if at != label) and all(
        _is_fraction(field, decimal)
        for row in rows[1:]
        for at, field in enumerate(row)
        if at != label
    )
    if counts or (apart and min(len(rows), len(numbers)) > 2):
        return Header(False, (_read_as_sample(rows[0]),))
    return Header(False)


def _counts_on(numbers: Sequence[int | None]) -> bool:
    """Say whether each number is one more than the one before it, or 0 again."""
    steps = pairwise(numbers)
    return all(after in ((before or 0) + 1, 0) for before, after in steps) and 2 in numbers


def _is_name(last: str, others: list[list[str]], counted: int) -> bool:
    """Say whether the text after so many numbers is a name, and not the label of a sample."""
    labels = [row[-1] for row in others]
    return last not in labels and (counted > 2 or all(map(is_number, labels)))


def _has_fraction(others: list[list[str]], decimal: str) -> bool:
    """Say whether the first column holds a number that no count of columns can be."""
    return any(_is_fraction(row[0], decimal) for row in others)


def _is_fraction(field: str, decimal: str) -> bool:
    return numeric(field, decimal) and whole_number(field.replace(decimal, ".")) is None
