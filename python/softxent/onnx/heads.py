"""Graphs from the input to the outputs of the heads `logits`, `probabilities` and `loss`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from softxent.onnx import activations, binary, cross_entropy
from softxent.onnx.architecture import Architecture
from softxent.onnx.graph import BATCH, Graph
from softxent.onnx.options import Options


@dataclass(frozen=True)
class Forward:
    """Names of the values of the forward pass.

    `inputs` are what each linear layer takes, x the first; `sums` what each hidden one gives before
    its activation; `logits` is (n, C), or (n,) of one logit.
    """

    inputs: tuple[str, ...]
    sums: tuple[str, ...]
    logits: str


def build(net: Architecture, state: dict[str, NDArray[Any]], options: Options) -> Graph:
    """Build the graph of one of the three heads, parameters included."""
    g = Graph(options.dtype, options.loss_dtype)
    for name, value in state.items():
        g.parameter(name, value)
    logits = forward(g, net).logits
    if options.head == "logits":
        _declare_logits(g, logits, net)
    elif options.head == "probabilities":
        _probabilities(g, logits, net)
    else:
        _loss(g, logits, net, options)
    return g


def forward(g: Graph, net: Architecture) -> Forward:
    """Append the layers; their parameters are values of the graph under their names."""
    layers = net.layers
    inputs, sums = [g.input("x", g.dtype, (BATCH, net.input_size))], []
    for name in layers.names:
        bias = [f"{name}.bias"] if layers.bias else []
        value = g.op("Gemm", inputs[-1], f"{name}.weight", *bias, transB=1)
        if name != layers.names[-1]:
            sums.append(value)
            inputs.append(activations.apply(g, layers.activation, value))
    logits = g.op("Squeeze", value, g.integer([1])) if net.binary else value
    return Forward(tuple(inputs), tuple(sums), logits)


def target_input(g: Graph, net: Architecture, options: Options) -> str:
    """Declare the input `target`: labels, or probabilities in the type of x."""
    if options.target == "index" and not net.binary:
        return g.input("target", np.int64, (BATCH,))
    return g.input("target", g.dtype, _shape(net))


def _shape(net: Architecture) -> tuple[int | str, ...]:
    """Shape of logits and probabilities."""
    return (BATCH,) if net.binary else (BATCH, net.outputs)


def _declare_logits(g: Graph, logits: str, net: Architecture) -> None:
    g.output("logits", logits, g.dtype, _shape(net))


def _probabilities(g: Graph, logits: str, net: Architecture) -> None:
    x = g.widened(logits)
    if net.binary:
        p = binary.sigmoid(g, x)
        prediction = g.cast(g.op("Greater", x, g.real(0)), np.int64)
    else:
        p = g.op("Softmax", x, axis=-1)
        prediction = g.op("ArgMax", logits, axis=-1, keepdims=0)
    p = g.narrowed(p)
    _declare_logits(g, logits, net)
    g.output("probabilities", p, g.dtype, _shape(net))
    g.output("prediction", prediction, np.int64, (BATCH,))


def _loss(g: Graph, logits: str, net: Architecture, options: Options) -> None:
    target = target_input(g, net, options)
    x = g.widened(logits)
    if net.binary:
        log_p = binary.log_sigmoid(g, x)
        loss = binary.loss(g, x, g.widened(target), options)
    else:
        log_p = g.op("LogSoftmax", x, axis=-1)
        loss = cross_entropy.loss(g, x, log_p, target, net.outputs, options)
    log_p = g.narrowed(log_p)
    g.output("loss", loss, g.wide, (BATCH,) if options.reduction == "none" else ())
    _declare_logits(g, logits, net)
    g.output("log_probabilities", log_p, g.dtype, _shape(net))
