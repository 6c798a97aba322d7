"""Predictions by argmax."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

import softxent
from softxent.report import subplots
from softxent.tour._cells import draw_cells
from softxent.tour._section import Section

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_LABELS = np.array([2, 0, 1])
_GOOD = np.array([[0.1, 1.0, 2.1], [2.0, 1.0, 0.1], [0.1, 3.0, 0.1]])
_BAD = np.array([[2.1, 1.0, 0.1], [0.1, 1.0, 2.1], [0.1, 3.0, 0.1]])


def example() -> None:
    import numpy as np

    import softxent

    labels = np.array([2, 0, 1])
    good = np.array([[0.1, 1.0, 2.1], [2.0, 1.0, 0.1], [0.1, 3.0, 0.1]])
    bad = np.array([[2.1, 1.0, 0.1], [0.1, 1.0, 2.1], [0.1, 3.0, 0.1]])
    for name, logits in (("good", good), ("bad", bad)):
        loss = softxent.cross_entropy(logits, labels)
        print(f"{name:5} loss {loss:.4f}  predictions {logits.argmax(axis=-1)}  labels {labels}")


def draw() -> Figure:
    figure, panels = subplots(1, 2, size=(7.2, 2.8), sharey=True, gridspec_kw={"wspace": 0.08})
    for axes, name, logits in zip(panels, ("Good", "Bad"), (_GOOD, _BAD), strict=True):
        loss = softxent.cross_entropy(logits, _LABELS)
        axes.set_title(f"{name} logits: loss {loss:.4f}")
        probabilities = softxent.softmax(logits)
        draw_cells(
            axes, 0.6 * probabilities, _text_of(probabilities), ["class 0", "class 1", "class 2"]
        )
    panels[0].set_yticks(
        range(3), [f"sample {i}\nlabel {label}" for i, label in enumerate(_LABELS)]
    )
    return figure


def _text_of(probabilities: np.ndarray) -> Callable[[int, int], tuple[str, str]]:
    predictions = probabilities.argmax(axis=-1)

    def text(row: int, column: int) -> tuple[str, str]:
        p = f"{probabilities[row, column]:.2f}"
        if column != predictions[row]:
            return p, "#39414b"
        right = column == _LABELS[row]
        return f"{p} {'✓' if right else '✗'}", "#0b5c43" if right else "#a8321f"

    return text


SECTION = Section(
    name="argmax",
    title="Predictions",
    prose="""
        The predicted class is the one with the largest logit: softmax keeps the order, so `argmax`
        needs no probabilities. The loss tells sets of predictions apart that accuracy calls equal,
        and it has a gradient, which accuracy has not.
    """,
    example=example,
    draw=draw,
    caption="Softmax of three samples; the predicted class of each is marked right or wrong.",
)
