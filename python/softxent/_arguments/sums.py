"""Arguments of log-sum-exp, canonical: promotion with the factors, result and sign allocated."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .arrays import (
    as_array,
    as_float,
    axis_mask,
    broadcast,
    check_out,
    loss_dtype,
    mask_for,
    remaining_shape,
)
from .scalars import flag, has_no_dtype

__all__ = ["SumCall", "sum_call"]


class SumCall(NamedTuple):
    """One call of `sxt_logsumexp`; `shape` is that of the result for the caller."""

    x: np.ndarray
    axes: int
    where: np.ndarray | None
    b: np.ndarray | None
    result: np.ndarray
    sign: np.ndarray | None
    shape: tuple[int, ...]


def sum_call(
    x: Any, axis: Any, b: Any, where: Any, keepdims: Any, return_sign: Any, out: Any
) -> SumCall:
    """Check every argument of `logsumexp` and allocate its results: the sum over no element."""
    array, factors = _promoted(x, b)
    axes = axis_mask(axis, array.ndim)
    mask = mask_for(where, array.shape)
    rows = remaining_shape(array.shape, axes)
    shape = remaining_shape(array.shape, axes, flag(keepdims, "keepdims"))
    dtype = loss_dtype(array.dtype)
    if out is not None:
        check_out(out, shape, dtype)
    sign = np.zeros(rows, dtype) if flag(return_sign, "return_sign") else None
    return SumCall(array, axes, mask, factors, np.full(rows, -np.inf, dtype), sign, shape)


def _promoted(x: Any, b: Any) -> tuple[np.ndarray, np.ndarray | None]:
    """`x` and `b` in one shape and dtype; Python numbers do not take part in the promotion."""
    if b is None:
        return as_float(x, "x"), None
    given = as_array(x, "x"), as_array(b, "b")
    array, factors = as_float(given[0], "x"), as_float(given[1], "b")
    dtype = array.dtype
    if not has_no_dtype(b):
        own = given[1] if has_no_dtype(x) else given[0]
        dtype = _common_dtype(own.dtype, given[1].dtype)
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


def _common_dtype(x: np.dtype, b: np.dtype) -> np.dtype:
    try:
        dtype = np.result_type(x, b)
    except TypeError:
        raise TypeError(
            f"x has dtype {x} and b {b}, which NumPy does not promote: convert one"
        ) from None
    return np.dtype(np.float64) if dtype.kind in "biu" else dtype.newbyteorder("=")
