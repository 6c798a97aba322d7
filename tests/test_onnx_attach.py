"""The loss attached to graphs of other origin."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from onnx_tools import CLASSES, FEATURES, edit, net2, run, samples
from softxent.onnx import ModelError, attach_loss, export
from softxent.verify import verify


def black_box(path: Path, *, dtype: type = np.float32, opset: int = 17, axes: int = 2) -> None:
    """A classifier of another kind, with probabilities as its only output."""
    rng, kind = np.random.default_rng(0), helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    weight = rng.standard_normal((FEATURES, CLASSES)).astype(dtype)
    nodes = [
        helper.make_node("Tanh", ["features"], ["t"]),
        helper.make_node("MatMul", ["t", "w"], ["scores"]),
        helper.make_node("Softmax", ["scores"], ["p"]),
    ]
    sizes: list[int | str] = ["n", "m", FEATURES][-axes:]
    graph = helper.make_graph(
        nodes,
        "other",
        [helper.make_tensor_value_info("features", kind, sizes)],
        [helper.make_tensor_value_info("p", kind, [*sizes[:-1], CLASSES])],
        [numpy_helper.from_array(weight, "w")],
    )
    opsets = [helper.make_opsetid("", opset)]
    onnx.save(helper.make_model(graph, ir_version=8, opset_imports=opsets), path)


def image_box(path: Path, *, batch: int | str = "n", classes: int = CLASSES) -> None:
    """A classifier of images of 1 × 2 × 3."""
    weight = np.random.default_rng(0).standard_normal((6, classes)).astype(np.float32)
    nodes = [
        helper.make_node("Flatten", ["image"], ["flat"]),
        helper.make_node("MatMul", ["flat", "w"], ["scores"]),
    ]
    graph = helper.make_graph(
        nodes,
        "images",
        [helper.make_tensor_value_info("image", 1, [batch, 1, 2, 3])],
        [helper.make_tensor_value_info("scores", 1, [batch, classes])],
        [numpy_helper.from_array(weight, "w")],
    )
    opsets = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, ir_version=8, opset_imports=opsets), path)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    black_box(tmp_path / "other.onnx")
    return tmp_path / "other.onnx"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out.onnx"


@pytest.mark.parametrize("primitive", [False, True])
def test_attach_loss_adds_the_loss_of_the_native_function(primitive, source, out, rng):
    import softxent

    X, y = samples(rng)
    y[3] = -100
    options = {"ignore_index": -100, "label_smoothing": 0.1, "weight": [1, 2, 3, 4]}
    attach_loss(source, "scores", out, primitive=primitive, **options)
    got = run(out, features=X, target=y)
    assert list(got) == ["p", "loss", "log_probabilities", "scores"]
    assert (got["p"] == run(source, features=X)["p"]).all()
    expected = softxent.cross_entropy(got["scores"], y, **options)
    assert got["loss"] == pytest.approx(expected, rel=1e-5)
    log_p = softxent.log_softmax(got["scores"])
    np.testing.assert_allclose(got["log_probabilities"], log_p, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_attach_loss_keeps_the_type_of_the_logits(dtype, source, out, rng):
    X, y = samples(rng)
    black_box(source, dtype=dtype)
    attach_loss(source, "scores", out)
    got = run(out, features=X.astype(dtype), target=y)
    assert got["scores"].dtype == got["log_probabilities"].dtype == dtype
    assert got["loss"].dtype == (np.float32 if dtype == np.float16 else dtype)


def test_attach_loss_takes_probability_targets(source, out, rng):
    X, _ = samples(rng)
    attach_loss(source, "scores", out, target="probabilities", reduction="sum")
    target = rng.random((len(X), CLASSES)).astype(np.float32)
    got = run(out, features=X, target=target)
    assert got["loss"] == pytest.approx(-(target * got["log_probabilities"]).sum(), rel=1e-5)


@pytest.mark.parametrize("primitive", [False, True])
def test_verify_checks_the_loss_on_a_black_box(primitive, source, out, rng):
    X, y = samples(rng)
    attach_loss(source, "scores", out, label_smoothing=0.1, primitive=primitive)
    report = verify(out, X, y, batch_sizes=(), stress=True)
    assert report.passed, str(report)
    judged = {(c.output, c.part) for c in report.comparisons}
    assert judged == {
        ("loss", "head"), ("log_probabilities", "head"), ("p", "head"), ("scores", "body")
    }  # fmt: skip
    assert not report.left_out
    assert not verify(out, X, y, batch_sizes=(), expect={"label_smoothing": 0.2}).passed


def test_verify_reads_the_number_of_classes_off_a_black_box(source, out, rng):
    """A class that no sample of the data has is a class all the same."""
    X, y = samples(rng)
    attach_loss(source, "scores", out)
    report = verify(out, X, np.minimum(y, CLASSES - 2), batch_sizes=(), stress=True)
    assert report.passed, str(report)


def test_verify_gives_flat_images_the_shape_that_a_black_box_takes(tmp_path, out, rng):
    image_box(tmp_path / "images.onnx")
    attach_loss(tmp_path / "images.onnx", "scores", out)
    X, y = rng.standard_normal((12, 6)).astype(np.float32), np.arange(12) % CLASSES
    flat = verify(out, X, y, batch_sizes=(1,))
    assert flat.passed, str(flat)
    assert verify(out, X.reshape(12, 1, 2, 3), y, batch_sizes=()).passed
    with pytest.raises(ValueError, match=r"X must have shape \(n, 1, 2, 3\), got \(12, 5\)"):
        verify(out, X[:, :5], y, batch_sizes=())


def test_verify_does_not_time_sizes_that_a_black_box_refuses(tmp_path, out, rng):
    image_box(tmp_path / "images.onnx", batch=8)
    attach_loss(tmp_path / "images.onnx", "scores", out)
    X, y = rng.standard_normal((8, 6)).astype(np.float32), np.arange(8) % CLASSES
    report = verify(out, X, y, batch_sizes=(1, 8))
    assert report.passed, str(report)
    assert {t.batch_size for t in report.timings} == {8}
    assert "time of 1 rows" in report.left_out


def test_verify_checks_everything_where_it_knows_the_network(tmp_path, out, rng):
    X, y = samples(rng)
    export(net2(), tmp_path / "net.onnx")
    attach_loss(tmp_path / "net.onnx", "logits", out)
    report = verify(out, X, y, batch_sizes=(), reference=net2())
    assert report.passed, str(report)
    outputs = {"loss", "logits", "log_probabilities", "probabilities", "prediction"}
    assert {c.output for c in report.comparisons} == outputs
    assert not verify(out, X, y, batch_sizes=(), reference=net2(seed=1)).passed


def test_attach_loss_to_its_own_result_is_refused(source, out):
    attach_loss(source, "scores", out)
    with pytest.raises(ValueError, match="'target' is used twice"):
        attach_loss(out, "scores", out)


@pytest.mark.parametrize(
    ("name", "options", "error", "match"),
    [
        ("nothing", {}, ValueError, "computes no value 'nothing'; its outputs are p"),
        ("features", {}, ValueError, "computes no value 'features'"),
        ("scores", {"num_classes": 5}, ValueError, "num_classes=5, but 'scores' has 4"),
        ("scores", {"weight": [1, 2]}, ValueError, "expected 4, got 2"),
        ("scores", {"reduction": "max"}, ValueError, "reduction must be one of"),
        ("scores", {"class_names": ["a"]}, ValueError, "must have 4 names, got 1"),
    ],
)
def test_attach_loss_refuses_bad_arguments_and_writes_nothing(
    name, options, error, match, source, out
):
    with pytest.raises(error, match=match):
        attach_loss(source, name, out, **options)
    assert not out.exists()


def test_attach_loss_refuses_logits_of_three_axes(source, out):
    black_box(source, axes=3)
    with pytest.raises(ValueError, match=r"shape \(n, C\), but 'scores' has 3 axes"):
        attach_loss(source, "scores", out)


def test_attach_loss_refuses_a_softmax_over_a_single_class(source, out):
    image_box(source, classes=1)

    def add_softmax(model: onnx.ModelProto) -> None:
        model.graph.node.append(helper.make_node("Softmax", ["scores"], ["p"]))
        model.graph.output[0].name = "p"

    with pytest.raises(ValueError, match="'scores' has 1 class"):
        attach_loss(edit(source, add_softmax), "scores", out)


def test_attach_loss_refuses_a_graph_that_onnx_cannot_make_sense_of(source, out):
    def damage(model: onnx.ModelProto) -> None:
        model.graph.node.append(helper.make_node("MatMul", ["t", "w"], []))

    with pytest.raises(ModelError, match=r"other.onnx: onnx refuses the model"):
        attach_loss(edit(source, damage), "scores", out)
    assert not out.exists()


def test_attach_loss_refuses_an_old_opset(source, out):
    black_box(source, opset=11)
    with pytest.raises(ModelError, match="opset 13 or newer, got 11"):
        attach_loss(source, "scores", out)


def test_attach_loss_needs_the_number_of_classes_from_somewhere(source, out, rng):
    model = onnx.load(source)
    model.graph.output[0].type.tensor_type.shape.dim[1].dim_param = "classes"
    weight = model.graph.initializer[0]
    model.graph.input.append(helper.make_tensor_value_info("w", 1, [FEATURES, "classes"]))
    value = numpy_helper.to_array(weight)
    del model.graph.initializer[:]
    onnx.save(model, source)
    with pytest.raises(ValueError, match="give num_classes"):
        attach_loss(source, "scores", out)
    X, y = samples(rng)
    attach_loss(source, "scores", out, num_classes=CLASSES)
    assert np.isfinite(run(out, features=X, target=y, w=value)["loss"])
