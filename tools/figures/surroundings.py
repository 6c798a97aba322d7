"""How many different results one row has when only its surroundings change."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from matplotlib.figure import Figure

from .field import Library
from .style import Theme

CLASSES = 1000
Softmax = Callable[[np.ndarray], np.ndarray]


def results(softmax: Softmax, row: np.ndarray, rng: np.random.Generator) -> Iterator[bytes]:
    """The row's probabilities, as bits, in batches, at positions and in orders of its classes."""
    yield softmax(row[None])[0].tobytes()
    for rows in (2, 3, 8, 64, 500):
        others = rng.normal(size=(rows, CLASSES)).astype(np.float32)
        for position in {0, rows // 2, rows - 1}:
            batch = others.copy()
            batch[position] = row
            yield softmax(batch)[position].tobytes()
    for _ in range(40):
        order = rng.permutation(CLASSES)
        back = np.argsort(order)
        yield softmax(np.ascontiguousarray(row[order])[None])[0][back].tobytes()
    for offset in range(1, 16):  # the same numbers elsewhere in memory
        memory = np.zeros(CLASSES + 16, np.float32)
        memory[offset : offset + CLASSES] = row
        yield softmax(memory[None, offset : offset + CLASSES])[0].tobytes()


def measure(field: list[Library]) -> dict[str, tuple[int, int]]:
    """Different results and attempts, the largest of several rows, by library."""
    found = {}
    for library in field:
        counts = []
        for seed in range(5):
            rng = np.random.default_rng(seed)
            row = rng.normal(scale=4, size=CLASSES).astype(np.float32)
            bits = list(results(library.softmax, row, rng))
            counts.append((len(set(bits)), len(bits)))
        found[library.name] = max(counts)
    return found


def draw(found: dict[str, tuple[int, int]], figure: Figure, theme: Theme) -> None:
    axes = figure.subplots()
    names = list(found)
    different = [found[name][0] for name in names]
    attempts = found[names[0]][1]
    bars = axes.barh(names, different, color=theme.colors[: len(names)], height=0.6)
    axes.bar_label(bars, padding=5, color=theme.ink)
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    axes.set_title(f"Different results of one row in {attempts} surroundings")
    axes.set_xlim(0, 1.12 * max(different))
    axes.tick_params(axis="y", length=0)
