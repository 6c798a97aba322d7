"""Sigmoid of one logit with binary cross-entropy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

import softxent
from softxent._machine.optional import require
from softxent.onnx.options import Options
from softxent.verify.arithmetic import Arithmetic, Array, Estimate
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


class Sigmoid:
    """See `softxent.verify.heads.Head`."""

    ignores = False

    def visible(self, columns: Any) -> Any:
        return columns[:, 0]

    def probabilities(self, logits: Array) -> Array:
        return softxent.sigmoid(logits)

    def log_probabilities(self, logits: Array) -> Array:
        return softxent.log_sigmoid(logits)

    def prediction(self, logits: Array) -> Array:
        return (logits > 0).astype(np.int64)

    def loss_and_grad(self, logits: Array, target: Array, options: Options) -> tuple[Array, Array]:
        smoothing = options.label_smoothing
        t = target.astype(np.float64) * (1 - smoothing) + smoothing / 2
        negative, positive = options.weight or (1.0, 1.0)
        # -a log p - b log(1 - p) is a + b times the loss of the target a / (a + b).
        a, b = positive * t, negative * (1 - t)
        share = np.divide(a, a + b, out=np.zeros_like(a), where=a + b > 0)
        loss, gradient = softxent.binary_cross_entropy_and_grad(
            logits, share, weight=a + b, reduction=options.reduction
        )
        return loss, gradient[:, np.newaxis]

    def torch_probabilities(self, z: torch.Tensor) -> torch.Tensor:
        return z.sigmoid()

    def torch_log_probabilities(self, z: torch.Tensor) -> torch.Tensor:
        return _torch().nn.functional.logsigmoid(z)

    def torch_prediction(self, z: torch.Tensor) -> torch.Tensor:
        return (z > 0).long()

    def torch_loss(self, z: torch.Tensor, target: Array, options: Options) -> torch.Tensor:
        torch = _torch()
        log = torch.nn.functional.logsigmoid
        smoothing = options.label_smoothing
        t = torch.tensor(target).to(z.dtype) * (1 - smoothing) + smoothing / 2
        negative, positive = options.weight or (1.0, 1.0)
        rows = -positive * t * log(z) - negative * (1 - t) * log(-z)
        return {"none": rows, "sum": rows.sum(), "mean": rows.mean()}[options.reduction]

    def distribution(self, logits: Estimate, arithmetic: Arithmetic) -> Distribution:
        x, u = logits.value, arithmetic.u
        small = np.log1p(np.exp(-np.abs(x)))
        log_p, log_q = np.minimum(x, 0) - small, np.minimum(-x, 0) - small
        errors = [
            log_p_change(log, logits.error) + u * (2 * ELEMENTARY + np.abs(log))
            for log in (log_p, log_q)
        ]
        p, q, typical = np.exp(log_p), np.exp(log_q), typical_of(logits)
        own = 2 * ELEMENTARY * u
        p_error = p_change(log_p, logits.error) + own * p
        log_typical = q * typical + own + u * np.abs(log_p)
        return Distribution(
            finished(p, p_error, arithmetic, p * q * typical + own * p),
            finished(log_p, errors[0], arithmetic, log_typical),
            finished(log_q, errors[1], arithmetic, p * typical + own + u * np.abs(log_q)),
        )

    def terms(
        self, d: Distribution, target: Array, options: Options, arithmetic: Arithmetic
    ) -> Terms:
        assert d.log_q is not None
        t = target.astype(np.float64)
        t = t * (1 - options.label_smoothing) + options.label_smoothing / 2
        negative, positive = options.weight or (1.0, 1.0)
        a, b = positive * t, negative * (1 - t)
        parts = [(a, d.log_p), (b, d.log_q)]
        value, error, typical = (
            np.sum([np.where(c != 0, c * getattr(log, kind), 0.0) for c, log in parts], axis=0)
            for kind in ("value", "error", "typical")
        )
        rounding = arithmetic.gamma(8) * np.abs(value)
        rows = Estimate(-value, error + rounding, typical + rounding)

        product = (a + b) * d.p.value
        d_error = (a + b) * d.p.error + arithmetic.gamma(8) * (product + a)
        column = Estimate((product - a)[:, np.newaxis], d_error[:, np.newaxis])
        return Terms(rows, column, float(len(t)))


def _torch() -> Any:
    return require("torch", "torch", "verification against torch")
