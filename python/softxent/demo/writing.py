"""The demo's report, as a page for people and as JSON for programs."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

import softxent
from softxent._files.atomic import atomic_write
from softxent.demo import figures
from softxent.demo.result import Result
from softxent.demo.settings import FILES, HIDDEN, LABEL_SMOOTHING, TRAINING
from softxent.report import figure_uri, render
from softxent.verify import table
from softxent.verify.findings import Findings


def write(result: Result) -> None:
    """Write ``report.json`` and ``report.html`` into the folder of the result."""
    summary = result.to_dict()
    text = json.dumps(summary, indent=2, ensure_ascii=False, allow_nan=False)
    atomic_write(result.folder / "report.json", text + "\n")
    atomic_write(result.folder / "report.html", _page(result, summary))


def _page(result: Result, summary: dict[str, Any]) -> str:
    return render(
        "demo.html",
        passed=result.passed,
        samples=summary["samples"],
        versions=summary["versions"],
        config=softxent.get_config(),
        attribution=result.test.attribution,
        settings=TRAINING,
        hidden=HIDDEN,
        smoothing=LABEL_SMOOTHING,
        tiles=_tiles(result),
        figures=_figures(result),
        files=FILES,
        header=table.HEADER[:-1],
        agreements=[_agreement(name, report) for name, report in result.reports.items()],
    )


def _tiles(result: Result) -> list[tuple[str, str]]:
    """What matters most, as (value, what it is)."""
    size = (result.folder / "digits.onnx").stat().st_size
    difference = f"{result.largest_difference:.1e}"
    return [
        (f"{result.test_accuracy:.1%}", f"of {len(result.test)} held-out digits are read right"),
        (difference, "largest difference between an exported and a native probability"),
        (f"{result.seconds['training']:.1f} s", f"to train on {len(result.train)} digits"),
        (f"{size / 1024:.0f} KiB", "for the exported model"),
    ]


def _figures(result: Result) -> dict[str, str]:
    test = result.test
    probabilities = result.net.predict_proba(test.X)
    predictions = result.net.predict(test.X)
    drawn = {
        "learning_curve": figures.learning_curve(result.history, _lowest_loss(test.num_classes)),
        "samples": figures.samples(test, probabilities),
        "confusion": figures.confusion_matrix(test.y, predictions, test.class_names),
    }
    return {name: figure_uri(figure) for name, figure in drawn.items()}


def _lowest_loss(num_classes: int) -> float:
    """Entropy of a smoothed label: the loss of a net that predicts exactly that."""
    target = np.full(num_classes, LABEL_SMOOTHING / num_classes)
    target[0] += 1 - LABEL_SMOOTHING
    return float(softxent.cross_entropy(np.log(target), target))


def _agreement(name: str, report: Findings) -> dict[str, Any]:
    return {
        "name": name,
        "passed": report.passed,
        "failures": report.failures,
        "text": str(report),
        "rows": [table.cells(comparison, count) for comparison, count in report.summary()],
    }
