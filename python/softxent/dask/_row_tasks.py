"""Tasks of softmax, log-softmax and log-sum-exp: on whole rows, or on a shard of them."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from softxent import log_softmax, logsumexp, softmax
from softxent._arguments.arrays import as_float, loss_dtype, mask_for
from softxent._arguments.sums import sum_call
from softxent._core import binding
from softxent._core.structs import ShardCall

from ._checks import check_dtype

__all__ = [
    "BOUND",
    "FACTOR_MERGES",
    "MERGES",
    "ORIGIN",
    "SCAN",
    "STEPS",
    "SUM",
    "WRITE",
    "RowSpec",
    "factor_step",
    "finish",
    "finish_factors",
    "item",
    "settled",
    "step",
    "sum_step",
    "unseen",
    "whole_rows",
    "whole_sums",
    "with_terms",
    "write",
    "write_terms",
    "written",
]

ORIGIN, SCAN, BOUND, SUM, WRITE = 1, 2, 4, 8, 16
#: Of the functions here; losses may take the others.
STEPS = (SCAN, SUM)

_WHOLE = (softmax, log_softmax)


class RowSpec(NamedTuple):
    """What is computed (0 softmax, 1 log-softmax, 2 log-sum-exp), how many classes, axes, dtype."""

    kind: int
    classes: int
    axes: tuple[int, ...]
    dtype: np.dtype

    def call(self, first: int, chunk: Any, where: Any) -> ShardCall:
        """The arguments of a step over a chunk."""
        x = as_float(chunk, "x")
        check_dtype(x, "x", self.dtype)
        bits = sum(1 << k for k in self.axes)
        return ShardCall(self.kind, self.classes, first, x, bits, mask_for(where, x.shape))

    @property
    def keeps_terms(self) -> bool:
        """Whether the output is made of what the sum leaves, or of the elements themselves."""
        return self.kind == 0


def whole_rows(spec: RowSpec, chunk: Any, where: Any) -> Any:
    """Softmax or log-softmax of rows that lie in one chunk."""
    return np.asarray(_WHOLE[spec.kind](chunk, spec.axes or -1, where=where))


def whole_sums(
    axes: tuple[int, ...], chunk: Any, where: Any, b: Any, keepdims: bool, signed: bool
) -> Any:
    """Log-sum-exps of rows that lie in one chunk, and their signs, without which it may be NaN."""
    call = {"b": b, "where": where, "keepdims": keepdims and bool(axes)}
    if signed:
        return logsumexp(chunk, axes or -1, **call, return_sign=True)
    return (logsumexp(chunk, axes or -1, **call),)


def settled(array: np.ndarray) -> np.ndarray:
    """What may have come from another process, in memory that is aligned."""
    return array if array.ctypes.data % 8 == 0 else array.copy()


def item(pair: tuple[Any, ...], number: int) -> Any:
    """One of several results."""
    return np.asarray(pair[number])


def step(
    spec: RowSpec, number: int, first: int, chunk: Any, where: Any, records: Any
) -> np.ndarray:
    """One step over a shard, from the merged records of the one before."""
    call = spec.call(first, chunk, where)
    x = call.x
    assert x is not None
    rows = math.prod(n for k, n in enumerate(x.shape) if k not in spec.axes)
    part = binding.shard_rows(rows) if records is None else records.copy()
    binding.shard_step(call, number, part)
    return part


def unseen(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """Elements that nobody looks at; without memory."""
    return np.broadcast_to(np.zeros((), dtype), shape)


def with_terms(call: ShardCall, x: np.ndarray) -> ShardCall:
    """The call with memory for the terms of its elements `x`."""
    return call._replace(terms=binding.empty_like(x, binding.shard_terms(call)))


def sum_step(
    spec: RowSpec, first: int, chunk: Any, where: Any, records: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The last look at a chunk: its records, and the terms that its output is made of."""
    call = spec.call(first, chunk, where)
    assert call.x is not None
    call, part = with_terms(call, call.x), records.copy()
    binding.shard_step(call, SUM, part)
    assert call.terms is not None
    return part, call.terms


def merge(number: int, parts: list[np.ndarray]) -> np.ndarray:
    """Records of several shards after the same step."""
    records = parts[0].copy()
    for part in parts[1:]:
        binding.shard_merge(number, records, settled(part))
    return records


#: Merging functions of the steps; functions of one argument for the tree.
MERGES: dict[int, Callable[[list[np.ndarray]], np.ndarray]] = {
    number: functools.partial(merge, number) for number in (ORIGIN, SCAN, BOUND, SUM)
}


def write(spec: RowSpec, first: int, chunk: Any, where: Any, records: np.ndarray) -> np.ndarray:
    """The output of a shard, from the records of its rows and its elements."""
    call = spec.call(first, chunk, where)
    assert call.x is not None
    return written(call, call.x, records)


def write_terms(
    spec: RowSpec, first: int, dtype: np.dtype, kept: tuple[Any, np.ndarray], where: Any,
    records: np.ndarray,
) -> np.ndarray:  # fmt: skip
    """The output of a shard, from the records of its rows and its terms."""
    terms = settled(kept[1])
    call = spec.call(first, unseen(terms.shape, dtype), where)
    return written(call._replace(terms=terms), terms, records)


def written(call: ShardCall, like: np.ndarray, records: np.ndarray) -> np.ndarray:
    """The output of a call, in the memory order of `like`."""
    x = call.x if call.loss is None else call.loss.logits
    assert x is not None
    out = binding.empty_like(like, x.dtype)
    binding.shard_step(call._replace(out=out), WRITE, settled(records))
    return out


def finish(
    spec: RowSpec, shape: tuple[int, ...], dtype: np.dtype, records: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Log-sum-exps from the records of their rows, and their signs."""
    x = as_float(np.empty((len(records), 0), dtype), "x")
    logs = np.empty(len(records), loss_dtype(x.dtype))
    call = ShardCall(spec.kind, spec.classes, 0, x, 2)
    binding.shard_finish(call, settled(records), logs, None)
    signs = np.where(np.isnan(logs), logs, logs > -np.inf).astype(logs.dtype)
    return logs.reshape(shape), signs.reshape(shape)


# -- factors ----------------------------------------------------------------------------------


def factor_step(
    number: int,
    axes: tuple[int, ...],
    chunk: Any,
    where: Any,
    b: Any,
    records: np.ndarray | None,
) -> np.ndarray:
    """One step of a log-sum-exp with factors over a shard."""
    call = sum_call(chunk, axes, b, where, False, False, None)
    rows = math.prod(n for k, n in enumerate(call.x.shape) if k not in axes)
    part = binding.factor_rows(rows) if records is None else records.copy()
    assert call.b is not None
    binding.factor_step(call.x, call.axes, call.where, call.b, number, part)
    return part


def merge_factors(number: int, parts: list[np.ndarray]) -> np.ndarray:
    """Records of several shards after the same step."""
    records = parts[0].copy()
    for part in parts[1:]:
        binding.factor_merge(number, records, settled(part))
    return records


#: The steps, in their order, and what merges their records.
FACTOR_MERGES: dict[int, Callable[[list[np.ndarray]], np.ndarray]] = {
    number: functools.partial(merge_factors, number) for number in range(3)
}


def finish_factors(
    shape: tuple[int, ...], dtype: np.dtype, signed: bool, records: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Log-sum-exps from the records of their rows, and their signs."""
    logs, signs = np.empty(len(records), dtype), np.zeros(len(records), dtype)
    binding.factor_finish(settled(records), logs, signs if signed else None)
    return logs.reshape(shape), signs.reshape(shape)
