"""Exact softmax, log-softmax, log-sum-exp and their gradients, over the last axis of a matrix."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .elementary import exp, log1p
from .ulp import ulp_error
from .wide import Wide, largest, largest_along, where


@dataclass(frozen=True)
class Exact:
    """An exact result and the magnitude in whose ULP its error is counted."""

    value: Wide
    scale: Wide | None = None  # None: the value itself

    def error(self, computed: np.ndarray) -> np.ndarray:
        """Errors of a computed array, in ULP of its own dtype."""
        assert np.shape(computed) == self.value.shape, (np.shape(computed), self.value.shape)
        return ulp_error(computed, self.value, scale=self.scale)


@dataclass(frozen=True)
class Normalised:
    """Rows of logits split so that nothing cancels: the maximum, and everything relative to it."""

    maximum: Wide  # (N,)
    top: np.ndarray  # (N,) index of the maximum
    below: Wide  # (N, C) maximum - z, never negative
    terms: Wide  # (N, C) exp(z - maximum), 1 at the top
    others: Wide  # (N,) sum of the terms without the top one

    @cached_property
    def log_total(self) -> Wide:
        return log1p(self.others)

    @cached_property
    def logsumexp(self) -> Wide:
        return self.maximum + self.log_total

    @cached_property
    def losses(self) -> Wide:
        """-log p for every class: two summands of the same sign."""
        return self.below + self.log_total[:, None]

    @cached_property
    def probabilities(self) -> Wide:
        return self.terms / (1.0 + self.others)[:, None]

    @cached_property
    def complements(self) -> Wide:
        """1 - p for every class, exact at the top class too."""
        at_top = np.arange(self.terms.shape[1]) == self.top[:, None]
        others = (self.others / (1.0 + self.others))[:, None]
        return where(at_top, others, 1.0 - self.probabilities)


def normalise(z: Wide) -> Normalised:
    """Split rows of logits; every row needs a finite entry and none may hold NaN or +inf."""
    top = np.argmax(z.to_float(), axis=1)
    rows = np.arange(z.shape[0])
    maximum = z[rows, top]
    below = maximum[:, None] - z
    terms = exp(-below)
    at_top = np.arange(z.shape[1]) == top[:, None]
    others = where(at_top, 0.0, terms).sum(axis=1)
    return Normalised(maximum, top, below, terms, others)


def softmax(x: np.ndarray) -> Exact:
    return Exact(normalise(Wide.of(x)).probabilities)


def log_softmax(x: np.ndarray) -> Exact:
    return Exact(-normalise(Wide.of(x)).losses)


def logsumexp(x: np.ndarray, b: np.ndarray | None = None) -> tuple[Exact, np.ndarray]:
    """log(abs(sum(b * exp(x)))) and the sign of the sum.

    The scale is max(abs(result), abs(largest x)); with `b` of both signs also the sum of
    magnitudes over the magnitude of the sum, the condition number of the logarithm.
    """
    x = np.asarray(x)
    b = np.ones(x.shape) if b is None else np.broadcast_to(np.asarray(b, np.float64), x.shape)
    used = np.where(b == 0, -np.inf, np.asarray(x, np.float64))
    parts = normalise(Wide.of(used))
    rows = np.arange(x.shape[0])
    at_top = np.arange(x.shape[1]) == parts.top[:, None]
    # total - 1, so that a top factor of 1 leaves the small terms their relative accuracy.
    excess = (where(at_top, 0.0, parts.terms) * b).sum() + (Wide.of(b[rows, parts.top]) - 1.0)
    total = 1.0 + excess
    sign = np.sign(total.hi)
    logarithm = log1p(where(sign < 0, -total - 1.0, excess))
    value = parts.maximum + logarithm
    magnitude = (parts.terms * np.abs(b)).sum()
    condition = magnitude / abs(total) if np.any(b < 0) else 0.0
    return Exact(value, largest([value, parts.maximum, condition])), sign


def softmax_grad(grad_output: np.ndarray, probs: np.ndarray) -> Exact:
    """p * (g - sum(g * p)); the terms are p * g and p times each g * p of the sum."""
    g, p = Wide.of(grad_output), Wide.of(probs)
    products = g * p
    dot = products.sum()
    scale = p * largest([g, dot[:, None], largest_along(products, 1)[:, None]])
    return Exact(p * (g - dot[:, None]), scale)


def log_softmax_grad(grad_output: np.ndarray, log_probs: np.ndarray) -> Exact:
    """g - exp(log_p) * sum(g); the terms are g and exp(log_p) times each g of the sum."""
    g, p = Wide.of(grad_output), exp(Wide.of(log_probs))
    total = g.sum()[:, None]
    scale = largest([g, p * largest([total, largest_along(g, 1)[:, None]])])
    return Exact(g - p * total, scale)
