"""Convolutions as matrix products over windows."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from softxent.verify.arithmetic import Array
from softxent.verify.body.bounded import Bounded, product
from softxent.verify.body.operators import Call, Rule
from softxent.verify.body.windows import Windows

#: Numbers in the windows that are unfolded at a time.
_UNFOLDED = 2**22


def conv(call: Call, x: Bounded, w: Bounded, b: Bounded | None = None) -> Bounded:
    """Sums over the windows of each group of channels, plus a bias per channel."""
    shift = None if b is None else b.moved(lambda array: over_channels(array, x.value.ndim))
    return product(convolution(call, x, w), x, w, math.prod(w.value.shape[1:]), shift)


def over_channels(array: Array, axes: int) -> Array:
    """Shape numbers, one per channel, to meet an array (n, channels, ...)."""
    return array.reshape(-1, *[1] * (axes - 2))


def convolution(call: Call, x: Bounded, w: Bounded) -> Callable[[Array, Array], Array]:
    """Return the bilinear function that a node applies to operand and weights."""
    windows = Windows.of(call, x.value.shape[2:], w.value.shape[2:])
    groups = call.attribute("group", 1)
    return lambda operand, weights: _convolve(operand, weights, windows, groups)


def _convolve(x: Array, w: Array, windows: Windows, groups: int) -> Array:
    """Unfold windows into columns, and multiply all of them by the weights at once."""
    view = windows.over(x, 0.0)
    axes, per_group = w.ndim - 2, len(w) // groups
    places, factors = view.shape[2 : 2 + axes], math.prod(w.shape[1:])
    matrix = w.reshape(groups, per_group, factors)
    result = np.empty((len(x), len(w), *places))
    # (group, channel, *kernel, n, *places): the factors of a sum in front of where sums are.
    order = (1, 2, *range(3 + axes, 3 + 2 * axes), 0, *range(3, 3 + axes))
    rows = max(1, _UNFOLDED // max(groups * factors * math.prod(places), 1))
    for start in range(0, len(x), rows):
        part = view[start : start + rows]
        part = part.reshape(len(part), groups, w.shape[1], *part.shape[2:])
        columns = np.ascontiguousarray(part.transpose(order)).reshape(groups, factors, -1)
        sums = (matrix @ columns).reshape(len(w), len(part), *places)
        result[start : start + rows] = sums.swapaxes(0, 1)
    return result


RULES: dict[str, Rule] = {"Conv": conv}
