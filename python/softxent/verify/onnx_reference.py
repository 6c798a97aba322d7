"""onnx's own reference evaluator, where it can serve as a reference."""

from __future__ import annotations

import numpy as np
import onnx
from onnx.reference import ReferenceEvaluator

from softxent.onnx.options import Options
from softxent.verify.arithmetic import Array

NAME = "onnx-reference"

#: Outputs for which it takes the logarithm of a softmax.
_LOGARITHMIC = ("loss", "log_probabilities")

#: Operators that it computes element by element in Python.
_LOOPS = {
    "Conv", "ConvInteger", "ConvTranspose", "QLinearConv", "MaxPool", "AveragePool", "LSTM", "GRU",
    "RNN", "Resize", "TreeEnsembleClassifier", "TreeEnsembleRegressor",
}  # fmt: skip


def outputs(model: onnx.ModelProto, feeds: dict[str, Array]) -> dict[str, Array]:
    """Evaluate a model with onnx.reference."""
    with np.errstate(all="ignore"):
        evaluator = ReferenceEvaluator(model)
        values = evaluator.run(None, feeds)
    return {name: np.asarray(v) for name, v in zip(evaluator.output_names, values, strict=True)}


def unfit_for_graph(model: onnx.ModelProto, dtype: str) -> str | None:
    """Say why the evaluator is no oracle for the logits of a graph of any origin, or None."""
    if dtype == "float16":
        return "onnx.reference adds float16 numbers in float16"
    slow = sorted({node.op_type for node in model.graph.node} & _LOOPS)
    if slow:
        return f"onnx.reference takes minutes for {', '.join(slow)}"
    return None


def unfit(role: str, logits: Array, options: Options) -> str | None:
    """Say why the evaluator is no oracle for an output, or None.

    It computes LogSoftmax as log(Softmax), which is -inf or without a correct digit once a
    probability falls below the smallest normal number, and sums in the type of the terms.
    """
    if options.dtype == "float16" and role.startswith(("grad.", "new.")):
        return "onnx.reference adds float16 numbers in float16"
    if role not in _LOGARITHMIC or logits.ndim < 2 or not logits.size:
        return None
    spread = float(np.max(logits.max(axis=-1) - logits.min(axis=-1)))
    limit = -float(np.log(np.finfo(options.loss_dtype).smallest_normal))
    if spread < limit:
        return None
    return (
        f"logits are up to {spread:.3g} apart, and onnx.reference computes LogSoftmax as "
        f"log(Softmax), which is of no use from {limit:.3g} on"
    )
