"""MLPSoftmaxClassifier beside scikit-learn's MLPClassifier, and by scikit-learn's own checks."""

from __future__ import annotations

import functools
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import softxent as sx

pytest.importorskip("sklearn")

import joblib
from sklearn import config_context, datasets
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale
from sklearn.utils.estimator_checks import estimator_checks_generator

from softxent.sklearn import MLPSoftmaxClassifier

LOADERS = {
    "wine": datasets.load_wine,
    "breast cancer": datasets.load_breast_cancer,
    "digits": datasets.load_digits,
}
SHORT = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
pytestmark = SHORT


def data(name: str, dtype: Any = np.float64) -> tuple[np.ndarray, np.ndarray]:
    X, y = LOADERS[name](return_X_y=True)
    return scale(X).astype(dtype), y


@pytest.mark.conformance("scikit-learn check_estimator")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "check",
    [
        pytest.param(functools.partial(check, estimator), id=f"{position} {check.func.__name__}")
        for position, (estimator, check) in enumerate(
            estimator_checks_generator(MLPSoftmaxClassifier())
        )
    ],
)
def test_check_estimator(check: Callable[[], None]) -> None:
    check()


@pytest.mark.conformance("scikit-learn check_estimator")
def test_check_that_needs_the_array_api_switch(run_python) -> None:
    """`check_array_api_input` skips itself unless SCIPY_ARRAY_API is set before the import."""
    code = """
from sklearn.utils.estimator_checks import estimator_checks_generator
from softxent.sklearn import MLPSoftmaxClassifier
checks = [
    (check, estimator)
    for estimator, check in estimator_checks_generator(MLPSoftmaxClassifier())
    if check.func.__name__ == "check_array_api_input"
]
for check, estimator in checks:
    check(estimator)
print("passed", len(checks))
"""
    assert run_python(code, SCIPY_ARRAY_API="1").startswith("passed")


# ---- the same training ---------------------------------------------------------------------------

SETTINGS: dict[str, dict[str, Any]] = {
    "defaults": {"max_iter": 30},
    "no hidden layer": {"hidden_layer_sizes": (), "alpha": 1.0, "shuffle": False, "max_iter": 30},
    "layers, small batches": {
        "hidden_layer_sizes": (20, 10),
        "activation": "tanh",
        "batch_size": 32,
        "max_iter": 15,
    },
    "sgd": {"solver": "sgd", "learning_rate_init": 0.1, "max_iter": 40},
    "plain momentum": {"solver": "sgd", "nesterovs_momentum": False, "max_iter": 15},
    "inverse scaling": {
        "solver": "sgd",
        "learning_rate": "invscaling",
        "learning_rate_init": 0.2,
        "max_iter": 20,
    },
    "adaptive": {
        "solver": "sgd",
        "learning_rate": "adaptive",
        "learning_rate_init": 0.3,
        "n_iter_no_change": 2,
        "tol": 1e-2,
    },
    "early stopping": {
        "activation": "logistic",
        "early_stopping": True,
        "batch_size": 32,
        "solver": "sgd",
        "learning_rate_init": 0.1,
    },
}


@pytest.mark.parametrize("name", ["wine", "breast cancer"])
@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_training_is_that_of_mlpclassifier(settings: dict[str, Any], name: str) -> None:
    X, y = data(name)
    theirs = MLPClassifier(random_state=3, **settings).fit(X, y)
    ours = MLPSoftmaxClassifier(random_state=3, **settings).fit(X, y)
    assert ours.loss_curve_ == pytest.approx(theirs.loss_curve_, rel=1e-9)
    for found, expected in zip(
        [*ours.coefs_, *ours.intercepts_], [*theirs.coefs_, *theirs.intercepts_], strict=True
    ):
        assert np.allclose(found, expected, rtol=1e-7, atol=1e-9)
    assert np.allclose(ours.predict_proba(X), theirs.predict_proba(X), rtol=1e-7, atol=1e-12)
    for attribute in ("n_iter_", "t_", "n_layers_", "n_outputs_", "out_activation_"):
        assert getattr(ours, attribute) == getattr(theirs, attribute)
    for attribute in ("best_loss_", "validation_scores_", "best_validation_score_"):
        expected = getattr(theirs, attribute)
        assert getattr(ours, attribute) == (
            None if expected is None else pytest.approx(expected, rel=1e-9)
        )


@pytest.mark.parametrize("name", ["wine", "breast cancer"])
def test_sample_weights_are_those_of_mlpclassifier(name: str, rng) -> None:
    X, y = data(name)
    weights = rng.uniform(0.5, 2, len(X))
    theirs = MLPClassifier((10,), random_state=0, max_iter=20)
    try:
        theirs.fit(X, y, sample_weight=weights)
    except TypeError:
        pytest.skip("this scikit-learn's MLPClassifier has no sample weights")
    ours = MLPSoftmaxClassifier((10,), random_state=0, max_iter=20)
    assert ours.fit(X, y, weights).loss_curve_ == pytest.approx(theirs.loss_curve_, rel=1e-9)


@pytest.mark.parametrize("solver", ["adam", "sgd"])
@pytest.mark.parametrize("name", ["wine", "breast cancer"])
def test_partial_fit_and_warm_start(name: str, solver: str) -> None:
    X, y = data(name)
    for settings in ({}, {"warm_start": True, "max_iter": 3}):
        pair = [
            kind((10,), solver=solver, random_state=0, **settings)
            for kind in (MLPClassifier, MLPSoftmaxClassifier)
        ]
        for model in pair:
            for _ in range(4):
                if settings:
                    model.fit(X, y)
                else:
                    model.partial_fit(X, y, classes=np.unique(y))
        assert pair[1].loss_curve_ == pytest.approx(pair[0].loss_curve_, rel=1e-9)
        assert pair[1].n_iter_ == pair[0].n_iter_


@pytest.mark.parametrize("name", LOADERS)
def test_accuracy_under_cross_validation(name: str) -> None:
    X, y = LOADERS[name](return_X_y=True)
    settings: dict[str, Any] = {"learning_rate_init": 0.01, "max_iter": 30}
    accuracies = []
    for kind in (MLPClassifier, MLPSoftmaxClassifier):
        model = make_pipeline(StandardScaler(), kind((50,), **settings, random_state=0))
        accuracies.append(cross_val_score(model, X, y, cv=3).mean())
    assert accuracies[1] == pytest.approx(accuracies[0], abs=0.002)
    assert accuracies[1] > 0.93


# ---- what scikit-learn's has not -----------------------------------------------------------------


@pytest.mark.parametrize("name", ["wine", "breast cancer"])
def test_log_probabilities_keep_their_digits(name: str) -> None:
    X, y = data(name, np.float32)
    model = MLPSoftmaxClassifier(learning_rate_init=0.05, max_iter=60, random_state=0).fit(X, y)
    logits = model.decision_function(X).astype(np.float64)
    if logits.ndim == 1:
        exact = np.stack([sx.log_sigmoid(-logits), sx.log_sigmoid(logits)], axis=1)
    else:
        exact = sx.log_softmax(logits)
    found = model.predict_log_proba(X)
    assert found.dtype == np.float32
    assert np.allclose(found, exact, rtol=3e-7, atol=np.finfo(np.float32).smallest_subnormal)
    assert (found <= 0).all()
    # Rounded probabilities have lost them.
    assert (model.predict_proba(X) == 1).any()


def test_label_smoothing_is_minimised() -> None:
    X, y = data("wine")
    settings: dict[str, Any] = {"alpha": 0.0, "max_iter": 400, "learning_rate_init": 0.01}
    for smoothing in (0.0, 0.3):
        model = MLPSoftmaxClassifier((), label_smoothing=smoothing, random_state=0, **settings)
        model.fit(X, y)
        right = model.predict_proba(X)[np.arange(len(y)), y]
        assert (right.mean() > 0.95) == (smoothing == 0)
        expected = sx.cross_entropy(model.decision_function(X), y, label_smoothing=smoothing)
        assert model.loss_ == pytest.approx(expected, abs=2e-3)


def test_label_smoothing_of_two_classes() -> None:
    X, y = data("breast cancer")
    model = MLPSoftmaxClassifier((), label_smoothing=0.2, max_iter=100, random_state=0).fit(X, y)
    logits = model.decision_function(X)
    both = np.stack([np.zeros_like(logits), logits], axis=1)
    expected = sx.cross_entropy(both, y, label_smoothing=0.2)
    assert model.loss_ == pytest.approx(expected, abs=2e-3)


def test_class_weights_are_sample_weights() -> None:
    X, y = data("wine")
    labels = np.array(["a", "b", "c"])[y]
    factors = {"a": 3.0, "b": 1.0, "c": 0.0}
    settings: dict[str, Any] = {"hidden_layer_sizes": (5,), "max_iter": 10, "random_state": 0}
    weighted = MLPSoftmaxClassifier(class_weight=factors, **settings).fit(X, labels)
    plain = MLPSoftmaxClassifier(**settings)
    plain.fit(X, labels, [factors[label] for label in labels])
    assert weighted.loss_curve_ == plain.loss_curve_
    balanced = MLPSoftmaxClassifier(class_weight="balanced", **settings).fit(X, labels)
    plain.fit(X, labels, (len(y) / 3 / np.bincount(y))[y])
    assert balanced.loss_curve_ == pytest.approx(plain.loss_curve_)


# ---- scikit-learn's machinery --------------------------------------------------------------------


@pytest.mark.parametrize(
    "labels",
    [np.array(["a", "b", "c"]), np.array(["x", "y", "z"], object), np.array([7, -1, 30])],
)
def test_any_labels(labels: np.ndarray) -> None:
    X, y = data("wine")
    model = MLPSoftmaxClassifier(learning_rate_init=0.01, max_iter=30, random_state=0)
    model.fit(X, labels[y])
    assert model.predict(X).dtype == labels.dtype
    assert model.score(X, labels[y]) > 0.95
    assert model.net_.class_names == tuple(map(str, np.sort(labels)))


def test_two_labels_that_are_bool() -> None:
    X, y = data("breast cancer")
    model = MLPSoftmaxClassifier(max_iter=10, random_state=0).fit(X, y == 1)
    assert model.predict(X).dtype == bool
    assert model.predict_proba(X).sum(axis=1) == pytest.approx(1)


def test_tables_with_names() -> None:
    pandas = pytest.importorskip("pandas")
    frame, y = datasets.load_wine(return_X_y=True, as_frame=True)
    model = make_pipeline(StandardScaler(), MLPSoftmaxClassifier(max_iter=20, random_state=0))
    model.set_output(transform="pandas").fit(frame, y)
    classifier = model[-1]
    assert list(classifier.feature_names_in_) == list(frame.columns)
    assert classifier.net_.feature_names == tuple(frame.columns)
    shuffled = pandas.DataFrame(model[0].transform(frame)).iloc[:, ::-1]
    with pytest.raises(ValueError, match="feature names"):
        classifier.predict(shuffled)


def test_weights_are_routed(rng) -> None:
    X, y = rng.normal(size=(90, 3)), rng.integers(0, 3, size=90)
    settings: dict[str, Any] = {"hidden_layer_sizes": (), "learning_rate_init": 0.3, "max_iter": 40}
    with config_context(enable_metadata_routing=True):
        model = MLPSoftmaxClassifier(random_state=0, **settings)
        model.set_fit_request(sample_weight=True).set_score_request(sample_weight=False)
        weights = np.where(y == 0, 1.0, 0.0)
        found = cross_val_predict(model, X, y, params={"sample_weight": weights}, cv=3)
    assert (found == 0).mean() > 0.9


def test_grid_search() -> None:
    X, y = data("wine")
    grid = GridSearchCV(
        MLPSoftmaxClassifier(max_iter=5, random_state=0), {"hidden_layer_sizes": [(), (5,)]}, cv=2
    )
    assert set(grid.fit(X, y).best_params_) == {"hidden_layer_sizes"}


@pytest.mark.parametrize("name", ["wine", "breast cancer"])
def test_pickles_go_on_where_they_were(name: str, tmp_path) -> None:
    X, y = data(name)
    model = MLPSoftmaxClassifier((8,), random_state=0)
    for _ in range(3):
        model.partial_fit(X, y, classes=np.unique(y))
    joblib.dump(model, tmp_path / "model.joblib")
    copies = [pickle.loads(pickle.dumps(model)), joblib.load(tmp_path / "model.joblib")]
    model.partial_fit(X, y)
    for copy in copies:
        copy.partial_fit(X, y)
        assert np.array_equal(copy.predict_proba(X), model.predict_proba(X))
        assert copy.loss_curve_ == model.loss_curve_
    # Parameters and Adam's two means, once each.
    numbers = 3 * sum(part.size for part in model.net_.parameters.values())
    assert len(pickle.dumps(model)) < 8 * numbers + 3000


def test_warnings_and_prints(capsys) -> None:
    X, y = data("wine")
    with pytest.warns(ConvergenceWarning, match="max_iter=2 epochs were not enough"):
        MLPSoftmaxClassifier(max_iter=2, verbose=True, random_state=0).fit(X, y)
    assert capsys.readouterr().out.count("Iteration") == 2


# ---- errors --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameter", "value", "message"),
    [
        ("hidden_layer_sizes", (10, 0), r"hidden_layer_sizes\[1\] must be at least 1, got 0"),
        ("hidden_layer_sizes", "10", r"hidden_layer_sizes\[0\] must be an integer, got '10'"),
        ("activation", "sigmoid", "activation must be one of identity, logistic, tanh, relu"),
        ("solver", "lbfgs", "solver must be one of adam, sgd, got 'lbfgs'"),
        ("alpha", -1, "alpha must be in"),
        ("batch_size", 0, "batch_size must be at least 1"),
        ("learning_rate_init", 0, "learning_rate_init must be in"),
        ("max_iter", 0, "max_iter must be at least 1"),
        ("validation_fraction", 1.0, "validation_fraction must be in"),
        ("label_smoothing", 1.5, "label_smoothing must be in"),
        ("tol", None, "tol must be a number"),
        ("learning_rate", "adaptative", "learning_rate must be one of constant, invscaling"),
        ("momentum", 2.0, "momentum must be in"),
        ("beta_1", 1.0, "beta_1 must be in"),
    ],
)
def test_parameters(parameter: str, value: Any, message: str) -> None:
    X, y = data("wine")
    with pytest.raises((TypeError, ValueError), match=message):
        MLPSoftmaxClassifier(**{parameter: value}).fit(X, y)


def test_data_that_cannot_be_used() -> None:
    X, y = data("wine")
    model = MLPSoftmaxClassifier(max_iter=1)
    with pytest.raises(NotFittedError):
        model.to_onnx("never.onnx")
    with pytest.raises(ValueError, match="one class: 0"):
        model.fit(X, np.zeros(len(X), int))
    with pytest.raises(ValueError, match=r"y, sample 1: the label is missing \(None\)"):
        model.fit(X[:4], np.array(["red", None, "white", "red"], object))
    with pytest.raises(TypeError, match="X is a masked array, whose mask would be lost"):
        model.fit(np.ma.masked_array(X, X > 1), y)
    with pytest.raises(TypeError, match="y is a masked array"):
        model.fit(X, np.ma.masked_array(y, y > 1))
    with pytest.raises(ValueError, match="sample_weight must be finite"):
        model.fit(X, y, np.full(len(X), -1.0))
    with pytest.raises(ValueError, match="classes must be passed"):
        model.partial_fit(X, y)
    model.partial_fit(X, y, classes=[0, 1, 2])
    with pytest.raises(TypeError, match="X is a masked array"):
        model.predict(np.ma.masked_array(X, X > 1))
    with pytest.raises(ValueError, match="not the same as on last call"):
        model.partial_fit(X, y, classes=[0, 1, 2, 3])
    with pytest.raises(ValueError, match="unseen labels"):
        model.partial_fit(X, y + 1)
    with pytest.raises(ValueError, match=r"the loss is .* in epoch 2: scale"):
        MLPSoftmaxClassifier(solver="sgd", learning_rate_init=1e300, random_state=0).fit(X, y)
    with pytest.raises(ValueError, match="needs all labels"):
        MLPSoftmaxClassifier(class_weight="balanced").partial_fit(X, y, classes=[0, 1, 2])


def test_dask_arrays_are_refused_by_the_name_of_their_door() -> None:
    da = pytest.importorskip("dask.array")
    X, y = data("wine")
    model = MLPSoftmaxClassifier((), max_iter=2000, random_state=0)
    lazy, labels = da.from_array(X), da.from_array(y)
    for call in (
        lambda: model.fit(lazy, y),
        lambda: model.fit(X, labels),
        lambda: model.fit(X, y, sample_weight=da.ones(len(y))),
        lambda: model.fit(X, y).predict(lazy),
    ):
        with pytest.raises(TypeError, match=r"functions of softxent\.dask"):
            call()


@pytest.mark.parametrize("factor", [-1.0, np.nan, np.inf])
def test_a_wrong_class_weight_is_told_by_its_label(factor: float) -> None:
    X, y = data("wine")
    weights = {"a": 1, "b": factor, "c": 1}
    with pytest.raises(ValueError, match=f"class_weight is {factor} for the label 'b'"):
        MLPSoftmaxClassifier(class_weight=weights).fit(X, np.array(["a", "b", "c"])[y])
