"""What the demo found: accuracy, verdict, measurements."""

from __future__ import annotations

import platform
import textwrap
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import softxent
from softxent.data import Dataset
from softxent.demo.settings import FILES, HIDDEN, REQUIRED_ACCURACY, TRAINING
from softxent.models import History, NeuralNet2

if TYPE_CHECKING:
    from softxent.verify.report import Report

#: So many failures of a model are shown on the terminal, cut to so many characters.
_SHOWN_FAILURES, _WIDTH = 3, 70


@dataclass
class Result:
    """
    What the demo found.

    Attributes
    ----------
    folder : Path
        Where the files are.
    train, test : Dataset
        The digits learned from and the digits held back.
    net : NeuralNet2
        The trained net.
    history : History
        Loss and accuracy of every epoch.
    reports : dict of str to softxent.verify.report.Report
        The verification of each ONNX file, by file name.
    seconds : dict of str to float
        Duration of each step.
    """

    folder: Path
    train: Dataset
    test: Dataset
    net: NeuralNet2
    history: History
    reports: dict[str, Report] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def test_accuracy(self) -> float:
        """Part of the held-out digits that the net gets right."""
        return float((self.net.predict(self.test.X) == self.test.y).mean())

    @property
    def passed(self) -> bool:
        """Whether the net is accurate enough and every ONNX file agrees with it."""
        verified = bool(self.reports) and all(report.passed for report in self.reports.values())
        return verified and self.test_accuracy >= REQUIRED_ACCURACY

    @property
    def largest_difference(self) -> float:
        """The largest difference of an exported model's probability from the native net's."""
        return max(
            comparison.max_abs or 0.0
            for comparison in self.reports["digits.onnx"].comparisons
            if comparison.output == "probabilities" and comparison.against == "native"
        )

    def to_dict(self) -> dict[str, Any]:
        """Give everything but the arrays, in values that JSON can hold."""
        return {
            "passed": self.passed,
            "test_accuracy": self.test_accuracy,
            "required_accuracy": REQUIRED_ACCURACY,
            "samples": {"train": len(self.train), "test": len(self.test)},
            "seconds": {name: round(value, 3) for name, value in self.seconds.items()},
            "settings": {"hidden": HIDDEN, **TRAINING},
            "versions": _versions(),
            "config": dict(softxent.get_config()),
            "history": self.history.to_dict(),
            "verification": {name: report.to_dict() for name, report in self.reports.items()},
        }

    def __str__(self) -> str:
        """Say on less than a screen what was trained, whether the exports agree and where it is."""
        lines = [
            f"trained   {self.net!r} on {len(self.train)} digits in "
            f"{self.seconds['training']:.1f} s",
            f"accuracy  {self.test_accuracy:.2%} of {len(self.test)} held-out digits, "
            f"{REQUIRED_ACCURACY:.0%} required",
        ]
        for name, report in self.reports.items():
            verdict = "verified" if report.passed else "FAILED"
            lines += [f"{verdict:<8}  {name:<16}  {line}" for line in _findings(report)]
        lines += [
            "",
            f"{self.folder} has {', '.join(FILES)} and",
            f"report.html with every comparison, its bound, and pictures: "
            f"{'passed' if self.passed else 'FAILED'}",
        ]
        return "\n".join(lines)


def _findings(report: Report) -> list[str]:
    """What stands behind a model's verdict: the references, or the first failures."""
    if not report.passed:
        shown, more = report.failures[:_SHOWN_FAILURES], len(report.failures) - _SHOWN_FAILURES
        lines = [textwrap.shorten(failure, _WIDTH, placeholder=" …") for failure in shown]
        return [*lines, f"and {more} more"] if more > 0 else lines
    references = dict.fromkeys(c.against for c in report.comparisons if " from " not in c.against)
    closest = max(c.ratio for c in report.comparisons)
    return [f"{', '.join(references)}: {closest:.2g} of the bound"]


def _versions() -> dict[str, str]:
    """Give the versions of what took part."""
    found = {name: metadata.version(name) for name in ("numpy", "onnx", "onnxruntime")}
    return {"softxent": softxent.__version__, "python": platform.python_version(), **found}
