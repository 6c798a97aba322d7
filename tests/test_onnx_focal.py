"""Focal loss in graphs: the value, the options it goes with, and its verification."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

import softxent
from onnx_tools import CLASSES, edit, net1, net2, node, run, samples
from softxent.onnx import attach_loss, export
from softxent.verify import verify

pytest.importorskip("onnxruntime")

WEIGHT = [1.0, 2.0, 0.5, 0.0]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.onnx"


@pytest.mark.parametrize("primitive", [False, True], ids=["operator", "primitive"])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_focal_loss_in_a_graph_is_the_native_one(gamma, reduction, primitive, path, rng):
    X, y = samples(rng)
    y[::7] = -100
    options = {"weight": WEIGHT, "ignore_index": -100, "reduction": reduction, "focal_gamma": gamma}
    export(net2(), path, head="loss", dtype="float64", primitive=primitive, **options)
    got = run(path, x=X.astype(np.float64), target=y)
    expected = softxent.cross_entropy(got["logits"], y, **options)
    np.testing.assert_allclose(got["loss"], expected, rtol=100 * 2**-53, atol=2**-60)


@pytest.mark.parametrize("label", [-1, CLASSES, 2**40])
def test_focal_loss_of_a_wrong_label_in_a_graph_is_nan(label, path, rng):
    X, y = samples(rng)
    y[3] = label
    export(net2(), path, head="loss", reduction="none", focal_gamma=2)
    loss = run(path, x=X, target=y)["loss"]
    assert np.isnan(loss).tolist() == (np.arange(40) == 3).tolist()


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("primitive", [False, True], ids=["operator", "primitive"])
@pytest.mark.parametrize("gamma", [0.25, 2.0, 5.0])
def test_verify_passes_focal_loss_under_stress(gamma, primitive, dtype, path, rng):
    X, y = samples(rng)
    options = {"weight": WEIGHT, "focal_gamma": gamma, "ignore_index": 1}
    export(net2(), path, head="loss", dtype=dtype, primitive=primitive, **options)
    report = verify(path, X, y, stress=True)
    assert report.passed, str(report)
    assert f"focal_gamma={gamma:g}" in str(report)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_verify_passes_every_reduction_of_focal_loss(reduction, path, rng):
    export(net2(), path, head="loss", reduction=reduction, focal_gamma=1.5)
    assert verify(path, *samples(rng), expect={"focal_gamma": 1.5}).passed


def test_verify_says_that_the_focal_factor_is_missing(path, rng):
    def drop(model: onnx.ModelProto) -> None:
        factor = node(model, "Pow")
        factor.op_type = "Identity"
        del factor.input[1:]

    X, y = samples(rng)
    export(net2(), path, head="loss", focal_gamma=2.0)
    report = verify(edit(path, drop), X, y)
    assert report.outcome == "wrong"
    export(net2(), path, head="loss")
    report = verify(path, X, y, expect={"focal_gamma": 2.0})
    assert report.outcome == "wrong"
    assert "focal_gamma=0.0, expected 2.0" in str(report)


def test_attach_loss_takes_a_focal_exponent(path, tmp_path, rng):
    X, y = samples(rng)
    export(net2(), path, head="logits")
    out = tmp_path / "loss.onnx"
    attach_loss(path, None, out, focal_gamma=2.0)
    got = run(out, x=X, target=y)
    expected = softxent.cross_entropy(got["logits"], y, focal_gamma=2.0)
    np.testing.assert_allclose(got["loss"], expected, rtol=1e-5)
    assert verify(out, X, y, stress=True).passed


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"focal_gamma": -1}, "focal_gamma must be finite and not negative, got -1"),
        ({"focal_gamma": "2"}, "focal_gamma must be a number, got '2'"),
        ({"focal_gamma": 2, "label_smoothing": 0.1}, r"focal_gamma=2\.0 goes with label_smoothing"),
        ({"focal_gamma": 2, "target": "probabilities"}, r"goes with target='index'"),
        ({"focal_gamma": 2, "head": "train_step"}, r"goes with head='loss', got 'train_step'"),
        ({"focal_gamma": 2, "head": "logits"}, "has no meaning for head='logits'"),
    ],
    ids=str,
)
def test_export_refuses_what_focal_loss_does_not_go_with(options, match, path):
    with pytest.raises((TypeError, ValueError), match=match):
        export(net2(), path, **{"head": "loss", **options})
    assert not path.exists()


def test_export_refuses_focal_loss_of_one_logit(path):
    with pytest.raises(ValueError, match="focal_gamma must be 0 for NeuralNet1 with one logit"):
        export(net1(), path, head="loss", focal_gamma=2)
