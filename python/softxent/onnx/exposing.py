"""Copies of a graph in which other values are outputs."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from softxent.onnx.anatomy.logits import Logits
from softxent.onnx.anatomy.values import ValueType
from softxent.onnx.foreign import operands


def with_logits(model: onnx.ModelProto, logits: Logits) -> onnx.ModelProto:
    """Copy a model such that the logits are an output of it; see `expose_logits`."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    expose_logits(copy, logits)
    return copy


def expose_logits(model: onnx.ModelProto, logits: Logits) -> None:
    """Make the logits an output of a model, under ``logits.name``.

    Logits inside a LinearClassifier or boosted trees are computed by a second node of the same
    parameters that leaves out the transformation; one logit of two classes is the score of the
    second, (n, 1).
    """
    graph = model.graph
    if logits.raw is not None:
        _compute_scores(graph, logits)
    if logits.name not in {output.name for output in graph.output}:
        graph.output.append(_described(logits.name, ValueType(logits.dtype, logits.shape)))


def _described(name: str, kind: ValueType) -> onnx.ValueInfoProto:
    """Declare an output as far as its type is known; runtimes infer the rest."""
    if not kind.dtype or kind.dtype in ("string", "sequence", "map", "optional"):
        return onnx.ValueInfoProto(name=name)
    if kind.dtype == "bfloat16":
        return helper.make_tensor_value_info(name, onnx.TensorProto.BFLOAT16, kind.shape)
    elem_type = helper.np_dtype_to_tensor_dtype(np.dtype(kind.dtype))
    return helper.make_tensor_value_info(name, elem_type, kind.shape)


def _compute_scores(graph: onnx.GraphProto, logits: Logits) -> None:
    """Add the node without a transformation."""
    position, node = next(
        (i, node) for i, node in enumerate(graph.node) if logits.raw in node.output
    )
    plain = onnx.NodeProto()
    plain.CopyFrom(node)
    plain.name = f"{logits.name}_node" if node.name else ""
    kept = [attribute for attribute in plain.attribute if attribute.name != "post_transform"]
    del plain.attribute[:]
    plain.attribute.extend([*kept, helper.make_attribute("post_transform", "NONE")])
    scores = f"{logits.name}_columns" if logits.kind == "binary" else logits.name
    plain.output[:] = [f"{logits.name}_label", scores]
    added = [plain]
    if logits.kind == "binary":
        second = numpy_helper.from_array(np.array([1], np.int64), f"{logits.name}_second")
        added += [
            helper.make_node("Constant", [], [second.name], value=second),
            helper.make_node("Gather", [scores, second.name], [logits.name], axis=1),
        ]
    for offset, extra in enumerate(added):
        graph.node.insert(position + 1 + offset, extra)


def reduce_to(model: onnx.ModelProto, outputs: Collection[str]) -> None:
    """Remove what these of a model's outputs do not need, inputs included.

    Raises
    ------
    ValueError
        If the model has no such output.
    """
    unknown = set(outputs) - {output.name for output in model.graph.output}
    if unknown:
        raise ValueError(f"the graph has no outputs {', '.join(sorted(unknown))}")
    needed, kept = set(outputs), set()
    for position, node in reversed(list(enumerate(model.graph.node))):
        if needed & set(node.output):
            kept.add(position)
            needed.update(operands(node))
    graph = model.graph
    _keep(graph.node, kept)
    _keep(graph.output, _named(graph.output, set(outputs)))
    _keep(graph.input, _named(graph.input, needed))
    _keep(graph.initializer, _named(graph.initializer, needed))


def _named(field: Any, names: set[str]) -> set[int]:
    return {position for position, item in enumerate(field) if item.name in names}


def _keep(field: Any, positions: set[int]) -> None:
    """Delete the other items of a repeated field, in place: initializers may be large."""
    for position in reversed(range(len(field))):
        if position not in positions:
            del field[position]
