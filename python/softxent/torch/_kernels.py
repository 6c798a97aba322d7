"""The computations: tensors with memory in, tensors out, softxent's functions between."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from softxent import functional

from ._tensors import array, array_or_none, like_rows, tensor

__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_and_grad",
    "binary_cross_entropy_grad",
    "class_axis",
    "cross_entropy",
    "cross_entropy_and_grad",
    "cross_entropy_grad",
    "log_softmax",
    "log_softmax_grad",
    "logsumexp",
    "loses_digits",
    "nll_loss",
    "softmax",
    "softmax_grad",
]


def loses_digits(grad_output: Any, *tensors: Any) -> bool:
    """
    Say whether a gradient must not be rounded before it is multiplied by `grad_output`.

    That of a mean lies at the lower end of float16, from which a loss is scaled to save it.
    """
    if all(one.dtype is not torch.float16 for one in tensors):
        return False
    return grad_output.dim() > 0 or grad_output.item() != 1.0


def class_axis(ndim: int) -> int:
    """The dimension of the classes: 0 for a single sample, else 1."""
    return 1 if ndim > 1 else 0


# -- cross-entropy ---------------------------------------------------------------------------------


def cross_entropy(
    input: Any, target: Any, weight: Any, reduction: str, ignore_index: int, label_smoothing: float
) -> Any:
    """Loss, in the dtype of `input`."""
    loss = functional.cross_entropy(
        array(input),
        array(target),
        axis=class_axis(input.dim()),
        weight=array_or_none(weight),
        ignore_index=ignore_index,
        label_smoothing=label_smoothing,
        reduction=reduction,
    )
    return tensor(loss, input.dtype)


def cross_entropy_and_grad(
    input: Any, target: Any, weight: Any, reduction: str, ignore_index: int, label_smoothing: float
) -> tuple[Any, Any]:
    """Loss, and its gradient in the memory order of `input`."""
    loss, grad = functional.cross_entropy_and_grad(
        array(input),
        array(target),
        axis=class_axis(input.dim()),
        weight=array_or_none(weight),
        ignore_index=ignore_index,
        label_smoothing=label_smoothing,
        reduction=reduction,
    )
    return tensor(loss, input.dtype), tensor(grad)


def cross_entropy_grad(
    grad_output: Any,
    input: Any,
    target: Any,
    weight: Any,
    reduction: str,
    ignore_index: int,
    label_smoothing: float,
    *,
    contiguous: bool = True,
    out: np.ndarray | None = None,
) -> Any:
    """Gradient in `input`; in its memory order unless it has to be contiguous, or in `out`."""
    x = array(input)
    return tensor(
        functional.cross_entropy_grad(
            x,
            array(target),
            grad_output.item() if grad_output.dim() == 0 else array(grad_output),
            axis=class_axis(x.ndim),
            weight=array_or_none(weight),
            ignore_index=ignore_index,
            label_smoothing=label_smoothing,
            reduction=reduction,
            out=like_rows(x) if contiguous else out,
        )
    )


def nll_loss(input: Any, target: Any, weight: Any, reduction: str, ignore_index: int) -> Any:
    """Loss, in the dtype of `input`."""
    loss = functional.nll_loss(
        array(input),
        array(target),
        axis=class_axis(input.dim()),
        weight=array_or_none(weight),
        ignore_index=ignore_index,
        reduction=reduction,
    )
    return tensor(loss, input.dtype)


# -- binary cross-entropy --------------------------------------------------------------------------


def binary_cross_entropy(
    input: Any, target: Any, weight: Any, pos_weight: Any, reduction: str
) -> Any:
    """Loss, in the dtype of `input`."""
    x = array(input)
    loss = functional.binary_cross_entropy(
        x,
        array(target),
        weight=array_or_none(weight),
        pos_weight=array_or_none(pos_weight),
        reduction=reduction,
    )
    return tensor(np.ascontiguousarray(loss).reshape(np.shape(loss)), input.dtype)


def binary_cross_entropy_and_grad(
    input: Any, target: Any, weight: Any, pos_weight: Any, reduction: str
) -> tuple[Any, np.ndarray]:
    """Loss, and its gradient as a contiguous array."""
    x = array(input)
    loss, grad = functional.binary_cross_entropy_and_grad(
        x,
        array(target),
        weight=array_or_none(weight),
        pos_weight=array_or_none(pos_weight),
        reduction=reduction,
        out=like_rows(x),
    )
    return tensor(loss, input.dtype), grad


def binary_cross_entropy_grad(
    grad_output: Any, input: Any, target: Any, weight: Any, pos_weight: Any, reduction: str
) -> Any:
    """Gradient in `input`."""
    wide = input.float() if loses_digits(grad_output, input) else input
    _, found = binary_cross_entropy_and_grad(wide, target, weight, pos_weight, reduction)
    grad = tensor(found)
    if grad_output.dim() == 0 and grad_output.item() == 1.0:
        return grad
    return grad.mul_(grad_output.detach()).to(input.dtype)


# -- softmax ---------------------------------------------------------------------------------------


def softmax(input: Any, dim: list[int]) -> Any:
    """Probabilities along `dim`."""
    x = array(input)
    return tensor(functional.softmax(x, _axis(dim), out=like_rows(x))) if x.size else _as_is(input)


def log_softmax(input: Any, dim: list[int]) -> Any:
    """Log-probabilities along `dim`."""
    x = array(input)
    if not x.size:
        return _as_is(input)
    return tensor(functional.log_softmax(x, _axis(dim), out=like_rows(x)))


def logsumexp(input: Any, dim: list[int], keepdim: bool) -> Any:
    """Log-sum-exp over `dim`, in the dtype of `input`."""
    return tensor(functional.logsumexp(array(input), _axis(dim), keepdims=keepdim), input.dtype)


def softmax_grad(grad_output: Any, output: Any, dim: list[int]) -> Any:
    """Vector-Jacobian product of softmax."""
    p = array(output)
    if not p.size:
        return _as_is(output)
    return tensor(functional.softmax_grad(array(grad_output), p, _axis(dim), out=like_rows(p)))


def log_softmax_grad(grad_output: Any, output: Any, dim: list[int]) -> Any:
    """Vector-Jacobian product of log-softmax."""
    p = array(output)
    if not p.size:
        return _as_is(output)
    return tensor(functional.log_softmax_grad(array(grad_output), p, _axis(dim), out=like_rows(p)))


def _axis(dim: list[int]) -> int | tuple[int, ...]:
    return dim[0] if len(dim) == 1 else tuple(dim)


def _as_is(empty: Any) -> Any:
    """The result where there is no element."""
    return torch.empty(empty.shape, dtype=empty.dtype)
