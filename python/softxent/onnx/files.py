"""ONNX files in and out: nothing is believed before it is checked, nothing is written unchecked.

A model may come from anywhere. Sizes are compared with what the file really holds before anything
is allocated, external data is read only from files that belong to the model, and
every reason to refuse a file is a `ModelError` that names the file.
"""

from __future__ import annotations

from os import PathLike
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError, Message  # type: ignore[import-untyped]
from onnx import checker, shape_inference

from softxent._files.atomic import atomic_write
from softxent.onnx.errors import ModelError
from softxent.onnx.external import load_external_data
from softxent.onnx.tensors import PLAIN_TYPES, check_tensor, tensors

#: The largest message that protobuf encodes, and so the largest ONNX file.
MAX_BYTES = 2**31 - 1


def read_model(path: str | PathLike[str]) -> onnx.ModelProto:
    """Read a model and its external data.

    Raises
    ------
    OSError
        If the file cannot be opened.
    ModelError
        If it is no complete ONNX model, or points to data outside its folder or missing from it.
    """
    path = Path(path)
    model = parse_model(path)
    try:
        load_external_data(model, path.parent, MAX_BYTES - path.stat().st_size)
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from None
    return model


def parse_model(path: Path) -> onnx.ModelProto:
    """Read a model without its external data.

    Raises
    ------
    OSError, ModelError
        As `read_model`, for what is in the file itself.
    """
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise ModelError(f"{path}: an ONNX file has at most {MAX_BYTES} bytes, this has {size}")
    model = onnx.ModelProto()
    try:
        model.ParseFromString(path.read_bytes())
    except DecodeError as error:
        raise ModelError(f"{path}: not an ONNX file, or a damaged one ({error})") from error
    if not _is_text(model):
        raise ModelError(f"{path}: a damaged ONNX file: a name in it is not UTF-8")
    if not model.opset_import or not model.graph.output:
        raise ModelError(f"{path}: not an ONNX file, or a truncated one: no opset or no outputs")
    return model


def check_plain(model: onnx.ModelProto) -> None:
    """Refuse every model that is not one flat, acyclic graph of standard operators.

    Raises
    ------
    ModelError
        Naming the node or tensor that is in the way.
    """
    graph = model.graph
    if model.functions:
        raise ModelError(f"the model defines functions of its own ({model.functions[0].name!r})")
    if graph.sparse_initializer:
        raise ModelError("the graph has sparse tensors")
    for tensor in tensors(graph):
        check_tensor(tensor, PLAIN_TYPES)
    for node in graph.node:
        label = f"node {node.name!r} ({node.op_type})"
        if node.domain not in ("", "ai.onnx"):
            raise ModelError(f"{label} is of the domain {node.domain!r}, not a standard operator")
        if any(a.type in (a.GRAPH, a.GRAPHS, a.SPARSE_TENSOR) for a in node.attribute):
            raise ModelError(f"{label} holds a graph of its own")
    check_order(graph)
    _check_with_onnx(model)


def check_order(graph: onnx.GraphProto) -> None:
    """Refuse a graph in which a node uses a value, or an output is one, that none before computes.

    Raises
    ------
    ModelError
        Naming the node and the value.
    """
    known = {tensor.name for tensor in graph.initializer} | {value.name for value in graph.input}
    for node in graph.node:
        for operand in filter(None, node.input):
            if operand not in known:
                raise ModelError(
                    f"node {node.name!r} ({node.op_type}) uses {operand!r}, which nothing before "
                    "it computes: the graph is cyclic or out of order"
                )
        known.update(node.output)
    for output in graph.output:
        if output.name not in known:
            raise ModelError(f"output {output.name!r} is computed by no node")


def check_written(model: onnx.ModelProto) -> None:
    """Check a model that was just built, by everything that onnx has.

    Raises
    ------
    ModelError
        With onnx's reason.
    """
    _check_with_onnx(model)
    try:
        shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
    except shape_inference.InferenceError as error:
        raise ModelError(f"shape inference refuses the model: {error}") from error


def write_model(model: onnx.ModelProto, path: str | PathLike[str]) -> None:
    """Check a model and write it, whole or not at all.

    Raises
    ------
    ModelError
        If onnx finds a fault in it, or it is too large for one file.
    OSError
        If the file cannot be written.
    """
    size = model.ByteSize()
    if size > MAX_BYTES:
        raise ModelError(f"an ONNX file has at most {MAX_BYTES} bytes, this model needs {size}")
    check_written(model)
    atomic_write(path, model.SerializeToString(deterministic=True))


def _check_with_onnx(model: onnx.ModelProto) -> None:
    try:
        checker.check_model(model, full_check=True)
    except (checker.ValidationError, shape_inference.InferenceError, ValueError) as error:
        raise ModelError(f"onnx refuses the model: {error}") from error


def _is_text(message: Message) -> bool:
    """Whether all texts in a message are UTF-8; protobuf hands out others as bytes."""
    for field, value in message.ListFields():
        several = [value] if isinstance(value, str | bytes | Message) else value
        if field.type == field.TYPE_STRING:
            if any(isinstance(text, bytes) for text in several):
                return False
        elif field.type == field.TYPE_MESSAGE and not all(map(_is_text, several)):
            return False
    return True
