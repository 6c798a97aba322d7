"""Cross-entropy of a linear layer that never holds its logits."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._linear_call import linear_call
from ._linear_tiles import losses_and_gradients, row_losses

__all__ = ["linear_cross_entropy", "linear_cross_entropy_and_grad"]


def linear_cross_entropy(
    hidden: Any,
    weight: Any,
    target: Any,
    *,
    bias: Any = None,
    class_weight: Any = None,
    ignore_index: int | None = -100,
    label_smoothing: float = 0.0,
    reduction: str = "mean",
    z_loss: float = 0.0,
    softcap: float | None = None,
) -> Any:
    r"""
    Cross-entropy of ``hidden @ weight.T + bias`` without the N x C array of logits.

    .. math:: z = h W^\top + b, \qquad L = -\sum_c w_c y'_c \log p_c + \lambda \, \mathrm{lse}(z)^2

    with the options as in `cross_entropy`. The product is made in blocks, and each is summed up
    before the next one takes its place.

    Parameters
    ----------
    hidden : array_like
        Inputs h of the linear layer, (..., H) or (H,): float16, bfloat16, float32 or float64.
        Integers and bools are computed as float64.
    weight : array_like
        Weights W of the linear layer, (C, H).
    target : array_like
        Integers: class indices of the shape (...). Floats: class probabilities of the shape
        (..., C).
    bias : array_like, optional
        Bias b of the linear layer, (C,).
    class_weight : array_like, optional
        Class weights w, the `weight` of `cross_entropy`: C finite numbers >= 0.
    ignore_index, label_smoothing, reduction, z_loss, softcap
        As in `cross_entropy`. Ignored rows are left out of the product.

    Returns
    -------
    numpy.floating or numpy.ndarray
        As `cross_entropy`: float64 if `hidden` or `weight` is float64, otherwise float32.

    Raises
    ------
    IndexError
        If a label is neither in [0, C) nor `ignore_index`; with the label and its position.
    TypeError
        If a dtype is not one of those above, an array is masked, or an option is of another type;
        bool targets are refused.
    ValueError
        If shapes do not go together, the value of an option is wrong, there is no class, or
        `ignore_index` >= 0 is given with class probabilities.

    See Also
    --------
    linear_cross_entropy_and_grad : the loss and the gradients.
    cross_entropy : the loss of logits that are there.

    Notes
    -----
    The products are NumPy's, computed in float32 or float64 (16-bit values are converted block by
    block), so the error is that of the BLAS behind NumPy plus the bounds of `cross_entropy`, and
    the last bits may depend on the BLAS and its threads. With `softcap` the capped logits are
    rounded too, within 4 ULP: an error like that of a product.

    References
    ----------
    .. [1] E. Wijmans et al., "Cut your losses in large-vocabulary language models", ICLR 2025.
    .. [2] M. Milakov and N. Gimelshein, "Online normalizer calculation for softmax",
       arXiv:1805.02867, 2018.

    Examples
    --------
    >>> import numpy as np
    >>> import softxent
    >>> hidden = np.array([[1.0, 0.0], [0.0, 2.0]])
    >>> weight = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    >>> print(f"{softxent.linear_cross_entropy(hidden, weight, [0, 1]):.4f}")
    0.8103
    >>> print(f"{softxent.cross_entropy(hidden @ weight.T, [0, 1]):.4f}")
    0.8103
    """
    call = linear_call(
        "linear_cross_entropy",
        hidden,
        weight,
        target,
        bias=bias,
        class_weight=class_weight,
        ignore_index=ignore_index,
        label_smoothing=label_smoothing,
        reduction=reduction,
        z_loss=z_loss,
        softcap=softcap,
    )
    with np.errstate(all="ignore"):
        return call.reduced(*row_losses(call.problem))


def linear_cross_entropy_and_grad(
    hidden: Any,
    weight: Any,
    target: Any,
    *,
    bias: Any = None,
    class_weight: Any = None,
    ignore_index: int | None = -100,
    label_smoothing: float = 0.0,
    reduction: str = "mean",
    z_loss: float = 0.0,
    softcap: float | None = None,
) -> tuple[Any, tuple[np.ndarray, np.ndarray, np.ndarray | None]]:
    r"""
    Loss of `linear_cross_entropy` and its gradients in hidden, weight and bias.

    With G the gradient of the loss in the logits,

    .. math::

        \frac{\partial L}{\partial h} = G W, \qquad
        \frac{\partial L}{\partial W} = G^\top h, \qquad
        \frac{\partial L}{\partial b} = \sum_{\mathrm{rows}} G

    G is never held either: each block of logits becomes its block of G in place, and is multiplied
    away before the next one takes its place.

    Parameters
    ----------
    hidden, weight, target, bias, class_weight, ignore_index, label_smoothing, reduction, z_loss, \
    softcap
        As in `linear_cross_entropy`.

    Returns
    -------
    loss : numpy.floating or numpy.ndarray
        As `linear_cross_entropy`.
    gradients : tuple
        ``(d_hidden, d_weight, d_bias)``, each in the shape and dtype of its argument; d_bias is
        None without bias. With ``reduction="none"`` they are the gradients of the sum. Ignored
        rows have 0 in d_hidden.

    Raises
    ------
    IndexError, TypeError, ValueError
        As `linear_cross_entropy`.

    Notes
    -----
    On top of arguments and results a call needs memory for one block of logits and for the BLAS's
    own buffers. The block is 3 % of all logits, or 64 MiB if that is more (104 MiB if all logits
    are less than 1 GiB). Ignored rows and 16-bit
    arguments cost a copy of `hidden` too, and with a weight in 16 bits every block is multiplied a
    second time for the gradient.

    The loss has the error of `linear_cross_entropy`. The gradients are products, too: of
    d loss / d logits, which has the bounds of `cross_entropy_and_grad`, by NumPy's BLAS.

    Examples
    --------
    >>> import numpy as np
    >>> import softxent
    >>> hidden = np.array([[1.0, 0.0], [0.0, 2.0]])
    >>> weight = np.zeros((2, 2))
    >>> loss, (d_hidden, d_weight, d_bias) = softxent.linear_cross_entropy_and_grad(
    ...     hidden, weight, [0, 1], bias=np.zeros(2)
    ... )
    >>> d_weight
    array([[-0.25,  0.5 ],
           [ 0.25, -0.5 ]])
    >>> d_bias
    array([0., 0.])
    """
    call = linear_call(
        "linear_cross_entropy_and_grad",
        hidden,
        weight,
        target,
        bias=bias,
        class_weight=class_weight,
        ignore_index=ignore_index,
        label_smoothing=label_smoothing,
        reduction=reduction,
        z_loss=z_loss,
        softcap=softcap,
    )
    with np.errstate(all="ignore"):
        losses, penalties, found = losses_and_gradients(call.problem)
        return call.reduced(losses, penalties), call.restored(found)
