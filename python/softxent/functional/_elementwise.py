"""Sigmoid and its logarithm."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from softxent._arguments.arrays import as_float, output_for, separate
from softxent._core import binding

__all__ = ["log_sigmoid", "sigmoid"]


def sigmoid(x: Any, *, out: np.ndarray | None = None) -> Any:
    r"""
    The logistic function, elementwise.

    .. math:: \sigma(x) = \frac{1}{1 + e^{-x}}

    Parameters
    ----------
    x : array_like
        Any shape and layout: float16, bfloat16, float32 or float64. Integers and bools are
        computed as float64.
    out : numpy.ndarray, optional
        Takes the result; of the shape and dtype of `x`. It may be `x` itself.

    Returns
    -------
    numpy.ndarray
        Of the shape and dtype of `x`; `out` if it is given. A NumPy scalar for 0-d input.

    Raises
    ------
    TypeError
        If `x` is a masked array or of another dtype, or `out` is not an array of the same dtype.
    ValueError
        If `out` is read-only or of another shape.

    See Also
    --------
    binary_cross_entropy : the loss, accurate for every logit.

    Notes
    -----
    The error is at most 2 ULP in float32, 3 in float64 and 1 in float16 and bfloat16, subnormal
    results included.

    Examples
    --------
    >>> import softxent
    >>> softxent.sigmoid([-1.0, 0.0, 1.0])
    array([0.26894142, 0.5       , 0.73105858])
    """
    return _map(binding.call_sigmoid, x, out)


def log_sigmoid(x: Any, *, out: np.ndarray | None = None) -> Any:
    r"""
    The logarithm of the logistic function, elementwise.

    .. math:: \log \sigma(x) = -\log(1 + e^{-x})

    Parameters
    ----------
    x : array_like
        Any shape and layout: float16, bfloat16, float32 or float64. Integers and bools are
        computed as float64.
    out : numpy.ndarray, optional
        Takes the result; of the shape and dtype of `x`. It may be `x` itself.

    Returns
    -------
    numpy.ndarray
        Of the shape and dtype of `x`; `out` if it is given. A NumPy scalar for 0-d input.

    Raises
    ------
    TypeError
        If `x` is a masked array or of another dtype, or `out` is not an array of the same dtype.
    ValueError
        If `out` is read-only or of another shape.

    Notes
    -----
    The error is at most 2 ULP in float32, 3 in float64 and 1 in float16 and bfloat16, subnormal
    results included.

    Examples
    --------
    >>> import softxent
    >>> softxent.log_sigmoid([-1000.0, 0.0, 40.0])
    array([-1.00000000e+03, -6.93147181e-01, -4.24835426e-18])
    """
    return _map(binding.call_log_sigmoid, x, out)


def _map(call: Callable[[np.ndarray, np.ndarray], None], x: Any, out: np.ndarray | None) -> Any:
    array = as_float(x, "x")
    result = output_for(array, out)
    call(separate(array, out), result)
    return result[()] if out is None and result.ndim == 0 else result
