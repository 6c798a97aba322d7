"""Values with bounds of their rounding error, carried through linear algebra.

The model of arithmetic is the standard one: every operation has a relative error of at most u, and
a sum of k products, in any order, one of gamma_k = k u / (1 - k u) times the sum of magnitudes
(N. Higham, Accuracy and Stability of Numerical Algorithms, 2002, chapters 2 to 4). No right
computation exceeds these bounds, but few come near. In the mean square more is known: if rounding
errors are independent with mean 0, those of such a sum are at most sqrt(k) u times the sum of
magnitudes (N. Higham and T. Mary, SIAM J. Sci. Comput. 41, 2019, A2815). That tells float32 from
TF32, whose errors hide below gamma_k. float16 graphs are assumed to accumulate in float32 and to
round what they store.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True)
class Estimate:
    """A value in float64 and bounds of the error of its computation, all of one shape.

    `error` holds always, `typical` in the mean square; None where no such bound is known.
    """

    value: Array
    error: Array
    typical: Array | None = None

    @classmethod
    def exact(cls, value: Array) -> Estimate:
        """Wrap a value that is given, not computed."""
        wide = np.asarray(value, dtype=np.float64)
        return cls(wide, np.zeros_like(wide), np.zeros_like(wide))

    @classmethod
    def of_output(cls, value: Array, arithmetic: Arithmetic) -> Estimate:
        """Wrap an output, behind which the runtime may hold a number with more digits."""
        exact = cls.exact(value)
        with np.errstate(invalid="ignore"):
            error = 2 * arithmetic.store * np.abs(exact.value)
        error = np.where(np.isfinite(error), error, 0.0)
        return cls(exact.value, error, error)

    @property
    def T(self) -> Estimate:
        """The transpose."""
        typical = None if self.typical is None else self.typical.T
        return Estimate(self.value.T, self.error.T, typical)


class Arithmetic:
    """Rounding in a graph whose network has the type `dtype`.

    Attributes
    ----------
    u : float
        Unit roundoff of what is computed: 2^-53 for float64, 2^-24 otherwise.
    store : float
        Unit roundoff of what is kept between operations, where that is coarser, or 0.
    largest, tiny : float
        The largest number of `dtype` and its smallest normal one.
    """

    def __init__(self, dtype: str) -> None:
        self.dtype = np.dtype(dtype)
        self.u = 2.0**-53 if dtype == "float64" else 2.0**-24
        self.store = 2.0**-11 if dtype == "float16" else 0.0
        limits = np.finfo(self.dtype)
        self.largest, self.tiny = float(limits.max), float(limits.smallest_normal)

    def gamma(self, k: int) -> float:
        """Bound of the relative error of a sum of k products."""
        product = k * self.u
        return product / (1 - product) if product < 1 else np.inf

    def rounded(
        self, value: Array, error: Array, terms: int = 1, typical: Array | None = None
    ) -> Estimate:
        """Account for storing a value of the network, for underflow and for overflow.

        A runtime may compute a layer in two operations and store both, hence twice.
        """
        magnitude = np.abs(value)
        stored = 2 * self.store * magnitude + terms * self.tiny
        error = error * (1 + 2 * self.store) + stored
        overflows = np.isfinite(value) & (magnitude + error > self.largest)
        error = np.where(overflows, np.inf, error)
        if typical is not None:
            typical = np.where(overflows, np.inf, typical + stored)
            typical = np.where(np.isfinite(value), typical, 0.0)
        return Estimate(value, np.where(np.isfinite(value), error, 0.0), typical)

    def product(self, a: Estimate, b: Estimate, bias: Array | None = None) -> Estimate:
        """a @ b + bias, the bias exact."""
        magnitude = np.abs(a.value) @ np.abs(b.value)
        carried = a.error @ (np.abs(b.value) + b.error) + np.abs(a.value) @ b.error
        value, terms = a.value @ b.value, a.value.shape[1]
        if bias is not None:
            value, magnitude, terms = value + bias, magnitude + np.abs(bias), terms + 1
        error = carried + self.gamma(terms) * (magnitude + carried)
        typical = None
        if a.typical is not None and b.typical is not None:
            squares = a.typical**2 @ b.value**2 + a.value**2 @ b.typical**2
            typical = np.sqrt(squares + terms * (self.u * magnitude) ** 2)
        return self.rounded(value, error, terms, typical)

    def relu(self, a: Estimate) -> Estimate:
        """max(a, 0), which does not magnify errors."""
        return Estimate(np.maximum(a.value, 0.0), a.error, a.typical)

    def total(self, a: Estimate, axis: int | None = None) -> Estimate:
        """Sum over one axis or all."""
        terms = a.value.size if axis is None else a.value.shape[axis]
        carried = a.error.sum(axis=axis)
        magnitude = np.abs(a.value).sum(axis=axis)
        # Equal terms are rounded alike, so that errors of a sum may all have one sign.
        rounding = self.gamma(terms) * (magnitude + carried) + terms * self.tiny
        typical = None if a.typical is None else a.typical.sum(axis=axis) + rounding
        return Estimate(a.value.sum(axis=axis), carried + rounding, typical)

    def scaled(self, a: Estimate, factor: Array | float, operations: int) -> Estimate:
        """a times a factor that took some operations to compute."""
        factor = np.asarray(factor)
        value = a.value * factor
        rounding = self.gamma(operations + 1) * np.abs(value) + self.tiny
        typical = None if a.typical is None else a.typical * np.abs(factor) + rounding
        return Estimate(value, a.error * np.abs(factor) + rounding, typical)

    def plus(self, a: Estimate, b: Estimate) -> Estimate:
        """a + b."""
        value = a.value + b.value
        return Estimate(value, a.error + b.error + self.u * np.abs(value) + self.tiny)
