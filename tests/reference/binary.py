"""Exact sigmoid, log-sigmoid and binary cross-entropy with its derivatives, elementwise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .elementary import exp, log, log1p
from .softmax import Exact
from .wide import Wide, largest, largest_along, where


@dataclass(frozen=True)
class BinaryCrossEntropy:
    """Exact loss, gradient and second derivative of every element."""

    loss: Exact
    grad: Exact
    hess: Exact

    def reduced(self, reduction: str) -> Exact:
        """Sum or mean of the losses, in ULP of the largest term."""
        terms = self.loss.value.reshape(-1)
        if reduction == "mean":
            terms = terms / float(terms.shape[0])
        total = terms.sum()
        return Exact(total, largest([total, largest_along(terms, 0)]))


def _logistic(x: Wide) -> Wide:
    decay = exp(-abs(x))
    return where(x.hi < 0, decay, 1.0) / (1.0 + decay)


def _softplus(x: Wide) -> Wide:
    return where(x.hi > 0, x, 0.0) + log1p(exp(-abs(x)))


def sigmoid(x: np.ndarray) -> Exact:
    return Exact(_logistic(Wide.of(x)))


def log_sigmoid(x: np.ndarray) -> Exact:
    return Exact(-_softplus(-Wide.of(x)))


def binary_cross_entropy(
    logits: np.ndarray,
    target: np.ndarray,
    *,
    weight: np.ndarray | float = 1.0,
    pos_weight: np.ndarray | float = 1.0,
) -> BinaryCrossEntropy:
    """w * ((1 - t) * softplus(x) + v * t * softplus(-x)) with v = pos_weight.

    The gradient is judged in ULP of the larger of its two terms, which is the exact value for the
    targets 0 and 1 and max(p, t) for the plain loss.
    """
    logits, target = np.asarray(logits), np.asarray(target)
    x, t, w = Wide.of(logits), Wide.of(target), Wide.of(weight)
    positive = t * pos_weight
    negative = 1.0 - t
    p, q = _logistic(x), _logistic(-x)
    loss = w * (negative * _softplus(x) + positive * _softplus(-x))
    grad = w * (negative * p - positive * q)
    soft = (target != 0) & (target != 1)
    scale = where(soft, w * largest([p * (negative + positive), positive]), grad)
    hess = w * (negative + positive) * p * q
    return BinaryCrossEntropy(Exact(loss), Exact(grad, scale), Exact(hess))


def binary_cross_entropy_of_probabilities(
    probs: np.ndarray,
    target: np.ndarray,
    *,
    weight: np.ndarray | float = 1.0,
    pos_weight: np.ndarray | float = 1.0,
) -> BinaryCrossEntropy:
    """-w * (v * t * log(p) + (1 - t) * log(1 - p)) with v = pos_weight, far from 0 and 1.

    There logarithms would be clamped, and the denominator of the derivatives.
    """
    p, t, w = Wide.of(np.asarray(probs)), Wide.of(np.asarray(target)), Wide.of(weight)
    positive, negative, q = t * pos_weight, 1.0 - t, 1.0 - p
    loss = -w * (positive * log(p) + negative * log(q))
    up, down = w * negative / q, w * positive / p
    return BinaryCrossEntropy(
        Exact(loss), Exact(up - down, largest([up, down])), Exact(up / q + down / p)
    )
