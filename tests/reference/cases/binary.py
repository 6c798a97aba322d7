"""sigmoid, log_sigmoid and binary cross-entropy, elementwise over the rows of logits."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType

import numpy as np

from .. import binary as exact
from ..dtypes import cast
from .outcome import Case, Outcome, outcome


def _finite(x: np.ndarray) -> np.ndarray:
    return x[np.isfinite(np.asarray(x, np.float64))]


def _sigmoid(sx: ModuleType, x: np.ndarray, rng: np.random.Generator) -> Iterator[Outcome]:
    x = _finite(x)
    yield outcome("sigmoid", "binary", sx.sigmoid(x), exact.sigmoid(x))


def _log_sigmoid(sx: ModuleType, x: np.ndarray, rng: np.random.Generator) -> Iterator[Outcome]:
    x = _finite(x)
    yield outcome("log_sigmoid", "binary", sx.log_sigmoid(x), exact.log_sigmoid(x))


def _call(
    sx: ModuleType, x: np.ndarray, target: np.ndarray, **options: object
) -> Iterator[Outcome]:
    expected = exact.binary_cross_entropy(x, target, **options)
    loss, grad = sx.binary_cross_entropy_and_grad(x, target, reduction="none", **options)
    yield outcome("loss", "binary", loss, expected.loss)
    yield outcome("grad", "binary", grad, expected.grad)
    grad, hess = sx.binary_cross_entropy_grad_hess(x, target, **options)
    yield outcome("grad", "binary", grad, expected.grad)
    yield outcome("hess", "combined", hess, expected.hess)


def _hard(sx: ModuleType, x: np.ndarray, rng: np.random.Generator) -> Iterator[Outcome]:
    x = _finite(x)
    target = rng.integers(0, 2, size=x.shape)
    yield from _call(sx, x, target)
    expected = exact.binary_cross_entropy(x, target)
    for reduction in ("sum", "mean"):
        loss = sx.binary_cross_entropy(x, target, reduction=reduction)
        yield outcome("loss", "combined", loss, expected.reduced(reduction))


def _soft(sx: ModuleType, x: np.ndarray, rng: np.random.Generator) -> Iterator[Outcome]:
    x = _finite(x)
    yield from _call(sx, x, cast(rng.random(x.shape), x.dtype))


def _weighted(sx: ModuleType, x: np.ndarray, rng: np.random.Generator) -> Iterator[Outcome]:
    x = _finite(x)
    weight = cast(rng.choice([0.5, 1.0, 1.5, 3.0], size=x.shape), x.dtype)
    pos_weight = cast(rng.choice([0.25, 1.0, 5.0], size=x.shape), x.dtype)
    target = rng.integers(0, 2, size=x.shape)
    options = {"weight": weight, "pos_weight": pos_weight}
    yield from _call(sx, x, target, **options)
    expected = exact.binary_cross_entropy(x, target, **options)
    loss = sx.binary_cross_entropy(x, target, reduction="sum", **options)
    yield outcome("loss", "combined", loss, expected.reduced("sum"))


def _probabilities(sx: ModuleType, x: np.ndarray, rng: np.random.Generator) -> Iterator[Outcome]:
    probs = cast(exact.sigmoid(_finite(x)).value.to_float(), x.dtype)
    values = np.asarray(probs, np.float64)
    probs = probs[(values > 1e-9) & (values < 1 - 1e-9)]
    weight = cast(rng.choice([0.5, 1.0, 3.0], size=probs.shape), x.dtype)
    for target in (rng.integers(0, 2, size=probs.shape), cast(rng.random(probs.shape), x.dtype)):
        for options in ({}, {"weight": weight, "pos_weight": weight}):
            expected = exact.binary_cross_entropy_of_probabilities(probs, target, **options)
            options |= {"reduction": "none", "from_logits": False}
            loss, grad = sx.binary_cross_entropy_and_grad(probs, target, **options)
            _, hess = sx.binary_cross_entropy_grad_hess(probs, target, **options)
            yield outcome("loss", "binary", loss, expected.loss)
            yield outcome("grad", "binary", grad, expected.grad)
            yield outcome("hess", "combined", hess, expected.hess)


CASES: dict[str, Case] = {
    "sigmoid": _sigmoid,
    "log_sigmoid": _log_sigmoid,
    "binary_cross_entropy": _hard,
    "binary_cross_entropy soft targets": _soft,
    "binary_cross_entropy weighted": _weighted,
    "binary_cross_entropy from_logits=False": _probabilities,
}
