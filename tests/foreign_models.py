"""Classifiers as other programs write them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

#: Images of the convolutional nets: 1 × 6 × 6, three classes.
IMAGE, CLASSES = (1, 6, 6), 3

Sizes = Sequence[int | str | None] | None


def classifier(
    nodes: Sequence[onnx.NodeProto],
    outputs: Sequence[tuple[str, int, Sizes]],
    *,
    inputs: Sequence[tuple[str, int, Sizes]] = (("x", TensorProto.FLOAT, ("n", 4)),),
    stored: dict[str, np.ndarray] | None = None,
    opset: int = 17,
    ir_version: int = 8,
    domains: dict[str, int] | None = None,
) -> onnx.ModelProto:
    """A model of these nodes, with a weight `w` (4, 3) beside what is given."""
    weight = np.random.default_rng(0).standard_normal((4, CLASSES)).astype(np.float32)
    tensors = {"w": weight} | (stored or {})
    graph = helper.make_graph(
        nodes,
        "classifier",
        [helper.make_tensor_value_info(*value) for value in inputs],
        [helper.make_tensor_value_info(*value) for value in outputs],
        [numpy_helper.from_array(value, name) for name, value in tensors.items()],
    )
    opsets = [helper.make_opsetid("", opset)]
    opsets += [helper.make_opsetid(*domain) for domain in (domains or {}).items()]
    return helper.make_model(graph, ir_version=ir_version, opset_imports=opsets)


def session(model: onnx.ModelProto) -> Any:
    """The model in onnxruntime, on the CPU and silent."""
    runtime = pytest.importorskip("onnxruntime")
    options = runtime.SessionOptions()
    options.log_severity_level = 4
    return runtime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def outputs(model: onnx.ModelProto, **feeds: np.ndarray) -> dict[str, Any]:
    """All outputs of a model."""
    runner = session(model)
    names = [output.name for output in runner.get_outputs()]
    return dict(zip(names, runner.run(None, feeds), strict=True))


def residual_net() -> Any:
    """A convolutional net with a residual connection, as ResNets are built."""
    torch = pytest.importorskip("torch")
    nn = torch.nn

    class Residual(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.norm1 = nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4)
            self.second, self.norm2 = nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4)
            self.pool, self.last = nn.AdaptiveAvgPool2d(1), nn.Linear(4, CLASSES)

        def forward(self, x: Any) -> Any:
            h = torch.relu(self.norm1(self.first(x)))
            h = torch.relu(h + self.norm2(self.second(h)))
            return self.last(torch.flatten(self.pool(h), 1))

    torch.manual_seed(0)
    return Residual().eval()


def from_torch(
    module: Any, path: Path, *samples: Any, dynamo: bool, free_batch: bool = True, **options: Any
) -> Path:
    """Export a module with one of the two exporters of PyTorch."""
    torch = pytest.importorskip("torch")
    if dynamo:
        pytest.importorskip("onnxscript")
        batch = torch.export.Dim("batch") if free_batch else None
        shapes = tuple({0: batch} for _ in samples) if free_batch else None
        options |= {"dynamo": True, "dynamic_shapes": shapes, "verbose": False}
    else:
        names = [f"input{i}" for i in range(len(samples))]
        axes = {name: {0: "batch"} for name in names} if free_batch else None
        options |= {"dynamo": False, "opset_version": 17, "input_names": names}
        options["dynamic_axes"] = axes
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own deprecations
        torch.onnx.export(module, samples, path, **options)
    return path


def from_sklearn(estimator: Any, X: np.ndarray, y: Any, **options: Any) -> onnx.ModelProto:
    """Fit an estimator and convert it with skl2onnx."""
    skl2onnx = pytest.importorskip("skl2onnx")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # training may end before it has converged
        estimator.fit(X, y)
        model: onnx.ModelProto = skl2onnx.to_onnx(estimator, X[:1], options=options or None)
    return model


def iris() -> tuple[np.ndarray, np.ndarray]:
    """Features and the names of the species."""
    datasets = pytest.importorskip("sklearn.datasets")
    X, y = datasets.load_iris(return_X_y=True)
    return X.astype(np.float32), np.array(["setosa", "versicolor", "virginica"])[y]


def quantised(path: Path, kind: str, feed: Callable[[int], np.ndarray]) -> Path:
    """Quantise a model to 8 bits: "dynamic", "QDQ" or "QOperator".

    Weights get 7 of them, as onnxruntime advises: on x86-64 without VNNI it adds pairs of products
    in 16 bits, which with 8 do not hold, and a correct verdict is then that it computes wrongly.
    """
    pytest.importorskip("onnxruntime")
    from onnxruntime import quantization

    class Samples(quantization.CalibrationDataReader):
        def __init__(self) -> None:
            name = onnx.load(path, load_external_data=False).graph.input[0].name
            self.feeds = iter([{name: feed(i)} for i in range(4)])

        def get_next(self) -> dict[str, np.ndarray] | None:
            return next(self.feeds, None)

    out = path.with_name(f"{path.stem}_{kind}.onnx")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if kind == "dynamic":
            quantization.quantize_dynamic(path, out, reduce_range=True)
        else:
            form = quantization.QuantFormat[kind]
            quantization.quantize_static(path, out, Samples(), quant_format=form, reduce_range=True)
    return out
