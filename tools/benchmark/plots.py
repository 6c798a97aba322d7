"""Figures: bandwidth and time over the classes, time per row, rates in cache, overlap."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchmark.cache import COPY as MEMCPY
from benchmark.cache import Rates
from benchmark.goals import OVERLAP
from benchmark.limits import COPY
from benchmark.overlap import Overlap
from softxent.bench import ours, peers
from softxent.bench.plots import colour
from softxent.bench.results import Row
from softxent.report import PALETTE, subplots

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def figures(rows: list[Row], rates: Rates, overlaps: list[Overlap]) -> dict[str, Figure]:
    """Draw what there are measurements for, by file name without suffix."""
    drawn = {}
    for operation in ("softmax", "loss+grad"):
        sweep = _rows(rows, "classes", operation)
        if len(sweep) > 1:
            drawn[f"bandwidth-{operation.replace('+', '-')}"] = bandwidth(sweep, operation)
    swept = _rows(rows, "rows", "loss+grad")
    if len(swept) > 1:
        drawn["time-rows"] = time_per_row(swept)
    if rates.found:
        drawn["in-cache"] = in_cache(rates)
    if overlaps:
        drawn["out-of-cache"] = out_of_cache(overlaps)
    return drawn


def in_cache(rates: Rates) -> Figure:
    """Plot nanoseconds per 16 elements against classes, the least of the bursts."""
    figure, axes = subplots(size=(7.2, 4.2))
    for name in (*rates.operations(), MEMCPY):
        points = [(r.classes, r.least) for r in rates.found if r.operation == name]
        copied = name == MEMCPY
        axes.plot(
            *zip(*points, strict=True),
            label=name,
            color="#9aa3ad" if copied else PALETTE[rates.operations().index(name) % len(PALETTE)],
            linestyle="--" if copied else "-",
            marker=None if copied else "o",
            markersize=3,
        )
    axes.set(xscale="log", yscale="log", xlabel="classes", ylabel="ns per 16 elements")
    axes.set_title("In cache, one thread")
    axes.legend(frameon=False, ncols=2)
    return figure


def out_of_cache(overlaps: list[Overlap]) -> Figure:
    """Plot bars: the time out of cache over the larger of the copy and the work in cache."""
    figure, axes = subplots(size=(7.2, 1.0 + 0.28 * len(overlaps)))
    places = np.arange(len(overlaps))
    axes.barh(places, [one.ratio for one in overlaps], 0.7, color=colour(ours.NAME))
    axes.axvline(OVERLAP, color="#39414b", linewidth=1, linestyle="--")
    axes.set_yticks(places, [one.name for one in overlaps])
    axes.invert_yaxis()
    axes.set(xlabel="time / the larger of copy and in cache", xlim=(0.8, None))
    axes.set_title("Out of cache")
    axes.grid(axis="y", visible=False)
    return figure


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
            color=colour(name),
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


def time_per_row(rows: list[Row]) -> Figure:
    """Plot nanoseconds per row against the number of rows: level if time is linear in N."""
    figure, axes = subplots(size=(7.2, 3.4))
    for name in _names(rows):
        points = [(r.case.shape[0], 1e9 * r.seconds[name] / r.case.shape[0]) for r in rows
                  if name in r.seconds]  # fmt: skip
        axes.plot(*zip(*points, strict=True), label=name, color=colour(name), marker="o")
    axes.set(xscale="log", xlabel="rows", ylabel="ns per row", ylim=(0, None))
    axes.set_title("loss+grad of 100 classes: time per row")
    axes.legend(frameon=False)
    return figure


def _rows(rows: list[Row], study: str, operation: str) -> list[Row]:
    return [r for r in rows if (r.case.study, r.case.operation) == (study, operation)]


def _names(rows: list[Row]) -> list[str]:
    """The candidates to draw, in the order of the table."""
    return [
        name
        for name in (ours.NAME, COPY, *peers.names())
        if any(name in row.seconds for row in rows)
    ]
