"""Wording that messages of several modules share."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["listed"]

_SHOWN = 12


def listed(names: Sequence[str]) -> str:
    """Name all of a few, or the first and the last of many."""
    if len(names) <= _SHOWN:
        return ", ".join(names)
    return f"{', '.join(names[: _SHOWN - 2])}, …, {names[-1]}"
