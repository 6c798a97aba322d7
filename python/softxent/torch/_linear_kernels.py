"""The computations of a linear layer's cross-entropy, which never hold its logits."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from softxent import functional

from ._tensors import array, array_or_none, tensor

__all__ = [
    "linear_cross_entropy_and_grads",
    "linear_cross_entropy_grads",
    "linear_cross_entropy_loss",
]

# Logits held at once by `_grads_by_rows`: this share of all, or these bytes, at least these rows.
_SHARE, _BYTES, _ROWS = 0.03, 1 << 26, 96


def linear_cross_entropy_loss(
    input: Any,
    linear_weight: Any,
    target: Any,
    linear_bias: Any,
    weight: Any,
    reduction: str,
    ignore_index: int,
    label_smoothing: float,
) -> Any:
    """Loss, in the dtype of `input`."""
    loss = functional.linear_cross_entropy(
        array(input),
        array(linear_weight),
        array(target),
        bias=array_or_none(linear_bias),
        class_weight=array_or_none(weight),
        ignore_index=ignore_index,
        label_smoothing=label_smoothing,
        reduction=reduction,
    )
    return tensor(loss, input.dtype)


def linear_cross_entropy_and_grads(
    input: Any,
    linear_weight: Any,
    target: Any,
    linear_bias: Any,
    weight: Any,
    reduction: str,
    ignore_index: int,
    label_smoothing: float,
) -> tuple[Any, tuple[Any, Any, Any]]:
    """Loss, and its gradients in input, linear_weight and linear_bias (of the sum, for "none")."""
    loss, grads = functional.linear_cross_entropy_and_grad(
        array(input),
        array(linear_weight),
        array(target),
        bias=array_or_none(linear_bias),
        class_weight=array_or_none(weight),
        ignore_index=ignore_index,
        label_smoothing=label_smoothing,
        reduction=reduction,
    )
    d_input, d_weight, d_bias = (None if grad is None else tensor(grad) for grad in grads)
    return tensor(loss, input.dtype), (d_input, d_weight, d_bias)


def linear_cross_entropy_grads(
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
    """Gradients in input, linear_weight and linear_bias; without a bias an empty tensor."""
    scale = _one_value(grad_output)
    grads: tuple[Any, ...]
    if scale is None:
        grads = _grads_by_rows(
            grad_output, input, linear_weight, target, linear_bias, weight, ignore_index,
            label_smoothing,
        )  # fmt: skip
    else:
        layer = (input, linear_weight, linear_bias)
        wide = scale != 1.0 and torch.float16 in (input.dtype, linear_weight.dtype)
        given = [one.float() if wide and one is not None else one for one in layer]
        _, grads = linear_cross_entropy_and_grads(
            given[0], given[1], target, given[2], weight, reduction, ignore_index, label_smoothing
        )
        if scale != 1.0:
            grads = tuple(
                None if grad is None else grad.mul_(scale).to(one.dtype)
                for grad, one in zip(grads, layer, strict=True)
            )
    d_input, d_weight, d_bias = grads
    return d_input, d_weight, torch.empty(0, dtype=input.dtype) if d_bias is None else d_bias


def _one_value(grad_output: Any) -> float | None:
    """The value that all elements have, None if they differ."""
    values = array(grad_output)
    if values.size == 0:
        return 1.0
    first = values.flat[0]
    return float(first) if values.size == 1 or bool((values == first).all()) else None


def _grads_by_rows(
    grad_output: Any,
    input: Any,
    linear_weight: Any,
    target: Any,
    linear_bias: Any,
    weight: Any,
    ignore_index: int,
    label_smoothing: float,
) -> tuple[Any, Any, Any]:
    """Gradients of row losses that go different ways: block by block of the logits."""
    # 16-bit sums over blocks would lose what the blocks have.
    wide = torch.float64 if torch.float64 in (input.dtype, linear_weight.dtype) else torch.float32
    hidden, matrix = input.detach().to(wide), linear_weight.detach().to(wide)
    bias = None if linear_bias is None else linear_bias.detach().to(wide)
    d_input = torch.empty_like(hidden, memory_format=torch.contiguous_format)
    d_weight = torch.zeros(matrix.shape, dtype=wide)
    d_bias = None if bias is None else torch.zeros(bias.shape, dtype=wide)
    with torch.no_grad():
        height = _height(len(hidden), matrix)
        for start in range(0, len(hidden), height):
            part = slice(start, start + height)
            block = torch.nn.functional.linear(hidden[part], matrix, bias)
            logits = array(block)
            functional.cross_entropy_grad(
                logits,
                array(target[part]),
                np.asarray(array(grad_output[part]), logits.dtype),
                weight=array_or_none(weight),
                ignore_index=ignore_index,
                label_smoothing=label_smoothing,
                reduction="none",
                out=logits,
            )
            torch.mm(block, matrix, out=d_input[part])
            d_weight.addmm_(block.T, hidden[part])
            if d_bias is not None:
                d_bias += block.sum(0)
    d_bias = None if d_bias is None else d_bias.to(linear_bias.dtype)
    return d_input.to(input.dtype), d_weight.to(linear_weight.dtype), d_bias


def _height(count: int, matrix: Any) -> int:
    return max(int(_SHARE * count), _BYTES // (len(matrix) * matrix.itemsize), _ROWS)
