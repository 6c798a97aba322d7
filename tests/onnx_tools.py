"""Small networks, data and models for the tests of ONNX export and verification."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime

from softxent.models import NeuralNet1, NeuralNet2

FEATURES, HIDDEN, CLASSES = 7, 5, 4

Feeds = dict[str, np.ndarray]


def net2(seed: int = 0, dtype: str = "float32") -> NeuralNet2:
    return NeuralNet2(FEATURES, HIDDEN, CLASSES, seed=seed, dtype=dtype)


def net1(seed: int = 0, dtype: str = "float32") -> NeuralNet1:
    return NeuralNet1(FEATURES, HIDDEN, seed=seed, dtype=dtype)


def samples(rng: np.random.Generator, rows: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """Features and labels in which every class occurs."""
    X = rng.standard_normal((rows, FEATURES)).astype(np.float32)
    return X, rng.permutation(np.arange(rows) % CLASSES)


def run(path: Path, **feeds: Any) -> Feeds:
    """All outputs of a model in onnxruntime, on the CPU."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, feeds), strict=True))


def edit(path: Path, change: Callable[[onnx.ModelProto], None]) -> Path:
    """Change a model in its file."""
    model = onnx.load(path, load_external_data=False)
    change(model)
    path.write_bytes(model.SerializeToString())
    return path


def node(model: onnx.ModelProto, op_type: str) -> onnx.NodeProto:
    """The one node of an operator."""
    (found,) = [candidate for candidate in model.graph.node if candidate.op_type == op_type]
    return found


def set_attribute(target: onnx.NodeProto, name: str, value: Any) -> None:
    """Set or replace an attribute of a node."""
    kept = [attribute for attribute in target.attribute if attribute.name != name]
    del target.attribute[:]
    target.attribute.extend([*kept, onnx.helper.make_attribute(name, value)])


def initializer(model: onnx.ModelProto, name: str) -> onnx.TensorProto:
    """The stored tensor of a name."""
    (found,) = [tensor for tensor in model.graph.initializer if tensor.name == name]
    return found


def set_initializer(model: onnx.ModelProto, name: str, value: np.ndarray) -> None:
    """Replace the contents of a stored tensor."""
    initializer(model, name).CopyFrom(onnx.numpy_helper.from_array(value, name))
