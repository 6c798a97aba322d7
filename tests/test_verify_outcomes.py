"""Verified, wrong, not understood: told apart in the report, in JSON and by the exit status."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from foreign_models import classifier
from onnx_tools import edit, net2, samples
from softxent.cli import main
from softxent.models import MLP
from softxent.onnx import export
from softxent.verify import verify

FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64
X = ("x", FLOAT, ("n", 4))


def node(op_type: str, operands: str, results: str, **attributes: object) -> onnx.NodeProto:
    return helper.make_node(op_type, operands.split(), results.split(), **attributes)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.onnx"


@pytest.fixture
def x(rng: np.random.Generator) -> np.ndarray:
    return rng.standard_normal((12, 4)).astype(np.float32)


def saved(path: Path, nodes, outputs, **options) -> Path:
    path.write_bytes(classifier(nodes, outputs, **options).SerializeToString())
    return path


def two_inputs(path: Path) -> Path:
    nodes = [node("MatMul", "x w", "a"), node("Add", "a mask", "z"), node("Softmax", "z", "p")]
    inputs = [X, ("mask", FLOAT, ("n", 3))]
    return saved(path, nodes, [("p", FLOAT, ("n", 3))], inputs=inputs)


def with_loss(path: Path) -> Path:
    nodes = [node("MatMul", "x w", "z"), node("SoftmaxCrossEntropyLoss", "z y", "loss")]
    return saved(path, nodes, [("loss", FLOAT, ())], inputs=[X, ("y", INT64, ("n",))])


def undecided(path: Path) -> Path:
    """Two outputs that may be the logits."""
    nodes = [node("MatMul", "x w", "z"), node("MatMul", "x v", "u")]
    outputs = [("z", FLOAT, ("n", 3)), ("u", FLOAT, ("n", 3))]
    return saved(path, nodes, outputs, stored={"v": np.ones((4, 3), np.float32)})


def test_a_missing_input_is_not_understood(path, x):
    report = verify(two_inputs(path), x)
    assert report.outcome == "not understood"
    assert not report.passed and not report.failures
    (missing,) = report.missing
    assert (missing.option, missing.flag) == ("inputs", "--input mask=FILE")
    assert str(report).endswith("NOT UNDERSTOOD")
    assert "nothing feeds the input 'mask' (--input mask=FILE supplies it)" in str(report)
    assert verify(path, x, inputs={"mask": np.zeros((12, 3))}, batch_sizes=()).passed


def test_x_goes_where_no_other_array_goes(path, x):
    two_inputs(path)
    mask = np.zeros((12, 3), np.float32)
    assert verify(path, mask, inputs={"x": x}, batch_sizes=()).passed


def test_missing_labels_are_not_understood(path, x):
    report = verify(with_loss(path), x)
    assert report.outcome == "not understood"
    assert [(m.option, m.flag) for m in report.missing] == [("y", "--labels")]
    assert verify(path, x, np.zeros(12, int), batch_sizes=()).passed


def test_labels_are_not_needed_where_no_loss_is(path, x):
    saved(path, [node("MatMul", "x w", "z")], [("z", FLOAT, ("n", 3))])
    report = verify(path, x, batch_sizes=())
    assert report.passed
    assert not report.accuracies


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("ours", [True, False], ids=["ours", "foreign"])
def test_samples_that_tell_nothing_are_not_understood(path, x, ours, value):
    """Of NaN every model makes NaN, and what an infinity gives has no bound."""
    if ours:
        export(MLP(4, [5], 3, seed=0), path, head="logits")
    else:
        saved(path, [node("MatMul", "x w", "z")], [("z", FLOAT, ("n", 3))])
    silent = np.full_like(x, value)
    report = verify(path, silent, batch_sizes=())
    assert report.outcome == "not understood", report
    assert [(m.option, m.flag) for m in report.missing] == [("X", "--data")]
    silent[3] = x[3]
    assert verify(path, silent, batch_sizes=()).passed


def test_unknown_logits_are_not_understood_until_they_are_named(path, x):
    report = verify(undecided(path), x, batch_sizes=())
    assert report.outcome == "not understood"
    (missing,) = report.missing
    assert missing.flag == "--logits NAME"
    assert "z, u" in missing.what
    # What can be compared is compared all the same.
    assert {c.output for c in report.comparisons} == {"z", "u"}
    assert all(c.passed for c in report.comparisons)
    assert verify(path, x, logits="u", batch_sizes=()).passed
    with pytest.raises(ValueError, match="computes no value 'q'"):
        verify(path, x, logits="q")


def test_an_operator_that_cannot_be_evaluated_is_not_understood(path, x):
    """A gating of the runtime's own, which neither a rule nor onnx knows; the head is judged."""
    nodes = [node("MatMul", "x w", "a"),
             node("QuickGelu", "a", "z", domain="com.microsoft", alpha=1.0),
             node("Softmax", "z", "p")]  # fmt: skip
    saved(path, nodes, [("p", FLOAT, ("n", 3))], domains={"com.microsoft": 1})
    report = verify(path, x, logits="z", batch_sizes=())
    assert report.outcome == "not understood"
    assert "the body is not judged: QuickGelu 'z'" in report.missing[0].what
    assert {(c.output, c.part) for c in report.comparisons} == {("p", "head")}


def test_a_bound_wider_than_the_values_is_not_understood(path, x):
    """1e8 + x − 1e8 has no digit of x left in float32."""
    stored = {"far": np.array(1e8, np.float32)}
    nodes = [node("MatMul", "x w", "a"), node("Add", "a far", "b"), node("Sub", "b far", "z")]
    saved(path, nodes, [("z", FLOAT, ("n", 3))], stored=stored)
    report = verify(path, x, batch_sizes=())
    assert report.outcome == "not understood"
    assert "not judged" in report.missing[0].what


def test_a_wrong_file_of_ours_is_wrong_and_not_only_not_understood(path, rng):
    export(net2(), path)

    def leak(model: onnx.ModelProto) -> None:
        next(n for n in model.graph.node if n.op_type == "Relu").op_type = "LeakyRelu"

    report = verify(edit(path, leak), *samples(rng), batch_sizes=())
    assert report.outcome == "wrong"


def test_what_is_for_other_files_is_refused_for_ours(path, rng):
    data = samples(rng)
    export(net2(), path)
    with pytest.raises(ValueError, match="inputs is for files of other programs"):
        verify(path, *data, inputs={"mask": [1]})
    with pytest.raises(ValueError, match="logits is for files of other programs"):
        verify(path, *data, logits="logits")
    with pytest.raises(ValueError, match="got None"):
        verify(path, None)


@pytest.mark.parametrize(
    ("y", "error", "match"),
    [
        (np.array(1), ValueError, "one entry per row of X: expected 12, got the 0-d"),
        (np.zeros(11, int), ValueError, "expected 12, got 11"),
        (np.zeros((12, 1), int), ValueError, r"got \(12, 1\); pass y\[:, 0\]"),
        (np.zeros(12), TypeError, "must be integer labels"),
        (np.full(12, 3), IndexError, r"label 3 at index \(0,\) is not in \[0, 3\)"),
        (np.full(12, -1), IndexError, "label -1"),
        (np.full(12, 2**64 - 100, np.uint64), IndexError, "label 18446744073709551516"),
        (np.ma.array(np.zeros(12, int), mask=True), TypeError, "masked"),
        (np.array(["a"] * 12), TypeError, "must be integer labels"),
    ],
)
def test_labels_that_do_not_fit_are_refused(y, error, match, path, x):
    with pytest.raises(error, match=match):
        verify(with_loss(path), x, y)


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        ({"X": np.zeros((0, 4))}, ValueError, "at least one row"),
        ({"X": np.array(1.0)}, ValueError, "0-d"),
        ({"X": np.zeros((5, 2))}, ValueError, r"must have shape \(n, 4\), got \(5, 2\)"),
        ({"X": np.array([["a"] * 4])}, TypeError, "real numbers"),
        ({"X": np.zeros((5, 4), complex)}, TypeError, "real numbers"),
        ({"inputs": {"mast": np.zeros(3)}}, ValueError, "no input 'mast', but x, mask"),
        (
            {"inputs": {"mask": np.zeros((12, 4))}},
            ValueError,
            r"input mask must have shape \(any, 3\)",
        ),
        ({"X": None}, ValueError, "no array among the inputs has rows"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(change, error, match, path, x):
    with pytest.raises(error, match=match):
        verify(two_inputs(path), **{"X": x, **change})


def test_whole_numbers_alone_go_into_inputs_of_integers(path):
    nodes = [node("Gather", "w t", "e"), node("ReduceMean", "e", "z", axes=[1], keepdims=0)]
    saved(path, nodes, [("z", FLOAT, ("n", 3))], inputs=[("t", INT64, ("n", 5))])
    tokens = np.arange(20).reshape(4, 5) % 4
    assert verify(path, tokens.astype(np.float64), batch_sizes=()).passed
    with pytest.raises(ValueError, match=r"0\.5 of sample 0 does not fit into int64"):
        verify(path, tokens + 0.5)


@pytest.mark.parametrize("json_too", [False, True])
def test_the_command_ends_in_three_ways(json_too, path, x, tmp_path, capsys):
    data, mask = tmp_path / "data.csv", tmp_path / "mask.npy"
    rows = [",".join(map(str, [*row, k % 3])) for k, row in enumerate(x.tolist())]
    data.write_text("\n".join(["a,b,c,d,y", *rows]) + "\n")
    np.save(mask, np.zeros((12, 3), np.float32))
    command = ["verify", str(two_inputs(path)), "--data", str(data)] + ["--json"] * json_too
    assert main(command) == 3
    told = capsys.readouterr().out
    if json_too:
        result = json.loads(told)
        assert result["outcome"] == "not understood"
        assert result["passed"] is False
        assert result["missing"] == [
            {"what": "nothing feeds the input 'mask'", "option": "inputs",
             "flag": "--input mask=FILE"}
        ]  # fmt: skip
    else:
        assert "NOT UNDERSTOOD" in told
    assert main([*command, "--input", f"mask={mask}"]) == 0
    capsys.readouterr()
    assert main([*command, "--input", f"mask={mask}", "--expect", "reduction=sum"]) == 1
    capsys.readouterr()
    assert main([*command, "--input", "mask"]) == 2
    assert main([*command, "--input", f"mask={tmp_path / 'no.npy'}"]) == 2


@pytest.mark.parametrize("form", ["features.csv", "labelled.csv", "images.npy", "images.npz"])
def test_the_command_takes_samples_with_and_without_labels(form, path, x, tmp_path, capsys):
    """A model without a loss needs none; arrays of images with channels keep their shape."""
    nodes = [node("Reshape", "x flat", "f"), node("MatMul", "f w", "z")]
    inputs = [("x", FLOAT, ("n", 2, 1, 2) if form.startswith("images") else ("n", 4))]
    stored = {"flat": np.array([0, -1])}
    saved(path, nodes, [("z", FLOAT, ("n", 3))], inputs=inputs, stored=stored)
    data, y = tmp_path / form, np.arange(12) % 3
    if form.endswith("csv"):
        columns = x if form == "features.csv" else np.column_stack([x, y])
        rows = [",".join(map(str, row)) for row in columns.tolist()]
        data.write_text("\n".join([",".join("abcde"[: columns.shape[1]]), *rows]) + "\n")
    elif form.endswith("npy"):
        np.save(data, x.reshape(12, 2, 1, 2))
    else:
        np.savez(data, X=x.reshape(12, 2, 1, 2), y=y)
    assert main(["verify", str(path), "--data", str(data), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["outcome"] == "verified"
    assert bool(result["accuracies"]) == (form in ("labelled.csv", "images.npz"))


def test_the_page_says_what_is_not_understood(path, x, tmp_path):
    pytest.importorskip("jinja2")
    pytest.importorskip("matplotlib")
    verify(two_inputs(path), x).to_html(tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert "not understood" in page
    assert "--input mask=FILE" in page
    assert "verification failed" not in page
