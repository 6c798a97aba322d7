"""The demo from end to end: accuracy, verdict, files."""

from __future__ import annotations

import json
import re
import sys
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


def test_demo_says_on_one_screen_what_was_found(tmp_path, monkeypatch, capsys):
    """24 lines of 100 columns hold everything on a terminal, what goes to stderr included."""
    monkeypatch.chdir(tmp_path)
    assert main(["demo"]) == 0
    captured = capsys.readouterr()
    lines = (captured.err + captured.out).splitlines()
    assert len(lines) <= 23  # and the prompt
    assert max(map(len, lines)) <= 100
    assert re.search(r"accuracy\s+9[7-9]\.\d+% of 359", captured.out)
    for name in ("digits.onnx", "digits-loss.onnx"):
        assert re.search(rf"verified\s+{name}\s+native,.*: 0\.\d+ of the bound", captured.out)
    assert "report.html" in captured.out and captured.out.endswith("passed\n")


def test_report_has_the_details(folder):
    page = (folder / "report.html").read_text()
    assert page.count("<details>") == 2
    for detail in ("Bounds:", "worst value of", "µs on", "ok      structure"):
        assert detail in page


def test_failed_verification_is_shown_shortly(folder):
    result = demo.run(folder, progress=False, say=lambda message: None)

    class Failed:
        passed = False
        failures = tuple(f"logits: {'far ' * 60}off" for _ in range(9))

    result.reports = {"digits.onnx": Failed()}
    lines = str(result).splitlines()
    assert len(lines) < 15 and max(map(len, lines)) <= 100
    assert [line for line in lines if line.startswith("FAILED")][-1].endswith("and 6 more")
    assert lines[-1].endswith("FAILED")


@pytest.mark.parametrize(
    "missing", [["onnx"], ["jinja2"], ["onnx", "onnxruntime", "matplotlib", "jinja2"]]
)
def test_missing_extras_are_told_at_once_and_before_the_training(
    missing, tmp_path, monkeypatch, capsys
):
    def too_late(*args, **options):
        raise AssertionError("the training was begun")

    for module in missing:
        monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setattr(models.NeuralNet2, "fit", too_late)
    monkeypatch.chdir(tmp_path)
    assert main(["demo"]) == 2
    assert capsys.readouterr().err == (
        f"softxent demo: error: softxent demo needs {', '.join(missing)}: "
        "pip install 'softxent[demo]'\n"
    )
    assert not list(tmp_path.iterdir())
