"""Types and shapes of the values of a graph, as declared and as they follow."""

from __future__ import annotations

from dataclasses import dataclass

import onnx
from onnx import TensorProto, helper, shape_inference

from softxent.onnx.errors import ModelError

#: A size is a number, a name that stands for any, or None.
Shape = tuple[int | str | None, ...]


@dataclass(frozen=True)
class ValueType:
    """Type of a value.

    Attributes
    ----------
    dtype : str
        NumPy's name of the elements, "string", or "sequence", "map", "optional" for what is no
        tensor; "" where it is not known.
    shape : tuple of int, str or None, or None
        Sizes; None where not even their number is known.
    """

    dtype: str
    shape: Shape | None


def declared(value: onnx.ValueInfoProto) -> ValueType:
    """Return the type that a graph declares for a value."""
    kind = value.type.WhichOneof("value")
    if kind != "tensor_type":
        return ValueType((kind or "").removesuffix("_type"), None)
    tensor = value.type.tensor_type
    sizes = tuple(map(_size, tensor.shape.dim))
    return ValueType(dtype_name(tensor.elem_type), sizes if tensor.HasField("shape") else None)


def _size(dimension: onnx.TensorShapeProto.Dimension) -> int | str | None:
    if dimension.dim_value > 0:
        return int(dimension.dim_value)
    # Shape inference makes up names for what it does not know.
    name = dimension.dim_param
    return name if name and not name.startswith("unk__") else None


def dtype_name(elem_type: int) -> str:
    """NumPy's name of an element type of ONNX; "" for none that is known."""
    if elem_type == TensorProto.STRING:
        return "string"
    try:
        return str(helper.tensor_dtype_to_np_dtype(elem_type).name)
    except KeyError:
        return ""


def value_types(model: onnx.ModelProto) -> dict[str, ValueType]:
    """Types and shapes of all values for which they are declared or follow.

    Raises
    ------
    ModelError
        If they contradict each other.
    """
    graph = _inferred(model)
    found = {
        tensor.name: ValueType(dtype_name(tensor.data_type), tuple(tensor.dims))
        for tensor in graph.initializer
    }
    return found | {
        value.name: declared(value) for value in [*graph.input, *graph.value_info, *graph.output]
    }


def declare_shapes(model: onnx.ModelProto) -> None:
    """Declare the shapes of outputs that have none, where they follow.

    Raises
    ------
    ModelError
        If types and shapes contradict each other.
    """
    bare = [
        output
        for output in model.graph.output
        if output.type.HasField("tensor_type") and not output.type.tensor_type.HasField("shape")
    ]
    if bare:
        inferred = {output.name: output.type for output in _inferred(model).output}
        for output in bare:
            output.type.CopyFrom(inferred[output.name])


def _inferred(model: onnx.ModelProto) -> onnx.GraphProto:
    try:
        return shape_inference.infer_shapes(model, data_prop=True).graph
    except (shape_inference.InferenceError, ValueError) as error:
        raise ModelError(f"onnx refuses the model: {error}") from error
