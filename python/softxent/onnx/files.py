"""ONNX files in and out: nothing is believed before it is checked, nothing is written unchecked.

A model may come from anywhere. Sizes are compared with what the file really holds before anything
is allocated, external data is read only from regular files inside the model's own folder, and
every reason to refuse a file is a `ModelError` that names the file.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from os import PathLike
from pathlib import Path, PurePosixPath, PureWindowsPath

import numpy as np
import onnx
from google.protobuf.message import DecodeError, Message  # type: ignore[import-untyped]
from onnx import TensorProto, checker, external_data_helper, helper, shape_inference

from softxent._files import atomic_write
from softxent.onnx.errors import ModelError

#: The largest message that protobuf encodes, and so the largest ONNX file.
MAX_BYTES = 2**31 - 1

_NUMERIC = {
    TensorProto.BOOL,
    TensorProto.INT32,
    TensorProto.INT64,
    TensorProto.FLOAT16,
    TensorProto.FLOAT,
    TensorProto.DOUBLE,
}


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
    try:
        _load_external_data(model, path.parent, size)
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from None
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
    for tensor in _tensors(graph):
        check_tensor(tensor)
    known = {tensor.name for tensor in graph.initializer} | {value.name for value in graph.input}
    for node in graph.node:
        _check_node(node, known)
        known.update(node.output)
    for output in graph.output:
        if output.name not in known:
            raise ModelError(f"output {output.name!r} is computed by no node")
    _check_with_onnx(model)


def _check_node(node: onnx.NodeProto, known: set[str]) -> None:
    label = f"node {node.name!r} ({node.op_type})"
    if node.domain not in ("", "ai.onnx"):
        raise ModelError(f"{label} is of the domain {node.domain!r}, not a standard operator")
    if any(a.type in (a.GRAPH, a.GRAPHS, a.SPARSE_TENSOR) for a in node.attribute):
        raise ModelError(f"{label} holds a graph of its own")
    for operand in filter(None, node.input):
        if operand not in known:
            raise ModelError(
                f"{label} uses {operand!r}, which nothing before it computes: "
                "the graph is cyclic or out of order"
            )


def check_tensor(tensor: TensorProto) -> None:
    """Refuse a tensor whose dimensions do not match the data that it holds.

    Raises
    ------
    ModelError
        With the dimensions and the amount of data.
    """
    if tensor.data_type not in _NUMERIC:
        raise ModelError(f"tensor {tensor.name!r} has element type {_type_name(tensor)}")
    expected = _elements(tensor)
    if tensor.HasField("raw_data"):
        held, unit = len(tensor.raw_data), "bytes"
        expected *= helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize
    else:
        field = helper.tensor_dtype_to_field(tensor.data_type)
        held, unit = len(getattr(tensor, field)), "elements"
    if held != expected:
        raise ModelError(
            f"tensor {tensor.name!r} of shape {tuple(tensor.dims)} should hold {expected} {unit}, "
            f"but holds {held}"
        )


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


def _type_name(tensor: TensorProto) -> str:
    values = TensorProto.DataType.DESCRIPTOR.values_by_number
    known = values.get(tensor.data_type)
    return known.name if known else str(tensor.data_type)


def _elements(tensor: TensorProto) -> int:
    if any(size < 0 for size in tensor.dims):
        raise ModelError(f"tensor {tensor.name!r} has a negative size: {tuple(tensor.dims)}")
    return math.prod(tensor.dims)


def _tensors(graph: onnx.GraphProto) -> Iterator[TensorProto]:
    """All tensors of a graph and of the graphs inside it."""
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            yield from [attribute.t] * attribute.HasField("t")
            yield from attribute.tensors
            for inner in [attribute.g] * attribute.HasField("g") + list(attribute.graphs):
                yield from _tensors(inner)


def _load_external_data(model: onnx.ModelProto, folder: Path, size: int) -> None:
    for tensor in _tensors(model.graph):
        if tensor.data_location != TensorProto.EXTERNAL:
            continue
        data = _read_external(tensor, folder, MAX_BYTES - size)
        size += len(data)
        del tensor.external_data[:]
        tensor.data_location = TensorProto.DEFAULT
        tensor.raw_data = data


def _read_external(tensor: TensorProto, folder: Path, limit: int) -> bytes:
    label = f"tensor {tensor.name!r}"
    if tensor.data_type not in _NUMERIC:
        raise ModelError(f"{label} has external data of element type {_type_name(tensor)}")
    dtype: np.dtype[np.generic] = helper.tensor_dtype_to_np_dtype(tensor.data_type)
    expected = _elements(tensor) * dtype.itemsize
    try:
        info = external_data_helper.ExternalDataInfo(tensor)
        offset, length = info.offset or 0, expected if info.length is None else info.length
    except ValueError as error:
        raise ModelError(f"{label} has unreadable external data: {error}") from None
    file = _inside(folder, info.location, label)
    available = file.stat().st_size - offset
    if offset < 0 or length != expected or available < expected:
        raise ModelError(
            f"{label} of shape {tuple(tensor.dims)} needs {expected} bytes of external data, but "
            f"{length} are declared and {max(available, 0)} are there from offset {offset}"
        )
    if expected > limit:
        raise ModelError(f"{label} needs {expected} bytes, more than a model may have in all")
    with file.open("rb") as stream:
        stream.seek(offset)
        return stream.read(expected)


def _inside(folder: Path, location: str, label: str) -> Path:
    """Resolve the place of external data; only regular files inside the folder will do."""
    for flavour in (PurePosixPath, PureWindowsPath):
        pure = flavour(location)
        if not location or "\0" in location or pure.anchor or ".." in pure.parts:
            raise ModelError(
                f"{label} has external data at {location!r}, outside the model's folder"
            )
    file = (folder / location).resolve()
    if not file.is_relative_to(folder.resolve()):
        raise ModelError(f"{label} has external data at {location!r}, a link out of the folder")
    if not file.is_file():
        raise ModelError(f"{label} has external data at {location!r}, which is no regular file")
    return file
