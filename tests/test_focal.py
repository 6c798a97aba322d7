"""Focal loss: closed forms, the formula of others, special rows, and what it goes with.

Its error bounds are held by tests/test_accuracy.py, its bits by the C tests.
"""

from __future__ import annotations

import math
from typing import Any

import mpmath
import numpy as np
import pytest

import softxent as sx
from reference.dtypes import DTYPES, cast
from reference.ulp import ulp_error

GAMMAS = (0.01, 0.5, 1.0, 2.0, 5.0, 50.0)


def peer(x: np.ndarray, target: np.ndarray, gamma: float) -> np.ndarray:
    """The formula of torchvision.ops.sigmoid_focal_loss and its kin, with softmax."""
    z = x - x.max(axis=1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    ce = -log_p[np.arange(len(x)), target]
    p_t = np.exp(-ce)
    return ce * (1 - p_t) ** gamma


@pytest.mark.parametrize("gamma", GAMMAS)
def test_focal_loss_of_even_odds_is_a_closed_form(gamma: float) -> None:
    """p = 1/2: q = 1/2, n = log 2."""
    q, n = 0.5, math.log(2.0)
    pull = q**gamma * (1 + gamma * n)
    bend = gamma * q ** (gamma - 1) * (0.5 * (2 - n) + (gamma - 1) * 0.5 * n)
    options = {"focal_gamma": gamma, "reduction": "none"}
    loss, grad = sx.cross_entropy_and_grad(np.zeros((1, 2)), [1], **options)
    _, hess = sx.cross_entropy_grad_hess(np.zeros((1, 2)), [1], **options)
    np.testing.assert_allclose(loss, [q**gamma * n], rtol=1e-14)
    np.testing.assert_allclose(grad, [[pull / 2, -pull / 2]], rtol=1e-14)
    np.testing.assert_allclose(hess, [[(pull + bend) / 4] * 2], rtol=1e-13)


@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_focal_loss_agrees_with_the_formula_of_others(gamma: float, rng) -> None:
    x, target = rng.normal(size=(50, 7)) * 2, rng.integers(0, 7, 50)
    ours = sx.cross_entropy(x, target, focal_gamma=gamma, reduction="none")
    np.testing.assert_allclose(ours, peer(x, target, gamma), rtol=1e-12)


@pytest.mark.parametrize("gap", [20, 40, 80, 200])
@pytest.mark.parametrize("gamma", GAMMAS)
def test_focal_loss_of_confident_rows_keeps_its_digits(gamma: float, gap: int) -> None:
    x = np.array([[float(gap), 0.0, 1.0]])
    with mpmath.workdps(60):
        terms = [mpmath.exp(int(v)) for v in x[0]]
        q, power = (terms[1] + terms[2]) / sum(terms), mpmath.mpf(gamma)
        n = -mpmath.log1p(-q)
        loss = q**power * n
        pull = q**power * (1 + power * (1 - q) * n / q)
        grads = [-pull * q, *(pull * e / sum(terms) for e in terms[1:])]
    got_loss, got_grad = sx.cross_entropy_and_grad(x, [0], focal_gamma=gamma)
    for got, want in zip([got_loss, *got_grad[0]], [loss, *grads], strict=True):
        allowed = max(1e-15 * (3 + 2 * gamma) * abs(want), mpmath.mpf(2) ** -1073)
        assert abs(mpmath.mpf(float(got)) - want) <= allowed


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_focal_gamma_0_is_bit_for_bit_the_plain_loss(dtype: np.dtype, rng) -> None:
    x, target = cast(rng.normal(size=(9, 5)) * 9, dtype), rng.integers(0, 5, 9)
    options = {"weight": [1, 2, 0.5, 1, 3], "logit_scale": 0.7, "ignore_index": 2}
    for call in (sx.cross_entropy_and_grad, sx.cross_entropy_grad_hess):
        for a, b in zip(
            call(x, target, **options), call(x, target, focal_gamma=0, **options), strict=True
        ):
            assert np.asarray(a).tobytes() == np.asarray(b).tobytes()


@pytest.mark.parametrize("gamma", GAMMAS)
def test_focal_loss_of_special_rows(gamma: float) -> None:
    inf = math.inf
    x = [[inf, 0.0], [math.nan, 0.0], [-inf, -inf], [-inf, 0.0], [0.0, -inf], [1e308, -1e308]]
    options = {"focal_gamma": gamma, "reduction": "none"}
    loss, grad = sx.cross_entropy_and_grad(x, [0] * 6, **options)
    _, hess = sx.cross_entropy_grad_hess(x, [0] * 6, **options)
    np.testing.assert_array_equal(loss, [math.nan, math.nan, math.nan, inf, 0.0, 0.0])
    np.testing.assert_array_equal(grad, [[math.nan] * 2] * 3 + [[-1, 1], [0, 0], [0, 0]])
    np.testing.assert_array_equal(hess, [[math.nan] * 2] * 3 + [[0, 0]] * 3)
    assert sx.cross_entropy(np.zeros((4, 1)), [0] * 4, **options).tolist() == [0.0] * 4


def test_focal_loss_at_the_limits_of_float64() -> None:
    """Squares of the probabilities, and powers of them, beyond the range of numbers."""
    x = np.array([[0.0, -640.0, -650.0]])
    grad, hess = sx.cross_entropy_grad_hess(x, [0], focal_gamma=0.05)
    with mpmath.workdps(60):
        small, gamma = [mpmath.exp(-640), mpmath.exp(-650)], mpmath.mpf(0.05)
        q = sum(small)  # 1 - p to 300 digits; so is n
        pull, bend = q**gamma * (1 + gamma), gamma * (1 + gamma) * q ** (gamma - 1)
        wanted_grad = [-pull * q, *(pull * p for p in small)]
        wanted_hess = [pull * q + bend * q * q, *(pull * p + bend * p * p for p in small)]
    for got, want in zip([*grad[0], *hess[0]], [*wanted_grad, *wanted_hess], strict=True):
        assert abs(mpmath.mpf(float(got)) / want - 1) < 1e-14
    x = np.array([[120.0, 0.0]])
    _, grad = sx.cross_entropy_and_grad(x, [0], focal_gamma=5.0)
    with mpmath.workdps(60):
        q = 1 / (1 + mpmath.exp(120))
        want = q**6 * (1 + 5 * (1 - q) * -mpmath.log1p(-q) / q)
    assert float(want) < np.finfo(float).tiny
    assert ulp_error(grad[0, 1], float(want)) <= 2
    assert ulp_error(grad[0, 0], -float(want)) <= 2


def test_focal_loss_reduces_as_the_plain_one_does(rng) -> None:
    x, target = rng.normal(size=(6, 4)), np.array([0, 3, -100, 1, 2, 2])
    weight, sample = rng.uniform(0.5, 2, 4), rng.uniform(0.5, 2, 6)
    options: dict[str, Any] = {"weight": weight, "sample_weight": sample, "focal_gamma": 2.0}
    rows = sx.cross_entropy(x, target, reduction="none", **options)
    kept = target >= 0
    divisor = np.sum(weight[target[kept]] * sample[kept])
    assert rows[2] == 0
    np.testing.assert_allclose(sx.cross_entropy(x, target, **options), rows.sum() / divisor)
    grad = sx.cross_entropy_grad(x, target, **options)
    g = rng.uniform(-1, 1, 6)
    by_row = sx.cross_entropy_grad(x, target, g, reduction="none", **options)
    np.testing.assert_allclose(by_row, grad * divisor * g[:, None], rtol=1e-13)


ERRORS = [
    ({"focal_gamma": -0.5}, ValueError, r"focal_gamma is -0\.5; expected a finite number >= 0"),
    ({"focal_gamma": math.inf}, ValueError, "focal_gamma is inf"),
    ({"focal_gamma": math.nan}, ValueError, "focal_gamma is nan"),
    ({"focal_gamma": "2"}, TypeError, "focal_gamma is '2'; expected a real number"),
    ({"focal_gamma": True}, TypeError, "focal_gamma is True"),
    ({"focal_gamma": 2, "label_smoothing": 0.1}, ValueError, r"label_smoothing is 0\.1"),
    ({"focal_gamma": 2, "z_loss": 0.1}, ValueError, r"focal_gamma is 2\.0 and z_loss is 0\.1"),
    ({"focal_gamma": 2, "softcap": 30}, ValueError, r"softcap is 30\.0"),
    ({"focal_gamma": 2, "from_logits": False}, ValueError, "from_logits=False"),
]


@pytest.mark.parametrize(("options", "error", "pattern"), ERRORS, ids=lambda v: str(v)[:40])
def test_focal_errors_write_nothing(options: dict, error: type, pattern: str) -> None:
    x, out = np.zeros((2, 3)), np.full((2, 3), 7.0)
    for call in (sx.cross_entropy_and_grad, sx.cross_entropy_grad):
        with pytest.raises(error, match=pattern):
            call(x, [0, 1], out=out, **options)
    for call in (sx.cross_entropy, sx.cross_entropy_grad_hess):
        with pytest.raises(error, match=pattern):
            call(x, [0, 1], **options)
    assert (out == 7).all()


def test_focal_loss_is_that_of_class_indices() -> None:
    x, soft = np.zeros((2, 3)), np.full((2, 3), 1 / 3)
    with pytest.raises(ValueError, match=r"focal_gamma is 2\.0, .*class probabilities"):
        sx.cross_entropy(x, soft, focal_gamma=2)
    assert sx.cross_entropy(x, soft, focal_gamma=0) == sx.cross_entropy(x, soft)
