"""Plain calls that autograd follows: `autograd.Function` costs half of what an operator does."""

from __future__ import annotations

from typing import Any

import torch
from torch._C import _are_functorch_transforms_active
from torch._C._functorch import is_legacy_batchedtensor
from torch.autograd import Function

from . import _kernels
from ._derivatives import linear_derivatives, nll_gradient
from ._everyday import direct, is_one
from ._linear_kernels import (
    linear_cross_entropy_and_grads,
    linear_cross_entropy_grads,
    linear_cross_entropy_loss,
)
from ._ops import ops
from ._tensors import array_or_none, tensor

__all__ = [
    "BinaryCrossEntropy",
    "CrossEntropy",
    "LinearCrossEntropy",
    "LogSoftmax",
    "LogSumExp",
    "NLLLoss",
    "Softmax",
    "cross_entropy_direct",
]


def _recorded(grad_output: Any) -> bool:
    """Whether the backward pass is itself differentiated, compiled or mapped over."""
    return (
        torch.is_grad_enabled()
        or type(grad_output) is not torch.Tensor
        or _are_functorch_transforms_active()
        or is_legacy_batchedtensor(grad_output)  # of autograd.grad(is_grads_batched=True)
    )


class CrossEntropy(Function):
    """
    Loss of input, target, weight; options: reduction, ignore_index, label_smoothing.

    `found` is the loss and its gradient where they have been computed, else None.
    Loss and gradient come from one pass, and the gradient waits for a backward pass that does not
    scale it; otherwise it is computed again, with its scale. Computing it in backward alone costs
    1.2 to 2 times as much at every shape from 256x100 to 1024x32000.
    """

    @staticmethod
    def forward(
        ctx: Any, input: Any, target: Any, weight: Any, options: tuple[Any, ...], found: Any
    ) -> Any:
        ctx.save_for_backward(input, target, weight)
        ctx.options = options
        if found is None and options[0] == "none":
            found = _kernels.cross_entropy(input, target, weight, *options), None
        elif found is None:
            found = _kernels.cross_entropy_and_grad(input, target, weight, *options)
        loss, ctx.grad = found
        return loss

    @staticmethod
    def backward(ctx: Any, grad_output: Any) -> Any:
        # Given away, not kept: autograd copies a gradient that somebody else holds.
        grad, ctx.grad = ctx.grad, None
        if grad is not None and is_one(grad_output):
            return grad, None, None, None, None
        if _recorded(grad_output):
            grad = ops.cross_entropy_grad(grad_output, *ctx.saved_tensors, *ctx.options)
        elif grad is None or grad_output.item() != 1.0:
            # In the memory that is there: pages of a fresh gradient cost as much as its values.
            grad = _kernels.cross_entropy_grad(
                grad_output,
                *ctx.saved_tensors,
                *ctx.options,
                contiguous=False,
                out=array_or_none(grad),
            )
        return grad, None, None, None, None


cross_entropy_direct = direct(CrossEntropy)


class NLLLoss(Function):
    """Loss of input, target, weight; options: reduction, ignore_index."""

    @staticmethod
    def forward(ctx: Any, input: Any, target: Any, weight: Any, options: tuple[Any, ...]) -> Any:
        ctx.save_for_backward(input, target, weight)
        ctx.options = options
        return _kernels.nll_loss(input, target, weight, *options)

    @staticmethod
    def backward(ctx: Any, grad_output: Any) -> Any:
        return nll_gradient(grad_output, *ctx.saved_tensors, *ctx.options), None, None, None


class BinaryCrossEntropy(Function):
    """Loss of input, target, weight, pos_weight with a reduction."""

    @staticmethod
    def forward(ctx: Any, input: Any, target: Any, *options: Any) -> Any:
        ctx.save_for_backward(input, target, *options[:2])
        ctx.reduction, ctx.grad = options[2], None
        if ctx.reduction == "none":
            return _kernels.binary_cross_entropy(input, target, *options)
        loss, ctx.grad = _kernels.binary_cross_entropy_and_grad(input, target, *options)
        return loss

    @staticmethod
    def backward(ctx: Any, grad_output: Any) -> Any:
        found, ctx.grad = ctx.grad, None
        inputs = (*ctx.saved_tensors, ctx.reduction)
        if _recorded(grad_output):
            grad = ops.binary_cross_entropy_grad(grad_output, *inputs)
        elif found is not None and not _kernels.loses_digits(grad_output, inputs[0]):
            grad = tensor(found)
            if grad_output.item() != 1.0:
                grad.mul_(grad_output)
        else:
            grad = _kernels.binary_cross_entropy_grad(grad_output, *inputs)
        return grad, None, None, None, None


class LinearCrossEntropy(Function):
    """Loss of input, linear_weight, target, linear_bias, weight; options as for CrossEntropy."""

    @staticmethod
    def forward(ctx: Any, *inputs: Any) -> Any:
        *tensors, options = inputs
        ctx.save_for_backward(*tensors)
        ctx.options, ctx.grads = options, None
        if options[0] == "none":
            return linear_cross_entropy_loss(*tensors, *options)
        loss, ctx.grads = linear_cross_entropy_and_grads(*tensors, *options)
        return loss

    @staticmethod
    def backward(ctx: Any, grad_output: Any) -> Any:
        found, ctx.grads = ctx.grads, None
        if torch.is_grad_enabled():
            found = linear_derivatives(grad_output, *ctx.saved_tensors, *ctx.options)
        elif _recorded(grad_output):
            found = ops.linear_cross_entropy_grad(grad_output, *ctx.saved_tensors, *ctx.options)
        elif found is None or _kernels.loses_digits(grad_output, *ctx.saved_tensors[:2]):
            found = linear_cross_entropy_grads(grad_output, *ctx.saved_tensors, *ctx.options)
        elif grad_output.item() != 1.0:
            for grad in found:
                if grad is not None:
                    grad.mul_(grad_output)
        d_input, d_weight, d_bias = found
        if not ctx.needs_input_grad[3]:
            d_bias = None
        return d_input, d_weight, None, d_bias, None, None


class Softmax(Function):
    """Probabilities along `dim`."""

    @staticmethod
    def forward(ctx: Any, input: Any, dim: list[int]) -> Any:
        output = _kernels.softmax(input, dim)
        ctx.save_for_backward(output)
        ctx.dim = dim
        return output

    @staticmethod
    def backward(ctx: Any, grad_output: Any) -> Any:
        (output,) = ctx.saved_tensors
        product = ops if _recorded(grad_output) else _kernels
        return product.softmax_grad(grad_output, output, ctx.dim), None


class LogSoftmax(Function):
    """Log-probabilities along `dim`."""

    @staticmethod
    def forward(ctx: Any, input: Any, dim: list[int]) -> Any:
        output = _kernels.log_softmax(input, dim)
        ctx.save_for_backward(output)
        ctx.dim = dim
        return output

    @staticmethod
    def backward(ctx: Any, grad_output: Any) -> Any:
        (output,) = ctx.saved_tensors
        product = ops if _recorded(grad_output) else _kernels
        return product.log_softmax_grad(grad_output, output, ctx.dim), None


class LogSumExp(Function):
    """Log-sum-exp over `dim`."""

    @staticmethod
    def forward(ctx: Any, input: Any, dim: list[int], keepdim: bool) -> Any:
        ctx.save_for_backward(input)
        ctx.dim, ctx.keepdim = dim, keepdim
        return _kernels.logsumexp(input, dim, keepdim)

    @staticmethod
    def backward(ctx: Any, grad_output: Any) -> Any:
        (input,) = ctx.saved_tensors
        if not ctx.keepdim and input.dim():
            for k in sorted(k % input.dim() for k in ctx.dim):
                grad_output = grad_output.unsqueeze(k)
        if _recorded(grad_output):
            return ops.softmax(input, ctx.dim) * grad_output, None, None
        return _kernels.softmax(input, ctx.dim).mul_(grad_output), None, None
