"""Vector-Jacobian products of softmax and log-softmax."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from softxent._arguments.arrays import as_float, axis_mask, output_for, separate
from softxent._core import binding

__all__ = ["log_softmax_grad", "softmax_grad"]


def softmax_grad(
    grad_output: Any, probs: Any, axis: Any = -1, *, out: np.ndarray | None = None
) -> Any:
    r"""
    Vector-Jacobian product of softmax: the gradient in its input.

    .. math:: \frac{\partial L}{\partial x_c} = p_c \Big(g_c - \sum_k g_k p_k\Big)

    Parameters
    ----------
    grad_output : array_like
        The gradient g in the output of softmax, of the shape of `probs`; converted to its dtype.
    probs : array_like
        The output p of `softmax`: float16, bfloat16, float32 or float64. Integers and bools are
        computed as float64.
    axis : int, tuple of int or None, default -1
        The axes that softmax was taken along; None is all of them.
    out : numpy.ndarray, optional
        Takes the result; of the shape and dtype of `probs`. It may be one of the inputs.

    Returns
    -------
    numpy.ndarray
        The gradient in the logits, in the shape and dtype of `probs`; `out` if it is given.

    Raises
    ------
    TypeError
        If an input is a masked array or of another dtype, or `out` is not an array of the
        result's dtype.
    ValueError
        If the shapes differ, a reduced axis is empty, an axis is named twice, or `out` is
        read-only or of another shape.
    numpy.exceptions.AxisError
        If `probs` has no such axis.

    Notes
    -----
    The error is at most 4 ULP (float32), 8 (float64) or 2 (16 bit) of the largest term.

    Examples
    --------
    >>> import softxent
    >>> softxent.softmax_grad([1.0, 0.0], [0.75, 0.25])
    array([ 0.1875, -0.1875])
    """
    return _product(binding.call_softmax_grad, grad_output, probs, "probs", axis, out)


def log_softmax_grad(
    grad_output: Any, log_probs: Any, axis: Any = -1, *, out: np.ndarray | None = None
) -> Any:
    r"""
    Vector-Jacobian product of log-softmax: the gradient in its input.

    .. math:: \frac{\partial L}{\partial x_c} = g_c - e^{l_c} \sum_k g_k

    Parameters
    ----------
    grad_output : array_like
        The gradient g in the output of log-softmax, of the shape of `log_probs`; converted to
        its dtype.
    log_probs : array_like
        The output l of `log_softmax`: float16, bfloat16, float32 or float64. Integers and bools
        are computed as float64.
    axis : int, tuple of int or None, default -1
        The axes that log-softmax was taken along; None is all of them.
    out : numpy.ndarray, optional
        Takes the result; of the shape and dtype of `log_probs`. It may be one of the inputs.

    Returns
    -------
    numpy.ndarray
        The gradient in the logits, in the shape and dtype of `log_probs`; `out` if it is given.

    Raises
    ------
    TypeError
        If an input is a masked array or of another dtype, or `out` is not an array of the
        result's dtype.
    ValueError
        If the shapes differ, a reduced axis is empty, an axis is named twice, or `out` is
        read-only or of another shape.
    numpy.exceptions.AxisError
        If `log_probs` has no such axis.

    Notes
    -----
    The error is at most 4 ULP (float32), 8 (float64) or 2 (16 bit) of the largest term.

    Examples
    --------
    >>> import softxent
    >>> softxent.log_softmax_grad([1.0, 0.0], softxent.log_softmax([0.0, 0.0]))
    array([ 0.5, -0.5])
    """
    return _product(binding.call_log_softmax_grad, grad_output, log_probs, "log_probs", axis, out)


def _product(
    call: Callable[[np.ndarray, np.ndarray, int, np.ndarray], None],
    grad_output: Any,
    output: Any,
    name: str,
    axis: Any,
    out: np.ndarray | None,
) -> Any:
    array = as_float(output, name)
    axes = axis_mask(axis, array.ndim)
    grad = as_float(grad_output, "grad_output")
    if grad.shape != array.shape:
        raise ValueError(
            f"grad_output has shape {grad.shape}; expected the shape {array.shape} of {name}"
        )
    with np.errstate(all="ignore"):
        grad = grad.astype(array.dtype, copy=False)
    result = output_for(array, out)
    call(separate(grad, out), separate(array, out), axes, result)
    return result[()] if out is None and result.ndim == 0 else result
