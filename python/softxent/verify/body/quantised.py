"""Integers that stand for numbers: a value at the border of two of them may become either.

Products of integers are exact, so that the only rounding is that of scaling, and a result within
its bound of a border is off by the whole step there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from onnx import helper

from softxent.verify.arithmetic import Array
from softxent.verify.body import elementwise, pooling, shape
from softxent.verify.body.bounded import Bounded, arithmetic_of, computed, product, spread
from softxent.verify.body.convolution import convolution, over_channels
from softxent.verify.body.normalisation import softmax_of
from softxent.verify.body.operators import Call, NoRule, Rule
from softxent.verify.body.windows import Windows

_INT32, _FLOAT32 = np.dtype(np.int32), np.dtype(np.float32)

#: Roundings of a scaling: a product of scales, its reciprocal, the multiplication.
_SCALING = 4


@dataclass(frozen=True)
class Scale:
    """Scale and zero point, shaped to meet what they belong to."""

    scale: Array
    zero: Array
    dtype: np.dtype[Any]
    floating: np.dtype[Any]

    @classmethod
    def of(cls, scale: Bounded, zero: Bounded | None, dtype: np.dtype[Any] | None = None) -> Scale:
        """Take constant operands; without a zero point it is 0, of uint8 by default."""
        if not scale.exact or (zero is not None and not zero.exact):
            raise NoRule
        found = zero.dtype if zero is not None else dtype or np.dtype(np.uint8)
        if found.kind not in "iu":
            raise NoRule
        offset = np.zeros(()) if zero is None else _single(zero.value.astype(np.float64))
        return cls(_single(scale.value), offset, found, scale.dtype)

    def shaped(self, form: Callable[[Array], Array]) -> Scale:
        """Shape the parts that have several numbers."""
        scale, zero = (form(part) if part.ndim else part for part in (self.scale, self.zero))
        return Scale(scale, zero, self.dtype, self.floating)

    def quantised(self, x: Bounded) -> Bounded:
        """round(x / scale) + zero, cut off at the ends of the type."""
        u, limits = arithmetic_of(self.floating).u, np.iinfo(self.dtype)

        def to_level(levels: Array) -> Array:
            rounded: Array = np.clip(np.rint(levels) + self.zero, limits.min, limits.max)
            return rounded

        levels = x.value / self.scale
        own = _SCALING * u * np.abs(levels)
        value = np.nan_to_num(to_level(levels)).astype(self.dtype)
        errors = [spread(to_level, levels, e / self.scale + own) for e in (x.e, x.t)]
        return Bounded(value, self.dtype, errors[0], errors[1])

    def dequantised(self, q: Bounded) -> Bounded:
        """(q − zero) · scale."""
        value = (q.value.astype(np.float64) - self.zero) * self.scale
        own = 2 * arithmetic_of(self.floating).u * np.abs(value)
        carried = q.e * np.abs(self.scale), q.t * np.abs(self.scale)
        return computed(value, self.floating, carried, (own, own))


def _single(array: Array) -> Array:
    return array.reshape(()) if array.size == 1 else array


def _along(call: Call, axes: int, default: int = 1) -> Callable[[Array], Array]:
    axis = call.attribute("axis", default) % max(axes, 1)
    return lambda array: array.reshape(-1, *[1] * (axes - axis - 1))


def _unblocked(call: Call) -> None:
    if call.attribute("block_size", 0):
        raise NoRule


def quantize_linear(call: Call, x: Bounded, scale: Bounded, zero: Bounded | None = None) -> Bounded:
    """Levels of a step, one step for all or one per slice along an axis."""
    _unblocked(call)
    stated = call.attribute("output_dtype", 0)
    dtype = np.dtype(helper.tensor_dtype_to_np_dtype(stated)) if stated else None
    if scale.exact:
        return Scale.of(scale, zero, dtype).shaped(_along(call, x.value.ndim)).quantised(x)
    raise NoRule


def dequantize_linear(
    call: Call, q: Bounded, scale: Bounded, zero: Bounded | None = None
) -> Bounded:
    """The numbers that levels stand for."""
    _unblocked(call)
    if scale.exact:
        return Scale.of(scale, zero, q.dtype).shaped(_along(call, q.value.ndim)).dequantised(q)
    shifted = _shifted(q, zero)
    wide = Bounded(shifted.value.astype(np.float64), scale.dtype, shifted.error, shifted.typical)
    return elementwise.multiply(call, wide, scale)


def dynamic_quantize_linear(call: Call, x: Bounded) -> Sequence[Bounded]:
    """Levels of the range that the values have; the range has their errors."""
    u = arithmetic_of(x.dtype).u
    high, low = max(float(x.value.max(initial=0)), 0.0), min(float(x.value.min(initial=0)), 0.0)
    step = (high - low) / 255 or 1.0
    zero_level = float(np.clip(np.rint(-low / step), 0, 255))
    y_errors, scale_errors, zero_errors = [], [], []
    for e in (x.e, x.t):
        error = np.broadcast_to(e, x.value.shape)
        # Only what may be largest or smallest moves the ends of the range.
        rise = _end_error(x.value, error, high)
        fall = 0.0 if x.nonnegative else _end_error(-x.value, error, -low)
        of_step = (rise + fall) / 255 + 3 * u * step
        of_zero = spread(
            lambda z: np.clip(np.rint(z), 0, 255),
            np.asarray(-low / step),
            (fall + abs(low) / step * of_step) / max(step - of_step, 1e-300)
            + 4 * u * abs(low / step),
        )
        levels = x.value / step
        change = (error + np.abs(levels) * of_step) / step + 4 * u * np.abs(levels)
        moved = spread(lambda v: np.clip(np.rint(v) + zero_level, 0, 255), levels, change)
        y_errors.append(moved + of_zero)
        scale_errors.append(np.asarray(of_step))
        zero_errors.append(of_zero)
    levels = np.clip(np.rint(x.value / step) + zero_level, 0, 255)
    byte = np.dtype(np.uint8)
    return (
        Bounded(levels.astype(byte), byte, *y_errors),
        Bounded(np.asarray(step), x.dtype, *scale_errors),
        Bounded(np.asarray(zero_level).astype(byte), byte, *zero_errors),
    )


def _end_error(x: Array, error: Array, end: float) -> float:
    """How far the end of a range may move that includes 0."""
    if not x.size:
        return 0.0
    up = max(float((x + error).max()), 0.0) - end
    down = end - max(float((x - error).max()), 0.0)
    return max(up, down)


def _shifted(q: Bounded, zero: Bounded | None, form: Any = None) -> Bounded:
    """Levels without their zero point, as wide integers in float64."""
    value = q.value.astype(np.float64)
    if zero is None:
        return Bounded(value, _INT32, q.error, q.typical)
    wide = zero.moved(form) if form is not None and zero.value.size > 1 else zero
    if wide.value.size == 1:
        wide = wide.moved(lambda array: array.reshape(()))
    value = value - wide.value.astype(np.float64)
    if q.exact and zero.exact:
        return Bounded(value, _INT32)
    errors = (np.broadcast_to(e + f, value.shape) for e, f in ((q.e, wide.e), (q.t, wide.t)))
    return Bounded(value, _INT32, *errors)


def matmul_integer(
    call: Call,
    a: Bounded,
    b: Bounded,
    a_zero: Bounded | None = None,
    b_zero: Bounded | None = None,
) -> Bounded:
    """Exact products of levels without their zero points."""
    return _integers(_matmul(a, b, a_zero, b_zero))


def _matmul(a: Bounded, b: Bounded, a_zero: Bounded | None, b_zero: Bounded | None) -> Bounded:
    x = _shifted(a, a_zero, lambda array: array.reshape(-1, 1))
    return product(np.matmul, x, _shifted(b, b_zero), a.value.shape[-1], dtype=_INT32)


def _integers(a: Bounded) -> Bounded:
    return Bounded(a.value.astype(np.int64), _INT32, a.error, a.typical)


def conv_integer(
    call: Call,
    x: Bounded,
    w: Bounded,
    x_zero: Bounded | None = None,
    w_zero: Bounded | None = None,
) -> Bounded:
    """Exact convolutions; the padding is the zero point."""
    return _integers(_conv(call, x, w, x_zero, w_zero))


def _conv(
    call: Call, x: Bounded, w: Bounded, x_zero: Bounded | None, w_zero: Bounded | None
) -> Bounded:
    axes = x.value.ndim
    levels = _shifted(x, x_zero)
    weights = _shifted(w, w_zero, lambda array: array.reshape(-1, *[1] * (axes - 1)))
    terms = math.prod(w.value.shape[1:])
    return product(convolution(call, x, w), levels, weights, terms, dtype=_INT32)


def _rescaled(sums: Bounded, factor: Array, to: Scale) -> Bounded:
    """Sums of integers times a factor, as levels."""
    value = sums.value * factor
    own = _SCALING * arithmetic_of(to.floating).u * np.abs(value)
    real = computed(value, to.floating, (sums.e * factor, sums.t * factor), (own, own))
    return to.quantised(real)


def qlinear_matmul(
    call: Call,
    a: Bounded, a_scale: Bounded, a_zero: Bounded,
    b: Bounded, b_scale: Bounded, b_zero: Bounded,
    y_scale: Bounded, y_zero: Bounded,
) -> Bounded:  # fmt: skip
    """A product of levels, as levels."""
    to, left, right = (
        Scale.of(y_scale, y_zero),
        Scale.of(a_scale, a_zero),
        Scale.of(b_scale, b_zero),
    )
    left = left.shaped(lambda array: array.reshape(-1, 1))
    return _rescaled(_matmul(a, b, a_zero, b_zero), left.scale * right.scale, to)


def qlinear_conv(
    call: Call,
    x: Bounded, x_scale: Bounded, x_zero: Bounded,
    w: Bounded, w_scale: Bounded, w_zero: Bounded,
    y_scale: Bounded, y_zero: Bounded, bias: Bounded | None = None,
) -> Bounded:  # fmt: skip
    """A convolution of levels, as levels; the bias is in units of both scales."""
    axes = x.value.ndim
    weight = Scale.of(w_scale, w_zero).shaped(lambda array: over_channels(array, axes))
    sums = _conv(call, x, w, x_zero, w_zero)
    if bias is not None:
        shift = over_channels(bias.value.astype(np.float64), axes)
        sums = Bounded(sums.value + shift, _INT32, sums.error, sums.typical)
    factor = Scale.of(x_scale, x_zero).scale * weight.scale
    return _rescaled(sums, factor, Scale.of(y_scale, y_zero))


def qgemm(
    call: Call,
    a: Bounded, a_scale: Bounded, a_zero: Bounded,
    b: Bounded, b_scale: Bounded, b_zero: Bounded,
    c: Bounded | None = None, y_scale: Bounded | None = None, y_zero: Bounded | None = None,
) -> Bounded:  # fmt: skip
    """onnxruntime's product of levels with a bias, as levels or as numbers."""
    if call.attribute("transA", 0):
        a = a.moved(np.transpose)
    if call.attribute("transB", 0):
        b = b.moved(np.transpose)
    sums = _matmul(a, b, a_zero, b_zero)
    if c is not None:
        value = sums.value + c.value.astype(np.float64)
        sums = Bounded(value, _INT32, sums.error, sums.typical)
    scales = Scale.of(a_scale, a_zero).scale * Scale.of(b_scale, b_zero).scale
    factor = call.attribute("alpha", 1.0) * scales
    if y_scale is not None:
        return _rescaled(sums, factor, Scale.of(y_scale, y_zero))
    value = sums.value * factor
    own = _SCALING * arithmetic_of(_FLOAT32).u * np.abs(value)
    return computed(value, _FLOAT32, (sums.e * factor, sums.t * factor), (own, own))


def _binary(operation: Rule) -> Rule:
    """onnxruntime's operation of two arrays of levels."""

    def apply(
        call: Call,
        a: Bounded, a_scale: Bounded, a_zero: Bounded,
        b: Bounded, b_scale: Bounded, b_zero: Bounded,
        y_scale: Bounded, y_zero: Bounded,
    ) -> Bounded:  # fmt: skip
        x = Scale.of(a_scale, a_zero).dequantised(a)
        y = Scale.of(b_scale, b_zero).dequantised(b)
        result = operation(call, x, y)
        assert isinstance(result, Bounded)
        return Scale.of(y_scale, y_zero).quantised(result)

    return apply


def _unary(operation: Callable[[Call, Bounded], Any], steps: int = 0) -> Rule:
    """onnxruntime's operation of one array of levels; its tables may be off by some steps."""

    def apply(
        call: Call,
        a: Bounded, a_scale: Bounded, a_zero: Bounded | None,
        y_scale: Bounded, y_zero: Bounded | None = None,
    ) -> Bounded:  # fmt: skip
        x = Scale.of(a_scale, a_zero, a.dtype).dequantised(a)
        result = Scale.of(y_scale, y_zero, a.dtype).quantised(operation(call, x))
        return Bounded(result.value, result.dtype, result.e + steps, result.t + steps)

    return apply


def _q_softmax(call: Call, x: Bounded) -> Bounded:
    axis = call.attribute("axis", -1)
    result = softmax_of(x.moved(lambda array: np.moveaxis(array, axis, -1)))
    return result.moved(lambda array: np.moveaxis(array, -1, axis))


def _q_global_average(call: Call, x: Bounded) -> Bounded:
    if call.attribute("channels_last", 0):
        raise NoRule
    return pooling.mean_of_all(x, tuple(range(2, x.value.ndim)))


def _q_average(call: Call, x: Bounded) -> Bounded:
    if call.attribute("channels_last", 0):
        raise NoRule
    kernel = call.attribute("kernel_shape")
    windows = Windows.of(call, x.value.shape[2:], kernel)
    padding = bool(call.attribute("count_include_pad", 0))
    return pooling.mean_of_windows(x, windows, tuple(range(-len(kernel), 0)), padding)


def q_concat(call: Call, y_scale: Bounded, y_zero: Bounded, *parts: Bounded) -> Bounded:
    """onnxruntime's concatenation of levels of several scales."""
    triples = [parts[i : i + 3] for i in range(0, len(parts), 3)]
    numbers = [Scale.of(scale, zero).dequantised(q) for q, scale, zero in triples]
    return Scale.of(y_scale, y_zero).quantised(
        shape.concatenated(numbers, call.attribute("axis", 0))
    )


RULES: dict[str, Rule] = {
    "QuantizeLinear": quantize_linear,
    "DequantizeLinear": dequantize_linear,
    "DynamicQuantizeLinear": dynamic_quantize_linear,
    "MatMulInteger": matmul_integer,
    "ConvInteger": conv_integer,
    "QLinearMatMul": qlinear_matmul,
    "QLinearConv": qlinear_conv,
}

#: Of the domain com.microsoft, as onnxruntime's quantiser writes them.
ONNXRUNTIME_RULES: dict[str, Rule] = {
    "QuantizeLinear": quantize_linear,
    "DequantizeLinear": dequantize_linear,
    "QGemm": qgemm,
    "QLinearAdd": _binary(elementwise.add),
    "QLinearMul": _binary(elementwise.multiply),
    "QLinearConcat": q_concat,
    "QLinearSigmoid": _unary(elementwise.RULES["Sigmoid"]),
    "QLinearLeakyRelu": _unary(elementwise.leaky_relu),
    # Its table of exponentials holds integers.
    "QLinearSoftmax": _unary(_q_softmax, steps=1),
    "QLinearGlobalAveragePool": _unary(_q_global_average),
    "QLinearAveragePool": _unary(_q_average),
}
