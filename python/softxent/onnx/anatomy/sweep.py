"""The meanings of all values of a graph, found in one sweep over its nodes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

from softxent.onnx.anatomy import rules
from softxent.onnx.anatomy.meaning import NORMALISED, Meaning, Meanings, attributes
from softxent.onnx.errors import ModelError

#: Element by element, or of several elements: the result still shows a softmax that it comes from.
_BLENDING = frozenset((
    "Add", "Sub", "Mul", "Div", "Mean", "Sum", "Max", "Min", "Pow", "Sqrt", "Clip", "Neg", "Log",
    "Exp", "Abs", "Round", "Floor", "Ceil", "Sign", "Reciprocal", "Erf", "Sin", "Cos", "Tanh",
    "Relu", "LeakyRelu", "PRelu", "ThresholdedRelu", "Elu", "Selu", "Celu", "Gelu", "Mish",
    "Softplus", "Softsign", "Softmax", "LogSoftmax", "Hardmax", "Sigmoid", "HardSigmoid",
    "HardSwish", "Where", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "ArgMax", "TopK",
    "Concat", "Split", "Slice", "Gather", "GatherElements", "Transpose", "Expand", "Tile", "Pad",
    "CumSum", "LpNormalization", "ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceProd",
    "ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp",
))  # fmt: skip


def meanings(model: onnx.ModelProto) -> Meanings:
    """Sweep over a graph once.

    Raises
    ------
    ModelError
        If an attribute of a node at the end of the graph has no value that ONNX allows.
    """
    versions = [item.version for item in model.opset_import if item.domain in ("", "ai.onnx")]
    found = Meanings(versions[0] if versions else 1)
    graph = model.graph
    for tensor in graph.initializer:
        _store(found, tensor.name, tensor)
    for value in graph.input:
        if value.name not in found.by_name:
            found.by_name[value.name] = Meaning("input")
            found.needs[value.name] = frozenset((value.name,))
    for node in graph.node:
        operands = [name for name in node.input if name]
        needs = frozenset[str]().union(*(found.needs.get(name, frozenset()) for name in operands))
        try:
            results = rules.apply(found, node)
        except (TypeError, ValueError, OverflowError) as error:
            raise ModelError(f"node {node.name!r} ({node.op_type}): {error}") from error
        for position, name in enumerate(node.output):
            if name:
                default = Meaning("constant") if _constant(found, node) else _blend(found, node)
                found.by_name[name] = results.get(position, default)
                found.needs[name] = needs
                found.producers[name] = node
        if node.op_type == "DequantizeLinear" and node.input and node.output:
            found.dequantised.setdefault(found.exact_source(node.input[0]), node.output[0])
    for name, meaning in found.by_name.items():
        if meaning.logits is not None:
            found.by_name[name] = replace(meaning, logits=found.real(meaning.logits))
    return found


def _store(found: Meanings, name: str, tensor: onnx.TensorProto) -> None:
    found.by_name[name] = Meaning("constant")
    found.needs[name] = frozenset()
    found.constants[name] = tensor


def _constant(found: Meanings, node: onnx.NodeProto) -> bool:
    """Whether a node computes the same whatever the inputs are; keeps what `Constant` holds."""
    if node.domain not in ("", "ai.onnx"):
        return False
    if node.op_type == "Constant":
        stored = attributes(node)
        for tensor in _stored_tensors(stored):
            found.constants[node.output[0]] = tensor
        return True
    operands = [found.of(name).role for name in node.input if name]
    if not operands or any(role != "constant" for role in operands):
        return False
    if node.op_type == "Identity" and node.input[0] in found.constants:
        found.constants[node.output[0]] = found.constants[node.input[0]]
    return True


def _stored_tensors(stored: dict[str, Any]) -> list[onnx.TensorProto]:
    """What the attributes of a `Constant` hold, as a tensor."""
    if "value" in stored:
        return [stored["value"]]
    kinds = {"value_float": "f4", "value_floats": "f4", "value_int": "i8", "value_ints": "i8"}
    return [
        numpy_helper.from_array(np.asarray(stored[name], kind))
        for name, kind in kinds.items()
        if name in stored
    ]


def _blend(found: Meanings, node: onnx.NodeProto) -> Meaning:
    """Meaning of a result without a rule: what it is computed from may leave its mark."""
    if node.domain not in ("", "ai.onnx"):
        return Meaning("opaque")
    if any(a.type in (a.GRAPH, a.GRAPHS) for a in node.attribute):
        return Meaning("opaque")
    operands = [found.of(name) for name in node.input if name]
    varying = [operand for operand in operands if operand.role != "constant"]
    marked = all(operand.role in NORMALISED for operand in varying)
    if node.op_type in _BLENDING and varying and marked:
        meaning = replace(varying[0], axis=None, binary=False, pair=False, names=None, chosen=None)
        return meaning.after(node.op_type, role="derived")
    if any(operand.role == "loss" for operand in operands):
        return Meaning("derived", path=(node.op_type,))
    return Meaning("body")
