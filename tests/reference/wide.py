"""`Wide`: arrays of about 106 significant bits whose exponent is unbounded.

A plain double-double cannot hold what this suite has to judge: a float64 softmax of 1e-310 has no
room left for its low part, and a logit of 1e308 overflows when it is split. `Wide` stores
(hi + lo) * 2**exponent with 1/2 <= abs(hi) < 1, so neither happens.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from . import doubledouble as dd

# The exponent of zero: below everything that is computed here, so that aligning ignores it.
_ZERO_EXPONENT = -(1 << 40)


# Infinities and NaN are legal operands; their low parts are dropped.
_special_operands = np.errstate(invalid="ignore", divide="ignore", over="ignore", under="ignore")


class Wide:
    """An array of numbers (hi + lo) * 2**exponent; infinities and NaN live in hi alone."""

    __slots__ = ("exponent", "hi", "lo")
    # Makes `ndarray * Wide` call Wide.__rmul__ instead of building an array of objects.
    __array_ufunc__ = None

    def __init__(self, hi: np.ndarray, lo: np.ndarray, exponent: np.ndarray) -> None:
        hi = np.asarray(hi, dtype=np.float64)
        significand, shift = np.frexp(hi)
        ordinary = np.isfinite(hi) & (hi != 0)
        low = np.ldexp(np.where(ordinary, lo, 0.0), np.where(ordinary, -shift, 0))
        self.hi = np.where(ordinary, significand, hi)
        self.lo = low
        self.exponent = np.where(ordinary, np.add(exponent, shift, dtype=np.int64), _ZERO_EXPONENT)

    @classmethod
    def of(cls, values: object) -> Wide:
        """Convert numbers exactly; a `Wide` is returned as it is."""
        if isinstance(values, Wide):
            return values
        array = np.asarray(values)
        if array.dtype.kind in "iub":
            array = array.astype(np.float64)
        array = array.astype(np.float64)
        return cls(array, np.zeros(array.shape), np.zeros(array.shape, np.int64))

    # -- shape ---------------------------------------------------------------------------------

    @property
    def shape(self) -> tuple[int, ...]:
        return self.hi.shape

    def __getitem__(self, index: object) -> Wide:
        return _raw(self.hi[index], self.lo[index], self.exponent[index])

    def reshape(self, *shape: int) -> Wide:
        return _raw(*(part.reshape(*shape) for part in (self.hi, self.lo, self.exponent)))

    # -- arithmetic ----------------------------------------------------------------------------

    def __neg__(self) -> Wide:
        return _raw(-self.hi, -self.lo, self.exponent)

    def __abs__(self) -> Wide:
        return where(self.hi < 0, -self, self)

    @_special_operands
    def __add__(self, other: object) -> Wide:
        other = Wide.of(other)
        exponent = np.maximum(self.exponent, other.exponent)
        high, low = dd.add(self._aligned(exponent), other._aligned(exponent))
        plain = self.hi + other.hi
        return Wide(np.where(np.isfinite(plain), high, plain), low, exponent)

    __radd__ = __add__

    def __sub__(self, other: object) -> Wide:
        return self + (-Wide.of(other))

    def __rsub__(self, other: object) -> Wide:
        return Wide.of(other) + (-self)

    @_special_operands
    def __mul__(self, other: object) -> Wide:
        other = Wide.of(other)
        high, low = dd.multiply((self.hi, self.lo), (other.hi, other.lo))
        plain = self.hi * other.hi
        exponent = self.exponent + other.exponent
        return Wide(np.where(np.isfinite(plain), high, plain), low, exponent)

    __rmul__ = __mul__

    @_special_operands
    def __truediv__(self, other: object) -> Wide:
        other = Wide.of(other)
        high, low = dd.divide((self.hi, self.lo), (other.hi, other.lo))
        plain = self.hi / other.hi
        exponent = self.exponent - other.exponent
        return Wide(np.where(np.isfinite(plain), high, plain), low, exponent)

    def __rtruediv__(self, other: object) -> Wide:
        return Wide.of(other) / self

    @_special_operands
    def sum(self, axis: int = -1) -> Wide:
        """Sum along an axis."""
        if self.shape[axis] == 0:
            return Wide.of(np.zeros(np.delete(self.shape, axis)))
        top = np.max(self.exponent, axis=axis, keepdims=True)
        high, low = dd.add_up(self._aligned(top), axis)
        plain = np.sum(np.where(np.isfinite(self.hi), 0.0, self.hi), axis=axis)
        return Wide(np.where(np.isfinite(plain), high, plain), low, np.squeeze(top, axis))

    def _aligned(self, exponent: np.ndarray) -> dd.Pair:
        # What is shifted out of the normal range is 2**-1000 of the other operand: immaterial.
        shift = np.clip(self.exponent - exponent, -2200, 0).astype(np.int32)
        return np.ldexp(self.hi, shift), np.ldexp(self.lo, shift)

    # -- comparison and conversion -------------------------------------------------------------

    def exceeds(self, other: Wide) -> np.ndarray:
        """Elementwise self > other."""
        return (self - other).hi > 0

    @_special_operands
    def pair(self) -> dd.Pair:
        """The value as an ordinary double-double, where float64 has the range for it."""
        shift = np.clip(self.exponent, -2200, 2200).astype(np.int32)
        return np.ldexp(self.hi, shift), np.ldexp(self.lo, shift)

    def to_float(self) -> np.ndarray:
        """The nearest float64 (nearly so among subnormal numbers)."""
        return self.pair()[0]

    def __repr__(self) -> str:
        return f"Wide({self.to_float()!r})"


def _raw(hi: np.ndarray, lo: np.ndarray, exponent: np.ndarray) -> Wide:
    wide = object.__new__(Wide)
    wide.hi, wide.lo, wide.exponent = hi, lo, exponent
    return wide


def where(condition: np.ndarray, yes: object, no: object) -> Wide:
    """Elementwise choice, as numpy.where."""
    yes, no = Wide.of(yes), Wide.of(no)
    parts = ((yes.hi, no.hi), (yes.lo, no.lo), (yes.exponent, no.exponent))
    return _raw(*(np.where(condition, a, b) for a, b in parts))


def largest(terms: Iterable[object]) -> Wide:
    """The elementwise largest magnitude among the terms, broadcast together."""
    magnitudes = [abs(Wide.of(term)) for term in terms]
    result = magnitudes[0]
    for magnitude in magnitudes[1:]:
        result = where(magnitude.exceeds(result), magnitude, result)
    return result


def largest_along(values: Wide, axis: int) -> Wide:
    """The largest magnitude along an axis, by halving."""
    parts = [np.moveaxis(part, axis, 0) for part in (values.hi, values.lo, values.exponent)]
    current = abs(_raw(*parts))
    while current.shape[0] > 1:
        half = (current.shape[0] + 1) // 2
        # The two halves overlap in the middle element of an odd length, which does no harm.
        current = largest([current[:half], current[current.shape[0] - half :]])
    return current[0]
