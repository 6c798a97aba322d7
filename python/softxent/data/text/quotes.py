"""What is wrong with the quotes of a table, and in which line."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence

__all__ = ["quote_error"]


def quote_error(lines: Sequence[str], first_line: int, delimiter: str, cause: csv.Error) -> str:
    """
    Describe why a record cannot be split into fields.

    Parameters
    ----------
    lines : sequence of str
        From the first line of the record on.
    first_line : int
        The number of that line.
    delimiter : str
        What separates fields.
    cause : csv.Error
        What the csv module says.

    Returns
    -------
    str
        With the line in which the quote opens, if quotes are the cause.
    """
    opening, last = _last_quoted(lines, delimiter)
    if opening is None:
        return f"line {first_line}: {cause}"
    where = f"line {first_line + opening}: the quote that opens in this line"
    if last is None and "limit" in str(cause):
        return f"{where} is not closed within {csv.field_size_limit()} characters"
    if last is None:
        return f"{where} is never closed"
    line, found = last
    return (
        f"{where} is closed in line {first_line + line}, where {found!r} follows instead of "
        f"{delimiter!r} or the end of the line"
    )


def _last_quoted(lines: Sequence[str], delimiter: str) -> tuple[int | None, tuple[int, str] | None]:
    """Return where the faulty quoted field opens, and what follows where it closes."""
    opening: int | None = None
    state = "start"
    for number, character in _characters(lines):
        if state == "quoted":
            state = "closed" if character == '"' else "quoted"
        elif state == "closed" and character == '"':
            state = "quoted"
        elif character == delimiter or character in "\r\n":
            state = "start"
        elif state == "closed":
            return opening, (number, character)
        elif state == "start" and character == '"':
            opening, state = number, "quoted"
        elif not (state == "start" and character == delimiter == " "):
            state = "field"
    return (opening, None) if state == "quoted" else (None, None)


def _characters(lines: Sequence[str]) -> Iterable[tuple[int, str]]:
    for number, line in enumerate(lines):
        for character in line:
            yield number, character
