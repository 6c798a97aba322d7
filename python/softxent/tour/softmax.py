"""Softmax: scores become probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING

import softxent
from softxent.report import PALETTE, subplots
from softxent.tour._section import Section

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def example() -> None:
    import numpy as np

    import softxent

    logits = np.array([2.0, 1.0, 0.1])
    probabilities = softxent.softmax(logits)
    print(probabilities.round(8))
    print("sum", probabilities.sum())
    print("every logit + 1000:", softxent.softmax(logits + 1000).round(8))


def draw() -> Figure:
    logits = [2.0, 1.0, 0.1]
    classes = ["class 0", "class 1", "class 2"]
    figure, (left, right) = subplots(1, 2, size=(7.2, 2.9))
    left.set_title("Logits")
    left.bar(classes, logits, width=0.6, color=PALETTE[6])
    left.bar_label(left.containers[0], fmt="%.1f", padding=3)
    left.set_ylim(0, 2.4)
    right.set_title("Probabilities")
    right.bar(classes, softxent.softmax(logits), width=0.6, color=PALETTE[0])
    right.bar_label(right.containers[0], fmt="%.3f", padding=3)
    right.set_ylim(0, 0.8)
    for axes in (left, right):
        axes.grid(axis="x", visible=False)
    return figure


SECTION = Section(
    name="softmax",
    title="Softmax: scores become probabilities",
    prose="""
        A classifier ends in one number per class, the *logits*: any real numbers, the larger the
        likelier. Softmax makes them a distribution, pᵢ = exp(xᵢ) / Σⱼ exp(xⱼ): positive, with
        sum 1, in the same order. Only differences count: the same amount added to every logit
        changes nothing.
    """,
    example=example,
    draw=draw,
    caption="Softmax of the logits 2.0, 1.0 and 0.1.",
)
