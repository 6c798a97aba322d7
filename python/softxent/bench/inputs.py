"""Arrays for a case: several sets of inputs that take turns, one warm output."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from softxent._machine.optional import require
from softxent.bench.shapes import Case

Array = NDArray[Any]

#: Inputs take turns until together they have this size, so that none stays in the caches of one
#: core by being used again and again; tiny inputs stay in cache, as they do in a loop over samples.
ROTATED_BYTES = 64 << 20
MAX_BUFFERS = 8

_SEED = 20240229


@dataclass(frozen=True)
class Buffer:
    """Logits (hidden features for the linear layer) and targets of one call."""

    logits: Array
    target: Array


@dataclass(frozen=True)
class Inputs:
    """
    Everything that the candidates of one case work on.

    Parameters
    ----------
    buffers : list of Buffer
        Take turns.
    out : ndarray
        Warm output of the shape and dtype of the logits.
    weight, factors : ndarray or None
        Class weights and factors of the rows, if the case has them.
    matrix : ndarray or None
        Weights (classes, features) of the linear layer.
    """

    buffers: list[Buffer]
    out: Array
    weight: Array | None = None
    factors: Array | None = None
    matrix: Array | None = None


def dtype_of(name: str) -> np.dtype[Any]:
    """Find a dtype by name, bfloat16 included."""
    if name != "bfloat16":
        return np.dtype(name)
    return np.dtype(require("ml_dtypes", "test", "the bfloat16 rows of softxent.bench").bfloat16)


def make(case: Case, limit: int = MAX_BUFFERS) -> Inputs:
    """Make the arrays of a case, the same in every run, and at most `limit` sets of inputs."""
    rng = np.random.default_rng(_SEED)
    rotated = -(-ROTATED_BYTES // max(case.nbytes, 1))
    count = min(limit, rotated)
    first = _buffer(case, rng)
    # The same values at other addresses: to a cache they are as good as new, and quickly made.
    copies = [Buffer(first.logits.copy(), first.target.copy()) for _ in range(count - 1)]
    buffers = [first, *copies]
    out = np.zeros_like(buffers[0].logits)
    weight = factors = matrix = None
    if "weight" in case.options:
        weight = rng.uniform(0.5, 2, case.classes).astype(case.dtype)
    if "factors" in case.options:
        factors = rng.uniform(0.5, 2, buffers[0].target.shape).astype(case.dtype)
    if case.is_linear:
        matrix = rng.standard_normal((case.classes, case.shape[1]), dtype=np.float32) / 16
    return Inputs(buffers, out, weight, factors, matrix)


def _buffer(case: Case, rng: np.random.Generator) -> Buffer:
    held = case.shape[:2] if case.is_linear else case.shape
    logits = (3 * rng.standard_normal(held, dtype=np.float32)).astype(dtype_of(case.dtype))
    return Buffer(logits, _target(case, rng))


def _target(case: Case, rng: np.random.Generator) -> Array:
    shape = list(case.logits_shape)
    if case.operation == "bce loss+grad":
        return rng.integers(0, 2, shape).astype(case.dtype)
    if "probabilities" in case.options:
        raw = rng.random(shape, dtype=np.float32)
        return (raw / raw.sum(axis=case.axis, keepdims=True)).astype(case.dtype)
    del shape[case.axis]
    return rng.integers(0, case.classes, shape)
