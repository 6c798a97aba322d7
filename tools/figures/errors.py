"""The first picture: errors of softmax and of the loss of confident answers, library by library."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

from .field import Library
from .style import Theme

CLASSES = (10, 100, 1000, 10_000, 100_000)
ROWS = 200_000  # logits per number of classes, at least 20 rows
MARGINS = np.linspace(0, 40, 81)
SAMPLES = 50  # rows per margin
LARGEST = 2.0**24  # ULP of a float32 result that is 0 and should not be


class Errors(NamedTuple):
    """ULP by library: of softmax for each of CLASSES, of the loss for each of MARGINS."""

    softmax: dict[str, list[float]]
    loss: dict[str, list[float]]


def ulp(computed: np.ndarray, exact: np.ndarray) -> np.ndarray:
    """Distance in spacings of float32 at the exact value, which is a float64."""
    _, exponent = np.frexp(np.abs(exact))
    return np.abs(computed.astype(np.float64) - exact) / np.ldexp(
        1.0, np.maximum(exponent, -125) - 24
    )


def exact_softmax(x: np.ndarray) -> np.ndarray:
    # float64, off by less than a millionth of a float32's spacing.
    terms = np.exp(x.astype(np.float64) - x.max(axis=1, keepdims=True))
    return terms / terms.sum(axis=1, keepdims=True)


def exact_loss(x: np.ndarray) -> np.ndarray:
    """-log p of the first class, which is the largest: log1p of the others' share of it."""
    wide = x.astype(np.float64)
    return np.log1p(np.exp(wide[:, 1:] - wide[:, :1]).sum(axis=1))


def measure(field: list[Library]) -> Errors:
    rng = np.random.default_rng(0)
    softmax: dict[str, list[float]] = {library.name: [] for library in field}
    loss: dict[str, list[float]] = {library.name: [] for library in field}
    for classes in CLASSES:
        x = rng.normal(scale=4, size=(max(20, ROWS // classes), classes)).astype(np.float32)
        exact = exact_softmax(x)
        for library in field:
            softmax[library.name].append(float(ulp(library.softmax(x), exact).max()))
    for margin in MARGINS:
        x = rng.normal(size=(SAMPLES, 10)).astype(np.float32)
        x[:, 0] = x[:, 1:].max(axis=1) + np.float32(margin)
        exact = exact_loss(x)
        for library in field:
            loss[library.name].append(float(np.median(ulp(library.loss(x), exact))))
    return Errors(softmax, loss)


def draw(errors: Errors, figure: Figure, theme: Theme) -> None:
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.25))
    left.set_title("Softmax: largest error, ULP")
    right.set_title("Loss of a right answer: error, ULP")
    handles = []
    for number, (name, values) in enumerate(errors.softmax.items()):
        style = {
            "color": theme.colors[number],
            "linewidth": 3 if number == 0 else 1.6,
            "zorder": 4 if number == 0 else 2,
        }
        (line,) = left.plot(CLASSES, values, marker="o", markersize=4, label=name, **style)
        handles.append(line)
        # Where the error is 0 there is nothing to show on a logarithmic axis but its lower end.
        right.plot(MARGINS, np.maximum(errors.loss[name], 0.05), **style)
    left.set(xscale="log", yscale="log", xlabel="classes", ylim=(0.8, 400))
    left.set_yticks(
        [1, 2, 5, 10, 20, 50, 100, 200], ["1", "2", "5", "10", "20", "50", "100", "200"]
    )
    left.minorticks_off()
    right.set(yscale="log", xlabel="lead of the right logit", ylim=(0.04, 3e8), xlim=(0, 40))
    right.set_yticks([0.1, 1, 10, 1e3, 1e5, 1e7], ["0.1", "1", "10", "10³", "10⁵", "10⁷"])
    right.minorticks_off()
    right.axhline(LARGEST, color=theme.quiet, linewidth=0.8, linestyle=(0, (4, 3)))
    right.text(
        39.5, 2.6e7, "every digit lost: the loss is 0", ha="right", color=theme.quiet, fontsize=9
    )
    figure.legend(handles=handles, loc="outside lower center", ncols=5, fontsize=9.5)
