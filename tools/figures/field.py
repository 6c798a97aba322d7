"""Softmax and cross-entropy of each library in float32, as a user would call them."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from typing import Any

import numpy as np

import softxent


@dataclass(frozen=True)
class Library:
    """Functions of a matrix of rows: softmax, and the loss of each row for the label 0."""

    name: str
    softmax: Callable[[np.ndarray], np.ndarray]
    loss: Callable[[np.ndarray], np.ndarray]


def field() -> list[Library]:
    """All libraries, softxent first. One that is not installed is an error: none is left out."""
    return [_softxent(), _torch(), _scipy(), _jax(), _onnxruntime()]


def _softxent() -> Library:
    def loss(x: np.ndarray) -> np.ndarray:
        return softxent.cross_entropy(x, np.zeros(len(x), np.int64), reduction="none")

    return Library("softxent", softxent.softmax, loss)


def _named(title: str, package: str) -> str:
    return f"{title} {'.'.join(metadata.version(package).split('.')[:2])}"


def _torch() -> Library:
    import torch

    def softmax(x: np.ndarray) -> np.ndarray:
        return torch.softmax(torch.from_numpy(x), 1).numpy()

    def loss(x: np.ndarray) -> np.ndarray:
        labels = torch.zeros(len(x), dtype=torch.int64)
        return torch.nn.functional.cross_entropy(
            torch.from_numpy(x), labels, reduction="none"
        ).numpy()

    return Library(_named("PyTorch", "torch"), softmax, loss)


def _scipy() -> Library:
    from scipy import special

    return Library(
        _named("SciPy", "scipy"),
        lambda x: special.softmax(x, axis=1),
        lambda x: -special.log_softmax(x, axis=1)[:, 0],
    )


def _jax() -> Library:
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    import jax

    return Library(
        _named("JAX", "jax"),
        lambda x: np.asarray(jax.nn.softmax(x, axis=1)),
        lambda x: np.asarray(-jax.nn.log_softmax(x, axis=1)[:, 0]),
    )


def _onnxruntime() -> Library:
    softmax = _session("Softmax", ["x"], ["y"], axis=1)
    loss = _session("SoftmaxCrossEntropyLoss", ["x", "labels"], ["y"], reduction="none")
    return Library(
        _named("ONNX Runtime", "onnxruntime"),
        lambda x: softmax.run(None, {"x": x})[0],
        lambda x: loss.run(None, {"x": x, "labels": np.zeros(len(x), np.int64)})[0],
    )


def _session(operator: str, inputs: list[str], outputs: list[str], **attributes: Any) -> Any:
    import onnxruntime
    from onnx import TensorProto, helper

    kinds = {"x": (TensorProto.FLOAT, ["n", "c"]), "labels": (TensorProto.INT64, ["n"])}
    graph = helper.make_graph(
        [helper.make_node(operator, inputs, outputs, **attributes)],
        operator,
        [helper.make_tensor_value_info(name, *kinds[name]) for name in inputs],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
    )
    model = helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 17)])
    return onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
