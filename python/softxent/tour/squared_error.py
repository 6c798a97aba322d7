"""Why cross-entropy and not the mean squared error."""

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

    z = np.array([-8.0, -4.0, 0.0, 4.0])
    ones = np.ones(z.size)
    h = softxent.sigmoid(z)
    _, cross_entropy = softxent.binary_cross_entropy_and_grad(z, ones, reduction="sum")
    squared_error = 2 * (h - 1) * h * (1 - h)
    print("z             ", z)
    print("cross-entropy ", cross_entropy.round(4))
    print("squared error ", squared_error.round(4))


def draw() -> Figure:
    z = np.linspace(-10, 10, 401)
    h = softxent.sigmoid(z)
    ones = np.ones(z.size)
    losses = softxent.binary_cross_entropy(z, ones, reduction="none")
    _, grad = softxent.binary_cross_entropy_and_grad(z, ones, reduction="sum")
    figure, (left, right) = subplots(1, 2, size=(7.2, 3.1))
    left.set_title("Loss of a sample with label 1")
    left.plot(z, losses, color=PALETTE[0], label="cross-entropy")
    left.plot(z, (1 - h) ** 2, color=PALETTE[1], label="squared error")
    left.legend(frameon=False)
    right.set_title("Size of its gradient in z")
    right.plot(z, np.abs(grad), color=PALETTE[0])
    right.plot(z, np.abs(2 * (h - 1) * h * (1 - h)), color=PALETTE[1])
    right.axvspan(-10, -4, color=PALETTE[6], alpha=0.12, linewidth=0)
    right.text(-7, 0.5, "badly wrong:\nonly one\nstill learns", ha="center", va="center", size=8.5)
    for axes in (left, right):
        axes.set_xlabel("logit z")
        axes.set_ylim(bottom=0)
    return figure


SECTION = Section(
    name="squared_error",
    title="Why not the squared error",
    prose="""
        The gradient of the cross-entropy in the logit is h - y: the worse the prediction, the
        larger the step. The squared error (h - y)² multiplies that by 2 h (1 - h), which vanishes
        for a prediction that is certain, right or wrong: the samples that most need correcting are
        no longer learned from.
    """,
    example=example,
    draw=draw,
    caption="Far on the wrong side the squared error is flat: no gradient, no learning.",
)
