"""Cross-entropy of a linear layer that never holds its logits."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from softxent._arrays import as_array, as_float, is_float, loss_dtype
from softxent._options import ignore_label, reduction_code, scalars, weights
from softxent._targets import Target, label_error, no_class_error, read_target

from ._linear_tiles import LinearProblem, losses_and_gradients

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

    with the options as in `cross_entropy`. The product is made in tiles of rows and classes, and
    each is summed up before the next one takes its place.

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
        If a dtype is not one of those above; bool targets are refused.
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
    the last bits may depend on the BLAS and its threads.

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
    0.8106
    >>> print(f"{softxent.cross_entropy(hidden @ weight.T, [0, 1]):.4f}")
    0.8106
    """
    call = _read(
        "linear_cross_entropy",
        hidden,
        weight,
        target,
        bias,
        class_weight,
        ignore_index,
        label_smoothing,
        reduction,
        z_loss,
        softcap,
    )
    with np.errstate(all="ignore"):
        losses, penalties, _ = losses_and_gradients(call.problem, False)
        return _reduced(call, losses, penalties)


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

    G is never held either: after the sums of all rows are known, each tile of logits is
    multiplied again, becomes the tile of G in place, and is multiplied away.

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
    On top of arguments and results a call needs one tile, which is 2 % of the logits within
    bounds of 0.5 and 16 MiB (float32), and one or two blocks of products of the same order; 16-bit
    arguments, ignored rows and `hidden` in another memory order cost a copy of `hidden` too.

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
    call = _read(
        "linear_cross_entropy_and_grad",
        hidden,
        weight,
        target,
        bias,
        class_weight,
        ignore_index,
        label_smoothing,
        reduction,
        z_loss,
        softcap,
    )
    with np.errstate(all="ignore"):
        losses, penalties, found = losses_and_gradients(call.problem, True)
        d_hidden = _restored(call, found.hidden)
        d_bias = found.bias
        if call.bias is not None and d_bias is not None:
            d_bias = d_bias.astype(call.bias.dtype, copy=False)
        return _reduced(call, losses, penalties), (d_hidden, found.weight, d_bias)


class _Call(NamedTuple):
    """Arguments as they were given, and the problem of the rows that count."""

    hidden: np.ndarray
    bias: np.ndarray | None
    kept: np.ndarray | None  # numbers of the rows that count; None: all
    rows: tuple[int, ...]
    reduction: int
    divisor: float
    problem: LinearProblem


def _read(
    name: str,
    hidden: Any,
    weight: Any,
    target: Any,
    bias: Any,
    class_weight: Any,
    ignore_index: Any,
    label_smoothing: Any,
    reduction: Any,
    z_loss: Any,
    softcap: Any,
) -> _Call:
    """Check every argument."""
    h, w = as_float(hidden, "hidden"), as_float(weight, "weight")
    _check_layer(h, w)
    rows, classes = h.shape[:-1], w.shape[0]
    code = reduction_code(reduction)
    smoothing, penalty, _, cap = scalars(label_smoothing, z_loss, 1.0, softcap, True)
    factors = weights(class_weight, "class_weight", (classes,))
    offset = None if bias is None else as_float(bias, "bias")
    if offset is not None and offset.shape != (classes,):
        raise ValueError(f"bias has shape {offset.shape}; expected {(classes,)}")
    dtype = loss_dtype(np.dtype(np.float64) if w.dtype.itemsize == 8 else h.dtype)
    labels, probs = _read_target(target, (*rows, classes), dtype)
    ignored = ignore_label(ignore_index, probs is not None)
    if classes == 0:
        raise no_class_error(name, (*rows, classes))
    kept = None if labels is None else _kept_rows(labels, ignored, (*rows, classes))
    count = math.prod(rows)
    matrix = h.reshape(count, h.shape[-1])
    with np.errstate(all="ignore"):
        if kept is not None and labels is not None:
            matrix, labels = matrix[kept], labels.reshape(-1)[kept]
        problem = LinearProblem(
            np.ascontiguousarray(matrix, dtype=dtype),
            w,
            None if offset is None else np.ascontiguousarray(offset, dtype=dtype),
            None if labels is None else labels.reshape(-1),
            None if probs is None else probs.reshape(count, classes),
            None,
            None,
            None,
            penalty,
            cap,
            1.0,
            1.0,
        )
    problem, divisor = _weighted(problem, factors, smoothing, mean=reduction == "mean")
    return _Call(h, offset, kept, rows, code, divisor, problem)


def _check_layer(hidden: np.ndarray, weight: np.ndarray) -> None:
    if weight.ndim != 2:
        raise ValueError(f"weight has shape {weight.shape}; expected (C, H)")
    if hidden.ndim == 0 or hidden.shape[-1] != weight.shape[1]:
        raise ValueError(
            f"hidden has shape {hidden.shape} and weight {weight.shape}; "
            f"expected hidden of shape (..., {weight.shape[1]})"
        )


def _read_target(target: Any, shape: tuple[int, ...], dtype: np.dtype) -> Target:
    """Labels, or probabilities in a type of their own: they are converted tile by tile."""
    array = as_array(target, "target")
    own = array.dtype if is_float(array.dtype) else dtype
    return read_target(array, np.broadcast_to(np.empty((), own), shape), len(shape) - 1)


def _kept_rows(
    labels: np.ndarray, ignored: int | None, shape: tuple[int, ...]
) -> np.ndarray | None:
    """Numbers of the rows that are not ignored, None if none is; IndexError for a bad label."""
    flat = labels.reshape(-1)
    kept = np.ones(flat.shape, bool) if ignored is None else flat != ignored
    wrong = kept & ((flat < 0) | (flat >= shape[-1]))
    if wrong.any():
        row = int(wrong.argmax())
        raise label_error(int(flat[row]), row, shape, len(shape) - 1)
    return None if kept.all() else np.flatnonzero(kept)


def _weighted(
    problem: LinearProblem, factors: np.ndarray | None, smoothing: float, mean: bool
) -> tuple[LinearProblem, float]:
    """The problem with its coefficients and scales, and what the mean divides by."""
    count, classes = len(problem.hidden), len(problem.weight)
    weight = np.ones(classes) if factors is None else factors
    share = slope = None
    divisor = float(count)
    if problem.labels is not None:
        share = (1.0 - smoothing) * weight[problem.labels]
        divisor = divisor if factors is None else float(np.sum(weight[problem.labels]))
    else:
        slope = (1.0 - smoothing) * weight
    problem = problem._replace(
        share=share, slope=slope, base=weight * (smoothing / classes) if smoothing else None
    )
    if mean:
        problem = problem._replace(grad_scale=_inverse(divisor), z_scale=_inverse(count))
    return problem, divisor


def _inverse(divisor: float) -> float:
    """With nothing to average there is nothing to move either: gradient 0."""
    return 1.0 / divisor if divisor else 0.0


def _reduced(call: _Call, losses: np.ndarray, penalties: np.ndarray) -> Any:
    dtype = call.problem.hidden.dtype
    if call.reduction == 0:
        full = np.zeros(math.prod(call.rows), dtype)
        full[slice(None) if call.kept is None else call.kept] = losses + penalties
        return full.reshape(call.rows)[()]
    loss, penalty = np.float64(losses.sum()), np.float64(penalties.sum())
    if call.reduction == 2:
        loss, penalty = loss / np.float64(call.divisor), penalty / np.float64(len(losses))
    return dtype.type(loss + penalty if call.problem.z_loss else loss)


def _restored(call: _Call, gradient: np.ndarray) -> np.ndarray:
    """The gradient in the shape and dtype of `hidden`."""
    hidden = call.hidden
    if call.kept is not None:
        full = np.zeros((math.prod(call.rows), hidden.shape[-1]), hidden.dtype)
        full[call.kept] = gradient
        gradient = full
    return gradient.astype(hidden.dtype, copy=False).reshape(hidden.shape)
