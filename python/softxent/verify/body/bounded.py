"""Values of a graph with bounds of their errors, and what rounding adds to them.

The model of arithmetic is that of softxent.verify.arithmetic: unit roundoff u, sums bounded by
gamma_n in the worst case and by sqrt(n) u in the mean square. An integer or a truth value that
depends on computed numbers has an error too: the distance to what it would be if they were off by
theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from softxent.verify.arithmetic import Arithmetic, Array, Estimate

#: Operations that a runtime may add to a sum by folding scales and shifts into its factors.
FOLDED = 4


@dataclass(frozen=True)
class Bounded:
    """One value of a graph.

    Attributes
    ----------
    value : ndarray
        float64 where the graph has floating numbers, otherwise in the graph's own type.
    dtype : numpy.dtype
        Element type in the graph.
    error, typical : ndarray or None
        Bounds of the error, always and in the mean square, of the shape of `value`; None if the
        value is exact.
    nonnegative : bool
        Whether a runtime cannot compute a number below 0 either, as behind a ReLU: the range that
        is quantised at run time then starts at 0 exactly.
    """

    value: Array
    dtype: np.dtype[Any]
    error: Array | None = None
    typical: Array | None = None
    nonnegative: bool = field(default=False, kw_only=True)

    @classmethod
    def given(cls, array: Array) -> Bounded:
        """Wrap a value that is stored in the graph or fed to it."""
        array = np.asarray(array)
        wide = array.astype(np.float64) if is_floating(array.dtype) else array
        return cls(wide, array.dtype)

    @property
    def exact(self) -> bool:
        """Whether no rounding went into it."""
        return self.error is None

    @property
    def floating(self) -> bool:
        """Whether the graph has floating numbers here."""
        return is_floating(self.dtype)

    @property
    def e(self) -> Any:
        """The bound, or 0 of an exact value."""
        return 0.0 if self.error is None else self.error

    @property
    def t(self) -> Any:
        """The bound in the mean square, or 0 of an exact value."""
        return 0.0 if self.typical is None else self.typical

    @property
    def nbytes(self) -> int:
        """Memory that it takes."""
        parts = (self.value, self.error, self.typical)
        return sum(part.nbytes for part in parts if part is not None)

    def estimate(self) -> Estimate:
        """As the comparison of outputs wants it."""
        zero = np.zeros(self.value.shape)
        if self.error is None or self.typical is None:
            return Estimate(self.value, zero, zero)
        return Estimate(self.value, self.error, self.typical)

    def moved(self, move: Callable[[Array], Array]) -> Bounded:
        """Apply what only moves elements."""
        error = None if self.error is None else move(self.error)
        typical = None if self.typical is None else move(self.typical)
        moved = Bounded(move(self.value), self.dtype, error, typical)
        return moved.as_nonnegative(self.nonnegative)

    def as_nonnegative(self, known: bool = True) -> Bounded:
        """Copy with what is known of its sign."""
        return replace(self, nonnegative=known)


def is_floating(dtype: np.dtype[Any]) -> bool:
    """Whether numbers of a type are evaluated in float64."""
    return dtype.kind == "f"


def with_errors(
    value: Array, dtype: np.dtype[Any], error: Array | float, typical: Array | float
) -> Bounded:
    """Make a value of errors that may have other shapes, or be NaN after operations on infinities.

    An infinite value that comes from finite operands stays unknown; one that was infinite from the
    start is exact.
    """
    shape = np.shape(value)
    error, typical = (_settled(value, np.broadcast_to(e, shape)) for e in (error, typical))
    return Bounded(value, dtype, error, typical)


def _settled(value: Array, error: Array) -> Array:
    if value.dtype.kind != "f":
        return np.array(error, dtype=np.float64)
    known = np.where(np.isnan(error), np.inf, error)
    return np.where(np.isfinite(value), known, np.where(np.isinf(error), np.inf, 0.0))


def arithmetic_of(dtype: np.dtype[Any]) -> Arithmetic:
    """Rounding of a type; of integers, that of float32, in which they are scaled."""
    return Arithmetic(dtype.name if dtype.kind == "f" else "float32")


def computed(
    value: Array,
    dtype: np.dtype[Any],
    carried: tuple[Any, Any],
    own: tuple[Any, Any],
    terms: int = 1,
) -> Bounded:
    """Make the result of an operation.

    Parameters
    ----------
    value : ndarray
        What it is in float64.
    dtype : numpy.dtype
        Type of the result in the graph.
    carried, own : pair of array_like
        What the errors of the operands become, and what the rounding of the operation adds; each
        in the worst case and in the mean square.
    terms : int
        Additions in it, each of which may underflow.
    """
    value, a = np.asarray(value), arithmetic_of(dtype)
    magnitude = np.abs(value)
    stored = 2 * a.store * magnitude + terms * a.tiny
    # Beyond the largest number and half of the gap to the next, a number becomes infinite.
    limit = a.largest * (1 + max(a.u, a.store))
    error = carried[0] * (1 + 2 * a.store) + own[0] + stored
    typical = np.hypot(carried[1], own[1]) + stored
    bounds = []
    for bound, moved in ((error, carried[0]), (typical, carried[1])):
        overflows = np.isfinite(value) & (magnitude + moved > limit)
        bounds.append(np.where(overflows, np.inf, bound))
    return with_errors(value, dtype, bounds[0], bounds[1])


def product(
    multiply: Callable[[Array, Array], Array],
    a: Bounded,
    b: Bounded,
    terms: int,
    shift: Bounded | None = None,
    dtype: np.dtype[Any] | None = None,
) -> Bounded:
    """Multiply and add up, then add a shift: matrix products, convolutions.

    Parameters
    ----------
    multiply : callable
        Bilinear, each element of the result a sum of at most `terms` products.
    a, b : Bounded
        The factors.
    terms : int
        Products in a sum.
    shift : Bounded, optional
        Added at the end; it must broadcast to the result.
    dtype : numpy.dtype, optional
        Type of the result; that of `a` by default.
    """
    dtype = dtype or a.dtype
    x, y = (np.asarray(v.value, np.float64) for v in (a, b))
    size_x, size_y = np.abs(x), np.abs(y)
    value, magnitude = multiply(x, y), multiply(size_x, size_y)
    error: Any = 0.0
    squares: Any = 0.0
    if a.error is not None:
        error = error + multiply(a.error, size_y)
        squares = squares + multiply(np.square(a.t), np.square(y))
    if b.error is not None:
        error = error + multiply(size_x + a.e, b.error)
        squares = squares + multiply(np.square(x), np.square(b.t))
    typical = np.sqrt(squares)
    if shift is not None:
        value, magnitude = value + shift.value, magnitude + np.abs(shift.value)
        error, typical, terms = error + shift.e, np.hypot(typical, shift.t), terms + 1
    if not is_floating(dtype):
        return _whole(value, dtype, magnitude, error, typical)
    arithmetic, terms = arithmetic_of(dtype), terms + FOLDED
    rounding = arithmetic.gamma(terms) * (magnitude + error)
    in_square = np.sqrt(terms) * arithmetic.u * magnitude
    # A partial sum may overflow where the whole does not.
    own = [
        np.where(magnitude + bound > arithmetic.largest, np.inf, part)
        for bound, part in ((error, rounding), (typical, in_square))
    ]
    return computed(value, dtype, (error, typical), (own[0], own[1]), terms)


def _whole(
    value: Array, dtype: np.dtype[Any], magnitude: Array, error: Any, typical: Any
) -> Bounded:
    """Sums of integers, which are exact as long as they fit."""
    bounds = (np.where(magnitude + e >= 2.0**31, np.inf, e) for e in (error, typical))
    return with_errors(value, dtype, *bounds)


def spread(
    function: Callable[[Array], Array], x: Array, error: Any, turning: Sequence[float] = ()
) -> Array:
    """How far a function of one number can be from f(x) within x ± error.

    Parameters
    ----------
    function : callable
        Monotone between the points of `turning`.
    x, error : ndarray
        Where.
    turning : sequence of float
        Places of its extremes.
    """
    if np.ndim(error) == 0 and not error:
        return np.zeros(np.shape(x))
    centre = function(x)
    ends = [x - error, x + error, *(np.clip(place, x - error, x + error) for place in turning)]
    distances = []
    for end in ends:
        at = function(end)
        distances.append(np.where(at == centre, 0.0, np.abs(at - centre)))
    result = np.max(distances, axis=0)
    # f may have no value at an end, as a logarithm has none below 0.
    return np.where(np.isnan(result) & ~np.isnan(centre), np.inf, result)


def through(
    function: Callable[[Array], Array],
    a: Bounded,
    own: Callable[[Array, Array], Any] = lambda x, y: 0.0,
    turning: Sequence[float] = (),
) -> Bounded:
    """Apply a function of one number, monotone between turning points, to every element.

    Parameters
    ----------
    function : callable
        It.
    a : Bounded
        The operand.
    own : callable
        Rounding of the result in units of u, from operand and result.
    turning : sequence of float
        Places of its extremes.
    """
    value = function(a.value)
    rounding = own(a.value, value) * arithmetic_of(a.dtype).u
    carried = tuple(spread(function, a.value, e, turning) for e in (a.e, a.t))
    return computed(value, a.dtype, (carried[0], carried[1]), (rounding, rounding))
