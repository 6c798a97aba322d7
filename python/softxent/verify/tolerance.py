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


def finished(
    value: Array, error: Array, arithmetic: Arithmetic, typical: Array | None = None
) -> Estimate:
    """Round a result, and give values that are not finite no error."""
    return arithmetic.rounded(value, np.where(np.isfinite(value), error, 0.0), 1, typical)


def typical_of(logits: Estimate) -> Array:
    """Root mean square error of logits; 0 where it is not known."""
    return np.zeros_like(logits.value) if logits.typical is None else logits.typical


def log_p_change(log_p: Array, change: Array) -> Array:
    """Bound of the change of log p if the odds change by at most exp(change)."""
    others = -np.expm1(log_p)
    with np.errstate(over="ignore", invalid="ignore"):
        bound = np.log1p(others * np.expm1(change))
    return np.fmin(bound, change)


def p_change(log_p: Array, change: Array) -> Array:
    """Bound of the change of p if the odds change by at most exp(change)."""
    p, others, factor = np.exp(log_p), -np.expm1(log_p), np.exp(-change)
    least = np.minimum(p + others * factor, p * factor + others)
    moved = p * others * -np.expm1(-change)
    return np.divide(moved, least, out=np.zeros_like(moved), where=least > 0)
