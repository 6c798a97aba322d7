"""Special values where no logit is given, or an odd one: exactly as docs/semantics.md."""

from __future__ import annotations

import numpy as np
import pytest

import softxent as sx

INF, NAN = np.inf, np.nan


def same(got: object, want: object) -> bool:
    return np.array_equal(np.asarray(got), np.asarray(want, np.float64), equal_nan=True)


# log-probabilities, target, class weights, loss, gradient of the sum
NLL = [
    ([-INF, -1], 0, [2, 1], INF, [-2, 0]),
    ([NAN, -1], 0, [2, 1], NAN, [-2, 0]),
    ([NAN, -INF, -1], 2, None, 1, [0, 0, -1]),
    ([-INF, -1], 0, [0, 1], 0, [0, 0]),
    ([NAN, -1], -100, None, 0, [0, 0]),
    ([-1, -2], [0.5, 2], None, 4.5, [-0.5, -2]),
    ([-INF, -2], [0.0, 1.0], None, 2, [0, -1]),
    ([3, -2], 0, None, -3, [-1, 0]),
]


@pytest.mark.parametrize(("log_probs", "target", "weight", "loss", "grad"), NLL, ids=str)
def test_nll_loss_of_special_rows(log_probs, target, weight, loss, grad) -> None:
    got = sx.nll_loss_and_grad(log_probs, target, weight=weight, reduction="sum")
    assert same(got[0], loss)
    assert same(got[1], grad)


# probabilities, target, loss, gradient
PROBABILITIES = [
    ([0, 1], 0, INF, [-INF, 0]),
    ([0, 1], 1, 0, [0, -1]),
    ([0, 1], [0, 0.5], 0, [0, -0.5]),
    ([-0.5, 1], 0, NAN, [2, 0]),
    ([NAN, 1], 0, NAN, [NAN, 0]),
    ([NAN, 1], 1, 0, [0, -1]),
    ([0.5, 1], [0.0, 4.0], 0, [0, -4]),
]


@pytest.mark.parametrize(("probs", "target", "loss", "grad"), PROBABILITIES, ids=str)
def test_cross_entropy_of_special_probabilities(probs, target, loss, grad) -> None:
    got = sx.cross_entropy_and_grad(probs, target, from_logits=False, reduction="none")
    assert same(got[0], loss)
    assert same(got[1], grad)


# probability, target, loss, gradient
BINARY = [
    (0, 1, 100, -1e12),
    (1, 0, 100, 1e12),
    (0, 0, 0, 0),
    (1, 1, 0, 0),
    (1.5, 1, NAN, NAN),
    (-0.1, 0, NAN, NAN),
    (NAN, 0, NAN, NAN),
]


@pytest.mark.parametrize(("prob", "target", "loss", "grad"), BINARY, ids=str)
def test_binary_cross_entropy_of_special_probabilities(prob, target, loss, grad) -> None:
    got = sx.binary_cross_entropy_and_grad(prob, target, from_logits=False)
    assert same(got[0], loss)
    assert same(got[1], grad)


# grad_output, second argument, result
SOFTMAX_GRAD = [
    ([NAN, 1], [0.5, 0.5], [NAN, NAN]),
    ([INF, 1], [0.5, 0.5], [NAN, -INF]),
    ([1, 1], [NAN, 0.5], [NAN, NAN]),
    ([1, 2], [0, 1], [0, 0]),
]
LOG_SOFTMAX_GRAD = [
    ([NAN, 1], [-1, -1], [NAN, NAN]),
    ([INF, 1], [-1, -1], [NAN, -INF]),
    ([1, -1], [NAN, -1], [NAN, -1]),
    ([1, 2], [-INF, 0], [1, -1]),
]


@pytest.mark.parametrize(
    ("function", "grad_output", "given", "result"),
    [
        *((sx.softmax_grad, *case) for case in SOFTMAX_GRAD),
        *((sx.log_softmax_grad, *case) for case in LOG_SOFTMAX_GRAD),
    ],
    ids=lambda value: value.__name__ if callable(value) else str(value),
)
def test_vector_jacobian_products_of_special_rows(function, grad_output, given, result) -> None:
    assert same(function(np.array(grad_output, float), np.array(given, float)), result)


@pytest.mark.parametrize("infinite", [INF, -INF])
def test_softcap_makes_infinite_logits_finite(infinite: float) -> None:
    loss, grad = sx.cross_entropy_and_grad([infinite, 1.0, 2.0], 1, softcap=3.0)
    capped = 3 * np.tanh(np.array([infinite, 1.0, 2.0]) / 3)
    assert loss == pytest.approx(sx.cross_entropy(capped, 1), rel=1e-15)
    assert grad[0] == 0
    assert np.all(grad[1:] != 0)


def test_z_loss_moves_rows_whose_labels_have_no_weight() -> None:
    loss, grad = sx.cross_entropy_and_grad([[1.0, 2.0]], [0], weight=[0, 1], z_loss=0.5)
    assert np.isnan(loss)
    x = np.array([1.0, 2.0])
    assert np.allclose(grad, sx.logsumexp(x) * sx.softmax(x), rtol=1e-15)


@pytest.mark.parametrize("classes", [10, 100, 300, 700, 1000])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_losses_that_overflow_leave_the_gradient_right_in_place(classes, dtype, rng) -> None:
    """Rows of such losses are computed a second time, from logits that must still be there."""
    x = (rng.normal(size=(9, classes)) * 30).astype(dtype)
    target, weight = rng.integers(0, classes, 9), np.full(classes, 1e308)
    options = {"weight": weight, "reduction": "none"}
    expected = sx.cross_entropy_and_grad(x, target, **options)
    loss, grad = sx.cross_entropy_and_grad(x, target, out=x, **options)
    assert grad is x
    assert np.isinf(loss).any()
    assert np.array_equal(loss, expected[0])
    assert np.array_equal(grad, expected[1], equal_nan=True)


# of three classes; the last row is ignored
LOGITS = np.array([[1, 2, 3], [0, 0, 0], [-3, INF, 5]])
LABELS = np.array([2, 0, -100])


@pytest.mark.parametrize("options", [{}, {"weight": [1, 2, 3]}, {"label_smoothing": 0.1}], ids=str)
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_an_incoming_gradient_of_nan_leaves_nothing_but_nan(dtype: str, options: dict) -> None:
    """Of its own row; an ignored row has gradient 0 whatever comes in."""
    logits = LOGITS.astype(dtype)
    every = sx.cross_entropy_grad(logits, LABELS, NAN, **options)
    assert same(every, [[NAN] * 3, [NAN] * 3, [0] * 3])
    whole = sx.cross_entropy_grad(logits, LABELS, [1.5] * 3, reduction="none", **options)
    rows = sx.cross_entropy_grad(logits, LABELS, [NAN, 1.5, NAN], reduction="none", **options)
    assert same(rows, [[NAN] * 3, whole[1], [0] * 3])


@pytest.mark.parametrize("exponent", [-303, -291, -200, 0, 200, 303])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rows", [1, 3, 200])
def test_a_mean_does_not_depend_on_the_weights_unit(rows: int, dtype: str, exponent: int) -> None:
    """Also where the weights are the smallest or the largest numbers."""
    logits = np.resize([1.0, 2, 3, 0, -4], (rows, 3)).astype(dtype)
    labels, unit = np.arange(rows) % 3, 10.0**exponent
    plain = sx.cross_entropy_and_grad(logits, labels, weight=[1, 2, 3])
    for options in ({"weight": unit * np.array([1.0, 2, 3])},
                    {"sample_weight": unit * (1.0 + labels)}):  # fmt: skip
        got = sx.cross_entropy_and_grad(logits, labels, **options)
        for value, want in zip(got, plain, strict=True):
            np.testing.assert_allclose(value, want, rtol=100 * np.finfo(dtype).eps)


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_weights_that_are_infinite_in_the_type_of_the_losses_are_refused(dtype: str) -> None:
    logits = np.array([[1, 2, 3]], dtype)
    huge, soft = [1, 1e60, 1], np.full((1, 3), 0.5)
    with pytest.raises(ValueError, match=r"weight as float32\[1\] is inf"):
        sx.cross_entropy(logits, soft, weight=huge)
    with pytest.raises(ValueError, match=r"weight as float32\[1\] is inf"):
        sx.cross_entropy_grad_hess(logits, [0], weight=huge, label_smoothing=0.1)
    with pytest.raises(ValueError, match=rf"pos_weight as {dtype}\[1\] is inf"):
        sx.binary_cross_entropy_and_grad(logits, soft, pos_weight=huge)
    assert sx.cross_entropy(logits, [0], weight=huge) == sx.cross_entropy(logits, [0])
    assert np.isfinite(sx.cross_entropy(logits.astype(float), soft, weight=huge))
