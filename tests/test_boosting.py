"""Objectives and metrics of softxent.boosting inside XGBoost and LightGBM, beside their own."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import softxent as sx
from softxent import boosting
from softxent.boosting import _conventions

sklearn_datasets = pytest.importorskip("sklearn.datasets")

LOADERS = {
    "wine": sklearn_datasets.load_wine,
    "digits": sklearn_datasets.load_digits,
    "breast cancer": sklearn_datasets.load_breast_cancer,
}
MULTICLASS = ("wine", "digits")
ROUNDS = 8
QUIET = {"verbosity": -1, "num_threads": 1}


@pytest.fixture
def xgboost() -> Any:
    return pytest.importorskip("xgboost", reason="XGBoost is not installed")


@pytest.fixture
def lightgbm() -> Any:
    return pytest.importorskip("lightgbm", reason="LightGBM is not installed")


def data(name: str, weighted: bool, rng) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    X, y = (part[:600] for part in LOADERS[name](return_X_y=True))
    return X, y, rng.uniform(0.5, 2, len(y)) if weighted else None


def nodes(dump: list[str]) -> tuple[list[Any], list[float]]:
    """The splits of all trees in order, and the values of all leaves."""
    splits: list[Any] = []
    leaves: list[float] = []

    def visit(node: dict[str, Any]) -> None:
        if "leaf" in node:
            splits.append("leaf")
            leaves.append(node["leaf"])
            return
        splits.append((node["split"], node["split_condition"], node["missing"]))
        for child in node["children"]:
            visit(child)

    for tree in dump:
        visit(json.loads(tree))
    return splits, leaves


def trees_are_equal(found: Any, expected: Any) -> bool:
    """Equal splits, and leaves up to the rounding of sums in float32."""
    (splits, leaves), (own_splits, own_leaves) = (
        nodes(booster.get_dump(dump_format="json")) for booster in (found, expected)
    )
    assert len(leaves) > ROUNDS
    return splits == own_splits and np.allclose(leaves, own_leaves, rtol=5e-5, atol=1e-7)


def base_score(booster: Any) -> list[float]:
    text = json.loads(booster.save_config())["learner"]["learner_model_param"]["base_score"]
    return [float(part) for part in text.strip("[]").split(",")]


# ---- the trees of the built-in objectives --------------------------------------------------------


@pytest.mark.conformance("trees of XGBoost's own objectives")
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("method", ["hist", "exact", "approx"])
@pytest.mark.parametrize("name", MULTICLASS)
def test_xgboost_multiclass(name: str, method: str, weighted: bool, xgboost, rng) -> None:
    X, y, weights = data(name, weighted, rng)
    train, count = xgboost.DMatrix(X, y, weight=weights), int(y.max()) + 1
    settings = {"num_class": count, "max_depth": 3, "tree_method": method, "nthread": 1}
    own = {**settings, "objective": "multi:softprob"}
    expected = xgboost.train({**own, "base_score": 0.5}, train, ROUNDS)
    found = xgboost.train(settings, train, ROUNDS, obj=boosting.xgboost_objective(count))
    assert trees_are_equal(found, expected)
    assert np.allclose(
        sx.softmax(found.predict(train, output_margin=True)), expected.predict(train), atol=1e-6
    )
    start = base_score(expected := xgboost.train(own, train, ROUNDS))
    if len(start) > 1:  # since 3.1 it starts from raw scores of its own
        settings["base_score"] = start
        found = xgboost.train(settings, train, ROUNDS, obj=boosting.xgboost_objective(count))
        assert trees_are_equal(found, expected)


@pytest.mark.conformance("trees of XGBoost's own objectives")
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("method", ["hist", "exact", "approx"])
def test_xgboost_binary(method: str, weighted: bool, xgboost, rng) -> None:
    X, y, weights = data("breast cancer", weighted, rng)
    train = xgboost.DMatrix(X, y, weight=weights)
    settings: dict[str, Any] = {"max_depth": 3, "tree_method": method, "nthread": 1}
    own = {**settings, "objective": "binary:logistic"}
    expected = xgboost.train(own, train, ROUNDS)
    (p,) = base_score(expected)
    if method != "approx":
        settings["base_score"] = float(np.log(p / (1 - p)))
        found = xgboost.train(settings, train, ROUNDS, obj=boosting.xgboost_binary_objective())
        assert trees_are_equal(found, expected)
    # A function alone is taken for squared error, whose Hessian "approx" leaves out as constant.
    own["base_score"] = p
    found = xgboost.train(own, train, ROUNDS, obj=boosting.xgboost_binary_objective())
    assert trees_are_equal(found, expected)
    assert np.allclose(found.predict(train), expected.predict(train), atol=1e-6)


@pytest.mark.conformance("trees of LightGBM's own objectives")
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kind", ["gbdt", "dart"])
@pytest.mark.parametrize("name", LOADERS)
def test_lightgbm(name: str, kind: str, weighted: bool, lightgbm, rng) -> None:
    X, y, weights = data(name, weighted, rng)
    settings: dict[str, Any] = {**QUIET, "boost_from_average": False, "boosting": kind}
    if kind == "dart":  # whose draws of trees to drop need not be the same: drop all of them
        settings.update(uniform_drop=True, drop_rate=1.0, skip_drop=0.0)
    if name in MULTICLASS:
        settings["num_class"] = int(y.max()) + 1
        own, ours = "multiclass", boosting.lightgbm_objective(settings["num_class"])
    else:
        own, ours = "binary", boosting.lightgbm_binary_objective()
    expected, found = (
        lightgbm.train(
            {**settings, "objective": objective}, lightgbm.Dataset(X, y, weight=weights), ROUNDS
        )
        for objective in (own, ours)
    )
    texts = [
        booster.model_to_string().partition("Tree=0")[2].partition("end of trees")[0]
        for booster in (found, expected)
    ]
    assert texts[0] == texts[1] != ""


# ---- the scikit-learn API ------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["wine", "breast cancer"])
def test_xgboost_classifier(name: str, xgboost, rng) -> None:
    X, y, weights = data(name, True, rng)
    multiclass = name in MULTICLASS
    objective = boosting.xgboost_objective(3) if multiclass else boosting.xgboost_binary_objective()
    settings = {"n_estimators": ROUNDS, "max_depth": 3, "base_score": 0.5, "n_jobs": 1}
    given = {"sample_weight": weights, "eval_set": [(X, y)], "verbose": False}
    expected = xgboost.XGBClassifier(
        **settings, eval_metric="mlogloss" if multiclass else "logloss"
    ).fit(X, y, **given)
    found = xgboost.XGBClassifier(
        **settings, objective=objective, eval_metric=boosting.xgboost_metric()
    ).fit(X, y, **given)
    assert trees_are_equal(found.get_booster(), expected.get_booster())
    assert np.allclose(found.predict_proba(X), expected.predict_proba(X), atol=1e-5)
    (own,) = expected.evals_result()["validation_0"].values()
    ours = found.evals_result()["validation_0"]["cross_entropy"]
    assert ours == pytest.approx(own, rel=1e-5)


@pytest.mark.filterwarnings("ignore:The argument 'eval_set' is deprecated")
@pytest.mark.parametrize("name", ["wine", "breast cancer"])
def test_lightgbm_classifier(name: str, lightgbm, rng) -> None:
    X, y, weights = data(name, True, rng)
    objective = (
        boosting.lightgbm_objective(3)
        if name in MULTICLASS
        else boosting.lightgbm_binary_objective()
    )
    settings = {"n_estimators": ROUNDS, "verbosity": -1, "n_jobs": 1, "boost_from_average": False}
    given = {"sample_weight": weights, "eval_set": [(X, y)]}
    metrics = boosting.lightgbm_metric(from_logits=False), boosting.lightgbm_metric()
    expected = lightgbm.LGBMClassifier(**settings).fit(X, y, **given, eval_metric=metrics[0])
    found = lightgbm.LGBMClassifier(**settings, objective=objective).fit(
        X, y, **given, eval_metric=metrics[1]
    )
    assert np.array_equal(found.predict(X, raw_score=True), expected.predict(X, raw_score=True))
    results = [model.evals_result_["training"]["cross_entropy"] for model in (found, expected)]
    assert results[0] == pytest.approx(results[1], rel=1e-9)


def test_metrics_of_the_learning_apis(xgboost, lightgbm, rng) -> None:
    X, y, weights = data("wine", True, rng)
    record: dict[str, Any] = {}
    train = xgboost.DMatrix(X, y, weight=weights)
    xgboost.train(
        {"num_class": 3, "nthread": 1, "disable_default_eval_metric": 1},
        train,
        2,
        obj=boosting.xgboost_objective(3),
        custom_metric=boosting.xgboost_metric(name="loss"),
        evals=[(train, "train")],
        evals_result=record,
        verbose_eval=False,
    )
    assert list(record["train"]) == ["loss"]
    recorder: dict[str, Any] = {}
    rows = lightgbm.Dataset(X, y, weight=weights)
    booster = lightgbm.train(
        {"objective": boosting.lightgbm_objective(3), "num_class": 3, **QUIET},
        rows,
        2,
        feval=boosting.lightgbm_metric(),
        valid_sets=[rows],
        callbacks=[lightgbm.record_evaluation(recorder)],
    )
    expected = sx.cross_entropy(booster.predict(X, raw_score=True), y, sample_weight=weights)
    assert recorder["training"]["cross_entropy"][-1] == pytest.approx(float(expected), rel=1e-6)


# ---- gradients and Hessians ----------------------------------------------------------------------


def smoothed_losses(scores: np.ndarray, targets: np.ndarray, weight: Any, smoothing: float) -> Any:
    soft = targets * (1 - smoothing) + smoothing / targets.shape[1]
    return -(soft * (1 if weight is None else weight) * sx.log_softmax(scores)).sum(axis=1)


@pytest.mark.parametrize("make", [boosting.xgboost_objective, boosting.lightgbm_objective])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("weight", [None, [1.0, 2.0, 0.5], {1: 2.0, 2: 0.5}])
@pytest.mark.parametrize("soft", [False, True])
def test_derivatives(make: Callable, smoothing: float, weight: Any, soft: bool, rng) -> None:
    scores, rows = rng.normal(size=(6, 3)), rng.uniform(0.5, 2, 6)
    labels = np.array([0, 1, 2, 1, 0, 2])
    targets = rng.dirichlet(np.ones(3), 6) if soft else np.eye(3)[labels]
    objective = make(
        3,
        hessian="diagonal",
        label_smoothing=smoothing,
        class_weight=weight,
        targets=targets if soft else None,
    )
    grad, hess = objective(labels.astype(np.float32), scores, rows)
    factors = None if weight is None else np.array([1.0, 2.0, 0.5])
    step = 1e-4
    for c in range(3):
        shift = step * np.eye(3)[c]
        below, here, above = (
            rows * smoothed_losses(moved, targets, factors, smoothing)
            for moved in (scores - shift, scores, scores + shift)
        )
        assert np.allclose(grad[:, c], (above - below) / (2 * step), atol=1e-6)
        assert np.allclose(hess[:, c], (above - 2 * here + below) / step**2, atol=1e-5)


@pytest.mark.parametrize("weight", [None, (3.0, 0.5), {1: 0.0}])
@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_binary_derivatives_are_those_of_two_classes(weight: Any, smoothing: float, rng) -> None:
    scores, t = rng.normal(size=8), rng.uniform(size=8)
    options = {"hessian": "diagonal", "label_smoothing": smoothing, "class_weight": weight}
    grad, hess = boosting.xgboost_binary_objective(**options)(t, scores)
    both = np.stack([np.zeros(8), scores], axis=1)
    multiclass = boosting.lightgbm_objective(2, targets=np.stack([1 - t, t], axis=1), **options)
    expected = [part[:, 1] for part in multiclass(t, both)]
    assert np.allclose(grad, expected[0], atol=1e-14)
    assert np.allclose(hess, expected[1], atol=1e-14)


def test_upper_bounds() -> None:
    for make, factor in ((boosting.xgboost_objective, 2.0), (boosting.lightgbm_objective, 1.25)):
        scores = np.zeros((1, 5))
        exact = make(5, hessian="diagonal")([0], scores)[1]
        assert np.allclose(make(5, hessian="upper")([0], scores)[1], factor * exact)


def test_sure_answers_keep_their_gradient() -> None:
    # XGBoost's own gradient, p - 1 in float32, is 0 there.
    scores = np.array([[20.0, 0.0, 0.0]], np.float32)
    grad, hess = boosting.xgboost_objective(3, hessian="diagonal")([0], scores)
    assert grad[0, 0] == pytest.approx(-4.1223e-09, rel=1e-4)
    assert hess.min() > 0


def test_soft_targets_in_training(xgboost, lightgbm, rng) -> None:
    X, y, _ = data("wine", False, rng)
    soft = 0.9 * np.eye(3)[y] + 0.1 / 3
    settings: dict[str, Any] = {"max_depth": 3, "nthread": 1, "base_score": 0.5}
    hard = xgboost.DMatrix(X, y)
    smoothed = boosting.xgboost_objective(3, label_smoothing=0.1)
    expected = xgboost.train({**settings, "num_class": 3}, hard, ROUNDS, obj=smoothed)
    replaced = boosting.xgboost_objective(3, targets=soft)
    found = xgboost.train({**settings, "num_class": 3}, hard, ROUNDS, obj=replaced)
    assert trees_are_equal(found, expected)
    labelled = xgboost.DMatrix(X, label=soft)
    found = xgboost.train(settings, labelled, ROUNDS, obj=boosting.xgboost_objective(3))
    assert trees_are_equal(found, expected)
    scores = [
        lightgbm.train(
            {"objective": objective, "num_class": 3, **QUIET},
            lightgbm.Dataset(X, y),
            ROUNDS,
        ).predict(X, raw_score=True)
        for objective in (
            boosting.lightgbm_objective(3, label_smoothing=0.1),
            boosting.lightgbm_objective(3, targets=soft),
        )
    ]
    assert np.allclose(*scores, atol=1e-6)


def test_the_convention_of_xgboost_is_asked_for(xgboost, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _conventions._of_xgboost() in (2.0, 1.0, "gradient")

    class Changed:
        covers: tuple[float, ...] = (0.75, 0.5, 0.25)

        def get_dump(self, **options: Any) -> list[str]:
            return [json.dumps({"cover": cover}) for cover in self.covers]

    monkeypatch.setattr(xgboost, "train", lambda *arguments: Changed())
    assert _conventions._of_xgboost.__wrapped__() == "gradient"
    Changed.covers = (0.1875, 0.25, 0.1875)
    assert _conventions._of_xgboost.__wrapped__() == 1.0
    Changed.covers = (7.0, 7.0, 7.0)
    with pytest.raises(RuntimeError, match="is not known: choose hessian="):
        _conventions._of_xgboost.__wrapped__()
    objective = boosting._objectives._Objective(3, "gradient", 0.0, None, None, 1e-16)
    grad, hess = objective([0, 1], np.zeros((2, 3), np.float32))
    assert np.array_equal(hess, np.abs(grad))


def test_objectives_can_be_pickled() -> None:
    for original in (
        boosting.lightgbm_objective(3, class_weight=[1, 2, 3]),
        boosting.lightgbm_binary_objective(label_smoothing=0.1),
    ):
        copy = pickle.loads(pickle.dumps(original))
        scores = np.ones((2, 3)) if original.num_class else np.ones(2)
        assert np.array_equal(copy([0, 1], scores), original([0, 1], scores))


def test_neither_library_is_imported(run_python) -> None:
    code = (
        "import sys, softxent.boosting as b\n"
        "b.lightgbm_objective(3), b.xgboost_binary_objective()\n"
        "b.xgboost_objective(3, hessian='upper')\n"
        "print({'xgboost', 'lightgbm', 'sklearn', 'scipy'} & set(sys.modules))"
    )
    assert run_python(code).strip() == "set()"
