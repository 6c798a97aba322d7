"""Operators that work element by element."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import sqrt
from typing import Any

import numpy as np

from softxent.verify.arithmetic import Array
from softxent.verify.body.bounded import Bounded, arithmetic_of, computed, spread, through
from softxent.verify.body.operators import Call, NoRule, Rule
from softxent.verify.body.special import erf
from softxent.verify.tolerance import ELEMENTARY

#: Places of the extremes of x Phi(x), of x Phi(x) as tanh approximates it, of x sigmoid(x) and of
#: Mish.
_GELU, _FAST_GELU, _SWISH, _MISH = -0.7517915268, -0.7524614236, -1.2784645428, -1.1924312112


def relative(units: float) -> Callable[[Array, Array], Array]:
    """Rounding of so many units of the result."""
    return lambda x, y: units * np.abs(y)


def absolute(units: float) -> Callable[[Array, Array], Any]:
    """Rounding of so many units of 1, of functions with values about 1 computed by pieces."""
    return lambda x, y: units * np.maximum(np.abs(y), 1.0)


def unary(
    function: Callable[[Array], Array],
    own: Callable[[Array, Array], Any] = lambda x, y: 0.0,
    turning: Sequence[float] = (),
) -> Rule:
    """Rule of a function without attributes."""
    return lambda call, a: through(function, a, own, turning)


def _exact_or(rule: Rule) -> Rule:
    """Leave integers that are known to NumPy as onnx calls it."""

    def apply(call: Call, *operands: Bounded) -> Bounded:
        if all(a.exact and not a.floating for a in operands):
            return Bounded.given(np.asarray(call.reference(*(a.value for a in operands))[0]))
        result = rule(call, *operands)
        assert isinstance(result, Bounded)
        return result

    return apply


def _result(
    value: Array, a: Bounded, b: Bounded, carried: tuple[Any, Any], units: float
) -> Bounded:
    """Result of an operation that rounds once, unless it is one of integers."""
    floating = a if a.floating else b
    own = units * arithmetic_of(floating.dtype).u * np.abs(value) if floating.floating else 0.0
    return computed(value, floating.dtype, carried, (own, own))


def add(call: Call, a: Bounded, b: Bounded) -> Bounded:
    return _result(a.value + b.value, a, b, (a.e + b.e, a.t + b.t), 1)


def subtract(call: Call, a: Bounded, b: Bounded) -> Bounded:
    return _result(a.value - b.value, a, b, (a.e + b.e, a.t + b.t), 1)


def multiply(call: Call, a: Bounded, b: Bounded) -> Bounded:
    x, y = np.abs(a.value), np.abs(b.value)
    carried = x * b.e + y * a.e + a.e * b.e, x * b.t + y * a.t
    return _result(a.value * b.value, a, b, carried, 1)


def divide(call: Call, a: Bounded, b: Bounded) -> Bounded:
    quotient, y = a.value / b.value, np.abs(b.value)
    least = y - b.e
    error = np.where(least > 0, (a.e + np.abs(quotient) * b.e) / least, np.inf)
    return _result(quotient, a, b, (error, (a.t + np.abs(quotient) * b.t) / y), 1)


def power(call: Call, a: Bounded, b: Bounded) -> Bounded:
    """a^b of exact exponents."""
    if not b.exact:
        raise NoRule
    exponent = np.asarray(b.value, dtype=np.float64)
    base = Bounded(a.value.astype(np.float64), a.dtype, a.error, a.typical)
    return through(lambda x: np.power(x, exponent), base, relative(ELEMENTARY), (0.0,))


def extreme(choose: Callable[[Array, Array], Array]) -> Rule:
    """Largest or smallest of several: off by no more than the operands that may be it."""

    def apply(call: Call, *operands: Bounded) -> Bounded:
        result = operands[0]
        for a in operands[1:]:
            value = choose(result.value, a.value)
            errors = []
            for e, f in ((result.e, a.e), (result.t, a.t)):
                # min and max of the ends of both intervals.
                up = choose(result.value + e, a.value + f) - value
                down = value - choose(result.value - e, a.value - f)
                errors.append(np.maximum(up, down))
            result = computed(value, result.dtype, (errors[0], errors[1]), (0.0, 0.0))
        return result

    return apply


def clip(
    call: Call, a: Bounded, low: Bounded | None = None, high: Bounded | None = None
) -> Bounded:
    """min(max(a, low), high), the limits attributes before opset 11."""
    ends = [call.attribute("min"), call.attribute("max")]
    for place, operand in enumerate((low, high)):
        if operand is not None:
            if not operand.exact:
                raise NoRule
            ends[place] = operand.value.reshape(-1)[0]
    least, most = ends
    return through(lambda x: np.clip(x, least, most) if ends != [None, None] else x, a)


def total(call: Call, *operands: Bounded) -> Bounded:
    """Sum or Mean of several operands."""
    result = operands[0]
    for a in operands[1:]:
        result = add(call, result, a)
    if call.operator == "Mean":
        return divide(call, result, Bounded.given(np.array(len(operands), result.dtype)))
    return result


def relu(call: Call, a: Bounded) -> Bounded:
    return through(partial(np.maximum, 0.0), a).as_nonnegative()


def leaky_relu(call: Call, a: Bounded) -> Bounded:
    alpha = call.attribute("alpha", 0.01)
    return through(lambda x: np.where(x < 0, alpha * x, x), a, relative(1), (0.0,))


def prelu(call: Call, a: Bounded, slope: Bounded) -> Bounded:
    """x, or slope x below 0; the slopes exact."""
    if not slope.exact:
        raise NoRule
    return through(lambda x: np.where(x < 0, slope.value * x, x), a, relative(1), (0.0,))


def elu(call: Call, a: Bounded) -> Bounded:
    alpha = call.attribute("alpha", 1.0)
    own = ELEMENTARY * max(alpha, 1.0)
    return through(
        lambda x: np.where(x < 0, alpha * np.expm1(np.minimum(x, 0)), x), a, absolute(own)
    )


def celu(call: Call, a: Bounded) -> Bounded:
    alpha = call.attribute("alpha", 1.0)
    own = ELEMENTARY * max(alpha, 1.0)
    return through(
        lambda x: np.where(x < 0, alpha * np.expm1(np.minimum(x, 0) / alpha), x), a, absolute(own)
    )


def selu(call: Call, a: Bounded) -> Bounded:
    alpha = call.attribute("alpha", 1.67326319217681884765625)
    gamma = call.attribute("gamma", 1.05070102214813232421875)
    return through(
        lambda x: gamma * np.where(x < 0, alpha * np.expm1(np.minimum(x, 0)), x),
        a,
        absolute(2 * ELEMENTARY),
    )


def hard_sigmoid(call: Call, a: Bounded) -> Bounded:
    alpha, beta = call.attribute("alpha", 0.2), call.attribute("beta", 0.5)
    return through(lambda x: np.clip(alpha * x + beta, 0, 1), a, absolute(3))


def hard_swish(call: Call, a: Bounded) -> Bounded:
    return through(
        lambda x: x * np.clip(x / 6 + 0.5, 0, 1),
        a,
        lambda x, y: 4 * np.abs(x) * np.clip(np.abs(x), 0, 1) + 4 * np.abs(y),
        (-3.0, -1.5, 3.0),
    )


def thresholded_relu(call: Call, a: Bounded) -> Bounded:
    alpha = call.attribute("alpha", 1.0)
    return through(lambda x: np.where(x > alpha, x, 0.0), a)


def gelu(call: Call, a: Bounded) -> Bounded:
    """x Phi(x), Phi by the error function or by its approximation with tanh."""
    if call.attribute("approximate", "none") == "tanh" or call.operator == "FastGelu":
        turning, function = _FAST_GELU, _fast_gelu
    else:
        turning, function = _GELU, _gelu
    # 1 + erf is rounded at 1, and then multiplied by x.
    return through(function, a, lambda x, y: ELEMENTARY * np.abs(x), (turning,))


def _gelu(x: Array) -> Array:
    return 0.5 * x * (1 + erf(x / sqrt(2)))


def _fast_gelu(x: Array) -> Array:
    return 0.5 * x * (1 + np.tanh(sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def swish(call: Call, a: Bounded) -> Bounded:
    alpha = call.attribute("alpha", 1.0)
    turning = _SWISH / alpha if alpha else 0.0
    return through(
        lambda x: x * _sigmoid(alpha * x), a, lambda x, y: ELEMENTARY * np.abs(x), (turning,)
    )


def _sigmoid(x: Array) -> Array:
    small = np.exp(-np.abs(x))
    return np.where(x < 0, small, 1.0) / (1 + small)


def _mish(x: Array) -> Array:
    return x * np.tanh(_softplus(x))


def _softplus(x: Array) -> Array:
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def wave(function: Callable[[Array], Array]) -> Rule:
    """Sine and cosine, which change by at most the change of their argument."""

    def apply(call: Call, a: Bounded) -> Bounded:
        own = 2 * ELEMENTARY * arithmetic_of(a.dtype).u
        carried = np.minimum(a.e, 2.0), np.minimum(a.t, 2.0)
        value = function(a.value)
        return computed(value, a.dtype, carried, (np.full(value.shape, own),) * 2)

    return apply


def step(function: Callable[[Array], Array]) -> Rule:
    """Functions with steps, which an error may take."""

    def apply(call: Call, a: Bounded) -> Bounded:
        value = function(a.value)
        if a.exact:
            return Bounded(value, a.dtype)
        return Bounded(value, a.dtype, *(spread(function, a.value, e) for e in (a.e, a.t)))

    return apply


def reciprocal(call: Call, a: Bounded) -> Bounded:
    return divide(call, Bounded.given(np.ones((), a.dtype)), a)


def square_root(call: Call, a: Bounded) -> Bounded:
    """sqrt(a); what can be below 0 by its error alone, as a sum of squares, is taken to be 0."""
    value, u = np.sqrt(a.value), arithmetic_of(a.dtype).u

    def root(x: Array) -> Array:
        return np.sqrt(np.maximum(x, 0))

    carried = spread(root, a.value, a.e), spread(root, a.value, a.t)
    return computed(value, a.dtype, carried, (u * value, u * value))


_BINARY: dict[str, Rule] = {
    "Add": add, "Sub": subtract, "Mul": multiply, "Div": divide, "Pow": power,
    "Max": extreme(np.maximum), "Min": extreme(np.minimum), "Sum": total, "Mean": total,
}  # fmt: skip

RULES: dict[str, Rule] = {name: _exact_or(rule) for name, rule in _BINARY.items()} | {
    "Clip": clip,
    "Relu": relu,
    "LeakyRelu": leaky_relu,
    "PRelu": prelu,
    "Elu": elu,
    "Celu": celu,
    "Selu": selu,
    "ThresholdedRelu": thresholded_relu,
    "HardSigmoid": hard_sigmoid,
    "HardSwish": hard_swish,
    "Gelu": gelu,
    "Swish": swish,
    "Mish": unary(_mish, lambda x, y: 3 * ELEMENTARY * np.abs(x), (_MISH,)),
    "Softplus": unary(_softplus, absolute(2 * ELEMENTARY)),
    "Softsign": unary(lambda x: x / (1 + np.abs(x)), relative(3)),
    "Sigmoid": unary(_sigmoid, absolute(ELEMENTARY)),
    "Tanh": unary(np.tanh, relative(ELEMENTARY)),
    "Erf": unary(erf, relative(ELEMENTARY)),
    "Exp": unary(np.exp, lambda x, y: (ELEMENTARY + np.minimum(np.abs(x), 1e4)) * np.abs(y)),
    "Log": unary(np.log, absolute(ELEMENTARY)),
    "Sqrt": square_root,
    "Neg": _exact_or(unary(np.negative)),
    "Abs": _exact_or(unary(np.abs, turning=(0.0,))),
    "Reciprocal": reciprocal,
    "Sin": wave(np.sin),
    "Cos": wave(np.cos),
    "Floor": step(np.floor),
    "Ceil": step(np.ceil),
    "Round": step(np.rint),
    "Sign": _exact_or(step(np.sign)),
}
