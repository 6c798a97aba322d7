"""Normalisation by given or by own statistics, and by the sum of exponentials."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from softxent.verify.arithmetic import Array
from softxent.verify.body.bounded import Bounded, arithmetic_of, computed
from softxent.verify.body.convolution import over_channels
from softxent.verify.body.elementwise import add, multiply
from softxent.verify.body.operators import Call, NoRule, Rule
from softxent.verify.tolerance import ELEMENTARY

#: Roundings of a normalisation whose statistics are constants, folded into weights or not.
_FOLDED = 8

#: Changes of logits up to which probabilities change in proportion.
_SMALL = 0.25


def batch_normalization(
    call: Call, x: Bounded, scale: Bounded, bias: Bounded, mean: Bounded, variance: Bounded
) -> Bounded:
    """(x − mean) · scale / √(variance + ε) + bias, by stored statistics."""
    statistics = (scale, bias, mean, variance)
    if call.attribute("training_mode", 0) or not all(a.exact for a in statistics):
        raise NoRule
    axes = x.value.ndim
    gamma, beta, mu, var = (over_channels(a.value, axes) for a in statistics)
    factor = gamma / np.sqrt(var + call.attribute("epsilon", 1e-5))
    value = (x.value - mu) * factor + beta
    u = arithmetic_of(x.dtype).u
    own = _FOLDED * u * (np.abs(factor) * (np.abs(x.value) + np.abs(mu)) + np.abs(beta))
    carried = x.e * np.abs(factor), x.t * np.abs(factor)
    return computed(value, x.dtype, carried, (own, own))


def standardised(
    x: Bounded, axes: tuple[int, ...], epsilon: float, centred: bool = True
) -> Bounded:
    """(x − mean) / √(variance + ε) over axes, or x / √(mean square + ε).

    A runtime may compute the variance from the deviations, or as mean of squares minus square of
    mean, which loses digits where the mean is large; both are granted.
    """
    s = _Statistics.of(x, axes, epsilon, centred)
    terms, u = s.count + 4, arithmetic_of(x.dtype).u
    change = x.e + s.mean(x.e) if centred else np.broadcast_to(x.e, x.value.shape)
    of_total = s.mean(2 * np.abs(s.deviation) * change + change**2)
    carried = s.moved(change, of_total)
    size = np.abs(x.value) + x.e
    gamma = arithmetic_of(x.dtype).gamma(terms)
    own = s.moved(gamma * s.mean(size) + u * (np.abs(s.deviation) + change),
                  of_total + gamma * s.mean(size**2) * 2) - s.moved(0.0, of_total)  # fmt: skip
    # In the mean square the changes of element, mean and variance are independent.
    parts = [x.t, s.mean(x.t) * centred, s.value * s.mean(np.abs(s.value) * x.t)]
    typical = np.sqrt(sum(np.square(part) for part in parts)) / s.root
    noise = math.sqrt(terms) * u
    sizes = np.abs(x.value) + x.t
    in_square = (noise * s.mean(sizes) + u * np.abs(s.deviation)) / s.root + np.abs(s.value) * (
        noise * s.mean(sizes**2) / s.root**2 + 4 * u
    )
    worst = own + 4 * u * np.abs(s.value)
    # The sum of squares may overflow where the result is about 1.
    limit = arithmetic_of(x.dtype).largest / s.count
    worst = np.where(s.mean(size**2) > limit, np.inf, worst)
    in_square = np.where(s.mean(sizes**2) > limit, np.inf, in_square)
    return computed(s.value, x.dtype, (carried, typical), (worst, in_square))


@dataclass(frozen=True)
class _Statistics:
    """Deviations from the mean over axes, and the root by which they are divided."""

    axes: tuple[int, ...]
    shape: tuple[int, ...]
    count: int
    deviation: Array
    root: Array
    value: Array

    @classmethod
    def of(cls, x: Bounded, axes: tuple[int, ...], epsilon: float, centred: bool) -> _Statistics:
        deviation = x.value - x.value.mean(axis=axes, keepdims=True) if centred else x.value
        root = np.sqrt((deviation**2).mean(axis=axes, keepdims=True) + epsilon)
        count = math.prod(x.value.shape[axis] for axis in axes)
        return cls(axes, x.value.shape, count, deviation, root, deviation / root)

    def mean(self, array: Any) -> Array:
        """Mean over the axes."""
        full = np.broadcast_to(array, self.shape)
        return np.asarray(full.mean(axis=self.axes, keepdims=True))

    def moved(self, change: Any, of_total: Array) -> Array:
        """Bound of what changes of the deviations and of root² do to the value."""
        least = self.root**2 - of_total
        shrunk = np.where(least > 0, self.root / np.sqrt(np.where(least > 0, least, 1.0)), np.inf)
        return np.asarray(change / self.root * shrunk + np.abs(self.value) * (shrunk - 1))


def layer_normalization(
    call: Call, x: Bounded, scale: Bounded, bias: Bounded | None = None
) -> Bounded:
    """Standardised over the last axes, then scaled and shifted."""
    if len(call.results) > 1:
        raise NoRule
    axis = call.attribute("axis", -1) % x.value.ndim
    inner = standardised(x, tuple(range(axis, x.value.ndim)), call.attribute("epsilon", 1e-5))
    return _affine(call, inner, scale, bias)


def rms_normalization(call: Call, x: Bounded, scale: Bounded) -> Bounded:
    """Divided by the root of the mean square, then scaled."""
    axis = call.attribute("axis", -1) % x.value.ndim
    axes = tuple(range(axis, x.value.ndim))
    inner = standardised(x, axes, call.attribute("epsilon", 1e-5), centred=False)
    return _affine(call, inner, scale, None)


def instance_normalization(call: Call, x: Bounded, scale: Bounded, bias: Bounded) -> Bounded:
    """Standardised over the places of each channel, then scaled and shifted by channel."""
    inner = standardised(x, tuple(range(2, x.value.ndim)), call.attribute("epsilon", 1e-5))
    axes = x.value.ndim
    scale, bias = (a.moved(lambda array: over_channels(array, axes)) for a in (scale, bias))
    return _affine(call, inner, scale, bias)


def group_normalization(call: Call, x: Bounded, scale: Bounded, bias: Bounded) -> Bounded:
    """Standardised over groups of channels; scaled by channel, by group before opset 21."""
    groups, shape = call.attribute("num_groups"), x.value.shape
    split = x.moved(lambda array: array.reshape(shape[0], groups, -1))
    inner = standardised(split, (2,), call.attribute("epsilon", 1e-5))
    inner = inner.moved(lambda array: array.reshape(shape))

    def by_channel(array: Array) -> Array:
        full = np.repeat(array, shape[1] // len(array)) if len(array) != shape[1] else array
        return over_channels(full, len(shape))

    scale, bias = scale.moved(by_channel), bias.moved(by_channel)
    return _affine(call, inner, scale, bias)


def _affine(call: Call, x: Bounded, scale: Bounded, bias: Bounded | None) -> Bounded:
    result = multiply(call, x, scale)
    return result if bias is None else add(call, result, bias)


def lp_normalization(call: Call, x: Bounded) -> Bounded:
    """Divided by the norm along an axis."""
    return divided_by_norm(x, call.attribute("axis", -1), call.attribute("p", 2))


def divided_by_norm(x: Bounded, axis: int, p: float) -> Bounded:
    """x over the sum of magnitudes, the root of the sum of squares, or the largest magnitude.

    A norm changes by no more than the norm of a change; 0 divided by its norm is 0.
    """

    def norm(array: Any) -> Array:
        full = np.broadcast_to(np.abs(array), x.value.shape)
        return np.linalg.norm(np.moveaxis(full, axis, -1), ord=p, axis=-1)[..., np.newaxis]

    def back(array: Array) -> Array:
        return np.moveaxis(np.broadcast_to(array, np.moveaxis(x.value, axis, -1).shape), -1, axis)

    size = back(norm(x.value))
    value = np.divide(x.value, size, out=np.zeros_like(x.value), where=size > 0)
    errors = []
    for e in (x.e, x.t):
        change = back(norm(e)) if np.ndim(e) else np.zeros(x.value.shape)
        least = size - change
        errors.append(np.where(least > 0, (e + np.abs(value) * change) / least, np.inf))
        errors[-1] = np.where((size == 0) & (change == 0), 0.0, errors[-1])
    own = arithmetic_of(x.dtype).gamma(x.value.shape[axis] + 3) * np.abs(value)
    return computed(value, x.dtype, (errors[0], errors[1]), (own, own))


def softmax(call: Call, x: Bounded) -> Bounded:
    """Softmax over one axis, over all axes from there on before opset 13."""
    return _over_classes(call, x, softmax_of)


def log_softmax(call: Call, x: Bounded) -> Bounded:
    """Logarithm of the softmax, over the same axes."""
    return _over_classes(call, x, log_softmax_of)


def _over_classes(call: Call, x: Bounded, function: Any) -> Bounded:
    old = call.version < 13 and not call.domain
    axis = call.attribute("axis", 1 if old else -1) % x.value.ndim
    if old:
        shape = x.value.shape
        rows = math.prod(shape[:axis])
        flat = x.moved(lambda array: array.reshape(rows, -1))
        result: Bounded = function(flat)
        return result.moved(lambda array: array.reshape(shape))
    result = function(x.moved(lambda array: np.moveaxis(array, axis, -1)))
    return result.moved(lambda array: np.moveaxis(array, -1, axis))


def softmax_of(x: Bounded) -> Bounded:
    """Softmax over the last axis, within the values at the ends of the logits' bounds.

    p_i is largest where logit i is as large and all others as small as they may be.
    """
    value = _softmax(x.value)
    u, classes = arithmetic_of(x.dtype).u, x.value.shape[-1]
    below = x.value.max(axis=-1, keepdims=True) - x.value
    own = value * np.expm1(u * (np.minimum(below, 1e4) + classes + 2 * ELEMENTARY))
    if x.exact:
        return computed(value, x.dtype, (0.0, 0.0), (own, own))
    error = _moved(x.value, value, x.error)
    # Beyond small changes, the slope at p says nothing: it is 0 where p is 0 or 1.
    far = np.max(x.t, axis=-1, keepdims=True) > _SMALL
    typical = value * _typical_log_change(value, x.t)
    if far.any():
        typical = np.where(far, _moved(x.value, value, x.t), typical)
    return computed(value, x.dtype, (np.fmin(error, 1.0), np.fmin(typical, 1.0)), (own, own))


def log_softmax_of(x: Bounded) -> Bounded:
    """Log-softmax over the last axis: a logit's error and the largest, at most."""
    top = x.value.max(axis=-1, keepdims=True)
    below = x.value - top
    log_sum = np.log(np.exp(below).sum(axis=-1, keepdims=True))
    value, p = below - log_sum, _softmax(x.value)
    u, classes = arithmetic_of(x.dtype).u, x.value.shape[-1]
    own = u * (2 * np.abs(below) + classes + ELEMENTARY * (1 + log_sum))
    worst = x.e.max(axis=-1, keepdims=True) if not x.exact else 0.0
    carried = x.e + worst, _typical_log_change(p, x.t)
    return computed(value, x.dtype, carried, (own, own))


def _softmax(x: Array) -> Array:
    terms = np.exp(x - x.max(axis=-1, keepdims=True))
    return terms / terms.sum(axis=-1, keepdims=True)


def _moved(x: Array, value: Array, error: Any) -> Array:
    """How far probabilities may be off if logits are by their errors."""
    most, least = _ends(x, error)
    return np.asarray(np.maximum(most - value, value - least) + 2.0**-50 * value)


def _ends(x: Array, error: Any) -> tuple[Array, Array]:
    """Largest and smallest probabilities: 1 / (1 + sum of the others' odds)."""
    high, low = x + error, x - error
    ends = []
    for own, others in ((high, low), (low, high)):
        top = np.maximum(own, others).max(axis=-1, keepdims=True)
        mine, rest = np.exp(own - top), np.exp(others - top)
        remaining = np.maximum(rest.sum(axis=-1, keepdims=True) - rest, 0.0)
        total = mine + remaining
        ends.append(np.divide(mine, total, out=np.zeros_like(mine), where=total > 0))
    return ends[0], ends[1]


def _typical_log_change(p: Array, typical: Any) -> Array:
    """Mean square change of log p_j, whose derivative in logit k is [j = k] − p_k."""
    squares = np.broadcast_to(np.square(typical), p.shape)
    weighted = np.where(p > 0, p**2 * squares, 0.0)
    others = weighted.sum(axis=-1, keepdims=True) - weighted
    return np.sqrt((1 - p) ** 2 * squares + np.maximum(others, 0.0))


RULES: dict[str, Rule] = {
    "BatchNormalization": batch_normalization,
    "LayerNormalization": layer_normalization,
    "RMSNormalization": rms_normalization,
    "InstanceNormalization": instance_normalization,
    "GroupNormalization": group_normalization,
    "LpNormalization": lp_normalization,
    "Softmax": softmax,
    "LogSoftmax": log_softmax,
}
