"""The rules of verify.body on onnx's own node tests: every attribute, and what must come out."""

from __future__ import annotations

import warnings
from functools import cache
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from softxent.verify.body import evaluate
from softxent.verify.body.table import RULES

pytestmark = pytest.mark.conformance("onnx's node tests of the operators that verification bounds")

#: Types that NumPy lacks.
EXOTIC = ("bfloat16", "float8", "float4", "int4", "int2")

#: Expected values that are off by more than rounding: printed with few digits.
ROUGH = {"test_averagepool_2d_ceil_last_window_starts_on_pad": 1e-4}


@cache
def cases() -> dict[str, Any]:
    from onnx.backend.test.case.node import collect_testcases

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {case.name: case for case in collect_testcases(None) if _is_ours(case.model)}


def _is_ours(model: Any) -> bool:
    """One node of an operator with a rule, on types that NumPy has."""
    if len(model.graph.node) != 1:
        return False
    node = model.graph.node[0]
    for value in [*model.graph.input, *model.graph.output]:
        kind = onnx.TensorProto.DataType.Name(value.type.tensor_type.elem_type).lower()
        if any(exotic in kind for exotic in EXOTIC):
            return False
    domain = "" if node.domain == "ai.onnx" else node.domain
    return (domain, node.op_type) in RULES


def array(value: Any) -> np.ndarray:
    if isinstance(value, onnx.TensorProto):
        return numpy_helper.to_array(value)
    return np.asarray(value)


def names() -> list[str]:
    return sorted(cases())


@pytest.mark.parametrize("name", names())
def test_rule_gives_what_onnx_expects(name):
    case = cases()[name]
    graph = case.model.graph
    for inputs, outputs in case.data_sets:
        given, expected = [array(v) for v in inputs], [array(v) for v in outputs]
        feeds = dict(zip((v.name for v in graph.input), given, strict=True))
        found = evaluate(case.model, feeds, [v.name for v in graph.output])
        for value, wanted in zip(graph.output, expected, strict=True):
            got = found.values[value.name]
            assert got.value.shape == wanted.shape
            assert got.dtype == wanted.dtype
            if wanted.dtype.kind not in "fiub":
                assert (got.value == wanted).all()
                continue
            slack = 4 * float(np.finfo(wanted.dtype).eps) if wanted.dtype.kind == "f" else 0.0
            slack = ROUGH.get(name, slack)
            wide = got.value.astype(np.float64)
            with np.errstate(invalid="ignore"):
                off = np.abs(wanted.astype(np.float64) - wide)
                same = (wanted == wide) | (np.isnan(wanted) & np.isnan(wide))
            assert (same | (off <= got.e + slack * (np.abs(wide) + 1))).all()
