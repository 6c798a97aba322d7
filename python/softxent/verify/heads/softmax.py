"""Softmax over several logits with cross-entropy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

import softxent
from softxent._machine.optional import require
from softxent.onnx.options import Options
from softxent.verify.arithmetic import Arithmetic, Array, Estimate
from softxent.verify.heads.focal import focal, torch_focal
from softxent.verify.heads.terms import Terms
from softxent.verify.tolerance import (
    ELEMENTARY,
    Distribution,
    finished,
    log_p_change,
    p_change,
    typical_of,
)

if TYPE_CHECKING:
    import torch


class Softmax:
    """See `softxent.verify.heads.Head`."""

    ignores = True

    def visible(self, columns: Any) -> Any:
        return columns

    def probabilities(self, logits: Array) -> Array:
        return softxent.softmax(logits)

    def log_probabilities(self, logits: Array) -> Array:
        return softxent.log_softmax(logits)

    def prediction(self, logits: Array) -> Array:
        return logits.argmax(axis=1)

    def loss_and_grad(self, logits: Array, target: Array, options: Options) -> tuple[Array, Array]:
        return softxent.cross_entropy_and_grad(
            logits,
            target,
            weight=options.weight,
            ignore_index=options.ignore_index,
            label_smoothing=options.label_smoothing,
            focal_gamma=options.focal_gamma,
            reduction=options.reduction,
        )

    def torch_probabilities(self, z: torch.Tensor) -> torch.Tensor:
        return _torch().softmax(z, 1)

    def torch_log_probabilities(self, z: torch.Tensor) -> torch.Tensor:
        return _torch().nn.functional.log_softmax(z, 1)

    def torch_prediction(self, z: torch.Tensor) -> torch.Tensor:
        return z.argmax(1)

    def torch_loss(self, z: torch.Tensor, target: Array, options: Options) -> torch.Tensor:
        torch = _torch()
        label = torch.tensor(target)
        if label.is_floating_point():
            label = label.to(z.dtype)
        weight = None if options.weight is None else torch.tensor(options.weight, dtype=z.dtype)
        # torch always ignores some label; without one it is a number that is no label here.
        ignored = np.iinfo(np.int64).min if options.ignore_index is None else options.ignore_index
        loss = torch.nn.functional.cross_entropy(
            z,
            label,
            weight=weight,
            ignore_index=ignored,
            label_smoothing=options.label_smoothing,
            reduction="none" if options.focal_gamma else options.reduction,
        )
        if options.focal_gamma:
            return torch_focal(z, label, loss, weight, ignored, options)
        return loss

    def distribution(self, logits: Estimate, arithmetic: Arithmetic) -> Distribution:
        value, classes = logits.value, logits.value.shape[1]
        top = value.max(axis=1, keepdims=True)
        below = value - top
        terms = np.exp(below)
        np.put_along_axis(terms, value.argmax(axis=1)[:, np.newaxis], 0.0, axis=1)
        log_sum = np.log1p(terms.sum(axis=1, keepdims=True))
        log_p = below - log_sum

        worst = logits.error.max(axis=1, keepdims=True)
        u = arithmetic.u
        rounding = u * (np.abs(below) + classes + ELEMENTARY * (1 + log_sum))
        error = log_p_change(log_p, logits.error + worst) + rounding + u * np.abs(log_p)
        p = np.exp(log_p)
        relative = np.expm1(u * (np.abs(below) + classes + 2 * ELEMENTARY))
        own = np.where(p > 0, p * relative, 0.0)
        p_error = p_change(log_p, logits.error + worst) + own
        typical = _typical_log_change(p, logits)
        return Distribution(
            finished(p, p_error, arithmetic, p * typical + own),
            finished(log_p, error, arithmetic, typical + rounding),
        )

    def terms(
        self, d: Distribution, target: Array, options: Options, arithmetic: Arithmetic
    ) -> Terms:
        classes = d.p.value.shape[1]
        q, divisor = _coefficients(target, classes, options)
        counts = q != 0
        products = np.where(counts, q * d.log_p.value, 0.0)
        rounding = arithmetic.gamma(classes + 6) * np.abs(products).sum(axis=1)
        error, typical = (
            np.where(counts, q * bound, 0.0).sum(axis=1) + rounding
            for bound in (d.log_p.error, d.log_p.typical)
        )
        rows = Estimate(-products.sum(axis=1), error, typical)
        if options.focal_gamma:
            rows = focal(rows, d, target, options.focal_gamma, arithmetic)

        sums = q.sum(axis=1, keepdims=True)
        product = np.where(sums != 0, d.p.value * sums, 0.0)
        gradient = product - q
        magnitude = np.abs(product) + np.abs(q)
        d_error = d.p.error * sums + arithmetic.gamma(classes + 6) * magnitude
        return Terms(rows, Estimate(gradient, np.where(sums != 0, d_error, 0.0)), divisor)


def _coefficients(target: Array, classes: int, options: Options) -> tuple[Array, float]:
    """q_ic = w_c ((1 - e) y_ic + e / C), 0 in ignored rows, and the divisor of the mean."""
    weight = np.ones(classes) if options.weight is None else np.asarray(options.weight)
    if target.ndim == 2:
        y, kept, divisor = target.astype(np.float64), np.ones(len(target), bool), len(target)
    else:
        kept = np.ones(len(target), bool)
        if options.ignore_index is not None:
            kept = target != options.ignore_index
        y = (target[:, np.newaxis] == np.arange(classes)) * kept[:, np.newaxis]
        divisor = (y @ weight).sum()
    smoothing = options.label_smoothing
    q = weight * (y * (1 - smoothing) + smoothing / classes)
    return q * kept[:, np.newaxis], float(divisor)


def _typical_log_change(p: Array, logits: Estimate) -> Array:
    """Mean square change of log p_j, whose derivative in logit k is [j = k] - p_k."""
    squares = typical_of(logits) ** 2
    others = (p**2 * squares).sum(axis=1, keepdims=True) - p**2 * squares
    return np.sqrt((1 - p) ** 2 * squares + np.maximum(others, 0.0))


def _torch() -> Any:
    return require("torch", "torch", "verification against torch")
