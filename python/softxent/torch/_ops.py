"""
The operators ``torch.ops.softxent``, for compilers, `torch.func` and everything else that records.

Registered directly with `torch.library.Library`: its calls cost a third of `custom_op`'s. Plain
calls do not come here (`_plain`). Results are contiguous, so that the shapes and strides which
compilers work with are known without computing.

Under `torch.func` an operator with a derivative of its own cannot be differentiated, but an
`autograd.Function` can: `ops` calls the one of `_transforms` there.
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import torch

from . import _kernels
from ._linear_kernels import linear_cross_entropy_grads, linear_cross_entropy_loss
from ._plain import is_transformed

__all__ = ["FUNCTIONS", "LIBRARY", "ops"]

_CLASSES = "Tensor input, Tensor target, Tensor? weight, str reduction, int ignore_index"
_BINARY = "Tensor input, Tensor target, Tensor? weight, Tensor? pos_weight, str reduction"
_LINEAR = (
    "Tensor input, Tensor linear_weight, Tensor target, Tensor? linear_bias, Tensor? weight, "
    "str reduction, int ignore_index, float label_smoothing"
)


def _like_input(input: Any, *options: Any) -> Any:
    return torch.empty(input.shape, dtype=input.dtype, device=input.device)


def _like_second(grad_output: Any, input: Any, *options: Any) -> Any:
    return _like_input(input)


def _loss(input: Any, target: Any, weight: Any, reduction: str, *options: Any) -> Any:
    shape = input.shape
    rows = () if reduction != "none" else shape[:1] + shape[2:] if len(shape) > 1 else ()
    return input.new_empty(rows)


def _elementwise_loss(input: Any, target: Any, weight: Any, pos_weight: Any, reduction: str) -> Any:
    return input.new_empty(input.shape if reduction == "none" else ())


def _sum(input: Any, dim: list[int], keepdim: bool) -> Any:
    reduced = {k % input.dim() for k in dim} if input.dim() else set()
    kept = [
        1 if k in reduced else n for k, n in enumerate(input.shape) if keepdim or k not in reduced
    ]
    return input.new_empty(kept)


def _linear_loss(
    input: Any, linear_weight: Any, target: Any, bias: Any, weight: Any, reduction: str, *_: Any
) -> Any:
    return input.new_empty(input.shape[:-1] if reduction == "none" else ())


def _linear_grads(
    grad_output: Any, input: Any, linear_weight: Any, target: Any, linear_bias: Any, *options: Any
) -> tuple[Any, Any, Any]:
    bias = input.new_empty(0) if linear_bias is None else _like_input(linear_bias)
    return _like_input(input), _like_input(linear_weight), bias


#: Name: arguments, results, the computation, and the shapes of its results.
_TABLE: dict[str, tuple[str, str, Callable[..., Any], Callable[..., Any]]] = {
    "cross_entropy": (
        f"{_CLASSES}, float label_smoothing", "Tensor", _kernels.cross_entropy, _loss
    ),
    "cross_entropy_grad": (
        f"Tensor grad_output, {_CLASSES}, float label_smoothing", "Tensor",
        _kernels.cross_entropy_grad, _like_second,
    ),
    "nll_loss": (_CLASSES, "Tensor", _kernels.nll_loss, _loss),
    "binary_cross_entropy": (_BINARY, "Tensor", _kernels.binary_cross_entropy, _elementwise_loss),
    "binary_cross_entropy_grad": (
        f"Tensor grad_output, {_BINARY}", "Tensor",
        _kernels.binary_cross_entropy_grad, _like_second,
    ),
    "linear_cross_entropy": (_LINEAR, "Tensor", linear_cross_entropy_loss, _linear_loss),
    "linear_cross_entropy_grad": (
        f"Tensor grad_output, {_LINEAR}", "(Tensor, Tensor, Tensor)",
        linear_cross_entropy_grads, _linear_grads,
    ),
    "softmax": ("Tensor input, int[] dim", "Tensor", _kernels.softmax, _like_input),
    "log_softmax": ("Tensor input, int[] dim", "Tensor", _kernels.log_softmax, _like_input),
    "logsumexp": ("Tensor input, int[] dim, bool keepdim", "Tensor", _kernels.logsumexp, _sum),
    "softmax_grad": (
        "Tensor grad_output, Tensor output, int[] dim", "Tensor",
        _kernels.softmax_grad, _like_second,
    ),
    "log_softmax_grad": (
        "Tensor grad_output, Tensor output, int[] dim", "Tensor",
        _kernels.log_softmax_grad, _like_second,
    ),
}  # fmt: skip

LIBRARY = torch.library.Library("softxent", "DEF")

for _name, (_arguments, _results, _compute, _shapes) in _TABLE.items():
    LIBRARY.define(f"{_name}({_arguments}) -> {_results}")
    LIBRARY.impl(_name, _compute, "CPU")
    torch.library.register_fake(f"softxent::{_name}", _shapes, lib=LIBRARY)

#: For each operator the autograd.Function that stands for it under `torch.func`.
FUNCTIONS: dict[str, Any] = {}


def _caller(name: str) -> Callable[..., Any]:
    operator = getattr(torch.ops.softxent, name)

    def call(*inputs: Any) -> Any:
        return FUNCTIONS[name].apply(*inputs) if is_transformed() else operator(*inputs)

    return call


ops = SimpleNamespace(**{_name: _caller(_name) for _name in _TABLE})
