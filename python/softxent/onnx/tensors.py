"""Stored tensors: which element types are read, and that a tensor holds what its shape says."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import onnx
from onnx import TensorProto, helper

from softxent.onnx.errors import ModelError

#: Element types of the networks of `softxent.models`.
PLAIN_TYPES = frozenset(
    (
        TensorProto.BOOL,
        TensorProto.INT32,
        TensorProto.INT64,
        TensorProto.FLOAT16,
        TensorProto.FLOAT,
        TensorProto.DOUBLE,
    )
)

#: Bits per element, of types smaller than a byte; two or four share one.
_PACKED = {
    TensorProto.INT4: 4,
    TensorProto.UINT4: 4,
    TensorProto.FLOAT4E2M1: 4,
    TensorProto.INT2: 2,
    TensorProto.UINT2: 2,
}

#: Element types of classifiers: those above, and what quantisers and exporters of labels write.
ALL_TYPES = (
    PLAIN_TYPES
    | frozenset(_PACKED)
    | frozenset(
        (
            TensorProto.INT8,
            TensorProto.UINT8,
            TensorProto.INT16,
            TensorProto.UINT16,
            TensorProto.UINT32,
            TensorProto.UINT64,
            TensorProto.BFLOAT16,
            TensorProto.FLOAT8E4M3FN,
            TensorProto.FLOAT8E4M3FNUZ,
            TensorProto.FLOAT8E5M2,
            TensorProto.FLOAT8E5M2FNUZ,
            TensorProto.FLOAT8E8M0,
            TensorProto.STRING,
        )
    )
)


def check_tensor(tensor: TensorProto, types: frozenset[int] = ALL_TYPES) -> None:
    """Refuse a tensor whose dimensions do not match the data that it holds.

    Raises
    ------
    ModelError
        With the dimensions and the amount of data.
    """
    if tensor.data_type not in types:
        raise ModelError(f"tensor {tensor.name!r} has element type {type_name(tensor)}")
    if tensor.HasField("raw_data"):
        expected, held, unit = bytes_needed(tensor), len(tensor.raw_data), "bytes"
    else:
        field = helper.tensor_dtype_to_field(tensor.data_type)
        packed = tensor.data_type in _PACKED
        expected = bytes_needed(tensor) if packed else elements(tensor)
        held, unit = len(getattr(tensor, field)), "bytes" if packed else "elements"
    if held != expected:
        raise ModelError(
            f"tensor {tensor.name!r} of shape {tuple(tensor.dims)} should hold {expected} {unit}, "
            f"but holds {held}"
        )


def bytes_needed(tensor: TensorProto) -> int:
    """Size of the contents of a tensor outside of protobuf's fields.

    Raises
    ------
    ModelError
        If elements of its type have no such form.
    """
    kind = tensor.data_type
    if kind not in ALL_TYPES or kind == TensorProto.STRING:
        text = f"tensor {tensor.name!r} has element type {type_name(tensor)}, which is no raw data"
        raise ModelError(text)
    bits = _PACKED.get(kind) or 8 * helper.tensor_dtype_to_np_dtype(kind).itemsize
    return -(-elements(tensor) * bits // 8)


def elements(tensor: TensorProto) -> int:
    """Number of elements by the dimensions.

    Raises
    ------
    ModelError
        If one of them is negative.
    """
    if any(size < 0 for size in tensor.dims):
        raise ModelError(f"tensor {tensor.name!r} has a negative size: {tuple(tensor.dims)}")
    return math.prod(tensor.dims)


def type_name(tensor: TensorProto) -> str:
    """ONNX's name of the element type, or its number."""
    values = TensorProto.DataType.DESCRIPTOR.values_by_number
    known = values.get(tensor.data_type)
    return known.name if known else str(tensor.data_type)


def all_tensors(model: onnx.ModelProto) -> Iterator[TensorProto]:
    """All tensors of a model, those of its functions included."""
    yield from tensors(model.graph)
    for function in model.functions:
        yield from _tensors_of(function.node)


def tensors(graph: onnx.GraphProto) -> Iterator[TensorProto]:
    """All tensors of a graph and of the graphs inside it."""
    yield from graph.initializer
    yield from _tensors_of(graph.node)


def _tensors_of(nodes: Iterable[onnx.NodeProto]) -> Iterator[TensorProto]:
    """All tensors in the attributes of nodes, and of the graphs there."""
    for node in nodes:
        for attribute in node.attribute:
            yield from [attribute.t] * attribute.HasField("t")
            yield from attribute.tensors
            for inner in [attribute.g] * attribute.HasField("g") + list(attribute.graphs):
                yield from tensors(inner)
