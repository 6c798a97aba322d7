"""Verification of networks of any depth: right ones pass, spoiled ones fail, bounds hold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from onnx_tools import CLASSES, FEATURES, edit, initializer, samples, set_initializer
from softxent.models import MLP
from softxent.models.activations import ACTIVATIONS
from softxent.onnx import export
from softxent.onnx.options import Options
from softxent.verify import activations, native, verify
from softxent.verify.arithmetic import Arithmetic, Estimate
from softxent.verify.batches import Batch
from softxent.verify.bounds import estimates

each_activation = pytest.mark.parametrize("activation", ACTIVATIONS)
HEADS = ["logits", "probabilities", "loss", "train_step"]
ROLES = {"logits", "probabilities", "log_probabilities", "loss"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.onnx"


def mlp(hidden=(6, 5), outputs=CLASSES, activation="tanh", bias=True, scale=1.0):
    net = MLP(FEATURES, hidden, outputs, activation=activation, bias=bias, seed=0)
    net.load_state_dict({name: scale * value for name, value in net.state_dict().items()})
    return net


def failures(path, X, y, **options) -> list[str]:
    """What a verification finds wrong, with the native reference alone."""
    options = {"against": ("native",), "batch_sizes": (), **options}
    report = verify(path, X, y, **options)
    assert report.passed == (not report.failures)
    return report.failures


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize(
    ("hidden", "activation"), [((), "relu"), *(((6, 5), name) for name in ACTIVATIONS)], ids=str
)
def test_verify_passes_against_every_reference_under_stress(
    hidden, activation, head, dtype, path, rng
):
    """Native, PyTorch and onnx's evaluator, extreme inputs and labels."""
    X, y = samples(rng)
    for net in (
        mlp(hidden, CLASSES, activation, scale=4.0),
        mlp(hidden, 1, activation, bias=False, scale=4.0),
    ):
        export(net, path, head=head, dtype=dtype)
        labels = y if net.num_classes > 2 else y % 2
        report = verify(path, X, labels, batch_sizes=(), stress=True, reference=net)
        assert report.passed, str(report)
        assert {c.against for c in report.comparisons} >= {"native", "torch"}
        roles = {c.output for c in report.comparisons if c.against == "native"}
        assert roles == {output.name for output in onnx.load(path).graph.output}


def test_verify_describes_the_network(path, rng):
    X, y = samples(rng)
    export(mlp(activation="sigmoid", bias=False), path, head="loss")
    report = verify(path, X, y, batch_sizes=())
    assert "MLP 7-6-5-4, sigmoid, no biases" in str(report)
    reasons = {c.reason for c in report.comparisons if c.output == "logits"}
    assert any("sums of 7, 6 and 5 products" in reason for reason in reasons)


@pytest.mark.parametrize("layer", [1, 2, 3])
@pytest.mark.parametrize("kind", ["weight", "bias"])
@pytest.mark.parametrize("known", [False, True], ids=["alone", "with reference"])
def test_verify_catches_a_changed_parameter_of_any_layer(known, kind, layer, path, rng):
    net, name = mlp(), f"linear{layer}.{kind}"
    export(net, path, head="loss")

    def perturb(model: onnx.ModelProto) -> None:
        value = numpy_helper.to_array(initializer(model, name)).copy()
        value[(0,) * value.ndim] *= 1.01
        set_initializer(model, name, value)

    found = failures(edit(path, perturb), *samples(rng), reference=net if known else None)
    assert found
    if known:
        assert any(name in failure for failure in found)


def operators(model: onnx.ModelProto, op_type: str) -> list[onnx.NodeProto]:
    return [node for node in model.graph.node if node.op_type == op_type]


@pytest.mark.parametrize("other", ["Relu", "Sigmoid", "Elu", "Identity"])
@pytest.mark.parametrize("which", ["all", "second"])
@pytest.mark.parametrize("known", [False, True], ids=["alone", "with reference"])
def test_verify_catches_another_activation(known, which, other, path, rng):
    net = mlp()
    export(net, path, head="loss")

    def swap(model: onnx.ModelProto) -> None:
        nodes = operators(model, "Tanh")
        for node in nodes if which == "all" else nodes[1:]:
            node.op_type = other

    assert failures(edit(path, swap), *samples(rng), reference=net if known else None)


@pytest.mark.parametrize("other", ["Relu", "Sigmoid"])
def test_verify_catches_another_activation_in_a_file_without_metadata(other, path, rng):
    """By itself such a file is what it is; against the net that it should be it is wrong."""
    net, (X, y) = mlp(), samples(rng)
    export(net, path, head="probabilities")

    def swap(model: onnx.ModelProto) -> None:
        del model.metadata_props[:]
        for node in operators(model, "Tanh"):
            node.op_type = other

    edit(path, swap)
    assert failures(path, X, y) == []
    assert any("logits" in failure for failure in failures(path, X, y, reference=net))


def test_verify_catches_a_layer_that_was_left_out(path, rng):
    net = mlp((5, 5))
    export(net, path, head="loss")

    def skip(model: onnx.ModelProto) -> None:
        gemms, tanhs = operators(model, "Gemm"), operators(model, "Tanh")
        gemms[2].input[0] = tanhs[0].output[0]
        for node in (gemms[1], tanhs[1]):
            model.graph.node.remove(node)

    assert failures(edit(path, skip), *samples(rng))
    assert failures(path, *samples(rng), reference=net)


def test_verify_catches_two_layers_that_changed_places(path, rng):
    net = mlp((5, 5, 5))
    export(net, path, head="loss")

    def swap(model: onnx.ModelProto) -> None:
        for kind in ("weight", "bias"):
            names = [f"linear{layer}.{kind}" for layer in (2, 3)]
            values = [numpy_helper.to_array(initializer(model, name)).copy() for name in names]
            for name, value in zip(names, values[::-1], strict=True):
                set_initializer(model, name, value)

    assert failures(edit(path, swap), *samples(rng))
    del_props = edit(path, lambda model: model.metadata_props.__delitem__(slice(None)))
    assert any("logits" in f for f in failures(del_props, *samples(rng), reference=net))


@pytest.mark.parametrize("activation", ["tanh", "sigmoid"])
def test_verify_catches_a_wrong_derivative_in_a_train_step(activation, path, rng):
    net, (X, y) = mlp(activation=activation, scale=3.0), samples(rng)
    export(net, path, head="train_step")
    assert failures(path, X, y, reference=net) == []
    node_type = {"tanh": "Add", "sigmoid": "Sub"}[activation]

    def change(model: onnx.ModelProto) -> None:
        one = next(
            t.name for t in model.graph.initializer if t.name.startswith("constant")
            and not t.dims and numpy_helper.to_array(t) == 1 and t.data_type == 1
        )  # fmt: skip
        node = next(n for n in operators(model, node_type) if n.input[0] == one)
        node.op_type = {"Add": "Sub", "Sub": "Add"}[node_type]

    found = failures(edit(path, change), X, y, reference=net)
    assert any("grad.linear1" in failure for failure in found)


def test_verify_catches_gradients_of_two_layers_swapped(path, rng):
    net, (X, y) = mlp((5, 5, 5), scale=3.0), samples(rng)
    export(net, path, head="train_step")

    def swap(model: onnx.ModelProto) -> None:
        pair = ("grad.linear2.weight", "grad.linear3.weight")
        for node in model.graph.node:
            node.output[:] = [
                pair[1 - pair.index(name)] if name in pair else name for name in node.output
            ]
            node.input[:] = [
                pair[1 - pair.index(name)] if name in pair else name for name in node.input
            ]

    found = failures(edit(path, swap), X, y, reference=net)
    assert any("grad.linear2.weight" in failure for failure in found)
    assert any("grad.linear3.weight" in failure for failure in found)


def batch_of(net, rng, scale, dtype="float32") -> Batch:
    X = (scale * rng.standard_normal((200, FEATURES))).astype(dtype)
    y = rng.integers(net.num_classes, size=len(X))
    target = y.astype(dtype) if net.num_classes == 2 else y
    state = {name: value.astype(dtype) for name, value in net.state_dict().items()}
    velocities = {name: np.zeros_like(value) for name, value in state.items()}
    return Batch("batch", X, target, state, velocities, activation=net.activation)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 30.0, 1e4])
@pytest.mark.parametrize("outputs", [1, CLASSES])
@pytest.mark.parametrize("hidden", [(), (9,), (9, 8, 7)], ids=str)
@each_activation
def test_estimates_bound_the_float32_computation(activation, hidden, outputs, scale, rng):
    """Forward, loss, gradients and step of the native float32 network against float64."""
    net = mlp(hidden, outputs, activation, scale=3.0)
    batch, options = batch_of(net, rng, scale), Options(head="train_step", reduction="sum")
    bounds = estimates(batch, options)
    got = native.outputs(batch, options, {"loss", "logits"})
    assert {f"grad.{name}" for name in net.state_dict()} < set(got)
    for role, value in got.items():
        error = np.abs(value - bounds[role].value)
        assert (error <= bounds[role].error).all(), role


@each_activation
def test_estimates_are_of_the_size_of_the_errors(activation, rng):
    """A bound that is far above every error would let mistakes through."""
    net = mlp((9, 8, 7), CLASSES, activation, scale=3.0)
    batch = batch_of(net, rng, 1.0)
    bounds = estimates(batch, Options(head="loss"))
    got = native.outputs(batch, Options(head="loss"), ROLES)
    largest = np.abs(got["logits"] - bounds["logits"].value).max()
    assert bounds["logits"].error.max() < 1000 * largest
    assert bounds["logits"].typical.max() < 100 * largest


@each_activation
def test_estimated_values_equal_a_float64_network(activation, rng):
    net = mlp((9, 8), CLASSES, activation, scale=3.0)
    batch = batch_of(net, rng, 1.0, "float64")
    wide = MLP(FEATURES, (9, 8), CLASSES, activation=activation, dtype="float64")
    wide.load_state_dict(net.state_dict())
    options = Options(head="train_step", dtype="float64")
    bounds = estimates(batch, options)
    np.testing.assert_allclose(bounds["logits"].value, wide.forward(batch.x), rtol=1e-12)
    loss, gradients = wide.loss_and_grad(batch.x, batch.target)
    assert bounds["loss"].value == pytest.approx(loss, rel=1e-12)
    for name, gradient in gradients.items():
        np.testing.assert_allclose(bounds[f"grad.{name}"].value, gradient, rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize("activation", ["tanh", "sigmoid"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_bounds_of_an_activation_cover_a_shift_of_its_argument(dtype, activation, rng):
    """Whatever is within the error of the sum is within the error of the value."""
    arithmetic = Arithmetic(dtype)
    z = np.concatenate([np.linspace(-40, 40, 401), 10.0 ** np.linspace(-8, 3, 100)])
    error = 10.0 ** rng.uniform(-8, 1, z.shape)
    estimate = activations.apply(arithmetic, activation, Estimate(z, error))
    formula = {"tanh": np.tanh, "sigmoid": lambda x: np.exp(-np.logaddexp(0, -x))}[activation]
    for share in (-1.0, -0.5, 0.5, 1.0):
        moved = formula(z + share * error)
        assert (np.abs(moved - estimate.value) <= estimate.error).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("activation", ["tanh", "sigmoid"])
def test_onnxruntime_keeps_what_its_activations_are_granted(activation, dtype, path):
    onnxruntime = pytest.importorskip("onnxruntime")
    z = np.concatenate(
        [np.linspace(-40, 40, 200001), np.linspace(-1, 1, 100001), 10.0 ** np.linspace(-30, 1, 999)]
    ).astype(dtype)
    kind = helper.np_dtype_to_tensor_dtype(z.dtype)
    values = [helper.make_tensor_value_info(name, kind, ["n"]) for name in ("x", "y")]
    node = helper.make_node(activation.capitalize(), ["x"], ["y"])
    graph = helper.make_graph([node], "activation", values[:1], values[1:])
    onnx.save(
        helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 17)]), path
    )
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (got,) = session.run(None, {"x": z})
    wide = z.astype(np.longdouble)
    exact = np.tanh(wide) if activation == "tanh" else 1 / (1 + np.exp(-wide))
    granted = activations.apply(Arithmetic(dtype), activation, Estimate.exact(z)).error
    assert (np.abs(got - exact) <= granted).all()
