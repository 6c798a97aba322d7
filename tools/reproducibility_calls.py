"""The calls whose bits tools/reproducibility.py compares: every function, under every option.

`linear_cross_entropy` is not among them: it goes through the BLAS behind NumPy, whose last bits are
its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import softxent as sx

Call = Callable[..., tuple[np.ndarray, ...]]

EVERY_OPTION = {
    "weighted": True,
    "sampled": True,
    "label_smoothing": 0.125,
    "z_loss": 0.01,
    "logit_scale": 0.75,
    "softcap": 30.0,
}


# Calls are call(x, rows, axis, out) -> results; `rows` are the numbers of the rows.


def thorough_calls() -> dict[str, Call]:
    """Every way through the kernels: for all widths, layouts and splits."""
    return {
        "softmax": lambda x, rows, axis, out: (sx.softmax(x, axis, out=out),),
        "log_softmax": lambda x, rows, axis, out: (sx.log_softmax(x, axis, out=out),),
        "logsumexp": lambda x, rows, axis, out: (sx.logsumexp(x, axis),),
        "softmax_grad": lambda x, rows, axis, out: (sx.softmax_grad(x, x, axis, out=out),),
        "log_softmax_grad": lambda x, rows, axis, out: (sx.log_softmax_grad(x, x, axis, out=out),),
        "sigmoid": lambda x, rows, axis, out: (sx.sigmoid(x, out=out),),
        "log_sigmoid": lambda x, rows, axis, out: (sx.log_sigmoid(x, out=out),),
        "cross_entropy": loss(),
        "cross_entropy every option": loss(**EVERY_OPTION),
        "cross_entropy soft, every option": loss(soft=True, **EVERY_OPTION),
        "cross_entropy_grad_hess every option": hessian(**EVERY_OPTION),
        "binary_cross_entropy weighted": binary(weighted=True),
    }


def other_calls() -> dict[str, Call]:
    """The other functions, and the options one by one: for some widths."""
    return {
        "LogSumExp": streamed,
        "cross_entropy weighted": loss(weighted=True),
        "cross_entropy smoothed": loss(weighted=True, label_smoothing=0.125),
        "cross_entropy z_loss": loss(z_loss=0.01),
        "cross_entropy logit_scale": loss(logit_scale=0.75),
        "cross_entropy softcap": loss(softcap=30.0),
        "cross_entropy focal": loss(weighted=True, focal_gamma=2.0),
        "cross_entropy_grad_hess focal": hessian(weighted=True, focal_gamma=0.5),
        "cross_entropy soft": loss(soft=True),
        "cross_entropy soft, smoothed": loss(soft=True, weighted=True, label_smoothing=0.125),
        "cross_entropy of probabilities": loss(from_logits=False),
        "cross_entropy of probabilities, soft": loss(from_logits=False, soft=True, weighted=True),
        "cross_entropy_grad of row gradients": row_gradients,
        "cross_entropy_grad_hess": hessian(),
        "cross_entropy_grad_hess soft, every option": hessian(soft=True, **EVERY_OPTION),
        "nll_loss": negative_log_likelihood(weighted=True),
        "nll_loss soft": negative_log_likelihood(soft=True, weighted=True),
        "binary_cross_entropy": binary(),
        "binary_cross_entropy of probabilities": binary(weighted=True, from_logits=False),
        "binary_cross_entropy_grad_hess": binary_hessian(),
        "binary_cross_entropy_grad_hess weighted": binary_hessian(weighted=True),
    }


# -- arguments that belong to a row or a class, wherever these stand -------------------------------


def per_row(values: np.ndarray, x: np.ndarray, axis: int) -> np.ndarray:
    """One value per row, in the shape of `x` without the axis."""
    return values.reshape(np.delete(x.shape, axis % x.ndim))


def per_class(values: np.ndarray, x: np.ndarray, axis: int) -> np.ndarray:
    """One value per class, in a shape that broadcasts against `x`."""
    shape = [1] * x.ndim
    shape[axis] = -1
    return values.reshape(shape)


def class_weights(x: np.ndarray, axis: int) -> np.ndarray:
    return (np.arange(x.shape[axis]) % 5) * 0.5


def distributions(x: np.ndarray, axis: int) -> np.ndarray:
    """Probability targets, some of them 0, whose products and sums are rounded."""
    values = per_class(np.arange(x.shape[axis]) * 3 % 8 / 9, x, axis)
    return np.where(np.isfinite(x.astype(np.float64)), values, 0).astype(x.dtype)


def arguments(
    x: np.ndarray,
    rows: np.ndarray,
    axis: int,
    *,
    soft: bool = False,
    weighted: bool = False,
    sampled: bool = False,
    **options: Any,
) -> tuple[np.ndarray, dict[str, Any]]:
    """Target and options of a loss."""
    if weighted:
        options["weight"] = class_weights(x, axis)
    if sampled:
        options["sample_weight"] = per_row(rows % 3 * 0.5, x, axis)
    if soft:
        return distributions(x, axis), {"axis": axis, **options}
    return per_row((rows * 13 + 2) % x.shape[axis], x, axis), {"axis": axis, **options}


def probabilities(x: np.ndarray) -> np.ndarray:
    """Numbers that are no logits, none of them negative."""
    return np.abs(x) / np.asarray(16, x.dtype)


# -- the functions ---------------------------------------------------------------------------------


def streamed(x: np.ndarray, rows: np.ndarray, axis: int, out: Any) -> tuple[np.ndarray, ...]:
    stream, other = (sx.LogSumExp(tuple(np.delete(x.shape, axis % x.ndim))) for _ in range(2))
    first, *rest = np.array_split(x, 3, axis=axis)
    stream.update(first, axis)
    for chunk in rest:
        other.update(chunk, axis)
    stream.merge(other)
    return (stream.result(),)


def loss(**options: Any) -> Call:
    def call(x: np.ndarray, rows: np.ndarray, axis: int, out: Any) -> tuple[np.ndarray, ...]:
        target, chosen = arguments(x, rows, axis, reduction="none", **options)
        logits = x if chosen.get("from_logits", True) else probabilities(x)
        value, grad = sx.cross_entropy_and_grad(logits, target, out=out, **chosen)
        return grad, value

    return call


def row_gradients(x: np.ndarray, rows: np.ndarray, axis: int, out: Any) -> tuple[np.ndarray, ...]:
    target, chosen = arguments(x, rows, axis, reduction="none")
    grad_output = per_row(rows % 5 - 1.75, x, axis)
    return (sx.cross_entropy_grad(x, target, grad_output, out=out, **chosen),)


def hessian(**options: Any) -> Call:
    def call(x: np.ndarray, rows: np.ndarray, axis: int, out: Any) -> tuple[np.ndarray, ...]:
        target, chosen = arguments(x, rows, axis, **options)
        return sx.cross_entropy_grad_hess(x, target, **chosen)

    return call


def negative_log_likelihood(**options: Any) -> Call:
    def call(x: np.ndarray, rows: np.ndarray, axis: int, out: Any) -> tuple[np.ndarray, ...]:
        target, chosen = arguments(x, rows, axis, reduction="none", **options)
        value, grad = sx.nll_loss_and_grad(x, target, out=out, **chosen)
        return grad, value

    return call


def binary_options(x: np.ndarray, axis: int, weighted: bool) -> dict[str, Any]:
    if not weighted:
        return {}
    weight = per_class(class_weights(x, axis), x, axis)
    return {"weight": weight, "pos_weight": weight * 0.75 + 0.5}


def binary(weighted: bool = False, from_logits: bool = True) -> Call:
    def call(x: np.ndarray, rows: np.ndarray, axis: int, out: Any) -> tuple[np.ndarray, ...]:
        logits = x if from_logits else sx.sigmoid(x)
        options = binary_options(x, axis, weighted)
        options |= {"reduction": "none", "from_logits": from_logits, "out": out}
        value, grad = sx.binary_cross_entropy_and_grad(logits, distributions(x, axis), **options)
        return grad, value

    return call


def binary_hessian(weighted: bool = False) -> Call:
    def call(x: np.ndarray, rows: np.ndarray, axis: int, out: Any) -> tuple[np.ndarray, ...]:
        options = binary_options(x, axis, weighted)
        return sx.binary_cross_entropy_grad_hess(x, distributions(x, axis), **options)

    return call


# -- sums and means --------------------------------------------------------------------------------


def reductions() -> dict[str, Callable[[np.ndarray, str], list[np.ndarray]]]:
    """Losses of many rows as call(x, reduction) -> results."""

    def multiclass(function: Callable[..., Any], **options: Any) -> Any:
        def call(x: np.ndarray, reduction: str) -> list[np.ndarray]:
            target, chosen = arguments(x, np.arange(len(x)), -1, **options)
            return list(map(np.asarray, function(x, target, reduction=reduction, **chosen)))

        return call

    def elementwise(weighted: bool) -> Any:
        def call(x: np.ndarray, reduction: str) -> list[np.ndarray]:
            options = binary_options(x, -1, weighted)
            value, grad = sx.binary_cross_entropy_and_grad(x, x > 0, reduction=reduction, **options)
            return [np.asarray(value), grad]

        return call

    fused, nll = sx.cross_entropy_and_grad, sx.nll_loss_and_grad
    return {
        "cross_entropy": multiclass(fused),
        "cross_entropy ignored": multiclass(fused, ignore_index=3),
        "cross_entropy every option": multiclass(fused, **EVERY_OPTION),
        "cross_entropy soft": multiclass(fused, soft=True),
        "cross_entropy soft, every option": multiclass(fused, soft=True, **EVERY_OPTION),
        "cross_entropy_grad_hess": multiclass(sx.cross_entropy_grad_hess, **EVERY_OPTION),
        "nll_loss": multiclass(nll, weighted=True),
        "nll_loss soft": multiclass(nll, soft=True, weighted=True),
        "binary_cross_entropy": elementwise(weighted=False),
        "binary_cross_entropy weighted": elementwise(weighted=True),
    }
