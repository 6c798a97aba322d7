"""Elementwise binary cross-entropy."""

from __future__ import annotations

from typing import Any

import numpy as np

from softxent._arguments.calls import binary_call
from softxent._core import binding

__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_and_grad",
    "binary_cross_entropy_grad_hess",
]


def binary_cross_entropy(
    logits: Any,
    target: Any,
    *,
    weight: Any = None,
    pos_weight: Any = None,
    reduction: str = "mean",
    from_logits: bool = True,
) -> Any:
    r"""
    Binary cross-entropy between logits and 0/1 targets or probabilities, elementwise.

    .. math:: L = -w \, \big(q \, t \log \sigma(x) + (1 - t) \log(1 - \sigma(x))\big)

    Parameters
    ----------
    logits : array_like
        Logits x, or probabilities in place of sigma(x) with ``from_logits=False``: float16,
        bfloat16, float32 or float64. Integers and bools are computed as float64.
    target : array_like
        Targets t in the shape of `logits`: 0 or 1 in any integer type or bool, or probabilities
        in any floating type.
    weight : array_like, optional
        Factors w of the losses, finite and >= 0; broadcast to the shape of `logits`.
    pos_weight : array_like, optional
        Factors q of the positive term, finite and >= 0; broadcast to the shape of `logits`.
    reduction : {"mean", "sum", "none"}, default "mean"
        The mean divides by the number of elements.
    from_logits : bool, default True
        False if `logits` holds probabilities. Their logarithms are clamped at -100, as in
        `torch.nn.BCELoss`.

    Returns
    -------
    numpy.floating or numpy.ndarray
        The loss; with ``reduction="none"`` the loss of each element. float64 for float64 logits,
        otherwise float32. An empty mean is NaN.

    Raises
    ------
    TypeError
        If an input is a masked array or of another dtype.
    ValueError
        If a shape or the value of an option is wrong, or an integer target is neither 0 nor 1.

    See Also
    --------
    binary_cross_entropy_and_grad : the loss and its gradient in one pass.

    Notes
    -----
    The error of a loss is at most 2 ULP (float32 and 16 bit) or 3 (float64); of sums and means it
    is at most 4 or 8 ULP of the largest term.

    Infinite logits give the limit: 0 at the right end, inf at the wrong one.

    Examples
    --------
    >>> import softxent
    >>> print(f"{softxent.binary_cross_entropy([2.0, -1.0], [1, 0]):.6f}")
    0.220095
    """
    call = binary_call(
        logits,
        target,
        weight=weight,
        pos_weight=pos_weight,
        reduction=reduction,
        from_logits=from_logits,
    )
    return binding.call_binary("binary_cross_entropy", call)


def binary_cross_entropy_and_grad(
    logits: Any,
    target: Any,
    *,
    weight: Any = None,
    pos_weight: Any = None,
    reduction: str = "mean",
    from_logits: bool = True,
    out: np.ndarray | None = None,
) -> tuple[Any, np.ndarray]:
    r"""
    Binary cross-entropy and its gradient in the logits, in one pass over them.

    .. math::

        \frac{\partial L}{\partial x} = w \, \big((1 - t) \sigma(x) - q \, t \, \sigma(-x)\big)

    Parameters
    ----------
    logits, target, weight, pos_weight, reduction, from_logits
        As in `binary_cross_entropy`.
    out : numpy.ndarray, optional
        Takes the gradient; of the shape and dtype of `logits`. It may be `logits` itself.

    Returns
    -------
    loss : numpy.floating or numpy.ndarray
        As `binary_cross_entropy`.
    grad : numpy.ndarray
        The gradient, in the shape and dtype of `logits`; `out` if it is given. With
        ``from_logits=False`` it is the gradient in the probabilities.

    Raises
    ------
    TypeError, ValueError
        As `binary_cross_entropy`; and if `out` has another dtype or shape or is read-only.

    Notes
    -----
    The error of the gradient is at most 2 ULP (float32), 3 (float64) or 1 (16 bit) of the exact
    value; for targets between 0 and 1 of the larger of sigma(x) and t.

    Examples
    --------
    >>> import softxent
    >>> loss, grad = softxent.binary_cross_entropy_and_grad([0.0, 0.0], [1, 0], reduction="sum")
    >>> grad
    array([-0.5,  0.5])
    """
    call = binary_call(
        logits,
        target,
        weight=weight,
        pos_weight=pos_weight,
        reduction=reduction,
        from_logits=from_logits,
        grad=True,
        out=out,
    )
    return binding.call_binary("binary_cross_entropy_and_grad", call), call.grad


def binary_cross_entropy_grad_hess(
    logits: Any,
    target: Any,
    *,
    weight: Any = None,
    pos_weight: Any = None,
    reduction: str = "none",
    from_logits: bool = True,
) -> tuple[np.ndarray, np.ndarray]:
    r"""
    Gradient of the binary cross-entropy and its second derivative in the logits.

    .. math:: \frac{\partial^2 L}{\partial x^2} = w \, (q \, t + 1 - t) \, \sigma(x) \, \sigma(-x)

    Parameters
    ----------
    logits, target, weight, pos_weight, from_logits
        As in `binary_cross_entropy`.
    reduction : {"none", "sum", "mean"}, default "none"
        The loss that is differentiated; with "none" each element's own loss.

    Returns
    -------
    grad : numpy.ndarray
        The gradient, in the shape and dtype of `logits`.
    hess : numpy.ndarray
        The second derivatives, likewise.

    Raises
    ------
    TypeError, ValueError
        As `binary_cross_entropy`.

    Notes
    -----
    For the gradient the bounds of `binary_cross_entropy_and_grad` hold. The error of the second
    derivative is at most 4 ULP (float32), 8 (float64) or 2 (16 bit) of the largest term.

    Examples
    --------
    >>> import softxent
    >>> softxent.binary_cross_entropy_grad_hess([0.0], [True])
    (array([-0.5]), array([0.25]))
    """
    call = binary_call(
        logits,
        target,
        weight=weight,
        pos_weight=pos_weight,
        reduction=reduction,
        from_logits=from_logits,
        loss=False,
        grad=True,
        hess=True,
    )
    binding.call_binary("binary_cross_entropy_grad_hess", call)
    return call.grad, call.hess
