"""onnx's own node tests for Softmax, LogSoftmax, SoftmaxCrossEntropyLoss and NLLLoss.

The data and the expected outputs are onnx's; only the operator is ours. The `_expanded` variants
hold the same data as the case that they expand; they are run too, since their data are their own.
"""

from __future__ import annotations

import functools
import importlib
import re
from typing import Any

import numpy as np
import pytest

import softxent as sx

onnx = pytest.importorskip("onnx", reason="onnx is not installed: its node tests are not run")

PREFIXES = ("test_softmax", "test_logsoftmax", "test_sce_", "test_nllloss_")
MODULES = ("softmax", "logsoftmax", "softmax_cross_entropy_loss", "negativeloglikelihoodloss")
LOSSES = {"SoftmaxCrossEntropyLoss": sx.cross_entropy, "NegativeLogLikelihoodLoss": sx.nll_loss}


@functools.cache
def node_cases() -> dict[str, Any]:
    """All node tests of the four operators; importing the other operators takes ten seconds."""
    package = importlib.import_module("onnx.backend.test.case.node")
    for module in MODULES:
        importlib.import_module(f"{package.__name__}.{module}")
    return {case.name: case for case in package._NodeTestCases if case.name.startswith(PREFIXES)}


def attributes(case: Any) -> tuple[str, dict[str, Any]]:
    """Operator and attributes, for an expanded graph those of the case that it expands."""
    name = re.sub(r"_expanded(_ver\d+)?$", "", case.name)
    (node,) = node_cases()[name].model.graph.node
    values = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    values = {name: v.decode() if isinstance(v, bytes) else v for name, v in values.items()}
    return node.op_type, values


def results(operator: str, values: dict[str, Any], inputs: list[np.ndarray]) -> list[np.ndarray]:
    if operator == "Softmax":
        return [sx.softmax(inputs[0], axis=values.get("axis", -1))]
    if operator == "LogSoftmax":
        return [sx.log_softmax(inputs[0], axis=values.get("axis", -1))]
    options = {"axis": 1, "reduction": values.get("reduction", "mean")}
    options["ignore_index"] = values.get("ignore_index")
    options["weight"] = inputs[2] if len(inputs) > 2 else None
    loss = np.asarray(LOSSES[operator](inputs[0], inputs[1], **options))
    if operator == "SoftmaxCrossEntropyLoss":
        return [loss, sx.log_softmax(inputs[0], axis=1)]
    return [loss]


def test_suite_is_complete() -> None:
    assert len(node_cases()) >= 146


@pytest.mark.conformance("onnx node tests")
@pytest.mark.parametrize("name", node_cases())
def test_node(name: str) -> None:
    case = node_cases()[name]
    operator, values = attributes(case)
    for inputs, expected in case.data_sets:
        # The second output of a loss is optional.
        for got, want in zip(results(operator, values, inputs), expected, strict=False):
            assert got.dtype == want.dtype
            assert got.shape == want.shape
            assert np.allclose(got, want, rtol=case.rtol, atol=case.atol, equal_nan=True)
