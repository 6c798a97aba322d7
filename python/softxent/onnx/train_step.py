"""One step of stochastic gradient descent as a graph of standard operators.

Backpropagation is written out. With q the coefficients of the loss (see cross_entropy), D what the
mean divides by (1 for a sum) and p the softmax of the logits,

    d logits_ic = (p_ic sum_k q_ik - q_ic) / D,

and the other gradients follow from the two linear layers. For NeuralNet1 it is ((a + b) p - a) / D
with the a and b of binary. The update is that of torch.optim.SGD: d = gradient + weight_decay *
parameter, v = momentum * v + d, parameter - learning_rate * v, with velocities of 0 before the
first step. Ignored rows have the gradient 0, all of them too; a wrong label makes loss and
gradients NaN.
"""

from __future__ import annotations

import numpy as np

from softxent.onnx import binary, cross_entropy
from softxent.onnx.architecture import PARAMETERS, Architecture
from softxent.onnx.graph import Graph
from softxent.onnx.heads import Forward, forward, target_input
from softxent.onnx.options import Options


def build(net: Architecture, options: Options) -> Graph:
    """Build the graph.

    Inputs: x, target, learning_rate, the parameters and, with momentum, velocity.<parameter>.
    Outputs: loss, grad.<parameter>, new.<parameter> and, with momentum, new.velocity.<parameter>.
    """
    g = Graph(options.dtype, options.loss_dtype)
    f = forward(g, net)
    target = target_input(g, net, options)
    learning_rate = g.input("learning_rate", g.dtype, ())
    for name in PARAMETERS:
        g.input(name, g.dtype, net.shapes[name])
    differentiate = _binary if net.binary else _categorical
    loss, d_logits = differentiate(g, f.logits, target, net, options)
    gradients = _backward(g, f, g.narrowed(d_logits))
    updates = _sgd(g, gradients, learning_rate, net, options)
    g.output("loss", loss, g.wide, ())
    for name in PARAMETERS:
        g.output(f"grad.{name}", gradients[name], g.dtype, net.shapes[name])
    for name, value in updates.items():
        g.output(f"new.{name}", value, g.dtype, net.shapes[name.removeprefix("velocity.")])
    return g


def _categorical(
    g: Graph, logits: str, target: str, net: Architecture, options: Options
) -> tuple[str, str]:
    """Cross-entropy and its gradient in the logits."""
    x = g.widened(logits)
    t = cross_entropy.targets(g, target, net.outputs, options)
    q = cross_entropy.coefficients(g, t, net.outputs, options)
    rows = cross_entropy.row_losses(g, q, g.op("LogSoftmax", x, axis=-1))
    loss = cross_entropy.reduced(g, rows, t, options)

    row_sums = g.op("ReduceSum", q, g.integer([1]), keepdims=1)
    gradient = g.op("Sub", g.op("Mul", g.op("Softmax", x, axis=-1), row_sums), q)
    if options.reduction == "mean":
        gradient = g.op("Div", gradient, cross_entropy.divisor(g, t, options))
    if t.kept is not None and t.wrong is not None:
        gradient = g.op("Where", g.column(t.kept), gradient, g.real(0))
        gradient = g.op("Where", g.column(t.wrong), g.real(np.nan), gradient)
    return loss, gradient


def _binary(
    g: Graph, logits: str, target: str, net: Architecture, options: Options
) -> tuple[str, str]:
    """Binary loss and its gradient in the logits, as a column."""
    x, t = g.widened(logits), g.widened(target)
    loss = binary.loss(g, x, t, options)
    a, b = binary.coefficients(g, t, options)
    gradient = g.op("Sub", g.op("Mul", g.op("Add", a, b), binary.sigmoid(g, x)), a)
    if options.reduction == "mean":
        gradient = g.op("Div", gradient, binary.count(g, t))
    gradient = g.op("Where", binary.outside(g, t), g.real(np.nan), gradient)
    return loss, g.column(gradient)


def _backward(g: Graph, f: Forward, d_logits: str) -> dict[str, str]:
    """Gradients of all parameters from that of the logits, (n, outputs)."""
    d_hidden = g.op("Gemm", d_logits, "linear2.weight")
    zero = g.constant(0, g.dtype)
    active = g.op("Greater", f.preactivation, zero)
    d_preactivation = g.op("Where", active, d_hidden, zero)
    return {
        "linear1.weight": g.op("Gemm", d_preactivation, f.x, transA=1),
        "linear1.bias": g.total(d_preactivation, axis=0),
        "linear2.weight": g.op("Gemm", d_logits, f.hidden, transA=1),
        "linear2.bias": g.total(d_logits, axis=0),
    }


def _sgd(
    g: Graph, gradients: dict[str, str], learning_rate: str, net: Architecture, options: Options
) -> dict[str, str]:
    """Updated parameters and velocities, by the names of the inputs that they replace."""
    parameters, velocities = {}, {}
    for name in PARAMETERS:
        step = gradients[name]
        if options.weight_decay:
            decay = g.constant(options.weight_decay, g.dtype)
            step = g.op("Add", step, g.op("Mul", name, decay))
        if options.momentum:
            velocity = g.input(f"velocity.{name}", g.dtype, net.shapes[name])
            kept = g.op("Mul", velocity, g.constant(options.momentum, g.dtype))
            step = velocities[f"velocity.{name}"] = g.op("Add", kept, step)
        parameters[name] = g.op("Sub", name, g.op("Mul", learning_rate, step))
    return parameters | velocities
