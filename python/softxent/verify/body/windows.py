"""Where the windows of convolutions and pooling lie: strides, padding, dilation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from softxent.verify.arithmetic import Array
from softxent.verify.body.operators import Call


@dataclass(frozen=True)
class Windows:
    """Windows over the spatial axes of an array (n, channels, ...).

    Attributes
    ----------
    kernel, strides, dilations, before, after : tuple of int
        Sizes, steps, and padding, for each spatial axis.
    beyond : tuple of int
        Padding behind `after` that only windows of ceil_mode reach.
    """

    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    before: tuple[int, ...]
    after: tuple[int, ...]
    beyond: tuple[int, ...]

    @classmethod
    def of(cls, call: Call, space: Sequence[int], kernel: Sequence[int]) -> Windows:
        """Read the attributes of a node.

        Parameters
        ----------
        call : Call
            The node.
        space, kernel : sequence of int
            Spatial sizes of the operand and of a window.
        """
        axes = len(kernel)
        strides = tuple(call.attribute("strides") or [1] * axes)
        dilations = tuple(call.attribute("dilations") or [1] * axes)
        spans = [d * (k - 1) + 1 for d, k in zip(dilations, kernel, strict=True)]
        before, after = _padding(call, space, spans, strides)
        beyond = [0] * axes
        if call.attribute("ceil_mode", 0):
            for i in range(axes):
                room = space[i] + before[i] + after[i] - spans[i]
                beyond[i] = -room % strides[i]
                # A window must start inside the operand or its front padding.
                start = (room + beyond[i]) // strides[i] * strides[i]
                if beyond[i] and start >= space[i] + before[i]:
                    beyond[i] = 0
        return cls(tuple(kernel), strides, dilations, before, after, tuple(beyond))

    def over(self, x: Array, fill: float) -> Array:
        """All windows: (n, channels, *places, *kernel), a view of the padded array."""
        ends = [
            (b, a + more) for b, a, more in zip(self.before, self.after, self.beyond, strict=True)
        ]
        padded = np.pad(x, [(0, 0), (0, 0), *ends], constant_values=fill)
        spans = [d * (k - 1) + 1 for d, k in zip(self.dilations, self.kernel, strict=True)]
        axes = len(self.kernel)
        view = sliding_window_view(padded, spans, axis=tuple(range(2, 2 + axes)))
        steps = [slice(None, None, s) for s in self.strides]
        inner = [slice(None, None, d) for d in self.dilations]
        return view[(slice(None), slice(None), *steps, *inner)]


def _padding(
    call: Call, space: Sequence[int], spans: Sequence[int], strides: Sequence[int]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    axes, kind = len(spans), call.attribute("auto_pad", "NOTSET")
    if kind == "NOTSET":
        pads = call.attribute("pads") or [0] * 2 * axes
        return tuple(pads[:axes]), tuple(pads[axes:])
    if kind == "VALID":
        return (0,) * axes, (0,) * axes
    total = [
        max((-(-size // s) - 1) * s + span - size, 0)
        for size, span, s in zip(space, spans, strides, strict=True)
    ]
    less, more = tuple(t // 2 for t in total), tuple(t - t // 2 for t in total)
    return (less, more) if kind == "SAME_UPPER" else (more, less)
