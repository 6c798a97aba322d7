"""The goals of the project, and whether a row meets them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from softxent.bench.machine import l2_bytes

if TYPE_CHECKING:
    from softxent.bench.results import Row

MET, MISSED, UNKNOWN = "met", "missed", "unknown"

#: At least so large is "large"; at most so many logits is "tiny".
LARGE_BYTES, TINY_ELEMENTS = 1 << 20, 320

#: A point of a sweep that costs so many times what both its neighbours cost is a cliff.
CLIFF = 1.5

#: Candidates that are not peers.
OWN = (
    "softxent", "softxent 1 thread", "softxent float32", "softxent plain", "copy", "read",
    "numpy alone",
)  # fmt: skip

#: Options of the loss that may cost no sweep of memory and hardly any arithmetic.
CHEAP_OPTIONS = {"weight", "smoothing"}


@dataclass(frozen=True)
class Goal:
    """A bound on a measured value: ``at_least`` or else at most `bound`."""

    text: str
    bound: float
    at_least: bool = True

    def judge(self, subject: str, value: float | None, why: str = "") -> Verdict:
        """Compare a value with the bound; None is a value that could not be measured."""
        status = UNKNOWN
        if value is not None:
            reached = value >= self.bound if self.at_least else value <= self.bound
            status = MET if reached else MISSED
        return Verdict(subject, self.text, value, self.bound, self.at_least, status, why)


@dataclass(frozen=True)
class Verdict:
    """A goal held against a measurement; `reason` says why it is unknown."""

    subject: str
    goal: str
    value: float | None
    bound: float
    at_least: bool
    status: str
    reason: str = ""

    def __str__(self) -> str:
        sign = "≥" if self.at_least else "≤"
        measured = self.reason if self.value is None else f"{self.value:.3g}"
        return f"{self.goal} {measured} (goal {sign} {self.bound:g}): {self.status}"


def judge(row: Row) -> list[Verdict]:
    """Hold a row against the goals that concern it."""
    if row.note:
        return []
    return [goal.judge(row.case.name, *_found(value, goal)) for goal, value in _goals(row)]


def _found(value: float | None, goal: Goal) -> tuple[float | None, str]:
    return value, "" if value is not None else f"nothing to compare with for {goal.text!r}"


def _goals(row: Row) -> Iterable[tuple[Goal, float | None]]:
    case, speedup = row.case, row.speedup
    torch, best = speedup.get("torch"), best_peer(row)
    large = case.nbytes >= LARGE_BYTES
    if case.operation == "import":
        yield Goal("milliseconds over importing numpy", 30, at_least=False), _import_cost(row)
    elif case.study == "scaling":
        threads = speedup.get("softxent 1 thread")
        yield Goal("speed-up of all threads over one", 0.9 * row.threads), threads
    elif case.study != "table":
        return
    elif case.is_linear:
        yield Goal("times torch", 1.0), torch
        yield Goal("peak memory / 4096 x 128000 logits", 0.05, at_least=False), row.peak_share
    elif case.elements <= TINY_ELEMENTS:
        yield from _tiny(row, torch)
    elif case.dtype in ("float16", "bfloat16"):
        yield from _half(row, torch)
    elif case.operation == "loss+grad" and case.dtype == "float64":
        yield Goal("times torch", 6.0), torch
    elif case.operation.endswith("loss+grad") and large:
        if not case.is_ours_alone:
            yield Goal("times torch", 10.0), torch
            yield Goal("times the best peer", 2.0), best
        if case.options and CHEAP_OPTIONS.issuperset(case.options):
            plain = speedup.get("softxent plain")
            yield Goal("time / plain", 1.3, at_least=False), plain and 1 / plain
    elif case.operation in ("softmax", "log_softmax") and large:
        yield from _probabilities(row, best)
    elif case.operation in ("logsumexp", "loss"):
        yield Goal("times torch", 4.0), torch
        read = speedup.get("read")
        yield Goal("time / reading once", 1.25, at_least=False), read and 1 / read


def _tiny(row: Row, torch: float | None) -> Iterable[tuple[Goal, float | None]]:
    limits = {"softmax": (0.6, 1.5), "loss+grad": (1.2, 15.0)}
    if row.case.operation in limits and row.ours is not None:
        microseconds, times = limits[row.case.operation]
        yield Goal("microseconds", microseconds, at_least=False), 1e6 * row.ours
        yield Goal("times torch", times), torch


def _half(row: Row, torch: float | None) -> Iterable[tuple[Goal, float | None]]:
    yield Goal("times our float32", 1.6), row.speedup.get("softxent float32")
    if row.case.operation == "loss+grad":
        yield Goal("times torch", 8.0), torch


def _probabilities(row: Row, best: float | None) -> Iterable[tuple[Goal, float | None]]:
    case = row.case
    strided = case.axis % len(case.shape) != len(case.shape) - 1
    yield Goal("times the best peer", 4.0 if case.classes <= 16 or strided else 1.3), best
    if 2 * case.nbytes > l2_bytes() * row.threads:
        yield Goal("time / copy", 1.25, at_least=False), row.over_copy


def best_peer(row: Row) -> float | None:
    """Give the time of the fastest other library over ours, None without one."""
    return min((ratio for name, ratio in row.speedup.items() if name not in OWN), default=None)


def _import_cost(row: Row) -> float | None:
    alone = row.seconds.get("numpy alone")
    return None if alone is None or row.ours is None else 1e3 * (row.ours - alone)


def judge_sweep(rows: Sequence[Row]) -> list[Verdict]:
    """Look for cliffs: one verdict per sweep and operation, about its worst point."""
    verdicts = []
    swept = [row for row in rows if row.case.study in ("classes", "rows") and row.ours is not None]
    for key in dict.fromkeys((row.case.study, row.case.operation) for row in swept):
        sweep = [row for row in swept if (row.case.study, row.case.operation) == key]
        if len(sweep) >= 3:
            verdicts.append(_worst_cliff(*key, sweep))
    return verdicts


def _worst_cliff(study: str, operation: str, sweep: Sequence[Row]) -> Verdict:
    what, costs = _costs(study, sweep)
    ratios = [
        (here / max(left, right), row.case.classes)
        for row, left, here, right in zip(sweep[1:], costs, costs[1:], costs[2:], strict=False)
    ]
    worst, classes = max(ratios)
    goal = Goal(f"{what}, over both neighbours", CLIFF, at_least=False)
    return goal.judge(f"sweep over {study} {operation}, worst at {classes} classes", worst)


def _costs(study: str, sweep: Sequence[Row]) -> tuple[str, list[float]]:
    """
    Give what the points cost.

    Over the classes the arrays stay about as large, and a copy takes as long for all of them: the
    ratio to it, measured in turn, is free of a machine that is slow for a while.
    """
    copies = [row.over_copy for row in sweep if row.over_copy is not None]
    if study == "classes" and len(copies) == len(sweep):
        return "time / copy", copies
    times = [row.ours / row.case.elements for row in sweep if row.ours is not None]
    return "time per element", times
