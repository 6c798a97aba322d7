"""softmax, log_softmax, logsumexp and the two vector-Jacobian products."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType

import numpy as np

from .. import softmax as exact
from ..dtypes import cast
from .outcome import Case, Outcome, outcome


def _softmax(sx: ModuleType, x: np.ndarray, rng: np.random.Generator) -> Iterator[Outcome]:
    yield outcome("softmax", "softmax", sx.softmax(x), exact.softmax(x))


def _log_softmax(sx: ModuleType, x: np.ndarray, rng: np.random.Generator) -> Iterator[Outcome]:
    yield outcome("log_softmax", "log_softmax", sx.log_softmax(x), exact.log_softmax(x))


def _logsumexp(sx: ModuleType, x: np.ndarray, rng: np.random.Generator) -> Iterator[Outcome]:
    yield outcome("logsumexp", "logsumexp", sx.logsumexp(x), exact.logsumexp(x)[0])


def _logsumexp_b(sx: ModuleType, x: np.ndarray, rng: np.random.Generator) -> Iterator[Outcome]:
    b = cast(rng.choice([0.25, 0.5, 1.0, 2.0, 3.0], size=x.shape), x.dtype)
    yield outcome("logsumexp(b)", "logsumexp", sx.logsumexp(x, b=b), exact.logsumexp(x, b)[0])


def _logsumexp_signed(sx: ModuleType, x: np.ndarray, rng: np.random.Generator) -> Iterator[Outcome]:
    b = cast(rng.choice([-2.0, -1.0, 0.0, 1.0, 3.0], size=x.shape), x.dtype)
    b[:, 0] = 1
    expected, sign = exact.logsumexp(x, b)
    determined = np.isfinite(expected.value.hi)
    x, b, sign = x[determined], b[determined], sign[determined]
    value, computed_sign = sx.logsumexp(x, b=b, return_sign=True)
    assert np.array_equal(computed_sign, sign), "sign of sum(b * exp(x))"
    yield outcome("logsumexp(signed b)", "combined", value, exact.logsumexp(x, b)[0])


def _softmax_grad(sx: ModuleType, x: np.ndarray, rng: np.random.Generator) -> Iterator[Outcome]:
    probs = cast(exact.softmax(x).value.to_float(), x.dtype)
    g = cast(rng.normal(size=x.shape), x.dtype)
    expected = exact.softmax_grad(g, probs)
    yield outcome("softmax_grad", "combined", sx.softmax_grad(g, probs), expected)


def _log_softmax_grad(sx: ModuleType, x: np.ndarray, rng: np.random.Generator) -> Iterator[Outcome]:
    log_probs = cast(exact.log_softmax(x).value.to_float(), x.dtype)
    g = cast(rng.normal(size=x.shape), x.dtype)
    expected = exact.log_softmax_grad(g, log_probs)
    yield outcome("log_softmax_grad", "combined", sx.log_softmax_grad(g, log_probs), expected)


CASES: dict[str, Case] = {
    "softmax": _softmax,
    "log_softmax": _log_softmax,
    "logsumexp": _logsumexp,
    "logsumexp with b": _logsumexp_b,
    "logsumexp with signed b": _logsumexp_signed,
    "softmax_grad": _softmax_grad,
    "log_softmax_grad": _log_softmax_grad,
}
