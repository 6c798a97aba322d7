"""Longdouble and complex numbers, which the kernels do not know, computed by NumPy."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from softxent._arguments.arrays import axis_mask, remaining_shape

__all__ = ["is_wide", "log_softmax", "logsumexp", "softmax"]


def is_wide(dtype: np.dtype) -> bool:
    """Tell complex numbers, and a longdouble that is more than a double."""
    return dtype.kind == "c" or (dtype.kind == "f" and dtype.itemsize > 8)


def softmax(x: np.ndarray, axis: Any) -> Any:
    """Return exp(x) / sum(exp(x))."""
    with np.errstate(all="ignore"):
        terms = np.exp(x - _largest(x, axis))
        return (terms / terms.sum(axis=axis, keepdims=True))[()]


def log_softmax(x: np.ndarray, axis: Any) -> Any:
    """Return x - log(sum(exp(x)))."""
    with np.errstate(all="ignore"):
        shifted = x - _largest(x, axis)
        return (shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True)))[()]


def logsumexp(a: np.ndarray, axis: Any, b: Any, keepdims: bool, return_sign: bool) -> Any:
    """Return log(sum(b exp(a))), with the sign or phase of the sum if that is asked for."""
    if b is not None:
        dtype = np.result_type(a, b)
        a, b = np.broadcast_arrays(a.astype(dtype), np.asarray(b, dtype))
        a = np.where(b == 0, -np.inf, a).astype(dtype)
    axes = axis_mask(axis, a.ndim)
    shape = remaining_shape(a.shape, axes, keepdims)
    terms, factors = _rows(a, axes), None if b is None else _rows(b, axes)
    if terms.shape[1]:
        value, sign = _summed(terms, factors, return_sign)
    else:
        value, sign = np.full(len(terms), -np.inf, a.dtype), np.zeros(len(terms), a.dtype)
    if return_sign:
        return value.reshape(shape)[()], sign.reshape(shape)[()]
    return value.reshape(shape)[()]


def _rows(array: np.ndarray, axes: int) -> np.ndarray:
    """Return an array whose reduced dimensions are the last one of two."""
    order = sorted(range(array.ndim), key=lambda k: axes >> k & 1)
    kept = math.prod(remaining_shape(array.shape, axes))
    count = math.prod(n for k, n in enumerate(array.shape) if axes >> k & 1)
    return array.transpose(order).reshape(kept, count)


def _summed(
    a: np.ndarray, b: np.ndarray | None, return_sign: bool
) -> tuple[np.ndarray, np.ndarray]:
    """
    Return the logarithm of every row's sum, of its absolute value with `return_sign`, and its sign.

    The largest term is taken out of the sum: log(1 + s) keeps the digits of a small s.
    """
    with np.errstate(all="ignore"):
        top = _largest(a, -1)
        scaled = np.exp(a - top) if b is None else b * np.exp(a - top)
        at = np.arange(len(a)), np.abs(scaled).argmax(axis=-1)
        first = scaled[at]
        scaled[at] = 0
        s = scaled.sum(axis=-1) / first
        square = 2 * s.real + s.real**2 + s.imag**2
        # Where 1 + s is far from 1 the square has no digits that it lacks, or has lost some.
        near = np.abs(square) < 0.5
        log1p = np.where(near, np.log1p(square) / 2, np.log(np.abs(1 + s)))
        size = log1p + np.log(np.abs(first)) + top[..., 0]
        total = first * (1 + s)
        # Infinite terms are whatever exp and log make of them.
        direct = (np.exp(a) if b is None else b * np.exp(a)).sum(axis=-1)
        finite = np.isfinite(size)
        sign = np.sign(np.where(finite, total, direct))
        if return_sign:
            return np.where(finite, size, np.log(np.abs(direct))), sign
        if a.dtype.kind != "c":
            size = np.where(sign < 0, np.nan, size)
        else:
            angle = np.angle(total)
            size = size + 1j * np.where(angle == -np.pi, np.pi, angle)
        return np.where(finite, size, np.log(direct)).astype(a.dtype), sign


def _largest(x: np.ndarray, axis: Any) -> np.ndarray:
    """Return the largest real part along the axes, 0 where it is not finite."""
    top = x.real.max(axis=axis, keepdims=True)
    return np.where(np.isfinite(top), top, 0)
