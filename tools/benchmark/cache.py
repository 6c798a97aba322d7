"""
Rates in cache: nanoseconds per 16 elements, and what a row costs beside its elements.

One thread goes over a block that stays in the second-level cache together with its output. A burst
is one call of some tens of microseconds, so that most bursts pass undisturbed on a busy machine;
the operations, class counts and a memory copy take turns, and of each the least and the median of
many bursts are kept.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

import softxent
from softxent.bench import inputs, machine, ours
from softxent.bench.shapes import OPERATIONS, Case
from softxent.bench.timing import Call

#: Bytes of logits: an eighth of the second-level cache, at most so many.
_MOST_BYTES = 256 << 10

CLASSES = (
    2, 3, 4, 5, 8, 10, 13, 16, 17, 20, 24, 32, 33, 48, 64, 65, 80, 100, 128, 150, 200, 250, 300,
    352, 400, 500, 700, 1000, 1500, 2000, 4000,
)  # fmt: skip
#: Rows so long have the rate of the elements alone, as good as.
LONG = 4000
COPY = "memcpy"

_ROUNDS, _QUICK_ROUNDS = 150, 5


@dataclass(frozen=True)
class Rate:
    """Nanoseconds per 16 elements of an operation: the least and the median of the bursts."""

    operation: str
    classes: int
    least: float
    median: float


@dataclass(frozen=True)
class Rates:
    """All rates of a run."""

    found: list[Rate]

    def __getitem__(self, key: tuple[str, int]) -> Rate:
        return next(rate for rate in self.found if (rate.operation, rate.classes) == key)

    def operations(self) -> list[str]:
        """List what was measured, without the copy."""
        return [name for name in dict.fromkeys(r.operation for r in self.found) if name != COPY]

    def classes(self) -> list[int]:
        """List the class counts."""
        return sorted({rate.classes for rate in self.found})

    def overhead(self, operation: str, classes: int) -> float:
        """
        Give the nanoseconds that a row costs beside its elements.

        By difference: the time of a row less that of as many elements of the longest rows, both
        from the least of the bursts.
        """
        long = self[operation, self.classes()[-1]].least
        return (self[operation, classes].least - long) * classes / 16


def measure(
    classes: Sequence[int] = CLASSES,
    operations: Sequence[str] = OPERATIONS,
    *,
    quick: bool = False,
) -> Iterable[Rate]:
    """
    Measure rates on one thread, class count by class count.

    Parameters
    ----------
    classes : sequence of int
        Class counts.
    operations : sequence of str
        Names as of `Case`.
    quick : bool
        Few bursts.

    Yields
    ------
    Rate
        The copy first, then the operations, for each class count.
    """
    with softxent.num_threads(1):
        for count in classes:
            calls, elements = _calls(count, operations)
            bursts = _bursts(calls, _QUICK_ROUNDS if quick else _ROUNDS)
            for name, seconds in bursts.items():
                per_16 = [16e9 * s / elements for s in seconds]
                yield Rate(name, count, min(per_16), statistics.median(per_16))


def shape(classes: int) -> tuple[int, int]:
    """Give the shape of a block that stays in cache; one row of many classes may be larger."""
    bytes_ = min(_MOST_BYTES, machine.l2_bytes() // 8)
    return max(1, bytes_ // (4 * classes)), classes


def _calls(classes: int, operations: Sequence[str]) -> tuple[dict[str, Call], int]:
    calls: dict[str, Call] = {}
    for operation in operations:
        case = Case(operation, shape(classes))
        arrays = inputs.make(case, 1)
        if not calls:
            source, out = arrays.buffers[0].logits, arrays.out
            calls[COPY] = lambda source=source, out=out: np.copyto(out, source)
        calls[operation] = ours.prepare(case, arrays)[0]
    return calls, math.prod(shape(classes))


def _bursts(calls: dict[str, Call], rounds: int) -> dict[str, list[float]]:
    """Seconds of a call, one burst of one call after an unmeasured one that fills the cache."""
    found: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            call()
            before = time.perf_counter_ns()
            call()
            found[name].append((time.perf_counter_ns() - before) / 1e9)
    return found
