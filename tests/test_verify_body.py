"""The walk over a graph: estimates for what has no rule, and what cannot be evaluated."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from foreign_models import classifier, outputs
from rounded_chains import batch, chain, f32, node
from softxent.verify.body import NotUnderstood, evaluate
from softxent.verify.body.evaluation import Graph

FLOAT = onnx.TensorProto.FLOAT


def recurrent() -> onnx.ModelProto:
    """x (n, 12) as a sequence of 4, an LSTM of 5 units, its last state."""
    rng = np.random.default_rng(0)
    stored = {
        "wl": rng.standard_normal((1, 20, 6)).astype(f32) / 2,
        "rl": rng.standard_normal((1, 20, 5)).astype(f32) / 2,
    }
    nodes = [
        node("Transpose", ["h"], ["t"], perm=[1, 0, 2]),
        node("LSTM", ["t", "wl", "rl"], ["", "state"], hidden_size=5),
        node("Identity", ["state"], ["y"]),
    ]
    return chain(nodes, sizes=(4, 6), **stored)


def test_an_operator_without_a_rule_is_estimated_and_named(rng):
    model, x = recurrent(), batch(rng)
    found = evaluate(model, {"x": x}, ["y"])
    assert found.estimates == ("LSTM 'state'",)
    y = found.values["y"]
    off = np.abs(outputs(model, x=x)["y"] - y.value)
    assert (off <= y.e).all()
    assert y.e.max() < 1e-3


def test_what_follows_an_estimate_carries_it(rng):
    model, x = recurrent(), batch(rng)
    model.graph.node[-1].op_type = "Tanh"
    y = evaluate(model, {"x": x}, ["y"])
    assert y.estimates
    assert (y.values["y"].e > 0).all()


def test_an_operator_that_nobody_knows_is_not_understood(rng):
    model = chain([node("Trick", ["h"], ["y"], domain="com.microsoft")])
    with pytest.raises(NotUnderstood, match="Trick 'y'"):
        evaluate(model, {"x": batch(rng)}, ["y"])


def test_a_value_that_nothing_computes_is_not_understood(rng):
    model = chain([node("Relu", ["h"], ["y"])])
    with pytest.raises(NotUnderstood, match="'z'"):
        evaluate(model, {"x": batch(rng)}, ["z"])
    with pytest.raises(NotUnderstood, match="'x'"):
        evaluate(model, {}, ["y"])


def test_operands_that_contradict_a_rule_are_not_understood(rng):
    model = chain([node("MatMul", ["h", "v"], ["y"])], v=np.ones((5, 3), f32))
    with pytest.raises(NotUnderstood, match="MatMul 'y'"):
        evaluate(model, {"x": batch(rng)}, ["y"])


def test_shapes_and_constants_are_exact(rng):
    nodes = [
        node("Shape", ["h"], ["s"]),
        node("Gather", ["s", "zero"], ["n"]),
        node("Mul", ["n", "two"], ["m"]),
        node("Cast", ["m"], ["y"], to=FLOAT),
    ]
    stored = {"zero": np.array(0), "two": np.array(2)}
    y = evaluate(chain(nodes, **stored), {"x": batch(rng)}, ["y"])
    assert y.values["y"].value == 80
    assert y.values["y"].exact
    assert not y.estimates


def test_only_what_is_needed_is_evaluated(rng):
    nodes = [node("Trick", ["h"], ["z"], domain="com.microsoft"), node("Relu", ["h"], ["y"])]
    assert evaluate(chain(nodes), {"x": batch(rng)}, ["y"]).values["y"].value.shape == (40, 24)


def test_evaluation_goes_on_from_known_values(rng):
    """What follows a value that is given has the bounds of what follows alone."""
    model, x = chain([node("Softmax", ["h"], ["y"])]), batch(rng, 20.0)
    graph = Graph(model, ["y"])
    whole = graph.evaluate({"x": x}).values["y"]
    logits = outputs(model, x=x)["h"]
    tail = graph.evaluate({"x": x}, {"h": logits}).values["y"]
    assert (tail.e <= whole.e * 1.01).all()
    assert tail.e.max() < whole.e.max() / 2
    assert (np.abs(outputs(model, x=x)["y"] - tail.value) <= tail.e).all()


def test_values_are_dropped_when_they_are_used_up(rng):
    """A deep graph takes the memory of its widest layer, not of all."""
    names = ["h", *(f"a{i}" for i in range(30)), "y"]
    nodes = [node("Relu", [a], [b]) for a, b in pairwise(names)]
    found = evaluate(chain(nodes), {"x": batch(rng)}, ["y"])
    assert found.nbytes <= 4 * 3 * 8 * 40 * 24


def test_the_bound_of_a_product_is_that_of_the_textbook(rng):
    """gamma_n |x| |w|, with n the products and what a runtime may fold into them."""
    x = batch(rng)
    model = classifier(
        [node("MatMul", ["x", "w"], ["y"])],
        [("y", FLOAT, ("n", 3))],
        inputs=[("x", FLOAT, ("n", 12))],
        stored={"w": rng.standard_normal((12, 3)).astype(f32)},
    )
    w = numpy_helper.to_array(model.graph.initializer[0]).astype(np.float64)
    y = evaluate(model, {"x": x}, ["y"]).values["y"]
    n_u = 16 * 2.0**-24
    np.testing.assert_allclose(y.e, n_u / (1 - n_u) * (np.abs(x) @ np.abs(w)), rtol=1e-6)
    np.testing.assert_allclose(y.typical, 4 * 2.0**-24 * (np.abs(x) @ np.abs(w)), rtol=1e-6)


def test_float16_may_overflow_within_its_bound():
    model = helper.make_model(
        helper.make_graph(
            [node("Add", ["x", "x"], ["y"])],
            "overflow",
            [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT16, ["n"])],
            [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT16, ["n"])],
        )
    )
    y = evaluate(model, {"x": np.array([40000.0, 30000.0], np.float16)}, ["y"]).values["y"]
    assert np.isinf(y.e[0])
    assert y.e[1] < 200
