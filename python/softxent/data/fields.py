"""What one field of a table is: a missing value, a number, a whole number."""

from __future__ import annotations

import re

__all__ = ["is_missing", "is_number", "whole_number"]

# Those of pandas.read_csv, and the question mark of the UCI repository.
_MISSING = {
    *("", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "1.#IND", "1.#QNAN"),
    *("<NA>", "N/A", "NA", "NULL", "None", "n/a", "null", "?"),
}
_WHOLE = re.compile(r"[+-]?[0-9]+(\.0*)?")


def is_missing(field: str) -> bool:
    """Say whether a field of a text table, without blanks around it, is a missing value."""
    return field in _MISSING or field.lstrip("+-").lower() == "nan"


def is_number(field: str) -> bool:
    """Say whether a field is a number; unlike in Python's source, "1_0" is none."""
    try:
        float(field)
    except ValueError:
        return False
    return "_" not in field


def whole_number(text: str) -> int | None:
    """Return the whole number that a text is, "1.0" and "1e3" included, or None."""
    if _WHOLE.fullmatch(text):
        return int(text.partition(".")[0])
    if not is_number(text) or not (value := float(text)).is_integer():
        return None
    return int(value)
