"""Which versions of the operators a file can have here, and the IR version that goes with each."""

from __future__ import annotations

from functools import cache

from softxent._machine.optional import available, require

#: The first opset in which every operator that is used has the form in which it is used.
FIRST = 13

#: An opset that every supported onnxruntime loads, so that there is nothing to try.
_EVERYWHERE = 20

#: IR version of files up to opset 22: read by onnxruntime since 1.18 and by onnx since 1.16.
_IR_VERSION = 10


@cache
def latest() -> int:
    """Return the newest opset that can be written and run here.

    It is the newest that onnx has schemas of, so that a file can be checked, and of these the
    newest that onnxruntime, where it is installed, loads a model of: that is tried, since
    onnxruntime does not say it and refuses what was released after it.
    """
    from onnx import defs

    newest = int(defs.onnx_opset_version())
    if not available("onnxruntime"):
        return newest
    return next((opset for opset in range(newest, FIRST, -1) if _loads(opset)), FIRST)


def check(opset: int) -> None:
    """Raise ValueError if files with an opset cannot be written or run here."""
    if not FIRST <= opset <= (_EVERYWHERE if opset <= _EVERYWHERE else latest()):
        raise ValueError(f"opset must be {FIRST} to {latest()}, got {opset}")


def ir_version(opset: int) -> int:
    """Return the IR version of files with an opset: the oldest that may hold it, or 10."""
    from onnx import helper

    needed = helper.find_min_ir_version_for([helper.make_opsetid("", opset)])
    return max(_IR_VERSION, int(needed))


def _loads(opset: int) -> bool:
    """Whether onnxruntime loads a model of an opset."""
    from onnx import TensorProto, helper

    onnxruntime = require("onnxruntime", "onnx", "finding the newest opset")
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n"]) for name in "xy")
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "opset", [x], [y])
    model = helper.make_model(
        graph, ir_version=ir_version(opset), opset_imports=[helper.make_opsetid("", opset)]
    )
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    try:
        onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
    except Exception:  # onnxruntime has no common class for what it raises
        return False
    return True
