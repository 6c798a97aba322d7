"""The oracle itself, against mpmath at 60 digits and against hand-made cases."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

from reference import binary, cross_entropy, elementary, softmax
from reference.dtypes import BFLOAT16, DTYPES, step
from reference.rows import FAMILIES
from reference.ulp import ulp_error, ulp_exponent
from reference.wide import Wide

mpmath.mp.dps = 60


def to_mpf(value: Wide) -> list[mpmath.mpf]:
    """The exact numbers that a flat `Wide` stands for."""
    parts = zip(value.hi, value.lo, value.exponent, strict=True)
    return [
        (mpmath.mpf(float(h)) + mpmath.mpf(float(low))) * mpmath.mpf(2) ** int(e)
        for h, low, e in parts
    ]


def worst_relative_error(value: Wide, expected: list[mpmath.mpf]) -> float:
    pairs = zip(to_mpf(value), expected, strict=True)
    return max(
        float(abs(got - want) / abs(want)) if want else float(abs(got)) for got, want in pairs
    )


def magnitudes(rng: np.random.Generator, low: float, high: float) -> np.ndarray:
    return 10.0 ** rng.uniform(low, high, 200)


def test_wide_arithmetic_keeps_100_bits(rng: np.random.Generator) -> None:
    a = magnitudes(rng, -300, 300) * rng.choice([-1, 1], 200)
    b = magnitudes(rng, -300, 300) * rng.choice([-1, 1], 200)
    exact_a, exact_b = [[mpmath.mpf(float(v)) for v in values] for values in (a, b)]
    pairs = list(zip(exact_a, exact_b, strict=True))
    wide_a, wide_b = Wide.of(a), Wide.of(b)
    assert worst_relative_error(wide_a + wide_b, [x + y for x, y in pairs]) < 1e-31
    assert worst_relative_error(wide_a * wide_b, [x * y for x, y in pairs]) < 1e-31
    assert worst_relative_error(wide_a / wide_b, [x / y for x, y in pairs]) < 1e-31


def test_wide_sum_of_cancelling_terms(rng: np.random.Generator) -> None:
    terms = rng.normal(size=1001)
    terms = np.concatenate([terms, -terms[:1000], magnitudes(rng, -30, -10)])
    exact = mpmath.fsum(mpmath.mpf(float(t)) for t in terms)
    assert worst_relative_error(Wide.of(terms).sum().reshape(1), [exact]) < 1e-29


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("exp", lambda rng: np.concatenate([rng.normal(size=200) * 300, -magnitudes(rng, -20, 4)])),
        (
            "log",
            lambda rng: np.concatenate([magnitudes(rng, -320, 300), 1 + magnitudes(rng, -15, 0)]),
        ),
        (
            "log1p",
            lambda rng: np.concatenate([magnitudes(rng, -320, 4), -magnitudes(rng, -300, -0.01)]),
        ),
        ("tanh", lambda rng: np.concatenate([magnitudes(rng, -300, 3), -magnitudes(rng, -8, 1)])),
    ],
)
def test_elementary_functions_agree_with_mpmath(name: str, arguments, rng) -> None:
    x = arguments(rng)
    expected = [getattr(mpmath, name)(mpmath.mpf(float(value))) for value in x]
    assert worst_relative_error(getattr(elementary, name)(Wide.of(x)), expected) < 2e-28


def test_exp_reaches_far_below_float64() -> None:
    value = elementary.exp(Wide.of([-1e4, -np.inf]))
    assert worst_relative_error(value[:1], [mpmath.exp(-10000)]) < 1e-28
    assert value.hi[1] == 0


def mp_row(x: np.ndarray) -> tuple[list[mpmath.mpf], mpmath.mpf]:
    """exp of every entry and the logarithm of their sum, with enough digits for any row."""
    with mpmath.workdps(800):
        terms = [mpmath.exp(mpmath.mpf(float(v))) if v > -np.inf else mpmath.mpf(0) for v in x]
        return terms, mpmath.log(mpmath.fsum(terms))


# Rows that mpmath can exponentiate without losing the small ones at 800 digits.
MODEST = [
    name
    for name in FAMILIES
    if name
    not in (
        "scale 10000",
        "scale 1e+10",
        "scale 1e+30",
        "offset 1e6",
        "offset -1e6",
        "extremes of the dtype",
    )
]


@pytest.mark.parametrize("family", MODEST)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_row_oracles_agree_with_mpmath(family: str, dtype: np.dtype, rng) -> None:
    x = FAMILIES[family](dtype, rng)[:3]
    probabilities = softmax.softmax(x).value
    log_probabilities = softmax.log_softmax(x).value
    lse = softmax.logsumexp(x)[0].value
    for row in range(len(x)):
        used = np.flatnonzero(np.asarray(x[row], np.float64) > -np.inf)
        terms, expected_lse = mp_row(x[row].astype(np.float64))
        with mpmath.workdps(800):
            total = mpmath.fsum(terms)
            expected = [terms[j] / total for j in used]
            expected_log = [mpmath.mpf(float(x[row, j])) - expected_lse for j in used]
        # Rows found by searches reach below the smallest double: an oracle of doubles has 0.
        normal = [k for k, value in enumerate(expected) if value > 1e-270]
        tiny = np.delete(np.arange(used.size), normal)
        assert (
            worst_relative_error(probabilities[row][used[normal]], [expected[k] for k in normal])
            < 1e-27
        )
        assert all(0 <= value < 1e-260 for value in to_mpf(probabilities[row][used[tiny]]))
        assert worst_relative_error(log_probabilities[row][used], expected_log) < 1e-27
        scale = max(abs(expected_lse), abs(mpmath.mpf(float(np.max(x[row].astype(np.float64))))))
        assert abs(to_mpf(lse[row : row + 1])[0] - expected_lse) <= 1e-28 * scale


def mp_loss(x, label, weight, smoothing, z_loss, scale, cap) -> mpmath.mpf:
    """One row's loss with every option, literally from its definition."""
    classes = len(x)
    z = [cap * mpmath.tanh(scale * v / cap) for v in x]
    lse = mpmath.log(mpmath.fsum(mpmath.exp(v) for v in z))
    target = [smoothing / classes + (1 - smoothing if c == label else 0) for c in range(classes)]
    entropy = mpmath.fsum(weight[c] * target[c] * (lse - z[c]) for c in range(classes))
    return entropy + z_loss * lse**2


def test_cross_entropy_oracle_is_the_derivative_of_its_loss(rng: np.random.Generator) -> None:
    """Loss, gradient and Hessian of the oracle against mpmath's numeric differentiation."""
    x = rng.normal(size=(2, 5)) * 4
    labels = np.array([0, 3])
    weight = rng.uniform(0.5, 2, 5)
    options = {"label_smoothing": 0.25, "z_loss": 0.125, "logit_scale": 0.75, "softcap": 5.0}
    exact = cross_entropy.cross_entropy(x, labels, weight=weight, reduction="none", **options)
    for row in range(2):
        entries = [mpmath.mpf(float(v)) for v in x[row]]
        weights = [mpmath.mpf(float(w)) for w in weight]

        def loss_at(value, column, entries=entries, weights=weights, row=row):
            moved = [*entries[:column], value, *entries[column + 1 :]]
            return mp_loss(moved, labels[row], weights, *map(mpmath.mpf, options.values()))

        got = to_mpf(exact.loss.value)[row]
        assert abs(got / loss_at(entries[0], 0) - 1) < 1e-27
        for column in range(5):
            for order, output in ((1, exact.grad), (2, exact.hess)):
                numeric = mpmath.diff(lambda v, c=column: loss_at(v, c), entries[column], order)
                assert abs(to_mpf(output.value[row])[column] - numeric) < 1e-15


@pytest.mark.parametrize("gamma", [0.25, 1.0, 3.0])
def test_focal_oracle_is_the_derivative_of_its_loss(gamma: float, rng) -> None:
    x, labels = rng.normal(size=(2, 4)) * 4, np.array([0, 3])
    options = {"logit_scale": 0.75, "reduction": "none", "focal_gamma": gamma}
    exact = cross_entropy.cross_entropy(x, labels, **options)
    for row, label in enumerate(labels):
        entries = [mpmath.mpf(float(v)) for v in x[row]]

        def loss_at(value, column, entries=entries, label=label):
            moved = [*entries[:column], value, *entries[column + 1 :]]
            terms = [mpmath.exp(0.75 * v) for v in moved]
            others = mpmath.fsum(terms[:label] + terms[label + 1 :]) / mpmath.fsum(terms)
            return -mpmath.log1p(-others) * others ** mpmath.mpf(gamma)

        assert abs(to_mpf(exact.loss.value)[row] / loss_at(entries[0], 0) - 1) < 1e-27
        for column in range(4):
            for order, output in ((1, exact.grad), (2, exact.hess)):
                numeric = mpmath.diff(lambda v, c=column: loss_at(v, c), entries[column], order)
                assert abs(to_mpf(output.value[row])[column] - numeric) < 1e-15


def test_cross_entropy_oracle_reductions(rng: np.random.Generator) -> None:
    x = rng.normal(size=(4, 3))
    labels = np.array([2, 0, -100, 1])
    weight = np.array([1.0, 2.0, 0.5])
    row_weight = np.array([1.0, 0.5, 3.0, 2.0])
    rows = cross_entropy.cross_entropy(
        x, labels, weight=weight, reduction="none"
    ).loss.value.to_float()
    mean = cross_entropy.cross_entropy(x, labels, weight=weight, sample_weight=row_weight)
    divisor = 0.5 * 1 + 1.0 * 0.5 + 2.0 * 2
    assert rows[2] == 0
    assert mean.loss.value.to_float() == pytest.approx(
        (rows * row_weight).sum() / divisor, rel=1e-14
    )


def test_binary_oracle_agrees_with_mpmath(rng: np.random.Generator) -> None:
    x = np.concatenate([rng.normal(size=20) * 30, [-745.0, 800.0, 0.0]])
    t, v, w = rng.random(23), rng.uniform(0.5, 3, 23), rng.uniform(0.5, 3, 23)
    exact = binary.binary_cross_entropy(x, t, weight=w, pos_weight=v)
    columns = [[mpmath.mpf(float(value)) for value in values] for values in (x, t, v, w)]
    with mpmath.workdps(800):
        for i, (xi, ti, vi, wi) in enumerate(zip(*columns, strict=True)):
            p, q = 1 / (1 + mpmath.exp(-xi)), 1 / (1 + mpmath.exp(xi))
            expected = {
                "loss": -wi * (vi * ti * mpmath.log(p) + (1 - ti) * mpmath.log(q)),
                "grad": wi * ((1 - ti) * p - vi * ti * q),
                "hess": wi * (1 - ti + vi * ti) * p * q,
            }
            for name, want in expected.items():
                got = to_mpf(getattr(exact, name).value[i : i + 1])[0]
                assert abs(got - want) <= 1e-25 * abs(want)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_ulp_error_counts_neighbours(dtype: np.dtype) -> None:
    values = np.array([1.0, 1.5, 3.25, 2.0**-14, 2.0**-24, 448.0]).astype(dtype)
    for steps in (0, 1, 3):
        assert np.array_equal(ulp_error(step(values, steps), Wide.of(values)), [steps] * 6)


def test_ulp_spacing_halves_just_below_a_power_of_two() -> None:
    one = Wide.of(1.0)
    below = one - Wide.of(1e-25)
    assert ulp_exponent(one, np.float32) == -23
    assert ulp_exponent(below, np.float32) == -24
    assert ulp_exponent(Wide.of(2.0**-20), np.float16) == -24
    assert ulp_exponent(Wide.of(1e-320), np.float64) == -1074


def test_ulp_error_of_special_values() -> None:
    exact = Wide.of([1.0, -np.inf, 1e39, -1e39, 3.4e38])
    right = np.array([1.0, -np.inf, np.inf, -np.inf, np.float32(3.4e38)], np.float32)
    assert np.all(ulp_error(right, exact) < 1)
    wrong = np.array([np.nan, 0.0, -np.inf, np.inf, np.inf], np.float32)
    assert np.all(np.isinf(ulp_error(wrong, exact)))


def test_ulp_error_judges_a_sum_by_its_largest_term() -> None:
    error = ulp_error(np.float32(2.0**-20), Wide.of(0.0), scale=Wide.of(8.0))
    assert error == 1.0


def test_rows_are_finite_or_minus_infinity(rng: np.random.Generator) -> None:
    for dtype in (*DTYPES, BFLOAT16):
        for family in FAMILIES.values():
            x = family(dtype, rng)
            values = x.astype(np.float64)
            assert x.dtype == dtype
            assert x.ndim == 2
            assert not np.any(np.isnan(values) | np.isposinf(values))
            assert np.isfinite(values).any(axis=1).all()
