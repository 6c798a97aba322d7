"""How the errors of all steps add up to the bounds of float32 results."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from matplotlib.figure import Figure

from prove import CLASSES, stated

from .style import Theme

RECORDS = Path(__file__).resolve().parents[2] / "tests" / "reference" / "records.json"
STEPS = ("term", "sum", "room below a power of two", "last rounding")


def budget() -> dict[str, tuple[list[float], float, tuple[str, str]]]:
    """By result: the share of each of STEPS, the bound, function and output in the records.

    The steps are those of tools/prove.py, which proves them.
    """
    sys.path.insert(0, str(RECORDS.parents[1]))
    from reference.bounds import BOUNDS

    parts, term = map(float, stated())
    total = parts + 2.122 * CLASSES / 2**21
    return {
        "softmax": (
            [term, total, 0.25, 0.5],
            BOUNDS["softmax"].of("float32"),
            ("softmax", "softmax"),
        ),
        "gradient": (
            [term, total, 0.25, 0.5],
            BOUNDS["gradient_hard"].of("float32"),
            ("cross_entropy", "grad"),
        ),
        "log_softmax": (
            [0, total, 0, 0.5],
            BOUNDS["log_softmax"].of("float32"),
            ("log_softmax", "log_softmax"),
        ),
        "loss": (
            [0, total, 0, 0.5],
            BOUNDS["cross_entropy"].of("float32"),
            ("cross_entropy", "loss"),
        ),
        "logsumexp": (
            [0, 2 * total, 0, 0.5],
            BOUNDS["logsumexp"].of("float32"),
            ("logsumexp", "logsumexp"),
        ),
    }


def worst(function: str, output: str) -> float:
    """The worst known error of a plain float32 result."""
    records = json.loads(RECORDS.read_text(encoding="utf-8"))
    return max(
        record["ulp"]
        for record in records
        if (record["function"], record["output"], record["dtype"]) == (function, output, "float32")
        and not record["options"]
    )


def draw(figure: Figure, theme: Theme) -> None:
    axes = figure.subplots()
    found = budget()
    names = list(found)
    colors = (theme.colors[0], theme.colors[2], theme.colors[4], theme.colors[6])
    start = [0.0] * len(names)
    for step, (label, color) in enumerate(zip(STEPS, colors, strict=True)):
        widths = [found[name][0][step] for name in names]
        axes.barh(names, widths, left=start, height=0.55, color=color, label=label)
        start = [a + b for a, b in zip(start, widths, strict=True)]
    for place, name in enumerate(names):
        _, bound, key = found[name]
        axes.plot([bound] * 2, [place - 0.38, place + 0.38], color=theme.ink, linewidth=2.5)
        axes.plot(
            worst(*key), place, "D", color=theme.paper, markeredgecolor=theme.ink, markersize=6
        )
    axes.plot([], [], color=theme.ink, linewidth=2.5, label="bound")
    axes.plot(
        [],
        [],
        "D",
        color=theme.paper,
        markeredgecolor=theme.ink,
        label="worst row found",
        linestyle="none",
    )
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)
    axes.set(xlim=(0, 2.15), xlabel=f"ULP, rows of up to {CLASSES} classes")
    figure.legend(loc="outside lower center", ncols=3, fontsize=9.5)
