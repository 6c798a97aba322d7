"""The loss on graphs as other programs write them: which value it goes on, names, old files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

import softxent
from foreign_models import (
    CLASSES,
    IMAGE,
    classifier,
    from_sklearn,
    from_torch,
    iris,
    outputs,
    quantised,
    residual_net,
)
from softxent.cli import main
from softxent.onnx import Classifier, ModelError, attach_loss, metadata
from softxent.onnx.anatomy import anatomy
from softxent.verify import verify

FLOAT = TensorProto.FLOAT
SCORES = helper.make_node("MatMul", ["x", "w"], ["z"])


def node(op_type: str, operands: str, results: str, **attributes: object) -> onnx.NodeProto:
    return helper.make_node(op_type, operands.split(), results.split(), **attributes)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.onnx"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out.onnx"


def attached(
    model: onnx.ModelProto, path: Path, out: Path, logits: str | None = None, **options: Any
) -> onnx.ModelProto:
    """Attach the loss to a model and read the result."""
    path.write_bytes(model.SerializeToString())
    attach_loss(path, logits, out, **options)
    return onnx.load(out)


def features(rng: np.random.Generator, rows: int = 6) -> np.ndarray:
    return rng.standard_normal((rows, 4)).astype(np.float32)


@pytest.mark.parametrize(
    ("tail", "name"),
    [
        ([node("Softmax", "z", "p")], "p"),
        ([node("LogSoftmax", "z", "p")], "p"),
        ([node("Softmax", "z", "a"), node("Identity", "a", "p")], "p"),
        ([node("Softmax", "z", "a"), node("Reshape", "a shape", "p")], "p"),
        ([node("Softmax", "z", "a"), node("Cast", "a", "p", to=11)], "p"),
        ([node("Softmax", "z", "a"), node("Dropout", "a", "p")], "p"),
        ([node("Softmax", "z", "a"), node("Log", "a", "b"), node("Cast", "b", "p", to=10)], "p"),
        ([node("Softmax", "z", "a"), node("Clip", "a", "p")], "p"),
        ([node("Sigmoid", "z", "p")], "p"),
        ([node("Softmax", "z", "a"), node("LeakyRelu", "a", "p")], "p"),
        ([node("Softmax", "z", "a"), node("Transpose", "a", "p", perm=[0, 1])], "p"),
        ([node("Exp", "z", "e"), node("ReduceSum", "e one", "s"), node("Div", "e s", "p")], "p"),
        ([node("Softmax", "z", "a"), node("QuantizeLinear", "a scale", "q"),
          node("DequantizeLinear", "q scale", "p")], "p"),
    ],
)  # fmt: skip
def test_what_a_softmax_made_is_refused_naming_the_logits(tail, name, path, out):
    stored = {
        "shape": np.array([-1, 3], np.int64),
        "one": np.array([1], np.int64),
        "scale": np.array(1 / 255, np.float32),
    }
    model = classifier([SCORES, *tail], [(name, _type_of(tail[-1]), ("n", 3))], stored=stored)
    with pytest.raises(ValueError, match=r"'p' is .* already, by .*the logits in front are 'z'"):
        attached(model, path, out, name)
    assert not out.exists()


def _type_of(last: onnx.NodeProto) -> int:
    return next((item.i for item in last.attribute if item.name == "to"), FLOAT)


def test_the_only_candidate_is_taken(path, out, rng):
    model = classifier([SCORES, node("Softmax", "z", "p")], [("p", FLOAT, ("n", 3))])
    made = attached(model, path, out)
    assert [output.name for output in made.graph.output] == ["p", "loss", "log_probabilities", "z"]
    X, y = features(rng), np.arange(6) % 3
    got = outputs(made, x=X, target=y)
    assert got["loss"] == pytest.approx(softxent.cross_entropy(got["z"], y), rel=1e-5)


def test_several_candidates_are_listed(path, out, capsys):
    nodes = [SCORES, node("MatMul", "x w", "y")]
    model = classifier(nodes, [("z", FLOAT, ("n", 3)), ("y", FLOAT, ("n", 3))])
    with pytest.raises(ValueError, match=r"not clear which .* logits_name may be one of z, y"):
        attached(model, path, out)
    argv = ["export", "--attach-loss", str(path), "--out", str(out)]
    assert main(argv) == 2 and "--logits may be one of z, y" in capsys.readouterr().err
    assert main([*argv, "--logits", "y"]) == 0
    assert onnx.load(out).metadata_props


@pytest.mark.parametrize("clash", ["input", "output", "initializer", "inner value"])
def test_names_that_are_taken_are_refused_or_changed(clash, path, out, rng, capsys):
    nodes, wanted, stored, inputs = [SCORES], [("z", FLOAT, ("n", 3))], {}, [("x", FLOAT, ("n", 4))]
    taken = "target" if clash == "input" else "loss"
    if clash == "input":
        inputs.append(("target", FLOAT, ("n", 3)))
        nodes = [node("MatMul", "x w", "a"), node("Add", "a target", "z")]
    elif clash == "output":
        nodes.append(node("Identity", "x", "loss"))
        wanted.append(("loss", FLOAT, ("n", 4)))
    elif clash == "initializer":
        stored["loss"] = np.zeros(3, np.float32)
        nodes = [node("MatMul", "x w", "a"), node("Add", "a loss", "z")]
    else:
        nodes = [node("MatMul", "x w", "loss"), node("Identity", "loss", "z")]
    model = classifier(nodes, wanted, inputs=inputs, stored=stored)
    with pytest.raises(ValueError, match=f"the name '{taken}' is used twice.*by the model"):
        attached(model, path, out, "z")
    argv = ["export", "--attach-loss", str(path), "--logits", "z", "--out", str(out)]
    assert main(argv) == 2 and "--rename" in capsys.readouterr().err
    assert not out.exists() and main([*argv, "--rename"]) == 0
    made = onnx.load(out)
    assert metadata.read(made).renamed == {taken: f"{taken}_1"}
    X, y = features(rng), np.arange(6) % 3
    feeds = {"x": X, metadata.read(made).name_of("target"): y}
    if clash == "input":
        feeds["target"] = np.ones((6, 3), np.float32)
    got = outputs(made, **feeds)
    loss = got[metadata.read(made).name_of("loss")]
    assert loss == pytest.approx(softxent.cross_entropy(got["z"], y), rel=1e-5)


def test_verify_knows_the_changed_names(path, out, rng):
    model = classifier([node("MatMul", "x w", "loss")], [("loss", FLOAT, ("n", 3))])
    attached(model, path, out, rename=True)
    X, y = features(rng), np.arange(6) % 3
    report = verify(out, X, y, batch_sizes=())
    assert report.passed, str(report)
    assert {c.output for c in report.comparisons} >= {"loss_1", "log_probabilities"}


@pytest.mark.parametrize("listed", [True, False], ids=["listed", "not listed"])
def test_ir_version_3_is_accepted(listed, path, out, rng):
    """Stored tensors have to be inputs there; those of the loss are not."""
    inputs = [("x", FLOAT, ("n", 4)), ("w", FLOAT, (4, 3))][: 1 + listed]
    model = classifier([SCORES], [("z", FLOAT, ("n", 3))], inputs=inputs, ir_version=3)
    made = attached(model, path, out, label_smoothing=0.1)
    assert made.ir_version == 4
    X, y = features(rng), np.arange(6) % 3
    expected = softxent.cross_entropy(X @ onnx.numpy_helper.to_array(model.graph.initializer[0]), y,
                                      label_smoothing=0.1)  # fmt: skip
    assert outputs(made, x=X, target=y)["loss"] == pytest.approx(expected, rel=1e-5)


def test_an_old_opset_is_converted_on_request(path, out, rng):
    nodes = [node("Unsqueeze", "x", "u", axes=[0]), node("Squeeze", "u", "s", axes=[0])]
    nodes += [node("MatMul", "s w", "z"), node("Softmax", "z", "p", axis=1)]
    inputs = [("x", FLOAT, ("n", 4)), ("w", FLOAT, (4, 3))]
    model = classifier(nodes, [("p", FLOAT, ("n", 3))], inputs=inputs, opset=7, ir_version=3)
    with pytest.raises(ModelError, match=r"opset 13 or newer, got 7; convert=True"):
        attached(model, path, out)
    made = attached(model, path, out, convert=True)
    X, y = features(rng), np.arange(6) % 3
    got = outputs(made, x=X, target=y)
    assert (got["p"] == outputs(model, x=X)["p"]).all()
    assert got["loss"] == pytest.approx(softxent.cross_entropy(got["z"], y), rel=1e-5)


@pytest.mark.parametrize("kind", ["dynamic", "QDQ", "QOperator"])
def test_quantised_graphs_get_a_loss(kind, tmp_path, out, rng):
    torch = pytest.importorskip("torch")

    def images(seed: int, rows: int = 1) -> np.ndarray:
        return np.random.default_rng(seed).standard_normal((rows, *IMAGE)).astype(np.float32)

    exported = from_torch(
        residual_net(), tmp_path / "net.onnx", torch.from_numpy(images(0, 2)), dynamo=False
    )
    attach_loss(quantised(exported, kind, images), None, out)
    X, y = images(5, 8), np.arange(8) % CLASSES
    got = outputs(onnx.load(out), input0=X, target=y)
    logits = next(value for value in got.values() if np.shape(value) == (8, CLASSES))
    assert np.isfinite(got["loss"]) and logits.dtype == np.float32
    report = verify(out, X, y, batch_sizes=())
    assert report.passed, str(report)


@pytest.mark.parametrize("dynamo", [False, True], ids=["torchscript", "dynamo"])
def test_a_fixed_batch_stays_fixed(dynamo, tmp_path, out, rng):
    torch = pytest.importorskip("torch")
    images = rng.standard_normal((1, *IMAGE)).astype(np.float32)
    net = residual_net()
    path = from_torch(
        net, tmp_path / "net.onnx", torch.from_numpy(images), dynamo=dynamo, free_batch=False
    )
    attach_loss(path, None, out, label_smoothing=0.2)
    made = onnx.load(out)
    name = made.graph.input[0].name
    got = outputs(made, **{name: images, "target": np.array([2])})
    logits = net(torch.from_numpy(images)).detach().numpy()
    expected = softxent.cross_entropy(logits, [2], label_smoothing=0.2)
    assert got["loss"] == pytest.approx(expected, rel=1e-4)


def test_logits_inside_a_linear_classifier(path, out):
    linear = pytest.importorskip("sklearn.linear_model")
    X, y = iris()
    estimator = linear.LogisticRegression(max_iter=500)
    model = from_sklearn(estimator, X, y, zipmap=False)
    with pytest.raises(ValueError, match=r"already.*the logits are inside the node"):
        attached(model, path, out, "probabilities")
    made = attached(model, path, out)
    assert metadata.read(made).class_names == ("setosa", "versicolor", "virginica")
    labels = np.searchsorted(estimator.classes_, y)
    got = outputs(made, X=X, target=labels)
    expected = softxent.nll_loss(estimator.predict_log_proba(X), labels)
    assert got["loss"] == pytest.approx(expected, rel=1e-4)
    assert (got["label"] == estimator.predict(X)).all()
    report = verify(out, X, labels, batch_sizes=())
    assert report.passed, str(report)


@pytest.mark.parametrize("classes", [2, 3])
def test_a_loss_on_a_linear_classifier_leaves_its_predictions_as_they_are(classes, path, out):
    """The second node of the same parameters is not a second choice."""
    linear = pytest.importorskip("sklearn.linear_model")
    X, y = iris()
    X, y = X[: 50 * classes], y[: 50 * classes]
    estimator = linear.LogisticRegression(max_iter=500)
    made = attached(from_sklearn(estimator, X, y, zipmap=False), path, out)
    parts = anatomy(made)
    assert parts.logits.name == metadata.read(made).logits
    roles = {output.name: output.role for output in parts.outputs}
    assert roles["probabilities"] == "probabilities" and roles["label"] == "label"
    p = Classifier(out).predict_proba(X)
    np.testing.assert_allclose(p, estimator.predict_proba(X), atol=1e-5)
    attach_loss(out, None, path, rename=True)
    assert metadata.read(onnx.load(path)).logits == parts.logits.name


def test_forests_have_no_logits(path, out):
    ensemble = pytest.importorskip("sklearn.ensemble")
    X, y = iris()
    model = from_sklearn(ensemble.RandomForestClassifier(3, random_state=0), X, y, zipmap=False)
    with pytest.raises(ValueError, match="computed by TreeEnsembleClassifier, from no logits"):
        attached(model, path, out)
    with pytest.raises(ValueError, match="'probabilities' is probabilities already"):
        attached(model, path, out, "probabilities")


@pytest.mark.parametrize("column", [True, False], ids=["(n, 1)", "(n,)"])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize(
    "options",
    [{}, {"weight": [1, 3]}, {"label_smoothing": 0.2, "reduction": "none"}, {"reduction": "sum"}],
    ids=str,
)
def test_one_logit_gets_the_binary_loss(options, dtype, column, path, out, rng):
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    nodes = [node("MatMul", "x v", "column"), node("Squeeze", "column one", "row")]
    name, shape = ("column", ("n", 1)) if column else ("row", ("n",))
    stored = {"v": np.ones((4, 1), dtype), "one": np.array([1], np.int64)}
    model = classifier(nodes, [(name, kind, shape)], inputs=[("x", kind, ("n", 4))], stored=stored)
    made = attached(model, path, out, **options)
    assert metadata.read(made).binary
    X, t = features(rng).astype(dtype), np.array([0, 1, 1, 0, 0.25, 1], dtype)
    got = outputs(made, x=X, target=t)
    z = got[name].reshape(-1)
    expected = _binary_loss(z.astype(np.float64), t.astype(np.float64), **options)
    np.testing.assert_allclose(got["loss"], expected, rtol=2e-6)
    assert got["loss"].dtype == (np.float32 if dtype == np.float16 else dtype)
    assert got["log_probabilities"].shape == (6,)
    tolerance = 1e-3 if dtype == np.float16 else 1e-6
    np.testing.assert_allclose(got["log_probabilities"], softxent.log_sigmoid(z), rtol=tolerance)
    report = verify(out, X, t, batch_sizes=(), stress=True)
    assert report.passed, str(report)
    assert not verify(out, X, t, batch_sizes=(), expect={"label_smoothing": 0.5}).passed


def _binary_loss(z, t, *, weight=(1, 1), label_smoothing=0.0, reduction="mean"):
    t = t * (1 - label_smoothing) + label_smoothing / 2
    rows = weight[1] * t * np.logaddexp(0, -z) + weight[0] * (1 - t) * np.logaddexp(0, z)
    return {"mean": rows.mean(), "sum": rows.sum(), "none": rows}[reduction]


def test_a_sigmoid_in_front_of_the_output_is_seen(path, out, rng):
    stored = {"w": np.ones((4, 1), np.float32)}
    model = classifier([SCORES, node("Sigmoid", "z", "p")], [("p", FLOAT, None)], stored=stored)
    made = attached(model, path, out)
    assert metadata.read(made).binary and metadata.read(made).logits == "z"


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"ignore_index": 1}, "ignore_index must be None for one logit per sample"),
        ({"weight": [1, 2, 3]}, "expected 2, got 3"),
        ({"num_classes": 3}, "num_classes=3, but 'z' is one logit of two classes"),
        ({"class_names": ["a"]}, "must have 2 names, got 1"),
    ],
)
def test_options_that_do_not_suit_one_logit_are_refused(options, match, path, out):
    stored = {"w": np.ones((4, 1), np.float32)}
    model = classifier([SCORES], [("z", FLOAT, ("n", 1))], stored=stored)
    with pytest.raises(ValueError, match=match):
        attached(model, path, out, **options)
    assert not out.exists()


def test_several_sigmoids_are_not_one_choice(path, out, rng):
    model = classifier([SCORES, node("Sigmoid", "z", "p")], [("p", FLOAT, ("n", 3))])
    with pytest.raises(ValueError, match="may have several labels"):
        attached(model, path, out)
    attached(model, path, out, "z")


def test_a_free_number_of_classes_has_to_be_given(path, out, rng):
    inputs = [("x", FLOAT, ("n", 4)), ("v", FLOAT, (4, "classes"))]
    model = classifier(
        [node("MatMul", "x v", "z")], [("z", FLOAT, ("n", "classes"))], inputs=inputs
    )
    with pytest.raises(ValueError, match="how many classes 'z' has"):
        attached(model, path, out, "z")
    made = attached(model, path, out, "z", num_classes=3)
    X, y, v = features(rng), np.arange(6) % 3, np.ones((4, 3), np.float32)
    loss = outputs(made, x=X, target=y, v=v)["loss"]
    assert loss == pytest.approx(np.log(3), rel=1e-6)


def test_classes_along_the_first_axis_are_refused(path, out):
    model = classifier([SCORES, node("Softmax", "z", "p", axis=0)], [("p", FLOAT, ("n", 3))])
    with pytest.raises(ValueError, match="the classes of 'z' come first"):
        attached(model, path, out)


def test_a_graph_without_a_row_per_sample_is_refused(path, out):
    model = classifier([SCORES], [("z", FLOAT, (3,))], inputs=[("x", FLOAT, (4,))])
    with pytest.raises(ValueError, match="'z' has 3 rows for 4 samples"):
        attached(model, path, out)


def test_an_only_output_of_an_operator_that_makes_no_logits_is_not_taken(path, out):
    nodes = [SCORES, node("TopK", "z one", "value index")]
    stored = {"one": np.array([1], np.int64)}
    wanted = [("value", FLOAT, ("n", 1)), ("index", TensorProto.INT64, ("n", 1))]
    with pytest.raises(ValueError, match="computed by TopK"):
        attached(classifier(nodes, wanted, stored=stored), path, out)
