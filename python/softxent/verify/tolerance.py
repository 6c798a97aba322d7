"""How far two correct computations of the same output may be apart, derived and not picked.

A batch is evaluated once in float64 with bounds carried along, element by element (see arithmetic).
Two more facts enter. If no logit changes by more than its bound, the odds of a class change by a
factor of at most exp(R), R being the bound of its logit plus the largest one of its row; so

    |change of p| <= p (1 - p) (1 - e^-R) / min(p + (1 - p) e^-R, p e^-R + (1 - p)),
    |change of log p| <= log(1 + (1 - p) (e^R - 1)) <= R.

And exp, log and log1p of any runtime are granted `ELEMENTARY` units in the last place. A bound
holds for one computation against the exact result; two computations may differ by twice that.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from softxent.verify.arithmetic import Arithmetic, Array, Estimate

#: Units in the last place granted to exp, log and log1p of any runtime.
ELEMENTARY = 8


@dataclass(frozen=True)
class Distribution:
    """Estimates of what follows from the logits; `log_q` is log(1 - p), for binary losses."""

    p: Estimate
    log_p: Estimate
    log_q: Estimate | None = None


def distribution(logits: Estimate, arithmetic: Arithmetic, binary: bool) -> Distribution:
    """Estimate probabilities and their logarithms."""
    return _sigmoid(logits, arithmetic) if binary else _softmax(logits, arithmetic)


def _softmax(logits: Estimate, arithmetic: Arithmetic) -> Distribution:
    value, classes = logits.value, logits.value.shape[1]
    top = value.max(axis=1, keepdims=True)
    below = value - top
    terms = np.exp(below)
    np.put_along_axis(terms, value.argmax(axis=1)[:, np.newaxis], 0.0, axis=1)
    log_sum = np.log1p(terms.sum(axis=1, keepdims=True))
    log_p = below - log_sum

    worst = logits.error.max(axis=1, keepdims=True)
    u = arithmetic.u
    rounding = u * (np.abs(below) + classes + ELEMENTARY * (1 + log_sum))
    error = _log_change(log_p, logits.error + worst) + rounding + u * np.abs(log_p)
    p = np.exp(log_p)
    relative = np.expm1(u * (np.abs(below) + classes + 2 * ELEMENTARY))
    own = np.where(p > 0, p * relative, 0.0)
    p_error = _change(log_p, logits.error + worst) + own
    typical = _typical_log_change(p, logits)
    return Distribution(
        _finished(p, p_error, arithmetic, p * typical + own),
        _finished(log_p, error, arithmetic, typical + rounding),
    )


def _sigmoid(logits: Estimate, arithmetic: Arithmetic) -> Distribution:
    x, u = logits.value, arithmetic.u
    small = np.log1p(np.exp(-np.abs(x)))
    log_p, log_q = np.minimum(x, 0) - small, np.minimum(-x, 0) - small
    errors = [
        _log_change(log, logits.error) + u * (2 * ELEMENTARY + np.abs(log))
        for log in (log_p, log_q)
    ]
    p, q, typical = np.exp(log_p), np.exp(log_q), _typical(logits)
    own = 2 * ELEMENTARY * u
    p_error = _change(log_p, logits.error) + own * p
    log_typical = q * typical + own + u * np.abs(log_p)
    return Distribution(
        _finished(p, p_error, arithmetic, p * q * typical + own * p),
        _finished(log_p, errors[0], arithmetic, log_typical),
        _finished(log_q, errors[1], arithmetic, p * typical + own + u * np.abs(log_q)),
    )


def _finished(
    value: Array, error: Array, arithmetic: Arithmetic, typical: Array | None = None
) -> Estimate:
    return arithmetic.rounded(value, np.where(np.isfinite(value), error, 0.0), 1, typical)


def _typical(logits: Estimate) -> Array:
    return np.zeros_like(logits.value) if logits.typical is None else logits.typical


def _typical_log_change(p: Array, logits: Estimate) -> Array:
    """Mean square change of log p_j, whose derivative in logit k is [j = k] - p_k."""
    squares = _typical(logits) ** 2
    others = (p**2 * squares).sum(axis=1, keepdims=True) - p**2 * squares
    return np.sqrt((1 - p) ** 2 * squares + np.maximum(others, 0.0))


def _log_change(log_p: Array, change: Array) -> Array:
    """Bound of the change of log p if the odds change by at most exp(change)."""
    others = -np.expm1(log_p)
    with np.errstate(over="ignore", invalid="ignore"):
        bound = np.log1p(others * np.expm1(change))
    return np.fmin(bound, change)


def _change(log_p: Array, change: Array) -> Array:
    """Bound of the change of p if the odds change by at most exp(change)."""
    p, others, factor = np.exp(log_p), -np.expm1(log_p), np.exp(-change)
    least = np.minimum(p + others * factor, p * factor + others)
    moved = p * others * -np.expm1(-change)
    return np.divide(moved, least, out=np.zeros_like(moved), where=least > 0)
