"""The logarithm of a sum of exponentials."""

from __future__ import annotations

from typing import Any

import numpy as np

from softxent import _core
from softxent._arrays import (
    as_array,
    as_float,
    axis_mask,
    broadcast,
    check_out,
    loss_dtype,
    mask_for,
    remaining_shape,
)

__all__ = ["logsumexp"]


def logsumexp(
    x: Any,
    axis: Any = -1,
    *,
    b: Any = None,
    where: Any = None,
    keepdims: bool = False,
    return_sign: bool = False,
    out: np.ndarray | None = None,
) -> Any:
    r"""
    Logarithm of the sum of exponentials along one or more axes.

    .. math:: \log \sum_c b_c \, e^{x_c}

    Parameters
    ----------
    x : array_like
        Any shape, layout and alignment: float16, bfloat16, float32 or float64. Integers and bools
        are computed as float64.
    axis : int, tuple of int or None, default -1
        The axes to sum over; None is all of them. Note that `scipy.special.logsumexp` has None
        as its default.
    b : array_like, optional
        Factors of the exponentials, of any sign; `x` and `b` are broadcast against each other.
        Elements with the factor 0 are left out, whatever their `x`.
    where : array_like of bool, optional
        Broadcast to the shape of `x` (and `b`). Elements where it is False are left out.
    keepdims : bool, default False
        Keep the reduced axes with length 1.
    return_sign : bool, default False
        Return the sign of the sum too, and the logarithm of its absolute value. Without it a
        negative sum gives NaN.
    out : numpy.ndarray, optional
        Takes the result; of its shape and dtype.

    Returns
    -------
    result : numpy.floating or numpy.ndarray
        float64 for float64, otherwise float32 (the sum of 16-bit values overflows their type).
        With `b` the type follows from NumPy's promotion of `x` and `b`. `out` if it is given.
    sign : numpy.floating or numpy.ndarray
        Only with `return_sign`: 1, -1, 0 or NaN, like `result`.

    Raises
    ------
    TypeError
        If an input is a masked array or of another dtype, `where` is not bool, or `out` is not an
        array of the result's dtype.
    ValueError
        If shapes do not broadcast, an axis is named twice, or `out` is read-only or of another
        shape.
    numpy.exceptions.AxisError
        If `x` has no such axis.

    Notes
    -----
    Without `b` the error is at most 1 ULP (float32) or 2 (float64) of the larger of the result
    and the maximum of `x` in absolute value.

    The sum over no element is -inf, with the sign 0. A row with NaN gives NaN, a row with +inf
    gives inf, a row of -inf gives -inf.

    Examples
    --------
    >>> import numpy as np
    >>> import softxent
    >>> softxent.logsumexp(np.zeros((2, 3)), axis=0).round(4)
    array([0.6931, 0.6931, 0.6931])
    >>> result, sign = softxent.logsumexp([1000.0, 1001.0], b=[1.0, -1.0], return_sign=True)
    >>> print(f"{result:.4f} {sign}")
    1000.5413 -1.0
    """
    array, factors = _promoted(x, b)
    axes = axis_mask(axis, array.ndim)
    mask = mask_for(where, array.shape)
    rows = remaining_shape(array.shape, axes)
    shape = remaining_shape(array.shape, axes, bool(keepdims))
    dtype = loss_dtype(array.dtype)
    if out is not None:
        check_out(out, shape, dtype)
    result = np.full(rows, -np.inf, dtype)
    sign = np.zeros(rows, dtype) if return_sign else None
    if array.size:
        _core.call_logsumexp(array, axes, mask, factors, result, sign)
    result = result.reshape(shape)
    if out is not None:
        out[...] = result
        result = out
    elif result.ndim == 0:
        result = result[()]
    return (result, sign.reshape(shape)[()]) if sign is not None else result


def _promoted(x: Any, b: Any) -> tuple[np.ndarray, np.ndarray | None]:
    """`x` and `b` in one shape and dtype; Python numbers do not take part in the promotion."""
    if b is None:
        return as_float(x, "x"), None
    given = as_array(x, "x"), as_array(b, "b")
    array, factors = as_float(given[0], "x"), as_float(given[1], "b")
    dtype = array.dtype
    if not isinstance(b, (bool, int, float)):
        dtype = np.result_type(given[0].dtype, given[1].dtype).newbyteorder("=")
        if dtype.kind in "biu":
            dtype = np.dtype(np.float64)
    try:
        shape = np.broadcast_shapes(array.shape, factors.shape)
    except ValueError:
        raise ValueError(
            f"x has shape {array.shape} and b has shape {factors.shape}; "
            "expected shapes that broadcast against each other"
        ) from None
    with np.errstate(all="ignore"):
        array = array.astype(dtype, copy=False)
        factors = factors.astype(dtype, copy=False)
    return broadcast(array, shape, "x"), broadcast(factors, shape, "b")
