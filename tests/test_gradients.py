"""Gradients and Hessian diagonals: fused equals separate, numeric derivatives, invariants."""

from __future__ import annotations

import numpy as np
import pytest

import softxent as sx
from reference.bounds import BOUNDS
from reference.dtypes import DTYPES, cast
from reference.ulp import ulp_error
from reference.wide import Wide

OPTIONS = [
    {},
    {"weight": [0.5, 2.0, 1.0, 0.0, 1.5]},
    {"label_smoothing": 0.125},
    {"z_loss": 0.05},
    {"logit_scale": 0.5, "softcap": 4.0},
    {
        "weight": [0.5, 2.0, 1.0, 0.25, 1.5],
        "label_smoothing": 0.125,
        "z_loss": 0.05,
        "logit_scale": 1.5,
        "softcap": 4.0,
        "sample_weight": [1.0, 0.5, 2.0, 1.0],
    },
]
OPTION_IDS = ["+".join(options) or "plain" for options in OPTIONS]


def logits_and_target(kind: str, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    x = rng.normal(size=(4, 5)) * 2
    if kind == "labels":
        return x, np.array([0, 4, -100, 1])
    return x, rng.dirichlet(np.ones(5), size=4)


def numeric_derivative(values, step: float) -> np.ndarray:
    """Five-point central difference of values(distance), with an error of order step**4."""
    near = values(step) - values(-step)
    far = values(2 * step) - values(-2 * step)
    return (8 * near - far) / (12 * step)


def numeric_gradient(function, x: np.ndarray, step: float = 2e-4) -> np.ndarray:
    """The gradient of a scalar function, entry by entry."""
    gradient = np.empty(x.shape)
    for index in np.ndindex(x.shape):
        unit = np.zeros(x.shape)
        unit[index] = 1
        along = lambda distance, unit=unit: function(x + distance * unit)  # noqa: E731
        gradient[index] = numeric_derivative(along, step)
    return gradient


@pytest.mark.parametrize("kind", ["labels", "probabilities"])
@pytest.mark.parametrize("reduction", ["none", "sum", "mean"])
@pytest.mark.parametrize("options", OPTIONS, ids=OPTION_IDS)
def test_cross_entropy_grad_is_the_numeric_derivative(options, reduction, kind, rng) -> None:
    x, target = logits_and_target(kind, rng)
    options = {**options, "reduction": reduction}
    _, grad = sx.cross_entropy_and_grad(x, target, **options)

    def total(z: np.ndarray) -> float:
        return float(np.sum(sx.cross_entropy(z, target, **options)))

    assert np.allclose(grad, numeric_gradient(total, x), rtol=0, atol=1e-10)


@pytest.mark.parametrize("kind", ["labels", "probabilities"])
@pytest.mark.parametrize("reduction", ["none", "mean"])
@pytest.mark.parametrize("options", OPTIONS, ids=OPTION_IDS)
def test_cross_entropy_hess_is_the_numeric_derivative_of_grad(
    options, reduction, kind, rng
) -> None:
    x, target = logits_and_target(kind, rng)
    options = {**options, "reduction": reduction}
    _, hess = sx.cross_entropy_grad_hess(x, target, **options)
    for column in range(x.shape[1]):
        unit = np.arange(x.shape[1]) == column

        def along(distance: float, unit=unit, column=column) -> np.ndarray:
            return sx.cross_entropy_grad(x + distance * unit, target, **options)[:, column]

        assert np.allclose(hess[:, column], numeric_derivative(along, 2e-4), rtol=0, atol=1e-10)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("kind", ["labels", "probabilities"])
@pytest.mark.parametrize("reduction", ["none", "sum", "mean"])
@pytest.mark.parametrize("options", OPTIONS, ids=OPTION_IDS)
def test_cross_entropy_fused_equals_separate(options, reduction, kind, dtype, rng) -> None:
    x, target = logits_and_target(kind, rng)
    x = cast(x, dtype)
    options = {**options, "reduction": reduction}
    loss, grad = sx.cross_entropy_and_grad(x, target, **options)
    assert np.array_equal(loss, sx.cross_entropy(x, target, **options))
    assert np.array_equal(grad, sx.cross_entropy_grad(x, target, **options))
    assert np.array_equal(grad, sx.cross_entropy_grad_hess(x, target, **options)[0])


def test_cross_entropy_grad_output_scales(rng: np.random.Generator) -> None:
    x, target = logits_and_target("labels", rng)
    rows = sx.cross_entropy_grad(x, target, reduction="none")
    per_row = np.array([1.0, -2.0, 0.5, 4.0])
    scaled = sx.cross_entropy_grad(x, target, per_row, reduction="none")
    assert np.array_equal(scaled, rows * per_row[:, None])
    mean = sx.cross_entropy_grad(x, target)
    assert np.array_equal(sx.cross_entropy_grad(x, target, 2.0), 2 * mean)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("classes", [2, 5, 33, 300, 5000])
@pytest.mark.parametrize("order", ["C", "F"])
def test_cross_entropy_grad_output_beyond_all_numbers(order, classes: int, dtype, rng) -> None:
    """Infinite factors keep their sign, NaN spreads; rows that do not count stay 0."""
    x, t = cast(rng.normal(size=(4, classes)), dtype), np.array([0, 1, -100, 1])
    x = np.asarray(x, order=order)
    sign = np.sign(sx.cross_entropy_grad(x, t).astype(float))
    large = [] if dtype == np.float64 else [1e300, -1e300]
    for scale in [np.inf, -np.inf, *large]:
        expected = np.where(sign == 0, 0, np.copysign(np.inf, sign * np.sign(scale)))
        rows = np.full(4, scale)
        for found in (
            sx.cross_entropy_grad(x, t, scale, weight=np.ones(classes)),
            sx.cross_entropy_grad(x, t, rows, reduction="none"),
        ):
            assert np.array_equal(found.astype(float), expected)
    for factor in (np.nan, -np.nan):
        found = sx.cross_entropy_grad(x, t, [1, factor, factor, 1], reduction="none")
        assert np.isnan(found[1].astype(float)).all() and not found[2].any()
        assert np.isfinite(found[[0, 3]].astype(float)).all()
        assert len(set(found[1].tobytes()[k : k + found.itemsize]
                       for k in range(0, found[1].nbytes, found.itemsize))) == 1  # fmt: skip


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("classes", [2, 3, 10, 100, 1000])
def test_cross_entropy_grad_vanishes_at_the_optimum(dtype, classes: int, rng) -> None:
    """Equal logits and equal probability targets: at most the error bound is left."""
    x = np.zeros((3, classes), dtype)
    target = cast(np.full((3, classes), 1 / classes), dtype)
    grad = sx.cross_entropy_grad(x, target, reduction="none")
    # p times the sum of the targets is each target again, so that the exact gradient is 0.
    error = ulp_error(grad, Wide.of(np.zeros(grad.shape)), scale=Wide.of(target))
    assert np.max(error) <= BOUNDS["gradient_soft"].of(dtype)


def test_cross_entropy_grad_of_ignored_rows_is_zero_whatever_they_hold(rng) -> None:
    x, _ = logits_and_target("labels", rng)
    x[1] = np.nan
    x[2, :2] = np.inf
    target = np.array([0, -100, -100, 1])
    loss, grad = sx.cross_entropy_and_grad(x, target, reduction="none")
    assert np.array_equal(loss[1:3], [0, 0])
    assert np.all(grad[1:3] == 0)
    kept = [0, 3]
    assert sx.cross_entropy(x, target) == sx.cross_entropy(x[kept], target[kept])


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
def test_cross_entropy_axis(axis: int, rng: np.random.Generator) -> None:
    x = rng.normal(size=(4, 5, 6))
    shape = np.delete(x.shape, axis)
    target = rng.integers(0, x.shape[axis], size=shape)
    last = np.moveaxis(x, axis, -1)
    loss, grad = sx.cross_entropy_and_grad(x, target, axis=axis, reduction="none")
    expected_loss, expected_grad = sx.cross_entropy_and_grad(last, target, reduction="none")
    assert np.array_equal(loss, expected_loss)
    assert np.array_equal(np.moveaxis(grad, axis, -1), expected_grad)


def test_softmax_grad_is_the_vector_jacobian_product(rng: np.random.Generator) -> None:
    x, g = rng.normal(size=(2, 3, 5))
    vjp = sx.softmax_grad(g, sx.softmax(x))
    numeric = numeric_gradient(lambda z: float(np.sum(g * sx.softmax(z))), x)
    assert np.allclose(vjp, numeric, rtol=0, atol=1e-10)


def test_log_softmax_grad_is_the_vector_jacobian_product(rng: np.random.Generator) -> None:
    x, g = rng.normal(size=(2, 3, 5))
    vjp = sx.log_softmax_grad(g, sx.log_softmax(x))
    numeric = numeric_gradient(lambda z: float(np.sum(g * sx.log_softmax(z))), x)
    assert np.allclose(vjp, numeric, rtol=0, atol=1e-10)


@pytest.mark.parametrize("axis", [0, 1, (0, 2), None])
def test_softmax_grad_axis(axis, rng: np.random.Generator) -> None:
    x, g = rng.normal(size=(2, 3, 4, 5))
    probs, log_probs = sx.softmax(x, axis), sx.log_softmax(x, axis)
    axes = tuple(range(3)) if axis is None else axis
    dot = np.sum(g * probs, axis=axes, keepdims=True)
    assert np.allclose(sx.softmax_grad(g, probs, axis), probs * (g - dot), rtol=0, atol=1e-15)
    total = np.sum(g, axis=axes, keepdims=True)
    expected = g - np.exp(log_probs) * total
    assert np.allclose(sx.log_softmax_grad(g, log_probs, axis), expected, rtol=0, atol=1e-14)


@pytest.mark.parametrize("from_logits", [True, False])
@pytest.mark.parametrize("reduction", ["none", "sum", "mean"])
@pytest.mark.parametrize("weighted", [False, True])
def test_binary_cross_entropy_derivatives(from_logits, reduction, weighted, rng) -> None:
    x, t = rng.uniform(0.1, 0.9, size=(2, 3, 4))
    options = {"reduction": reduction, "from_logits": from_logits}
    if weighted:
        options["weight"] = np.array([0.5, 1.0, 2.0, 1.5])
        if from_logits:
            options["pos_weight"] = np.array([3.0, 1.0, 0.25, 1.0])
    loss, grad = sx.binary_cross_entropy_and_grad(x, t, **options)
    assert np.array_equal(loss, sx.binary_cross_entropy(x, t, **options))
    numeric = numeric_gradient(lambda z: float(np.sum(sx.binary_cross_entropy(z, t, **options))), x)
    assert np.allclose(grad, numeric, rtol=1e-9, atol=1e-9)
    same, hess = sx.binary_cross_entropy_grad_hess(x, t, **options)
    assert np.array_equal(same, grad)
    slope = numeric_gradient(
        lambda z: float(np.sum(sx.binary_cross_entropy_and_grad(z, t, **options)[1])), x
    )
    assert np.allclose(hess, slope, rtol=1e-9, atol=1e-9)


def test_nll_loss_composes_to_cross_entropy(rng: np.random.Generator) -> None:
    x, target = logits_and_target("labels", rng)
    weight = np.array([0.5, 2.0, 1.0, 0.25, 1.5])
    for reduction in ("none", "sum", "mean"):
        options = {"weight": weight, "reduction": reduction}
        loss, grad = sx.nll_loss_and_grad(sx.log_softmax(x), target, **options)
        expected, expected_grad = sx.cross_entropy_and_grad(x, target, **options)
        assert np.array_equal(loss, sx.nll_loss(sx.log_softmax(x), target, **options))
        assert np.allclose(loss, expected, rtol=1e-14, atol=0)
        chained = sx.log_softmax_grad(grad, sx.log_softmax(x))
        assert np.allclose(chained, expected_grad, rtol=0, atol=1e-15)


LINEAR_OPTIONS = ["class_weight", "ignore_index", "label_smoothing", "z_loss", "softcap"]


@pytest.mark.parametrize("reduction", ["none", "sum", "mean"])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("option", [None, *LINEAR_OPTIONS])
def test_linear_cross_entropy_options(option, bias: bool, reduction: str, rng) -> None:
    hidden, weight = rng.normal(size=(2, 3, 4)), rng.normal(size=(6, 4))
    target = rng.integers(0, 6, size=(2, 3))
    offset = rng.normal(size=6) if bias else None
    values = {"class_weight": rng.uniform(0.5, 2, 6), "ignore_index": int(target[0, 0])}
    values |= {"label_smoothing": 0.1, "z_loss": 0.01, "softcap": 3.0}
    options = {} if option is None else {option: values[option]}
    logits = hidden @ weight.T + (0 if offset is None else offset)
    renamed = {"weight" if name == "class_weight" else name: v for name, v in options.items()}
    expected, d_logits = sx.cross_entropy_and_grad(logits, target, reduction=reduction, **renamed)
    loss, (d_hidden, d_weight, d_bias) = sx.linear_cross_entropy_and_grad(
        hidden, weight, target, bias=offset, reduction=reduction, **options
    )
    assert np.allclose(loss, expected, rtol=1e-13, atol=1e-14)
    assert np.allclose(d_hidden, d_logits @ weight, rtol=0, atol=1e-13)
    flat = d_logits.reshape(-1, 6)
    assert np.allclose(d_weight, flat.T @ hidden.reshape(-1, 4), rtol=0, atol=1e-13)
    assert (d_bias is None) if not bias else np.allclose(d_bias, flat.sum(axis=0), atol=1e-13)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_cross_entropy_grad_rows_sum_to_zero(smoothing: float, dtype: np.dtype, rng) -> None:
    x = cast(rng.normal(size=(20, 50)) * 3, dtype)
    target = rng.integers(0, 50, 20)
    grad = sx.cross_entropy_grad(x, target, reduction="none", label_smoothing=smoothing)
    eps = {"float16": 2.0**-10, "bfloat16": 2.0**-7, "float32": 2.0**-22, "float64": 2.0**-50}
    totals = np.sum(grad.astype(np.float64), axis=1)
    magnitudes = np.sum(np.abs(grad.astype(np.float64)), axis=1)
    assert np.all(np.abs(totals) <= eps[dtype.name] * magnitudes)
