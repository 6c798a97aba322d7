"""Finding Linear, ReLU, Linear in a graph by its structure, whatever its values are called."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from softxent.onnx.architecture import PARAMETERS, Architecture
from softxent.onnx.errors import ModelError

#: Nodes that hand their first operand through.
_TRANSPARENT = ("Identity", "Dropout", "Squeeze", "Flatten")


#: Operators that turn logits into an output of a known meaning.
HEADS = {
    "Softmax": "probabilities",
    "Sigmoid": "probabilities",
    "LogSoftmax": "log_probabilities",
    "ArgMax": "prediction",
    "SoftmaxCrossEntropyLoss": "loss",
    "NegativeLogLikelihoodLoss": "loss",
}

#: Operators that make a further layer, so that what came before are no logits.
_LAYERS = {"Gemm", "MatMul", "Conv", "Relu", "LeakyRelu", "Elu", "Gelu", "Tanh", "PRelu", "Selu"}


@dataclass(frozen=True)
class Linear:
    """A node, or a MatMul and an Add, that computes `value` = input @ weight.T + bias.

    `parameters` are weight and bias, None where they are inputs of the graph; `stored` are the
    names of the initializers that hold them just so, None where they are held otherwise.
    """

    input: str
    value: str
    parameters: tuple[NDArray[Any], NDArray[Any]] | None
    nodes: tuple[onnx.NodeProto, ...]
    stored: tuple[str | None, str | None] = (None, None)


@dataclass(frozen=True)
class Network:
    """What was found.

    `state` is None where the parameters are inputs of the graph; `stored` names the initializers
    that hold a parameter in the layout of `state`.
    """

    architecture: Architecture
    state: dict[str, NDArray[Any]] | None
    stored: dict[str, str]
    x: str
    logits: str


class View:
    """A graph by its values: who computes a value, which values are constant."""

    def __init__(self, model: onnx.ModelProto) -> None:
        graph = model.graph
        self.nodes = list(graph.node)
        self.outputs = [output.name for output in graph.output]
        self.constants = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
        self.initializers = frozenset(self.constants)
        self.inputs = {i.name: i for i in graph.input if i.name not in self.constants}
        self.producers = {name: node for node in self.nodes for name in node.output if name}
        for node in self.nodes:
            self._fold(node)

    def _fold(self, node: onnx.NodeProto) -> None:
        """Evaluate what exporters put between a stored parameter and its use."""
        if node.op_type == "Constant" and (value := attribute(node, "value")) is not None:
            self.constants[node.output[0]] = numpy_helper.to_array(value)
        elif node.op_type in ("Identity", "Transpose") and node.input[0] in self.constants:
            array = self.constants[node.input[0]]
            if node.op_type == "Transpose":
                array = array.transpose(attribute(node, "perm"))
            self.constants[node.output[0]] = array

    def producer(self, value: str) -> onnx.NodeProto | None:
        """Return the node that computes a value, seen through nodes that change nothing."""
        return self.producers.get(self.source(value))

    def source(self, value: str) -> str:
        """Follow a value back through nodes that hand it through."""
        node = self.producers.get(value)
        while node is not None and node.op_type in _TRANSPARENT and value == node.output[0]:
            value = node.input[0]
            node = self.producers.get(value)
        return value

    def linear(self, value: str) -> Linear | None:
        """Recognise the linear layer that computes a value."""
        node = self.producer(value)
        if node is None:
            return None
        if node.op_type == "Gemm":
            return self._gemm(node)
        if node.op_type == "MatMul":
            return self._layer((node,), node.input[0], node.input[1], None, False)
        if node.op_type == "Add":
            for product, bias in (node.input, reversed(node.input)):
                inner = self.producer(product)
                if inner is not None and inner.op_type == "MatMul":
                    return self._layer((node, inner), inner.input[0], inner.input[1], bias, False)
        return None

    def _gemm(self, node: onnx.NodeProto) -> Linear | None:
        plain = attribute(node, "alpha", 1.0) == attribute(node, "beta", 1.0) == 1.0
        if not plain or attribute(node, "transA", 0):
            return None
        bias = node.input[2] if len(node.input) > 2 else None
        transposed = bool(attribute(node, "transB", 0))
        return self._layer((node,), node.input[0], node.input[1], bias, transposed)

    def _layer(
        self,
        nodes: tuple[onnx.NodeProto, ...],
        operand: str,
        weight: str,
        bias: str | None,
        transposed: bool,
    ) -> Linear | None:
        """Make a layer of these nodes if weight and bias can be parameters of one."""
        value = nodes[0].output[0]
        if not self._holds(weight) or (bias is not None and not self._holds(bias)):
            return None
        matrix = self.constants.get(weight)
        if matrix is None:
            return Linear(operand, value, None, nodes)
        if matrix.ndim != 2:
            return None
        matrix = matrix if transposed else matrix.T
        vector = np.zeros(len(matrix), matrix.dtype) if bias is None else self.constants.get(bias)
        if vector is None or vector.size != len(matrix):
            return None
        stored = (
            weight if transposed and weight in self.initializers else None,
            bias if bias in self.initializers and vector.ndim == 1 else None,
        )
        return Linear(operand, value, (matrix, vector.reshape(-1)), nodes, stored)

    def _holds(self, value: str) -> bool:
        """Whether a value can be a parameter: stored in the file or given to it."""
        return value in self.constants or value in self.inputs


def attribute(node: onnx.NodeProto, name: str, default: Any = None) -> Any:
    """Value of an attribute; strings as str."""
    for candidate in node.attribute:
        if candidate.name == name:
            value = helper.get_attribute_value(candidate)
            return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    return default


def recognise(view: View, name: str | None = None) -> Network:
    """Find the one chain Linear, ReLU, Linear that starts at an input of the graph.

    Parameters
    ----------
    view : View
        The graph.
    name : {"NeuralNet1", "NeuralNet2"}, optional
        What the file claims to be; by default one output means NeuralNet1.

    Raises
    ------
    ModelError
        If there is no such chain or there are several, saying what was found instead.
    """
    chains = [chain for value in view.producers if (chain := _chain(view, value)) is not None]
    unique = {chain[1].value: chain for chain in chains}
    # The product inside MatMul + Add is also a chain, of a layer without a bias.
    for _, second in list(unique.values()):
        node = view.producers[second.value]
        for operand in node.input if node.op_type == "Add" else ():
            unique.pop(view.source(operand), None)
    if len(unique) != 1:
        raise ModelError(_explanation(view, len(unique)))
    first, second = next(iter(unique.values()))
    x = view.source(first.input)
    if first.parameters is None or second.parameters is None:
        return Network(_given_architecture(view, name), None, {}, x, second.value)
    _check_end(view, first, second)
    arrays = (*first.parameters, *second.parameters)
    state = dict(zip(PARAMETERS, arrays, strict=True))
    names = zip(PARAMETERS, (*first.stored, *second.stored), strict=True)
    stored = {parameter: initializer for parameter, initializer in names if initializer}
    return Network(_architecture(state, name), state, stored, x, second.value)


def _chain(view: View, value: str) -> tuple[Linear, Linear] | None:
    second = view.linear(value)
    middle = view.producer(second.input) if second else None
    if second is None or middle is None or middle.op_type != "Relu":
        return None
    first = view.linear(middle.input[0])
    if first is None or view.source(first.input) not in view.inputs:
        return None
    return first, second


def _check_end(view: View, first: Linear, second: Linear) -> None:
    """Make sure that the second layer yields logits: no layer follows, and an output shows them."""
    own = {id(node) for linear in (first, second) for node in linear.nodes}
    own.add(id(view.producer(second.input)))
    for node in view.nodes:
        if node.op_type in _LAYERS and id(node) not in own:
            raise ModelError(
                f"logits: the graph has a further layer, {node.op_type} {node.output[0]!r}, beside "
                "Linear, ReLU, Linear"
            )
    if not any(shows(view, output, second.value) for output in view.outputs):
        raise ModelError(
            f"logits: no output is what Linear, ReLU, Linear compute, {second.value!r}, or a "
            "softmax, argmax or loss of it"
        )


def shows(view: View, value: str, logits: str) -> bool:
    """Whether a value is the logits or comes from them through operators of HEADS alone."""
    while view.source(value) != logits:
        node = view.producer(value)
        if node is None or node.op_type not in HEADS:
            return False
        value = node.input[0]
    return True


def _architecture(state: dict[str, NDArray[Any]], name: str | None) -> Architecture:
    name = name or ("NeuralNet1" if len(state["linear2.weight"]) == 1 else "NeuralNet2")
    try:
        return Architecture.of(name, state)
    except ValueError as error:
        raise ModelError(f"logits: the graph is not a {name}: {error}") from error


def _given_architecture(view: View, name: str | None) -> Architecture:
    """Sizes from the declared shapes of parameters that are inputs."""
    missing = set(PARAMETERS) - set(view.inputs)
    if missing:
        raise ModelError(f"logits: the graph has no inputs {', '.join(sorted(missing))}")
    shapes = {p: view.inputs[p].type.tensor_type.shape.dim for p in PARAMETERS}
    empty = {p: np.broadcast_to(0.0, [d.dim_value for d in shapes[p]]) for p in PARAMETERS}
    return _architecture(empty, name)


def _explanation(view: View, found: int) -> str:
    """Say what stands where Linear, ReLU, Linear should."""
    if found > 1:
        return f"logits: the graph has {found} chains Linear, ReLU, Linear, expected one"
    for value in view.producers:
        second = view.linear(value)
        middle = view.producer(second.input) if second else None
        if middle is None or not middle.input or middle.op_type == "Relu":
            continue
        if view.linear(middle.input[0]) is not None:
            return (
                f"logits: the graph has {middle.op_type} between its linear layers, expected Relu"
            )
    operators = ", ".join(sorted({node.op_type for node in view.nodes}))
    return (
        "logits: the graph does not start with Linear, ReLU, Linear on an input; "
        f"its operators are {operators or 'none'}"
    )
