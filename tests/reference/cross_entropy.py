"""Exact cross-entropy with every option, its gradient and the diagonal of its Hessian.

Rows are the first axis, classes the second. Notation: u = logit_scale * x, z = softcap of u,
k = w * y' (class weight times smoothed target), Y = sum of k over the classes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .elementary import exp, log, tanh
from .softmax import Exact, Normalised, normalise
from .wide import Wide, largest, largest_along, where


@dataclass(frozen=True)
class CrossEntropy:
    """Exact loss (reduced as asked), gradient and Hessian diagonal."""

    loss: Exact
    grad: Exact
    hess: Exact


@dataclass(frozen=True)
class _Targets:
    coefficients: Wide  # (N, C) k, zero in ignored rows
    hard: bool  # a single nonzero coefficient per row, by construction
    loss_factor: Wide  # (N,) sample weight and reduction, for the cross-entropy
    z_factor: Wide  # (N,) the same for z_loss, which class weights do not touch

    @property
    def total(self) -> Wide:
        return self.coefficients.sum()[:, None]


def cross_entropy(
    logits: np.ndarray,
    target: np.ndarray,
    *,
    weight: np.ndarray | None = None,
    sample_weight: np.ndarray | None = None,
    ignore_index: int | None = -100,
    label_smoothing: float = 0.0,
    reduction: str = "mean",
    z_loss: float = 0.0,
    logit_scale: float = 1.0,
    softcap: float | None = None,
) -> CrossEntropy:
    """Exact results for a matrix of logits whose rows hold no NaN and no +inf.

    The scales follow the table of bounds: hard labels without options are judged in ULP of the
    exact value, everything else in ULP of its largest term.
    """
    logits = np.asarray(logits)
    targets = _targets(
        logits.shape, target, weight, sample_weight, ignore_index, label_smoothing, reduction
    )
    z, slope, curvature = _transformed(logits, logit_scale, softcap)
    rows = normalise(z)
    plain = targets.hard and z_loss == 0.0 and softcap is None
    return CrossEntropy(
        _loss(rows, z, targets, z_loss, plain, softcap, reduction),
        _gradient(rows, targets, z_loss, slope, plain),
        _hessian(rows, targets, z_loss, slope, curvature),
    )


def _targets(
    shape: tuple[int, int],
    target: np.ndarray,
    weight: np.ndarray | None,
    sample_weight: np.ndarray | None,
    ignore_index: int | None,
    label_smoothing: float,
    reduction: str,
) -> _Targets:
    count, classes = shape
    target = np.asarray(target)
    weights = np.ones(classes) if weight is None else np.asarray(weight, np.float64)
    row_weight = np.ones(count) if sample_weight is None else np.asarray(sample_weight, np.float64)
    smoothing = Wide.of(label_smoothing)
    if target.ndim == 1:
        kept = np.ones(count, bool) if ignore_index is None else target != ignore_index
        label = np.where(kept, target, 0)
        distribution = Wide.of(np.arange(classes) == label[:, None])
        row_weight = np.where(kept, row_weight, 0.0)
        divisor = (Wide.of(row_weight) * weights[label]).sum()
    else:
        kept = np.ones(count, bool)
        distribution = Wide.of(target)
        divisor = Wide.of(row_weight).sum()
    smoothed = distribution * (1.0 - smoothing) + smoothing / float(classes)
    coefficients = where(kept[:, None], smoothed * weights, 0.0)
    loss_factor = z_factor = Wide.of(row_weight)
    if reduction == "mean":
        loss_factor, z_factor = loss_factor / divisor, z_factor / Wide.of(row_weight).sum()
    hard = target.ndim == 1 and label_smoothing == 0.0
    return _Targets(coefficients, hard, loss_factor, z_factor)


def _transformed(
    logits: np.ndarray, logit_scale: float, softcap: float | None
) -> tuple[Wide, Wide, Wide]:
    """z with its first and second derivative in the logits as given."""
    u = Wide.of(logits) * logit_scale
    slope = Wide.of(np.full(logits.shape, logit_scale))
    if softcap is None:
        return u, slope, Wide.of(np.zeros(logits.shape))
    ratio = u / softcap
    capped = tanh(ratio)
    decay = exp(-2.0 * abs(ratio))
    sech_squared = 4.0 * decay / ((1.0 + decay) * (1.0 + decay))
    curvature = -2.0 * capped * sech_squared * slope * slope / softcap
    return capped * softcap, sech_squared * slope, curvature


def _loss(
    rows: Normalised,
    z: Wide,
    targets: _Targets,
    z_loss: float,
    plain: bool,
    softcap: float | None,
    reduction: str,
) -> Exact:
    unused = targets.coefficients.hi == 0
    terms = where(unused, 0.0, targets.coefficients * where(unused, 0.0, rows.losses))
    terms = terms * targets.loss_factor[:, None]
    regulariser = z_loss * rows.logsumexp * rows.logsumexp * targets.z_factor
    value = terms.sum() + regulariser
    scale = None
    if not plain:
        # lse is only known to an ULP of max(abs(lse), abs(max z)): that is the size of its term.
        size = largest([rows.logsumexp, rows.maximum])
        parts = [value, largest_along(terms, 1), z_loss * size * size * targets.z_factor]
        if softcap is not None:
            # The two capped logits of a difference lse - z are terms of their own.
            capped = where(unused, 0.0, targets.coefficients * where(unused, 0.0, abs(z)))
            capped = largest([largest_along(capped, 1), targets.total[:, 0] * rows.maximum])
            parts.append(capped * targets.loss_factor)
        scale = largest(parts)
    if reduction == "none":
        return Exact(value, scale)
    total = value.sum(axis=0)
    return Exact(total, largest([total, largest_along(value if scale is None else scale, 0)]))


def _gradient(
    rows: Normalised, targets: _Targets, z_loss: float, slope: Wide, plain: bool
) -> Exact:
    value, scale = _gradient_in_z(rows, targets, z_loss)
    return Exact(value * slope, None if plain else scale * abs(slope))


def _gradient_in_z(rows: Normalised, targets: _Targets, z_loss: float) -> tuple[Wide, Wide]:
    """p * Y - k, as -k * (1 - p) at a hard label, plus 2 * z_loss * lse * p."""
    p, k, factor = rows.probabilities, targets.coefficients, targets.loss_factor[:, None]
    entropy = p * targets.total - k
    if targets.hard:
        entropy = where(k.hi != 0, -k * rows.complements, entropy)
    regulariser = 2.0 * z_loss * targets.z_factor[:, None] * p
    size = largest([rows.logsumexp, rows.maximum])[:, None]
    value = entropy * factor + regulariser * rows.logsumexp[:, None]
    scale = largest([p * targets.total * factor, k * factor, regulariser * size])
    return value, scale


def _hessian(
    rows: Normalised, targets: _Targets, z_loss: float, slope: Wide, curvature: Wide
) -> Exact:
    """(second derivative in z) * slope**2 + (first derivative in z) * curvature."""
    p, factor = rows.probabilities, targets.loss_factor[:, None]
    variance = p * rows.complements
    regulariser = 2.0 * z_loss * targets.z_factor[:, None]
    first, first_scale = _gradient_in_z(rows, targets, z_loss)
    entropy = variance * targets.total * factor
    second = entropy + regulariser * (p * p + rows.logsumexp[:, None] * variance)
    size = largest([rows.logsumexp, rows.maximum])[:, None]
    terms = [entropy, regulariser * p * p, regulariser * size * variance]
    square = slope * slope
    value = second * square + first * curvature
    return Exact(value, largest([largest(terms) * square, first_scale * curvature]))


def cross_entropy_of_probabilities(probs: np.ndarray, target: np.ndarray) -> CrossEntropy:
    """-sum(y * log p) of each row, from_logits=False, with its two derivatives in p."""
    probs, target = np.asarray(probs), np.asarray(target)
    if target.ndim == 1:
        target = np.arange(probs.shape[1]) == target[:, None]
    y, p = Wide.of(target), Wide.of(probs)
    unused = y.hi == 0
    terms = where(unused, 0.0, y * log(where(unused, 1.0, p)))
    safe = where(unused, 1.0, p)
    value = -terms.sum()
    return CrossEntropy(
        Exact(value, largest([value, largest_along(terms, 1)])),
        Exact(-(y / safe)),
        Exact(y / (safe * safe)),
    )
