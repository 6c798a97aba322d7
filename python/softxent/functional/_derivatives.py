"""Cross-entropy for optimisers: the gradient alone, and the gradient with the Hessian diagonal."""

from __future__ import annotations

from typing import Any

import numpy as np

from softxent._arguments.calls import cross_entropy_call
from softxent._core import binding

__all__ = ["cross_entropy_grad", "cross_entropy_grad_hess"]


def cross_entropy_grad(
    logits: Any,
    target: Any,
    grad_output: Any = 1.0,
    *,
    axis: int = -1,
    weight: Any = None,
    sample_weight: Any = None,
    ignore_index: int | None = -100,
    label_smoothing: float = 0.0,
    reduction: str = "mean",
    from_logits: bool = True,
    z_loss: float = 0.0,
    logit_scale: float = 1.0,
    softcap: float | None = None,
    focal_gamma: float = 0.0,
    out: np.ndarray | None = None,
) -> np.ndarray:
    r"""
    Gradient of the cross-entropy in the logits: the backward pass.

    .. math:: g \, \frac{\partial L}{\partial x_c} = g \Big(p_c \sum_k w_k y'_k - w_c y'_c\Big)

    for a row without `z_loss`, `logit_scale`, `softcap` and `focal_gamma`, times the row's factor
    in the reduction.

    Parameters
    ----------
    logits, target
        As in `cross_entropy`.
    grad_output : float or array_like, default 1.0
        The gradient g of what follows in the loss: a scalar, or with ``reduction="none"`` also
        one value per row, in the shape of `logits` without `axis`.
    axis, weight, sample_weight, ignore_index, label_smoothing, reduction, from_logits, z_loss, \
    logit_scale, softcap, focal_gamma
        As in `cross_entropy`.
    out : numpy.ndarray, optional
        Takes the gradient; of the shape and dtype of `logits`. It may be `logits` itself.

    Returns
    -------
    numpy.ndarray
        The gradient, in the shape and dtype of `logits`; `out` if it is given.

    Raises
    ------
    IndexError, TypeError, ValueError, numpy.exceptions.AxisError
        As `cross_entropy_and_grad`; and ValueError if `grad_output` has another shape, or one
        value per row with a reduction other than "none".

    Notes
    -----
    The bounds of `cross_entropy_and_grad` hold; with ``grad_output=1.0`` the bits are the same.

    Examples
    --------
    >>> import numpy as np
    >>> import softxent
    >>> softxent.cross_entropy_grad(np.zeros((2, 2)), [0, 1], [1.0, 3.0], reduction="none")
    array([[-0.5,  0.5],
           [ 1.5, -1.5]])
    """
    call = cross_entropy_call(
        logits,
        target,
        axis=axis,
        weight=weight,
        sample_weight=sample_weight,
        ignore_index=ignore_index,
        label_smoothing=label_smoothing,
        reduction=reduction,
        from_logits=from_logits,
        z_loss=z_loss,
        logit_scale=logit_scale,
        softcap=softcap,
        focal_gamma=focal_gamma,
        loss=False,
        grad=True,
        out=out,
        grad_output=grad_output,
    )
    binding.call_cross_entropy("cross_entropy_grad", call)
    return call.grad


def cross_entropy_grad_hess(
    logits: Any,
    target: Any,
    *,
    axis: int = -1,
    weight: Any = None,
    sample_weight: Any = None,
    ignore_index: int | None = -100,
    label_smoothing: float = 0.0,
    reduction: str = "none",
    from_logits: bool = True,
    z_loss: float = 0.0,
    logit_scale: float = 1.0,
    softcap: float | None = None,
    focal_gamma: float = 0.0,
) -> tuple[np.ndarray, np.ndarray]:
    r"""
    Gradient of the cross-entropy and the exact diagonal of its Hessian in the logits.

    .. math::

        \frac{\partial L}{\partial x_c} = p_c \sum_k w_k y'_k - w_c y'_c, \qquad
        \frac{\partial^2 L}{\partial x_c^2} = \Big(\sum_k w_k y'_k\Big) p_c (1 - p_c)

    for a row without `z_loss`, `logit_scale`, `softcap` and `focal_gamma`, which are accounted for
    where they are given. This is what the objective of a boosting library needs; the libraries
    themselves scale the diagonal differently (XGBoost by 2, LightGBM by C / (C - 1)).

    Parameters
    ----------
    logits, target
        As in `cross_entropy`.
    axis, weight, sample_weight, ignore_index, label_smoothing, from_logits, z_loss, logit_scale, \
    softcap, focal_gamma
        As in `cross_entropy`.
    reduction : {"none", "sum", "mean"}, default "none"
        The loss that is differentiated; with "none" each row's own loss.

    Returns
    -------
    grad : numpy.ndarray
        The gradient, in the shape and dtype of `logits`.
    hess : numpy.ndarray
        The diagonal of the Hessian, likewise. Ignored rows have 0.

    Raises
    ------
    IndexError, TypeError, ValueError, numpy.exceptions.AxisError
        As `cross_entropy`.

    Notes
    -----
    For the gradient the bounds of `cross_entropy_and_grad` hold. The error of the diagonal is at
    most 4 ULP (float32), 8 (float64) or 2 (16 bit) of the largest term. With `focal_gamma` the
    diagonal may be negative: focal loss is not convex.

    Examples
    --------
    >>> import softxent
    >>> grad, hess = softxent.cross_entropy_grad_hess([[0.0, 0.0]], [1])
    >>> grad
    array([[ 0.5, -0.5]])
    >>> hess
    array([[0.25, 0.25]])
    """
    call = cross_entropy_call(
        logits,
        target,
        axis=axis,
        weight=weight,
        sample_weight=sample_weight,
        ignore_index=ignore_index,
        label_smoothing=label_smoothing,
        reduction=reduction,
        from_logits=from_logits,
        z_loss=z_loss,
        logit_scale=logit_scale,
        softcap=softcap,
        focal_gamma=focal_gamma,
        loss=False,
        grad=True,
        hess=True,
    )
    binding.call_cross_entropy("cross_entropy_grad_hess", call)
    return call.grad, call.hess
