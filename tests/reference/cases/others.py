"""nll_loss, LogSumExp and linear_cross_entropy.

The capped logits of the latter are rounded as products are, so `softcap` is not held against
bounds here.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType

import numpy as np

from .. import cross_entropy as exact
from ..dtypes import cast
from ..softmax import Exact, log_softmax, logsumexp
from ..wide import Wide, largest, largest_along, where
from .losses import distributions, labels, spans_a_number, weights
from .outcome import Case, Outcome, outcome


def _nll_exact(log_probs: np.ndarray, y: np.ndarray, weight: np.ndarray) -> tuple[Wide, Wide]:
    """Losses of the rows, and the terms that they are the sums of."""
    coefficients = Wide.of(y) * np.asarray(weight, np.float64)
    unused = coefficients.hi == 0
    terms = where(unused, 0.0, -coefficients * where(unused, 0.0, Wide.of(log_probs)))
    return terms.sum(), largest_along(terms, 1)


def _nll(sx: ModuleType, x: np.ndarray, rng: np.random.Generator) -> Iterator[Outcome]:
    log_probs = cast(log_softmax(x).value.to_float(), x.dtype)
    target, weight = labels(x, rng), weights(x, rng)
    weight[target[0]] = 1  # so that the divisor of the mean is not 0
    rows, _ = _nll_exact(log_probs, np.arange(x.shape[1]) == target[:, None], weight)
    losses = sx.nll_loss(log_probs, target, weight=weight, reduction="none")
    yield outcome("loss", "cross_entropy", losses, Exact(rows))
    loss, grad = sx.nll_loss_and_grad(log_probs, target, weight=weight)
    divisor = Wide.of(np.asarray(weight, np.float64)[target]).sum()
    mean = rows.sum() / divisor
    scale = largest([mean, largest_along(rows, 0) / divisor])
    yield outcome("loss", "combined", loss, Exact(mean, scale))
    at_label = Wide.of(np.arange(x.shape[1]) == target[:, None]) * np.asarray(weight, np.float64)
    yield outcome("grad", "gradient_hard", grad, Exact(-at_label / divisor))


def _nll_soft(sx: ModuleType, x: np.ndarray, rng: np.random.Generator) -> Iterator[Outcome]:
    log_probs = cast(log_softmax(x).value.to_float(), x.dtype)
    target, weight = distributions(x, rng), weights(x, rng)
    rows, scale = _nll_exact(log_probs, target, weight)
    losses, grad = sx.nll_loss_and_grad(log_probs, target, weight=weight, reduction="none")
    yield outcome("loss", "combined", losses, Exact(rows, largest([rows, scale])))
    exact_grad = -(Wide.of(target) * np.asarray(weight, np.float64))
    yield outcome("grad", "gradient_soft", grad, Exact(exact_grad))


def _stream(sx: ModuleType, x: np.ndarray, rng: np.random.Generator) -> Iterator[Outcome]:
    """Chunks of random sizes in random order, merged from three objects."""
    streams = [sx.LogSumExp(shape=(len(x),)) for _ in range(3)]
    cuts = np.sort(rng.integers(0, x.shape[1] + 1, 6))
    chunks = np.split(x, cuts, axis=1)
    for k in rng.permutation(len(chunks)):
        streams[rng.integers(3)].update(chunks[k])
    streams[1].merge(streams[2])
    streams[1].merge(streams[0])
    yield outcome("LogSumExp", "logsumexp", streams[1].result(), logsumexp(x)[0])


def _layer(
    sx: ModuleType,
    x: np.ndarray,
    target: np.ndarray,
    bounds: tuple[str, str],
    weight: np.ndarray | None = None,
    **options: object,
) -> Iterator[Outcome]:
    """Each row as a layer of one feature, whose products 1 * x are exact."""
    if not len(x):
        yield outcome("loss", bounds[0], np.empty(0), Exact(Wide.of(np.empty(0))))
    for row, y in zip(x, target, strict=True):
        loss, grads = sx.linear_cross_entropy_and_grad(
            np.ones((1, 1), x.dtype), row[:, None], y[None], class_weight=weight, **options
        )
        expected = exact.cross_entropy(row[None], y[None], weight=weight, **options)
        yield outcome("loss", bounds[0], loss, expected.loss)
        yield outcome("grad", bounds[1], grads[1].T, expected.grad)


def _linear(sx: ModuleType, x: np.ndarray, rng: np.random.Generator) -> Iterator[Outcome]:
    bounds = ("cross_entropy", "gradient_hard")
    yield from _layer(sx, x, labels(x, rng), bounds, reduction="sum")


def _linear_soft(sx: ModuleType, x: np.ndarray, rng: np.random.Generator) -> Iterator[Outcome]:
    x = spans_a_number(x, 1.0)
    bounds = ("combined", "gradient_soft")
    yield from _layer(sx, x, distributions(x, rng), bounds, reduction="sum")


def _linear_options(sx: ModuleType, x: np.ndarray, rng: np.random.Generator) -> Iterator[Outcome]:
    x = spans_a_number(x[np.isfinite(np.asarray(x, np.float64)).all(axis=1)], 1.0)
    options = {"label_smoothing": 0.1, "z_loss": 1e-3, "reduction": "sum"}
    for target in (labels(x, rng), distributions(x, rng)):
        yield from _layer(sx, x, target, ("combined", "combined"), weights(x, rng), **options)


CASES: dict[str, Case] = {
    "nll_loss": _nll,
    "nll_loss probability targets": _nll_soft,
    "LogSumExp": _stream,
    "linear_cross_entropy": _linear,
    "linear_cross_entropy probability targets": _linear_soft,
    "linear_cross_entropy options": _linear_options,
}
