"""The rules of verify.body bound what onnxruntime computes, and not from far away."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from onnx import TensorProto

from foreign_models import outputs
from rounded_chains import batch, chain, f32, node
from softxent.verify.body import evaluate


def check(model: Any, x: np.ndarray, *, near: bool = True) -> None:
    """onnxruntime is within the bounds, also in the mean square, and these are near it."""
    got = outputs(model, x=x)["y"]
    found = evaluate(model, {"x": x}, ["y"])
    assert not found.estimates
    y = found.values["y"]
    assert got.dtype == y.dtype
    assert got.shape == y.value.shape
    with np.errstate(invalid="ignore"):
        off = np.abs(got.astype(np.float64) - y.value)
    equal = (got == y.value) | (np.isnan(got) & np.isnan(y.value))
    off = np.where(equal, 0.0, off)
    assert (off <= y.e).all(), f"{off.max():.3g}, {np.max(off / y.e):.3g} of the bound"
    if y.dtype.kind != "f" or not y.value.size:
        return
    finite = np.isfinite(y.typical) if y.typical is not None else np.zeros(0, bool)
    if finite.any():
        rms, typical = (float(np.sqrt(np.mean(v[finite] ** 2))) for v in (off, y.typical))
        assert rms <= typical, f"{rms:.3g} in the mean square, {typical:.3g} are typical"
        size = float(np.sqrt(np.mean(y.value[finite] ** 2)))
        if near:
            assert typical < 3e-5 * max(size, 1e-3)


ACTIVATIONS = [
    ("Relu", {}), ("LeakyRelu", {"alpha": 0.1}), ("Elu", {"alpha": 1.5}), ("Celu", {"alpha": 2.0}),
    ("Selu", {}), ("Sigmoid", {}), ("Tanh", {}), ("Softplus", {}), ("Softsign", {}), ("Erf", {}),
    ("HardSigmoid", {}), ("HardSwish", {}), ("Gelu", {}), ("Gelu", {"approximate": "tanh"}),
    ("Mish", {}), ("ThresholdedRelu", {"alpha": 0.5}), ("Exp", {}), ("Abs", {}), ("Neg", {}),
    ("Sin", {}), ("Cos", {}), ("Identity", {}),
]  # fmt: skip


@pytest.mark.parametrize("scale", [1e-4, 1.0, 20.0])
@pytest.mark.parametrize(("operator", "attributes"), ACTIVATIONS, ids=str)
def test_activations_are_bounded(operator, attributes, scale, rng):
    # What subtracts from 1 loses the digits of small numbers.
    near = scale >= 1 or operator not in ("Elu", "Celu", "Selu", "Sin")
    check(chain([node(operator, ["h"], ["y"], **attributes)]), batch(rng, scale), near=near)


@pytest.mark.parametrize("dtype", ["float16", "float64"])
@pytest.mark.parametrize("operator", ["Relu", "Sigmoid", "Tanh", "Exp", "Softmax", "LogSoftmax"])
def test_other_types_are_bounded(operator, dtype, rng):
    check(chain([node(operator, ["h"], ["y"])], dtype), batch(rng, 1.0, dtype), near=False)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 50.0])
@pytest.mark.parametrize("operator", ["Softmax", "LogSoftmax", "LpNormalization"])
def test_normalising_operators_are_bounded(operator, scale, rng):
    check(chain([node(operator, ["h"], ["y"], axis=-1)]), batch(rng, scale), near=scale < 50)


@pytest.mark.parametrize("operator", ["Add", "Sub", "Mul", "Div", "Max", "Min", "Sum", "Mean"])
@pytest.mark.parametrize("twice", [False, True])
def test_operations_of_two_are_bounded(operator, twice, rng):
    other = "h" if twice else "b"
    stored = {"b": (1.5 + rng.random(24)).astype(f32)}
    check(chain([node(operator, ["h", other], ["y"])], **stored), batch(rng), near=False)


def test_quotients_by_rounded_numbers_are_bounded(rng):
    nodes = [node("Exp", ["h"], ["e"]), node("Div", ["h", "e"], ["y"])]
    check(chain(nodes), batch(rng))


@pytest.mark.parametrize("exponent", [2.0, 3.0, 0.5, -1.0])
def test_powers_are_bounded(exponent, rng):
    nodes = [node("Exp", ["h"], ["e"]), node("Pow", ["e", "p"], ["y"])]
    check(chain(nodes, p=np.array(exponent, f32)), batch(rng))


@pytest.mark.parametrize("operator", ["Sum", "Mean", "L1", "L2", "Max", "Min", "SumSquare",
                                      "LogSumExp"])  # fmt: skip
@pytest.mark.parametrize("scale", [1e-2, 1.0, 30.0])
def test_reductions_are_bounded(operator, scale, rng):
    nodes = [node(f"Reduce{operator}", ["h", "axes"], ["y"], keepdims=1)]
    check(chain(nodes, axes=np.array([1], np.int64)), batch(rng, scale))


@pytest.mark.parametrize("offset", [0.0, 30.0, 1000.0])
@pytest.mark.parametrize("kind", ["fused", "written out", "instance", "group", "batch"])
def test_normalisations_are_bounded(kind, offset, rng):
    """A large mean takes digits from the variance; the bound has to know it."""
    draw = rng.standard_normal
    stored: dict[str, Any] = {"offset": np.array(offset, f32)}
    shift = [node("Add", ["h", "offset"], ["s"])]
    if kind in ("fused", "written out"):
        stored |= {"g": draw(24).astype(f32), "b": draw(24).astype(f32)}
    if kind == "fused":
        nodes = [*shift, node("LayerNormalization", ["s", "g", "b"], ["y"], axis=-1)]
    elif kind == "written out":
        stored |= {"two": np.array(2, f32), "eps": np.array(1e-5, f32), "last": np.array([-1])}
        nodes = [
            *shift, node("ReduceMean", ["s", "last"], ["m"]), node("Sub", ["s", "m"], ["d"]),
            node("Pow", ["d", "two"], ["q"]), node("ReduceMean", ["q", "last"], ["v"]),
            node("Add", ["v", "eps"], ["ve"]), node("Sqrt", ["ve"], ["r"]),
            node("Div", ["d", "r"], ["n"]), node("Mul", ["n", "g"], ["ng"]),
            node("Add", ["ng", "b"], ["y"]),
        ]  # fmt: skip
    else:
        stored |= {"g": draw(6).astype(f32), "b": draw(6).astype(f32)}
        operator = {"instance": "InstanceNormalization", "group": "GroupNormalization"}.get(kind)
        extra = {"num_groups": 3} if kind == "group" else {}
        if kind == "group":
            stored |= {"g": draw(3).astype(f32), "b": draw(3).astype(f32)}
        operands = ["s", "g", "b"]
        if kind == "batch":
            operator, operands = "BatchNormalization", [*operands, "mean", "var"]
            stored |= {"mean": (offset + draw(6)).astype(f32), "var": rng.random(6).astype(f32)}
        nodes = [*shift, node(operator, operands, ["y"], **extra)]
    sizes = () if kind in ("fused", "written out") else (6, 4, 4)
    check(chain(nodes, sizes=sizes, **stored), batch(rng), near=offset == 0)


def test_a_constant_row_is_bounded_after_normalisation(rng):
    """Its variance is 0 but for errors, and may be anything up to them."""
    stored = {"g": np.ones(24, f32), "b": np.zeros(24, f32), "zero": np.array(0, f32)}
    nodes = [node("Mul", ["h", "zero"], ["s"]), node("LayerNormalization", ["s", "g", "b"], ["y"])]
    check(chain(nodes, **stored), batch(rng), near=False)


def test_squares_that_overflow_are_bounded_by_nothing(rng):
    """1e25 is no trouble for the result of a normalisation, but for the squares on the way."""
    stored = {"g": np.ones(24, f32), "b": np.zeros(24, f32), "far": np.array(1e25, f32)}
    nodes = [node("Mul", ["h", "far"], ["s"]), node("LayerNormalization", ["s", "g", "b"], ["y"])]
    y = evaluate(chain(nodes, **stored), {"x": batch(rng)}, ["y"]).values["y"]
    assert np.isinf(y.e).all()
    assert np.isinf(y.t).all()


def test_a_softmax_of_logits_that_are_far_off_is_not_sure(rng):
    """Two logits of about 1e9 that are equal but for rounding: either class may have it all."""
    same = np.repeat(rng.standard_normal((24, 1)), 2, 1) * 1e9
    nodes = [node("MatMul", ["h", "v"], ["z"]), node("Softmax", ["z"], ["y"], axis=-1)]
    y = evaluate(chain(nodes, v=same.astype(f32)), {"x": batch(rng)}, ["y"]).values["y"]
    assert (y.e >= 0.5).all()
    assert (y.t >= 0.4).all()


CONVOLUTIONS = [
    {}, {"pads": [1, 1, 1, 1]}, {"strides": [2, 2], "pads": [1, 1, 1, 1]}, {"dilations": [2, 2]},
    {"auto_pad": "SAME_UPPER", "strides": [2, 2]}, {"auto_pad": "SAME_LOWER"}, {"group": 3},
    {"group": 6, "pads": [0, 1, 2, 1]}, {"auto_pad": "VALID"},
]  # fmt: skip


@pytest.mark.parametrize("attributes", CONVOLUTIONS, ids=str)
def test_convolutions_are_bounded(attributes, rng):
    groups = attributes.get("group", 1)
    w = rng.standard_normal((12, 6 // groups, 3, 3)).astype(f32)
    b = rng.standard_normal(12).astype(f32)
    nodes = [node("Conv", ["h", "k", "b"], ["y"], **attributes)]
    check(chain(nodes, sizes=(6, 7, 7), k=w, b=b), batch(rng))


@pytest.mark.parametrize("axes", [1, 3])
def test_convolutions_of_other_dimensions_are_bounded(axes, rng):
    w = rng.standard_normal((5, 4, *[3] * axes)).astype(f32)
    sizes = (4, *[{1: 9, 3: 4}[axes]] * axes)
    check(chain([node("Conv", ["h", "k"], ["y"])], sizes=sizes, k=w), batch(rng))


POOLS = [
    {}, {"strides": [2, 2]}, {"pads": [1, 1, 1, 1]}, {"ceil_mode": 1, "strides": [2, 2]},
    {"pads": [1, 0, 1, 0], "strides": [3, 2], "ceil_mode": 1}, {"dilations": [2, 2]},
]  # fmt: skip


@pytest.mark.parametrize("attributes", POOLS, ids=str)
@pytest.mark.parametrize("operator", ["MaxPool", "AveragePool", "AveragePool with padding"])
def test_pooling_is_bounded(operator, attributes, rng):
    name, _, padding = operator.partition(" ")
    extra = {"count_include_pad": 1} if padding else {}
    nodes = [node(name, ["h"], ["y"], kernel_shape=[3, 3], **attributes, **extra)]
    check(chain(nodes, sizes=(3, 8, 8)), batch(rng))


@pytest.mark.parametrize("operator", ["GlobalAveragePool", "GlobalMaxPool"])
def test_global_pooling_is_bounded(operator, rng):
    check(chain([node(operator, ["h"], ["y"])], sizes=(3, 8, 8)), batch(rng))


@pytest.mark.parametrize("masked", [None, -1e9, float(np.finfo(np.float32).min), -np.inf])
@pytest.mark.parametrize("scale", [1.0, 8.0])
def test_attention_is_bounded(masked, scale, rng):
    """Masks of any kind, the smallest number among them, do not blind the bound."""
    mask = np.zeros((4, 4), f32)
    if masked is not None:
        mask[np.triu_indices(4, 1)] = masked
    stored = {"q": rng.standard_normal((6, 6)).astype(f32), "mask": mask}
    nodes = [
        node("MatMul", ["h", "q"], ["hq"]), node("Transpose", ["h"], ["ht"], perm=[0, 2, 1]),
        node("MatMul", ["hq", "ht"], ["s"]), node("Add", ["s", "mask"], ["sm"]),
        node("Softmax", ["sm"], ["p"], axis=-1), node("MatMul", ["p", "h"], ["y"]),
    ]  # fmt: skip
    check(chain(nodes, sizes=(4, 6), **stored), batch(rng, scale), near=scale == 1)


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("alpha", [1.0, 0.3])
def test_gemm_is_bounded(transposed, alpha, rng):
    v, c = rng.standard_normal((24, 5)).astype(f32), rng.standard_normal(5).astype(f32)
    v = np.ascontiguousarray(v.T) if transposed else v
    nodes = [node("Gemm", ["h", "v", "c"], ["y"], transB=int(transposed), alpha=alpha, beta=2.0)]
    check(chain(nodes, v=v, c=c), batch(rng))


@pytest.mark.parametrize("equation", ["bij,bkj->bik", "bij,jk->bik", "...ij,...ij->...i"])
def test_einsum_is_bounded(equation, rng):
    other = "v" if "jk" in equation and "bkj" not in equation else "h"
    stored = {"v": rng.standard_normal((6, 5)).astype(f32)}
    nodes = [node("Einsum", ["h", other], ["y"], equation=equation)]
    check(chain(nodes, sizes=(4, 6), **stored), batch(rng))


def test_moved_values_keep_their_bounds(rng):
    stored = {
        "perm": np.array([3, 0, 1]), "starts": np.array([1]), "ends": np.array([5]),
        "axes": np.array([2]), "pads": np.array([0, 0, 1, 0, 0, 2]), "shape": np.array([0, -1]),
    }  # fmt: skip
    nodes = [
        node("Gather", ["h", "perm"], ["a"], axis=1), node("Slice", ["a", "starts", "ends", "axes"],
        ["b"]), node("Pad", ["b", "pads"], ["c"]), node("Split", ["c"], ["d0", "d1"], axis=2,
        num_outputs=2), node("Concat", ["d1", "d0"], ["e"], axis=2),
        node("Reshape", ["e", "shape"], ["f"]), node("Relu", ["f"], ["y"]),
    ]  # fmt: skip
    check(chain(nodes, sizes=(4, 6), **stored), batch(rng))


@pytest.mark.parametrize("operator", ["ArgMax", "TopK", "Greater", "Round", "Floor", "Cast"])
def test_decisions_are_in_doubt_where_rounding_may_turn_them(operator, rng):
    """Rows of nearly equal numbers: the runtime may differ there, and nowhere else."""
    nodes = {
        "ArgMax": [node("ArgMax", ["h"], ["y"], axis=1)],
        "TopK": [node("TopK", ["h", "k"], ["y", "places"], axis=1)],
        "Greater": [node("Greater", ["h", "zero"], ["y"])],
        "Round": [node("Round", ["h"], ["y"])],
        "Floor": [node("Floor", ["h"], ["y"])],
        "Cast": [node("Cast", ["h"], ["y"], to=TensorProto.INT32)],
    }[operator]
    stored = {"k": np.array([3]), "zero": np.array(0, f32)}
    x = batch(rng, 3.0)
    model = chain(nodes, **stored)
    check(model, x, near=False)
    y = evaluate(model, {"x": x}, ["y"]).values["y"]
    assert np.mean(y.e > 0) < 0.05 or operator == "TopK"


def test_arg_max_doubts_equal_sums(rng):
    """Equal columns of a product may come out in any order."""
    same = np.repeat(rng.standard_normal((24, 1)), 2, 1)
    nodes = [node("MatMul", ["h", "v"], ["z"]), node("ArgMax", ["z"], ["y"], axis=1, keepdims=0)]
    y = evaluate(chain(nodes, v=same.astype(f32)), {"x": batch(rng)}, ["y"]).values["y"]
    assert (y.e > 0).all()
