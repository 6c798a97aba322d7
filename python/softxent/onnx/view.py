"""A graph by its values: which are constant, what computes them, which nodes are linear layers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

#: Nodes that hand their first operand through.
_TRANSPARENT = ("Identity", "Dropout", "Squeeze")


@dataclass(frozen=True)
class Linear:
    """A node, or a MatMul and an Add, that computes `value` = input @ weight.T + bias.

    `weight` and `bias` are None where they are inputs of the graph, `bias` also where there is
    none; `stored` are the names of the initializers that hold them just so, None where they are
    held otherwise.
    """

    input: str
    value: str
    nodes: tuple[onnx.NodeProto, ...]
    biased: bool
    weight: NDArray[Any] | None = None
    bias: NDArray[Any] | None = None
    stored: tuple[str | None, str | None] = (None, None)


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
        while node is not None and value == node.output[0] and self._hands_through(node):
            value = node.input[0]
            node = self.producers.get(value)
        return value

    def _hands_through(self, node: onnx.NodeProto) -> bool:
        """Whether a node hands its first operand through, images as rows of features."""
        if node.op_type == "Flatten":
            return bool(attribute(node, "axis", 1) == 1)
        if node.op_type != "Reshape":
            return node.op_type in _TRANSPARENT
        given, shape = self.inputs.get(node.input[0]), self.constants.get(node.input[1])
        if given is None or shape is None or shape.shape != (2,) or shape[0] not in (-1, 0):
            return False
        sizes = [size.dim_value for size in given.type.tensor_type.shape.dim[1:]]
        return all(sizes) and math.prod(sizes) == shape[1]

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
            return Linear(operand, value, nodes, bias is not None)
        if matrix.ndim != 2:
            return None
        matrix = matrix if transposed else matrix.T
        stored_weight = weight if transposed and weight in self.initializers else None
        if bias is None:
            return Linear(operand, value, nodes, False, matrix, None, (stored_weight, None))
        vector = self.constants.get(bias)
        if vector is None or vector.size != len(matrix):
            return None
        stored_bias = bias if bias in self.initializers and vector.ndim == 1 else None
        stored = (stored_weight, stored_bias)
        return Linear(operand, value, nodes, True, matrix, vector.reshape(-1), stored)

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
