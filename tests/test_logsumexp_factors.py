"""logsumexp with factors: exact sums, signs, special values, layouts and bits."""

from __future__ import annotations

import itertools

import mpmath
import numpy as np
import pytest

import softxent as sx
from reference.dtypes import DTYPES, FLOAT64, cast, loss_dtype

INF, NAN = np.inf, np.nan


def signed(x, b, **options) -> tuple[float, float]:
    return tuple(float(v) for v in sx.logsumexp(x, b=b, return_sign=True, **options))


def exact(x: np.ndarray, b: np.ndarray) -> tuple[mpmath.mpf, int]:
    with mpmath.workprec(4000):
        total = mpmath.fsum(
            mpmath.mpf(float(f)) * mpmath.exp(float(v)) for v, f in zip(x, b, strict=True)
        )
        return mpmath.log(abs(total)) if total else mpmath.mpf("-inf"), int(mpmath.sign(total))


# -- values ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_terms_that_cancel_leave_the_digits_of_the_rest(dtype: np.dtype, rng) -> None:
    """Pairs b e^x - b e^x around a few small terms, in any order."""
    big = cast(rng.normal(size=40) * 5 + 20, dtype)
    small = cast(rng.normal(size=5), dtype)
    x = np.concatenate([big, big, small])
    b = cast(rng.choice([0.1, -3.0, 7.0], size=40), dtype)
    b = np.concatenate([b, -b, np.ones(5, dtype)])
    order = rng.permutation(len(x))
    value, sign = signed(x[order], b[order])
    assert sign == 1
    want = sx.logsumexp(small.astype(np.float64))
    assert value == pytest.approx(want, rel=1e-15 if dtype == FLOAT64 else 1e-7)


@pytest.mark.parametrize("steps", [1, 3, 1000])
@pytest.mark.parametrize("at", [0.7, -3.1, 40.0, -700.0])
def test_difference_of_neighbours(at: float, steps: int) -> None:
    """log(e^y - e^x) of close x and y: catastrophic cancellation in anything but exact sums."""
    x = np.array([at, at + steps * np.spacing(at)])
    for b, sign in (([-1, 1], 1), ([1, -1], -1)):
        want, expected_sign = exact(x, b)
        sign *= 1 if x[1] > x[0] else -1
        assert expected_sign == sign
        assert signed(x, b) == (pytest.approx(float(want), rel=4e-16), sign)


@pytest.mark.parametrize("factor", [5e-324, 1e-300, 1.5, 1e300, 1.7976931348623157e308])
@pytest.mark.parametrize("at", [-2000.0, -700.0, 0.0, 700.0, 1e15])
def test_factors_of_any_size(factor: float, at: float) -> None:
    want = mpmath.log(factor) + at
    assert signed([at], [factor]) == (pytest.approx(float(want), rel=4e-16), 1)
    assert signed([at], [-factor]) == (pytest.approx(float(want), rel=4e-16), -1)


def test_large_factors_lift_small_exponentials() -> None:
    x, b = np.array([0.0, -900.0, -1400.0]), np.array([1e-300, 1e300, 5e-324])
    want, _ = exact(x, b)
    assert signed(x, b) == (pytest.approx(float(want), rel=4e-16), 1)


def test_long_rows(rng) -> None:
    """More terms than the exact sum takes without carrying."""
    terms = (1 << 21) + 12345
    x, b = np.broadcast_to(3.0, terms), np.broadcast_to(-1.5, terms)
    assert signed(x, b) == (pytest.approx(3 + np.log(1.5 * terms), rel=4e-16), -1)
    x = rng.normal(size=300) * 8
    b = rng.normal(size=300)
    want, sign = exact(x, b)
    assert signed(x, b) == (pytest.approx(float(want), rel=1e-15), sign)


def test_next_to_zero_every_digit_counts() -> None:
    value = sx.logsumexp([0.0, -50.0], b=[1.0, 2.0])
    assert value == pytest.approx(2 * np.exp(-50), rel=1e-15)
    value = sx.logsumexp([0.0, -50.0], b=[1.0, -2.0])
    assert value == pytest.approx(-2 * np.exp(-50), rel=1e-15)


def test_sign_without_factors(rng) -> None:
    x = rng.normal(size=(5, 6))
    x[1], x[2, 0], x[3, 0], x[4, :2] = -INF, INF, NAN, (NAN, INF)
    value, sign = sx.logsumexp(x, return_sign=True)
    assert np.array_equal(value, sx.logsumexp(x), equal_nan=True)
    assert np.array_equal(sign, [1, 0, 1, NAN, NAN], equal_nan=True)
    value, sign = sx.logsumexp(x.astype(np.float16), axis=None, return_sign=True)
    assert sign.dtype == value.dtype == np.float32


# -- special values --------------------------------------------------------------------------------

# x, b, logarithm, sign
SPECIAL = [
    ([INF, 1], [1, 1], INF, 1),
    ([INF, 1], [-1, 1], INF, -1),
    ([INF, INF], [2, 1], INF, 1),
    ([INF, INF], [1, -1], NAN, NAN),
    ([INF, NAN], [1, 1], NAN, NAN),
    ([NAN, 1], [0, 1], 1, 1),
    ([INF, 1], [0, -1], 1, -1),
    ([1, 1], [NAN, 1], NAN, NAN),
    ([1, 1], [INF, 1], INF, 1),
    ([1, 1], [-INF, 1], INF, -1),
    ([1, 1], [-INF, INF], NAN, NAN),
    ([-INF, 1], [INF, 1], NAN, NAN),
    ([-INF, 1], [5, 1], 1, 1),
    ([-INF, -INF], [5, -1], -INF, 0),
    ([1, 1], [0, 0], -INF, 0),
    ([1, 1], [-0.0, 0], -INF, 0),
    ([1, 1], [1, -1], -INF, 0),
]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize(("x", "b", "value", "sign"), SPECIAL)
def test_special_values(x, b, value: float, sign: float, dtype: np.dtype) -> None:
    x, b = np.array(x, dtype), np.array(b, dtype)
    for order in ([0, 1], [1, 0]):
        got = signed(x[order], b[order])
        assert np.array_equal(got, (value, sign), equal_nan=True)
        plain = NAN if sign == -1 else value
        assert np.array_equal(sx.logsumexp(x[order], b=b[order]), plain, equal_nan=True)


def test_masked_entries_count_as_absent() -> None:
    x, b = np.array([[NAN, 1.0, INF], [1.0, 2.0, 3.0]]), np.array([1.0, -2.0, NAN])
    mask = np.array([False, True, False])
    value, sign = sx.logsumexp(x, b=b, where=mask, return_sign=True)
    assert np.allclose(value, [1 + np.log(2), 2 + np.log(2)], rtol=1e-15)
    assert np.array_equal(sign, [-1, -1])
    value, sign = sx.logsumexp(x, b=b, where=False, return_sign=True)
    assert np.array_equal(value, [-INF, -INF])
    assert np.array_equal(sign, [0, 0])


def test_zero_size() -> None:
    value, sign = sx.logsumexp(np.zeros((2, 0)), b=np.zeros((2, 0)), return_sign=True)
    assert np.array_equal(value, [-INF, -INF])
    assert np.array_equal(sign, [0, 0])
    value, sign = sx.logsumexp(np.zeros((0, 2)), b=1.0, return_sign=True)
    assert value.shape == sign.shape == (0,)


# -- layouts, types, bits --------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("axis", [0, 1, 2, (0, 2), (1, 2), None])
def test_layout_does_not_change_a_bit(axis, dtype: np.dtype, rng) -> None:
    x, b = (cast(rng.normal(size=(3, 40, 7)) * scale, dtype) for scale in (30, 2))
    mask = rng.random(x.shape) < 0.8
    want = sx.logsumexp(x, axis, b=b, where=mask, return_sign=True)
    wide = np.zeros((3, 80, 14), dtype)
    wide[:, ::2, ::2] = x
    shifted = np.zeros(b.nbytes + 1, np.uint8)[1:].view(dtype).reshape(b.shape)
    shifted[...] = b
    views = (wide[:, ::2, ::2], np.asfortranarray(x), x[::-1, :, ::-1].copy()[::-1, :, ::-1])
    for view, factors in itertools.product(views, (np.asfortranarray(b), shifted)):
        got = sx.logsumexp(view, axis, b=factors, where=mask, return_sign=True)
        assert all(np.array_equal(p, q) for p, q in zip(got, want, strict=True))
        assert got[0].dtype == loss_dtype(dtype)


def test_order_of_the_terms_does_not_change_a_bit(rng) -> None:
    x, b = rng.normal(size=(2, 5000)) * 100
    want = signed(x, b)
    for _ in range(5):
        order = rng.permutation(5000)
        assert signed(x[order], b[order]) == want


def test_factors_are_broadcast(rng) -> None:
    x = rng.normal(size=(3, 1, 5))
    b = rng.normal(size=(4, 1))
    full = np.broadcast_arrays(x, b)
    for axis in (0, -1, (0, 2)):
        got = sx.logsumexp(x, axis, b=b, return_sign=True, keepdims=True)
        want = sx.logsumexp(full[0], axis, b=full[1], return_sign=True, keepdims=True)
        assert all(np.array_equal(p, q) for p, q in zip(got, want, strict=True))
    assert np.allclose(sx.logsumexp(x, b=2.0), sx.logsumexp(x) + np.log(2), rtol=1e-15)


_BITS = """
import numpy as np
import softxent as sx
rng = np.random.default_rng(0)
digits = []
for dtype in (np.float16, np.float32, np.float64):
    for shape in ((3, 20001), (4001, 5)):
        x, b = (rng.integers(-2**20, 2**20, size=(2, *shape)) / 2**14).astype(dtype)
        for threads in (1, 2, 5):
            with sx.num_threads(threads):
                results = sx.logsumexp(x, b=b, return_sign=True)
            digits.append(hash(b"".join(result.tobytes() for result in results)))
        assert len(set(digits[-3:])) == 1
print(digits)
"""


def test_threads_and_instruction_sets_do_not_change_a_bit(run_python) -> None:
    outputs = {
        isa: run_python(_BITS, SOFTXENT_ISA=isa, PYTHONHASHSEED="0")
        for isa in sx.get_config()["isas"]
    }
    assert len(set(outputs.values())) == 1, outputs
