"""Why the textbook formula fails, and what the library does."""

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

    for x in (1, 20, 100):
        logits = np.array([x, 0], dtype=np.float32)
        for label in (0, 1):
            with np.errstate(all="ignore"):
                naive = -np.log(np.exp(logits) / np.exp(logits).sum())[label]
            exact = softxent.cross_entropy(logits, label)
            print(f"[{x:3}, 0] label {label}: naive {naive:<8.4g} softxent {exact:.4g}")


def draw() -> Figure:
    x = np.linspace(0, 120, 481, dtype=np.float32)
    logits = np.stack([x, np.zeros_like(x)], axis=-1)
    with np.errstate(all="ignore"):
        e = np.exp(logits)
        naive = -np.log(e / e.sum(axis=-1, keepdims=True))
    figure, (left, right) = subplots(1, 2, size=(7.2, 3.2))
    for axes, label, title in (
        (left, 1, "Certain and wrong: label 1"),
        (right, 0, "Certain and right: label 0"),
    ):
        exact = softxent.cross_entropy(logits, np.full(x.size, label), reduction="none")
        usable = np.isfinite(naive[:, label]) & (naive[:, label] > 0)
        shown, values = x[usable], naive[usable, label]
        axes.set_title(title)
        axes.plot(shown, values, color="#f0a573", linewidth=5, label="−log of the naive softmax")
        axes.plot(shown[-1], values[-1], "X", color=PALETTE[1], markersize=9)
        positive = exact > 0
        axes.plot(x[positive], exact[positive], color=PALETTE[0], label="softxent")
        axes.set_xlabel("x in the logits [x, 0], float32")
    left.set_ylabel("loss")
    left.legend(loc="upper left", frameon=False)
    right.set_yscale("log")
    return figure


SECTION = Section(
    name="overflow",
    title="Why exp overflows, and what the library does",
    prose="""
        In float32 exp(x) is infinite from x = 88.7 on, and infinity divided by infinity is NaN;
        long before that, from a difference of about 17, a probability near 1 has rounded to exactly
        1, its logarithm to 0, and the gradient with it. Subtracting the maximum, as every library
        does, cures the first and not the second. softxent computes the loss of the largest logit as
        log1p of the sum of the *other* terms, so a right answer still has its exact, tiny loss.
    """,
    example=example,
    draw=draw,
    caption="The naive formula ends at the cross: in infinity on the left, in 0 on the right.",
)
