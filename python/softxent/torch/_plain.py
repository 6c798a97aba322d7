"""Whether a call is plain: tensors with memory, and nobody who records or transforms it."""

from __future__ import annotations

from typing import Any

import torch
from torch._C import _are_functorch_transforms_active, _is_tracing, _len_torch_dispatch_stack
from torch.autograd import forward_ad

__all__ = ["is_plain", "is_transformed", "needs_grad"]

_PLAIN = (torch.Tensor, torch.nn.Parameter)


def is_plain(*tensors: Any) -> bool:
    """
    Say whether the memory of these tensors may be read here and now.

    Otherwise the operators of `_ops` stand for the computation: under `torch.compile`,
    `torch.export`, `torch.func`, fake tensors and other modes, and for tensor subclasses.

    Raises
    ------
    NotImplementedError
        If one has a tangent of forward-mode derivatives, which would be lost without a word.
    """
    if torch.compiler.is_compiling() or _are_functorch_transforms_active():
        return False
    if forward_ad._current_level >= 0:
        _refuse_tangents(tensors)
    if _len_torch_dispatch_stack() or _is_tracing():
        return False
    for one in tensors:  # noqa: SIM110 - all() costs more than the rest
        if one is not None and type(one) not in _PLAIN:
            return False
    return True


def _refuse_tangents(tensors: tuple[Any, ...]) -> None:
    for one in tensors:
        if one is not None and forward_ad.unpack_dual(one).tangent is not None:
            raise NotImplementedError(
                "softxent.torch has no forward-mode derivatives, and a tensor has a tangent: take "
                "torch.func.jacrev, or torch.autograd.functional with reverse mode"
            )


def is_transformed() -> bool:
    """Say whether `torch.func` is at work, outside of a compiler."""
    return not torch.compiler.is_compiling() and _are_functorch_transforms_active()


def needs_grad(*tensors: Any) -> bool:
    """Say whether autograd follows one of these tensors."""
    if torch.is_grad_enabled():
        for one in tensors:
            if one is not None and one.requires_grad:
                return True
    return False
