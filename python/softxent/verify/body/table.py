"""The rule of every operator that has one, by domain and name."""

from __future__ import annotations

from softxent.verify.body import (
    convolution,
    elementwise,
    linear,
    logic,
    ml,
    normalisation,
    pooling,
    quantised,
    reduction,
    shape,
)
from softxent.verify.body.operators import Rule

_STANDARD = (
    linear, convolution, elementwise, logic, normalisation, pooling, quantised, reduction, shape,
)  # fmt: skip

RULES: dict[tuple[str, str], Rule] = {
    **{("", name): rule for family in _STANDARD for name, rule in family.RULES.items()},
    **{("ai.onnx.ml", name): rule for name, rule in ml.RULES.items()},
    **{("com.microsoft", name): rule for name, rule in quantised.ONNXRUNTIME_RULES.items()},
}
