"""Tampering with numbers and rounding rather than options: weights, clamps, ties, constants."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from onnx_tools import edit, initializer, net1, net2, node, samples, set_attribute, set_initializer
from softxent.models import NeuralNet2
from softxent.onnx import export
from softxent.verify import verify

Change = Callable[[onnx.ModelProto], None]


@pytest.fixture
def data(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    return samples(rng)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.onnx"


def failures(path: Path, X: np.ndarray, y: np.ndarray, **options: object) -> list[str]:
    return verify(path, X, y, against=("native",), batch_sizes=(), **options).failures


def stored(name: str, change: Callable[[np.ndarray], None]) -> Change:
    """Change the numbers of a stored tensor."""

    def edited(model: onnx.ModelProto) -> None:
        value = numpy_helper.to_array(initializer(model, name)).copy()
        change(value)
        set_initializer(model, name, value)

    return edited


def replaced(op_type: str, make: Callable[[str, str], list[onnx.NodeProto]]) -> Change:
    """Put other nodes in the place of the one node of an operator, from its input to its output."""

    def edited(model: onnx.ModelProto) -> None:
        old = node(model, op_type)
        place = list(model.graph.node).index(old)
        nodes = list(model.graph.node)
        nodes[place : place + 1] = make(old.input[0], old.output[0])
        del model.graph.node[:]
        model.graph.node.extend(nodes)

    return edited


def constant(model: onnx.ModelProto, name: str, value: float) -> str:
    model.graph.initializer.append(numpy_helper.from_array(np.float32(value), name))
    return name


def transpose_first_layer(model: onnx.ModelProto) -> None:
    set_attribute(next(n for n in model.graph.node if n.op_type == "Gemm"), "transB", 0)


def zero(value: np.ndarray) -> None:
    value[...] = 0


def drop_a_class(value: np.ndarray) -> None:
    value[2] = 0


def round_to_half(value: np.ndarray) -> None:
    value[...] = value.astype(np.float16)


@pytest.mark.parametrize(
    "change",
    [
        stored("linear2.bias", zero),
        stored("linear2.weight", drop_a_class),
        stored("linear1.weight", round_to_half),
        stored("linear1.weight", lambda value: np.multiply(value, 1.01, out=value)),
        transpose_first_layer,
    ],
    ids=["bias zeroed", "class dropped", "rounded to float16", "1 % off", "square transposed"],
)
@pytest.mark.parametrize("head", ["logits", "probabilities", "loss"])
def test_verify_catches_other_parameters_without_a_reference(head, change, path, data):
    X, y = data
    export(NeuralNet2(7, 7, 4, seed=0), path, head=head)
    assert failures(path, X, y) == []
    first = "loss" if head == "loss" else "logits"
    found = failures(edit(path, change), X, y)
    assert found == [f"{first}: the parameters are not those that the file was written with"]


@pytest.mark.parametrize("primitive", [False, True])
@pytest.mark.parametrize("clamp", ["Max", "Add"])
def test_verify_catches_a_clamped_logarithm_under_stress(clamp, primitive, path, data):
    export(net2(), path, head="loss", primitive=primitive)

    def clamped(model: onnx.ModelProto) -> None:
        constant(model, "tiny", 1e-7)
        replaced(
            "LogSoftmax",
            lambda x, result: [
                helper.make_node("Softmax", [x], ["p"], axis=-1),
                helper.make_node(clamp, ["p", "tiny"], ["clamped"]),
                helper.make_node("Log", ["clamped"], [result]),
            ],
        )(model)

    found = failures(edit(path, clamped), *data, stress=True)
    assert any(f.startswith("log_probabilities: ") and "logits of 64" in f for f in found)


def test_verify_catches_a_sigmoid_that_ends_early_under_stress(path, data):
    """onnxruntime's own is 0 from -18 on, far from where float32 ends."""
    X, y = data
    export(net1(), path)

    def plain(model: onnx.ModelProto) -> None:
        kept = [n for n in model.graph.node if "probabilities" not in n.output]
        del model.graph.node[:]
        model.graph.node.extend(kept)
        model.graph.node.append(helper.make_node("Sigmoid", ["logits"], ["probabilities"]))

    found = failures(edit(path, plain), X, y % 2, stress=True)
    assert any(f.startswith("probabilities: 0 instead of ") for f in found)


def last_of_a_tie(model: onnx.ModelProto) -> None:
    set_attribute(node(model, "ArgMax"), "select_last_index", 1)


def one_at_a_tie(model: onnx.ModelProto) -> None:
    node(model, "Greater").op_type = "GreaterOrEqual"


@pytest.mark.parametrize(
    ("net", "change"), [(net2(), last_of_a_tie), (net1(), one_at_a_tie)], ids=["net2", "net1"]
)
def test_verify_catches_another_class_of_a_tie_under_stress(net, change, path, data):
    X, y = data
    export(net, path)
    found = failures(edit(path, change), X, y % net.num_classes, stress=True)
    assert found
    assert all(f.startswith("prediction: ") and "all classes tied" in f for f in found)


def over_everything(model: onnx.ModelProto) -> None:
    """What Softmax of an older opset did with axis=0: flatten first."""
    for name, shape in (("flat", [1, -1]), ("rows", [-1, 4])):
        model.graph.initializer.append(numpy_helper.from_array(np.array(shape), name))
    replaced(
        "Softmax",
        lambda x, result: [
            helper.make_node("Reshape", [x, "flat"], ["flattened"]),
            helper.make_node("Softmax", ["flattened"], ["normalised"], axis=-1),
            helper.make_node("Reshape", ["normalised", "rows"], [result]),
        ],
    )(model)


@pytest.mark.parametrize("rows", [1, 40])
def test_verify_catches_a_softmax_over_all_rows_together(rows, path, data):
    export(net2(), path)
    found = failures(edit(path, over_everything), data[0][:rows], data[1][:rows])
    assert found
    assert all(f.startswith("probabilities: ") for f in found)


@pytest.mark.parametrize(("head", "output"), [("loss", "loss"), ("probabilities", "probabilities")])
def test_verify_catches_a_constant_output(head, output, path, data):
    export(net2(), path, head=head)

    def freeze(model: onnx.ModelProto) -> None:
        (last,) = [n for n in model.graph.node if output in n.output]
        last.output[0] = "right"
        zero, value = constant(model, "zero", 0.0), constant(model, "value", 0.25)
        model.graph.node.append(helper.make_node("Mul", ["right", zero], ["nothing"]))
        model.graph.node.append(helper.make_node("Add", ["nothing", value], [output]))

    found = failures(edit(path, freeze), *data)
    assert any(f.startswith(f"{output}: 0.25 instead of ") for f in found)


def test_verify_catches_an_output_of_another_type(path, data):
    export(net2(), path)

    def widen(model: onnx.ModelProto) -> None:
        (last,) = [n for n in model.graph.node if "probabilities" in n.output]
        last.output[0] = "right"
        double = onnx.TensorProto.DOUBLE
        model.graph.node.append(helper.make_node("Cast", ["right"], ["probabilities"], to=double))
        model.graph.output[1].type.tensor_type.elem_type = double

    found = failures(edit(path, widen), *data)
    assert found == ["probabilities: has the type double, expected float32"]


def test_verify_catches_a_fixed_batch(path, data):
    export(net2(), path)

    def fix(model: onnx.ModelProto) -> None:
        model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = len(data[0])

    assert failures(edit(path, fix), *data) == ["logits: the batch of x is fixed at 40"]


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_verify_says_that_a_loss_was_divided_by_the_number_of_classes(reduction, path, data):
    export(net2(), path, head="loss", reduction=reduction)

    def divide(model: onnx.ModelProto) -> None:
        (last,) = [n for n in model.graph.node if "loss" in n.output]
        last.output[0] = "right"
        classes = constant(model, "classes", 4.0)
        model.graph.node.append(helper.make_node("Div", ["right", classes], ["loss"]))

    found = failures(edit(path, divide), *data)
    assert any("it is the loss divided by the number of classes, 4" in f for f in found)


def test_verify_catches_a_weight_of_one_class_that_no_sample_has(path, data):
    X, y = data
    export(net2(), path, head="loss", weight=[1, 2, 3, 4])

    def forget(model: onnx.ModelProto) -> None:
        (weights,) = [
            t.name
            for t in model.graph.initializer
            if numpy_helper.to_array(t).tolist() == [1, 2, 3, 4]
        ]
        set_initializer(model, weights, np.array([1, 2, 3, 1], np.float32))

    found = failures(edit(path, forget), X, y % 3)
    assert found
    assert all(f.startswith("loss: ") for f in found)
