"""exp, log, log1p and tanh of :class:`Wide` numbers, with relative errors near 1e-30.

The constants are computed at import by :mod:`decimal` and :mod:`fractions`, not typed in, so that
mpmath stays an independent judge of them (tests/test_reference.py).
"""

from __future__ import annotations

import decimal
import math
from fractions import Fraction

import numpy as np

from . import doubledouble as dd
from .wide import Wide, where

_CONTEXT = decimal.Context(prec=80)

# exp(x) of anything beyond is as good as 0 or infinite in every format under test, but still a
# number here.
_EXP_LIMIT = 1e5
_TABLE_STEPS = 64


def _expansion(value: Fraction, terms: int) -> tuple[float, ...]:
    """A number as a sum of float64 terms."""
    parts = []
    for _ in range(terms):
        parts.append(float(value))
        value -= Fraction(parts[-1])
    return tuple(parts)


def _short_expansion(value: Fraction, terms: int, bits: int) -> tuple[float, ...]:
    """A number as a sum of terms of at most `bits` bits: exact when multiplied by a small int."""
    parts = []
    for _ in range(terms):
        _, exponent = math.frexp(float(value))
        unit = Fraction(2) ** (exponent - bits)
        parts.append(float(round(value / unit) * unit))
        value -= Fraction(parts[-1])
    return tuple(parts)


_LN2 = Fraction(_CONTEXT.ln(decimal.Decimal(2)))
_LN2_WIDE = _expansion(_LN2, 2)
_LN2_SHORT = _short_expansion(_LN2, 5, 30)
_INVERSE_FACTORIALS = [_expansion(Fraction(1, math.factorial(n)), 2) for n in range(14)]
_ODD_INVERSES = [_expansion(Fraction(1, 2 * n + 1), 2) for n in range(16)]
_EXP_TABLE = np.array(
    [
        _expansion(Fraction(_CONTEXT.exp(decimal.Decimal(step) / _TABLE_STEPS)), 2)
        for step in range(-_TABLE_STEPS // 2, _TABLE_STEPS // 2 + 1)
    ]
)


# Terms of degree 7 and above are below 2**-53 of the sum wherever the two series are used, so
# float64 is enough for them.
_WIDE_TERMS = 7


def _polynomial(x: dd.Pair, coefficients: list[tuple[float, ...]]) -> dd.Pair:
    """Horner's rule, in double-double for the terms of low degree."""
    tail = np.zeros(x[0].shape)
    for coefficient in reversed(coefficients[_WIDE_TERMS:]):
        tail = tail * x[0] + coefficient[0]
    result = (tail, np.zeros(x[0].shape))
    for coefficient in reversed(coefficients[:_WIDE_TERMS]):
        constant = tuple(np.full(x[0].shape, part) for part in coefficient)
        result = dd.add(dd.multiply(result, x), constant)
    return result


def exp(x: Wide) -> Wide:
    """exp(x) = 2**n * exp(j/64) * exp(r), abs(r) <= 1/128, with a Taylor polynomial for exp(r)."""
    high, low = x.pair()
    inside = np.abs(high) <= _EXP_LIMIT
    clipped = np.where(np.isnan(high), 0.0, np.clip(high, -_EXP_LIMIT, _EXP_LIMIT))
    low = np.where(inside, low, 0.0)
    power = np.rint(clipped / _LN2_WIDE[0])
    reduced = (clipped, low)
    for part in _LN2_SHORT:
        reduced = dd.add(reduced, (-power * part, np.zeros_like(power)))
    step = np.rint(reduced[0] * _TABLE_STEPS)
    reduced = dd.add(reduced, (-step / _TABLE_STEPS, np.zeros_like(step)))
    table = _EXP_TABLE[step.astype(np.int64) + _TABLE_STEPS // 2]
    result = dd.multiply(_polynomial(reduced, _INVERSE_FACTORIALS), (table[..., 0], table[..., 1]))
    value = Wide(*result, power.astype(np.int64))
    value = where(np.isneginf(high), 0.0, value)
    return where(np.isposinf(high) | np.isnan(high), high, value)


def log1p(x: Wide) -> Wide:
    """log(1 + x), by 2 * atanh(x / (2 + x)) near zero."""
    close = np.abs(x.to_float()) < 0.125
    small = where(close, x, 0.0)
    ratio = small / (2.0 + small)
    series = _polynomial((ratio * ratio).pair(), _ODD_INVERSES)
    near = 2.0 * ratio * Wide(*series, np.zeros(x.shape, np.int64))
    return where(close, near, _log_far_from_one(where(close, 2.0, 1.0 + x)))


def log(x: Wide) -> Wide:
    """log(x) for x >= 0."""
    difference = x - 1.0
    close = np.abs(difference.to_float()) < 0.125
    return where(close, log1p(where(close, difference, 0.0)), _log_far_from_one(x))


def _log_far_from_one(x: Wide) -> Wide:
    """One second-order Newton step on exp from the float64 logarithm of the significand."""
    ordinary = np.isfinite(x.hi) & (x.hi > 0)
    hi = np.where(ordinary, x.hi, 0.75)
    significand = Wide(hi, np.where(ordinary, x.lo, 0.0), np.zeros(x.shape, np.int64))
    guess = Wide.of(np.log(hi))
    error = significand * exp(-guess) - 1.0
    value = guess + (error - 0.5 * error * error)
    exponent = Wide.of(np.where(ordinary, x.exponent, 0))
    ln2 = Wide(*map(np.asarray, _LN2_WIDE), np.zeros((), np.int64))
    value = value + exponent * ln2
    special = np.where(x.hi == 0, -np.inf, np.where(np.isposinf(x.hi), np.inf, np.nan))
    return where(ordinary, value, special)


def tanh(x: Wide) -> Wide:
    """tanh(x), by its series below 1e-5 and by exp above."""
    magnitude = abs(x)
    tiny = magnitude.to_float() < 1e-5
    square = magnitude * magnitude
    series = magnitude * (1.0 - square / 3.0 + square * square * 2.0 / 15.0)
    decay = exp(-2.0 * magnitude)
    value = where(tiny, series, (1.0 - decay) / (1.0 + decay))
    return where(x.hi < 0, -value, value)
