"""Quantised operators: their bounds hold, and are a step where a value is at a border."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from onnx import numpy_helper

from foreign_models import outputs
from rounded_chains import batch, chain, f32, node
from softxent.verify.body import evaluate

STEP = {"s": np.array(0.05, f32), "z": np.array(120, np.uint8)}


def check(model: Any, x: np.ndarray, doubtful: float = 0.02) -> Any:
    """onnxruntime is within the bounds, and only some values are in doubt."""
    got = outputs(model, x=x)["y"]
    found = evaluate(model, {"x": x}, ["y"])
    assert not found.estimates
    y = found.values["y"]
    assert (got.dtype, got.shape) == (y.dtype, y.value.shape)
    off = np.abs(got.astype(np.float64) - y.value)
    assert (off <= y.e).all(), f"{off.max():.3g}, {np.max(off / y.e):.3g} of the bound"
    step = 0.5 if y.dtype.kind in "iu" else 0.03
    assert np.mean(y.e > step) <= doubtful
    return y


@pytest.mark.parametrize("zero", [np.uint8(120), np.int8(-5), np.uint16(30000), np.int16(0)])
def test_levels_are_bounded(zero, rng):
    nodes = [node("QuantizeLinear", ["h", "s", "z"], ["y"])]
    check(_opset21(chain(nodes, s=np.array(0.05, f32), z=np.array(zero))), batch(rng))


def _opset21(model: Any) -> Any:
    model.opset_import[0].version = 21
    return model


def test_levels_and_back_are_bounded(rng):
    nodes = [node("QuantizeLinear", ["h", "s", "z"], ["q"]),
             node("DequantizeLinear", ["q", "s", "z"], ["y"])]  # fmt: skip
    check(chain(nodes, **STEP), batch(rng))


def test_levels_of_channels_are_bounded(rng):
    steps = {"s": (0.01 + rng.random(6) / 10).astype(f32), "z": rng.integers(0, 9, 6, np.uint8)}
    nodes = [node("QuantizeLinear", ["h", "s", "z"], ["q"], axis=1),
             node("DequantizeLinear", ["q", "s", "z"], ["y"], axis=1)]  # fmt: skip
    check(chain(nodes, sizes=(6, 2, 2), **steps), batch(rng))


def test_a_value_at_a_border_is_off_by_one_step():
    """Half-way between two levels up to its rounding, and far from there."""
    nodes = [node("QuantizeLinear", ["h", "s", "z"], ["y"])]
    model = chain(nodes, s=np.array(1.0, f32), z=np.array(10, np.uint8))
    weight = np.zeros((12, 24), f32)
    weight[0] = 2.5 + np.r_[np.zeros(12), np.full(12, 0.25)]
    model.graph.initializer[0].CopyFrom(numpy_helper.from_array(weight, "w"))
    y = evaluate(model, {"x": np.eye(1, 12, dtype=f32)}, ["y"]).values["y"]
    assert (y.e[0, :12] == 1).all()
    assert (y.e[0, 12:] == 0).all()


def test_dynamic_levels_are_bounded(rng):
    nodes = [
        node("DynamicQuantizeLinear", ["h"], ["q", "qs", "qz"]),
        node("MatMulInteger", ["q", "v", "qz", "vz"], ["i"]), node("Cast", ["i"], ["f"], to=1),
        node("Mul", ["qs", "vs"], ["scale"]), node("Mul", ["f", "scale"], ["y"]),
    ]  # fmt: skip
    stored = {
        "v": rng.integers(-60, 60, (24, 5)).astype(np.int8), "vz": np.array(3, np.int8),
        "vs": np.array(0.01, f32),
    }  # fmt: skip
    check(chain(nodes, **stored), batch(rng), doubtful=0.2)


@pytest.mark.parametrize("per_column", [False, True])
def test_products_of_levels_are_bounded(per_column, rng):
    v = rng.integers(-60, 60, (24, 5)).astype(np.int8)
    count = (5,) if per_column else ()
    stored = STEP | {
        "v": v, "vs": (0.01 + rng.random(count) / 100).astype(f32),
        "vz": np.zeros(count, np.int8), "ys": np.array(0.1, f32), "yz": np.array(128, np.uint8),
    }  # fmt: skip
    operands = ["q", "s", "z", "v", "vs", "vz", "ys", "yz"]
    nodes = [node("QuantizeLinear", ["h", "s", "z"], ["q"]),
             node("QLinearMatMul", operands, ["y"])]  # fmt: skip
    check(chain(nodes, **stored), batch(rng), doubtful=0.1)


@pytest.mark.parametrize(
    "attributes", [{}, {"pads": [1, 1, 1, 1]}, {"group": 2, "strides": [2, 2]}]
)
def test_convolutions_of_levels_are_bounded(attributes, rng):
    groups = attributes.get("group", 1)
    stored = STEP | {
        "k": rng.integers(-60, 60, (4, 4 // groups, 3, 3)).astype(np.int8),
        "ks": (0.01 + rng.random(4) / 100).astype(f32), "kz": np.zeros(4, np.int8),
        "b": rng.integers(-999, 999, 4).astype(np.int32),
        "ys": np.array(0.1, f32), "yz": np.array(128, np.uint8),
    }  # fmt: skip
    operands = ["q", "s", "z", "k", "ks", "kz", "ys", "yz", "b"]
    nodes = [node("QuantizeLinear", ["h", "s", "z"], ["q"]),
             node("QLinearConv", operands, ["y"], **attributes)]  # fmt: skip
    check(chain(nodes, sizes=(4, 6, 6), **stored), batch(rng), doubtful=0.2)


def test_integer_convolutions_are_bounded(rng):
    stored = {"k": rng.integers(-60, 60, (4, 4, 3, 3)).astype(np.int8)}
    nodes = [
        node("DynamicQuantizeLinear", ["h"], ["q", "qs", "qz"]),
        node("ConvInteger", ["q", "k", "qz"], ["i"], pads=[1, 1, 1, 1]),
        node("Cast", ["i"], ["f"], to=1), node("Mul", ["f", "qs"], ["y"]),
    ]  # fmt: skip
    # In units of the step, one of which is a weight of up to 60.
    check(chain(nodes, sizes=(4, 4, 4), **stored), batch(rng), doubtful=1.0)


@pytest.mark.parametrize("operator", ["QLinearAdd", "QLinearMul"])
def test_onnxruntime_operations_of_levels_are_bounded(operator, rng):
    stored = STEP | {"t": np.array(0.1, f32), "u": np.array(99, np.uint8)}
    level = ["q", "s", "z"]
    nodes = [node("QuantizeLinear", ["h", "s", "z"], ["q"]),
             node(operator, [*level, *level, "t", "u"], ["y"], domain="com.microsoft")]  # fmt: skip
    # The doubled level is at a border of the coarser steps every other time.
    check(chain(nodes, **stored), batch(rng), doubtful=0.6)


@pytest.mark.parametrize(
    ("operator", "attributes", "sizes"),
    [
        ("QLinearSigmoid", {}, ()),
        ("QLinearLeakyRelu", {"alpha": 0.1}, ()),
        ("QLinearGlobalAveragePool", {"channels_last": 0}, (3, 4, 4)),
        ("QLinearAveragePool", {"kernel_shape": [2, 2], "strides": [2, 2]}, (3, 4, 4)),
        ("QLinearSoftmax", {"axis": -1, "opset": 13}, ()),
    ],
)
def test_onnxruntime_functions_of_levels_are_bounded(operator, attributes, sizes, rng):
    small = operator in ("QLinearSigmoid", "QLinearSoftmax")
    stored = STEP | {"t": np.array(1 / 256 if small else 0.04, f32), "u": np.array(0, np.uint8)}
    if not small:
        stored["u"] = np.array(120, np.uint8)
    nodes = [node("QuantizeLinear", ["h", "s", "z"], ["q"]),
             node(operator, ["q", "s", "z", "t", "u"], ["y"], domain="com.microsoft",
                  **attributes)]  # fmt: skip
    doubtful = 1.0 if operator == "QLinearSoftmax" else 0.6
    check(chain(nodes, sizes=sizes, **stored), batch(rng), doubtful)


@pytest.mark.parametrize("levels", [True, False])
def test_onnxruntime_products_of_levels_are_bounded(levels, rng):
    stored = STEP | {
        "v": rng.integers(-60, 60, (5, 24)).astype(np.int8), "vs": np.array(0.01, f32),
        "vz": np.array(0, np.int8), "c": rng.integers(-999, 999, 5).astype(np.int32),
        "ys": np.array(0.1, f32), "yz": np.array(128, np.uint8),
    }  # fmt: skip
    ends = ["ys", "yz"] if levels else []
    operands = ["q", "s", "z", "v", "vs", "vz", "c", *ends]
    nodes = [node("QuantizeLinear", ["h", "s", "z"], ["q"]),
             node("QGemm", operands, ["y"], transB=1, domain="com.microsoft")]  # fmt: skip
    check(chain(nodes, **stored), batch(rng), doubtful=0.1)


def test_levels_concatenated_are_bounded(rng):
    stored = STEP | {"t": np.array(0.07, f32), "u": np.array(99, np.uint8)}
    nodes = [node("QuantizeLinear", ["h", "s", "z"], ["q"]),
             node("QLinearConcat", ["t", "u", "q", "s", "z", "q", "t", "u"], ["y"], axis=1,
                  domain="com.microsoft")]  # fmt: skip
    check(chain(nodes, **stored), batch(rng), doubtful=0.6)


@pytest.mark.parametrize("between", [[], ["Flatten"], ["GlobalAveragePool"], ["MaxPool"]])
def test_the_range_behind_a_relu_starts_at_zero(between, rng):
    """Whatever the errors are, so that the zero point, which moves all levels, is certain."""
    attributes = {"kernel_shape": [2, 2]} if between == ["MaxPool"] else {}
    names = ["r", *between, "h2"]
    nodes = [node("Relu", ["h"], ["r"])]
    for operator, a, b in zip(between, names[:-1], names[1:], strict=False):
        nodes.append(node(operator, [a], [b], **attributes))
    last = nodes[-1].output[0]
    nodes.append(node("DynamicQuantizeLinear", [last], ["q", "s", "y"]))
    found = evaluate(chain(nodes, sizes=(3, 4, 4)), {"x": batch(rng)}, ["y", "q"]).values
    assert not np.any(found["y"].e)
    assert np.mean(found["q"].e > 0) < 0.05
