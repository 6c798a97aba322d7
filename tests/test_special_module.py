"""softxent.special beside scipy.special: dtypes, shapes, a ufunc's arguments, complex numbers."""

from __future__ import annotations

import inspect
from typing import Any

import mpmath
import numpy as np
import pytest

import softxent as sx
from softxent import special

scipy_special = pytest.importorskip("scipy.special")

REDUCTIONS = ("softmax", "log_softmax", "logsumexp")
ELEMENTWISE = ("expit", "log_expit")
TOLERANCE = {np.float16: 4e-3, np.float32: 2e-5, np.complex64: 2e-5}


def close(found: Any, expected: Any) -> bool:
    kind = expected.dtype.type
    return np.allclose(found, expected, rtol=TOLERANCE.get(kind, 1e-12), atol=0)


@pytest.mark.parametrize("name", REDUCTIONS)
def test_parameters_are_those_of_scipy(name: str) -> None:
    ours = inspect.signature(getattr(special, name)).parameters
    theirs = inspect.signature(getattr(scipy_special, name)).parameters
    assert [(p.name, p.kind, p.default) for p in ours.values()] == [
        (p.name, p.kind, p.default) for p in theirs.values()
    ]


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_parameters_are_those_of_the_ufunc(name: str) -> None:
    try:
        theirs = dict(inspect.signature(getattr(scipy_special, name)).parameters)
    except ValueError:
        pytest.skip("ufuncs of this NumPy have no signature")
    ours = inspect.signature(getattr(special, name)).parameters
    # What the docstring says is not there.
    assert theirs.keys() - ours.keys() == {"order", "subok", "signature"}
    for parameter in ours.values():
        other = theirs[parameter.name]
        assert (parameter.kind, parameter.default) == (other.kind, other.default)


@pytest.mark.parametrize("code", [*"efdgFDi"])
@pytest.mark.parametrize(
    ("shape", "axis"),
    [((0,), None), ((0,), 0), ((2, 0), -1), ((2, 0), None), ((2, 0, 3), (0, 1)), ((0, 2), 0)],
)
@pytest.mark.parametrize("b", [None, -1.0])
def test_a_sum_of_nothing_has_sign_0(code: str, shape: Any, axis: Any, b: Any) -> None:
    """A deviation, stated in Notes: SciPy has -1, and 0 for what is as little, -inf alone."""
    found = special.logsumexp(np.empty(shape, code), axis, b, return_sign=True)
    alone = np.full([n or 1 for n in shape], -np.inf, "d" if code == "i" else code)
    expected = scipy_special.logsumexp(alone, axis, b, return_sign=True)
    for one, other in zip(found, expected, strict=True):
        assert np.array_equal(one, other) and np.shape(one) == np.shape(other)
    assert found[1].dtype == expected[1].dtype


@pytest.mark.parametrize("code", [*"?bhilBHILefdgFDG"])
@pytest.mark.parametrize("name", [*REDUCTIONS, *ELEMENTWISE])
def test_dtypes_are_those_of_scipy(name: str, code: str, rng) -> None:
    if name in ELEMENTWISE and code in "FDG":
        with pytest.raises(TypeError, match="dtype complex"):
            getattr(special, name)(np.ones(3, code))
        return
    x = rng.integers(0, 2, (2, 3)) if code in "?bhilBHIL" else rng.normal(size=(2, 3))
    x = (x + 1j * rng.normal(size=(2, 3))).astype(code) if code in "FDG" else x.astype(code)
    found = getattr(special, name)(x)
    if name in REDUCTIONS[:2] and code in "?bhBHIL":  # deviations, stated in Notes
        assert found.dtype == np.float64
        x = x.astype(np.float64)
    expected = getattr(scipy_special, name)(x)
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    assert close(found, expected)


@pytest.mark.parametrize("name", REDUCTIONS)
@pytest.mark.parametrize("axis", [None, 0, -1, (0, 2), (1, 0, 2)])
def test_axes(name: str, axis: Any, rng) -> None:
    x = rng.normal(size=(3, 4, 5))
    found = getattr(special, name)(x, axis)
    assert close(found, getattr(scipy_special, name)(x, axis))
    assert np.array_equal(found, getattr(sx, name)(x, axis=axis))


@pytest.mark.parametrize("code", "efdgFD")
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axis", [None, 0, (0, 1)])
def test_factors_and_signs(code: str, keepdims: bool, axis: Any, rng) -> None:
    x = rng.normal(size=(3, 4)).astype(code)
    b = rng.normal(size=4).astype(code)
    if code in "FD":
        x = x + (1j * rng.uniform(-9, 9, size=(3, 4))).astype(code)
    b[1] = 0
    options = {"axis": axis, "b": b, "keepdims": keepdims}
    for found, expected in zip(
        special.logsumexp(x, return_sign=True, **options),
        scipy_special.logsumexp(x, return_sign=True, **options),
        strict=True,
    ):
        assert found.dtype == expected.dtype
        assert found.shape == expected.shape
        tolerance = {"e": 2e-2, "f": 1e-5, "F": 1e-5}.get(code, 1e-12)
        assert np.allclose(found, expected, rtol=tolerance, atol=tolerance)


def test_a_number_as_factor_does_not_promote() -> None:
    for b in (2, 2.0):
        found = special.logsumexp(np.zeros(3, np.float16), b=b)
        assert found.dtype == scipy_special.logsumexp(np.zeros(3, np.float16), b=b).dtype
        assert found == np.float16(np.log(6))


@pytest.mark.skipif(np.__version__.startswith("1."), reason="NumPy 1 promotes numbers by value")
@pytest.mark.parametrize("function", [sx.logsumexp, special.logsumexp], ids=["own", "special"])
@pytest.mark.parametrize("b", [2, 2.0, *(np.dtype(code).type(2) for code in "qfd")], ids=repr)
@pytest.mark.parametrize("x", [1, 1.0, [1.0], np.ones(3, "f"), np.float32(1)], ids=repr)
def test_numbers_promote_where_they_are_numpys(function, b, x) -> None:
    """`np.float64` is a float of Python's, too, and yet has a dtype."""
    found, expected = function(x, b=b), scipy_special.logsumexp(x, b=b)
    assert found.dtype == expected.dtype
    assert np.allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("keepdims", [False, True])
def test_one_number(keepdims: bool) -> None:
    found = special.logsumexp(2.0, keepdims=keepdims)
    expected = scipy_special.logsumexp(2.0, keepdims=keepdims)
    assert (found, found.shape, type(found)) == (expected, expected.shape, type(expected))


def test_complex_sums_against_mpmath(rng) -> None:
    for _ in range(30):
        x = rng.normal(scale=9, size=6) + 1j * rng.normal(scale=9, size=6)
        b = rng.normal(size=6) + 1j * rng.normal(size=6)
        with mpmath.workdps(40):
            exact = mpmath.log(
                mpmath.fsum(
                    mpmath.mpc(f) * mpmath.exp(mpmath.mpc(v)) for f, v in zip(b, x, strict=True)
                )
            )
        assert special.logsumexp(x, b=b) == pytest.approx(complex(exact), rel=1e-14)


def test_small_terms_keep_their_digits() -> None:
    # SciPy has 8.7e-19 here, too; a plain log(sum) has 0.
    assert special.logsumexp(np.array([0, -41.584 + 0j])).real == pytest.approx(np.exp(-41.584))
    wide = np.array([0, -41.584], np.longdouble)
    assert float(special.logsumexp(wide)) == pytest.approx(np.exp(-41.584), rel=1e-12)


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_arguments_of_a_ufunc(name: str, rng) -> None:
    ours, theirs = getattr(special, name), getattr(scipy_special, name)
    x = rng.normal(size=(2, 3))
    out = np.zeros((2, 3))
    assert ours(x, out) is out
    assert close(out, theirs(x))
    narrow = np.zeros((2, 3), np.float32)
    assert ours(x, out=(narrow,)) is narrow
    assert close(narrow, theirs(x).astype(np.float32))
    where = np.array([True, False, True])
    found, expected = np.full((2, 2, 3), 7.0), np.full((2, 2, 3), 7.0)
    assert ours(x, out=found, where=where) is found
    # SciPy 1.17 itself gets this wrong, up to a crash.
    np.copyto(expected, theirs(x), where=where)
    assert close(found, expected)
    same = x.copy()
    assert ours(same, same, where=np.ones((2, 3), bool)) is same
    assert close(same, theirs(x))
    assert ours(x, where=where)[0, 1] == 0
    assert ours(x, dtype=np.float32).dtype == theirs(x, dtype=np.float32).dtype == np.float32
    assert ours(np.float32(1), dtype="longdouble").dtype == np.longdouble
    assert type(ours(1)) is type(theirs(1)) is np.float64


@pytest.mark.parametrize(
    "options",
    [{"out": np.zeros(3, int)}, {"dtype": np.int64}, {"dtype": np.float32, "casting": "safe"}],
)
def test_types_that_do_not_fit(options: dict[str, Any]) -> None:
    for function in (special.expit, scipy_special.expit):
        with pytest.raises(TypeError):
            function(np.zeros(3), **options)


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_an_unknown_rule_of_casting_is_refused(name: str) -> None:
    for module in (special, scipy_special):
        with pytest.raises(ValueError, match="casting must be one of"):
            getattr(module, name)(np.zeros(3), casting="same")


@pytest.mark.parametrize(("name", "argument"), [("softmax", "x"), ("logsumexp", "a")])
def test_a_wrong_dtype_is_told_of_the_argument(name: str, argument: str) -> None:
    for value in (None, "1", np.zeros(3, "M8[s]")):
        with pytest.raises(TypeError, match=f"^{argument} has dtype"):
            getattr(special, name)(value)


def test_scipy_is_not_imported(run_python) -> None:
    code = "import sys, softxent.special; print({'scipy', 'dask', 'numpy.ma'} & set(sys.modules))"
    assert run_python(code).strip() in ("set()", "{'numpy.ma'}")
