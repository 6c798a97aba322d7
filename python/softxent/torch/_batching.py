"""Rules of `torch.func.vmap`: the dimension that is mapped over becomes more rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

__all__ = ["rules"]

_Rule = Callable[..., Any]


def _first(value: Any, place: int | None, size: int) -> Any:
    """Move the mapped dimension to the front; what is not mapped is repeated there."""
    if place is None:
        return value.expand(size, *value.shape)
    return value.movedim(place, 0)


def _one_by_one(operator: _Rule) -> _Rule:
    """Make the rule that calls the operator once for each slice."""

    def rule(info: Any, places: tuple[int | None, ...], *inputs: Any) -> Any:
        def slices(k: int) -> list[Any]:
            return [
                value if not isinstance(place, int) else value.select(place, k)
                for value, place in zip(inputs, places, strict=True)
            ]

        results = [operator(*slices(k)) for k in range(info.batch_size)]
        if isinstance(results[0], torch.Tensor):
            return torch.stack(results), 0
        count = len(results[0])
        return tuple(torch.stack(part) for part in zip(*results, strict=True)), (0,) * count

    return rule


def _rows(operator: _Rule, count: int) -> _Rule:
    """
    Make the rule of a row-wise loss, whose first `count` arguments have rows, and then weights.

    Without a reduction more samples are just more rows.
    """
    single = _one_by_one(operator)

    def rule(info: Any, places: tuple[int | None, ...], *inputs: Any) -> Any:
        weight, reduction = inputs[count : count + 2]
        if reduction != "none" or places[count] is not None:
            return single(info, places, *inputs)
        size = info.batch_size
        mapped = [_first(t, p, size) for t, p in zip(inputs[:count], places, strict=False)]
        logits = mapped[count - 2]
        if logits.dim() == 2:  # single samples: now they are a batch
            return operator(*mapped, weight, *inputs[count + 1 :]), 0
        length = logits.shape[1]
        flat = [t.reshape(size * length, *t.shape[2:]) for t in mapped]
        result = operator(*flat, weight, *inputs[count + 1 :])
        return result.reshape(size, length, *result.shape[1:]), 0

    return rule


def _elementwise(operator: _Rule, logits: int) -> _Rule:
    """Make the rule of the binary loss; argument number `logits` has the shape of all others."""
    single = _one_by_one(operator)

    def rule(info: Any, places: tuple[int | None, ...], *inputs: Any) -> Any:
        *tensors, reduction = inputs
        if reduction != "none":
            return single(info, places, *inputs)
        shape = _first(tensors[logits], places[logits], info.batch_size).shape
        mapped = []
        for value, place in zip(tensors, places, strict=False):
            if value is not None:
                value = _first(value, place, info.batch_size)
                missing = (1,) * (len(shape) - value.dim())
                value = value.reshape(info.batch_size, *missing, *value.shape[1:]).expand(shape)
            mapped.append(value)
        return operator(*mapped, reduction), 0

    return rule


def _along(operator: _Rule, count: int) -> _Rule:
    """Make the rule of softmax and its relatives: `count` tensors, and then the dimensions."""
    single = _one_by_one(operator)

    def rule(info: Any, places: tuple[int | None, ...], *inputs: Any) -> Any:
        size = info.batch_size
        tensors = [_first(t, p, size) for t, p in zip(inputs[:count], places, strict=False)]
        ndim = tensors[0].dim() - 1
        if ndim == 0:
            return single(info, places, *inputs)
        dim = [k % ndim + 1 for k in inputs[count]]
        return operator(*tensors, dim, *inputs[count + 1 :]), 0

    return rule


def rules(ops: Any) -> dict[str, _Rule]:
    """For each operator its rule, (info, places, *inputs) to (results, places), made of `ops`."""
    return {
        "cross_entropy": _rows(ops.cross_entropy, 2),
        "cross_entropy_grad": _rows(ops.cross_entropy_grad, 3),
        "nll_loss": _rows(ops.nll_loss, 2),
        "binary_cross_entropy": _elementwise(ops.binary_cross_entropy, 0),
        "binary_cross_entropy_grad": _elementwise(ops.binary_cross_entropy_grad, 1),
        "linear_cross_entropy": _one_by_one(ops.linear_cross_entropy),
        "linear_cross_entropy_grad": _one_by_one(ops.linear_cross_entropy_grad),
        "softmax": _along(ops.softmax, 1),
        "log_softmax": _along(ops.log_softmax, 1),
        "logsumexp": _along(ops.logsumexp, 1),
        "softmax_grad": _along(ops.softmax_grad, 2),
        "log_softmax_grad": _along(ops.log_softmax_grad, 2),
    }
