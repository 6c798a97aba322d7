"""
Derivatives of the operators, in terms of operators and of PyTorch's own functions.

They can be recorded and differentiated again, as often as one likes. The first derivative of a
loss is an operator of its own, because it keeps digits that p - y would lose; the second derivative
is this one's vector-Jacobian product, which leads to that of softmax.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from ._kernels import class_axis
from ._ops import ops

__all__ = ["BACKWARD", "OUTPUT_SAVED", "linear_derivatives", "nll_gradient"]


# -- losses ----------------------------------------------------------------------------------------


def _cross_entropy(needs: Any, grad: Any, *inputs: Any) -> Any:
    return (ops.cross_entropy_grad(grad, *inputs),)


def _cross_entropy_grad(
    needs: Any,
    v: Any,
    grad_output: Any,
    input: Any,
    target: Any,
    weight: Any,
    reduction: str,
    ignore_index: int,
    label_smoothing: float,
) -> Any:
    options = (target, weight, reduction, ignore_index, label_smoothing)
    axis = class_axis(input.dim())
    d_output = d_input = None
    if needs[0]:
        products = v * ops.cross_entropy_grad(torch.ones_like(grad_output), input, *options)
        d_output = products.sum(axis) if reduction == "none" else products.sum()
    if needs[1]:
        mass = grad_output * _row_factors(input, *options)
        probs = ops.softmax(input, [axis])
        product = ops.softmax_grad((v * mass.unsqueeze(axis)).to(input.dtype), probs, [axis])
        # Rows that do not count have the derivative 0, whatever they hold.
        d_input = torch.where(mass.unsqueeze(axis) == 0, 0.0, product)
    return d_output, d_input


def _row_factors(
    input: Any,
    target: Any,
    weight: Any,
    reduction: str,
    ignore_index: int,
    label_smoothing: float,
) -> Any:
    """For each row the sum of the coefficients of -log p, with the factor of the reduction."""
    axis = class_axis(input.dim())
    classes = input.shape[axis]
    dtype = _wide(input)
    if weight is None:
        weight = torch.ones(classes, dtype=dtype, device=input.device)
    weight = weight.to(dtype)
    spread = label_smoothing * weight.sum() / classes
    if target.is_floating_point():
        shape = [1] * input.dim()
        shape[axis] = classes
        mass = (target.to(dtype) * weight.reshape(shape)).sum(axis)
        mass = (1 - label_smoothing) * mass + spread
        return mass / mass.numel() if reduction == "mean" else mass
    kept = target != ignore_index
    sharp = torch.where(kept, weight[torch.where(kept, target, 0).long()], 0.0)
    mass = torch.where(kept, (1 - label_smoothing) * sharp + spread, 0.0)
    if reduction != "mean":
        return mass
    total = sharp.sum()
    return torch.where(total == 0, 0.0, mass / total)


def nll_gradient(
    grad: Any,
    input: Any,
    target: Any,
    weight: Any,
    reduction: str,
    ignore_index: int,
) -> Any:
    """Gradient of the negative log-likelihood in `input`: one element in each row."""
    axis = class_axis(input.dim())
    kept = target != ignore_index
    safe = torch.where(kept, target, 0).long()
    dtype = _wide(input)
    factors = torch.ones_like(safe, dtype=dtype) if weight is None else weight[safe]
    factors = torch.where(kept, factors.to(dtype), 0.0)
    if reduction == "mean":
        total = factors.sum()
        factors = torch.where(total == 0, 0.0, factors / total)
    values = torch.where(kept, -grad * factors, 0.0).to(input.dtype)
    zeros = torch.zeros(input.shape, dtype=input.dtype, device=input.device)
    return zeros.scatter(axis, safe.unsqueeze(axis), values.unsqueeze(axis))


def _wide(input: Any) -> Any:
    """The dtype of sums over rows: in 16 bits that of 65 536 ones is infinite, or 8 bits long."""
    return torch.float32 if input.dtype.itemsize == 2 else input.dtype


def _nll_loss(needs: Any, grad: Any, *inputs: Any) -> Any:
    return (nll_gradient(grad, *inputs),)


def _binary(needs: Any, grad: Any, *inputs: Any) -> Any:
    return (ops.binary_cross_entropy_grad(grad, *inputs),)


def _binary_grad(
    needs: Any,
    v: Any,
    grad_output: Any,
    input: Any,
    target: Any,
    weight: Any,
    pos_weight: Any,
    reduction: str,
) -> Any:
    d_output = d_input = None
    if needs[0]:
        once = ops.binary_cross_entropy_grad(
            torch.ones_like(grad_output), input, target, weight, pos_weight, reduction
        )
        d_output = v * once if reduction == "none" else (v * once).sum()
    if needs[1]:
        t = target.to(input.dtype)
        mass = 1 - t + (t if pos_weight is None else pos_weight * t)
        if weight is not None:
            mass = mass * weight
        if reduction == "mean":
            mass = mass / input.numel()
        curve = torch.sigmoid(input) * torch.sigmoid(-input)
        d_input = (v * grad_output * mass * curve).to(input.dtype)
    return d_output, d_input


# -- linear cross-entropy --------------------------------------------------------------------------


def linear_derivatives(
    grad_output: Any,
    input: Any,
    linear_weight: Any,
    target: Any,
    linear_bias: Any,
    weight: Any,
    reduction: str,
    ignore_index: int,
    label_smoothing: float,
) -> tuple[Any, Any, Any]:
    """Gradients in input, linear_weight and linear_bias that can be differentiated again."""
    logits = torch.nn.functional.linear(input, linear_weight, linear_bias)
    found = ops.cross_entropy_grad(
        grad_output, logits, target, weight, reduction, ignore_index, label_smoothing
    )
    rows = found.reshape(-1, found.shape[-1])
    d_weight = rows.T @ input.reshape(-1, input.shape[-1])
    return found @ linear_weight, d_weight, None if linear_bias is None else rows.sum(0)


def _linear(needs: Any, grad: Any, *inputs: Any) -> Any:
    linear_bias = inputs[3]
    if torch.is_grad_enabled():
        found = linear_derivatives(grad, *inputs)
    else:
        found = ops.linear_cross_entropy_grad(grad, *inputs)
    d_input, d_weight, d_bias = found
    return d_input, d_weight, None, None if linear_bias is None else d_bias


def _linear_grad(needs: Any, *grads_and_inputs: Any) -> Any:
    raise NotImplementedError(
        "softxent::linear_cross_entropy_grad has no derivative of its own: take "
        "cross_entropy(torch.nn.functional.linear(...), ...) for higher derivatives"
    )


# -- softmax ---------------------------------------------------------------------------------------


def _softmax(needs: Any, grad: Any, input: Any, dim: list[int], output: Any) -> Any:
    return (ops.softmax_grad(grad, output, dim),)


def _log_softmax(needs: Any, grad: Any, input: Any, dim: list[int], output: Any) -> Any:
    return (ops.log_softmax_grad(grad, output, dim),)


def _logsumexp(needs: Any, grad: Any, input: Any, dim: list[int], keepdim: bool) -> Any:
    if not keepdim and input.dim():
        for k in sorted(k % input.dim() for k in dim):
            grad = grad.unsqueeze(k)
    return (ops.softmax(input, dim) * grad,)


def _softmax_grad(needs: Any, v: Any, grad_output: Any, output: Any, dim: list[int]) -> Any:
    d_output = None
    if needs[1]:
        mean = _sum(grad_output * output, dim)
        d_output = v * (grad_output - mean) - grad_output * _sum(v * output, dim)
    return ops.softmax_grad(v, output, dim) if needs[0] else None, d_output


def _log_softmax_grad(needs: Any, v: Any, grad_output: Any, output: Any, dim: list[int]) -> Any:
    probs = output.exp()
    d_grad = v - _sum(v * probs, dim) if needs[0] else None
    return d_grad, -v * probs * _sum(grad_output, dim) if needs[1] else None


def _sum(values: Any, dim: list[int]) -> Any:
    return values.sum(dim, keepdim=True) if values.dim() else values


#: For each operator its backward pass: what is needed, gradients of the results, inputs, and where
#: `OUTPUT_SAVED` the result; the gradients of the first inputs come out.
BACKWARD: dict[str, Callable[..., tuple[Any, ...]]] = {
    "cross_entropy": _cross_entropy,
    "cross_entropy_grad": _cross_entropy_grad,
    "nll_loss": _nll_loss,
    "binary_cross_entropy": _binary,
    "binary_cross_entropy_grad": _binary_grad,
    "linear_cross_entropy": _linear,
    "linear_cross_entropy_grad": _linear_grad,
    "softmax": _softmax,
    "log_softmax": _log_softmax,
    "logsumexp": _logsumexp,
    "softmax_grad": _softmax_grad,
    "log_softmax_grad": _log_softmax_grad,
}
OUTPUT_SAVED = ("softmax", "log_softmax")
