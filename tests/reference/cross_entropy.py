"""Exact cross-entropy with every option, its gradient and the diagonal of its Hessian.

Rows are the first axis, classes the second. Notation: u = logit_scale * x, z = softcap of u,
k = w * y' (class weight times smoothed target), Y = sum of k over the classes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from .elementary import exp, log, tanh
from .softmax import Exact, normalise
from .wide import Wide, largest, largest_along, where


@dataclass(frozen=True)
class _Targets:
    coefficients: Wide  # (N, C) k, zero in ignored rows
    label: np.ndarray | None  # (N,) any class in ignored rows; None for probabilities
    hard: bool  # a single nonzero coefficient per row, by construction
    loss_factor: Wide  # (N,) sample weight and reduction, for the cross-entropy
    z_factor: Wide  # (N,) the same for z_loss, which class weights do not touch

    @property
    def total(self) -> Wide:
        return self.coefficients.sum()[:, None]


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
    label = None
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
    return _Targets(coefficients, label, hard, loss_factor, z_factor)


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


class CrossEntropy:
    """Exact loss (reduced as asked), gradient and Hessian diagonal of one batch.

    The scales follow the table of bounds: hard labels without options are judged in ULP of the
    exact value, everything else in ULP of its largest term.
    """

    def __init__(
        self,
        logits: np.ndarray,
        targets: _Targets,
        reduction: str,
        z_loss: float,
        logit_scale: float,
        softcap: float | None,
    ) -> None:
        self.targets, self.reduction, self.z_loss = targets, reduction, z_loss
        self.capped = softcap is not None
        self.z, self.slope, self.curvature = _transformed(logits, logit_scale, softcap)
        self.rows = normalise(self.z)
        self.plain = targets.hard and z_loss == 0.0 and softcap is None

    @property
    def lse_size(self) -> Wide:
        """lse is known to an ULP of max(abs(lse), abs(max z)): that is the size of its term."""
        return largest([self.rows.logsumexp, self.rows.maximum])

    @cached_property
    def loss(self) -> Exact:
        targets = self.targets
        terms = self._weighted(self.rows.losses) * targets.loss_factor[:, None]
        lse = self.rows.logsumexp
        value = terms.sum() + self.z_loss * lse * lse * targets.z_factor
        scale = None if self.plain else self._loss_scale(value, terms)
        if self.reduction == "none":
            return Exact(value, scale)
        total = value.sum(axis=0)
        return Exact(total, largest([total, largest_along(value if scale is None else scale, 0)]))

    def _weighted(self, values: Wide) -> Wide:
        """Coefficients times values, where 0 times infinity is 0."""
        unused = self.targets.coefficients.hi == 0
        return self.targets.coefficients * where(unused, 0.0, values)

    def _loss_scale(self, value: Wide, terms: Wide) -> Wide:
        targets, size = self.targets, self.lse_size
        parts = [value, largest_along(terms, 1), self.z_loss * size * size * targets.z_factor]
        if self.capped:
            # The two capped logits of a difference lse - z are terms of their own.
            at_targets = largest_along(self._weighted(self.z), 1)
            at_maximum = targets.total[:, 0] * self.rows.maximum
            parts.append(largest([at_targets, at_maximum]) * targets.loss_factor)
        return largest(parts)

    @cached_property
    def grad(self) -> Exact:
        value, scale = self._grad_in_z
        return Exact(value * self.slope, None if self.plain else scale * abs(self.slope))

    @cached_property
    def _grad_in_z(self) -> tuple[Wide, Wide]:
        """p * Y - k, as -k * (1 - p) at a hard label, plus 2 * z_loss * lse * p; its scale."""
        rows, targets = self.rows, self.targets
        p, k, factor = rows.probabilities, targets.coefficients, targets.loss_factor[:, None]
        attraction = p * targets.total
        entropy = attraction - k
        if targets.hard:
            entropy = where(k.hi != 0, -k * rows.complements, entropy)
        if self.plain:
            return entropy * factor, entropy * factor
        regulariser = 2.0 * self.z_loss * targets.z_factor[:, None] * p
        value = entropy * factor + regulariser * rows.logsumexp[:, None]
        terms = [attraction * factor, k * factor, regulariser * self.lse_size[:, None]]
        return value, largest(terms)

    @cached_property
    def hess(self) -> Exact:
        """(second derivative in z) * slope**2 + (first derivative in z) * curvature."""
        rows, targets = self.rows, self.targets
        p, variance = rows.probabilities, rows.probabilities * rows.complements
        entropy = variance * targets.total * targets.loss_factor[:, None]
        regulariser = 2.0 * self.z_loss * targets.z_factor[:, None]
        second = entropy + regulariser * (p * p + rows.logsumexp[:, None] * variance)
        terms = [entropy, regulariser * p * p, regulariser * self.lse_size[:, None] * variance]
        square = self.slope * self.slope
        first, first_scale = self._grad_in_z
        value = second * square + first * self.curvature
        return Exact(value, largest([largest(terms) * square, first_scale * self.curvature]))


class FocalCrossEntropy(CrossEntropy):
    """The same with (1 - p_t)**gamma before the loss of a label t, and without any other option.

    With q = 1 - p_t, n = -log p_t, s = (p n) / q and d = p - [c = t], the gradient is A d and the
    diagonal A p (1 - p) + B d**2, A = q**gamma (1 + gamma s), B = -p_t dA/dp_t. All factors are
    those of the label.
    """

    def __init__(self, logits: np.ndarray, targets: _Targets, reduction: str, scale: float, gamma):
        super().__init__(logits, targets, reduction, 0.0, scale, None)
        rows, gamma = np.arange(len(logits)), Wide.of(gamma)
        p, q, n = (
            part[rows, targets.label]
            for part in (self.rows.probabilities, self.rows.complements, self.rows.losses)
        )
        pn = where(p.hi == 0, 0.0, p * n)
        nothing = q.hi == 0  # the limit of everything is 0
        q = where(nothing, 1.0, q)
        s = pn / q
        self.power = where(nothing, 0.0, exp(gamma * log(q)))
        self.pull = self.power * (gamma * s + 1.0)
        before = self.power * gamma / q
        self.bend_terms = [before * part for part in (p * 2.0, -pn, (gamma - 1.0) * p * s)]
        self.at_label = np.arange(logits.shape[1]) == targets.label[:, None]
        self.kept = self.targets.coefficients.sum() * targets.loss_factor

    @cached_property
    def loss(self) -> Exact:
        """A product: one term a row, in ULP of which it is judged."""
        terms = self._weighted(self.rows.losses) * self.targets.loss_factor[:, None]
        value = where(self.power.hi == 0, 0.0, terms.sum() * self.power)
        if self.reduction == "none":
            return Exact(value)
        return Exact(value.sum(axis=0), largest_along(value, 0))

    @cached_property
    def _grad_in_z(self) -> tuple[Wide, Wide]:
        p, scale = self.rows.probabilities, (self.kept * self.pull)[:, None]
        value = where(self.at_label, -scale * self.rows.complements, scale * p)
        return value, where(self.at_label, scale, scale * p)

    @cached_property
    def grad(self) -> Exact:
        value, scale = self._grad_in_z
        return Exact(value * self.slope, scale * abs(self.slope))

    @cached_property
    def hess(self) -> Exact:
        p, q = self.rows.probabilities, self.rows.complements
        d = where(self.at_label, q, p)
        terms = [self.pull[:, None] * p * q, *(b[:, None] * d * d for b in self.bend_terms)]
        factor = self.kept[:, None] * self.slope * self.slope
        value = terms[0] + terms[1] + terms[2] + terms[3]
        return Exact(value * factor, largest(terms) * factor)


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
    focal_gamma: float = 0.0,
) -> CrossEntropy:
    """Exact results for a matrix of logits whose rows hold no NaN and no +inf."""
    logits = np.asarray(logits)
    targets = _targets(
        logits.shape, target, weight, sample_weight, ignore_index, label_smoothing, reduction
    )
    if focal_gamma:
        return FocalCrossEntropy(logits, targets, reduction, logit_scale, focal_gamma)
    return CrossEntropy(logits, targets, reduction, z_loss, logit_scale, softcap)


class CrossEntropyOfProbabilities(NamedTuple):
    """Exact row losses and their first and second derivative."""

    loss: Exact
    grad: Exact
    hess: Exact


def cross_entropy_of_probabilities(
    probs: np.ndarray, target: np.ndarray
) -> CrossEntropyOfProbabilities:
    """-sum(y * log p) of each row, from_logits=False, with its two derivatives in p."""
    probs, target = np.asarray(probs), np.asarray(target)
    if target.ndim == 1:
        target = np.arange(probs.shape[1]) == target[:, None]
    y, p = Wide.of(target), Wide.of(probs)
    unused = y.hi == 0
    terms = where(unused, 0.0, y * log(where(unused, 1.0, p)))
    safe = where(unused, 1.0, p)
    value = -terms.sum()
    return CrossEntropyOfProbabilities(
        Exact(value, largest([value, largest_along(terms, 1)])),
        Exact(-(y / safe)),
        Exact(y / (safe * safe)),
    )
