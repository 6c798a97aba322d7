"""How long a batch takes, per batch size, in the model's runtime and in the references."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

#: Repeats go on until this much time has been spent on a batch size, in seconds.
BUDGET = 0.1
MIN_REPEATS, MAX_REPEATS = 5, 200


@dataclass(frozen=True)
class Timing:
    """Median time of one batch, in seconds."""

    runner: str
    batch_size: int
    seconds: float
    repeats: int

    def to_dict(self) -> dict[str, Any]:
        """As values that JSON can hold."""
        return asdict(self)


def measure(
    runners: Mapping[str, Callable[[int], Callable[[], object]]], batch_sizes: Sequence[int]
) -> list[Timing]:
    """Time runners against each other, one call of each in turn, so that drift hits all alike.

    Parameters
    ----------
    runners : mapping of str to callable
        For a batch size, a function that computes one batch.
    batch_sizes : sequence of int
        What to measure.
    """
    results = []
    for size in batch_sizes:
        calls = {name: prepare(size) for name, prepare in runners.items()}
        samples: dict[str, list[float]] = {name: [] for name in calls}
        for call in calls.values():
            call()
        start, rounds = time.perf_counter(), 0
        while rounds < MIN_REPEATS or (
            rounds < MAX_REPEATS and time.perf_counter() - start < BUDGET * len(calls)
        ):
            for name, call in calls.items():
                before = time.perf_counter()
                call()
                samples[name].append(time.perf_counter() - before)
            rounds += 1
        results += [
            Timing(name, size, statistics.median(times), rounds) for name, times in samples.items()
        ]
    return results
