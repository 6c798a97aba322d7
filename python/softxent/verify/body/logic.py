"""Comparisons, choices and places of extremes: what an error may turn over."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from softxent.verify.arithmetic import Array
from softxent.verify.body.bounded import Bounded, with_errors
from softxent.verify.body.operators import Call, NoRule, Rule

_BOOL = np.dtype(np.bool_)


def decided(value: Array, doubt: Any, doubt_in_square: Any, distance: float = 1.0) -> Bounded:
    """A truth or a place that is off by `distance` at most where it is in doubt."""
    value = np.asarray(value)
    if not np.any(doubt) and not np.any(doubt_in_square):
        return Bounded(value, value.dtype)
    errors = (np.where(d, distance, 0.0) for d in (doubt, doubt_in_square))
    return with_errors(value, value.dtype, *errors)


def comparison(compare: Callable[[Array, Array], Array]) -> Rule:
    """Rule of =, <, >, ≤ and ≥."""

    def apply(call: Call, a: Bounded, b: Bounded) -> Bounded:
        value = compare(a.value, b.value)
        if a.exact and b.exact:
            return Bounded(np.asarray(value), _BOOL)
        distance = np.abs(a.value - b.value)
        near = [(distance <= e) & ((np.asarray(a.e) + b.e) > 0) for e in (a.e + b.e, a.t + b.t)]
        return decided(value, near[0], near[1])

    return apply


def logical(combine: Callable[..., Array]) -> Rule:
    """Rule of and, or, xor and not: in doubt where an operand is."""

    def apply(call: Call, *operands: Bounded) -> Bounded:
        value = combine(*(a.value for a in operands))
        doubts = [
            np.any([np.broadcast_to(e, value.shape) > 0 for e in errors], axis=0)
            for errors in ([a.e for a in operands], [a.t for a in operands])
        ]
        return decided(value, doubts[0], doubts[1])

    return apply


def where(call: Call, condition: Bounded, a: Bounded, b: Bounded) -> Bounded:
    """a or b; the distance to the other one more where the condition is in doubt."""
    value = np.where(condition.value, a.value, b.value)
    dtype = a.dtype
    if condition.exact and a.exact and b.exact:
        return Bounded(value, dtype)
    if value.dtype.kind not in "fiub":
        raise NoRule
    other = np.abs(np.where(condition.value, b.value, a.value).astype(np.float64) - value)
    errors = []
    for doubt, e, f in ((condition.e, a.e, b.e), (condition.t, a.t, b.t)):
        own = np.where(condition.value, e, f)
        opposite = np.where(condition.value, f, e)
        errors.append(np.where(np.asarray(doubt) > 0, np.maximum(own, other + opposite), own))
    return with_errors(value, dtype, errors[0], errors[1])


def arg_extreme(sign: int) -> Rule:
    """Place of the largest or smallest: in doubt where another is as large within the errors."""

    def apply(call: Call, a: Bounded) -> Bounded:
        value = np.asarray(call.reference(a.value)[0])
        axis, keep = call.attribute("axis", 0), call.attribute("keepdims", 1)
        if a.exact:
            return Bounded(value, value.dtype)
        place = value if keep else np.expand_dims(value, axis)
        doubts = []
        for error in (a.e, a.t):
            error = np.broadcast_to(error, a.value.shape)
            chosen = np.take_along_axis(sign * a.value - error, place, axis)
            rivals = sign * a.value + error
            np.put_along_axis(rivals, place, -np.inf, axis)
            doubt = rivals.max(axis=axis, keepdims=True) >= chosen
            doubts.append(doubt if keep else np.squeeze(doubt, axis))
        return decided(value, doubts[0], doubts[1], a.value.shape[axis])

    return apply


def top_k(call: Call, a: Bounded, k: Bounded) -> Sequence[Bounded]:
    """The largest values are off by no more than the largest error; their places are in doubt."""
    values, places = call.reference(a.value, k.value)
    if a.exact:
        return Bounded(values, a.dtype), Bounded(places, places.dtype)
    axis, errors = call.attribute("axis", -1), []
    for e in (a.e, a.t):
        errors.append(np.broadcast_to(e.max(axis=axis, keepdims=True), values.shape))
    doubt = [error > 0 for error in errors]
    return (
        with_errors(values, a.dtype, errors[0], errors[1]),
        decided(places, doubt[0], doubt[1], a.value.shape[axis]),
    )


RULES: dict[str, Rule] = {
    "Equal": comparison(np.equal),
    "Less": comparison(np.less),
    "LessOrEqual": comparison(np.less_equal),
    "Greater": comparison(np.greater),
    "GreaterOrEqual": comparison(np.greater_equal),
    "And": logical(np.logical_and),
    "Or": logical(np.logical_or),
    "Xor": logical(np.logical_xor),
    "Not": logical(np.logical_not),
    "IsNaN": lambda call, a: Bounded(np.isnan(a.value), _BOOL),
    "IsInf": lambda call, a: Bounded(np.asarray(call.reference(a.value)[0]), _BOOL),
    "Where": where,
    "ArgMax": arg_extreme(1),
    "ArgMin": arg_extreme(-1),
    "TopK": top_k,
}
