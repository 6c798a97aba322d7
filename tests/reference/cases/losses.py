"""cross_entropy with its gradient and Hessian diagonal under every option."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType

import numpy as np

from .. import cross_entropy as exact
from ..dtypes import cast
from ..softmax import softmax
from .outcome import Case, Outcome, outcome


def labels(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Labels of finite logits: in turn the largest, the smallest and a random one."""
    values = np.asarray(x, np.float64)
    finite = np.isfinite(values)
    random = np.argmax(np.where(finite, rng.random(x.shape), -1.0), axis=1)
    smallest = np.argmin(np.where(finite, values, np.inf), axis=1)
    return np.choose(np.arange(len(x)) % 3, [np.argmax(values, axis=1), smallest, random])


def distributions(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Probability targets with zeros among them, in the dtype of the logits."""
    y = rng.dirichlet(np.full(x.shape[1], 0.5), size=len(x)) * (rng.random(x.shape) < 0.7)
    return cast(np.where(np.isfinite(np.asarray(x, np.float64)), y, 0.0), x.dtype)


def weights(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Class weights, some of them 0."""
    return cast(
        rng.choice([0.0, 0.25, 0.5, 1.0, 1.5, 3.0], p=[0.05, *[0.19] * 5], size=x.shape[1]), x.dtype
    )


def _call(
    sx: ModuleType,
    x: np.ndarray,
    target: np.ndarray,
    bounds: tuple[str, str],
    **options: object,
) -> Iterator[Outcome]:
    """Loss and gradient of the fused call, held against (loss bound, gradient bound)."""
    loss, grad = sx.cross_entropy_and_grad(x, target, **options)
    expected = exact.cross_entropy(x, target, **options)
    yield outcome("loss", bounds[0], loss, expected.loss)
    yield outcome("grad", bounds[1], grad, expected.grad)


def _hard(sx: ModuleType, x: np.ndarray, rng: np.random.Generator) -> Iterator[Outcome]:
    target = labels(x, rng)
    yield from _call(sx, x, target, ("cross_entropy", "gradient_hard"), reduction="none")


def _hard_reduced(sx: ModuleType, x: np.ndarray, rng: np.random.Generator) -> Iterator[Outcome]:
    target = labels(x, rng)
    options = {"weight": weights(x, rng), "sample_weight": rng.choice([0.5, 1.0, 2.0], len(x))}
    options["weight"][target[0]] = 1  # so that the divisor of the mean is not 0
    ignored = np.where(np.arange(len(x)) % 4 == 3, -100, target)
    bounds = ("combined", "gradient_hard")
    for reduction in ("sum", "mean"):
        yield from _call(sx, x, ignored, bounds, reduction=reduction, **options)


def _finite(x: np.ndarray) -> np.ndarray:
    """Smoothing gives every class a coefficient, so that -inf logits would make losses infinite."""
    return x[np.isfinite(np.asarray(x, np.float64)).all(axis=1)]


def _smoothed(sx: ModuleType, x: np.ndarray, rng: np.random.Generator) -> Iterator[Outcome]:
    x = _finite(x)
    target = labels(x, rng)
    options = {"label_smoothing": 0.1, "reduction": "none"}
    yield from _call(sx, x, target, ("combined", "gradient_soft"), **options)
    options["weight"] = weights(x, rng)
    yield from _call(sx, x, target, ("combined", "gradient_soft"), **options)


def _soft(sx: ModuleType, x: np.ndarray, rng: np.random.Generator) -> Iterator[Outcome]:
    target = distributions(x, rng)
    bounds = ("combined", "gradient_soft")
    yield from _call(sx, x, target, bounds, reduction="none")
    options = {"reduction": "mean", "weight": weights(x, rng)}
    yield from _call(sx, x, target, bounds, **options)
    x = _finite(x)
    if len(x):
        yield from _call(sx, x, distributions(x, rng), bounds, label_smoothing=0.1, **options)


def spans_a_number(x: np.ndarray, scale: float) -> np.ndarray:
    """Rows whose scaled finite logits differ by a double: beyond it a dense loss is inf."""
    finite = np.where(np.isfinite(np.asarray(x, np.float64)), np.asarray(x, np.float64), 0.0)
    half = finite.max(axis=1) / 2 - finite.min(axis=1) / 2
    return x[half * scale < np.finfo(np.float64).max / 2]


def _with_option(**options: object) -> Case:
    def case(sx: ModuleType, x: np.ndarray, rng: np.random.Generator) -> Iterator[Outcome]:
        bounds = ("combined", "combined")
        yield from _call(sx, x, labels(x, rng), bounds, reduction="none", **options)
        x = spans_a_number(x, float(options.get("logit_scale", 0.0)))
        yield from _call(sx, x, distributions(x, rng), bounds, reduction="none", **options)

    return case


_EVERYTHING = {
    "label_smoothing": 0.1,
    "z_loss": 1e-3,
    "logit_scale": 0.75,
    "softcap": 30.0,
    "reduction": "none",
}


def _everything(sx: ModuleType, x: np.ndarray, rng: np.random.Generator) -> Iterator[Outcome]:
    x = _finite(x)
    options = {**_EVERYTHING, "weight": weights(x, rng)}
    options["sample_weight"] = rng.choice([0.5, 1.0, 2.0], len(x))
    yield from _call(sx, x, labels(x, rng), ("combined", "combined"), **options)
    yield from _call(sx, x, distributions(x, rng), ("combined", "combined"), **options)


def _hessian(sx: ModuleType, x: np.ndarray, rng: np.random.Generator) -> Iterator[Outcome]:
    target = labels(x, rng)
    for options in ({}, {"weight": weights(x, rng)}, {"z_loss": 1e-3, "logit_scale": 0.75}):
        grad, hess = sx.cross_entropy_grad_hess(x, target, **options)
        expected = exact.cross_entropy(x, target, reduction="none", **options)
        bound = "combined" if "z_loss" in options else "gradient_hard"
        yield outcome("grad", bound, grad, expected.grad)
        yield outcome("hess", "combined", hess, expected.hess)


def _hessian_everything(
    sx: ModuleType, x: np.ndarray, rng: np.random.Generator
) -> Iterator[Outcome]:
    x = _finite(x)
    options = {**_EVERYTHING, "weight": weights(x, rng)}
    for target in (labels(x, rng), distributions(x, rng)):
        _, hess = sx.cross_entropy_grad_hess(x, target, **options)
        yield outcome("hess", "combined", hess, exact.cross_entropy(x, target, **options).hess)


def _row_gradients(sx: ModuleType, x: np.ndarray, rng: np.random.Generator) -> Iterator[Outcome]:
    """grad_output multiplies the rows as sample weights do, which the oracle knows."""
    target, g = labels(x, rng), rng.choice([0.3, 1.0, 2.0, 7.0], len(x))
    grad = sx.cross_entropy_grad(x, target, g, reduction="none")
    expected = exact.cross_entropy(x, target, sample_weight=g, reduction="none")
    yield outcome("grad", "gradient_hard", grad, expected.grad)


def _probabilities(sx: ModuleType, x: np.ndarray, rng: np.random.Generator) -> Iterator[Outcome]:
    probs = cast(softmax(x).value.to_float(), x.dtype)
    target = labels(np.where(probs == 0, -np.inf, probs.astype(np.float64)), rng)
    loss, grad = sx.cross_entropy_and_grad(probs, target, from_logits=False, reduction="none")
    expected = exact.cross_entropy_of_probabilities(probs, target)
    yield outcome("loss", "cross_entropy", loss, expected.loss)
    yield outcome("grad", "gradient_hard", grad, expected.grad)
    target = np.where(np.asarray(probs, np.float64) > 0, distributions(x, rng), 0).astype(x.dtype)
    loss, grad = sx.cross_entropy_and_grad(probs, target, from_logits=False, reduction="none")
    _, hess = sx.cross_entropy_grad_hess(probs, target, from_logits=False)
    expected = exact.cross_entropy_of_probabilities(probs, target)
    yield outcome("loss", "combined", loss, expected.loss)
    yield outcome("grad", "gradient_soft", grad, expected.grad)
    yield outcome("hess", "combined", hess, expected.hess)


_GAMMAS = (0.01, 0.5, 1.0, 2.0, 5.0, 50.0)


def _focal(gamma: float) -> Case:
    """Loss, gradient and Hessian; beyond an exponent of 5 the bounds grow in proportion to it."""
    share = min(1.0, 5.0 / gamma)

    def case(sx: ModuleType, x: np.ndarray, rng: np.random.Generator) -> Iterator[Outcome]:
        for measured in outcomes(sx, x, rng):
            yield measured._replace(errors=measured.errors * share)

    def outcomes(sx: ModuleType, x: np.ndarray, rng: np.random.Generator) -> Iterator[Outcome]:
        target = labels(x, rng)
        bounds = ("combined", "gradient_soft")
        plain = {"focal_gamma": gamma, "reduction": "none"}
        near = spans_a_number(x, 0.75)
        scaled = {**plain, "logit_scale": 0.75, "sample_weight": rng.choice([0.5, 2.0], len(near))}
        for rows, options in ((x, plain), (near, scaled)):
            wanted = target if rows is x else labels(rows, rng)
            yield from _call(sx, rows, wanted, bounds, **options)
            grad, hess = sx.cross_entropy_grad_hess(rows, wanted, **options)
            expected = exact.cross_entropy(rows, wanted, **options)
            yield outcome("grad", bounds[1], grad, expected.grad)
            yield outcome("hess", "combined", hess, expected.hess)
        weight = weights(x, rng)
        weight[target[0]] = 1
        ignored = np.where(np.arange(len(x)) % 4 == 3, -100, target)
        yield from _call(sx, x, ignored, bounds, focal_gamma=gamma, weight=weight)

    return case


CASES: dict[str, Case] = {
    "cross_entropy": _hard,
    "cross_entropy weighted, reduced": _hard_reduced,
    "cross_entropy label_smoothing": _smoothed,
    "cross_entropy probability targets": _soft,
    "cross_entropy z_loss": _with_option(z_loss=1e-2),
    "cross_entropy logit_scale": _with_option(logit_scale=0.7),
    "cross_entropy softcap": _with_option(softcap=30.0),
    "cross_entropy softcap of thousands": _with_option(softcap=5000.0),
    "cross_entropy every option": _everything,
    **{f"cross_entropy focal {gamma:g}": _focal(gamma) for gamma in _GAMMAS},
    "cross_entropy_grad of row gradients": _row_gradients,
    "cross_entropy_grad_hess": _hessian,
    "cross_entropy_grad_hess every option": _hessian_everything,
    "cross_entropy from_logits=False": _probabilities,
}
