"""
Cross-entropy of a linear layer in blocks of rows, or in tiles of rows and classes.

A block of rows, with all its classes, is multiplied once: its logits are summed up and then become
their gradient in place; a plain loss does both in one pass, that of `cross_entropy_and_grad`. It
needs a few hundred rows to keep the products at speed and to make the additions to the gradient of
the weight cheap beside them. Where that is too much memory, or where the weight is in another type
than the products (so that its gradient could not be added up in place), tiles are summed up in one
sweep and multiplied again in a second one, block of classes by block of classes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from softxent._arguments.options import reduction_code
from softxent._core import binding
from softxent._core.structs import CrossEntropyCall, LinearTile

__all__ = ["Gradients", "LinearProblem", "losses_and_gradients", "row_losses"]

# Blocks and tiles hold this share of all logits, but need not be smaller than these bytes. The BLAS
# has buffers of its own, so that the share stays clear of the 5 % that a call may need.
_BLOCK_SHARE, _BLOCK_BYTES = 0.03, 1 << 26
# Where all logits are less than that, memory is not what hurts: fewer blocks mean fewer additions.
_SMALL_PROBLEM_BYTES, _SMALL_PROBLEM_BLOCK_BYTES = 1 << 30, 104 << 20
_TILE_SHARE, _TILE_BYTES = 0.01, 1 << 24
# Blocks of fewer rows are not worth it; longer tiles bring no more speed.
_FEWEST_ROWS, _MOST_ROWS = 96, 2048
# Products that are added to others: large enough for the BLAS, small enough for the cache.
_PRODUCT_BYTES = 1 << 21
# OpenBLAS makes a copy of the operand that its threads share, of up to 32 MB.
_OPERAND_BYTES = 1 << 24
_SHORTEST_SIDE = 256

_ALL = slice(None)


class LinearProblem(NamedTuple):
    """Rows that count, with everything their losses are made of."""

    hidden: np.ndarray  # (n, H) in the type of the computation, C-contiguous
    weight: np.ndarray  # (C, H) in any type
    bias: np.ndarray | None  # (C,) in the type of the computation
    labels: np.ndarray | None  # (n,) int64
    probs: np.ndarray | None  # (n, C) in any type
    share: np.ndarray | None  # (n,) coefficient of the label
    base: np.ndarray | None  # (C,) coefficient that every class has
    slope: np.ndarray | None  # (C,) factor of the probabilities
    z_loss: float
    softcap: float
    grad_scale: float
    z_scale: float


class Gradients(NamedTuple):
    """In the type of the computation, but `weight` in that of the weight."""

    hidden: np.ndarray
    weight: np.ndarray
    bias: np.ndarray | None


def row_losses(problem: LinearProblem) -> tuple[np.ndarray, np.ndarray]:
    """Cross-entropy and z-loss of each row, in float64."""
    return _run(problem, None)


def losses_and_gradients(problem: LinearProblem) -> tuple[np.ndarray, np.ndarray, Gradients]:
    """What `row_losses` returns, the same bits, and the gradients of the scaled sum."""
    found = _zero_gradients(problem)
    losses, penalties = _run(problem, found)
    return losses, penalties, found


def _run(problem: LinearProblem, found: Gradients | None) -> tuple[np.ndarray, np.ndarray]:
    height = _block_height(problem)
    if height > 0:
        return _sweep_blocks(problem, height, found)
    losses, penalties, state = _sum_tiles(problem)
    if found is not None:
        _multiply_tiles_again(problem, state, found)
    return losses, penalties


def _zero_gradients(problem: LinearProblem) -> Gradients:
    return Gradients(
        np.zeros_like(problem.hidden),
        np.zeros(problem.weight.shape, problem.weight.dtype),
        None if problem.bias is None else np.zeros_like(problem.bias),
    )


# -- blocks of rows --------------------------------------------------------------------------------


def _block_height(problem: LinearProblem) -> int:
    """Rows of a block; 0 if tiles have to do."""
    hidden, weight = problem.hidden, problem.weight
    count, classes = len(hidden), len(weight)
    if weight.dtype != hidden.dtype or not (weight.flags.c_contiguous or weight.flags.f_contiguous):
        return 0
    bytes_per_row = classes * hidden.itemsize
    least = _SMALL_PROBLEM_BLOCK_BYTES if _is_small(problem) else _BLOCK_BYTES
    rows = int(max(_BLOCK_SHARE * count, least // bytes_per_row))
    if count == 0 or rows < min(count, _FEWEST_ROWS):
        return 0
    return math.ceil(count / math.ceil(count / rows))  # blocks of equal height


def _is_small(problem: LinearProblem) -> bool:
    hidden = problem.hidden
    return len(hidden) * len(problem.weight) * hidden.itemsize < _SMALL_PROBLEM_BYTES


def _sweep_blocks(
    problem: LinearProblem, height: int, found: Gradients | None
) -> tuple[np.ndarray, np.ndarray]:
    hidden, weight = problem.hidden, problem.weight
    losses, penalties = np.empty(len(hidden)), np.empty(len(hidden))
    memory = np.empty(height * len(weight), hidden.dtype)
    adder = _Adder(hidden.dtype, whole=_is_small(problem))
    block_losses = _plain_losses if _is_plain(problem) else _tile_losses
    for rows in _blocks(len(hidden), height):
        tile = _tile(problem, rows, slice(0, len(weight)), weight, memory)
        losses[rows], penalties[rows] = block_losses(problem, rows, tile, found is not None)
        if found is not None:
            np.matmul(tile.logits, weight, out=found.hidden[rows])
            _add_bias_gradient(tile.logits, _ALL, found)
            adder.add(tile.logits.T, hidden[rows], found.weight, first=rows.start == 0)
    return losses, penalties


def _tile_losses(
    problem: LinearProblem, rows: slice, tile: LinearTile, gradient: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Cross-entropy and z-loss of the rows of a block, whose logits may become their gradient."""
    state = binding.linear_rows(len(tile.logits), _part(problem.labels, rows))
    binding.linear_add(tile, state)
    found = _finish(problem, rows, state)
    if gradient:
        binding.linear_gradient(tile, state)
    return found


def _is_plain(problem: LinearProblem) -> bool:
    """Whether there are labels, and no options but class weights."""
    options = (problem.probs, problem.bias, problem.base)
    return all(option is None for option in options) and not (problem.z_loss or problem.softcap)


def _plain_losses(
    problem: LinearProblem, rows: slice, tile: LinearTile, gradient: bool
) -> tuple[np.ndarray, float]:
    """Likewise, where `_is_plain`: in one pass, and one start of the threads."""
    losses = np.empty(len(tile.logits), tile.logits.dtype)
    call = CrossEntropyCall(
        tile.logits,
        axis=1,
        labels=_part(problem.labels, rows),
        probs=None,
        weight=None,
        sample_weight=_part(problem.share, rows),
        grad_output=None,
        grad_scale=problem.grad_scale,
        ignore_index=None,
        label_smoothing=0.0,
        z_loss=0.0,
        logit_scale=1.0,
        softcap=0.0,
        focal_gamma=0.0,
        reduction=reduction_code("none"),
        from_logits=True,
        loss=True,
        losses=losses,
        grad=tile.logits if gradient else None,
        hess=None,
    )
    binding.call_cross_entropy("linear_cross_entropy", call)
    return losses, 0.0


# -- tiles of rows and classes ---------------------------------------------------------------------


def _sum_tiles(problem: LinearProblem) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    hidden = problem.hidden
    state = binding.linear_rows(len(hidden), problem.labels)
    height, width = _tile_shape(problem)
    memory = np.empty(height * width, hidden.dtype)
    for classes in _blocks(len(problem.weight), width):
        weight = _converted(problem.weight[classes], hidden.dtype)
        for rows in _blocks(len(hidden), height):
            binding.linear_add(_tile(problem, rows, classes, weight, memory), state[rows])
    losses, penalties = _finish(problem, _ALL, state)
    return losses, penalties, state


def _multiply_tiles_again(problem: LinearProblem, state: np.ndarray, found: Gradients) -> None:
    """Add the gradients; that of a block of the weight is complete, and rounded, at once."""
    hidden = problem.hidden
    height, width = _tile_shape(problem)
    memory = np.empty(height * width, hidden.dtype)
    adder = _Adder(hidden.dtype)
    for classes in _blocks(len(problem.weight), width):
        weight = _converted(problem.weight[classes], hidden.dtype)
        total = np.zeros_like(weight)
        for rows in _blocks(len(hidden), height):
            tile = _tile(problem, rows, classes, weight, memory)
            binding.linear_gradient(tile, state[rows])
            _add_bias_gradient(tile.logits, classes, found)
            adder.add(tile.logits, weight, found.hidden[rows], first=classes.start == 0)
            adder.add(tile.logits.T, hidden[rows], total, first=rows.start == 0)
        found.weight[classes] = total


def _tile_shape(problem: LinearProblem) -> tuple[int, int]:
    """Rows and classes of a tile; no side makes a block of the operands much larger than it."""
    count, features = problem.hidden.shape
    classes, item = len(problem.weight), problem.hidden.itemsize
    size = int(max(_TILE_SHARE * count * classes, _TILE_BYTES // item))
    longest = max(size // max(features, 1), _SHORTEST_SIDE)
    height = max(min(count, _MOST_ROWS, longest), 1)
    return height, min(classes, max(size // height, _SHORTEST_SIDE), longest)


# -- parts of both ---------------------------------------------------------------------------------


def _tile(
    problem: LinearProblem, rows: slice, classes: slice, weight: np.ndarray, memory: np.ndarray
) -> LinearTile:
    """Multiply one tile, in the memory given."""
    hidden = problem.hidden[rows]
    logits = memory[: len(hidden) * len(weight)].reshape(len(hidden), len(weight))
    np.matmul(hidden, weight.T, out=logits)
    probs = problem.probs
    return LinearTile(
        logits,
        classes.start,
        _part(problem.bias, classes),
        None if probs is None else _converted(probs[rows, classes], hidden.dtype),
        _part(problem.base, classes),
        _part(problem.slope, classes),
        problem.softcap,
    )


def _finish(
    problem: LinearProblem, rows: slice, state: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    return binding.linear_finish(
        state, _part(problem.share, rows), problem.z_loss, problem.grad_scale, problem.z_scale
    )


def _add_bias_gradient(gradient: np.ndarray, classes: slice, found: Gradients) -> None:
    if found.bias is not None:
        found.bias[classes] += np.ones(len(gradient), gradient.dtype) @ gradient


class _Adder:
    """Adds products to sums, by way of one small buffer; the first at once if `whole`."""

    def __init__(self, dtype: np.dtype, whole: bool = False) -> None:
        self._product = np.empty(0, dtype)
        self._whole = whole

    def add(self, a: np.ndarray, b: np.ndarray, total: np.ndarray, first: bool) -> None:
        """Add ``a @ b`` to `total`, which is still 0 if this is the first product."""
        if first:
            length = max(_OPERAND_BYTES // max(a.itemsize * a.shape[1], 1), _SHORTEST_SIDE)
            for rows in _blocks(len(total), len(total) if self._whole else length):
                np.matmul(a[rows], b, out=total[rows])
            return
        length = max(_PRODUCT_BYTES // max(total.itemsize * total.shape[1], 1), _SHORTEST_SIDE)
        for rows in _blocks(len(total), length):
            part = total[rows]
            if self._product.size < part.size:
                self._product = np.empty(part.size, part.dtype)
            product = self._product[: part.size].reshape(part.shape)
            np.matmul(a[rows], b, out=product)
            np.add(part, product, out=part)


def _blocks(count: int, size: int) -> Iterator[slice]:
    for start in range(0, count, size):
        yield slice(start, min(start + size, count))


def _part(array: np.ndarray | None, part: slice) -> np.ndarray | None:
    return None if array is None else array[part]


def _converted(block: np.ndarray, dtype: Any) -> np.ndarray:
    return np.ascontiguousarray(block, dtype=dtype)
