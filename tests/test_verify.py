"""What verification says of models that are right, and what it refuses to say."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from onnx_tools import CLASSES, net1, net2, samples
from softxent.models import NeuralNet2
from softxent.onnx import export
from softxent.verify import native, page, verify
from softxent.verify import runtime as runtimes
from softxent.verify.runtime import FULL_PRECISION, placement

HEADS = ["logits", "probabilities", "loss", "train_step"]
LOSS_OPTIONS = [
    {"weight": [1, 0, 2, 3], "label_smoothing": 0.1},
    {"ignore_index": -100, "primitive": True},
    {"ignore_index": 2, "label_smoothing": 1.0, "reduction": "sum"},
    {"target": "probabilities", "label_smoothing": 0.1},
]


@pytest.fixture
def data(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    return samples(rng)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.onnx"


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("net", [net1(), net2()], ids=["net1", "net2"])
def test_verify_passes_every_head_under_stress(net, head, dtype, path, data):
    X, y = data
    export(net, path, head=head, dtype=dtype)
    y = y if net.num_classes > 2 else y % 2
    report = verify(path, X, y, reference=net, stress=True, batch_sizes=())
    assert report.passed, str(report)
    assert {c.against for c in report.comparisons} >= {"native", "onnx-reference"}
    assert {c.batch for c in report.comparisons} >= {"data", "one row", "4096 rows", "zeros"}


@pytest.mark.parametrize("options", LOSS_OPTIONS, ids=str)
@pytest.mark.parametrize("head", ["loss", "train_step"])
def test_verify_passes_every_option_under_stress(head, options, path, data):
    export(net2(), path, head=head, **options)
    report = verify(path, *data, reference=net2(), stress=True, batch_sizes=())
    assert report.passed, str(report)


def test_verify_passes_momentum_and_weight_decay(path, data):
    export(net2(), path, head="train_step", momentum=0.9, weight_decay=0.1)
    report = verify(path, *data, batch_sizes=())
    assert report.passed, str(report)
    assert "new.velocity.linear1.bias" in {c.output for c in report.comparisons}


def test_verify_stays_silent_about_nothing_it_left_out(path, data):
    X, y = data
    export(net2(), path, head="loss")
    report = verify(path, 1000 * X, y, batch_sizes=())
    assert report.passed, str(report)
    ((what, why),) = [(k, v) for k, v in report.left_out.items() if "loss, batch 'data'" in k]
    assert what.startswith("onnx-reference")
    assert "log(Softmax)" in why
    assert why in str(report)


def test_verify_says_that_torch_is_not_installed(path, data, monkeypatch):
    from softxent.verify import references

    monkeypatch.setattr(references, "available", lambda module: module != "torch")
    export(net2(), path)
    report = verify(path, *data, batch_sizes=())
    assert report.passed
    assert "torch" not in {c.against for c in report.comparisons}
    assert "torch is not installed" in str(report)
    assert "torch is not installed" in report.to_dict()["left_out"]["torch"]


def test_verify_without_any_comparison_fails(path, data):
    export(net2(), path)
    report = verify(path, *data, against=(), batch_sizes=())
    assert not report.passed
    assert report.failures == ["no output was compared with anything"]


def test_verify_compares_with_each_reference_that_is_asked_for(path, data):
    export(net2(), path)
    for name in ("native", "torch", "onnx-reference"):
        report = verify(path, *data, against=[name], batch_sizes=())
        assert {c.against.partition(" ")[0] for c in report.comparisons} == {name}


def test_verify_counts_right_predictions(path, data):
    X, y = data
    export(net2(), path)
    report = verify(path, X, y, batch_sizes=())
    assert report.accuracies == {"CPUExecutionProvider": float((net2().predict(X) == y).mean())}


def test_verify_needs_no_targets_for_a_graph_without_a_loss(path, data):
    export(net2(), path)
    assert verify(path, data[0], batch_sizes=()).passed


def test_verify_takes_a_path_of_a_network_as_reference(path, data, tmp_path):
    net2().save(tmp_path / "net.npz")
    export(net2(), path)
    assert verify(path, *data, reference=tmp_path / "net.npz", batch_sizes=()).passed


def test_verify_times_every_runner_for_every_batch_size(path, data):
    export(net2(), path)
    report = verify(path, *data, batch_sizes=(3, 1))
    found = {(t.runner, t.batch_size) for t in report.timings}
    runners = ("onnxruntime CPU", "native", "torch")
    assert found == {(runner, size) for runner in runners for size in (1, 3)}
    assert all(t.seconds > 0 and t.repeats >= 5 for t in report.timings)


def test_verify_times_on_one_thread(path, data, monkeypatch):
    threadpoolctl = pytest.importorskip("threadpoolctl")
    seen, outputs = [], native.outputs

    def note(*arguments, **options):
        seen.append({pool["num_threads"] for pool in threadpoolctl.threadpool_info()})
        return outputs(*arguments, **options)

    export(net2(), path)
    monkeypatch.setattr(native, "outputs", note)
    with threadpoolctl.threadpool_limits(2):
        report = verify(path, *data, batch_sizes=(2,), against=["native"])
    assert seen[-1] == {1}
    assert "µs on one thread, rows:" in str(report)


def test_report_is_a_table_json_and_a_page(path, data, tmp_path):
    export(net2(), path, head="loss", class_names=["a", "b", "c", "<d>"])
    report = verify(path, *data, batch_sizes=(1, 2))
    text = str(report)
    assert text.endswith("verified")
    assert re.search(r"^loss +data +CPU +native", text, re.MULTILINE)
    assert "γ_n" in text
    assert re.search(r"^worst value of +batch +against +at +is +reference", text, re.MULTILINE)
    assert re.search(r"^% by ULP +provider +0 +≤ 1 .*\n-.*\nloss +CPU +100 ", text, re.MULTILINE)
    report.to_json(tmp_path / "report.json")
    stored = json.loads((tmp_path / "report.json").read_text())
    assert stored == report.to_dict()
    assert stored["passed"] is True
    comparison = stored["comparisons"][0]
    assert {"max_abs", "max_rel", "max_ulp", "ulp_histogram", "tolerance", "reason"} <= set(
        comparison
    )
    report.to_html(tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert page.count("data:image/") == 3
    assert not re.search(r"(?:src|href)=\"(?!data:)", page)


def test_report_shares_colours_between_the_outputs_of_a_step(path, data, tmp_path):
    export(net2(), path, head="train_step", momentum=0.9)
    report = verify(path, *data, batch_sizes=())
    outputs = dict.fromkeys(s.output for s in report.scatters)
    assert len(outputs) == 13
    assert list(page._families(outputs)) == ["loss", "grad.*", "new.*", "new.velocity.*"]
    assert all(c.agreement is None for c in report.comparisons)
    report.to_html(tmp_path / "report.html")


def test_report_of_a_failure_holds_infinite_numbers_as_text(path, data, tmp_path):
    net, state = net2(), net2().state_dict()
    export(net, path)
    state["linear2.bias"][0] = np.inf
    net.load_state_dict(state)
    report = verify(path, *data, reference=net, batch_sizes=())
    report.to_json(tmp_path / "report.json")
    report.to_html(tmp_path / "report.html")
    assert '"inf"' in (tmp_path / "report.json").read_text()
    assert str(report).endswith("VERIFICATION FAILED")
    assert "FAILED  logits: " in str(report)


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        ({"against": ["scipy"]}, ValueError, "against may name native, .*got 'scipy'"),
        ({"against": "native"}, TypeError, "sequence of names, got the text 'native'"),
        ({"providers": ()}, ValueError, "at least one execution provider"),
        ({"providers": "cpu"}, TypeError, "providers must be a sequence of names, got the text"),
        ({"batch_sizes": (0,)}, ValueError, r"batch_sizes must be at least 1, got \[0\]"),
        ({"batch_sizes": 32}, TypeError, "batch_sizes must be a sequence of sizes, got 32"),
        ({"reference": 3}, TypeError, "expected a network of softxent, a torch .*, got int"),
        ({"X": np.zeros((3, 5))}, ValueError, r"X must have shape \(n, 7\), got \(3, 5\)"),
        ({"X": np.zeros((0, 7))}, ValueError, "at least one row"),
        ({"X": [["a"] * 7]}, TypeError, "real numbers"),
        ({"y": None}, ValueError, "y is needed"),
        ({"y": [0]}, ValueError, "one entry per row of X: expected 40, got 1"),
        ({"y": np.zeros(40)}, TypeError, "integer labels"),
        ({"y": np.full(40, CLASSES)}, IndexError, "label 4 at index"),
        ({"expect": {"smoothing": 1}}, ValueError, "expect may name head, .*, got 'smoothing'"),
        ({"expect": {"label_smoothing": 2}}, ValueError, r"\[0, 1\], got 2"),
    ],
    ids=str,
)
def test_verify_refuses_bad_arguments(change, error, match, path, data):
    export(net2(), path, head="loss")
    arguments = {"X": data[0], "y": data[1], **change}
    with pytest.raises(error, match=match):
        verify(path, arguments.pop("X"), arguments.pop("y"), **arguments)


def test_verify_uses_cuda_without_tf32():
    assert FULL_PRECISION["CUDAExecutionProvider"] == {"use_tf32": "0"}
    assert "use_tf32=0" in runtimes.describe("CUDAExecutionProvider")
    assert "TF32" in runtimes.describe("CUDAExecutionProvider")


def test_session_refuses_a_provider_that_onnxruntime_replaces(path, data, monkeypatch):
    """A provider that is listed but fails to start is replaced by the CPU without an error."""
    providers = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(runtimes.onnxruntime, "get_available_providers", lambda: providers)
    monkeypatch.setattr(runtimes.cuda, "why_not", str)
    monkeypatch.setattr(runtimes.cuda, "prepare", lambda: None)
    export(net2(), path)
    report = verify(path, *data, providers=("CUDAExecutionProvider",), batch_sizes=())
    assert not report.passed
    assert "CUDAExecutionProvider" in report.failures[0]
    assert not report.comparisons


def test_placement_counts_what_ran_where(path, data):
    import onnx

    export(net2(), path)
    ran, sentence = placement(onnx.load(path), "CPUExecutionProvider", {"x": data[0]})
    assert ran
    assert re.fullmatch(r"(\d+) of \1 nodes ran on CPUExecutionProvider", sentence)


@pytest.mark.parametrize("sizes", [(3, 4, 3), (2, 5, 3), (2, 4, 4)], ids=str)
def test_reference_of_other_sizes_is_told_by_its_sizes(sizes, tmp_path):
    path = tmp_path / "loss.onnx"
    export(NeuralNet2(2, 4, 3, seed=0), path, head="loss")
    X, y = np.zeros((4, 2)), np.array([0, 1, 2, 0])
    report = verify(path, X, y, reference=NeuralNet2(*sizes, seed=0))
    assert not report.passed
    (failure,) = report.failures
    assert "the file holds a NeuralNet2 2-4-3" in failure
    assert f"the reference is a NeuralNet2 {'-'.join(map(str, sizes))}" in failure
