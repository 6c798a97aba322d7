"""Largest and mean values of windows."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from softxent.verify.arithmetic import Array
from softxent.verify.body.bounded import Bounded, arithmetic_of, computed
from softxent.verify.body.operators import Call, NoRule, Rule
from softxent.verify.body.reduction import summed
from softxent.verify.body.windows import Windows


def _windows(call: Call, a: Bounded) -> tuple[Windows, tuple[int, ...]]:
    kernel = call.attribute("kernel_shape")
    windows = Windows.of(call, a.value.shape[2:], kernel)
    return windows, tuple(range(-len(kernel), 0))


def max_pool(call: Call, a: Bounded) -> Bounded:
    """The largest value of each window, off by no more than the largest error in it."""
    if len(call.results) > 1:
        raise NoRule
    windows, axes = _windows(call, a)

    def largest(array: Any, fill: float) -> Array:
        return windows.over(np.broadcast_to(array, a.value.shape), fill).max(axis=axes)

    value = largest(a.value.astype(np.float64), -np.inf)
    if not a.floating:
        value = value.astype(a.dtype)
    if a.exact:
        return Bounded(value, a.dtype)
    return Bounded(value, a.dtype, largest(a.e, 0.0), largest(a.t, 0.0)).as_nonnegative(
        a.nonnegative
    )


def average_pool(call: Call, a: Bounded) -> Bounded:
    """The mean of each window, of the padding too if the node says so."""
    windows, axes = _windows(call, a)
    return mean_of_windows(a, windows, axes, bool(call.attribute("count_include_pad", 0)))


def mean_of_windows(a: Bounded, windows: Windows, axes: tuple[int, ...], padding: bool) -> Bounded:
    """Means over windows, errors added as those of equal terms."""
    counts = _counts(windows, a.value.shape[2:], axes, padding)

    def mean(array: Any) -> Array:
        full = np.broadcast_to(array, a.value.shape)
        return np.asarray(windows.over(full, 0.0).sum(axis=axes) / counts)

    arithmetic, terms = arithmetic_of(a.dtype), math.prod(windows.kernel)
    rounding = arithmetic.gamma(terms + 2) * mean(np.abs(a.value) + a.e)
    in_square = math.sqrt(terms + 2) * arithmetic.u * mean(np.abs(a.value) + a.t)
    carried = mean(a.e), mean(a.t)
    result = computed(mean(a.value), a.dtype, carried, (rounding, in_square), terms)
    return result.as_nonnegative(a.nonnegative)


def _counts(
    windows: Windows, space: tuple[int, ...], axes: tuple[int, ...], padding: bool
) -> Array:
    """How many elements each window has."""
    if not padding:
        return windows.over(np.ones((1, 1, *space)), 0.0).sum(axis=axes)
    sizes = [size + b + a for size, b, a in zip(space, windows.before, windows.after, strict=True)]
    nothing = (0,) * len(sizes)
    padded = Windows(
        windows.kernel, windows.strides, windows.dilations, nothing, nothing, windows.beyond
    )
    return padded.over(np.ones((1, 1, *sizes)), 0.0).sum(axis=axes)


def whole(reduce: Callable[[Bounded, tuple[int, ...]], Bounded]) -> Rule:
    """Rule of pooling over all places."""
    return lambda call, a: reduce(a, tuple(range(2, a.value.ndim)))


def mean_of_all(a: Bounded, axes: tuple[int, ...]) -> Bounded:
    """Mean over spatial axes."""
    return summed(a, axes, True, math.prod(a.value.shape[axis] for axis in axes))


def _max_of_all(a: Bounded, axes: tuple[int, ...]) -> Bounded:
    result = a.moved(lambda array: array.max(axis=axes, keepdims=True))
    return result


RULES: dict[str, Rule] = {
    "MaxPool": max_pool,
    "AveragePool": average_pool,
    "GlobalAveragePool": whole(mean_of_all),
    "GlobalMaxPool": whole(_max_of_all),
}
