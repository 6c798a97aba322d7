"""Losses and their gradients with bounds, before they are reduced."""

from __future__ import annotations

from dataclasses import dataclass

from softxent.onnx.options import Options
from softxent.verify.arithmetic import Estimate


@dataclass(frozen=True)
class Terms:
    """Losses of the rows, their gradients in the logits, and the divisor of the mean."""

    losses: Estimate
    gradients: Estimate
    divisor: float

    def undefined(self, options: Options) -> bool:
        """Whether the mean divides something by 0, as where all labels have the weight 0."""
        nothing = options.reduction == "mean" and self.divisor == 0
        return nothing and bool(self.gradients.value.any())
