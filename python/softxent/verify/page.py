"""A report as an HTML page."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from softxent.report import figure_uri, number_axis, render, subplots
from softxent.verify import table
from softxent.verify.findings import Findings
from softxent.verify.timing import threads

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def page(report: Findings) -> str:
    """Render tables and figures into one page."""
    return render(
        "verify.html",
        report=report,
        comparisons=[(table.cells(c, n), c.passed) for c, n in report.summary()],
        header=table.HEADER[:-1],
        worst=[table.worst_cells(c) for c in table.worst(report)],
        worst_header=table.WORST_HEADER,
        reasons=table.reasons(report),
        left_out=[("; ".join(what), why) for why, what in table.grouped(report.left_out).items()],
        pictures=_pictures(report),
    )


def _pictures(report: Findings) -> list[tuple[str, str]]:
    """Data URIs with captions."""
    pictures = []
    if any(scatter.differences.size for scatter in report.scatters):
        pictures.append((_scatter(report), "Every difference from the first reference of an output "
                         "against its bound; on or below the line passes."))  # fmt: skip
    if any(c.ulp_histogram for c in report.comparisons):
        pictures.append((_histogram(report), "Share of the values by their distance from the "
                         "first reference, in units in the last place."))  # fmt: skip
    if report.timings:
        pictures.append(
            (figure_uri(timing_figure(report)), f"Median time of one batch, on {threads()} each.")
        )
    return pictures


def _family(output: str) -> str:
    """Gradients, parameters and velocities of a train_step share a colour each."""
    for prefix in ("grad.", "new.velocity.", "new."):
        if output.startswith(prefix):
            return f"{prefix}*"
    return output


def _families(outputs: Iterable[str]) -> dict[str, list[str]]:
    """Outputs by family, in their order."""
    families: dict[str, list[str]] = {}
    for output in outputs:
        families.setdefault(_family(output), []).append(output)
    return families


def _scatter(report: Findings) -> str:
    figure, axes = subplots()
    ends = []
    for family, outputs in _families(dict.fromkeys(s.output for s in report.scatters)).items():
        members = [scatter for scatter in report.scatters if scatter.output in outputs]
        x = np.concatenate([scatter.bounds for scatter in members])
        y = np.concatenate([scatter.differences for scatter in members])
        shown = (y > 0) & np.isfinite(y) & (x > 0) & np.isfinite(x)
        if shown.any():
            axes.loglog(x[shown], y[shown], ".", markersize=3.5, alpha=0.5, label=family)
            ends += [x[shown].min(), x[shown].max()]
    if ends:
        line = [min(ends), max(ends)]
        axes.loglog(line, line, color="#39414b", linewidth=1, label="the limit")
        axes.legend(markerscale=3, fontsize=8)
    axes.set(xlabel="bound", ylabel="difference", title="Differences and their bounds")
    return figure_uri(figure, "png")


def _histogram(report: Findings) -> str:
    shown = [c for c in table.principal(report) if c.ulp_histogram]
    providers = dict.fromkeys(c.provider for c in shown)
    families = _families(dict.fromkeys(c.output for c in shown))
    series = [(provider, family) for provider in providers for family in families]
    figure, axes = subplots()
    places, width = np.arange(len(table.BIN_NAMES)), 0.8 / max(len(series), 1)
    for k, (provider, family) in enumerate(series):
        counts = np.sum(
            [
                c.ulp_histogram
                for c in shown
                if c.provider == provider and c.output in families[family]
            ],
            axis=0,
        )
        axes.bar(
            places + (k - (len(series) - 1) / 2) * width,
            100 * counts / max(counts.sum(), 1),
            width,
            label=f"{family}, {provider.removesuffix('ExecutionProvider')}",
        )
    axes.set_xticks(places, table.BIN_NAMES, fontsize=8)
    axes.set(xlabel="ULP", ylabel="% of the values", title="Distance from the reference")
    axes.grid(axis="x", visible=False)
    axes.legend(fontsize=8)
    return figure_uri(figure)


def timing_figure(report: Findings) -> Figure:
    """Draw the time of a batch against its number of rows, a line per runner."""
    figure, axes = subplots()
    for runner in dict.fromkeys(timing.runner for timing in report.timings):
        points = [(t.batch_size, 1e6 * t.seconds) for t in report.timings if t.runner == runner]
        axes.loglog(*zip(*points, strict=True), "o-", markersize=4, label=runner)
    sizes = sorted({timing.batch_size for timing in report.timings})
    axes.minorticks_off()
    axes.set_xticks(sizes, list(map(str, sizes)), minor=False)
    number_axis(axes.yaxis, [1e6 * timing.seconds for timing in report.timings])
    axes.set(xlabel="rows", ylabel="µs per batch", title="Time")
    axes.legend(fontsize=8)
    return figure
