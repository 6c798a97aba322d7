"""Properties of the losses under any combination of their options, searched by hypothesis."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

import softxent as sx
from reference import cross_entropy as exact
from reference.bounds import BOUNDS
from reference.dtypes import DTYPES, cast
from test_properties import dtypes, eps, seeds, wide  # its profile holds here too

OPTION_VALUES = {
    "label_smoothing": [0.0, 0.1, 1.0],
    "z_loss": [0.0, 0.01],
    "logit_scale": [1.0, 0.5, -1.5],
    "softcap": [None, 4.0],
    "reduction": ["none", "sum", "mean"],
}


@st.composite
def problems(draw: st.DrawFn, kinds=DTYPES, scale: float = 3.0):
    """Logits, targets and options: labels, some of them ignored, or normalised probabilities."""
    rows, classes = draw(st.integers(1, 5)), draw(st.integers(2, 40))
    rng = np.random.default_rng(draw(seeds))
    x = cast(rng.normal(size=(rows, classes)) * scale, draw(st.sampled_from(kinds)))
    options = {name: draw(st.sampled_from(values)) for name, values in OPTION_VALUES.items()}
    if draw(st.booleans()):
        options["weight"] = rng.choice([0.5, 1.0, 2.0], classes)
    if draw(st.booleans()):
        options["sample_weight"] = rng.choice([0.5, 1.0, 3.0], rows)
    target = rng.integers(0, classes, rows)
    if draw(st.booleans()):
        target[1:][rng.random(rows - 1) < 0.3] = -100
    elif draw(st.booleans()):
        target = cast(rng.dirichlet(np.ones(classes), size=rows), x.dtype)
    return x, target, options


FLOAT64_ONLY = [np.dtype(np.float64)]


def slope(values: Callable[[float], np.ndarray], step: float = 2e-4) -> np.ndarray:
    """Five-point central difference of values(distance)."""
    near, far = values(step) - values(-step), values(2 * step) - values(-2 * step)
    return (8 * near - far) / (12 * step)


@given(problems())
def test_cross_entropy_fused_equals_separate_under_every_option(problem) -> None:
    x, target, options = problem
    loss, grad = sx.cross_entropy_and_grad(x, target, **options)
    assert np.array_equal(loss, sx.cross_entropy(x, target, **options))
    assert np.array_equal(grad, sx.cross_entropy_grad(x, target, **options))
    assert np.array_equal(grad, sx.cross_entropy_grad_hess(x, target, **options)[0])


@given(problems())
def test_cross_entropy_agrees_with_the_oracle_under_every_option(problem) -> None:
    x, target, options = problem
    loss, grad = sx.cross_entropy_and_grad(x, target, **options)
    _, hess = sx.cross_entropy_grad_hess(x, target, **options)
    expected = exact.cross_entropy(x, target, **options)
    bound = BOUNDS["combined"].of(x.dtype)
    assert np.max(expected.loss.error(np.asarray(loss))) <= bound
    assert np.max(expected.grad.error(grad)) <= bound
    assert np.max(expected.hess.error(hess)) <= bound


@given(problems())
def test_gradient_rows_of_normalised_targets_sum_to_zero(problem) -> None:
    """But for z_loss and softcap; what is left is the rounding of the targets and results."""
    x, target, options = problem
    options = {**options, "z_loss": 0.0, "softcap": None, "reduction": "sum"}
    if target.ndim == 2:
        target = wide(target) / wide(target).sum(axis=1, keepdims=True)
        x = wide(x)
    grad = wide(sx.cross_entropy_grad(x, target, **options))
    largest = 2 * abs(options["logit_scale"]) * 3  # class weights below 2, sample weights to 3
    unit = max(eps(x), 2.0**-52)
    assert np.all(np.abs(grad.sum(axis=1)) <= 4 * unit * (np.abs(grad).sum(axis=1) + largest))


@given(problems(FLOAT64_ONLY))
def test_gradient_is_the_numeric_derivative(problem) -> None:
    x, target, options = problem
    grad = sx.cross_entropy_grad(x, target, **options)
    for column in range(min(x.shape[1], 6)):
        unit = np.arange(x.shape[1]) == column
        for row in range(len(x)):
            along = unit * (np.arange(len(x)) == row)[:, None]

            def total(distance: float, along=along) -> np.ndarray:
                return np.sum(sx.cross_entropy(x + distance * along, target, **options))

            assert np.isclose(grad[row, column], slope(total), rtol=0, atol=2e-9)


@given(problems(FLOAT64_ONLY))
def test_hessian_is_the_numeric_derivative_of_the_gradient(problem) -> None:
    x, target, options = problem
    _, hess = sx.cross_entropy_grad_hess(x, target, **options)
    for column in range(x.shape[1]):
        unit = np.arange(x.shape[1]) == column

        def along(distance: float, unit=unit, column=column) -> np.ndarray:
            return sx.cross_entropy_grad(x + distance * unit, target, **options)[:, column]

        assert np.allclose(hess[:, column], slope(along), rtol=0, atol=2e-9)


@given(problems(FLOAT64_ONLY), st.floats(-50, 50))
def test_loss_and_gradient_do_not_see_a_shift(problem, shift: float) -> None:
    """But for z_loss and softcap, which look at the logits themselves."""
    x, target, options = problem
    options = {**options, "z_loss": 0.0, "softcap": None}
    loss, grad = sx.cross_entropy_and_grad(x, target, **options)
    shifted_loss, shifted_grad = sx.cross_entropy_and_grad(x + shift, target, **options)
    assert np.allclose(loss, shifted_loss, rtol=1e-12, atol=1e-11)
    assert np.allclose(grad, shifted_grad, rtol=1e-12, atol=1e-11)


@given(problems(FLOAT64_ONLY), seeds)
def test_order_of_the_classes_does_not_matter(problem, seed: int) -> None:
    x, target, options = problem
    order = np.random.default_rng(seed).permutation(x.shape[1])
    loss, grad = sx.cross_entropy_and_grad(x, target, **options)
    if "weight" in options:
        options = {**options, "weight": options["weight"][order]}
    if target.ndim == 2:
        moved = target[:, order]
    else:
        moved = np.where(target < 0, target, np.argsort(order)[np.maximum(target, 0)])
    moved_loss, moved_grad = sx.cross_entropy_and_grad(x[:, order], moved, **options)
    assert np.allclose(loss, moved_loss, rtol=1e-14, atol=1e-14)
    assert np.allclose(grad[:, order], moved_grad, rtol=1e-14, atol=1e-15)


@given(problems(FLOAT64_ONLY), seeds)
def test_linear_cross_entropy_is_that_of_the_product_under_every_option(problem, seed) -> None:
    x, target, options = problem
    rng = np.random.default_rng(seed)
    hidden, weight = rng.normal(size=(len(x), 4)), rng.normal(size=(x.shape[1], 4)) * 2
    bias = rng.normal(size=x.shape[1])
    for name in ("sample_weight", "logit_scale"):
        options.pop(name, None)
    class_weight = options.pop("weight", None)
    loss, grads = sx.linear_cross_entropy_and_grad(
        hidden, weight, target, bias=bias, class_weight=class_weight, **options
    )
    logits = hidden @ weight.T + bias
    expected, d_logits = sx.cross_entropy_and_grad(logits, target, weight=class_weight, **options)
    assert np.allclose(loss, expected, rtol=1e-12, atol=1e-13)
    wanted = (d_logits @ weight, d_logits.T @ hidden, d_logits.sum(axis=0))
    for gradient, want in zip(grads, wanted, strict=True):
        assert np.allclose(gradient, want, rtol=0, atol=1e-12)


@st.composite
def binary_problems(draw: st.DrawFn):
    rng = np.random.default_rng(draw(seeds))
    count = draw(st.integers(1, 60))
    options = {"reduction": draw(st.sampled_from(["none", "sum", "mean"]))}
    for name in ("weight", "pos_weight"):
        if draw(st.booleans()):
            options[name] = rng.uniform(0, 3, count)
    target = rng.random(count) if draw(st.booleans()) else rng.integers(0, 2, count)
    return rng.normal(size=count) * draw(st.sampled_from([0.1, 3.0])), target, options


@given(binary_problems(), dtypes)
def test_binary_cross_entropy_fused_equals_separate(problem, dtype: np.dtype) -> None:
    x, target, options = problem
    x = cast(x, dtype)
    loss, grad = sx.binary_cross_entropy_and_grad(x, target, **options)
    assert np.array_equal(loss, sx.binary_cross_entropy(x, target, **options))
    assert np.array_equal(grad, sx.binary_cross_entropy_grad_hess(x, target, **options)[0])


@given(binary_problems(), st.booleans())
def test_binary_cross_entropy_derivatives_are_numeric_derivatives(problem, from_logits) -> None:
    x, target, options = problem
    if not from_logits:
        x = 0.1 + 0.8 * sx.sigmoid(x)
    options = {**options, "from_logits": from_logits}
    grad, hess = sx.binary_cross_entropy_grad_hess(x, target, **options)
    rows = {**options, "reduction": "none"}
    factor = 1 / len(x) if options["reduction"] == "mean" else 1.0

    def loss(distance: float) -> np.ndarray:
        return factor * sx.binary_cross_entropy(x + distance, target, **rows)

    def gradient(distance: float) -> np.ndarray:
        return factor * sx.binary_cross_entropy_and_grad(x + distance, target, **rows)[1]

    assert np.allclose(grad, slope(loss), rtol=1e-8, atol=1e-8)
    assert np.allclose(hess, slope(gradient), rtol=1e-8, atol=1e-8)


@given(problems())
def test_nll_loss_fused_equals_separate_and_composes(problem) -> None:
    x, target, options = problem
    chosen = {name: options[name] for name in ("weight", "reduction") if name in options}
    log_probs = sx.log_softmax(x)
    loss, grad = sx.nll_loss_and_grad(log_probs, target, **chosen)
    assert np.array_equal(loss, sx.nll_loss(log_probs, target, **chosen))
    expected = sx.cross_entropy(wide(x), target, **chosen)
    assert np.allclose(loss, expected, rtol=4 * eps(x), atol=4 * eps(x))
    assert grad.dtype == x.dtype
