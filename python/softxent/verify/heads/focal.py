"""Focal loss: losses of rows times (1 - p_t)^gamma, 1 - p_t as the sum of the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from softxent._machine.optional import require
from softxent.onnx.options import Options
from softxent.verify.arithmetic import Arithmetic, Array, Estimate
from softxent.verify.tolerance import ELEMENTARY, Distribution

if TYPE_CHECKING:
    import torch


def focal(
    rows: Estimate, d: Distribution, target: Array, gamma: float, arithmetic: Arithmetic
) -> Estimate:
    """Estimate focal losses from those without the factor.

    A power s^gamma of a sum that is off by e lies between (s - e)^gamma and (s + e)^gamma.
    """
    classes = d.p.value.shape[1]
    others = target[:, np.newaxis] != np.arange(classes)
    share = np.where(others, d.p.value, 0.0).sum(axis=1)
    power = share**gamma
    rounding = ELEMENTARY * arithmetic.u * power + arithmetic.tiny

    def change(part: Array) -> Array:
        error = np.where(others, part, 0.0).sum(axis=1) + arithmetic.gamma(classes) * share
        up, down = (share + error) ** gamma - power, power - np.maximum(share - error, 0.0) ** gamma
        return np.maximum(up, down) + rounding

    value = np.where(power > 0, rows.value * power, 0.0)
    magnitude = np.where(np.isfinite(rows.value), np.abs(rows.value), 0.0)

    def carried(own: Array, of_power: Array) -> Array:
        product = own * (power + of_power) + magnitude * of_power
        return product + arithmetic.gamma(2) * np.abs(value)

    error = carried(rows.error, change(d.p.error))
    typical = None
    if rows.typical is not None and d.p.typical is not None:
        typical = carried(rows.typical, change(d.p.typical))
    return arithmetic.rounded(value, np.where(np.isfinite(value), error, 0.0), 1, typical)


def torch_focal(
    z: torch.Tensor,
    label: torch.Tensor,
    rows: torch.Tensor,
    weight: torch.Tensor | None,
    ignored: int,
    options: Options,
) -> torch.Tensor:
    """Reduce focal losses, given those without the factor."""
    torch = require("torch", "torch", "verification against torch")
    kept = label != ignored
    safe = torch.where(kept, label, 0)[:, None]
    rows = rows * torch.softmax(z, 1).scatter(1, safe, 0.0).sum(1) ** options.focal_gamma
    if options.reduction == "none":
        return rows
    counts = kept.to(z.dtype) if weight is None else weight[safe[:, 0]] * kept
    return rows.sum() / counts.sum() if options.reduction == "mean" else rows.sum()
