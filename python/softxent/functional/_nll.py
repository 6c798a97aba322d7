"""
Negative log-likelihood of given log-probabilities.

A gather of one number per row (or one product per class) has nothing to fuse, so NumPy does it, in
float64.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from softxent._arguments.arrays import as_float, axis_index, loss_dtype, output_for
from softxent._arguments.options import ignore_label, reduction_code, weights
from softxent._arguments.targets import read_target
from softxent._core.errors import label_error, no_class_error

__all__ = ["nll_loss", "nll_loss_and_grad"]


class _Terms(NamedTuple):
    """Row losses, and the coefficients w y at `positions` of the input, everywhere if None."""

    losses: np.ndarray
    divisor: float  # of the mean
    coefficients: np.ndarray
    positions: tuple[np.ndarray, ...] | None


def nll_loss(
    log_probs: Any,
    target: Any,
    *,
    axis: int = -1,
    weight: Any = None,
    ignore_index: int | None = -100,
    reduction: str = "mean",
) -> Any:
    r"""
    Negative log-likelihood of the target under given log-probabilities.

    .. math:: L = -\sum_c w_c \, y_c \, l_c

    with y = 1 at the label and 0 elsewhere for class indices.

    Parameters
    ----------
    log_probs : array_like
        Log-probabilities l, as `log_softmax` gives them: float16, bfloat16, float32 or float64.
        Integers and bools are computed as float64.
    target : array_like
        Integers: class indices, in the shape of `log_probs` without `axis`. Floats: class
        probabilities, in the shape of `log_probs`.
    axis : int, default -1
        The axis of the classes.
    weight : array_like, optional
        Class weights w: C finite numbers >= 0.
    ignore_index : int or None, default -100
        Rows with this label have loss and gradient 0 and do not count in the mean.
    reduction : {"mean", "sum", "none"}, default "mean"
        For class indices the mean divides by the sum of the labels' weights over the rows kept,
        for class probabilities by the number of rows.

    Returns
    -------
    numpy.floating or numpy.ndarray
        The loss; with ``reduction="none"`` the loss of each row. float64 for float64
        `log_probs`, otherwise float32. An empty mean is NaN.

    Raises
    ------
    IndexError
        If a label is neither in [0, C) nor `ignore_index`; with the label and its position.
    TypeError
        If a dtype is not one of those above, an array is masked, or an option is of another type;
        bool targets are refused.
    ValueError
        If a shape or the value of an option is wrong or the classes are empty.
    numpy.exceptions.AxisError
        If `log_probs` has no such axis.

    See Also
    --------
    cross_entropy : the same from logits, in one pass and without the loss of digits.

    Notes
    -----
    Everything is computed in float64, sums in nearly twice its precision, and rounded once to the
    type of the result. The error of a row with a class index is at most 1 ULP; of sums, means and
    probability targets it is at most 4 (float32), 2 (16 bit) or 8 (float64) ULP of the largest
    term. The memory layout does not change a bit.

    Terms whose coefficient is 0 contribute 0 whatever their log-probability.

    Examples
    --------
    >>> import numpy as np
    >>> import softxent
    >>> softxent.nll_loss(np.log([[0.5, 0.5], [0.75, 0.25]]), [0, 1], reduction="none").round(4)
    array([0.6931, 1.3863])
    """
    array, terms, code = _read("nll_loss", log_probs, target, axis, weight, ignore_index, reduction)
    return _reduced(terms, code, loss_dtype(array.dtype))


def nll_loss_and_grad(
    log_probs: Any,
    target: Any,
    *,
    axis: int = -1,
    weight: Any = None,
    ignore_index: int | None = -100,
    reduction: str = "mean",
    out: np.ndarray | None = None,
) -> tuple[Any, np.ndarray]:
    r"""
    Negative log-likelihood and its gradient in the log-probabilities.

    .. math:: \frac{\partial L}{\partial l_c} = -w_c \, y_c

    times the row's factor in the reduction.

    Parameters
    ----------
    log_probs, target, axis, weight, ignore_index, reduction
        As in `nll_loss`.
    out : numpy.ndarray, optional
        Takes the gradient; of the shape and dtype of `log_probs`. It may be `log_probs` itself.

    Returns
    -------
    loss : numpy.floating or numpy.ndarray
        As `nll_loss`.
    grad : numpy.ndarray
        The gradient, in the shape and dtype of `log_probs`; `out` if it is given.

    Raises
    ------
    IndexError, TypeError, ValueError, numpy.exceptions.AxisError
        As `nll_loss`; and TypeError or ValueError if `out` has another dtype or shape or is
        read-only. Nothing is written then.

    Notes
    -----
    The loss has the bounds of `nll_loss`. The error of a gradient's element is at most 2 ULP in
    float32, 3 in float64 and 1 in float16 and bfloat16; 4 in float64 for class probabilities.

    Examples
    --------
    >>> import numpy as np
    >>> import softxent
    >>> loss, grad = softxent.nll_loss_and_grad(np.log([[0.5, 0.5], [0.75, 0.25]]), [0, 1])
    >>> grad
    array([[-0.5,  0. ],
           [ 0. , -0.5]])
    """
    array, terms, code = _read(
        "nll_loss_and_grad", log_probs, target, axis, weight, ignore_index, reduction
    )
    loss = _reduced(terms, code, loss_dtype(array.dtype))
    # With nothing to average the loss is NaN, but there is nothing to move either: gradient 0.
    # And 0.0 - x below, because -x would make that gradient -0.0.
    mean_scale = 1.0 / terms.divisor if terms.divisor else 0.0
    values = _canonical(0.0 - terms.coefficients * (mean_scale if reduction == "mean" else 1.0))
    grad = output_for(array, out)
    with np.errstate(all="ignore"):
        if terms.positions is None:
            grad[...] = values
        else:
            grad[...] = 0
            grad[terms.positions] = values
    return loss, grad


def _read(
    name: str,
    log_probs: Any,
    target: Any,
    axis: Any,
    weight: Any,
    ignore_index: Any,
    reduction: Any,
) -> tuple[np.ndarray, _Terms, int]:
    """Check the arguments of the function called `name` and compute the row losses."""
    array = as_float(log_probs, "log_probs")
    index = axis_index(axis, array.ndim)
    code = reduction_code(reduction)
    labels, probs = read_target(target, array, index)
    class_weight = weights(weight, "weight", (array.shape[index],))
    ignored = ignore_label(ignore_index, probs is not None)
    if array.shape[index] == 0:
        raise no_class_error(name, array.shape)
    with np.errstate(all="ignore"):
        if labels is not None:
            return array, _label_terms(array, index, labels, class_weight, ignored), code
        return array, _probability_terms(array, index, probs, class_weight), code


def _label_terms(
    array: np.ndarray,
    axis: int,
    labels: np.ndarray,
    class_weight: np.ndarray | None,
    ignored: int | None,
) -> _Terms:
    kept = np.ones(labels.shape, bool) if ignored is None else labels != ignored
    wrong = kept & ((labels < 0) | (labels >= array.shape[axis]))
    if wrong.any():
        row = int(wrong.argmax())
        raise label_error(int(labels.reshape(-1)[row]), row, array.shape, axis)
    safe = np.where(kept, labels, 0)
    positions = _positions(safe, axis)
    coefficients = np.where(kept, 1.0 if class_weight is None else class_weight[safe], 0.0)
    picked = array[positions].astype(np.float64)
    losses = np.where(coefficients == 0, 0.0, 0.0 - coefficients * picked)
    return _Terms(losses, float(_sum(coefficients)), coefficients, positions)


def _positions(labels: np.ndarray, axis: int) -> tuple[np.ndarray, ...]:
    """Index of the label's element in every row."""
    grid = [
        np.arange(n).reshape(-1, *(1,) * (labels.ndim - k - 1)) for k, n in enumerate(labels.shape)
    ]
    return (*grid[:axis], labels, *grid[axis:])


def _probability_terms(
    array: np.ndarray, axis: int, probs: np.ndarray, class_weight: np.ndarray | None
) -> _Terms:
    coefficients = probs.astype(np.float64)
    if class_weight is not None:
        shape = [1] * array.ndim
        shape[axis] = -1
        coefficients *= class_weight.reshape(shape)
    products = np.where(coefficients == 0, 0.0, 0.0 - coefficients * array.astype(np.float64))
    losses = _sum(products, axis)
    return _Terms(losses, float(losses.size), coefficients, None)


def _reduced(terms: _Terms, reduction: int, dtype: np.dtype) -> Any:
    with np.errstate(all="ignore"):
        if reduction == 0:
            return _canonical(terms.losses).astype(dtype)[()]
        total = float(_sum(terms.losses))
        if reduction == 2:
            total = total / terms.divisor if terms.divisor else math.nan
        return dtype.type(_canonical(total))


def _sum(terms: np.ndarray, axis: int | None = None) -> np.ndarray:
    """
    Sum along an axis, or of everything, with the rounding errors added in the end.

    The order of the additions is that of the terms, whatever the memory layout: a tree that adds
    the halves. Where the sum is not finite the errors mean nothing.
    """
    high = terms.reshape(-1) if axis is None else np.moveaxis(terms, axis, -1)
    if high.shape[-1] == 0:
        return np.zeros(high.shape[:-1])
    low = np.zeros_like(high)
    while (count := high.shape[-1]) > 1:
        half = count // 2
        a, b = high[..., :half], high[..., half : 2 * half]
        total = a + b
        part = total - a
        error = (a - (total - part)) + (b - part)
        error += low[..., :half] + low[..., half : 2 * half]
        if count % 2:
            total = np.concatenate([total, high[..., -1:]], axis=-1)
            error = np.concatenate([error, low[..., -1:]], axis=-1)
        high, low = total, error
    result: np.ndarray = np.where(np.isfinite(high), high + low, high)[..., 0]
    return result


def _canonical(values: Any) -> np.ndarray:
    """Results with the one NaN that the package returns, whatever the NaN that came in."""
    return np.where(np.isnan(values), np.nan, values)
