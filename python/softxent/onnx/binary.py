"""The logistic function and the binary loss as nodes, by `softxent.binary_cross_entropy`.

All is built from exp(-|x|), which neither overflows nor loses small probabilities: the Sigmoid of
onnxruntime is exactly 0 in float32 from x = -18 down, so its logarithm is useless. Every value has
the type of the losses.
"""

from __future__ import annotations

import numpy as np

from softxent.onnx.graph import Graph
from softxent.onnx.options import Options


def sigmoid(g: Graph, x: str) -> str:
    """1 / (1 + e) for x >= 0 and e / (1 + e) below, e = exp(-|x|)."""
    e = _exp_of_minus_magnitude(g, x)
    numerator = g.op("Where", g.op("Less", x, g.real(0)), e, g.real(1))
    return g.op("Div", numerator, g.op("Add", e, g.real(1)))


def log_sigmoid(g: Graph, x: str) -> str:
    """min(x, 0) - log(1 + exp(-|x|))."""
    return g.op("Sub", g.op("Min", x, g.real(0)), _softplus_of_minus_magnitude(g, x))


def coefficients(g: Graph, target: str, options: Options) -> tuple[str, str]:
    """a = w1 t' and b = w0 (1 - t'), t' = t (1 - e) + e / 2 being the smoothed target."""
    t, smoothing = target, options.label_smoothing
    if smoothing:
        t = g.op("Add", g.op("Mul", t, g.real(1.0 - smoothing)), g.real(smoothing / 2))
    a, b = t, g.op("Sub", g.real(1), t)
    if options.weight is not None:
        a = g.op("Mul", a, g.real(options.weight[1]))
        b = g.op("Mul", b, g.real(options.weight[0]))
    return a, b


def loss(g: Graph, x: str, target: str, options: Options) -> str:
    """Append the loss; a target that is not in [0, 1] makes its row NaN."""
    a, b = coefficients(g, target, options)
    rows = _row_losses(g, x, a, b)
    rows = g.op("Where", outside(g, target), g.real(np.nan), rows)
    if options.reduction == "none":
        return rows
    total = g.total(rows)
    return g.op("Div", total, count(g, target)) if options.reduction == "mean" else total


def count(g: Graph, target: str) -> str:
    """Number of samples, by which the mean divides."""
    return g.cast(g.op("Size", target), g.wide)


def outside(g: Graph, target: str) -> str:
    """Whether a target is below 0 or above 1."""
    return g.op("Or", g.op("Less", target, g.real(0)), g.op("Greater", target, g.real(1)))


def _row_losses(g: Graph, x: str, a: str, b: str) -> str:
    """-a log p - b log(1 - p), p = sigmoid(x), as |x| s + (a + b) log(1 + exp(-|x|)).

    s is b for x > 0 and a below. With a = t and b = 1 - t this is Relu(x) - x t + Softplus(-|x|)
    without its cancellation, and has a limit at infinite logits, where s = 0 gives 0.
    """
    s = g.op("Where", g.op("Greater", x, g.real(0)), b, a)
    product = g.op("Mul", g.op("Abs", x), s)
    linear = g.op("Where", g.op("Equal", s, g.real(0)), g.real(0), product)
    softplus = _softplus_of_minus_magnitude(g, x)
    return g.op("Add", linear, g.op("Mul", g.op("Add", a, b), softplus))


def _exp_of_minus_magnitude(g: Graph, x: str) -> str:
    return g.op("Exp", g.op("Neg", g.op("Abs", x)))


def _softplus_of_minus_magnitude(g: Graph, x: str) -> str:
    """log(1 + e), e = exp(-|x|).

    onnxruntime has no Softplus in float64. There log(1 + e) is taken of the rounded sum u = 1 + e
    and multiplied by e / (u - 1), which undoes the rounding (Kahan; Higham, Accuracy and Stability
    of Numerical Algorithms, 2002, section 1.14.1); where u = 1 the result is e.
    """
    if g.wide != np.float64:
        return g.op("Softplus", g.op("Neg", g.op("Abs", x)))
    e = _exp_of_minus_magnitude(g, x)
    u = g.op("Add", e, g.real(1))
    excess = g.op("Sub", u, g.real(1))
    vanished = g.op("Equal", excess, g.real(0))
    safe = g.op("Where", vanished, g.real(1), excess)
    logarithm = g.op("Div", g.op("Mul", g.op("Log", u), e), safe)
    return g.op("Where", vanished, e, logarithm)
