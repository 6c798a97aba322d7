"""A small builder over onnx.helper: nodes in order, constants shared, names never repeated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import count
from typing import Any

import numpy as np
import onnx
from numpy.typing import ArrayLike, DTypeLike, NDArray
from onnx import TensorProto, helper, numpy_helper

import softxent
from softxent.onnx import opsets

#: The one free dimension of every graph.
BATCH = "batch"


def tensor_type(dtype: DTypeLike) -> int:
    """Element type of ONNX for a NumPy dtype."""
    return int(helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))


class Graph:
    """An ONNX graph under construction.

    Values are known by their names, as in ONNX itself: every method that adds a value returns its
    name, to be used as an operand of the next.

    Parameters
    ----------
    dtype : dtype-like
        Type of the network's values.
    wide : dtype-like
        Type in which losses are computed; that of the constants from `real`.
    taken : iterable of str
        Names that must not be used for intermediate values, such as those of a graph that this
        one will be appended to.
    """

    def __init__(self, dtype: DTypeLike, wide: DTypeLike, *, taken: Iterable[str] = ()) -> None:
        self.dtype = np.dtype(dtype)
        self.wide = np.dtype(wide)
        self.nodes: list[onnx.NodeProto] = []
        self.inputs: list[onnx.ValueInfoProto] = []
        self.outputs: list[onnx.ValueInfoProto] = []
        self.initializers: list[TensorProto] = []
        self._names = set(taken)
        self._constants: dict[tuple[str, tuple[int, ...], bytes], str] = {}

    def input(self, name: str, dtype: DTypeLike, shape: Sequence[int | str]) -> str:
        """Declare an input of the graph."""
        self.inputs.append(helper.make_tensor_value_info(name, tensor_type(dtype), shape))
        return self._claim(name)

    def output(self, name: str, value: str, dtype: DTypeLike, shape: Sequence[int | str]) -> None:
        """Make a value an output under a name, which becomes the value's name."""
        self._claim(name)
        if any(value in node.output for node in self.nodes):
            for node in self.nodes:
                node.input[:] = [name if operand == value else operand for operand in node.input]
                node.output[:] = [name if result == value else result for result in node.output]
        else:
            self.nodes.append(helper.make_node("Identity", [value], [name]))
        self.outputs.append(helper.make_tensor_value_info(name, tensor_type(dtype), shape))

    def parameter(self, name: str, value: NDArray[Any]) -> str:
        """Store an array under its own name."""
        self.initializers.append(numpy_helper.from_array(value, name))
        return self._claim(name)

    def constant(self, value: ArrayLike, dtype: DTypeLike) -> str:
        """Store an unnamed constant, once per distinct value."""
        array = np.asarray(value, dtype=dtype)
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._constants:
            self._constants[key] = self.parameter(self._fresh("constant"), array)
        return self._constants[key]

    def real(self, value: ArrayLike) -> str:
        """Store a constant in the type of the losses."""
        return self.constant(value, self.wide)

    def integer(self, value: ArrayLike) -> str:
        """Store a 64-bit integer constant."""
        return self.constant(value, np.int64)

    def op(self, op_type: str, *operands: str, **attributes: Any) -> str:
        """Append a node of the default domain with one result."""
        result = self._claim(self._fresh(op_type.lower()))
        self.nodes.append(helper.make_node(op_type, operands, [result], **attributes))
        return result

    def cast(self, value: str, dtype: DTypeLike) -> str:
        """Append a conversion to `dtype`."""
        return self.op("Cast", value, to=tensor_type(dtype))

    def widened(self, value: str) -> str:
        """Bring a value of the network into the type of the losses."""
        return value if self.dtype == self.wide else self.cast(value, self.wide)

    def narrowed(self, value: str) -> str:
        """Bring a value from the type of the losses into that of the network."""
        return value if self.dtype == self.wide else self.cast(value, self.dtype)

    def total(self, value: str, *, axis: int | None = None) -> str:
        """Append the sum over one axis or all."""
        axes = () if axis is None else (self.integer([axis]),)
        return self.op("ReduceSum", value, *axes, keepdims=0)

    def column(self, vector: str) -> str:
        """Append the conversion of shape (n,) into (n, 1)."""
        return self.op("Unsqueeze", vector, self.integer([1]))

    def model(self, name: str, *, opset: int, metadata: Mapping[str, str]) -> onnx.ModelProto:
        """Assemble the model, with every version set: the defaults of onnx are too new to load."""
        graph = helper.make_graph(
            self.nodes, name, self.inputs, self.outputs, initializer=self.initializers
        )
        model = helper.make_model(
            graph,
            ir_version=opsets.ir_version(opset),
            opset_imports=[helper.make_opsetid("", opset)],
            producer_name="softxent",
            producer_version=softxent.__version__,
        )
        helper.set_model_props(model, dict(metadata))
        return model

    def _fresh(self, stem: str) -> str:
        return next(name for i in count(1) if (name := f"{stem}_{i}") not in self._names)

    def _claim(self, name: str) -> str:
        if name in self._names:
            raise ValueError(f"the name {name!r} is used twice in the graph")
        self._names.add(name)
        return name
