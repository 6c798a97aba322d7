"""softmax, log_softmax and logsumexp with SciPy's signatures."""

from __future__ import annotations

from typing import Any

import numpy as np

from softxent import functional
from softxent._arguments.arrays import as_array, as_float
from softxent._arguments.scalars import has_no_dtype

from . import _wide

__all__ = ["log_softmax", "logsumexp", "softmax"]


def softmax(x: Any, axis: Any = None) -> Any:
    r"""
    Probabilities, as `scipy.special.softmax`.

    .. math:: p_c = \frac{e^{x_c}}{\sum_k e^{x_k}}

    Parameters
    ----------
    x : array_like
        Any shape and dtype that `softxent.softmax` takes, and longdouble and complex.
    axis : int, tuple of int or None, default None
        The axes along which the probabilities add up to 1; None is all of them.

    Returns
    -------
    numpy.ndarray or NumPy scalar
        In the shape and dtype of `x`; float64 for integers and bools.

    Raises
    ------
    TypeError
        If `x` is a masked or a lazy array or of another dtype.
    ValueError
        If a reduced axis is empty, or an axis is named twice.
    numpy.exceptions.AxisError
        If `x` has no such axis.

    Notes
    -----
    The error bounds and special values of `softxent.softmax`. Against SciPy: integers of 8 and 16
    bits become float64 too, where SciPy computes in float16 and float32; unsigned ones do not wrap
    around below 0; bools are 0 and 1 instead of an error; no warnings are given. Longdouble and
    complex are computed by NumPy, without bounds.

    Examples
    --------
    >>> from softxent.special import softmax
    >>> float(softmax([[1.0, 2.0], [3.0, 4.0]]).sum())
    1.0
    """
    array = as_array(x, "x")
    if _wide.is_wide(array.dtype):
        return _wide.softmax(array, axis)
    return functional.softmax(array, axis)


def log_softmax(x: Any, axis: Any = None) -> Any:
    r"""
    Log-probabilities, as `scipy.special.log_softmax`.

    .. math:: \log p_c = x_c - \log \sum_k e^{x_k}

    Parameters
    ----------
    x : array_like
        Any shape and dtype that `softxent.log_softmax` takes, and longdouble and complex.
    axis : int, tuple of int or None, default None
        The axes along which the probabilities add up to 1; None is all of them.

    Returns
    -------
    numpy.ndarray or NumPy scalar
        In the shape and dtype of `x`; float64 for integers and bools.

    Raises
    ------
    TypeError, ValueError, numpy.exceptions.AxisError
        As `softmax`.

    Notes
    -----
    The error bounds and special values of `softxent.log_softmax`, and the differences that
    `softmax` states. A row that holds +inf is NaN, where SciPy has NaN for that element and -inf
    for the others.

    Examples
    --------
    >>> from softxent.special import log_softmax
    >>> float(log_softmax([40.0, 0.0])[0])  # SciPy: 0.0
    -4.248354255291589e-18
    """
    array = as_array(x, "x")
    if _wide.is_wide(array.dtype):
        return _wide.log_softmax(array, axis)
    return functional.log_softmax(array, axis)


def logsumexp(
    a: Any,
    axis: Any = None,
    b: Any = None,
    keepdims: bool = False,
    return_sign: bool = False,
) -> Any:
    r"""
    Logarithm of a sum of exponentials, as `scipy.special.logsumexp`.

    .. math:: \log \sum_c b_c \, e^{a_c}

    Parameters
    ----------
    a : array_like
        Any shape and dtype that `softxent.logsumexp` takes, and longdouble and complex.
    axis : int, tuple of int or None, default None
        The axes to sum over; None is all of them.
    b : array_like, optional
        Factors of the exponentials, of any sign, or complex; broadcast against `a`. Elements with
        the factor 0 are left out.
    keepdims : bool, default False
        Keep the reduced axes with length 1.
    return_sign : bool, default False
        Return the sign of the sum too, its phase if it is complex, and the logarithm of its
        absolute value. Without it a negative sum gives NaN.

    Returns
    -------
    result : numpy.ndarray or NumPy scalar
        Of the promoted dtype of `a` and `b`, float64 for integers and bools.
    sign : numpy.ndarray or NumPy scalar
        Only with `return_sign`.

    Raises
    ------
    TypeError, ValueError, numpy.exceptions.AxisError
        As `softxent.logsumexp`.

    Notes
    -----
    The error bounds and special values of `softxent.logsumexp`. A float16 result is computed in
    float32 and rounded once. Against SciPy: no warnings are given, and a sum of nothing has the
    sign 0 of the sum, as that of -inf alone, where SciPy 1.17 has the sign -1 of the logarithm, NaN
    for complex, and an IndexError over several axes. Longdouble and complex are computed by NumPy,
    without bounds.

    Examples
    --------
    >>> from softxent.special import logsumexp
    >>> print(logsumexp([[0.0, 0.0], [0.0, 0.0]]).round(4))
    1.3863
    """
    array = np.atleast_1d(as_array(a, "a"))
    if array.dtype.kind not in "biufc":
        as_float(array, "a")  # which refuses all others but bfloat16
    factors = b if b is None or has_no_dtype(b) else as_array(b, "b")
    if has_no_dtype(a) and isinstance(factors, np.ndarray) and factors.dtype.kind == "f":
        with np.errstate(all="ignore"):
            array = array.astype(np.result_type(factors, a))
    dtype = array.dtype if factors is None else np.result_type(array, factors)
    if _wide.is_wide(dtype):
        return _wide.logsumexp(array, axis, factors, keepdims, return_sign)
    found = functional.logsumexp(array, axis, b=factors, keepdims=keepdims, return_sign=return_sign)
    if dtype.itemsize > 2 or dtype.kind in "biu":
        return found
    # softxent.logsumexp gives float32 for 16 bits.
    with np.errstate(all="ignore"):
        if return_sign:
            return tuple(part.astype(dtype)[()] for part in found)
        return found.astype(dtype)[()]
