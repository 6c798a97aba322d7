"""Random chunkings, comparison by bits, and a limit on the time that anything may take."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

#: Seconds that a test may take before it fails: one that hangs must not stop the others.
PATIENCE = 120


@pytest.fixture(autouse=True)
def bounded() -> Iterator[None]:
    """Fail a test that takes too long, wherever it waits."""

    def fail(*_: Any) -> None:
        pytest.fail(f"took more than {PATIENCE} s")

    before = signal.signal(signal.SIGALRM, fail)
    signal.alarm(PATIENCE)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


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
