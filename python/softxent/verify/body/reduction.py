"""Sums, means, norms and extremes over axes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from softxent.verify.arithmetic import Array
from softxent.verify.body.bounded import Bounded, arithmetic_of, computed, through
from softxent.verify.body.elementwise import multiply, relative, square_root
from softxent.verify.body.operators import Call, NoRule, Rule, integers
from softxent.verify.tolerance import ELEMENTARY


def axes_of(call: Call, a: Bounded, axes: Bounded | None) -> tuple[int, ...] | None:
    """Axes that a node reduces, an operand or an attribute; None for a node that does nothing."""
    given = integers(axes, call.attribute("axes"))
    if given:
        return tuple(axis % a.value.ndim for axis in given)
    if call.attribute("noop_with_empty_axes", 0):
        return None
    return tuple(range(a.value.ndim))


def summed(a: Bounded, axes: tuple[int, ...], keep: bool, divisor: float = 1.0) -> Bounded:
    """Sum over axes, divided by a constant.

    Equal terms are rounded alike, so that the errors of a sum may all have one sign.
    """

    def add_up(array: Any) -> Array:
        full = np.broadcast_to(array, a.value.shape)
        return np.asarray(full.sum(axis=axes, keepdims=keep) / divisor)

    terms = math.prod(a.value.shape[axis] for axis in axes)
    value = add_up(a.value)
    if not a.floating:
        if a.exact and divisor == 1:
            return Bounded(a.value.sum(axis=axes, keepdims=keep).astype(a.dtype), a.dtype)
        raise NoRule
    arithmetic = arithmetic_of(a.dtype)
    rounding = arithmetic.gamma(terms + 2) * add_up(np.abs(a.value) + a.e)
    in_square = math.sqrt(terms + 2) * arithmetic.u * add_up(np.abs(a.value) + a.t)
    carried = add_up(a.e), add_up(a.t)
    result = computed(value, a.dtype, carried, (rounding, in_square), max(terms, 1))
    return result.as_nonnegative(a.nonnegative)


def _reduce(function: Callable[[Call, Bounded, tuple[int, ...], bool], Bounded]) -> Rule:
    def apply(call: Call, a: Bounded, axes: Bounded | None = None) -> Bounded:
        over = axes_of(call, a, axes)
        if not a.value.size:
            raise NoRule
        return a if over is None else function(call, a, over, bool(call.attribute("keepdims", 1)))

    return apply


def _sum(call: Call, a: Bounded, axes: tuple[int, ...], keep: bool) -> Bounded:
    return summed(a, axes, keep)


def _mean(call: Call, a: Bounded, axes: tuple[int, ...], keep: bool) -> Bounded:
    return summed(a, axes, keep, math.prod(a.value.shape[axis] for axis in axes))


def _sum_of_sizes(call: Call, a: Bounded, axes: tuple[int, ...], keep: bool) -> Bounded:
    return summed(through(np.abs, a, turning=(0.0,)), axes, keep)


def _sum_of_squares(call: Call, a: Bounded, axes: tuple[int, ...], keep: bool) -> Bounded:
    return summed(multiply(call, a, a), axes, keep)


def _norm(call: Call, a: Bounded, axes: tuple[int, ...], keep: bool) -> Bounded:
    return square_root(call, _sum_of_squares(call, a, axes, keep))


def _log_of_sum(call: Call, a: Bounded, axes: tuple[int, ...], keep: bool) -> Bounded:
    return through(np.log, summed(a, axes, keep), relative(ELEMENTARY))


def _log_sum_exp(call: Call, a: Bounded, axes: tuple[int, ...], keep: bool) -> Bounded:
    """Off by no more than the largest error of an element."""
    top = a.value.max(axis=axes, keepdims=True)
    shift = np.where(np.isfinite(top), top, 0.0)
    log = np.log(np.exp(a.value - shift).sum(axis=axes, keepdims=True))
    value = log + shift
    terms = math.prod(a.value.shape[axis] for axis in axes)
    u = arithmetic_of(a.dtype).u
    own = u * (terms + ELEMENTARY * (1 + np.abs(log)) + np.abs(value))
    carried = [np.broadcast_to(e, a.value.shape).max(axis=axes, keepdims=True) for e in (a.e, a.t)]
    result = computed(value, a.dtype, (carried[0], carried[1]), (own, own))
    return result if keep else result.moved(lambda array: np.squeeze(array, axes))


def _extreme(name: str) -> Callable[[Call, Bounded, tuple[int, ...], bool], Bounded]:
    """Largest or smallest: off by no more than the largest error."""

    def apply(call: Call, a: Bounded, axes: tuple[int, ...], keep: bool) -> Bounded:
        value = np.asarray(getattr(a.value, name)(axis=axes, keepdims=keep))
        if a.exact:
            return Bounded(value, a.dtype)
        errors = [
            np.broadcast_to(e, a.value.shape).max(axis=axes, keepdims=keep) for e in (a.e, a.t)
        ]
        return computed(value, a.dtype, (errors[0], errors[1]), (0.0, 0.0))

    return apply


RULES: dict[str, Rule] = {
    "ReduceSum": _reduce(_sum),
    "ReduceMean": _reduce(_mean),
    "ReduceL1": _reduce(_sum_of_sizes),
    "ReduceL2": _reduce(_norm),
    "ReduceSumSquare": _reduce(_sum_of_squares),
    "ReduceLogSum": _reduce(_log_of_sum),
    "ReduceLogSumExp": _reduce(_log_sum_exp),
    "ReduceMax": _reduce(_extreme("max")),
    "ReduceMin": _reduce(_extreme("min")),
}
