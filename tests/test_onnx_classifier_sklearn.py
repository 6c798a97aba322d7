"""Classifiers of scikit-learn as skl2onnx writes them: right, or without probabilities."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import softxent
from foreign_models import from_sklearn, iris, outputs
from softxent.onnx import Classifier

pytest.importorskip("skl2onnx")

from estimators import WITH, WITHOUT, linear_model

#: Those of `WITH` that skl2onnx writes with raw scores on request.
RAW = (
    "logistic sgd",
    "Platt-scaled",
    "boosting",
    "adaptive boosting",
    "bagging",
    "neighbours",
    "one against the rest",
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.onnx"


def data(classes: int) -> tuple[np.ndarray, np.ndarray]:
    X, y = iris()
    return X[-50 * classes :], y[-50 * classes :]


def opened(
    estimator: Any, classes: int, path: Path, **options: Any
) -> tuple[Classifier, np.ndarray, list[Any]]:
    """A model, samples, and the outputs of the file: labels and scores or probabilities."""
    X, y = data(classes)
    model = from_sklearn(estimator, X, y, **options)
    path.write_bytes(model.SerializeToString())
    return Classifier(path), X, list(outputs(model, X=X).values())


def named(found: Classifier, X: np.ndarray) -> np.ndarray:
    return np.array(found.class_names)[found.predict(X)]


@pytest.mark.parametrize("zipmap", [True, False])
@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("make", WITH.values(), ids=WITH)
def test_probabilities_and_labels_are_those_of_the_file(make, classes, zipmap, path):
    found, X, (labels, p) = opened(make(), classes, path, zipmap=zipmap)
    if zipmap:
        p = np.array([[row[name] for name in found.class_names] for row in p])
    np.testing.assert_allclose(found.predict_proba(X), p, atol=1e-5)
    assert (named(found, X) == labels).all() and not found.notes


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("make", WITHOUT.values(), ids=WITHOUT)
def test_scores_do_not_become_probabilities(make, classes, path):
    found, X, (labels, _) = opened(make(), classes, path, zipmap=False)
    assert found.decide(X).probabilities is None
    assert (named(found, X) == labels).all()


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("name", RAW)
def test_raw_scores_become_no_wrong_probabilities(name, classes, path):
    """Of one logit the file has the columns -z and z, whose softmax is another probability."""
    estimator = WITH[name]()
    found, X, (labels, _) = opened(estimator, classes, path, zipmap=False, raw_scores=True)
    decision = found.decide(X)
    assert (named(found, X) == labels).all()
    if decision.probabilities is not None:
        np.testing.assert_allclose(decision.probabilities, estimator.predict_proba(X), atol=1e-5)


@pytest.mark.parametrize("classes", [2, 3])
def test_raw_scores_that_are_said_to_be_logits_are_some(classes, path):
    estimator = linear_model.LogisticRegression(max_iter=500)
    found, X, _ = opened(estimator, classes, path, zipmap=False, raw_scores=True)
    assert "logits=probabilities" in found.notes[0]
    if classes == 2:
        with pytest.raises(ValueError, match="'probabilities' is minus and plus one logit"):
            Classifier(path, logits="probabilities")
    else:
        p = Classifier(path, logits="probabilities").predict_proba(X)
        np.testing.assert_allclose(p, estimator.predict_proba(X), atol=1e-5)


def test_one_logit_written_twice_is_found(path):
    """A machine with margins: -z and z side by side, an argmax of both."""
    estimator = linear_model.SGDClassifier(loss="log_loss", random_state=0)
    found, X, (_, scores) = opened(estimator, 2, path, zipmap=False, raw_scores=True)
    with pytest.raises(ValueError, match="the logits in front are 'score'"):
        Classifier(path, logits="probabilities")
    p = Classifier(path, logits="score").predict_proba(X)
    np.testing.assert_allclose(p[:, 1], softxent.sigmoid(scores[:, 1]), rtol=1e-5)
    assert found.decide(X).probabilities is None
