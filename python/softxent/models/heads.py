"""What is put on top of the logits: targets, loss, probabilities and decision.

Networks of the same layers differ in nothing else. A head works on logits of shape (n, outputs),
the product of the last linear layer; targets are checked once and then handed around in the
head's own form.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

from softxent import (
    binary_cross_entropy,
    binary_cross_entropy_and_grad,
    cross_entropy,
    cross_entropy_and_grad,
    sigmoid,
    softmax,
)
from softxent._arguments.arrays import as_array
from softxent._arguments.remedies import dtype_remedy, shape_remedy

__all__ = ["BinaryHead", "Head", "SoftmaxHead"]


class Head(Protocol):
    """
    A loss on logits and everything that belongs to it.

    Attributes
    ----------
    outputs : int
        Number of logits per sample.
    num_classes : int
        Number of classes.
    """

    outputs: int
    num_classes: int

    def public(self, columns: np.ndarray) -> np.ndarray:
        """Give an array of shape (n, outputs) the shape that users see."""

    def targets(self, y: ArrayLike, count: int) -> np.ndarray:
        """Check targets for `count` samples."""

    def labels(self, targets: np.ndarray) -> np.ndarray:
        """Return the class that checked targets stand for, shape (n,)."""

    def loss(
        self, logits: np.ndarray, targets: np.ndarray, weight: np.ndarray | None, smoothing: float
    ) -> float:
        """Return the mean loss."""

    def loss_and_grad(
        self, logits: np.ndarray, targets: np.ndarray, weight: np.ndarray | None, smoothing: float
    ) -> tuple[float, np.ndarray]:
        """Return the mean loss and its gradient, which overwrites the logits."""

    def divisor(self, targets: np.ndarray, weight: np.ndarray | None) -> float:
        """Return what the mean divides the sum of losses by."""

    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        """Return probabilities in the shape that users see."""

    def predictions(self, logits: np.ndarray) -> np.ndarray:
        """Return the most probable class as int64, shape (n,)."""


class SoftmaxHead:
    """
    Softmax over C ≥ 2 logits with cross-entropy.

    Parameters
    ----------
    num_classes : int
        The number C of classes and logits.
    """

    def __init__(self, num_classes: int) -> None:
        self.outputs = self.num_classes = num_classes

    def public(self, columns: np.ndarray) -> np.ndarray:
        """Return logits as they are, shape (n, C)."""
        return columns

    def targets(self, y: ArrayLike, count: int) -> np.ndarray:
        """
        Check class indices, shape (n,), or class probabilities, shape (n, C).

        The dtype decides which of the two they are, never the shape.

        Raises
        ------
        TypeError
            If the dtype is neither integer nor floating.
        ValueError
            If the shape is wrong or a probability is negative or not finite.
        IndexError
            If a label is not in [0, C).
        """
        array = as_array(y, "y")
        logits = (count, self.num_classes)
        if array.dtype.kind in "iu":
            _check_shape(array, (count,), "labels", shape_remedy(array, logits, 1, "y"))
            bad = np.flatnonzero((array < 0) | (array >= self.num_classes))
            if bad.size:
                raise IndexError(
                    f"label {array[bad[0]]} at index {bad[0]} is not in [0, {self.num_classes})"
                )
            return array.astype(np.int64)
        if array.dtype.kind == "f":
            remedy = shape_remedy(array, logits, 1, "y")
            _check_shape(array, logits, "class probabilities (floating targets)", remedy)
            _check_range(array, np.inf)
            return np.ascontiguousarray(array)
        raise TypeError(
            "y must be integer labels or floating class probabilities, got dtype "
            f"{array.dtype}{dtype_remedy(array, 'y', logits)}"
        )

    def labels(self, targets: np.ndarray) -> np.ndarray:
        """Return class indices; of probabilities the largest."""
        return targets if targets.ndim == 1 else targets.argmax(axis=1)

    def loss(
        self, logits: np.ndarray, targets: np.ndarray, weight: np.ndarray | None, smoothing: float
    ) -> float:
        """Return `softxent.cross_entropy` under mean."""
        return float(cross_entropy(logits, targets, weight=weight, label_smoothing=smoothing))

    def loss_and_grad(
        self, logits: np.ndarray, targets: np.ndarray, weight: np.ndarray | None, smoothing: float
    ) -> tuple[float, np.ndarray]:
        """Return `softxent.cross_entropy_and_grad` under mean, computed in place."""
        loss, grad = cross_entropy_and_grad(
            logits, targets, weight=weight, label_smoothing=smoothing, out=logits
        )
        return float(loss), grad

    def divisor(self, targets: np.ndarray, weight: np.ndarray | None) -> float:
        """Return Σ w[t] for labels and n for probabilities."""
        if weight is None or targets.ndim == 2:
            return float(len(targets))
        return float(weight[targets].sum())

    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        """Return softmax, shape (n, C)."""
        return softmax(logits)

    def predictions(self, logits: np.ndarray) -> np.ndarray:
        """Return the index of the largest logit, the first among equals."""
        return logits.argmax(axis=1).astype(np.int64)


class BinaryHead:
    """
    Sigmoid of one logit with binary cross-entropy.

    Class weights (w0, w1) and label smoothing ε act as in `softxent.cross_entropy` with two
    classes: with t' = t (1 - ε) + ε/2 a sample costs -w1 t' log p - w0 (1 - t') log(1 - p). The
    mean divides by the number of samples.
    """

    outputs = 1
    num_classes = 2

    def public(self, columns: np.ndarray) -> np.ndarray:
        """Drop the axis of length 1, so that logits and targets have the same shape (n,)."""
        return columns[:, 0]

    def targets(self, y: ArrayLike, count: int) -> np.ndarray:
        """
        Check targets of shape (n,) or (n, 1): 0 and 1 of any dtype, or probabilities of class 1.

        Raises
        ------
        TypeError
            If the dtype is not boolean, integer or floating.
        ValueError
            If the shape is wrong or a value is not in [0, 1].
        """
        array = as_array(y, "y")
        if array.dtype.kind not in "biuf":
            raise TypeError(
                f"y must be 0, 1 or probabilities, got dtype {array.dtype}"
                f"{dtype_remedy(array, 'y')}"
            )
        if array.shape == (count, 1):
            array = array[:, 0]
        _check_shape(array, (count,), "targets", shape_remedy(array, (count, 2), 1, "y"))
        _check_range(array, 1)
        return array.astype(np.float64)

    def labels(self, targets: np.ndarray) -> np.ndarray:
        """Return 1 where the target is above one half."""
        return (targets > 0.5).astype(np.int64)

    def loss(
        self, logits: np.ndarray, targets: np.ndarray, weight: np.ndarray | None, smoothing: float
    ) -> float:
        """Return `softxent.binary_cross_entropy` under mean."""
        target, element_weight = _weighted(targets, weight, smoothing)
        return float(binary_cross_entropy(logits[:, 0], target, weight=element_weight))

    def loss_and_grad(
        self, logits: np.ndarray, targets: np.ndarray, weight: np.ndarray | None, smoothing: float
    ) -> tuple[float, np.ndarray]:
        """Return `softxent.binary_cross_entropy_and_grad` under mean, computed in place."""
        target, element_weight = _weighted(targets, weight, smoothing)
        loss, _ = binary_cross_entropy_and_grad(
            logits[:, 0], target, weight=element_weight, out=logits[:, 0]
        )
        return float(loss), logits

    def divisor(self, targets: np.ndarray, weight: np.ndarray | None) -> float:
        """Return the number of samples."""
        return float(len(targets))

    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        """Return the probability of class 1, shape (n,)."""
        return sigmoid(logits[:, 0])

    def predictions(self, logits: np.ndarray) -> np.ndarray:
        """Return 1 where the probability is above one half."""
        return (logits[:, 0] > 0).astype(np.int64)


def _weighted(
    targets: np.ndarray, weight: np.ndarray | None, smoothing: float
) -> tuple[np.ndarray, np.ndarray | None]:
    """
    Express class weights and smoothing by one target and one weight per sample.

    -w1 t log p - w0 (1 - t) log(1 - p) is s times the loss of the target w1 t / s, where
    s = w1 t + w0 (1 - t).
    """
    smoothed = targets * (1 - smoothing) + smoothing / 2
    if weight is None:
        return smoothed, None
    positive, negative = weight[1] * smoothed, weight[0] * (1 - smoothed)
    total = positive + negative
    # Where nothing has weight the target is of no account, as long as it is one.
    return np.divide(positive, total, out=np.zeros_like(total), where=total > 0), total


def _check_shape(array: np.ndarray, expected: tuple[int, ...], what: str, remedy: str) -> None:
    if array.shape != expected:
        raise ValueError(f"y: {what} must have shape {expected}, got {array.shape}{remedy}")


def _check_range(array: np.ndarray, high: float) -> None:
    """Refuse targets that are negative, NaN, infinite or above `high`."""
    bad = np.argwhere(~((array >= 0) & (array <= high) & np.isfinite(array)))
    if bad.size:
        position = tuple(bad[0].tolist())
        limits = "in [0, 1]" if high == 1 else "finite and ≥ 0"
        raise ValueError(f"y must be {limits}, got {array[position]} at index {position}")
