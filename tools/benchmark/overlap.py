"""
Computing while waiting for memory: the time out of cache over what bounds it.

The bound is the larger of a copy of the logits with the same threads and of the same work in cache:
a block of the same classes in the second-level cache, one thread, scaled to the number of elements
and divided by the threads. All three take turns, and of each the least time counts: what else the
machine does hits longer calls harder.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import softxent
from benchmark import cache, limits
from softxent.bench import inputs, ours
from softxent.bench.shapes import Case
from softxent.bench.timing import FULL, QUICK, Call, Candidate, Times, interleave

OPERATIONS = ("softmax", "log_softmax", "loss+grad")
SHAPES = ((262144, 32), (65536, 100), (8192, 1000), (1024, 32000), (256, 128256))
_QUICK_SHAPES = ((16384, 32), (2048, 100), (512, 1000))

_INSIDE = "in cache"


@dataclass(frozen=True)
class Overlap:
    """Seconds of a call out of cache, of the copy, and of the same work in cache: the least."""

    operation: str
    shape: tuple[int, int]
    threads: int
    seconds: float
    copy: float
    inside: float

    @property
    def ratio(self) -> float:
        """The call over the larger of the two."""
        return self.seconds / max(self.copy, self.inside)

    @property
    def name(self) -> str:
        """What the table shows."""
        rows, classes = self.shape
        threads = "1 thread" if self.threads == 1 else f"{self.threads} threads"
        return f"{self.operation} {rows}x{classes}, {threads}"


def points(threads: int, *, quick: bool = False) -> list[tuple[Case, int]]:
    """List what is measured: cases, each with one thread and with all."""
    return [
        (Case(operation, shape), count)
        for shape in (_QUICK_SHAPES if quick else SHAPES)
        for operation in OPERATIONS
        for count in sorted({1, threads})
    ]


def measure(todo: Iterable[tuple[Case, int]], *, quick: bool = False) -> Iterable[Overlap]:
    """Measure the points; `quick` takes few rounds."""
    before = softxent.get_num_threads()
    try:
        for case, threads in todo:
            yield _measured(case, threads, quick)
    finally:
        softxent.set_num_threads(before)


def _measured(case: Case, threads: int, quick: bool) -> Overlap:
    effort = QUICK if quick else FULL
    arrays = inputs.make(case, effort.buffers)
    small = Case(case.operation, cache.shape(case.classes))
    inside = ours.prepare(small, inputs.make(small, 1))
    times: Times = interleave(
        [
            Candidate(ours.NAME, ours.prepare(case, arrays), _use(threads)),
            *limits.candidates(case, arrays, threads)[:1],
            Candidate(_INSIDE, inside, _use(1)),
        ],
        effort,
    )
    scale = case.elements / (math.prod(small.shape) * threads)
    least = {name: min(seconds) for name, seconds in times.rounds.items()}
    return Overlap(
        case.operation,
        (case.shape[0], case.shape[1]),
        threads,
        least[ours.NAME],
        least[limits.COPY],
        scale * least[_INSIDE],
    )


def _use(threads: int) -> Call:
    return lambda: softxent.set_num_threads(threads)
