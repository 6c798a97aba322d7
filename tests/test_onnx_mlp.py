"""Networks of any depth in ONNX files: what is written, run, read back and refused."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from onnx_tools import CLASSES, FEATURES, edit, node, run, samples
from softxent.models import MLP, NeuralNet2
from softxent.models.activations import ACTIVATIONS
from softxent.models.optimizers import SGD
from softxent.onnx import ModelError, export, load, opsets

HEADS = ["logits", "probabilities", "loss"]
OPERATORS = {"relu": "Relu", "tanh": "Tanh", "sigmoid": "Sigmoid"}

each_activation = pytest.mark.parametrize("activation", ACTIVATIONS)
each_depth = pytest.mark.parametrize("hidden", [(), (5,), (6, 5), (6, 5, 3)], ids=str)
each_bias = pytest.mark.parametrize("bias", [True, False], ids=["bias", "no bias"])
each_output = pytest.mark.parametrize("outputs", [1, CLASSES], ids=["one logit", "four logits"])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.onnx"


def mlp(hidden=(6, 5), outputs=CLASSES, activation="tanh", bias=True, dtype="float32", seed=0):
    return MLP(FEATURES, hidden, outputs, activation=activation, bias=bias, seed=seed, dtype=dtype)


def target_of(net, y, dtype="float32"):
    return y if net.num_classes > 2 else (y % 2).astype(dtype)


@each_activation
@each_depth
@each_bias
@each_output
def test_every_head_computes_what_the_net_computes(outputs, bias, hidden, activation, path, rng):
    X, y = samples(rng)
    for dtype, tolerance in (
        ("float32", {"rtol": 2e-5, "atol": 2e-6}),
        ("float64", {"rtol": 1e-12, "atol": 1e-14}),
    ):
        net = mlp(hidden, outputs, activation, bias, dtype)
        target = target_of(net, y, dtype)
        feeds = {"x": X.astype(dtype)}
        export(net, path, head="probabilities", dtype=dtype)
        got = run(path, **feeds)
        np.testing.assert_allclose(got["logits"], net.forward(X), **tolerance)
        np.testing.assert_allclose(got["probabilities"], net.predict_proba(X), **tolerance)
        np.testing.assert_array_equal(got["prediction"], net.predict(X))
        feeds["target"] = target
        export(net, path, head="loss", dtype=dtype)
        np.testing.assert_allclose(run(path, **feeds)["loss"], net.loss(X, target), **tolerance)
        export(net, path, head="train_step", dtype=dtype)
        feeds |= net.state_dict()
        got = run(path, learning_rate=np.array(0.125, dtype), **feeds)
        for name, gradient in net.loss_and_grad(X, target)[1].items():
            np.testing.assert_allclose(got[f"grad.{name}"], gradient, **tolerance)
            updated = net.state_dict()[name] - 0.125 * gradient
            np.testing.assert_allclose(got[f"new.{name}"], updated, **tolerance)


@each_activation
@each_depth
@each_bias
@each_output
@pytest.mark.parametrize("head", HEADS)
def test_load_returns_what_was_exported(head, outputs, bias, hidden, activation, path):
    net = mlp(hidden, outputs, activation, bias, dtype="float64")
    net.feature_names = list("abcdefg")
    export(net, path, head=head, dtype="float64")
    loaded = load(path)
    assert type(loaded) is MLP
    assert repr(loaded) == repr(net)
    assert loaded.feature_names == net.feature_names
    for name, value in net.state_dict().items():
        np.testing.assert_array_equal(loaded.state_dict()[name], value)


@pytest.mark.parametrize("opset", range(opsets.FIRST, opsets.latest() + 1))
@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid"])
@each_output
def test_every_opset_runs_in_every_head(outputs, activation, opset, path, rng):
    """The operators changed between these versions; the results did not."""
    net = mlp((6, 5), outputs, activation)
    X, y = samples(rng, rows=9)
    target = target_of(net, y)
    for head, options in [
        ("probabilities", {}),
        ("loss", {"label_smoothing": 0.1, "reduction": "sum"}),
        ("loss", {"primitive": True, "weight": np.linspace(1, 2, net.num_classes)}),
        ("train_step", {"momentum": 0.9}),
    ]:
        export(net, path, head=head, opset=opset, **options)
        feeds = {"x": X} | ({} if head == "probabilities" else {"target": target})
        if head == "train_step":
            state = net.state_dict()
            velocities = {f"velocity.{name}": np.zeros_like(v) for name, v in state.items()}
            feeds |= {"learning_rate": np.array(0.1, np.float32), **state, **velocities}
        got = run(path, **feeds)
        if head == "probabilities":
            np.testing.assert_allclose(got["logits"], net.forward(X), rtol=1e-4, atol=1e-6)
        elif head == "train_step":
            assert got["loss"] == pytest.approx(net.loss(X, target), rel=1e-5)
        else:
            smoothing = options.get("label_smoothing", 0)
            loss = net.loss(X, target, weight=options.get("weight"), label_smoothing=smoothing)
            factor = len(X) if options.get("reduction") == "sum" else 1
            assert got["loss"] == pytest.approx(loss * factor, rel=1e-5)


@each_activation
@each_bias
def test_train_step_follows_the_native_training(bias, activation, path, rng):
    net = mlp((6, 5), CLASSES, activation, bias, dtype="float64")
    X, y = samples(rng, rows=24)
    X = X.astype(np.float64)
    export(net, path, head="train_step", dtype="float64", momentum=0.9, weight_decay=0.01)
    state = net.state_dict()
    state |= {f"velocity.{name}": np.zeros_like(value) for name, value in state.items()}
    optimizer = SGD(momentum=0.9, weight_decay=0.01)
    rate = np.array(0.1)
    for _ in range(30):
        got = run(path, x=X, target=y, learning_rate=rate, **state)
        state = {name: got[f"new.{name}"] for name in state}
        _, gradients = net.loss_and_grad(X, y)
        optimizer.step(net.parameters, gradients, 0.1)
    for name, value in net.state_dict().items():
        np.testing.assert_allclose(state[name], value, rtol=1e-9, atol=1e-12, err_msg=name)


def chain(path, layers, operator=None, *, gemm=False, last=None) -> None:
    """Linear layers as other programs write them: MatMul and Add, or Gemm, and no metadata."""
    nodes, stored, value = [], [], "x"
    for position, (weight, bias) in enumerate(layers, 1):
        names = [f"w{position}", f"b{position}"][: 1 + (bias is not None)]
        arrays = [weight if gemm else weight.T, bias][: len(names)]
        stored += [
            numpy_helper.from_array(np.ascontiguousarray(a), n)
            for n, a in zip(names, arrays, strict=True)
        ]
        if gemm:
            nodes.append(helper.make_node("Gemm", [value, *names], [f"z{position}"], transB=1))
        else:
            product = f"p{position}" if len(names) == 2 else f"z{position}"
            nodes.append(helper.make_node("MatMul", [value, names[0]], [product]))
            if len(names) == 2:
                nodes.append(helper.make_node("Add", [names[1], product], [f"z{position}"]))
        value = f"z{position}"
        if position < len(layers) and operator is not None:
            nodes.append(helper.make_node(operator, [value], [f"a{position}"]))
            value = f"a{position}"
    if last is not None:
        nodes.append(helper.make_node(last, [value], ["out"]))
        value = "out"
    graph = helper.make_graph(
        nodes,
        "chain",
        [helper.make_tensor_value_info("x", 1, ["n", layers[0][0].shape[1]])],
        [helper.make_tensor_value_info(value, 1, ["n", len(layers[-1][0])])],
        stored,
    )
    model = helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 17)])
    onnx.save(model, path)


def layers_of(net):
    state = net.state_dict()
    return [(state[f"{name}.weight"], state.get(f"{name}.bias")) for name in net.layers.names]


@each_activation
@each_depth
@each_bias
@pytest.mark.parametrize("gemm", [True, False], ids=["Gemm", "MatMul"])
@pytest.mark.parametrize("last", [None, "Softmax", "LogSoftmax"])
def test_load_recognises_chains_of_other_origin(last, gemm, bias, hidden, activation, path):
    net = mlp(hidden, CLASSES, activation, bias)
    chain(path, layers_of(net), OPERATORS.get(activation), gemm=gemm, last=last)
    loaded = load(path)
    classical = (len(hidden), activation, bias) == (1, "relu", True)
    assert type(loaded) is (NeuralNet2 if classical else MLP)
    assert loaded.layers == net.layers
    for name, value in net.state_dict().items():
        np.testing.assert_array_equal(loaded.state_dict()[name], value)


def test_load_fills_biases_that_some_layers_lack(path):
    (first, _), second = layers_of(mlp((5,), activation="tanh"))
    chain(path, [(first, None), second], "Tanh")
    loaded = load(path)
    assert loaded.bias
    assert (loaded.state_dict()["linear1.bias"] == 0).all()


def test_load_refuses_two_activations(path):
    chain(path, layers_of(mlp((6, 5, 3))), "Tanh")
    edit(path, lambda model: setattr(model.graph.node[2], "op_type", "Relu"))
    with pytest.raises(ModelError, match=r"logits: the graph has a further layer, \w+ '\w+'"):
        load(path)


@pytest.mark.parametrize("operator", ["LeakyRelu", "Elu", "Softsign"])
def test_load_names_an_activation_that_it_does_not_know(operator, path):
    chain(path, layers_of(mlp((6, 5))), operator)
    with pytest.raises(ModelError, match=f"logits: the graph has {operator} between its linear"):
        load(path)


@pytest.mark.parametrize("dynamo", [False, True], ids=["legacy", "dynamo"])
@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no bias"])
@each_activation
def test_load_recognises_exports_of_torch(activation, bias, dynamo, path, rng):
    torch = pytest.importorskip("torch")
    if dynamo:
        pytest.importorskip("onnxscript", reason="PyTorch's dynamo exporter needs onnxscript")
    net = mlp((6, 5), CLASSES, activation, bias)
    module = torch.nn.Sequential(*net.to_torch().eval(), torch.nn.Softmax(dim=1))
    x = torch.zeros(3, FEATURES)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if dynamo:
            shapes = ({0: torch.export.Dim("batch")},)
            torch.onnx.export(
                module, (x,), path, dynamo=True, verbose=False, dynamic_shapes=shapes
            )  # fmt: skip
        else:
            axes = {"x": {0: "batch"}}
            torch.onnx.export(
                module, (x,), path, dynamo=False, input_names=["x"], dynamic_axes=axes
            )  # fmt: skip
    loaded = load(path)
    assert loaded.layers == net.layers
    for name, value in net.state_dict().items():
        np.testing.assert_array_equal(loaded.state_dict()[name], value)


def flattened(path, op_type, **how) -> None:
    """Let a network take images of 7 x 1, which a node of its graph flattens."""
    export(mlp(), path, head="logits")

    def change(model: onnx.ModelProto) -> None:
        del model.metadata_props[:]
        size = model.graph.input[0].type.tensor_type.shape.dim.add()
        size.dim_value = how.pop("width", 1)
        operands = ["x"]
        if "shape" in how:
            shape = np.array(how.pop("shape"), np.int64)
            model.graph.initializer.append(numpy_helper.from_array(shape, "shape"))
            operands.append("shape")
        model.graph.node[0].input[0] = "rows"
        model.graph.node.insert(0, helper.make_node(op_type, operands, ["rows"], **how))

    edit(path, change)


@pytest.mark.parametrize(
    ("op_type", "how"),
    [("Flatten", {}), ("Reshape", {"shape": [-1, 7]}), ("Reshape", {"shape": [0, 7]})],
    ids=str,
)
def test_load_sees_through_what_flattens_images(op_type, how, path):
    """As PyTorch's exporters write nn.Flatten, one with Flatten and one with Reshape."""
    flattened(path, op_type, **how)
    assert load(path).layers == mlp().layers


@pytest.mark.parametrize(
    ("op_type", "how"),
    [
        ("Flatten", {"axis": 0}),
        ("Reshape", {"shape": [-1, 7], "width": 2}),
        ("Reshape", {"shape": [1, 7]}),
    ],
    ids=str,
)
def test_load_refuses_what_mixes_the_rows(op_type, how, path):
    flattened(path, op_type, **how)
    with pytest.raises(ModelError, match="does not start with linear layers"):
        load(path)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ('{"sizes": [7, 6, 4], "activation": "tanh", "bias": true}', "the graph is 7-6-5-4, tanh"),
        ('{"sizes": [7, 6, 5, 4], "activation": "relu", "bias": true}', "has Tanh between .*Relu"),
        ('{"sizes": [7, 6, 5, 4], "activation": "gelu", "bias": true}', "activation must be one"),
        ('{"sizes": [7, 6, 5, 4], "activation": "tanh", "bias": false}', "metadata say 7-6-5-4, t"),
        ('{"sizes": [7, 6, 5, 4], "activation": "tanh", "bias": 1}', "bias must be True or False"),
        ('{"sizes": "7654", "activation": "tanh", "bias": true}', "sizes must be a sequence"),
        ('{"sizes": [7, 6, 0, 4], "activation": "tanh", "bias": true}', "must be at least 1"),
        ('{"sizes": [7], "activation": "tanh", "bias": true}', "sizes must be .* two"),
        ("[7, 6, 5, 4]", "layers in the model's metadata are invalid"),
        ("{", "layers in the model's metadata are invalid"),
    ],
)
def test_load_refuses_layers_in_the_metadata_that_are_not_those_of_the_graph(value, message, path):
    export(mlp(), path)

    def change(model: onnx.ModelProto) -> None:
        for prop in model.metadata_props:
            if prop.key == "softxent.layers":
                prop.value = value

    edit(path, change)
    with pytest.raises(ModelError, match=message):
        load(path)


@pytest.mark.parametrize("head", [*HEADS, "train_step"])
def test_metadata_of_the_classical_networks_have_no_layers(head, path):
    """Their name says the shape; the files are what they were."""
    export(NeuralNet2(FEATURES, 5, CLASSES, seed=0), path, head=head)
    assert "softxent.layers" not in {prop.key for prop in onnx.load(path).metadata_props}


@pytest.mark.parametrize("operator", ["Relu", "Sigmoid"])
def test_load_refuses_another_activation_than_the_metadata_say(operator, path):
    export(mlp((5,)), path)
    edit(path, lambda model: setattr(node(model, "Tanh"), "op_type", operator))
    with pytest.raises(ModelError, match=f"has {operator} between its linear layers, expected T"):
        load(path)


def test_export_refuses_an_ignored_label_for_one_logit(path):
    with pytest.raises(ValueError, match=r"None for MLP with one logit, .*got -100"):
        export(mlp(outputs=1), path, head="loss", ignore_index=-100)


def test_export_refuses_another_activation_than_the_net_has(path):
    with pytest.raises(ValueError, match="has the activation 'tanh', got activation='relu'"):
        export(mlp(), path, activation="relu")
    assert not path.exists()


class Named(MLP):
    """A subclass that a user wrote."""


def test_a_subclass_is_exported_as_what_it_computes(path):
    net = Named(FEATURES, (6,), CLASSES, activation="tanh", seed=0)
    export(net, path)
    assert type(load(path)) is MLP
