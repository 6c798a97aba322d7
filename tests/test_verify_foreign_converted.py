"""Networks of softxent that another program converted, keeping their metadata, are verified."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from foreign_models import classifier, quantised
from onnx_tools import CLASSES, net2, samples
from softxent.onnx import export
from softxent.verify import verify

KINDS = ["dynamic", "QDQ", "QOperator"]


def small(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((5, 7)).astype(np.float32)


@pytest.mark.parametrize("head", ["logits", "probabilities"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_quantised_network_is_verified(kind, head, tmp_path: Path, rng):
    export(net2(), tmp_path / "net.onnx", head=head)
    path = quantised(tmp_path / "net.onnx", kind, small)
    report = verify(path, samples(rng)[0], batch_sizes=())
    assert report.outcome == "verified", str(report)
    assert "logits" in {c.output for c in report.comparisons}


def test_the_loss_of_a_quantised_network_is_verified(tmp_path: Path, rng):
    export(net2(), tmp_path / "net.onnx", head="loss", label_smoothing=0.1, primitive=True)
    path = quantised(tmp_path / "net.onnx", "dynamic", small)
    X, y = samples(rng)
    report = verify(path, X, y, batch_sizes=())
    assert report.outcome == "verified", str(report)
    assert ("loss", "head") in {(c.output, c.part) for c in report.comparisons}
    assert verify(path, X, y, expect={"label_smoothing": 0.2}).outcome == "wrong"


def test_columns_are_matched_with_the_names_in_the_metadata(tmp_path: Path, rng):
    pandas = pytest.importorskip("pandas")
    net = net2()
    net.feature_names = list("abcdefg")
    export(net, tmp_path / "net.onnx")
    path = quantised(tmp_path / "net.onnx", "dynamic", small)
    X = pandas.DataFrame(samples(rng)[0], columns=list("abcdefg"))
    with pytest.raises(ValueError, match="lacks: b"):
        verify(path, X.drop(columns="b"))
    assert verify(path, X[list("gfedcba")], batch_sizes=()).passed


def test_nodes_out_of_order_are_verified(tmp_path: Path, rng):
    nodes = [
        helper.make_node("Softmax", ["z"], ["p"]),
        helper.make_node("MatMul", ["x", "w"], ["z"]),
    ]
    model = classifier(nodes, [("p", TensorProto.FLOAT, ("n", CLASSES - 1))], ir_version=3)
    onnx.save(model, tmp_path / "model.onnx")
    X = rng.standard_normal((6, 4)).astype(np.float32)
    report = verify(tmp_path / "model.onnx", X, batch_sizes=())
    assert report.outcome == "verified", str(report)
