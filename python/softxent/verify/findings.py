"""What a verification found, and the verdict that follows."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

from softxent.verify.arithmetic import Array, Estimate
from softxent.verify.checks import Check
from softxent.verify.compare import ULP_BINS, Comparison, Label
from softxent.verify.missing import Missing
from softxent.verify.timing import Timing

_SCATTER_POINTS = 2000

#: What a verification can end in; the exit statuses of the command are 0, 1 and 3.
OUTCOMES = ("verified", "wrong", "not understood")


@dataclass(frozen=True)
class Scatter:
    """Some differences of one output with their bounds, for a picture."""

    output: str
    provider: str
    differences: Array
    bounds: Array

    @classmethod
    def of(cls, label: Label, got: Array, expected: Array, bound: Estimate) -> Self:
        """Pick evenly spaced elements."""
        if got.size != expected.size:
            nothing = np.zeros(0)
            return cls(label.output, label.provider, nothing, nothing)
        with np.errstate(all="ignore"):
            differences = np.abs(got.astype(np.float64).ravel() - expected.ravel())
        bounds = np.broadcast_to(2 * bound.error, expected.shape).ravel()
        step = max(1, differences.size // _SCATTER_POINTS)
        return cls(label.output, label.provider, differences[::step], bounds[::step])


@dataclass(frozen=True)
class Findings:
    """What `softxent.verify.verify` found.

    Attributes
    ----------
    facts : dict
        The model, the data and the versions of everything that took part.
    checks : list of Check
        Structure, parameters, providers, targets that are no class.
    comparisons : list of Comparison
        Every output of every batch on every provider against every reference.
    left_out : dict of str to str
        What was asked for and not compared, and why.
    scatters : list of Scatter
        Differences and bounds of the data batch.
    timings : list of Timing
        Median time per batch.
    accuracies : dict of str to float
        Share of right predictions by provider, where y are labels.
    missing : list of Missing
        What is not understood, and the option that supplies it.
    """

    facts: dict[str, Any]
    checks: list[Check]
    comparisons: list[Comparison]
    left_out: dict[str, str] = field(default_factory=dict)
    scatters: list[Scatter] = field(default_factory=list)
    timings: list[Timing] = field(default_factory=list)
    accuracies: dict[str, float] = field(default_factory=dict)
    missing: list[Missing] = field(default_factory=list)

    @property
    def outcome(self) -> str:
        """One of OUTCOMES; a model is not understood if nothing is wrong, but something missing."""
        if self.failures:
            return OUTCOMES[1]
        return OUTCOMES[2] if self.missing else OUTCOMES[0]

    @property
    def passed(self) -> bool:
        """Whether everything was compared with something, and holds."""
        return self.outcome == OUTCOMES[0]

    @property
    def failures(self) -> list[str]:
        """What is wrong, one sentence each, beginning with the name of the output."""
        problems = [check.detail for check in self.checks if check.failed]
        problems += [comparison.problem for comparison in self.comparisons if comparison.problem]
        if not problems and not self.comparisons and not self.missing:
            problems.append("no output was compared with anything")
        return problems

    def to_dict(self) -> dict[str, Any]:
        """Everything as values that JSON can hold; numbers that it lacks are texts."""
        return _plain(
            {
                "outcome": self.outcome,
                "passed": self.passed,
                "missing": [missing.to_dict() for missing in self.missing],
                "failures": self.failures,
                "facts": self.facts,
                "checks": [check.to_dict() for check in self.checks],
                "ulp_bins": list(ULP_BINS),
                "comparisons": [comparison.to_dict() for comparison in self.comparisons],
                "left_out": self.left_out,
                "accuracies": self.accuracies,
                "timings": [timing.to_dict() for timing in self.timings],
            }
        )

    def summary(self) -> list[tuple[Comparison, int]]:
        """Comparisons of the data, then the worst of all other batches with their number."""
        data = [(c, 1) for c in self.comparisons if c.batch == "data"]
        return data + _worst(c for c in self.comparisons if c.batch != "data")


def _worst(comparisons: Iterable[Comparison]) -> list[tuple[Comparison, int]]:
    groups: dict[tuple[str, str, str], list[Comparison]] = {}
    for comparison in comparisons:
        key = (comparison.output, comparison.provider, comparison.against)
        groups.setdefault(key, []).append(comparison)
    return [(max(group, key=lambda c: c.ratio), len(group)) for group in groups.values()]


def _plain(value: Any) -> Any:
    """Replace what JSON lacks: infinities and NaN by texts, tuples by lists."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value
