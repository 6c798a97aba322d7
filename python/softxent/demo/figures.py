"""The pictures of the demo's report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from softxent.data import Dataset
from softxent.report import PALETTE, subplots

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_RIGHT, _WRONG, _QUIET, _INK = PALETTE[2], PALETTE[1], "#c3cad2", "#39414b"


def learning_curve(history: Mapping[str, Sequence[float]], lowest: float) -> Figure:
    """Draw loss and accuracy over the epochs; `lowest` is what smoothed labels allow at best."""
    figure, (losses, accuracy) = subplots(1, 2, size=(9.6, 3.1))
    epochs = range(1, len(history["loss"]) + 1)
    losses.plot(epochs, history["loss"], color=PALETTE[0], label="training")
    losses.plot(epochs, history["val_loss"], color=PALETTE[1], label="test")
    losses.axhline(lowest, color=PALETTE[6], linewidth=1, linestyle=":", label="lowest possible")
    losses.set_title("Cross-entropy, labels smoothed", loc="left")
    losses.set_ylim(bottom=0)
    losses.legend(frameon=False)
    percent = 100 * np.asarray(history["val_accuracy"])
    accuracy.plot(epochs, percent, color=PALETTE[1])
    accuracy.set_title("Test accuracy, %", loc="left")
    accuracy.set_ylim(min(90.0, percent.min() - 1), 100)
    accuracy.annotate(
        f"{percent[-1]:.1f} %",
        (len(percent), percent[-1]),
        xytext=(-4, -16),
        textcoords="offset points",
        ha="right",
        color=PALETTE[1],
        weight="bold",
    )
    for axes in (losses, accuracy):
        axes.set_xlabel("epoch")
        axes.set_xlim(1, len(percent))
    return figure


def confusion_matrix(labels: np.ndarray, predictions: np.ndarray, names: Sequence[str]) -> Figure:
    """Draw how many samples of each class were taken for which."""
    counts = np.zeros((len(names), len(names)), dtype=np.int64)
    np.add.at(counts, (labels, predictions), 1)
    figure, axes = subplots(size=(4.8, 4.6))
    axes.imshow(counts, cmap="Blues", vmin=0, vmax=1.15 * counts.max())
    for (row, column), count in np.ndenumerate(counts):
        if count:
            color, weight = ("white", "normal") if row == column else (_WRONG, "bold")
            axes.text(column, row, count, ha="center", va="center", color=color, weight=weight)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    axes.set_xticks(range(len(names)), names)
    axes.set_yticks(range(len(names)), names)
    axes.set_xticks(np.arange(len(names) - 1) + 0.5, minor=True)
    axes.set_yticks(np.arange(len(names) - 1) + 0.5, minor=True)
    axes.grid(visible=False)
    axes.grid(which="minor", color="#e9edf1")
    axes.tick_params(which="both", length=0)
    axes.spines[:].set_visible(False)
    return figure


def samples(test: Dataset, probabilities: np.ndarray, count: int = 5) -> Figure:
    """Draw the surest digits of some classes and the hardest of all, with their probabilities."""
    chosen = [*_surest(test.y, probabilities, count), *_hardest(test.y, probabilities, count)]
    figure, (pictures, bars) = subplots(
        2, len(chosen), size=(11.0, 2.8), gridspec_kw={"height_ratios": [1.3, 1]}
    )
    for column, index in enumerate(chosen):
        _draw_digit(pictures[column], test, index)
        _draw_probabilities(
            bars[column], probabilities[index], int(test.y[index]), test.class_names
        )
    return figure


def _surest(labels: np.ndarray, probabilities: np.ndarray, count: int) -> list[int]:
    """Pick the surest right answer of `count` classes spread over all."""
    classes = np.linspace(0, probabilities.shape[1] - 1, count).round().astype(int)
    return [
        int(np.where(labels == label, probabilities[:, label], -1).argmax()) for label in classes
    ]


def _hardest(labels: np.ndarray, probabilities: np.ndarray, count: int) -> list[int]:
    """Pick the samples whose own class got the smallest probability."""
    own = probabilities[np.arange(len(labels)), labels]
    return [int(index) for index in np.argsort(own, kind="stable")[:count]]


def _draw_digit(axes: Axes, test: Dataset, index: int) -> None:
    axes.imshow(test.X[index].reshape(test.image_shape), cmap="gray_r", interpolation="nearest")
    axes.set_title(f"true: {test.class_names[test.y[index]]}", color=_INK, size=9)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)


def _draw_probabilities(axes: Axes, p: np.ndarray, label: int, names: Sequence[str]) -> None:
    prediction = int(p.argmax())
    colors = [_QUIET] * len(names)
    colors[label] = _RIGHT
    if prediction != label:
        colors[prediction] = _WRONG
    axes.bar(names, p, color=colors, width=0.8)
    axes.set_ylim(0, 1)
    axes.set_yticks([])
    axes.tick_params(length=0, labelsize=6.5, pad=2)
    axes.grid(visible=False)
    axes.spines["left"].set_visible(False)
    color = _RIGHT if prediction == label else _WRONG
    axes.set_title(f"{names[prediction]}: {p[prediction]:.0%}", color=color, size=9)
