"""The exact values of the oracle in the C long double: a hundred times faster, to search with.

The functions are named and take arguments as those of `softmax`, `cross_entropy` and `binary`, for
finite logits and without reductions. Where a long double has 64 bits, as on x86, they are off by
some 2**-62: that is 0.005 ULP of a float64, and nothing of a narrower type. What a search finds is
judged by the exact oracle in the end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .ulp import FORMATS

Long = np.longdouble


def usable() -> bool:
    """Whether long doubles are wide enough to judge float64 with."""
    return np.finfo(Long).nmant >= 63


def _long(values: object) -> np.ndarray:
    array = np.asarray(values)
    return array.astype(np.float64).astype(Long) if array.dtype != Long else array


@dataclass(frozen=True)
class Estimate:
    """A nearly exact result and the magnitude in whose ULP its error is counted."""

    value: np.ndarray
    scale: np.ndarray | None = None

    def error(self, computed: np.ndarray) -> np.ndarray:
        """Errors of a computed array, in ULP of its own dtype."""
        computed = np.asarray(computed)
        bits, smallest, _ = FORMATS[computed.dtype.name]
        size = np.abs(self.value)
        if self.scale is not None:
            size = np.maximum(size, np.abs(self.scale))
        _, exponent = np.frexp(size)
        unit = np.ldexp(Long(1), np.maximum(exponent - bits, smallest))
        with np.errstate(invalid="ignore"):
            error = np.abs(_long(computed) - self.value) / unit
        return np.where(np.isnan(error), np.inf, error).astype(np.float64)


class _Rows(NamedTuple):
    maximum: np.ndarray
    losses: np.ndarray
    probabilities: np.ndarray
    complements: np.ndarray
    logsumexp: np.ndarray


def _normalise(z: np.ndarray) -> _Rows:
    top = np.arange(z.shape[1]) == np.argmax(z, axis=1)[:, None]
    maximum = z.max(axis=1)
    below = maximum[:, None] - z
    terms = np.exp(-below)
    others = np.where(top, 0, terms).sum(axis=1)
    log_total = np.log1p(others)
    total = (1 + others)[:, None]
    probabilities = terms / total
    complements = np.where(top, others[:, None] / total, 1 - probabilities)
    return _Rows(
        maximum, below + log_total[:, None], probabilities, complements, maximum + log_total
    )


def _largest(*terms: object) -> np.ndarray:
    result = np.abs(_long(terms[0]))
    for term in terms[1:]:
        result = np.maximum(result, np.abs(_long(term)))
    return result


def softmax(x: np.ndarray) -> Estimate:
    return Estimate(_normalise(_long(x)).probabilities)


def log_softmax(x: np.ndarray) -> Estimate:
    return Estimate(-_normalise(_long(x)).losses)


def logsumexp(x: np.ndarray) -> tuple[Estimate, None]:
    rows = _normalise(_long(x))
    return Estimate(rows.logsumexp, rows.maximum), None


def softmax_grad(grad_output: np.ndarray, probs: np.ndarray) -> Estimate:
    g, p = _long(grad_output), _long(probs)
    products = g * p
    dot = products.sum(axis=1)[:, None]
    scale = p * _largest(g, dot, np.abs(products).max(axis=1)[:, None])
    return Estimate(p * (g - dot), scale)


def log_softmax_grad(grad_output: np.ndarray, log_probs: np.ndarray) -> Estimate:
    g, p = _long(grad_output), np.exp(_long(log_probs))
    total = g.sum(axis=1)[:, None]
    return Estimate(g - p * total, _largest(g, p * _largest(total, np.abs(g).max(axis=1)[:, None])))


class CrossEntropy(NamedTuple):
    loss: Estimate
    grad: Estimate
    hess: Estimate


def cross_entropy(
    logits: np.ndarray,
    target: np.ndarray,
    *,
    weight: np.ndarray | None = None,
    label_smoothing: float = 0.0,
    reduction: str = "none",
    z_loss: float = 0.0,
    logit_scale: float = 1.0,
    softcap: float | None = None,
) -> CrossEntropy:
    assert reduction == "none"
    x, target = _long(logits), np.asarray(target)
    classes = x.shape[1]
    hard = target.ndim == 1 and label_smoothing == 0
    y = np.arange(classes) == target[:, None] if target.ndim == 1 else target
    k = _long(y) * (1 - Long(label_smoothing)) + Long(label_smoothing) / classes
    if weight is not None:
        k = k * _long(weight)
    mass = k.sum(axis=1)[:, None]

    u, slope, bend = x * Long(logit_scale), Long(logit_scale), Long(0)
    z = u
    if softcap is not None:
        decay = np.exp(-2 * np.abs(u / Long(softcap)))
        capped = np.tanh(u / Long(softcap))
        sech = 4 * decay / ((1 + decay) * (1 + decay))
        z, slope = capped * Long(softcap), sech * Long(logit_scale)
        bend = -2 * capped * sech * Long(logit_scale) ** 2 / Long(softcap)
    rows = _normalise(z)
    plain = hard and z_loss == 0 and softcap is None

    lse, size = rows.logsumexp, _largest(rows.logsumexp, rows.maximum)
    terms = k * rows.losses
    loss = terms.sum(axis=1) + Long(z_loss) * lse * lse
    parts = [loss, np.abs(terms).max(axis=1), Long(z_loss) * size * size]
    if softcap is not None:
        parts += [np.abs(k * z).max(axis=1), mass[:, 0] * rows.maximum]

    p = rows.probabilities
    entropy = np.where(k != 0, -k * rows.complements, p * mass) if hard else p * mass - k
    pull = 2 * Long(z_loss) * p
    grad = entropy + pull * lse[:, None]
    grad_scale = _largest(grad) if plain else _largest(p * mass, k, pull * size[:, None])

    variance = p * rows.complements
    pulls = 2 * Long(z_loss) * p * p, 2 * Long(z_loss) * size[:, None] * variance
    second = variance * mass + pulls[0] + 2 * Long(z_loss) * lse[:, None] * variance
    hess = second * slope * slope + grad * bend
    hess_scale = _largest(_largest(variance * mass, *pulls) * slope * slope, grad_scale * bend)
    return CrossEntropy(
        Estimate(loss, None if plain else _largest(*parts)),
        Estimate(grad * slope, None if plain else grad_scale * np.abs(slope)),
        Estimate(hess, hess_scale),
    )


def _logistic(x: np.ndarray) -> np.ndarray:
    decay = np.exp(-np.abs(x))
    return np.where(x < 0, decay, 1) / (1 + decay)


def _softplus(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def sigmoid(x: np.ndarray) -> Estimate:
    return Estimate(_logistic(_long(x)))


def log_sigmoid(x: np.ndarray) -> Estimate:
    return Estimate(-_softplus(-_long(x)))


def binary_cross_entropy(
    logits: np.ndarray,
    target: np.ndarray,
    *,
    weight: np.ndarray | float = 1.0,
    pos_weight: np.ndarray | float = 1.0,
) -> CrossEntropy:
    x, t, w = _long(logits), _long(target), _long(weight)
    positive, negative = t * _long(pos_weight), 1 - t
    p, q = _logistic(x), _logistic(-x)
    loss = w * (negative * _softplus(x) + positive * _softplus(-x))
    grad = w * (negative * p - positive * q)
    soft = (t != 0) & (t != 1)
    scale = np.where(soft, w * _largest(p * (negative + positive), positive), grad)
    hess = w * (negative + positive) * p * q
    return CrossEntropy(Estimate(loss), Estimate(grad, scale), Estimate(hess))
