"""Candidates in turn: one burst of each per round, medians over the rounds."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

Call = Callable[[], object]

#: Pause before a burst, in seconds: the thread pools of the candidate before spin for a while.
#: After 1 ms PyTorch's still held the second processor, and two threads looked like one.
_REST = 0.01

#: Longer calls are not warmed up: waking threads and filling caches is a small part of them.
_LONG = 0.005


@dataclass(frozen=True)
class Candidate:
    """
    Something to time.

    Parameters
    ----------
    name : str
        The column of the table.
    calls : sequence of callable
        The same computation on different buffers; they take turns.
    enter : callable, optional
        Called before each burst, outside the measured time.
    """

    name: str
    calls: Sequence[Call]
    enter: Call | None = None


@dataclass(frozen=True)
class Effort:
    """
    How long to measure a row.

    Parameters
    ----------
    seconds : float
        Rounds go on until they have taken so long, for each candidate.
    burst : float
        Shorter calls are repeated until a burst takes about so long.
    min_rounds, max_rounds : int
        Limits on the number of rounds.
    buffers : int
        At most so many sets of inputs take turns.
    """

    seconds: float
    burst: float
    min_rounds: int
    max_rounds: int
    buffers: int = 8


FULL = Effort(seconds=0.25, burst=1e-3, min_rounds=7, max_rounds=200)
QUICK = Effort(seconds=0.008, burst=2e-4, min_rounds=3, max_rounds=7, buffers=2)


@dataclass(frozen=True)
class Times:
    """Seconds per call: one list per candidate, one value per round."""

    rounds: dict[str, list[float]]

    def median(self, name: str) -> float:
        """Median over the rounds."""
        return statistics.median(self.rounds[name])

    def ratio(self, numerator: str, denominator: str) -> float:
        """Median over the rounds of the ratio within a round, which drift does not touch."""
        pairs = zip(self.rounds[numerator], self.rounds[denominator], strict=True)
        return statistics.median(above / below for above, below in pairs)


def interleave(candidates: Sequence[Candidate], effort: Effort) -> Times:
    """
    Time candidates against each other.

    Parameters
    ----------
    candidates : sequence of Candidate
        Each has been called once already: what it does on first use is not measured.
    effort : Effort
        How long.

    Returns
    -------
    Times
    """
    rounds: dict[str, list[float]] = {candidate.name: [] for candidate in candidates}
    alone = {c.name: _burst(c, 1, 0, warm=True) for c in candidates}
    deadline = time.perf_counter() + effort.seconds * len(candidates)
    with _without_gc():
        for done in range(effort.max_rounds):
            if done >= effort.min_rounds and time.perf_counter() > deadline:
                break
            for candidate in candidates:
                estimate = alone[candidate.name]
                length = max(1, round(effort.burst / estimate))
                seconds = _burst(candidate, length, done, warm=estimate < _LONG)
                rounds[candidate.name].append(seconds)
    return Times(rounds)


def _burst(candidate: Candidate, length: int, start: int, *, warm: bool) -> float:
    """Seconds per call over `length` calls, after one that is not counted if `warm`."""
    calls, count = candidate.calls, len(candidate.calls)
    turn = [calls[(start + k) % count] for k in range(length)]
    if candidate.enter is not None:
        candidate.enter()
    time.sleep(_REST)
    if warm:
        calls[(start - 1) % count]()
    before = time.perf_counter_ns()
    for call in turn:
        call()
    return max(time.perf_counter_ns() - before, 1) / (1e9 * length)


@contextmanager
def _without_gc() -> Iterator[None]:
    enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
