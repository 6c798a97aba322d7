"""Losses put together from other functions: derivatives in targets, reductions of `torch.func`."""

from __future__ import annotations

from typing import Any

import torch

from ._functions import BinaryCrossEntropy
from ._kernels import class_axis
from ._ops import ops
from ._plain import is_plain
from ._softmax import log_softmax

__all__ = ["binary_of_any_target", "class_probabilities", "reduced"]


def class_probabilities(
    input: Any, target: Any, weight: Any, reduction: str, label_smoothing: float
) -> Any:
    """Cross-entropy that is differentiable in the class probabilities and weights, too."""
    dtype = input.dtype
    input, target, weight = _wide(input, target, weight)
    axis = class_axis(input.dim())
    smoothed = target
    if label_smoothing:
        smoothed = target * (1 - label_smoothing) + label_smoothing / input.shape[axis]
    losses = -log_softmax(input, axis) * smoothed
    if weight is not None:
        shape = [1] * input.dim()
        shape[axis] = -1
        losses = losses * weight.reshape(shape)
    return _reduce(losses.sum(axis), reduction).to(dtype)


def binary_of_any_target(
    input: Any, target: Any, weight: Any, pos_weight: Any, reduction: str
) -> Any:
    """Binary cross-entropy that is differentiable in the targets, too: it is linear in them."""
    dtype = input.dtype
    input, target, weight, pos_weight = _wide(input, target, weight, pos_weight)
    positive = _binary_losses(input, torch.ones_like(input))
    negative = _binary_losses(input, torch.zeros_like(input))
    if pos_weight is not None:
        positive = pos_weight * positive
    losses = target * positive + (1 - target) * negative
    if weight is not None:
        losses = losses * weight
    return _reduce(losses, reduction).to(dtype)


def _binary_losses(input: Any, target: Any) -> Any:
    if is_plain(input):
        return BinaryCrossEntropy.apply(input, target, None, None, "none")
    return ops.binary_cross_entropy(input, target, None, None, "none")


def reduced(losses: Any, target: Any, weight: Any, reduction: str, ignore_index: int) -> Any:
    """Reduce the losses of rows; the mean of labels divides by the weights of those that count."""
    if reduction != "mean" or target.is_floating_point():
        return _reduce(losses, reduction)
    dtype, kept = losses.dtype, target != ignore_index
    (losses,) = _wide(losses)  # whose sum is more than 16 bits can hold
    if weight is None:
        return (losses.sum() / kept.sum()).to(dtype)
    factors = weight[torch.where(kept, target, 0).long()].to(losses.dtype)
    return (losses.sum() / torch.where(kept, factors, 0.0).sum()).to(dtype)


def _wide(*tensors: Any) -> list[Any]:
    """16-bit tensors as float32: the steps between input and loss are not rounded to 16 bits."""
    return [t.float() if t is not None and t.dtype.itemsize == 2 else t for t in tensors]


def _reduce(losses: Any, reduction: str) -> Any:
    if reduction == "none":
        return losses
    return losses.mean() if reduction == "mean" else losses.sum()
