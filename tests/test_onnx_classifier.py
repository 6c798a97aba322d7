"""Any classifier's file run: shapes, types, batches, tables, inputs, and whose file it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

import softxent
from classifiers import SCORES, check, features, node, opened
from foreign_models import (
    IMAGE,
    classifier,
    from_sklearn,
    from_torch,
    iris,
    outputs,
    quantised,
    residual_net,
)
from onnx_tools import net2
from softxent.models import NeuralNet2
from softxent.onnx import Classifier, ModelError, NotUnderstoodError, attach_loss, export
from softxent.onnx.opening import open_model

FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.onnx"


@pytest.mark.parametrize("free_batch", [True, False], ids=["free", "fixed"])
@pytest.mark.parametrize("dynamo", [False, True], ids=["torchscript", "dynamo"])
@pytest.mark.parametrize("flat", [True, False], ids=["flat", "images"])
def test_a_convolutional_net(flat, dynamo, free_batch, path, rng):
    torch = pytest.importorskip("torch")
    net = residual_net()
    images = rng.standard_normal((7, *IMAGE)).astype(np.float32)
    samples = torch.from_numpy(images[: 2 if free_batch else 1])
    from_torch(net, path, samples, dynamo=dynamo, free_batch=free_batch)
    expected = torch.softmax(net(torch.from_numpy(images)), 1).detach().numpy()
    check(Classifier(path), images.reshape(7, -1) if flat else images, expected, 1e-5)


@pytest.mark.parametrize("rows", [1, 3, 4, 5, 9])
def test_a_fixed_batch_is_filled_up(rows, path, rng):
    model = classifier([SCORES], [("z", FLOAT, (4, 3))], inputs=[("x", FLOAT, (4, 4))])
    X = features(rng, rows)
    weight = onnx.numpy_helper.to_array(model.graph.initializer[0])
    check(opened(model, path), X, softxent.softmax(X @ weight))


def test_large_samples_go_in_several_batches(path, rng, monkeypatch):
    from softxent.onnx.classifier import feeding

    monkeypatch.setattr(feeding, "_BYTES_AT_ONCE", 100)
    model = classifier([SCORES], [("z", FLOAT, ("n", 3))])
    X = features(rng, 50)
    weight = onnx.numpy_helper.to_array(model.graph.initializer[0])
    check(opened(model, path), X, softxent.softmax(X @ weight))


@pytest.mark.parametrize("kind", ["dynamic", "QDQ", "QOperator"])
def test_quantised_nets(kind, path, rng):
    torch = pytest.importorskip("torch")

    def images(seed: int, rows: int = 1) -> np.ndarray:
        return np.random.default_rng(seed).standard_normal((rows, *IMAGE)).astype(np.float32)

    from_torch(residual_net(), path, torch.from_numpy(images(0, 2)), dynamo=False)
    X, small = images(5, 20), quantised(path, kind, images)
    logits = outputs(onnx.load(small), input0=X)
    check(Classifier(small), X, softxent.softmax(next(iter(logits.values()))))


@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_other_floating_types(dtype, path, rng):
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    stored = {"w": rng.standard_normal((4, 3)).astype(dtype)}
    model = classifier(
        [SCORES], [("z", kind, ("n", 3))], inputs=[("x", kind, ("n", 4))], stored=stored
    )
    X = features(rng)
    found = opened(model, path)
    expected = softxent.softmax((X.astype(dtype) @ stored["w"]).astype(np.float64))
    check(found, X, expected, 2e-3 if dtype == np.float16 else 1e-12)
    if dtype == np.float16:
        assert found.predict_proba(X).dtype == np.float32
        X[2, 1] = 1e6
        with pytest.raises(ValueError, match=r"the input x: 1e\+06 of sample 2 is too large"):
            found.predict(X)


def test_whole_numbers_are_not_rounded(path):
    nodes = [node("Cast", "x", "f", to=FLOAT), node("MatMul", "f w", "z")]
    inputs = [("x", TensorProto.UINT8, ("n", 4))]
    found = opened(classifier(nodes, [("z", FLOAT, ("n", 3))], inputs=inputs), path)
    assert found.takes_integers and found.predict(np.full((2, 4), 255.0)).shape == (2,)
    for bad in (0.5, 256, -1, np.nan):
        X = np.ones((3, 4))
        X[1, 2] = bad
        with pytest.raises(ValueError, match=r"of sample 1 does not fit into uint8"):
            found.predict(X)


def test_labels_that_are_numbers_are_names(path):
    linear = pytest.importorskip("sklearn.linear_model")
    X, y = iris()
    numbers = np.unique(y, return_inverse=True)[1] * 4 + 3
    estimator = linear.LogisticRegression(max_iter=500)
    found = opened(from_sklearn(estimator, X, numbers, zipmap=True), path)
    assert found.class_names == ("3", "7", "11")
    assert (np.array([3, 7, 11])[found.predict(X)] == estimator.predict(X)).all()


def test_every_column_an_input(path, rng):
    """As skl2onnx exports pipelines that start with a ColumnTransformer."""
    inputs = [(name, FLOAT, ("n", 1)) for name in ("age", "height", "weight", "shoe")]
    nodes = [node("Concat", "age height weight shoe", "x", axis=1), SCORES]
    model = classifier(nodes, [("z", FLOAT, ("n", 3))], inputs=inputs)
    found = opened(model, path)
    assert found.feature_names == ("age", "height", "weight", "shoe")
    X = features(rng)
    weight = onnx.numpy_helper.to_array(model.graph.initializer[0])
    check(found, X, softxent.softmax(X @ weight))
    with pytest.raises(ValueError, match=r"a column for each of the inputs age, height"):
        found.predict(X[:, :3])


def test_columns_of_a_table_are_matched_by_name(path, rng):
    pandas = pytest.importorskip("pandas")
    names = ("age", "height", "weight", "shoe")
    inputs = [(name, FLOAT, ("n", 1)) for name in names]
    model = classifier(
        [node("Concat", " ".join(names), "x", axis=1), SCORES],
        [("z", FLOAT, ("n", 3))],
        inputs=inputs,
    )
    found, X = opened(model, path), features(rng)
    table = pandas.DataFrame(X, columns=list(names))[["shoe", "weight", "age", "height"]]
    assert (found.predict_proba(table) == found.predict_proba(X)).all()
    with pytest.raises(ValueError, match=r"lacks.*shoe"):
        found.predict(table.drop(columns="shoe"))


def test_masked_samples_are_refused(path, rng):
    found = opened(classifier([SCORES], [("z", FLOAT, ("n", 3))]), path)
    with pytest.raises(TypeError, match="masked"):
        found.predict(np.ma.array(features(rng), mask=True))


def test_further_inputs_have_one_entry_per_sample_or_one_for_all(path, rng, monkeypatch):
    from softxent.onnx.classifier import feeding

    monkeypatch.setattr(feeding, "_BYTES_AT_ONCE", 50)
    nodes = [node("MatMul", "x w", "a"), node("Mul", "a scale", "b"), node("Add", "b shift", "z")]
    inputs = [("x", FLOAT, ("n", 4)), ("scale", FLOAT, ()), ("shift", FLOAT, ("n", 3))]
    model = classifier(nodes, [("z", FLOAT, ("n", 3))], inputs=inputs)
    found = opened(model, path)
    X, shift = features(rng, 9), rng.standard_normal((9, 3))
    weight = onnx.numpy_helper.to_array(model.graph.initializer[0])
    given = {"scale": [2.0], "shift": shift}
    expected = softxent.softmax((X @ weight) * 2 + shift)
    np.testing.assert_allclose(found.predict_proba(X, given), expected, atol=1e-5)
    with pytest.raises(NotUnderstoodError, match=r"inputs x, scale, shift.*must give the others"):
        found.predict(X)
    with pytest.raises(ValueError, match="no input 'offset', but x, scale, shift"):
        found.predict(X, {**given, "offset": 1})
    with pytest.raises(ValueError, match=r"input shift must have shape \(any, 3\), got \(9, 2\)"):
        found.predict(X, {**given, "shift": shift[:, :2]})
    with pytest.raises(ValueError, match="none is left for X"):
        found.predict(X, {**given, "x": X})


def test_a_target_is_not_needed_to_predict(path, tmp_path, rng):
    model = classifier([SCORES, node("Softmax", "z", "p")], [("p", FLOAT, ("n", 3))])
    path.write_bytes(model.SerializeToString())
    attach_loss(path, None, tmp_path / "loss.onnx")
    X = features(rng)
    check(Classifier(tmp_path / "loss.onnx"), X, Classifier(path).predict_proba(X))


def test_an_operator_that_onnxruntime_lacks_is_not_understood(path, rng):
    nodes = [node("Secret", "x", "h", domain="custom"), node("MatMul", "h w", "z")]
    found = opened(classifier(nodes, [("z", FLOAT, ("n", 3))], domains={"custom": 1}), path)
    with pytest.raises(NotUnderstoodError, match=r"onnxruntime cannot load the model.*Secret"):
        found.predict(features(rng))


def test_images_of_any_size_need_a_shape(path, rng):
    nodes = [node("GlobalAveragePool", "x", "g"), node("Flatten", "g", "f")]
    nodes.append(node("MatMul", "f w", "z"))
    inputs = [("x", FLOAT, ("n", 4, "h", "v"))]
    model = classifier(nodes, [("z", FLOAT, ("n", 3))], inputs=inputs)
    X = rng.standard_normal((2, 4, 3, 5))
    weight = onnx.numpy_helper.to_array(model.graph.initializer[0])
    expected = softxent.softmax(X.mean(axis=(2, 3)) @ weight)
    check(opened(model, path), X, expected)
    with pytest.raises(NotUnderstoodError, match=r"\(4, any, any\).*how 60 numbers.*shape must"):
        opened(model, path).predict(X.reshape(2, -1))
    check(opened(model, path, shape=(4, 3, 5)), X.reshape(2, -1), expected)
    with pytest.raises(ValueError, match="shape must be that of one sample"):
        opened(model, path, shape=(4, 3, 4)).predict(X.reshape(2, -1))


def test_channels_in_another_place_are_refused(path, rng):
    model = classifier(
        [node("Flatten", "x", "f"), node("MatMul", "f v", "z")],
        [("z", FLOAT, ("n", 3))],
        inputs=[("x", FLOAT, ("n", 3, 4, 4))],
        stored={"v": rng.standard_normal((48, 3)).astype(np.float32)},
    )
    with pytest.raises(ValueError, match=r"shape \(n, 3, 4, 4\), got \(2, 4, 4, 3\)"):
        opened(model, path).predict(np.ones((2, 4, 4, 3)))


@pytest.mark.parametrize(
    ("X", "error"),
    [
        (np.ones((2, 5)), ValueError),
        (np.ones((0, 4)), ValueError),
        (np.array(1.0), TypeError),
        (np.array([["a"]]), TypeError),
    ],
)
def test_samples_that_do_not_suit_the_model_are_refused(X, error, path):
    found = opened(classifier([SCORES], [("z", FLOAT, ("n", 3))]), path)
    with pytest.raises(error, match="X must"):
        found.predict(X)


def test_failures_of_the_runtime_are_errors_of_the_model(path):
    nodes = [node("Reshape", "x shape", "r"), node("MatMul", "r w", "z")]
    stored = {"shape": np.array([2, 4], np.int64)}
    found = opened(classifier(nodes, [("z", FLOAT, ("n", 3))], stored=stored), path)
    with pytest.raises(ModelError, match="onnxruntime fails"):
        found.predict(np.ones((3, 4)))


def test_networks_of_softxent_stay_native(path, tmp_path):
    export(net2(), path)
    assert isinstance(open_model(path), NeuralNet2)
    attach_loss(path, "logits", tmp_path / "loss.onnx")
    assert isinstance(open_model(tmp_path / "loss.onnx"), NeuralNet2)
    assert isinstance(open_model(path, logits="logits"), Classifier)


def test_a_file_that_claims_to_be_ours_must_be(path):
    export(net2(), path)
    model = onnx.load(path)
    next(n for n in model.graph.node if n.op_type == "Relu").op_type = "Elu"
    path.write_bytes(model.SerializeToString())
    with pytest.raises(ModelError):
        open_model(path)


@pytest.mark.parametrize("kind", ["dynamic", "QDQ", "QOperator"])
def test_a_quantised_network_of_softxent_is_run_as_it_is(kind, path, rng):
    """The quantiser keeps the metadata, by which the file says that it is the network."""
    net = net2()
    export(net, path)
    X = rng.standard_normal((20, 7)).astype(np.float32)
    found = open_model(quantised(path, kind, lambda i: X[i : i + 5]))
    assert isinstance(found, Classifier) and "was converted" in found.notes[0]
    np.testing.assert_allclose(found.predict_proba(X), net.predict_proba(X), atol=0.1)
