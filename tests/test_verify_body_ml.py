"""Rules of ai.onnx.ml: pipelines as skl2onnx writes them are within their bounds."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("onnxruntime")
pytest.importorskip("sklearn")
pytest.importorskip("skl2onnx")

from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, Normalizer, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from foreign_models import from_sklearn, iris, outputs
from softxent.verify.body import evaluate

PIPELINES = [
    LogisticRegression(),
    make_pipeline(StandardScaler(), LogisticRegression()),
    make_pipeline(Normalizer("l1"), LogisticRegression()),
    make_pipeline(Normalizer("l2"), MinMaxScaler(), LogisticRegression()),
    make_pipeline(StandardScaler(), MLPClassifier((8, 6), max_iter=200, random_state=0)),
    MLPClassifier((5,), activation="logistic", max_iter=100, random_state=0),
    GaussianNB(),
    DecisionTreeClassifier(random_state=0),
    RandomForestClassifier(8, random_state=0),
    make_pipeline(StandardScaler(), RandomForestClassifier(8, random_state=0)),
    GradientBoostingClassifier(n_estimators=5, random_state=0),
]


def check(model, X, doubtful: float = 0.02) -> tuple[str, ...]:
    got = outputs(model, X=X)
    found = evaluate(model, {"X": X}, [output.name for output in model.graph.output])
    for name, value in got.items():
        bounded = found.values[name]
        if isinstance(value, list):
            value = np.array([list(row.values()) for row in value], np.float32)
        value = np.asarray(value)
        assert value.shape == bounded.value.shape
        assert np.mean(np.asarray(bounded.e) > 0.1) <= doubtful
        if value.dtype.kind in "OU":
            assert ((value == bounded.value) | (np.asarray(bounded.e) > 0)).all()
        else:
            assert (np.abs(value.astype(np.float64) - bounded.value) <= bounded.e).all()
    return found.estimates


@pytest.mark.parametrize("zipmap", [False, True])
@pytest.mark.parametrize("texts", [False, True])
@pytest.mark.parametrize("pipeline", PIPELINES, ids=lambda p: "-".join(
    type(step).__name__ for step in getattr(p, "named_steps", {"": p}).values()))  # fmt: skip
def test_pipelines_are_bounded(pipeline, texts, zipmap):
    X, names = iris()
    y = names if texts else np.unique(names, return_inverse=True)[1]
    estimates = check(from_sklearn(pipeline, X, y, zipmap=zipmap), X)
    assert not estimates


def test_two_classes_are_bounded():
    X, names = iris()
    for estimator in (LogisticRegression(), RandomForestClassifier(4, random_state=0),
                      MLPClassifier((4,), max_iter=50, random_state=0)):  # fmt: skip
        check(from_sklearn(estimator, X[:100], names[:100], zipmap=False), X)


def test_regressions_are_bounded():
    X, names = iris()
    y = np.unique(names, return_inverse=True)[1]
    check(from_sklearn(make_pipeline(StandardScaler(), LinearRegression()), X, y), X)


def test_a_row_at_a_threshold_is_in_doubt():
    """A scaled feature is rounded; a row whose feature is the threshold may go either way."""
    X, names = iris()
    pipeline = make_pipeline(StandardScaler(), DecisionTreeClassifier(max_depth=1))
    model = from_sklearn(pipeline, X, names, zipmap=False)
    scaler, tree = pipeline[0], pipeline[-1].tree_
    feature = int(tree.feature[0])
    row = X[:1].copy()
    row[0, feature] = tree.threshold[0] * scaler.scale_[feature] + scaler.mean_[feature]
    found = evaluate(model, {"X": row}, ["label", "probabilities"]).values
    assert np.isinf(found["label"].e).all()
    assert found["probabilities"].e.max() > 0.4
    # The other leaf has as many of one class as of the other.
    sure = evaluate(model, {"X": X}, ["label"]).values["label"]
    assert not np.any(sure.e[names == "setosa"])
