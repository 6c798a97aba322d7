"""Activations with bounds of their rounding error: values and, for gradients, derivatives.

By the mean value theorem an error e of z moves a(z) by at most e times the largest derivative
within e of z, which for tanh and the sigmoid is the one nearest to 0. A runtime's own tanh is
granted `ELEMENTARY` units in the last place, and its sigmoid as many roundings of 1: onnxruntime's
is exactly 0 from -18 down.
"""

from __future__ import annotations

import numpy as np

import softxent
from softxent.verify.arithmetic import Arithmetic, Array, Estimate
from softxent.verify.tolerance import ELEMENTARY


def apply(arithmetic: Arithmetic, name: str, z: Estimate) -> Estimate:
    """Estimate the value of an activation."""
    if name == "identity":
        return z
    if name == "relu":
        return arithmetic.relu(z)
    nearest = np.maximum(np.abs(z.value) - z.error, 0.0)
    if name == "tanh":
        value = np.tanh(z.value)
        own = 2 * ELEMENTARY * arithmetic.u * np.abs(value)
        slope, steepest = _tanh_slope(z.value), _tanh_slope(nearest)
    else:
        value = softxent.sigmoid(z.value)
        own = np.full_like(value, ELEMENTARY * arithmetic.u)
        slope, steepest = _sigmoid_slope(z.value), _sigmoid_slope(nearest)
    # An infinite error times a slope of 0 is no error: the function is flat there.
    error = np.where(steepest > 0, z.error * steepest, 0.0) + own
    typical = None if z.typical is None else np.where(slope > 0, z.typical * slope, 0.0) + own
    return arithmetic.rounded(value, error, 1, typical)


def backpropagate(
    arithmetic: Arithmetic, name: str, gradient: Estimate, z: Estimate, a: Estimate
) -> Estimate:
    """Estimate the product of a gradient in a = activation(z) and the derivative at z."""
    if name == "identity":
        return gradient
    if name == "relu":
        return _through_relu(gradient, z)
    unit = arithmetic.u + arithmetic.store
    if name == "tanh":
        slope = (1 - a.value) * (1 + a.value)
        error = a.error * (2 * np.abs(a.value) + a.error) + 4 * unit
    else:
        slope = a.value * (1 - a.value)
        error = a.error * (np.abs(1 - 2 * a.value) + a.error) + 4 * unit * np.abs(a.value)
    value = gradient.value * slope
    carried = gradient.error * (np.abs(slope) + error) + np.abs(gradient.value) * error
    return arithmetic.rounded(value, carried + 2 * arithmetic.u * np.abs(value))


def _through_relu(gradient: Estimate, z: Estimate) -> Estimate:
    """Keep the gradient of active units; near 0 the runtimes may disagree on which are."""
    unsure = np.abs(z.value) <= z.error
    active = np.where(z.value > 0, gradient.value, 0.0)
    error = np.where((z.value > 0) | unsure, gradient.error, 0.0)
    return Estimate(active, error + np.where(unsure, np.abs(gradient.value), 0.0))


def _tanh_slope(z: Array) -> Array:
    """1 - tanh(z)^2, whose digits tanh(z) has no more."""
    return 4 * _sigmoid_slope(2 * z)


def _sigmoid_slope(z: Array) -> Array:
    """sigmoid(z) (1 - sigmoid(z))."""
    return softxent.sigmoid(z) * softxent.sigmoid(-z)
