"""What decides the class of a sample: logits, one logit, probabilities, or the graph itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto

import softxent
from classifiers import SCORES, check, features, node, opened
from foreign_models import classifier, outputs
from softxent.onnx import ModelError, NotUnderstoodError

FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.onnx"


@pytest.mark.parametrize(
    "tail",
    [
        [node("Softmax", "z", "p")],
        [node("LogSoftmax", "z", "p")],
        [node("Softmax", "z", "q"), node("Cast", "q", "p", to=10)],
        [node("Exp", "z", "e"), node("ReduceSum", "e one", "s"), node("Div", "e s", "p")],
    ],
)
def test_probabilities_come_from_the_logits_natively(tail, path, rng):
    kind = TensorProto.FLOAT16 if tail[-1].op_type == "Cast" else FLOAT
    stored = {"one": np.array([1], np.int64)}
    model = classifier([SCORES, *tail], [("p", kind, ("n", 3))], stored=stored)
    X = features(rng) * 10
    got = opened(model, path).predict_proba(X)
    weight = onnx.numpy_helper.to_array(model.graph.initializer[0])
    # Small probabilities keep their digits, which none of the outputs has in float16.
    assert got.dtype == np.float32 and got.min() < 1e-9
    np.testing.assert_allclose(got, softxent.softmax(X @ weight), rtol=1e-4)


@pytest.mark.parametrize("shape", [("n",), ("n", 1)])
def test_one_logit_gives_two_probabilities(shape, path, rng):
    nodes = [node("MatMul", "x v", "c"), node("Squeeze", "c one", "s")]
    nodes.append(node("Sigmoid", "c" if len(shape) == 2 else "s", "p"))
    stored = {"v": np.ones((4, 1), np.float32), "one": np.array([1], np.int64)}
    model = classifier(nodes, [("p", FLOAT, shape)], stored=stored)
    X = features(rng) * 20
    p = softxent.sigmoid(np.stack([-X.sum(axis=1), X.sum(axis=1)], axis=1))
    check(opened(model, path), X, p)


def test_a_regression_is_not_reported_as_a_class(path, rng):
    stored = {"w": np.ones((4, 1), np.float32)}
    model = classifier([SCORES], [("z", FLOAT, ("n", 1))], stored=stored)
    with pytest.raises(NotUnderstoodError, match=r"logits=z says which"):
        opened(model, path)
    X = features(rng)
    found = opened(model, path, logits="z")
    assert (found.predict(X) == (X.sum(axis=1) > 0)).all()


def test_probabilities_without_a_softmax_are_not_taken_for_logits(path, rng):
    """A product with a matrix may mix probabilities, and nothing in the graph shows it."""
    nodes = [SCORES, node("Softmax", "z", "s"), node("MatMul", "s mix", "p")]
    stored = {"mix": np.full((3, 3), 0.1, np.float32) + 0.7 * np.eye(3, dtype=np.float32)}
    model = classifier(nodes, [("p", FLOAT, ("n", 3))], stored=stored)
    X = features(rng)
    with pytest.raises(NotUnderstoodError, match="rows of 'p' sum to 1"):
        opened(model, path).predict(X)
    p = outputs(model, x=X)["p"]
    check(opened(model, path, probabilities="p"), X, p)
    check(opened(model, path, logits="p"), X, softxent.softmax(p))


@pytest.mark.parametrize(
    ("tail", "match"),
    [
        ([node("Softmax", "z", "p"), node("Mul", "p half", "out")], "from probabilities"),
        ([node("Sigmoid", "z", "out")], "may have several labels"),
        ([node("Tanh", "z", "out")], "computed by Tanh"),
        ([node("Secret", "z", "out", domain="custom")], "computed by Secret"),
    ],
)
def test_what_does_not_tell_the_classes_is_not_understood(tail, match, path):
    stored = {"half": np.array(0.5, np.float32)}
    model = classifier(
        [SCORES, *tail], [("out", FLOAT, ("n", 3))], stored=stored, domains={"custom": 1}
    )
    with pytest.raises(NotUnderstoodError, match=match):
        opened(model, path)


def test_given_probabilities_must_be_some(path, rng):
    model = classifier([SCORES], [("z", FLOAT, ("n", 3))])
    with pytest.raises(NotUnderstoodError, match="rows of 'z' are not between 0 and 1"):
        opened(model, path, probabilities="z").predict(features(rng))
    with pytest.raises(ValueError, match="no output 'p'; its outputs are z"):
        opened(model, path, probabilities="p")
    with pytest.raises(ValueError, match="cannot both be given"):
        opened(model, path, probabilities="z", logits="z")


def test_several_outputs_of_probabilities_without_logits_are_told_apart(path, rng):
    nodes = [node("Abs", "x", "a"), node("MatMul", "a u", "s"), node("MatMul", "a v", "t")]
    for name in "st":
        nodes.append(node("ReduceSum", f"{name} one", f"{name}_sum"))
        nodes.append(node("Div", f"{name} {name}_sum", f"{name}_p"))
    stored = {name: rng.random((4, 3)).astype(np.float32) for name in "uv"}
    stored["one"] = np.array([1], np.int64)
    wanted = [("s_p", FLOAT, ("n", 3)), ("t_p", FLOAT, ("n", 3))]
    model = classifier(nodes, wanted, stored=stored)
    with pytest.raises(NotUnderstoodError, match="probabilities=s_p or probabilities=t_p says"):
        opened(model, path)
    X = features(rng)
    check(opened(model, path, probabilities="t_p"), X, outputs(model, x=X)["t_p"])


def test_several_choices_per_sample_are_not_understood(path, rng):
    inputs = [("x", FLOAT, ("n", 4, 5, 5))]
    stored = {"k": np.ones((3, 4, 1, 1), np.float32)}
    model = classifier(
        [node("Conv", "x k", "z")], [("z", FLOAT, ("n", 3, 5, 5))], inputs=inputs, stored=stored
    )
    with pytest.raises(NotUnderstoodError, match="several choices per sample"):
        opened(model, path, logits="z").predict(rng.standard_normal((2, 4, 5, 5)))


def test_a_softmax_over_the_samples_is_not_understood(path, rng):
    model = classifier([SCORES, node("Softmax", "z", "p", axis=0)], [("p", FLOAT, ("n", 3))])
    with pytest.raises(NotUnderstoodError, match="classes along axis 0"):
        opened(model, path).predict(features(rng))


def test_nan_is_no_class(path):
    X = np.ones((3, 4))
    X[1] = np.nan
    with pytest.raises(ModelError, match="yields NaN for sample 1"):
        opened(classifier([SCORES], [("z", FLOAT, ("n", 3))]), path).predict(X)


def test_a_residual_connection_at_the_end_may_be_the_logits(path, rng):
    nodes = [SCORES, node("Relu", "z", "r"), node("MatMul", "r u", "v"), node("Add", "r v", "out")]
    stored = {"u": np.eye(3, dtype=np.float32)}
    model = classifier(nodes, [("out", FLOAT, ("n", 3))], stored=stored)
    X = features(rng)
    check(opened(model, path), X, softxent.softmax(outputs(model, x=X)["out"]))


@pytest.mark.parametrize("threshold", [0.3, 0.5])
def test_a_threshold_of_the_model_decides(threshold, path):
    stored = {"w": np.ones((4, 1), np.float32), "limit": np.array(threshold, np.float32)}
    nodes = [SCORES, node("Sigmoid", "z", "p"), node("Greater", "p limit", "b")]
    nodes.append(node("Cast", "b", "class", to=INT64))
    wanted = [("p", FLOAT, ("n", 1)), ("class", INT64, ("n", 1))]
    found = opened(classifier(nodes, wanted, stored=stored), path)
    X = np.array([[-2.0, 0, 0, 0], [-0.5, 0, 0, 0], [1, 0, 0, 0]])
    assert found.predict(X).tolist() == [0, int(threshold == 0.3), 1]
    np.testing.assert_allclose(found.predict_proba(X)[:, 1], softxent.sigmoid(X[:, 0]), rtol=1e-6)


def test_weighted_probabilities_decide_where_the_model_says_so(path):
    """A cost per class between the softmax and the argmax."""
    nodes = [SCORES, node("Softmax", "z", "p"), node("Mul", "p cost", "q")]
    nodes.append(node("ArgMax", "q", "class", axis=1, keepdims=0))
    stored = {"w": np.eye(4, 3, dtype=np.float32), "cost": np.array([1, 1, 5], np.float32)}
    wanted = [("p", FLOAT, ("n", 3)), ("class", INT64, ("n",))]
    found = opened(classifier(nodes, wanted, stored=stored), path)
    X = np.array([[1.0, 0, 0, 0], [9, 0, 0, 0]])
    assert found.predict(X).tolist() == [2, 0]
    np.testing.assert_allclose(found.predict_proba(X), softxent.softmax(X[:, :3]), rtol=1e-6)
