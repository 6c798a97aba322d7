"""Operators without a rule: what perturbed runs of onnx's own implementation show.

This is an estimate, not a bound: the operands are moved by their bounds with random signs, and the
result of the operator in its own type is held against that in float64.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from softxent.verify.arithmetic import Array
from softxent.verify.body.bounded import Bounded, arithmetic_of, is_floating, with_errors
from softxent.verify.body.operators import Call, NotUnderstood, present

#: Perturbed runs, and the factor on the largest change that they show.
RUNS, MARGIN = 8, 8.0

#: Operators that onnx's implementation and onnxruntime compute differently where no rule covers
#: them: Platt's probabilities, and what becomes of the one score that tells two classes apart.
_DIFFERENT = frozenset(("SVMClassifier", "LinearClassifier"))

#: Units in the last place of the largest result that are granted at least.
_LEAST = 32.0


def estimated(call: Call, operands: Sequence[Bounded | None]) -> list[Bounded]:
    """Results of a node, with errors estimated from perturbed runs.

    Raises
    ------
    NotUnderstood
        If onnx's reference implementation cannot compute it, or is no measure of runtimes.
    """
    if call.operator in _DIFFERENT and call.domain == "ai.onnx.ml":
        raise NotUnderstood(f"onnx's implementation of {call.label} is not that of runtimes")
    given = [None if a is None else a.value for a in operands]
    values = [_array(call, value) for value in call.reference(*given)]
    narrow = [
        None if a is None else a.value.astype(a.dtype) if a.floating else a.value for a in operands
    ]
    own = [np.asarray(value) for value in call.reference(*narrow)]
    dtypes = [array.dtype for array in own]
    if all(a.exact for a in present(operands)) and not any(map(is_floating, dtypes)):
        return [Bounded(value, dtype) for value, dtype in zip(values, dtypes, strict=True)]
    rng, changes = np.random.default_rng(0), [np.zeros(v.shape) for v in values]
    for _ in range(RUNS):
        moved = call.reference(*(None if a is None else _perturbed(a, rng) for a in operands))
        for k, (value, other) in enumerate(zip(values, moved, strict=True)):
            changes[k] = np.maximum(changes[k], _distance(value, np.asarray(other)))
    return [
        _with_estimate(value, dtype, change, _distance(value, rounded))
        for value, dtype, change, rounded in zip(values, dtypes, changes, own, strict=True)
    ]


def _array(call: Call, value: Any) -> Array:
    if isinstance(value, list | dict):
        raise NotUnderstood(f"{call.label} computes a sequence or a map, not an array")
    return np.asarray(value)


def _perturbed(a: Bounded, rng: np.random.Generator) -> Array:
    if a.exact or a.value.dtype.kind != "f":
        return a.value
    error = np.where(np.isfinite(a.e), a.e, 0.0)
    return a.value + error * rng.choice([-1.0, 1.0], a.value.shape)


def _distance(value: Array, other: Array) -> Array:
    """Distance of two results; of texts, infinite where they differ."""
    if value.shape != other.shape:
        return np.full(value.shape, np.inf)
    if value.dtype.kind not in "fiub":
        return np.where(value == other, 0.0, np.inf)
    a, b = value.astype(np.float64), other.astype(np.float64)
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    return np.where(same, 0.0, np.abs(a - b))


def _with_estimate(value: Array, dtype: np.dtype[Any], change: Array, rounding: Array) -> Bounded:
    if not is_floating(dtype):
        doubt = np.maximum(change, rounding)
        return with_errors(value, dtype, doubt, doubt)
    u = arithmetic_of(dtype)
    finite = np.abs(value[np.isfinite(value)])
    least = _LEAST * max(u.u, u.store) * float(finite.max(initial=0.0))
    error = MARGIN * (change + rounding.max(initial=0.0)) + least
    return with_errors(value, dtype, error, error)
