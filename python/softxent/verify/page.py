"""A report as an HTML page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from softxent.report import figure_uri, render, subplots
from softxent.verify import table
from softxent.verify.compare import ULP_BINS

if TYPE_CHECKING:
    from softxent.verify.report import Report

_BIN_NAMES = ["0", *(f"≤ {end}" for end in ULP_BINS[1:]), f"> {ULP_BINS[-1]}"]


def page(report: Report) -> str:
    """Render tables and figures into one page."""
    return render(
        "verify.html",
        report=report,
        comparisons=[(table.cells(c, n), c.passed) for c, n in report.summary()],
        header=table.HEADER[:-1],
        worst=sorted(
            (c for c in report.comparisons if c.worst), key=lambda c: c.ratio, reverse=True
        )[:8],
        reasons=table.reasons(report),
        left_out=[("; ".join(what), why) for why, what in table.grouped(report.left_out).items()],
        pictures=_pictures(report),
    )


def _pictures(report: Report) -> list[tuple[str, str]]:
    """Data URIs with captions."""
    pictures = []
    if any(scatter.differences.size for scatter in report.scatters):
        pictures.append((_scatter(report), "Every difference from the native network against its "
                         "derived bound; on or below the line passes."))  # fmt: skip
    if any(c.ulp_histogram for c in report.comparisons):
        pictures.append((_histogram(report), "Share of the values by their distance from the "
                         "native network, in units in the last place."))  # fmt: skip
    if report.timings:
        pictures.append((_timing(report), "Median time of one batch."))
    return pictures


def _scatter(report: Report) -> str:
    figure, axes = subplots()
    largest, least = 0.0, np.inf
    for scatter in report.scatters:
        shown = (scatter.differences > 0) & np.isfinite(scatter.differences) & (scatter.bounds > 0)
        if not shown.any():
            continue
        x, y = scatter.bounds[shown], scatter.differences[shown]
        axes.loglog(x, y, ".", markersize=3.5, alpha=0.5, label=scatter.output)
        largest, least = max(largest, x.max()), min(least, x.min())
    if largest:
        axes.loglog([least, largest], [least, largest], color="#39414b", linewidth=1)
        axes.legend(markerscale=3, fontsize=8)
    axes.set(xlabel="bound", ylabel="difference", title="Differences and their bounds")
    return figure_uri(figure, "png")


def _histogram(report: Report) -> str:
    shown = [
        c for c in report.comparisons
        if c.batch == "data" and c.against == "native" and c.ulp_histogram
    ]  # fmt: skip
    figure, axes = subplots()
    places, width = np.arange(len(_BIN_NAMES)), 0.8 / max(len(shown), 1)
    for k, comparison in enumerate(shown):
        counts = np.asarray(comparison.ulp_histogram)
        axes.bar(
            places + (k - (len(shown) - 1) / 2) * width,
            100 * counts / max(counts.sum(), 1),
            width,
            label=f"{comparison.output}, {comparison.provider.removesuffix('ExecutionProvider')}",
        )
    axes.set_xticks(places, _BIN_NAMES)
    axes.set(xlabel="ULP", ylabel="% of the values", title="Distance from the native network")
    axes.grid(axis="x", visible=False)
    axes.legend(fontsize=8)
    return figure_uri(figure)


def _timing(report: Report) -> str:
    figure, axes = subplots()
    for runner in dict.fromkeys(timing.runner for timing in report.timings):
        points = [(t.batch_size, 1e6 * t.seconds) for t in report.timings if t.runner == runner]
        axes.loglog(*zip(*points, strict=True), "o-", markersize=4, label=runner)
    sizes = sorted({timing.batch_size for timing in report.timings})
    axes.set_xticks(sizes, list(map(str, sizes)), minor=False)
    axes.minorticks_off()
    axes.set(xlabel="rows", ylabel="µs per batch", title="Time")
    axes.legend(fontsize=8)
    return figure_uri(figure)
