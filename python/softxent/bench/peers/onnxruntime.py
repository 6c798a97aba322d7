"""ONNX Runtime: one node per model, inputs and a warm output bound beforehand."""

from __future__ import annotations

import importlib
from typing import Any

from softxent.bench.inputs import Array, Inputs
from softxent.bench.shapes import Case
from softxent.bench.timing import Call

NAME = "onnxruntime"
MODULES = ("onnxruntime", "onnx")

_OPERATORS = {
    "softmax": "Softmax",
    "log_softmax": "LogSoftmax",
    "logsumexp": "ReduceLogSumExp",
    "loss": "SoftmaxCrossEntropyLoss",
}
_IR_VERSION, _OPSET = 8, 17


def prepare(case: Case, inputs: Inputs, threads: int) -> list[Call] | None:
    """Make one call per buffer: forward computations of float32 and float64."""
    if case.operation not in _OPERATORS or case.dtype not in ("float32", "float64"):
        return None
    is_loss = case.operation == "loss"
    if is_loss and (case.options or case.axis % len(case.shape) != 1):
        return None
    ort = importlib.import_module("onnxruntime")
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    session = ort.InferenceSession(_model(case), options, providers=["CPUExecutionProvider"])
    return [
        _bound(session, buffer.logits, buffer.target if is_loss else None, _result(case, inputs))
        for buffer in inputs.buffers
    ]


def _result(case: Case, inputs: Inputs) -> Array:
    """The warm output: as large as the logits, one value per row, or one."""
    if case.operation == "loss":
        return inputs.out.reshape(-1)[:1].reshape(())
    if case.operation == "logsumexp":
        return inputs.out.max(axis=case.axis)
    return inputs.out


def _bound(session: Any, x: Array, target: Array | None, out: Array) -> Call:
    binding = session.io_binding()
    binding.bind_cpu_input("x", x)
    if target is not None:
        binding.bind_cpu_input("target", target)
    binding.bind_output("y", "cpu", 0, out.dtype, out.shape, out.ctypes.data)
    run = session.run_with_iobinding

    def call(out: Array = out) -> None:  # the default keeps the bound memory alive
        run(binding)

    return call


def _model(case: Case) -> bytes:
    onnx = importlib.import_module("onnx")
    helper = onnx.helper
    kind = onnx.TensorProto.FLOAT if case.dtype == "float32" else onnx.TensorProto.DOUBLE
    info = helper.make_tensor_value_info
    ins = [info("x", kind, case.shape)]
    attributes: dict[str, Any] = {"axis": case.axis}
    if case.operation == "loss":
        labels = [n for axis, n in enumerate(case.shape) if axis != 1]
        ins.append(info("target", onnx.TensorProto.INT64, labels))
        attributes = {"reduction": "mean"}
    elif case.operation == "logsumexp":
        attributes = {"axes": [case.axis], "keepdims": 0}
    names = [value.name for value in ins]
    node = helper.make_node(_OPERATORS[case.operation], names, ["y"], **attributes)
    graph = helper.make_graph([node], "bench", ins, [info("y", kind, None)])
    opsets = [helper.make_opsetid("", _OPSET)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=_IR_VERSION)
    serialized: bytes = model.SerializeToString()
    return serialized
