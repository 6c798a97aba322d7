"""Golden values: numbers that anybody can check by hand or against a textbook."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest

import softxent as sx

PREDICTIONS = np.array([[0.1, 1, 2.1], [2, 1, 0.1], [0.1, 3, 0.1]])
BAD_PREDICTIONS = np.array([[2.1, 1, 0.1], [0.1, 1, 2.1], [0.1, 3, 0.1]])
LABELS = np.array([2, 0, 1])

SOFTMAX_VALUES = [
    ([2, 1, 0.1], [0.65900114, 0.24243297, 0.09856589]),
    (
        [1, 5, 6, 4, 2, 2.6, 6],
        [0.00263032, 0.14361082, 0.39037468, 0.05283147, 0.00714996, 0.01302808, 0.39037468],
    ),
]


@pytest.mark.parametrize(("logits", "expected"), SOFTMAX_VALUES)
def test_softmax_golden_values(logits: list[float], expected: list[float]) -> None:
    assert np.allclose(sx.softmax(logits), expected, rtol=0, atol=5e-9)


@pytest.mark.parametrize(
    ("probabilities", "expected"), [([0.7, 0.2, 0.1], 0.3567), ([0.1, 0.3, 0.6], 2.3026)]
)
def test_cross_entropy_golden_values_of_probabilities(probabilities, expected: float) -> None:
    one_hot = [1.0, 0.0, 0.0]
    loss = sx.cross_entropy(probabilities, one_hot, from_logits=False)
    assert round(float(loss), 4) == expected


@pytest.mark.parametrize(("logits", "expected"), [([2, 1, 0.1], 0.4170), ([0.5, 2, 0.3], 1.8406)])
def test_cross_entropy_golden_values_of_one_sample(logits: list[float], expected: float) -> None:
    assert round(float(sx.cross_entropy([logits], [0])), 4) == expected


@pytest.mark.parametrize(
    ("logits", "mean", "predicted"),
    [(PREDICTIONS, 0.3018, [2, 0, 1]), (BAD_PREDICTIONS, 1.6242, [0, 2, 1])],
)
def test_cross_entropy_golden_values_of_three_samples(logits, mean: float, predicted) -> None:
    assert round(float(sx.cross_entropy(logits, LABELS)), 4) == mean
    assert np.argmax(sx.softmax(logits), axis=-1).tolist() == predicted


@pytest.mark.parametrize(
    ("one_hot", "probabilities"), [(np.eye(3)[LABELS], PREDICTIONS), (np.eye(3), BAD_PREDICTIONS)]
)
def test_cross_entropy_of_one_hot_targets_equals_labels(one_hot, probabilities) -> None:
    labels = np.argmax(one_hot, axis=1)
    from_labels = sx.cross_entropy(probabilities, labels)
    assert sx.cross_entropy(probabilities, one_hot) == pytest.approx(from_labels, rel=1e-15)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_cross_entropy_confident_right_answer_keeps_its_gradient(dtype: type) -> None:
    loss, grad = sx.cross_entropy_and_grad(np.array([20, 0, 0], dtype), 0)
    assert loss == pytest.approx(4.1223e-09, rel=1e-5)
    assert grad[0] == pytest.approx(-4.1223e-09, rel=1e-5)
    assert grad[1] == grad[2] == pytest.approx(math.exp(-20), rel=1e-6)


def test_cross_entropy_confident_right_answer_down_to_subnormal_losses() -> None:
    loss, grad = sx.cross_entropy_and_grad(np.array([100, 0, 0], np.float32), 0)
    assert 0 < loss == pytest.approx(2 * math.exp(-100), rel=1e-1)
    assert grad[0] == -loss


def test_log_softmax_of_the_top_class_keeps_its_digits() -> None:
    value = sx.log_softmax(np.array([20, 0, 0], np.float32))[0]
    assert value == pytest.approx(-2 * math.exp(-20), rel=1e-6)


def test_logsumexp_values() -> None:
    assert sx.logsumexp([1000.0, 1000.0]) == pytest.approx(1000 + math.log(2), rel=1e-15)
    assert sx.logsumexp([0.0, -50.0]) == pytest.approx(math.exp(-50), rel=1e-15)
    assert sx.logsumexp([[0.0, 1.0], [2.0, 3.0]], axis=None).shape == ()
    kept = sx.logsumexp(np.zeros((2, 3, 4)), axis=(0, 2), keepdims=True)
    assert kept.shape == (1, 3, 1)
    assert np.allclose(kept, math.log(8), rtol=1e-15)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("axis", [0, 1])
def test_sums_of_equal_terms_fit_their_accumulators(dtype: type, axis: int) -> None:
    value = dtype(0.3465)  # exp has its largest mantissa before the next power of two
    labels = np.zeros(17, int)
    for classes in range(1, 1030):
        x = np.full((17, classes) if axis == 1 else (classes, 17), value)
        expected = np.float64(value) + np.log(classes)
        assert np.allclose(
            sx.logsumexp(x, axis=axis), expected, rtol=2 * np.finfo(dtype).eps, atol=0
        )
        assert np.allclose(
            sx.softmax(x, axis=axis), 1 / classes, rtol=2 * np.finfo(dtype).eps, atol=0
        )
        loss = sx.cross_entropy(x, labels, axis=axis, reduction="none")
        assert np.allclose(loss, np.log(classes), rtol=2 * np.finfo(dtype).eps, atol=0)


def test_logsumexp_with_factors_and_sign() -> None:
    value, sign = sx.logsumexp([1.0, 1.0, 1.0], b=[1, -1, -1], return_sign=True)
    assert (value, sign) == (pytest.approx(1.0), -1.0)
    assert np.isnan(sx.logsumexp([1.0, 1.0, 1.0], b=[1, -1, -1]))
    value, sign = sx.logsumexp([1.0, 1.0], b=[1, -1], return_sign=True)
    assert (value, sign) == (-np.inf, 0.0)
    for unused in (1e4, np.inf, np.nan):
        assert sx.logsumexp([1.0, unused], b=[1, 0]) == 1.0


def test_where_leaves_entries_out(rng: np.random.Generator) -> None:
    x = rng.normal(size=(3, 5))
    mask = np.array([True, False, True, True, False])
    assert np.array_equal(sx.softmax(x, where=mask)[:, mask], sx.softmax(x[:, mask]))
    assert np.all(sx.softmax(x, where=mask)[:, ~mask] == 0)
    assert np.array_equal(sx.log_softmax(x, where=mask)[:, mask], sx.log_softmax(x[:, mask]))
    assert np.all(sx.log_softmax(x, where=mask)[:, ~mask] == -np.inf)
    assert np.array_equal(sx.logsumexp(x, where=mask), sx.logsumexp(x[:, mask]))


def test_softmax_over_a_tuple_of_axes_is_that_of_the_flattened_row(rng) -> None:
    x = rng.normal(size=(2, 3, 4, 5)).astype(np.float32)
    row = np.moveaxis(x, (1, 3), (2, 3)).reshape(2, 4, 15)
    result = np.moveaxis(sx.softmax(x, axis=(1, 3)), (1, 3), (2, 3)).reshape(2, 4, 15)
    assert np.array_equal(result, sx.softmax(row))
    assert np.array_equal(sx.softmax(x, axis=None).ravel(), sx.softmax(x.ravel()))


def test_sigmoid_and_log_sigmoid_values() -> None:
    assert sx.sigmoid(0.0) == 0.5
    assert sx.log_sigmoid(0.0) == pytest.approx(-math.log(2), rel=1e-15)
    assert sx.sigmoid(np.float32(-100)) == pytest.approx(math.exp(-100), rel=1e-1)
    assert sx.log_sigmoid(40.0) == pytest.approx(-math.exp(-40), rel=1e-15)


def test_binary_cross_entropy_values() -> None:
    loss, grad = sx.binary_cross_entropy_and_grad([0.0, 0.0], [0, 1], reduction="none")
    assert np.allclose(loss, math.log(2), rtol=1e-15)
    assert grad.tolist() == [0.5, -0.5]
    clamped = sx.binary_cross_entropy([0.0, 1.0], [1, 0], reduction="none", from_logits=False)
    assert clamped.tolist() == [100.0, 100.0]
    confident = sx.binary_cross_entropy(np.float32(30), True)
    assert confident == pytest.approx(math.exp(-30), rel=1e-6)


def test_nll_loss_values() -> None:
    log_probs = np.log([[0.5, 0.25, 0.25], [0.1, 0.8, 0.1]])
    assert (
        sx.nll_loss(log_probs, [0, 1], reduction="none").tolist()
        == (-log_probs[[0, 1], [0, 1]]).tolist()
    )
    loss, grad = sx.nll_loss_and_grad(log_probs, [0, 1])
    assert loss == pytest.approx(-(math.log(0.5) + math.log(0.8)) / 2, rel=1e-15)
    assert grad.tolist() == [[-0.5, 0, 0], [0, -0.5, 0]]


def test_linear_cross_entropy_is_that_of_the_product(rng: np.random.Generator) -> None:
    hidden, weight = rng.normal(size=(7, 4)), rng.normal(size=(11, 4))
    bias, target = rng.normal(size=11), rng.integers(0, 11, 7)
    logits = hidden @ weight.T + bias
    expected, d_logits = sx.cross_entropy_and_grad(logits, target)
    loss, (d_hidden, d_weight, d_bias) = sx.linear_cross_entropy_and_grad(
        hidden, weight, target, bias=bias
    )
    assert loss == pytest.approx(expected, rel=1e-13)
    assert sx.linear_cross_entropy(hidden, weight, target, bias=bias) == loss
    assert np.allclose(d_hidden, d_logits @ weight, rtol=0, atol=1e-14)
    assert np.allclose(d_weight, d_logits.T @ hidden, rtol=0, atol=1e-14)
    assert np.allclose(d_bias, d_logits.sum(axis=0), rtol=0, atol=1e-14)
    _, (_, _, none) = sx.linear_cross_entropy_and_grad(hidden, weight, target)
    assert none is None


def test_linear_cross_entropy_of_one_sample(rng: np.random.Generator) -> None:
    hidden, weight = rng.normal(size=4), rng.normal(size=(11, 4))
    loss, (d_hidden, d_weight, _) = sx.linear_cross_entropy_and_grad(hidden, weight, 3)
    assert loss == pytest.approx(sx.cross_entropy(weight @ hidden, 3), rel=1e-13)
    assert d_hidden.shape == (4,)
    assert d_weight.shape == (11, 4)


def test_LogSumExp_streams_and_merges(rng: np.random.Generator) -> None:
    x = rng.normal(size=(3, 1000)) * 20
    expected = sx.logsumexp(x)
    left, right = sx.LogSumExp(shape=(3,)), sx.LogSumExp(shape=(3,))
    assert left.result().tolist() == [-np.inf] * 3
    for start in range(0, 500, 125):
        left.update(x[:, start : start + 125], axis=-1)
    right.update(x[:, 500:], axis=-1)
    right = pickle.loads(pickle.dumps(right))
    left.merge(right)
    assert np.allclose(left.result(), expected, rtol=4e-16, atol=0)
