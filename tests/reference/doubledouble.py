"""Double-double primitives: an unevaluated sum hi + lo of two float64 arrays, about 106 bits.

Every function takes and returns plain arrays and is exact, or accurate to a few 2**-104, as long
as nothing overflows or becomes subnormal; :class:`reference.wide.Wide` keeps its significands in
[1/2, 1) so that nothing ever does.

Algorithms: T. J. Dekker, "A floating-point technique for extending the available precision"
(1971); M. Joldes, J.-M. Muller and V. Popescu, "Tight and rigorous error bounds for basic building
blocks of double-word arithmetic" (2017).
"""

from __future__ import annotations

import numpy as np

Pair = tuple[np.ndarray, np.ndarray]

# Veltkamp's constant: splits a 53-bit significand in two halves of 26 bits. NumPy has no FMA.
_SPLITTER = 134217729.0


def two_sum(a: np.ndarray, b: np.ndarray) -> Pair:
    """a + b exactly, whatever the order of magnitudes."""
    total = a + b
    other = total - a
    return total, (a - (total - other)) + (b - other)


def fast_two_sum(a: np.ndarray, b: np.ndarray) -> Pair:
    """a + b exactly, provided that abs(a) >= abs(b) or a == 0."""
    total = a + b
    return total, b - (total - a)


def _split(a: np.ndarray) -> Pair:
    scaled = _SPLITTER * a
    high = scaled - (scaled - a)
    return high, a - high


def two_product(a: np.ndarray, b: np.ndarray) -> Pair:
    """a * b exactly."""
    product = a * b
    a_high, a_low = _split(a)
    b_high, b_low = _split(b)
    error = ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low
    return product, error


def add(a: Pair, b: Pair) -> Pair:
    """a + b with a relative error of at most 3 * 2**-106."""
    high, high_error = two_sum(a[0], b[0])
    low, low_error = two_sum(a[1], b[1])
    high, low = fast_two_sum(high, high_error + low)
    return fast_two_sum(high, low + low_error)


def multiply(a: Pair, b: Pair) -> Pair:
    """a * b with a relative error of at most 5 * 2**-106."""
    product, error = two_product(a[0], b[0])
    return fast_two_sum(product, error + (a[0] * b[1] + a[1] * b[0]))


def divide(a: Pair, b: Pair) -> Pair:
    """a / b by long division with three quotient digits."""
    first = a[0] / b[0]
    remainder = add(a, negate(multiply((first, np.zeros_like(first)), b)))
    second = remainder[0] / b[0]
    remainder = add(remainder, negate(multiply((second, np.zeros_like(second)), b)))
    third = remainder[0] / b[0]
    high, low = fast_two_sum(first, second)
    return add((high, low), (third, np.zeros_like(third)))


def negate(a: Pair) -> Pair:
    return -a[0], -a[1]


def add_up(terms: Pair, axis: int) -> Pair:
    """Sum along an axis by halving, so that the error grows with the logarithm of the length."""
    high, low = (np.moveaxis(part, axis, 0) for part in terms)
    while high.shape[0] > 1:
        half = high.shape[0] // 2
        rest = (high[2 * half :], low[2 * half :])
        high, low = add((high[:half], low[:half]), (high[half : 2 * half], low[half : 2 * half]))
        if rest[0].shape[0]:
            high = np.concatenate([high, rest[0]])
            low = np.concatenate([low, rest[1]])
    if high.shape[0] == 0:
        return np.zeros(high.shape[1:]), np.zeros(high.shape[1:])
    return high[0], low[0]
