"""Properties that hold for every input, searched for counterexamples by hypothesis."""

from __future__ import annotations

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import softxent as sx
from reference import cross_entropy as exact
from reference.bounds import BOUNDS
from reference.dtypes import DTYPES, cast
from reference.softmax import logsumexp
from reference.ulp import ulp_error
from reference.wide import Wide

settings.register_profile(
    "softxent",
    max_examples=60,
    deadline=None,
    print_blob=True,  # the failing example can be repeated with @reproduce_failure
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("softxent")

dtypes = st.sampled_from(DTYPES)
seeds = st.integers(0, 2**32 - 1)
scales = st.sampled_from([1e-6, 0.1, 1.0, 10.0, 100.0])

EPS = {"float16": 2.0**-10, "bfloat16": 2.0**-7, "float32": 2.0**-23, "float64": 2.0**-52}


def eps(x: np.ndarray) -> float:
    return EPS[x.dtype.name]


@st.composite
def batches(draw: st.DrawFn, min_classes: int = 1) -> np.ndarray:
    """Matrices of logits in any dtype, of ordinary and of extreme size."""
    rows, classes = draw(st.integers(1, 6)), draw(st.integers(min_classes, 80))
    rng = np.random.default_rng(draw(seeds))
    return cast(rng.normal(size=(rows, classes)) * draw(scales), draw(dtypes))


@st.composite
def labelled(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    x = draw(batches(min_classes=2))
    rng = np.random.default_rng(draw(seeds))
    return x, rng.integers(0, x.shape[1], size=len(x))


OPTION_VALUES = {
    "label_smoothing": [0.0, 0.1, 1.0],
    "z_loss": [0.0, 1e-3],
    "logit_scale": [1.0, 0.5],
    "softcap": [None, 20.0],
    "reduction": ["none", "sum", "mean"],
    "weighted": [False, True],
}


@st.composite
def options(draw: st.DrawFn, classes: int) -> dict[str, object]:
    chosen = {name: draw(st.sampled_from(values)) for name, values in OPTION_VALUES.items()}
    if chosen.pop("weighted"):
        chosen["weight"] = np.arange(1, classes + 1) % 4 * 0.5
    return chosen


def wide(x: np.ndarray) -> np.ndarray:
    return np.asarray(x, np.float64)


def distance(got: np.ndarray, want: np.ndarray) -> float:
    """The largest difference in ULP between two results that approximate the same number."""
    return float(np.max(ulp_error(got, Wide.of(want)), initial=0.0))


@given(batches(), st.integers(-8, 8))
def test_softmax_is_invariant_to_exact_shifts(x: np.ndarray, power: int) -> None:
    """Where adding the shift is exact, both results are within the bound of the same number."""
    shifted = x + np.asarray(2.0**power, x.dtype)
    rows = np.all(wide(shifted) - 2.0**power == wide(x), axis=1)
    for function in (sx.softmax, sx.log_softmax):
        bound = BOUNDS[function.__name__].of(x.dtype)
        assert distance(function(shifted[rows]), function(x[rows])) <= 2 * bound


@given(batches(), seeds)
def test_softmax_is_permutation_equivariant(x: np.ndarray, seed: int) -> None:
    order = np.random.default_rng(seed).permutation(x.shape[1])
    for function in (sx.softmax, sx.log_softmax):
        assert np.array_equal(function(x[:, order]), function(x)[:, order])
    assert np.array_equal(sx.logsumexp(x[:, order]), sx.logsumexp(x))


@given(batches())
def test_probabilities_sum_to_one(x: np.ndarray) -> None:
    probs = wide(sx.softmax(x))
    assert np.all((probs >= 0) & (probs <= 1))
    total = np.sum(probs, axis=1)
    smallest = {"float16": 2.0**-24, "bfloat16": 2.0**-133}.get(x.dtype.name, 0.0)
    assert np.all(np.abs(total - 1) <= 2 * eps(x) + x.shape[1] * smallest)


@given(batches())
def test_softmax_keeps_the_order_of_the_logits(x: np.ndarray) -> None:
    for function in (sx.softmax, sx.log_softmax):
        result = wide(function(x))
        order = np.argsort(wide(x), axis=1, kind="stable")
        sorted_result = np.take_along_axis(result, order, axis=1)
        assert np.all(np.diff(sorted_result, axis=1) >= -2 * eps(x) * np.abs(sorted_result[:, 1:]))


@given(batches())
def test_log_softmax_is_the_logarithm_of_softmax(x: np.ndarray) -> None:
    probs, log_probs = wide(sx.softmax(x.astype(np.float64))), wide(sx.log_softmax(x))
    tolerance = eps(x) * np.maximum(1, np.abs(log_probs)) * 2
    ordinary = probs > 1e-300
    assert np.all(np.abs(np.log(probs[ordinary]) - log_probs[ordinary]) <= tolerance[ordinary])


@given(labelled())
def test_cross_entropy_is_minus_log_softmax_at_the_label(pair) -> None:
    x, target = wide(pair[0]), pair[1]
    loss = sx.cross_entropy(x, target, reduction="none")
    bound = BOUNDS["cross_entropy"].double + BOUNDS["log_softmax"].double
    assert distance(loss, -sx.log_softmax(x)[np.arange(len(x)), target]) <= bound
    assert np.all(loss >= 0)


@given(labelled(), st.data())
def test_cross_entropy_fused_equals_separate(pair, data: st.DataObject) -> None:
    x, target = pair
    chosen = data.draw(options(x.shape[1]))
    loss, grad = sx.cross_entropy_and_grad(x, target, **chosen)
    assert np.array_equal(loss, sx.cross_entropy(x, target, **chosen), equal_nan=True)
    assert np.array_equal(grad, sx.cross_entropy_grad(x, target, **chosen), equal_nan=True)


@given(labelled(), st.data())
def test_cross_entropy_gradient_rows_sum_to_zero(pair, data: st.DataObject) -> None:
    """Without z_loss and softcap the gradient of a normalised target sums to 0."""
    x, target = pair
    chosen = {**data.draw(options(x.shape[1])), "z_loss": 0.0, "softcap": None}
    chosen["reduction"] = "sum"
    grad = wide(sx.cross_entropy_grad(x, target, **chosen))
    smallest = {"float16": 2.0**-24, "bfloat16": 2.0**-133}.get(x.dtype.name, 1e-44)
    stored = 4 * eps(x) * np.abs(grad).sum(axis=1) + x.shape[1] * smallest
    # Probabilities and targets may cancel: what is left is good to units of these, in the type
    # that is computed in.
    computed = 4 * min(eps(x), 2.0**-23) * 2 * abs(chosen["logit_scale"])
    assert np.all(np.abs(grad.sum(axis=1)) <= stored + computed)


@given(labelled(), st.data())
def test_cross_entropy_agrees_with_the_oracle(pair, data: st.DataObject) -> None:
    """Any combination of options, in ULP of the largest term."""
    x, target = pair
    chosen = data.draw(options(x.shape[1]))
    chosen["weight"] = np.arange(1, x.shape[1] + 1) % 4 * 0.5 + 0.5
    loss, grad = sx.cross_entropy_and_grad(x, target, **chosen)
    expected = exact.cross_entropy(x, target, **chosen)
    bound = BOUNDS["combined"].of(x.dtype)
    assert np.max(expected.loss.error(np.asarray(loss))) <= bound
    assert np.max(expected.grad.error(grad)) <= bound


@given(labelled())
def test_integer_weights_are_repetitions(pair) -> None:
    x, target = wide(pair[0]), pair[1]
    counts = np.arange(len(x)) % 3 + 1
    weighted = sx.cross_entropy(x, target, sample_weight=counts)
    repeated = sx.cross_entropy(np.repeat(x, counts, axis=0), np.repeat(target, counts))
    assert np.isclose(weighted, repeated, rtol=1e-14, atol=0)


@given(labelled())
def test_ignored_rows_are_absent_rows(pair) -> None:
    x, target = pair
    ignored = np.where(np.arange(len(x)) % 2 == 1, -100, target)
    kept = ignored != -100
    loss, grad = sx.cross_entropy_and_grad(x, ignored)
    expected_loss, expected_grad = sx.cross_entropy_and_grad(x[kept], target[kept])
    assert loss == expected_loss
    assert np.array_equal(grad[kept], expected_grad)
    assert not np.any(wide(grad[~kept]))


@given(labelled(), st.sampled_from([None, 0.25]))
def test_smoothing_equals_smoothed_targets(pair, smoothing: float | None) -> None:
    x, target = wide(pair[0]), pair[1]
    amount = 0.0 if smoothing is None else smoothing
    one_hot = np.eye(x.shape[1])[target] * (1 - amount) + amount / x.shape[1]
    loss, grad = sx.cross_entropy_and_grad(x, target, label_smoothing=amount)
    expected_loss, expected_grad = sx.cross_entropy_and_grad(x, one_hot)
    assert np.isclose(loss, expected_loss, rtol=1e-14, atol=1e-300)
    assert np.allclose(grad, expected_grad, rtol=0, atol=1e-15)


@given(hnp.arrays(np.float64, st.integers(1, 50), elements=st.floats(-700, 700)))
def test_binary_cross_entropy_is_cross_entropy_of_two_classes(x: np.ndarray) -> None:
    labels = np.arange(len(x)) % 2
    pair = np.stack([np.zeros_like(x), x], axis=1)
    loss, grad = sx.binary_cross_entropy_and_grad(x, labels, reduction="none")
    expected_loss, expected_grad = sx.cross_entropy_and_grad(pair, labels, reduction="none")
    assert np.allclose(loss, expected_loss, rtol=2e-15, atol=0)
    assert np.allclose(grad, expected_grad[:, 1], rtol=2e-15, atol=0)


@given(hnp.arrays(np.float64, st.integers(1, 50), elements=st.floats(-1e4, 1e4)))
def test_sigmoid_reflects(x: np.ndarray) -> None:
    assert np.allclose(sx.sigmoid(x) + sx.sigmoid(-x), 1, rtol=0, atol=4e-16)
    assert np.allclose(sx.log_sigmoid(x) - sx.log_sigmoid(-x), x, rtol=2e-15, atol=4e-16)


@given(batches(), st.integers(1, 5), seeds)
def test_LogSumExp_of_chunks_in_any_order(x: np.ndarray, pieces: int, seed: int) -> None:
    x = wide(x)
    chunks = np.array_split(x, pieces, axis=1)
    parts = []
    for k in np.random.default_rng(seed).permutation(pieces):
        part = sx.LogSumExp(shape=(len(x),))
        if chunks[k].shape[1]:
            part.update(chunks[k], axis=-1)
        parts.append(part)
    total = parts[0]
    for part in parts[1:]:
        total.merge(part)
    errors = logsumexp(x)[0].error(total.result())
    assert np.max(errors) <= BOUNDS["logsumexp"].double


@given(labelled(), seeds)
def test_linear_cross_entropy_is_cross_entropy_of_the_product(pair, seed: int) -> None:
    logits, target = pair
    rng = np.random.default_rng(seed)
    hidden, weight = rng.normal(size=(len(logits), 4)), rng.normal(size=(logits.shape[1], 4))
    loss, grads = sx.linear_cross_entropy_and_grad(hidden, weight, target)
    expected, d_logits = sx.cross_entropy_and_grad(hidden @ weight.T, target)
    assert np.isclose(loss, expected, rtol=1e-13, atol=0)
    assert np.allclose(grads[0], d_logits @ weight, rtol=0, atol=1e-13)
    assert np.allclose(grads[1], d_logits.T @ hidden, rtol=0, atol=1e-13)
