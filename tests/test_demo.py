"""The demo from end to end: accuracy, verdict, files."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from softxent import demo, models
from softxent.cli import main
from softxent.demo import figures

for package in ("onnxruntime", "matplotlib", "jinja2"):
    pytest.importorskip(package)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo") / "new"
    assert main(["demo", "--out", str(folder), "--json"]) == 0
    return folder


@pytest.fixture(scope="module")
def summary(folder: Path) -> dict:
    return json.loads((folder / "report.json").read_text())


def test_demo_passes_with_the_required_accuracy(summary):
    assert summary["passed"] is True
    assert summary["test_accuracy"] >= summary["required_accuracy"] == 0.97
    assert summary["history"]["val_accuracy"][-1] == pytest.approx(summary["test_accuracy"])


def test_demo_verifies_both_models(summary):
    reports = summary["verification"]
    assert list(reports) == ["digits.onnx", "digits-loss.onnx"]
    assert all(report["passed"] for report in reports.values())


def test_demo_reports_times_and_versions(summary):
    assert set(summary["seconds"]) >= {"training", "export", "verification"}
    assert all(seconds > 0 for seconds in summary["seconds"].values())
    assert {"softxent", "numpy", "onnx", "onnxruntime"} <= set(summary["versions"])


def test_demo_writes_models_that_agree(folder):
    import onnxruntime

    from softxent.data import load_digits

    test = load_digits().split(seed=0)[1]
    net = models.load(folder / "digits.npz")
    session = onnxruntime.InferenceSession(
        folder / "digits.onnx", providers=["CPUExecutionProvider"]
    )
    (predictions,) = session.run(["prediction"], {"x": test.X})
    np.testing.assert_array_equal(predictions, net.predict(test.X))


def test_report_is_self_contained(folder):
    page = (folder / "report.html").read_text()
    assert page.count("data:image/svg+xml;base64,") >= 3
    sources = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert sources and all(source.startswith("data:") for source in sources)
    assert not re.search(r"url\(|@import|<script|<link", page)
    assert "CC BY 4.0" in page
    assert (folder / "report.html").stat().st_size < 2_000_000


def test_report_shows_the_accuracy(folder, summary):
    page = (folder / "report.html").read_text()
    assert f"{summary['test_accuracy']:.1%}" in page
    assert '<span class="badge good">passed</span>' in page


def test_demo_is_repeatable(folder, tmp_path, summary):
    again = demo.run(tmp_path, progress=False, say=lambda message: None)
    assert again.test_accuracy == summary["test_accuracy"]
    assert again.history.to_dict()["loss"] == summary["history"]["loss"]


def test_result_without_verification_has_not_passed(folder):
    result = demo.run(folder, progress=False, say=lambda message: None)
    assert result.passed
    result.reports = {}
    assert not result.passed


def test_confusion_matrix_counts_every_sample():
    labels, predictions = np.array([0, 0, 1, 2]), np.array([0, 1, 1, 2])
    figure = figures.confusion_matrix(labels, predictions, ["a", "b", "c"])
    shown = {text.get_position(): int(text.get_text()) for text in figure.axes[0].texts}
    assert shown == {(0, 0): 1, (1, 0): 1, (1, 1): 1, (2, 2): 1}


def test_samples_are_the_surest_and_the_hardest():
    labels = np.array([0, 1, 0, 1])
    probabilities = np.array([[0.9, 0.1], [0.7, 0.3], [0.6, 0.4], [0.2, 0.8]])
    assert figures._surest(labels, probabilities, 2) == [0, 3]
    assert figures._hardest(labels, probabilities, 2) == [1, 2]
