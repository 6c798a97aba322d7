"""
The everyday call of cross-entropy, told apart with as few questions as possible.

For a small batch PyTorch needs 27 us, forward and backward, of which its autograd takes 20: every
question costs 0.1 to 0.3 us here, twice that in a cold cache, and the checks of the general path 6.
"""

from __future__ import annotations

from typing import Any

import torch
from torch._C import _are_functorch_transforms_active, _is_tracing, _len_torch_dispatch_stack

__all__ = ["direct", "is_everyday"]

_TENSOR, _PARAMETER, _LABELS = torch.Tensor, torch.nn.Parameter, torch.int64
_FLOATS = (torch.float32, torch.float64, torch.bfloat16, torch.float16)
_REDUCTIONS = ("mean", "sum", "none")
_is_compiling = torch.compiler.is_compiling


def is_everyday(
    input: Any, target: Any, reduction: Any, ignore_index: Any, label_smoothing: Any
) -> bool:
    """
    Say whether all is right and plain: logits (N, C), labels (N,), nobody who records.

    What gets False is for the general path, which may find it right all the same.
    """
    kind = type(input)
    if (
        _is_compiling()
        or (kind is not _TENSOR and kind is not _PARAMETER)
        or type(target) is not _TENSOR
        or _are_functorch_transforms_active()
        or _len_torch_dispatch_stack()
        or _is_tracing()
    ):
        return False
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


def direct(function: Any) -> Any:
    """
    Give the `apply` of an autograd.Function without what it does for `torch.func`.

    That costs 2 us: it looks for wrappers that outlived their transform.
    """
    return super(torch.autograd.Function, function).apply
