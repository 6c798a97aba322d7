"""Anatomy of what PyTorch, skl2onnx and the quantiser of onnxruntime write."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

import softxent
from foreign_models import (
    CLASSES,
    IMAGE,
    from_sklearn,
    from_torch,
    iris,
    outputs,
    quantised,
    residual_net,
)
from softxent.onnx.anatomy import Anatomy, anatomy
from softxent.onnx.exposing import reduce_to, with_logits


def images(seed: int = 0, rows: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.standard_normal((rows, *IMAGE)).astype(np.float32)


def exposed(model: onnx.ModelProto, X: np.ndarray) -> tuple[Anatomy, np.ndarray]:
    """Anatomy of a model of one input, and its logits for some samples."""
    found = anatomy(model)
    assert found.logits is not None, found.gaps
    only = with_logits(model, found.logits)
    reduce_to(only, [found.logits.name])
    return found, outputs(only, **{found.features.name: X})[found.logits.name]


@pytest.mark.parametrize("free_batch", [True, False])
@pytest.mark.parametrize("dynamo", [False, True], ids=["torchscript", "dynamo"])
def test_torch_convolutional_nets(dynamo, free_batch, tmp_path):
    torch = pytest.importorskip("torch")
    net = residual_net()
    samples = torch.from_numpy(images(rows=2 if free_batch else 1))
    path = from_torch(net, tmp_path / "net.onnx", samples, dynamo=dynamo, free_batch=free_batch)
    found = anatomy(onnx.load(path))
    assert not found.gaps and found.logits.presumed
    assert (found.logits.axis, found.logits.num_classes) == (1, CLASSES)
    assert found.features.batch == (None if free_batch else 1)
    assert found.features.shape[1:] == IMAGE


@pytest.mark.parametrize("dynamo", [False, True], ids=["torchscript", "dynamo"])
def test_torch_losses_and_softmax(dynamo, tmp_path):
    torch = pytest.importorskip("torch")
    net = residual_net()

    class WithLoss(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.net = net

        def forward(self, x, y):
            z = self.net(x)
            return torch.nn.functional.cross_entropy(z, y, ignore_index=5), torch.softmax(z, 1)

    samples = torch.from_numpy(images(rows=2)), torch.tensor([0, 2])
    path = from_torch(WithLoss().eval(), tmp_path / "net.onnx", *samples, dynamo=dynamo)
    found = anatomy(onnx.load(path))
    assert [output.role for output in found.outputs] == ["loss", "probabilities"]
    assert found.losses[0].ignore_index == 5 and found.losses[0].reduction == "mean"
    assert found.features.shape[1:] == IMAGE and found.target.dtype == "int64"


@pytest.mark.parametrize("kind", ["dynamic", "QDQ", "QOperator"])
def test_quantised_nets(kind, tmp_path):
    torch = pytest.importorskip("torch")
    samples = torch.from_numpy(images(rows=2))
    path = from_torch(residual_net(), tmp_path / "net.onnx", samples, dynamo=False)
    found, logits = exposed(onnx.load(quantised(path, kind, images)), images(rows=3))
    assert found.logits.num_classes == CLASSES and logits.shape == (3, CLASSES)
    assert not found.gaps


@pytest.mark.parametrize("zipmap", [True, False])
@pytest.mark.parametrize("scaled", [True, False])
def test_logistic_regression(scaled, zipmap):
    linear = pytest.importorskip("sklearn.linear_model")
    X, y = iris()
    estimator = linear.LogisticRegression(max_iter=500)
    if scaled:
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        estimator = make_pipeline(StandardScaler(), estimator)
    found, logits = exposed(from_sklearn(estimator, X, y, zipmap=zipmap), X)
    assert found.class_names == ("setosa", "versicolor", "virginica")
    assert [output.role for output in found.outputs] == ["label", "probabilities"]
    assert found.logits.raw is not None
    np.testing.assert_allclose(softxent.softmax(logits), estimator.predict_proba(X), atol=1e-5)


def test_logistic_regression_of_two_classes_has_one_logit():
    linear = pytest.importorskip("sklearn.linear_model")
    X, y = iris()
    X, y = X[:100], y[:100]
    estimator = linear.LogisticRegression()
    found, logits = exposed(from_sklearn(estimator, X, y, zipmap=False), X)
    assert found.logits.kind == "binary" and logits.shape == (100, 1)
    assert found.outputs[1].pair
    expected = estimator.predict_proba(X)[:, 1:]
    np.testing.assert_allclose(softxent.sigmoid(logits), expected, atol=1e-5)


@pytest.mark.parametrize("classes", [2, 3])
def test_perceptrons(classes):
    network = pytest.importorskip("sklearn.neural_network")
    X, y = iris()
    X, y = X[: 50 * classes], y[: 50 * classes]
    estimator = network.MLPClassifier((5,), max_iter=30, random_state=0)
    found, logits = exposed(from_sklearn(estimator, X, y, zipmap=False), X)
    assert found.class_names == ("setosa", "versicolor", "virginica")[:classes]
    assert found.logits.kind == ("binary" if classes == 2 else "classes")
    native = softxent.sigmoid(logits) if classes == 2 else softxent.softmax(logits)
    expected = estimator.predict_proba(X)
    np.testing.assert_allclose(native, expected[:, 1:] if classes == 2 else expected, atol=1e-5)


def test_boosted_trees_and_naive_bayes_have_logits():
    ensemble = pytest.importorskip("sklearn.ensemble")
    from sklearn.naive_bayes import GaussianNB

    X, y = iris()
    boosted = ensemble.GradientBoostingClassifier(n_estimators=3, random_state=0)
    for estimator, tolerance in ((boosted, 1e-5), (GaussianNB(), 1e-3)):
        model = from_sklearn(estimator, X, y, zipmap=False)
        _, logits = exposed(model, X)
        expected = estimator.predict_proba(X)
        np.testing.assert_allclose(softxent.softmax(logits), expected, atol=tolerance)


def test_forests_and_vector_machines_have_probabilities_of_their_own():
    ensemble = pytest.importorskip("sklearn.ensemble")
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier

    X, y = iris()
    forest = ensemble.RandomForestClassifier(3, random_state=0)
    for estimator in (forest, OneVsRestClassifier(LogisticRegression())):
        found = anatomy(from_sklearn(estimator, X, y, zipmap=False))
        assert found.logits is None and found.gaps
        assert found.class_names == ("setosa", "versicolor", "virginica")
        assert [output.role for output in found.outputs] == ["label", "probabilities"]


def test_scores_that_are_no_logits_are_not_taken_for_them():
    """Adaptive boosting ends in an ArgMax of what it has normalised itself."""
    ensemble = pytest.importorskip("sklearn.ensemble")
    X, y = iris()
    estimator = ensemble.AdaBoostClassifier(n_estimators=2, random_state=0)
    found = anatomy(from_sklearn(estimator, X, y, zipmap=False))
    assert found.logits is None and found.gaps[0].option is None
    assert [output.role for output in found.outputs] == ["label", "scores"]
