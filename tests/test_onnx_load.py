"""Networks read back from ONNX files, softxent's and PyTorch's, and what is refused instead."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from onnx_tools import CLASSES, FEATURES, HIDDEN, edit, net1, net2, node, samples
from softxent.models import NeuralNet1, NeuralNet2
from softxent.onnx import ModelError, export, load

HEADS = ["logits", "probabilities", "loss"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.onnx"


def equal(a, b) -> bool:
    return all((a.state_dict()[name] == value).all() for name, value in b.state_dict().items())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("net", [net1(), net2()], ids=["net1", "net2"])
def test_load_returns_what_was_exported(net, head, dtype, path):
    export(net, path, head=head, dtype=dtype)
    loaded = load(path)
    assert type(loaded) is type(net)
    assert loaded.dtype == dtype
    assert equal(loaded, net)


def test_load_returns_the_rounded_parameters_of_float16(path):
    export(net2(), path, dtype="float16")
    for name, value in load(path).state_dict().items():
        assert value.dtype == np.float32
        assert (value == net2().state_dict()[name].astype(np.float16)).all()


def test_load_keeps_class_names(path):
    export(net2(), path, class_names=["a", "b", "c", "d"])
    assert load(path).class_names == ("a", "b", "c", "d")


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("net", [net1(), net2()], ids=["net1", "net2"])
def test_load_keeps_the_feature_names_of_the_net_or_of_the_export(net, head, path):
    own, other = [f"column {i} µm" for i in range(FEATURES)], list("abcdefg")
    net.feature_names = own
    export(net, path, head=head)
    assert load(path).feature_names == tuple(own)
    export(net, path, head=head, feature_names=other)
    assert load(path).feature_names == tuple(other)
    net.feature_names = None
    export(net, path, head=head)
    assert load(path).feature_names is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('["a"]', "do not fit it: feature_names must have 7 names, got 1"),
        ('["a", "a", "b", "c", "d", "e", "f"]', "do not fit it: feature_names must be distinct"),
        ("[1, 2, 3, 4, 5, 6, 7]", "feature names .* must be a list of strings"),
        ("[", "feature names .* are invalid"),
    ],
)
def test_load_refuses_feature_names_that_do_not_fit(text, message, path):
    export(net2(), path)
    edit(path, lambda model: model.metadata_props.add(key="softxent.feature_names", value=text))
    with pytest.raises(ModelError, match=message):
        load(path)


def test_load_of_a_train_step_says_that_it_holds_no_parameters(path):
    export(net2(), path, head="train_step")
    with pytest.raises(ModelError, match="parameters are inputs"):
        load(path)


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("bias_first", [False, True])
def test_load_recognises_matmul_and_add(bias_first, transposed, path):
    state = net2().state_dict()
    nodes, value, initializers = [], "x", []
    for layer in ("linear1", "linear2"):
        weight, name = state[f"{layer}.weight"], f"{layer}.w"
        initializers.append(numpy_helper.from_array(weight if transposed else weight.T, name))
        initializers.append(numpy_helper.from_array(state[f"{layer}.bias"], f"{layer}.b"))
        if transposed:
            nodes.append(helper.make_node("Transpose", [name], [f"{name}.T"], perm=[1, 0]))
            name += ".T"
        nodes.append(helper.make_node("MatMul", [value, name], [f"{layer}.product"]))
        terms = [f"{layer}.product", f"{layer}.b"]
        nodes.append(helper.make_node("Add", terms[:: -1 if bias_first else 1], [layer]))
        value = layer
        if layer == "linear1":
            nodes.append(helper.make_node("Relu", [layer], ["hidden"]))
            value = "hidden"
    save(path, nodes, initializers, ["x"], "linear2", (FEATURES, CLASSES))
    assert equal(load(path), net2())


def save(path, nodes, initializers, inputs, output, sizes) -> None:
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info(name, 1, ["n", sizes[0]]) for name in inputs],
        [helper.make_tensor_value_info(output, 1, ["n", sizes[1]])],
        initializers,
    )
    opsets = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, ir_version=10, opset_imports=opsets), path)


def torch_models():
    """Modules whose exports must be recognised, with the class of the native network."""
    torch = pytest.importorskip("torch")
    x, t = torch.zeros(3, FEATURES), torch.tensor([0, 1, 3])

    class Net(torch.nn.Module):
        def __init__(self, outputs: int, last=None) -> None:
            super().__init__()
            self.linear1 = torch.nn.Linear(FEATURES, HIDDEN)
            self.linear2 = torch.nn.Linear(HIDDEN, outputs)
            self.last = last or torch.nn.Identity()

        def forward(self, x, *target):
            logits = self.linear2(torch.relu(self.linear1(x)))
            return self.last(logits, *target)

    loss = torch.nn.CrossEntropyLoss(weight=torch.arange(1.0, CLASSES + 1), ignore_index=2)
    return {
        "logits": (Net(CLASSES), (x,), NeuralNet2),
        "softmax": (Net(CLASSES, torch.nn.Softmax(1)), (x,), NeuralNet2),
        "log_softmax": (Net(CLASSES, torch.nn.LogSoftmax(1)), (x,), NeuralNet2),
        "loss": (Net(CLASSES, loss), (x, t), NeuralNet2),
        "sigmoid": (Net(1, torch.nn.Sigmoid()), (x,), NeuralNet1),
    }


def torch_export(module, arguments, path: Path, dynamo: bool) -> None:
    torch = pytest.importorskip("torch")
    if dynamo:
        pytest.importorskip("onnxscript", reason="PyTorch's dynamo exporter needs onnxscript")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if dynamo:
            shapes = {0: torch.export.Dim("batch")}
            dynamic = {"x": shapes, "target": (shapes,)} if len(arguments) > 1 else {"x": shapes}
            torch.onnx.export(
                module, arguments, path, dynamo=True, verbose=False,
                dynamic_shapes=dynamic,
            )  # fmt: skip
        else:
            names = ["input", "labels"][: len(arguments)]
            torch.onnx.export(
                module, arguments, path, dynamo=False, input_names=names,
                dynamic_axes={name: {0: "batch"} for name in names},
            )  # fmt: skip


@pytest.mark.parametrize("dynamo", [False, True], ids=["legacy", "dynamo"])
@pytest.mark.parametrize("name", ["logits", "softmax", "log_softmax", "loss", "sigmoid"])
def test_load_recognises_exports_of_torch(name, dynamo, path, rng):
    from softxent.verify import verify

    module, arguments, cls = torch_models()[name]
    torch_export(module, arguments, path, dynamo)
    net = load(path)
    assert type(net) is cls
    for parameter, value in net.state_dict().items():
        assert (value == module.state_dict()[parameter].numpy()).all()
    X, y = samples(rng)
    report = verify(path, X, y, batch_sizes=(), reference=net)
    assert report.passed, str(report)
    assert len(report.comparisons) >= 3


@pytest.mark.parametrize("operator", ["LeakyRelu", "Tanh", "Sigmoid"])
def test_load_names_another_activation(operator, path):
    export(net2(), path)
    edit(path, lambda model: setattr(node(model, "Relu"), "op_type", operator))
    with pytest.raises(ModelError, match=f"logits: .*{operator} between its linear layers"):
        load(path)


def test_load_names_the_operators_of_another_graph(path):
    nodes = [helper.make_node("Tanh", ["x"], ["t"]), helper.make_node("Exp", ["t"], ["y"])]
    save(path, nodes, [], ["x"], "y", (3, 3))
    with pytest.raises(ModelError, match="its operators are Exp, Tanh"):
        load(path)


def test_load_refuses_two_networks_in_one_graph(path):
    export(net2(), path, head="logits")

    def double(model: onnx.ModelProto) -> None:
        for item in list(model.graph.node):
            copy = model.graph.node.add()
            copy.CopyFrom(item)
            copy.input[:] = [n + "/2" if n in computed else n for n in item.input]
            copy.output[:] = [n + "/2" for n in item.output]

    computed = {n for item in onnx.load(path).graph.node for n in item.output}
    edit(path, double)
    with pytest.raises(ModelError, match="2 chains"):
        load(path)


def test_load_refuses_a_third_layer(path):
    export(net2(), path, head="logits")

    def extend(model: onnx.ModelProto) -> None:
        square = np.eye(CLASSES, dtype=np.float32)
        model.graph.initializer.append(numpy_helper.from_array(square, "linear3"))
        model.graph.node[-1].output[0] = "middle"
        model.graph.node.append(helper.make_node("MatMul", ["middle", "linear3"], ["logits"]))

    edit(path, extend)
    with pytest.raises(ModelError, match="further layer, MatMul 'logits'"):
        load(path)


def test_load_refuses_outputs_that_do_not_show_the_logits(path):
    export(net2(), path, head="logits")

    def double(model: onnx.ModelProto) -> None:
        model.graph.node[-1].output[0] = "middle"
        model.graph.node.append(helper.make_node("Add", ["middle", "middle"], ["logits"]))

    edit(path, double)
    with pytest.raises(ModelError, match="no output is what Linear, ReLU, Linear compute"):
        load(path)


def test_load_says_that_a_file_is_missing(tmp_path):
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "nothing.onnx")
