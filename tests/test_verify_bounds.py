"""The derived tolerances hold for computations that are right and are near what errors occur."""

from __future__ import annotations

import numpy as np
import pytest

import softxent
from onnx_tools import CLASSES, FEATURES, net1, net2
from softxent.models import NeuralNet2
from softxent.onnx.options import Options
from softxent.verify import native
from softxent.verify.arithmetic import Arithmetic, Estimate
from softxent.verify.batches import Batch
from softxent.verify.bounds import estimates
from softxent.verify.compare import ULP_BINS, Label, compare, compare_classes

LABEL = Label("batch", "output", "provider", "reference", "reason")
ROLES = {"logits", "probabilities", "log_probabilities", "loss"}


def batch_of(net, dtype: str, rng: np.random.Generator, scale: float) -> Batch:
    X = (scale * rng.standard_normal((300, FEATURES))).astype(dtype)
    y = rng.integers(net.num_classes, size=len(X))
    target = y.astype(dtype) if net.num_classes == 2 else y
    state = {name: value.astype(dtype) for name, value in net.state_dict().items()}
    return Batch("batch", X, target, state)


@pytest.mark.parametrize("scale", [1e-4, 1.0, 30.0, 1000.0])
@pytest.mark.parametrize("head", ["loss", "train_step"])
@pytest.mark.parametrize("make", [net1, net2])
def test_estimates_bound_the_float32_computation(make, head, scale, rng):
    """The error of the native float32 results against float64 is within the bound of one side."""
    batch = batch_of(make(), "float32", rng, scale)
    exact = estimates(batch, Options(head=head))
    roles = ROLES & set(exact) if head == "loss" else {"loss", "logits"}
    got = native.outputs(batch, Options(head=head), roles)
    for role, value in got.items():
        error = np.abs(value - exact[role].value)
        assert (error <= exact[role].error).all(), role


@pytest.mark.parametrize("make", [net1, net2])
def test_estimates_are_of_the_size_of_the_errors(make, rng):
    """A bound that is far above every error would let mistakes through."""
    batch = batch_of(make(), "float32", rng, 1.0)
    exact = estimates(batch, Options(head="loss"))
    got = native.outputs(batch, Options(head="loss"), ROLES)
    for role in ("logits", "probabilities", "log_probabilities"):
        largest = np.abs(got[role] - exact[role].value).max()
        assert exact[role].error.max() < 100 * largest, role


def test_estimates_of_logits_follow_the_textbook(rng):
    """gamma_n |W| |x| of one layer, computed here in another way."""
    arithmetic = Arithmetic("float32")
    a, b = rng.standard_normal((3, 50)), rng.standard_normal((50, 2))
    bound = arithmetic.product(Estimate.exact(a), Estimate.exact(b)).error
    n_u = 50 * 2.0**-24
    expected = n_u / (1 - n_u) * (np.abs(a) @ np.abs(b))
    np.testing.assert_allclose(bound, expected, rtol=1e-6)


def test_estimates_vanish_for_a_certain_class():
    """A class that is sure stays sure, however uncertain its large logit is."""
    state = {
        "linear1.weight": np.eye(2, dtype=np.float32),
        "linear1.bias": np.zeros(2, np.float32),
        "linear2.weight": np.array([[1e6, 0], [0, 1e6]], np.float32),
        "linear2.bias": np.zeros(2, np.float32),
    }
    batch = Batch("batch", np.array([[1, 0]], np.float32), np.array([0]), state)
    bounds = estimates(batch, Options(head="loss"))
    assert bounds["logits"].error.max() > 0.1
    assert bounds["probabilities"].error.max() < 1e-5
    assert bounds["loss"].error < 1e-5


@pytest.mark.parametrize("dtype", ["float16", "float64"])
def test_arithmetic_knows_its_unit(dtype):
    arithmetic = Arithmetic(dtype)
    assert arithmetic.u == (2.0**-24 if dtype == "float16" else 2.0**-53)
    assert arithmetic.gamma(2**60) == np.inf
    assert arithmetic.rounded(np.array(1e6), np.array(0.0)).error == (
        np.inf if dtype == "float16" else pytest.approx(0, abs=1e-300)
    )


def as_tf32(array: np.ndarray) -> np.ndarray:
    """Round to the ten explicit bits that TF32 keeps of a float32."""
    bits = array.astype(np.float32).view(np.uint32)
    return ((bits + 0x1000) & np.uint32(0xFFFFE000)).view(np.float32)


@pytest.mark.parametrize("output", ["logits", "probabilities", "log_probabilities"])
def test_compare_tells_tf32_from_float32(output, rng):
    net = NeuralNet2(784, 64, 10, seed=0)
    x = rng.random((200, 784)).astype(np.float32)
    state = net.state_dict()
    batch = Batch("batch", x, None, state)
    bound = estimates(batch, Options())[output]
    w1, w2 = as_tf32(state["linear1.weight"]), as_tf32(state["linear2.weight"])
    hidden = np.maximum(as_tf32(x) @ w1.T + state["linear1.bias"], 0)
    logits = as_tf32(hidden) @ w2.T + state["linear2.bias"]
    value = {
        "logits": logits,
        "probabilities": softxent.softmax(logits),
        "log_probabilities": softxent.log_softmax(logits),
    }[output]
    right = native.outputs(batch, Options(), {output})[output]
    assert compare(LABEL, right, bound.value.astype(np.float32), bound).passed
    spoiled = compare(LABEL, value, right, bound)
    assert "as if computed with less precision" in spoiled.problem
    assert spoiled.rms > 2 * spoiled.rms_tolerance


def test_compare_counts_units_in_the_last_place():
    expected = np.ones(5, np.float32)
    got = expected + np.array([0, 1, 3, 100, 2000], np.float32) * np.float32(2**-23)
    result = compare(LABEL, got, expected, Estimate(expected.astype(float), np.full(5, 1.0)))
    assert result.max_ulp == 2000
    assert result.max_abs == pytest.approx(2000 * 2**-23)
    assert result.passed
    histogram = dict(zip([*ULP_BINS, "more"], result.ulp_histogram, strict=True))
    assert {k: v for k, v in histogram.items() if v} == {0: 1, 1: 1, 4: 1, 256: 1, "more": 1}
    assert result.worst["index"] == [4]


def test_compare_fails_beyond_twice_the_bound_of_one_side():
    expected = np.zeros(3, np.float32)
    bound = Estimate(np.zeros(3), np.array([1.0, 1.0, 1.0]))
    assert compare(LABEL, np.array([0, 2, 0], np.float32), expected, bound).passed
    result = compare(LABEL, np.array([0, 2.25, 0], np.float32), expected, bound)
    assert not result.passed
    assert result.problem.startswith("output: 2.25 instead of 0 at index [1]")
    assert result.ratio == pytest.approx(1.125)


@pytest.mark.parametrize(
    ("got", "expected", "passes"),
    [
        (np.nan, np.nan, True),
        (np.inf, np.inf, True),
        (np.nan, 0.0, False),
        (0.0, np.nan, False),
        (np.inf, -np.inf, False),
        (np.inf, 1e38, False),
    ],
)
def test_compare_takes_nan_and_infinities_for_what_they_are(got, expected, passes):
    bound = Estimate(np.zeros(1), np.ones(1))
    values = np.array([got], np.float32), np.array([expected], np.float32)
    assert compare(LABEL, *values, bound).passed is passes


def test_compare_fails_for_another_shape():
    bound = Estimate(np.zeros(3), np.ones(3))
    result = compare(LABEL, np.zeros((3, 2)), np.zeros(3), bound)
    assert "has shape (3, 2), expected (3,)" in result.problem


def test_compare_classes_allows_ties_alone():
    logits = Estimate(np.array([[1.0, 1.0 + 1e-7, 0.0]] * 3), np.full((3, 3), 1e-7))
    right = np.array([1, 1, 1])
    tied = compare_classes(LABEL, np.array([1, 0, 1]), right, logits)
    assert tied.passed
    assert tied.agreement == pytest.approx(2 / 3)
    wrong = compare_classes(LABEL, np.array([1, 0, 2]), right, logits)
    assert wrong.problem.startswith("output: sample 2 is put into class 2 instead of 1")
    for beyond in (-1, CLASSES):
        assert not compare_classes(LABEL, np.array([1, 1, beyond]), right, logits).passed
