"""Strokes of a pen that draw a digit of the data set, from its 8 by 8 cells."""

from __future__ import annotations

import numpy as np

#: Of the 28 × 28 image: the frame, and the enlarged pixel in the middle of each cell.
_FRAME, _FACTOR, _CELLS = 2, 3, 8

Cell = tuple[int, int]
Strokes = list[list[list[float]]]


def strokes_of(image: np.ndarray, ink: float = 0.5) -> Strokes:
    """
    Lines through the middles of neighbouring dark cells, each a stroke of points in [0, 1]².

    Parameters
    ----------
    image : ndarray, shape (784,)
        A digit of `softxent.data.load_digits`.
    ink : float
        From which value on a cell is dark.
    """
    enlarged = image.reshape(28, 28)[_FRAME:-_FRAME, _FRAME:-_FRAME]
    dark = enlarged[_FACTOR // 2 :: _FACTOR, _FACTOR // 2 :: _FACTOR] >= ink
    left = {(int(y), int(x)) for y, x in np.argwhere(dark)}
    strokes = []
    while left:
        # From where a line is already, if it can go on there.
        start = next((cell for path in strokes for cell in path if _after(cell, left)), min(left))
        strokes.append(_line(start, left))
    return [[[(x + 0.5) / _CELLS, (y + 0.5) / _CELLS] for y, x in path] for path in strokes]


def _line(start: Cell, left: set[Cell]) -> list[Cell]:
    """A way through dark cells until there is none left beside it."""
    path = [start]
    left.discard(start)
    while (after := _after(path[-1], left)) is not None:
        left.discard(after)
        path.append(after)
    return path


def _after(cell: Cell, left: set[Cell]) -> Cell | None:
    """A dark neighbour: straight first, diagonals are for what hangs together by a corner alone."""
    y, x = cell
    steps = [(1, 0), (0, 1), (-1, 0), (0, -1), (1, 1), (1, -1), (-1, 1), (-1, -1)]
    return next(((y + dy, x + dx) for dy, dx in steps if (y + dy, x + dx) in left), None)
