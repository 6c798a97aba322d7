"""One sum of exponentials in many orders, added in float32 and on a grid."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

import softxent

from .style import Theme

CLASSES, ORDERS, DRAWN = 1000, 1000, 200


class Sums(NamedTuple):
    """Distances from the exact log-sum-exp in ULP of float32."""

    one_by_one: np.ndarray
    pairwise: np.ndarray
    ours: np.ndarray


def measure() -> Sums:
    rng = np.random.default_rng(3)
    x = rng.normal(size=CLASSES).astype(np.float32)
    exact = np.log(np.exp(x.astype(np.longdouble)).sum())
    spacing = np.float64(np.spacing(np.float32(exact)))
    one_by_one, pairwise, ours = [], [], []
    for _ in range(ORDERS):
        shuffled = x[rng.permutation(CLASSES)]
        terms = np.exp(shuffled)
        # The logarithm is taken in double precision: what is seen is the sum alone.
        one_by_one.append(np.log(np.float64(np.cumsum(terms, dtype=np.float32)[-1])))
        pairwise.append(np.log(np.float64(terms.sum(dtype=np.float32))))
        ours.append(softxent.logsumexp(shuffled))
    return Sums(
        *(np.float64((np.array(v) - exact) / spacing) for v in (one_by_one, pairwise, ours))
    )


def draw(sums: Sums, figure: Figure, theme: Theme) -> None:
    axes = figure.subplots()
    rng = np.random.default_rng(0)
    rows = (
        ("one after the other", sums.one_by_one, theme.colors[1]),
        ("pairwise (NumPy)", sums.pairwise, theme.colors[4]),
        ("on a grid (softxent)", sums.ours, theme.colors[0]),
    )
    for place, (_, values, color) in enumerate(rows):
        shown = values[:DRAWN]
        spread = rng.uniform(-0.28, 0.28, shown.size)
        kinds = len(np.unique(values))
        axes.scatter(shown, place + spread, s=8, color=color, alpha=0.6, linewidths=0)
        note = "1 value" if kinds == 1 else f"{kinds} values"
        axes.text(values.max() + 0.15, place, note, va="center", fontsize=9, color=theme.quiet)
    axes.set_yticks(range(3), [name for name, _, _ in rows])
    axes.invert_yaxis()
    axes.axvline(0, color=theme.quiet, linewidth=1)
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)
    axes.set_title(f"log Σ exp of {CLASSES} logits in {ORDERS} orders")
    axes.set_xlabel("distance from the exact value, ULP")
