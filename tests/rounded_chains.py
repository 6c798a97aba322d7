"""Small graphs whose operands have been rounded before the nodes that are tested."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

f32 = np.float32
node = helper.make_node
FLOATS = {
    "float16": TensorProto.FLOAT16,
    "float32": TensorProto.FLOAT,
    "float64": TensorProto.DOUBLE,
}


def chain(
    middle: list[Any], dtype: str = "float32", sizes: tuple[int, ...] = (), **stored: Any
) -> onnx.ModelProto:
    """x @ w, then some nodes from `h` to `y`: their operand has been rounded already.

    With sizes the product is reshaped to them, the batch in front.
    """
    rng = np.random.default_rng(0)
    width = int(np.prod(sizes)) if sizes else 24
    weight = (rng.standard_normal((12, width)) / 3).astype(dtype)
    tensors = {"w": weight, "sizes": np.array([-1, *sizes], np.int64)} | stored
    nodes = [node("MatMul", ["x", "w"], ["product"])]
    nodes.append(node("Reshape", ["product", "sizes"], ["h"]) if sizes
                 else node("Identity", ["product"], ["h"]))  # fmt: skip
    shape = ["n", *sizes] if sizes else ["n", width]
    graph = helper.make_graph(
        [*nodes, *middle], "chain",
        [helper.make_tensor_value_info("x", FLOATS[dtype], ["n", 12])],
        [helper.make_empty_tensor_value_info("y"),
         helper.make_tensor_value_info("h", FLOATS[dtype], shape)],
        [numpy_helper.from_array(np.asarray(a), name) for name, a in tensors.items()],
    )  # fmt: skip
    imports = [helper.make_opsetid("", 20), helper.make_opsetid("com.microsoft", 1),
               helper.make_opsetid("ai.onnx.ml", 3)]  # fmt: skip
    return helper.make_model(graph, ir_version=9, opset_imports=imports)


def batch(rng: np.random.Generator, scale: float = 1.0, dtype: str = "float32") -> np.ndarray:
    return (scale * rng.standard_normal((40, 12))).astype(dtype)
