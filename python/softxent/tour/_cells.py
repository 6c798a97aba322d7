"""A table drawn as coloured cells with text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw_cells(
    axes: Axes,
    values: np.ndarray,
    text: Callable[[int, int], tuple[str, str]],
    columns: Sequence[str],
) -> None:
    """
    Fill the axes with one cell per value.

    Parameters
    ----------
    axes : Axes
        Where to draw.
    values : ndarray, shape (rows, columns)
        Shade of each cell, 0 (white) to 1.
    text : callable
        Gives the text and its colour for (row, column).
    columns : sequence of str
        Names under the columns.
    """
    axes.imshow(values, cmap="Blues", vmin=0, vmax=1.25, aspect="auto")
    for row, column in np.ndindex(*values.shape):
        content, color = text(row, column)
        axes.text(column, row, content, ha="center", va="center", color=color)
    axes.set_xticks(range(len(columns)), columns)
    axes.set_xticks(np.arange(len(columns) - 1) + 0.5, minor=True)
    axes.set_yticks(np.arange(len(values) - 1) + 0.5, minor=True)
    axes.grid(visible=False)
    axes.grid(which="minor", color="white", linewidth=3)
    axes.tick_params(which="both", length=0)
    axes.spines[:].set_visible(False)
