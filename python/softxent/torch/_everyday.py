"""
The everyday call of cross-entropy: logits (N, C), labels (N,), no class weights, nobody records.

It goes from the tensors to the core and back in one compiled call, which finds out on the way
whether it is such a call. Before each one PyTorch's autograd has emptied the processor's caches, so
that every function passed through costs 1 to 4 us: the way by NumPy's arrays cost 25 us more, of
which a small batch takes 75, forward and backward.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch._C import _are_functorch_transforms_active, _is_tracing, _len_torch_dispatch_stack
from torch.autograd import forward_ad

from softxent._core.binding import TensorCalls

__all__ = ["direct", "is_everyday", "is_one", "is_unwatched", "tensor_calls"]

_TENSOR, _PARAMETER, _LABELS = torch.Tensor, torch.nn.Parameter, torch.int64
_FLOATS = (torch.float32, torch.float64, torch.bfloat16, torch.float16)
_REDUCTIONS = ("mean", "sum", "none")
_is_compiling = torch.compiler.is_compiling


def is_unwatched(input: Any, target: Any) -> bool:
    """Say whether these are tensors and nothing else, and nobody records what is done to them."""
    kind = type(input)
    return not (
        _is_compiling()
        or (kind is not _TENSOR and kind is not _PARAMETER)
        or type(target) is not _TENSOR
        or _are_functorch_transforms_active()
        or _len_torch_dispatch_stack()
        or _is_tracing()
        or forward_ad._current_level >= 0
    )


@cache
def tensor_calls() -> TensorCalls:
    """
    Give the compiled calls, which take what `is_unwatched`.

    Made at the first one: an import may happen where somebody changes what tensors are made. An
    older PyTorch has no such table, and its tensors go by way of arrays.
    """
    exchange = getattr(torch.Tensor, "__dlpack_c_exchange_api__", None)
    one, other = (torch.zeros((), dtype=t, device="cpu") for t in (torch.float32, torch.float64))
    return TensorCalls(exchange, torch.empty_like, one, other)


def is_everyday(
    input: Any, target: Any, reduction: Any, ignore_index: Any, label_smoothing: Any
) -> bool:
    """
    Say whether what `is_unwatched` is right and plain, where the compiled calls did not take it.

    What gets False is for the general path, which may find it right all the same. Its checks cost
    more than these.
    """
    shape, rows = input.shape, target.shape
    return (
        len(shape) == 2
        and len(rows) == 1
        and rows[0] == shape[0]
        and target.dtype is _LABELS
        and input.dtype in _FLOATS
        and input.is_cpu
        and target.is_cpu
        and reduction in _REDUCTIONS
        and type(ignore_index) is int
        and type(label_smoothing) is float
        and 0.0 <= label_smoothing <= 1.0
    )


def is_one(grad_output: Any) -> bool:
    """Whether a gradient is multiplied by 1, and this is not differentiated or mapped over."""
    return (
        type(grad_output) is _TENSOR
        and not torch.is_grad_enabled()
        and tensor_calls().is_one(grad_output)
    )


def direct(function: Any) -> Any:
    """
    Give the `apply` of an autograd.Function without what it does for `torch.func`.

    That costs 2 us: it looks for wrappers that outlived their transform.
    """
    return super(torch.autograd.Function, function).apply
