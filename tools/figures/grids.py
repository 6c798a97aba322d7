"""The bits of terms, and which of them either grid takes."""

from __future__ import annotations

import math

from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from .style import Theme

LOGITS = (2.0, 0.7, -1.9, -6.0, -11.3)
COARSE, FINE, SHOWN = 22, 44, 60  # steps of the grids below the largest term; bits drawn


def bits_of(value: float) -> tuple[int, list[int]]:
    """Exponent of the leading bit, and the 48 bits of a term's two parts."""
    mantissa, exponent = math.frexp(value)
    whole = int(mantissa * 2.0**48)
    return exponent - 1, [whole >> (47 - k) & 1 for k in range(48)]


def draw(figure: Figure, theme: Theme) -> None:
    axes = figure.subplots()
    axes.axis("off")
    colors = {"coarse": theme.colors[0], "fine": theme.colors[2], "lost": theme.colors[1]}
    largest = math.floor(LOGITS[0] / math.log(2))
    for row, logit in enumerate(LOGITS):
        exponent, bits = bits_of(math.exp(logit))
        axes.text(
            -1.2,
            row + 0.4,
            f"exp({logit:g})".replace("-", "−"),
            ha="right",
            va="center",
            fontsize=10,
        )
        for k, bit in enumerate(bits):
            place = largest - exponent + k
            if place >= SHOWN:
                break
            kind = "coarse" if place < COARSE else "fine" if place < FINE else "lost"
            axes.add_patch(
                Rectangle(
                    (place + 0.08, row + 0.08),
                    0.84,
                    0.64,
                    facecolor=colors[kind] if bit else "none",
                    edgecolor=colors[kind],
                    linewidth=0.7,
                    alpha=1 if bit else 0.55,
                )
            )
    for step, label in ((COARSE, "step of the coarse grid"), (FINE, "step of the fine grid")):
        axes.plot([step, step], [-0.25, len(LOGITS) + 0.05], color=theme.quiet, linewidth=1)
        axes.text(step, -0.4, label, ha="center", va="bottom", fontsize=9, color=theme.quiet)
    axes.set(xlim=(-9, SHOWN + 0.5), ylim=(len(LOGITS) + 0.1, -1))
    names = {
        "coarse": "into the coarse sum",
        "fine": "into the fine sum",
        "lost": "falls off, rounded",
    }
    patches = [Patch(color=colors[kind], label=name) for kind, name in names.items()]
    figure.legend(handles=patches, loc="outside lower center", ncols=3, fontsize=9.5)
