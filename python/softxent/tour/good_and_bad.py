"""Cross-entropy of a good and of a bad prediction."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

import softxent
from softxent.report import PALETTE, subplots
from softxent.tour._section import Section

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_GOOD = (0.7, 0.2, 0.1)
_BAD = (0.1, 0.3, 0.6)


def example() -> None:
    import softxent

    truth = [1.0, 0.0, 0.0]
    good = [0.7, 0.2, 0.1]
    bad = [0.1, 0.3, 0.6]
    print(f"good {softxent.cross_entropy(good, truth, from_logits=False):.4f}")
    print(f"bad  {softxent.cross_entropy(bad, truth, from_logits=False):.4f}")
    print(f"from logits, good {softxent.cross_entropy([2.0, 1.0, 0.1], 0):.4f}")
    print(f"from logits, bad  {softxent.cross_entropy([0.5, 2.0, 0.3], 0):.4f}")


def draw() -> Figure:
    figure, panels = subplots(1, 2, size=(7.2, 2.9), sharey=True)
    truth = np.array([1.0, 0.0, 0.0])
    for axes, name, prediction in zip(panels, ("Good", "Bad"), (_GOOD, _BAD), strict=True):
        loss = softxent.cross_entropy(np.array(prediction), truth, from_logits=False)
        axes.set_title(f"{name} prediction: loss {loss:.4f}")
        colors = [PALETTE[0], PALETTE[6], PALETTE[6]]
        bars = axes.bar(["class 0\n(true)", "class 1", "class 2"], prediction, 0.6, color=colors)
        axes.bar_label(bars, fmt="%.1f", padding=3)
        axes.set_ylim(0, 0.85)
        axes.grid(axis="x", visible=False)
    panels[0].set_ylabel("predicted probability")
    return figure


SECTION = Section(
    name="good_and_bad",
    title="Cross-entropy: how wrong a prediction is",
    prose="""
        The loss of one sample is L = -Σ y log p. With one right class only its probability counts:
        L = -log p(true class). Certainty about the right class costs nothing, certainty about a
        wrong one costs without limit. `from_logits=False` takes probabilities as they are; the
        default takes logits, does the softmax itself, and is the accurate way.
    """,
    example=example,
    draw=draw,
    caption="The loss looks at the true class alone: -log 0.7 and -log 0.1.",
)
