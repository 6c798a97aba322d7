"""The goals of the project, and whether what was measured meets them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from benchmark import door, own
from benchmark.cache import Rates
from benchmark.cases import LINEAR_MEMORY_SHAPE
from benchmark.limits import COPY
from benchmark.overlap import Overlap
from softxent.bench.results import Row
from softxent.bench.shapes import Case

MET, MISSED, UNKNOWN = "met", "missed", "unknown"

#: At least so large is "large"; at most so many logits is "tiny".
LARGE_BYTES, TINY_ELEMENTS = 1 << 20, 320

#: A point of a sweep that costs so many times what both its neighbours cost is a cliff.
CLIFF = 1.5

#: Nanoseconds of a row beside its elements, up to so many classes; from so many on, the rate over
#: that of the longest rows.
OVERHEAD = {"softmax": 8.0, "log_softmax": 10.0, "loss+grad": 12.0}
OVERHEAD_CLASSES, LONG_CLASSES, LONG_RATE = 200, 400, 1.2

#: Time out of cache over the larger of the copy and the same work in cache.
OVERLAP = 1.15

#: Time of a form of the loss over the plain loss with its gradient.
FORMS = {"probabilities": 1.3, "factors": 1.2, "softcap": 2.0, "weight": 1.3, "smoothing": 1.3,
         "z_loss": 1.3, "logit_scale": 1.3}  # fmt: skip
HESSIAN = 1.5

_TINY_MICROSECONDS = {"softmax": 0.4, "loss+grad": 0.8}


@dataclass(frozen=True)
class Goal:
    """A bound on a measured value: ``at_least`` or else at most `bound`."""

    text: str
    bound: float
    at_least: bool = True

    def judge(self, subject: str, value: float | None) -> Verdict:
        """Compare a value with the bound; None is a value that could not be measured."""
        status = UNKNOWN
        if value is not None:
            reached = value >= self.bound if self.at_least else value <= self.bound
            status = MET if reached else MISSED
        return Verdict(subject, self.text, value, self.bound, self.at_least, status)


@dataclass(frozen=True)
class Verdict:
    """A goal held against a measurement."""

    subject: str
    goal: str
    value: float | None
    bound: float
    at_least: bool
    status: str


# ---- rows beside other libraries ---------------------------------------------------------------


def judge(row: Row) -> list[Verdict]:
    """Hold a row against the goals that concern it."""
    if row.note or row.case.study != "table":
        return []
    return [goal.judge(row.case.name, value) for goal, value in _goals(row)]


def _goals(row: Row) -> Iterable[tuple[Goal, float | None]]:
    case, torch = row.case, row.speedup.get("torch")
    if case.is_linear:
        yield Goal("times torch", 1.0), torch
        return
    yield from _forms(row)
    if case.elements <= TINY_ELEMENTS:
        yield from _tiny(row)
    elif case.nbytes < LARGE_BYTES or case.is_ours_alone:
        return
    elif case.operation in ("softmax", "log_softmax"):
        few, strided = case.classes <= 16, case.axis != -1
        yield Goal("times the best peer", 4.0 if few else 2.0 if strided else 1.0), row.best_peer
    elif case.operation.endswith("loss+grad"):
        yield Goal("times the best peer", 2.0), row.best_peer
        copy = row.speedup.get(COPY)
        if torch is not None and copy is not None and torch >= 10 * copy:
            yield Goal("times torch, whose time 10 copies fit into", 10.0), torch
    elif case.operation in ("logsumexp", "loss"):
        yield Goal("times torch", 4.0), torch
        yield Goal("times the best peer", 1.5), row.best_peer


def _tiny(row: Row) -> Iterable[tuple[Goal, float | None]]:
    operation = row.case.operation
    if row.case.elements <= 16 and operation in _TINY_MICROSECONDS and row.ours is not None:
        yield Goal("microseconds", _TINY_MICROSECONDS[operation], at_least=False), 1e6 * row.ours
    yield Goal("times the best peer", 1.0), row.best_peer


def _forms(row: Row) -> Iterable[tuple[Goal, float | None]]:
    case, speedup = row.case, row.speedup
    if case.options or case.operation == "grad+hessian":
        most = max((FORMS[option] for option in case.options), default=HESSIAN)
        yield _at_most("time / plain", most, speedup.get(own.PLAIN))
    if case.dtype in ("float16", "bfloat16"):
        yield Goal("times our float32", 1.3), speedup.get(own.FLOAT32)
    if case.axis != -1:
        yield _at_most("time / contiguous", 1.3, speedup.get(own.CONTIGUOUS))
        if own.COPIED in speedup:
            yield Goal("times copying first", 1.0), speedup[own.COPIED]


def _at_most(text: str, bound: float, other: float | None) -> tuple[Goal, float | None]:
    """Our time over that of another candidate, whose time over ours is given."""
    return Goal(text, bound, at_least=False), None if other is None else 1 / other


# ---- sweeps ------------------------------------------------------------------------------------


def judge_sweep(rows: Sequence[Row]) -> list[Verdict]:
    """Look at sweeps as a whole: cliffs, and the class count where a peer does best."""
    verdicts = []
    swept = [row for row in rows if row.case.study in ("classes", "rows") and row.ours is not None]
    for key in dict.fromkeys((row.case.study, row.case.operation) for row in swept):
        sweep = [row for row in swept if (row.case.study, row.case.operation) == key]
        if len(sweep) >= 3:
            verdicts.append(_worst_cliff(*key, sweep))
        if key[0] == "classes":
            verdicts += _worst_peer(key[1], sweep)
    return verdicts


def _worst_peer(operation: str, sweep: Sequence[Row]) -> list[Verdict]:
    compared = [
        (row.best_peer, row.case.classes)
        for row in sweep
        if row.best_peer is not None and row.case.classes > 1 and row.case.nbytes >= LARGE_BYTES
    ]
    if not compared:
        return []
    worst, classes = min(compared)
    goal = Goal("times the best peer", 1.0 if operation == "softmax" else 2.0)
    return [goal.judge(f"sweep over classes {operation}, worst at {classes} classes", worst)]


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
    copies = [1 / row.speedup[COPY] for row in sweep if COPY in row.speedup]
    if study == "classes" and len(copies) == len(sweep):
        return "time / copy", copies
    times = [row.ours / row.case.elements for row in sweep if row.ours is not None]
    return "time per element", times


def judge_door(rows: Sequence[Row]) -> list[Verdict]:
    """Hold softxent.torch against PyTorch."""
    return [
        Goal("times torch", door.GOALS[row.case.shape]).judge(
            row.case.name, row.speedup.get("torch")
        )
        for row in rows
        if row.case.study == door.STUDY
    ]


# ---- in cache, out of cache, import ------------------------------------------------------------


def judge_rates(rates: Rates) -> list[Verdict]:
    """Hold the worst class count of every operation against the goals for rows in cache."""
    verdicts = []
    for operation in rates.operations():
        if operation not in OVERHEAD:
            continue
        short = [count for count in rates.classes() if count <= OVERHEAD_CLASSES]
        long = [count for count in rates.classes() if count >= LONG_CLASSES]
        if short:
            worst, classes = max((rates.overhead(operation, count), count) for count in short)
            goal = Goal("ns of a row beside its elements", OVERHEAD[operation], at_least=False)
            verdicts.append(goal.judge(f"in cache {operation}, worst at {classes} classes", worst))
        if len(long) > 1:
            last = rates[operation, long[-1]].least
            worst, classes = max((rates[operation, n].least / last, n) for n in long[:-1])
            goal = Goal(f"rate / that of {long[-1]} classes", LONG_RATE, at_least=False)
            verdicts.append(goal.judge(f"in cache {operation}, worst at {classes} classes", worst))
    return verdicts


def judge_overlap(found: Iterable[Overlap]) -> list[Verdict]:
    """Hold the times out of cache against what bounds them."""
    goal = Goal("time / the larger of copy and in cache", OVERLAP, at_least=False)
    return [goal.judge(f"out of cache {one.name}", one.ratio) for one in found]


def judge_import(row: Row) -> Verdict:
    """Hold the time of ``import softxent`` against that of ``import numpy``."""
    goal = Goal("milliseconds over importing numpy", 30, at_least=False)
    alone = row.seconds.get(own.ALONE)
    value = None if alone is None or row.ours is None else 1e3 * (row.ours - alone)
    return goal.judge("import", value)


def judge_memory(share: float | None) -> Verdict:
    """Hold the linear layer's peak memory, as a part of its logits, against the goal."""
    goal = Goal("peak memory / logits", 0.05, at_least=False)
    return goal.judge(Case("linear loss+grad", LINEAR_MEMORY_SHAPE).name, share)
