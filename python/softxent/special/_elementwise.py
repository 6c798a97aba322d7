"""expit and log_expit with the arguments of SciPy's ufuncs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from softxent import functional
from softxent._arguments.arrays import as_array

__all__ = ["expit", "log_expit"]

_Kernel = Callable[..., Any]


def expit(
    x: Any,
    /,
    out: Any = None,
    *,
    where: Any = True,
    dtype: DTypeLike | None = None,
    casting: str = "same_kind",
) -> Any:
    r"""
    The logistic function, as the ufunc `scipy.special.expit`.

    .. math:: \sigma(x) = \frac{1}{1 + e^{-x}}

    Parameters
    ----------
    x : array_like
        Any shape; real.
    out : numpy.ndarray or tuple of one, optional
        Takes the result; `x` is broadcast to its shape. It may be `x` itself.
    where : array_like of bool, default True
        Elements where it is False keep what `out` held, or are 0 in a new array.
    dtype : {float32, float64, longdouble}, optional
        The type to compute in: by default that of `x`, float64 for integers, bools and 16 bits.
    casting : str, default "same_kind"
        What may be converted, as in `numpy.copyto`.

    Returns
    -------
    numpy.ndarray or NumPy scalar
        `out` if it is given.

    Raises
    ------
    TypeError
        If `x` is complex, masked or lazy, or a type cannot be converted under `casting`.
    ValueError
        If shapes do not broadcast.

    Notes
    -----
    The error bounds of `softxent.sigmoid`; longdouble is computed by NumPy, without one. Against
    SciPy's ufunc: no methods (``at``, ``outer``), no ``order``, ``subok`` and ``signature``, no
    warnings, and the result is a NumPy array for a pandas Series too.

    Examples
    --------
    >>> from softxent.special import expit
    >>> expit([-1.0, 0.0, 1.0])
    array([0.26894142, 0.5       , 0.73105858])
    """
    return _apply(functional.sigmoid, _wide_expit, x, out, where, dtype, casting)


def log_expit(
    x: Any,
    /,
    out: Any = None,
    *,
    where: Any = True,
    dtype: DTypeLike | None = None,
    casting: str = "same_kind",
) -> Any:
    r"""
    The logarithm of the logistic function, as the ufunc `scipy.special.log_expit`.

    .. math:: \log \sigma(x) = -\log(1 + e^{-x})

    Parameters
    ----------
    x, out, where, dtype, casting
        As for `expit`.

    Returns
    -------
    numpy.ndarray or NumPy scalar
        `out` if it is given.

    Raises
    ------
    TypeError, ValueError
        As `expit`.

    Notes
    -----
    The error bounds of `softxent.log_sigmoid`, and the differences that `expit` states.

    Examples
    --------
    >>> from softxent.special import log_expit
    >>> print(log_expit(40.0))
    -4.248354255291589e-18
    """
    return _apply(functional.log_sigmoid, _wide_log_expit, x, out, where, dtype, casting)


def _apply(
    kernel: _Kernel,
    wide: _Kernel,
    x: Any,
    out: Any,
    where: Any,
    dtype: DTypeLike | None,
    casting: Any,
) -> Any:
    array = as_array(x, "x")
    if casting != "same_kind":
        np.can_cast(array.dtype, array.dtype, casting)  # which tells the names that there are
    loop = _loop(array.dtype, dtype, casting)
    out = out[0] if isinstance(out, tuple) and len(out) == 1 else out
    with np.errstate(all="ignore"):
        values = array.astype(loop, copy=False)
        compute = kernel if loop.itemsize <= 8 else wide
        if out is None:
            if where is True:
                return compute(values)
            out = np.zeros(np.broadcast_shapes(array.shape, np.shape(where)), loop)
        elif not isinstance(out, np.ndarray):
            raise TypeError(f"out must be an array, got {type(out).__name__}")
        elif where is True and out.shape == values.shape and out.dtype == loop:
            compute(values, out=out)
            return out
        np.copyto(out, compute(values), casting=casting, where=where)
    return out


def _loop(given: np.dtype, asked: DTypeLike | None, casting: Any) -> np.dtype:
    """Return the type to compute in, of the three that SciPy has."""
    loops = [np.dtype(kind) for kind in (np.float32, np.float64, np.longdouble)]
    native = given.newbyteorder("=")
    if asked is not None:
        loop = np.dtype(asked)
        if loop not in loops:
            raise TypeError(f"dtype must be float32, float64 or longdouble, got {loop}")
        if not np.can_cast(given, loop, casting):
            raise TypeError(f"x of dtype {given} cannot be computed as {loop} under {casting!r}")
        return loop
    if native in loops:
        return native
    for loop in loops[1:]:
        if np.can_cast(given, loop):
            return loop
    raise TypeError(f"x has dtype {given}; expected real numbers")


def _wide_expit(x: np.ndarray, out: np.ndarray | None = None) -> Any:
    # exp(-|x|) cannot overflow, and what is added to 1 keeps its digits.
    small = np.exp(-np.abs(x))
    return np.divide(np.where(x < 0, small, 1), 1 + small, out=out)


def _wide_log_expit(x: np.ndarray, out: np.ndarray | None = None) -> Any:
    return np.subtract(np.minimum(x, 0), np.log1p(np.exp(-np.abs(x))), out=out)
