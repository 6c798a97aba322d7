"""Figures of a run: speed-up over each library."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from softxent.bench import ours, peers
from softxent.bench.results import Result, Row
from softxent.report import PALETTE, subplots

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def colour(name: str) -> str:
    """Give a candidate's colour, grey to those that are no library."""
    order = (ours.NAME, *peers.names())
    return PALETTE[order.index(name) % len(PALETTE)] if name in order else "#9aa3ad"


def figures(result: Result) -> dict[str, Figure]:
    """
    Draw what the run has the measurements for.

    Parameters
    ----------
    result : Result
        Of a run.

    Returns
    -------
    dict of str to matplotlib.figure.Figure
        By file name without suffix.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    """
    drawn = {}
    for operation in ("softmax", "loss+grad"):
        rows = [
            row
            for row in result.rows
            if (row.case.study, row.case.operation) == ("table", operation) and row.speedup
        ]
        if rows:
            drawn[f"speedup-{operation.replace('+', '-')}"] = speedup(rows, operation)
    return drawn


def speedup(rows: list[Row], operation: str) -> Figure:
    """Plot bars: how many times faster than each library, row by row."""
    figure, axes = subplots(size=(7.2, 1.2 + 0.55 * len(rows)))
    names = [name for name in peers.names() if any(name in row.speedup for row in rows)]
    height = 0.8 / max(1, len(names))
    places = np.arange(len(rows))
    for k, name in enumerate(names):
        values = [row.speedup.get(name, np.nan) for row in rows]
        axes.barh(places + (k + 0.5) * height - 0.4, values, height, label=name,
                  color=colour(name))  # fmt: skip
    axes.axvline(1, color="#39414b", linewidth=1)
    axes.set_yticks(places, [row.case.name.removeprefix(operation + " ") for row in rows])
    axes.invert_yaxis()
    axes.set(xscale="log", xlabel="time of the library / time of softxent")
    axes.set_title(f"{operation}: speed-up")
    axes.grid(axis="y", visible=False)
    if names:
        axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    return figure
