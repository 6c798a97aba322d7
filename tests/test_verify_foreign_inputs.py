"""Classifiers with several inputs are fed all of them, columns of tables by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from foreign_models import classifier
from softxent.verify import verify
from softxent.verify.report import Report

FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.onnx"


def saved(model: onnx.ModelProto, path: Path) -> Path:
    onnx.save(model, path)
    return path


def node(op_type: str, operands: str, results: str, **attributes: object) -> onnx.NodeProto:
    return helper.make_node(op_type, operands.split(), results.split(), **attributes)


def parts(report: Report) -> set[tuple[str, str]]:
    assert report.outcome == "verified", str(report)
    return {(c.output, c.part) for c in report.comparisons}


def test_further_inputs_are_fed(path, rng):
    """A mask with an entry per sample, and a temperature for all."""
    nodes = [
        node("MatMul", "x w", "a"), node("Add", "a mask", "z"), node("Div", "z heat", "s"),
        node("Softmax", "s", "p", axis=1),
    ]  # fmt: skip
    inputs = [("x", FLOAT, ("n", 4)), ("mask", FLOAT, ("n", 3)), ("heat", FLOAT, ())]
    saved(classifier(nodes, [("p", FLOAT, ("n", 3))], inputs=inputs), path)
    X = rng.standard_normal((12, 4))
    mask = np.where(rng.random((12, 3)) < 0.2, -1e9, 0.0)
    report = verify(path, X, inputs={"mask": mask, "heat": np.array(2.0)}, stress=True)
    assert parts(report) == {("p", "head"), ("s", "body")}
    everything = {"x": X.astype(np.float32), "mask": mask, "heat": 2.0}
    assert verify(path, None, inputs=everything, batch_sizes=()).passed


def test_columns_are_fed_one_by_one(path, rng):
    """One input for each column, as skl2onnx writes pipelines of data frames."""
    nodes = [node("Concat", "a b c d", "x", axis=1), node("MatMul", "x w", "z"),
             node("Softmax", "z", "p")]  # fmt: skip
    inputs = [(name, FLOAT, ("n", 1)) for name in "abcd"]
    saved(classifier(nodes, [("p", FLOAT, ("n", 3))], inputs=inputs), path)
    X = rng.standard_normal((12, 4))
    parts(verify(path, X, batch_sizes=()))
    with pytest.raises(ValueError, match="a column for each of the inputs a, b, c, d"):
        verify(path, X[:, :3])


def test_columns_of_tables_are_matched_with_inputs_by_name(path, rng):
    pandas = pytest.importorskip("pandas")
    nodes = [node("Concat", "a b c d", "x", axis=1), node("MatMul", "x w", "z"),
             node("ArgMax", "z", "k", axis=1, keepdims=0)]  # fmt: skip
    inputs = [(name, FLOAT, ("n", 1)) for name in "abcd"]
    saved(classifier(nodes, [("k", INT64, ("n",))], inputs=inputs), path)
    table = pandas.DataFrame(rng.standard_normal((30, 4)), columns=list("abcd"))
    weight = onnx.numpy_helper.to_array(onnx.load(path).graph.initializer[0])
    y = (table.to_numpy() @ weight).argmax(1)
    report = verify(path, table[list("dbac")], y, batch_sizes=())
    parts(report)
    assert report.accuracies["CPUExecutionProvider"] == 1.0
    with pytest.raises(ValueError, match="c"):
        verify(path, table[list("abd")], y)
