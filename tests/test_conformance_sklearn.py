"""scikit-learn's HalfMultinomialLoss and HalfBinomialLoss: losses, gradients and Hessians."""

from __future__ import annotations

import numpy as np
import pytest

import softxent as sx

losses = pytest.importorskip(
    "sklearn._loss.loss", reason="scikit-learn is not installed: its losses are not compared"
)

# scikit-learn computes in the precision of the input, without care for the last digits.
TOLERANCE = {np.float64: {"rtol": 1e-12, "atol": 1e-14}, np.float32: {"rtol": 2e-5, "atol": 1e-6}}

dtypes = pytest.mark.parametrize("dtype", TOLERANCE)
weighting = pytest.mark.parametrize("weighted", [False, True])


def row_weights(weighted: bool, count: int, dtype: type, rng) -> np.ndarray | None:
    return rng.uniform(0.5, 2, size=count).astype(dtype) if weighted else None


@pytest.mark.conformance("scikit-learn HalfMultinomialLoss")
@dtypes
@weighting
@pytest.mark.parametrize("classes", [3, 4, 10, 50])
def test_multinomial(classes: int, weighted: bool, dtype: type, rng) -> None:
    loss = losses.HalfMultinomialLoss(n_classes=classes)
    raw = (rng.normal(size=(40, classes)) * 4).astype(dtype)
    y = rng.integers(0, classes, size=40)
    weight = row_weights(weighted, 40, dtype, rng)
    arguments = {"y_true": y.astype(dtype), "raw_prediction": raw, "sample_weight": weight}
    options = {"sample_weight": weight, "reduction": "none"}
    value, grad = sx.cross_entropy_and_grad(raw, y, **options)
    assert np.allclose(value, loss.loss(**arguments), **TOLERANCE[dtype])
    expected_value, expected_grad = loss.loss_gradient(**arguments)
    assert np.allclose(value, expected_value, **TOLERANCE[dtype])
    assert np.allclose(grad, expected_grad, **TOLERANCE[dtype])
    expected_grad, expected_hess = loss.gradient_hessian(**arguments)
    grad, hess = sx.cross_entropy_grad_hess(raw, y, **options)
    assert np.allclose(grad, expected_grad, **TOLERANCE[dtype])
    assert np.allclose(hess, expected_hess, **TOLERANCE[dtype])
    assert np.allclose(sx.softmax(raw), loss.predict_proba(raw), **TOLERANCE[dtype])


@pytest.mark.conformance("scikit-learn HalfMultinomialLoss")
@weighting
def test_multinomial_mean_is_the_weighted_average(weighted: bool, rng) -> None:
    loss = losses.HalfMultinomialLoss(n_classes=5)
    raw, y = rng.normal(size=(40, 5)), rng.integers(0, 5, size=40)
    weight = row_weights(weighted, 40, np.float64, rng)
    expected = loss(y_true=y.astype(float), raw_prediction=raw, sample_weight=weight)
    assert sx.cross_entropy(raw, y, sample_weight=weight) == pytest.approx(expected, rel=1e-13)


@pytest.mark.conformance("scikit-learn HalfBinomialLoss")
@dtypes
@weighting
@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("scale", [1, 30])
def test_binomial(scale: float, soft: bool, weighted: bool, dtype: type, rng) -> None:
    loss = losses.HalfBinomialLoss()
    raw = (rng.normal(size=60) * scale).astype(dtype)
    y = rng.uniform(size=60) if soft else rng.integers(0, 2, size=60)
    y = y.astype(dtype)
    weight = row_weights(weighted, 60, dtype, rng)
    arguments = {"y_true": y, "raw_prediction": raw, "sample_weight": weight}
    options = {"weight": weight, "reduction": "none"}
    value, grad = sx.binary_cross_entropy_and_grad(raw, y, **options)
    expected_value, expected_grad = loss.loss_gradient(**arguments)
    assert np.allclose(value, expected_value, **TOLERANCE[dtype])
    assert np.allclose(grad, expected_grad, **TOLERANCE[dtype])
    expected_grad, expected_hess = loss.gradient_hessian(**arguments)
    grad, hess = sx.binary_cross_entropy_grad_hess(raw, y, **options)
    assert np.allclose(grad, expected_grad, **TOLERANCE[dtype])
    assert np.allclose(hess, expected_hess, **TOLERANCE[dtype])
    assert np.allclose(sx.sigmoid(raw), loss.predict_proba(raw)[:, 1], **TOLERANCE[dtype])
