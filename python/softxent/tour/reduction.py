"""Sum, mean, and a divisor that is not the number of samples."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

import softxent
from softxent.report import PALETTE, subplots
from softxent.tour._section import Section

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_PREDICTIONS = np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]])


def example() -> None:
    import numpy as np

    import softxent

    predictions = np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]])
    labels = np.array([0, 0])
    losses = softxent.cross_entropy(predictions, labels, from_logits=False, reduction="none")
    print("per sample  ", losses.round(4))
    for reduction in ("sum", "mean"):
        loss = softxent.cross_entropy(predictions, labels, from_logits=False, reduction=reduction)
        print(f"{reduction:12} {loss:.4f}")
    print("/ classes   ", (losses / 3).round(4))


def draw() -> Figure:
    labels = np.zeros(2, dtype=np.int64)
    losses = softxent.cross_entropy(_PREDICTIONS, labels, from_logits=False, reduction="none")
    values = [*losses, losses.sum(), losses.mean()]
    names = ["sample 0", "sample 1", "sum", "mean"]
    figure, (left, right) = subplots(
        1, 2, size=(7.2, 2.9), sharey=True, gridspec_kw={"width_ratios": [2, 1.1]}
    )
    left.set_title("Loss per sample, and reduced")
    left.bar(names, values, 0.6, color=[PALETTE[6], PALETTE[6], PALETTE[0], PALETTE[0]])
    left.bar_label(left.containers[0], fmt="%.4f", padding=3)
    right.set_title("Divided by 3 classes")
    right.bar(["sample 0", "sample 1"], losses / 3, 0.6, color=PALETTE[1])
    right.bar_label(right.containers[0], fmt="%.4f", padding=3)
    left.set_ylim(0, 3.1)
    for axes in (left, right):
        axes.grid(axis="x", visible=False)
    return figure


SECTION = Section(
    name="reduction",
    title="Sum or mean",
    prose="""
        `reduction="none"` keeps one loss per sample, `"sum"` adds them, `"mean"`, the default,
        divides by the number of samples (by their total weight, if there are class weights).
        Some texts divide the loss of one sample by the number of *classes* instead and so arrive at
        0.1189 and 0.7675 where others find 0.3567 and 2.3026: the gradient points the same way and
        is three times shorter, so a learning rate does not carry over.
    """,
    example=example,
    draw=draw,
    caption="Two samples, their sum and mean, and the losses divided by the number of classes.",
)
