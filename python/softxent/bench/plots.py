"""Figures of a run: bandwidth against the number of classes, speed-up over each library."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from softxent.bench import ours, peers
from softxent.bench.limits import COPY
from softxent.bench.results import Result, Row
from softxent.report import PALETTE, subplots

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def _colour(name: str) -> str:
    order = (ours.NAME, *peers.names())
    return "#9aa3ad" if name == COPY else PALETTE[order.index(name) % len(PALETTE)]


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
        word = operation.replace("+", "-")
        sweep = _rows(result, "classes", operation)
        if len(sweep) > 1:
            drawn[f"bandwidth-{word}"] = bandwidth(sweep, operation)
        table = [row for row in _rows(result, "table", operation) if row.speedup]
        if table:
            drawn[f"speedup-{word}"] = speedup(table, operation)
    rows = _rows(result, "rows", "loss+grad")
    if len(rows) > 1:
        drawn["time-rows"] = time_per_row(rows)
    return drawn


def bandwidth(rows: list[Row], operation: str) -> Figure:
    """Plot GB/s, the logits read once and as many results written once, against classes."""
    figure, axes = subplots(size=(7.2, 4.2))
    for name in _names(rows):
        points = [(r.case.classes, 2e-9 * r.case.nbytes / r.seconds[name]) for r in rows
                  if name in r.seconds]  # fmt: skip
        mine = name == ours.NAME
        axes.plot(
            *zip(*points, strict=True),
            label=name,
            color=_colour(name),
            linestyle="--" if name == COPY else "-",
            linewidth=2.2 if mine else 1.2,
            marker="o" if mine else None,
            markersize=3,
            zorder=3 if mine else 2,
        )
    axes.set(xscale="log", yscale="log", xlabel="classes", ylabel="GB/s, read once + written once")
    axes.set_title(f"{operation}: bandwidth at a constant number of logits")
    axes.legend(frameon=False, ncols=2)
    return figure


def speedup(rows: list[Row], operation: str) -> Figure:
    """Plot bars: how many times faster than each library, row by row."""
    figure, axes = subplots(size=(7.2, 1.2 + 0.55 * len(rows)))
    names = [n for n in _names(rows) if n not in (ours.NAME, COPY)]
    height = 0.8 / max(1, len(names))
    places = np.arange(len(rows))
    for k, name in enumerate(names):
        values = [row.speedup.get(name, np.nan) for row in rows]
        axes.barh(places + (k + 0.5) * height - 0.4, values, height, label=name,
                  color=_colour(name))  # fmt: skip
    axes.axvline(1, color="#39414b", linewidth=1)
    axes.set_yticks(places, [row.case.name.removeprefix(operation + " ") for row in rows])
    axes.invert_yaxis()
    axes.set(xscale="log", xlabel="time of the library / time of softxent")
    axes.set_title(f"{operation}: speed-up")
    axes.grid(axis="y", visible=False)
    if names:
        axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    return figure


def time_per_row(rows: list[Row]) -> Figure:
    """Plot nanoseconds per row against the number of rows: level if time is linear in N."""
    figure, axes = subplots(size=(7.2, 3.4))
    for name in _names(rows):
        points = [(r.case.shape[0], 1e9 * r.seconds[name] / r.case.shape[0]) for r in rows
                  if name in r.seconds]  # fmt: skip
        axes.plot(*zip(*points, strict=True), label=name, color=_colour(name), marker="o")
    axes.set(xscale="log", xlabel="rows", ylabel="ns per row", ylim=(0, None))
    axes.set_title("loss+grad of 100 classes: time per row")
    axes.legend(frameon=False)
    return figure


def _rows(result: Result, study: str, operation: str) -> list[Row]:
    return [r for r in result.rows if (r.case.study, r.case.operation) == (study, operation)]


def _names(rows: list[Row]) -> list[str]:
    """The candidates to draw, in the order of the table."""
    return [
        name
        for name in (ours.NAME, COPY, *peers.names())
        if any(name in row.seconds for row in rows)
    ]
