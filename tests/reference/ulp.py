"""Errors in units in the last place (ULP).

One ULP is the spacing of the *output* dtype at the *exact* value, subnormal spacing included, or at
a larger `scale` where the bound is stated for the largest term of a sum.
"""

from __future__ import annotations

import numpy as np

from .wide import Wide

# dtype name -> (significand bits with the leading one, exponent of the smallest subnormal,
# exponent e with overflow threshold 2**e)
FORMATS = {
    "float16": (11, -24, 16),
    "bfloat16": (8, -133, 128),
    "float32": (24, -149, 128),
    "float64": (53, -1074, 1024),
}


def ulp_exponent(exact: Wide, dtype: object) -> np.ndarray:
    """The integer k such that one ULP at `exact` is 2**k."""
    bits, smallest, _ = FORMATS[np.dtype(dtype).name]
    # 1/2 with a negative low part is a hair below the power of two, where the spacing halves.
    below = (np.abs(exact.hi) == 0.5) & (np.sign(exact.hi) == -np.sign(exact.lo))
    return np.maximum(exact.exponent - below - bits, smallest)


def ulp_error(
    computed: object, exact: object, dtype: object = None, scale: object = None
) -> np.ndarray:
    """abs(computed - exact) in ULP of `dtype` at `exact`, or at `scale` where that is larger.

    Parameters
    ----------
    computed : array_like
        What the function under test returned.
    exact : Wide
        The exact values, same shape.
    dtype : dtype, optional
        The output format; the dtype of `computed` by default.
    scale : Wide, optional
        Magnitude of the largest term, where the bound is stated in its ULP.

    Returns
    -------
    numpy.ndarray
        float64; infinite where one of the two is NaN or infinite and the other is not. A computed
        infinity counts as right when the exact value rounds to it.
    """
    computed = np.asarray(computed)
    dtype = computed.dtype if dtype is None else np.dtype(dtype)
    exact = Wide.of(exact)
    value = computed.astype(np.float64)
    unit = ulp_exponent(exact, dtype)
    if scale is not None:
        unit = np.maximum(unit, ulp_exponent(Wide.of(scale), dtype))
    difference = Wide.of(np.where(np.isfinite(value), value, 0.0)) - exact
    shift = np.clip(difference.exponent - unit, -2000, 1000).astype(np.int32)
    error = np.abs(np.ldexp(difference.hi, shift))
    return np.where(np.isfinite(value), _nan_is_wrong(error), _special(value, exact, dtype))


def _nan_is_wrong(error: np.ndarray) -> np.ndarray:
    return np.where(np.isnan(error), np.inf, error)


def _special(value: np.ndarray, exact: Wide, dtype: np.dtype) -> np.ndarray:
    bits, _, top = FORMATS[dtype.name]
    largest_finite = Wide.of(1.0 - 2.0 ** (-bits - 1))
    overflow = Wide(largest_finite.hi, largest_finite.lo, largest_finite.exponent + top)
    too_large = np.isinf(exact.hi) | ~overflow.exceeds(abs(exact))
    agrees = (np.isnan(value) & np.isnan(exact.hi)) | (
        np.isinf(value) & too_large & (np.sign(value) == np.sign(exact.hi))
    )
    return np.where(agrees, 0.0, np.inf)
