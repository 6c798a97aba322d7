"""Random chunkings, and comparison by bits."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np


def cut(rng: np.random.Generator, shape: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
    """Chunks along each axis, uneven, sometimes one."""
    chunks = []
    for n in shape:
        at = sorted({0, n, *rng.integers(0, n + 1, rng.integers(0, 4)).tolist()})
        chunks.append(tuple(b - a for a, b in pairwise(at)) or (0,))
    return tuple(chunks)


def assert_same(found: Any, expected: Any) -> None:
    """Shape, dtype and every bit."""
    found, expected = np.asarray(found), np.asarray(expected)
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
    assert found.tobytes() == expected.tobytes()
