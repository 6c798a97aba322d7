"""The binary cost over the predicted probability."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

import softxent
from softxent.report import PALETTE, subplots
from softxent.tour._section import Section

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def example() -> None:
    import numpy as np

    import softxent

    z = np.arange(-5, 5, 0.2)
    h = softxent.sigmoid(z)
    cost_if_1 = softxent.binary_cross_entropy(z, np.ones(z.size), reduction="none")
    cost_if_0 = softxent.binary_cross_entropy(z, np.zeros(z.size), reduction="none")
    print("cost if 1 is -log h:     ", np.allclose(cost_if_1, -np.log(h)))
    print("cost if 0 is -log(1 - h):", np.allclose(cost_if_0, -np.log(1 - h)))
    print(f"h = {h[-1]:.3f}: {cost_if_1[-1]:.4f} if the label is 1, {cost_if_0[-1]:.4f} if it is 0")


def draw() -> Figure:
    z = np.arange(-5, 5, 0.2)
    h = softxent.sigmoid(z)
    figure, axes = subplots(size=(6.4, 3.4))
    for label, color in ((1, PALETTE[0]), (0, PALETTE[1])):
        cost = softxent.binary_cross_entropy(z, np.full(z.size, float(label)), reduction="none")
        axes.plot(h, cost, ".-", color=color, markersize=4)
    axes.text(0.06, 3.1, "label 1: −log h", color=PALETTE[0], weight="bold")
    axes.text(0.94, 3.1, "label 0: −log(1 − h)", color=PALETTE[1], weight="bold", ha="right")
    axes.set_xlabel("h = sigmoid(z), the predicted probability of label 1")
    axes.set_ylabel("cost")
    axes.set_xlim(0, 1)
    axes.set_ylim(bottom=0)
    return figure


SECTION = Section(
    name="cost_curves",
    title="Two classes: the binary cost",
    prose="""
        With two classes one logit z is enough: h = sigmoid(z) = 1 / (1 + exp(-z)) is the
        probability of label 1, and the cost is -log h if the label is 1, -log(1 - h) if it is 0.
        `binary_cross_entropy` computes both from z, where h would have rounded to 0 or 1 already.
    """,
    example=example,
    draw=draw,
    caption="The cost of a prediction h for either label; z runs from -5 to 5 in steps of 0.2.",
)
