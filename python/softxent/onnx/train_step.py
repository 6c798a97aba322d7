"""One step of stochastic gradient descent as a graph of standard operators.

Backpropagation is written out. With q the coefficients of the loss (see cross_entropy), D what the
mean divides by (1 for a sum) and p the softmax of the logits,

    d logits_ic = (p_ic sum_k q_ik - q_ic) / D,

and the other gradients follow layer by layer. Of one logit it is ((a + b) p - a) / D
with the a and b of binary. The update is that of torch.optim.SGD: d = gradient + weight_decay *
parameter, v = momentum * v + d, parameter - learning_rate * v, with velocities of 0 before the
first step. Ignored rows have the gradient 0, all of them too; a wrong label makes loss and
gradients NaN.
"""

from __future__ import annotations

import numpy as np

from softxent.onnx import activations, binary, cross_entropy
from softxent.onnx.architecture import Architecture
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
    for name, shape in net.shapes.items():
        g.input(name, g.dtype, shape)
    differentiate = _binary if net.binary else _categorical
    loss, d_logits = differentiate(g, f.logits, target, net, options)
    gradients = _backward(g, f, g.narrowed(d_logits), net)
    updates = _sgd(g, gradients, learning_rate, net, options)
    g.output("loss", loss, g.wide, ())
    for name, shape in net.shapes.items():
        g.output(f"grad.{name}", gradients[name], g.dtype, shape)
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
        by = cross_entropy.divisor(g, t, options)
        gradient = g.op("Div", gradient, by)
        gradient = cross_entropy.nothing_kept(g, by, gradient, 0.0, t, options)
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


def _backward(g: Graph, f: Forward, d_logits: str, net: Architecture) -> dict[str, str]:
    """Gradients of all parameters from that of the logits, (n, outputs)."""
    layers = net.layers
    upstream = [d_logits]
    for name, z, a in zip(layers.names[:0:-1], f.sums[::-1], f.inputs[:0:-1], strict=True):
        d_a = g.op("Gemm", upstream[0], f"{name}.weight")
        upstream.insert(0, activations.backpropagate(g, layers.activation, d_a, z, a))
    gradients = {}
    for name, d, value in zip(layers.names, upstream, f.inputs, strict=True):
        gradients[f"{name}.weight"] = g.op("Gemm", d, value, transA=1)
        if layers.bias:
            gradients[f"{name}.bias"] = g.total(d, axis=0)
    return gradients


def _sgd(
    g: Graph, gradients: dict[str, str], learning_rate: str, net: Architecture, options: Options
) -> dict[str, str]:
    """Updated parameters and velocities, by the names of the inputs that they replace."""
    parameters, velocities = {}, {}
    for name, step in gradients.items():
        if options.weight_decay:
            decay = g.constant(options.weight_decay, g.dtype)
            step = g.op("Add", step, g.op("Mul", name, decay))
        if options.momentum:
            velocity = g.input(f"velocity.{name}", g.dtype, net.shapes[name])
            kept = g.op("Mul", velocity, g.constant(options.momentum, g.dtype))
            step = velocities[f"velocity.{name}"] = g.op("Add", kept, step)
        parameters[name] = g.op("Sub", name, g.op("Mul", learning_rate, step))
    return parameters | velocities
