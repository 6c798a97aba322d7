"""What was measured: Markdown tables, readable on a terminal too, and values for JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from benchmark.cache import COPY, Rates
from benchmark.goals import MET, MISSED, OVERHEAD, UNKNOWN, Verdict
from benchmark.overlap import Overlap
from softxent.bench import table
from softxent.bench.results import Result
from softxent.bench.table import aligned, number


@dataclass(frozen=True)
class Findings:
    """All that one run of the command has measured; `verdicts` is empty without goals."""

    result: Result
    rates: Rates = field(default_factory=lambda: Rates([]))
    overlaps: list[Overlap] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """As values that JSON can hold."""
        return {
            **self.result.to_dict(),
            "in_cache": [asdict(rate) for rate in self.rates.found],
            "out_of_cache": [{**asdict(one), "ratio": one.ratio} for one in self.overlaps],
            "goals": [asdict(verdict) for verdict in self.verdicts],
        }


def text(found: Findings) -> str:
    """Write everything as Markdown, an empty part left out."""
    parts = [table.report(found.result)]
    if found.rates.found:
        parts += [_rates(found.rates), _overheads(found.rates)]
    if found.overlaps:
        parts.append(_overlaps(found.overlaps))
    if found.verdicts:
        parts.append(_verdicts(found.verdicts))
    return "\n\n".join(parts)


def _rates(rates: Rates) -> str:
    names = [COPY, *rates.operations()]
    rows = [
        [str(count), *(_least_and_median(rates, name, count) for name in names)]
        for count in rates.classes()
    ]
    return (
        "In cache, one thread: nanoseconds per 16 elements, the least and the median of short "
        "bursts.\n\n" + aligned(["classes", *names], rows)
    )


def _least_and_median(rates: Rates, name: str, classes: int) -> str:
    rate = rates[name, classes]
    return f"{rate.least:.1f} {rate.median:.1f}"


def _overheads(rates: Rates) -> str:
    names = [name for name in rates.operations() if name in OVERHEAD]
    rows = [
        [str(n), *(f"{rates.overhead(name, n):.1f}" for name in names)]
        for n in rates.classes()
        if n <= 1000
    ]
    return (
        "Nanoseconds of a row beside its elements: its time less that of as many elements at the "
        f"rate of {rates.classes()[-1]} classes.\n\n" + aligned(["classes", *names], rows)
    )


def _overlaps(overlaps: Sequence[Overlap]) -> str:
    rows = [
        [
            one.name,
            *(number(seconds, 1e6) for seconds in (one.seconds, one.copy, one.inside)),
            number(one.ratio),
        ]
        for one in overlaps
    ]
    return (
        "Out of cache: microseconds of the call, of a copy, and of the same work in cache, the "
        "least; the call over the larger of the two.\n\n"
        + aligned(["row", "softxent", "copy", "in cache", "ratio"], rows)
    )


def _verdicts(verdicts: Sequence[Verdict]) -> str:
    rows = [
        [v.subject, v.goal, "≥" if v.at_least else "≤", number(v.bound), number(v.value), v.status]
        for v in verdicts
    ]
    counts = Counter(verdict.status for verdict in verdicts)
    met, missed, unknown = counts[MET], counts[MISSED], counts[UNKNOWN]
    return (
        aligned(["row", "what", "", "goal", "measured", "status"], rows)
        + f"\n\nGoals: {met} met, {missed} missed, {unknown} unknown."
    )
