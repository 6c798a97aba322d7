"""The activations of `softxent.models.activations` as nodes: value and derivative of each."""

from __future__ import annotations

from softxent.onnx.graph import Graph

#: Activations by the operators that compute them; nothing computes the identity.
ACTIVATIONS = {"Relu": "relu", "Tanh": "tanh", "Sigmoid": "sigmoid"}

_OPERATORS = {name: operator for operator, name in ACTIVATIONS.items()}


def apply(g: Graph, name: str, z: str) -> str:
    """Append the value of an activation."""
    return z if name == "identity" else g.op(_OPERATORS[name], z)


def backpropagate(g: Graph, name: str, gradient: str, z: str, a: str) -> str:
    """Append the product of a gradient in a = activation(z) and the derivative at z."""
    if name == "relu":
        zero = g.constant(0, g.dtype)
        return g.op("Where", g.op("Greater", z, zero), gradient, zero)
    one = g.constant(1, g.dtype)
    if name == "tanh":
        return g.op("Mul", gradient, g.op("Mul", g.op("Sub", one, a), g.op("Add", one, a)))
    if name == "sigmoid":
        return g.op("Mul", gradient, g.op("Mul", a, g.op("Sub", one, a)))
    return gradient
