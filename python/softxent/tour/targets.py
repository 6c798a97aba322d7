"""Index labels and one-hot targets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from softxent.report import subplots
from softxent.tour._cells import draw_cells
from softxent.tour._section import Section

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_DARK = "#39414b"


def example() -> None:
    import numpy as np

    import softxent

    logits = np.array([[0.1, 1.0, 2.1], [2.0, 1.0, 0.1], [0.1, 3.0, 0.1]])
    labels = np.array([2, 0, 1])
    one_hot = np.eye(3)[labels]
    print(f"index labels     {softxent.cross_entropy(logits, labels):.4f}")
    print(f"one-hot          {softxent.cross_entropy(logits, one_hot):.4f}")
    print(f"90 % sure        {softxent.cross_entropy(logits, 0.9 * one_hot + 0.1 / 3):.4f}")
    print(f"label_smoothing  {softxent.cross_entropy(logits, labels, label_smoothing=0.1):.4f}")


def draw() -> Figure:
    labels = np.array([2, 0, 1])
    one_hot = np.eye(3)[labels]
    figure, (left, right) = subplots(
        1, 2, size=(5.6, 2.6), sharey=True, gridspec_kw={"width_ratios": [1, 3], "wspace": 0.12}
    )
    left.set_title("Index labels")
    draw_cells(left, np.full((3, 1), 0.12), lambda row, _: (str(labels[row]), _DARK), ["label"])
    right.set_title("One-hot")
    draw_cells(
        right,
        one_hot,
        lambda row, column: _one_hot_text(one_hot[row, column]),
        ["class 0", "class 1", "class 2"],
    )
    left.set_yticks(range(3), ["sample 0", "sample 1", "sample 2"])
    return figure


def _one_hot_text(value: float) -> tuple[str, str]:
    return f"{value:.0f}", "white" if value else _DARK


SECTION = Section(
    name="targets",
    title="Index labels or one-hot targets",
    prose="""
        A target is an integer index per sample or a probability per class. The dtype decides:
        integers are indices, floats are probabilities, and the two never get mixed up by a shape
        that happens to fit. One-hot rows give exactly the loss of the indices. Softer rows say
        that the label itself is not certain; `label_smoothing` makes them from indices.
    """,
    example=example,
    draw=draw,
    caption="The same three targets in both forms.",
)
