"""Verification must be able to fail: every way to spoil a model is caught and named."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from onnx_tools import edit, initializer, net1, net2, node, samples, set_attribute, set_initializer
from softxent.models import NeuralNet2
from softxent.onnx import export
from softxent.verify import verify

ORACLES = ("native",)


def failures(path: Path, X: np.ndarray, y: np.ndarray, **options: object) -> list[str]:
    """What a verification finds wrong; the untouched model of the same test passes it."""
    report = verify(path, X, y, against=ORACLES, batch_sizes=(), **options)
    assert report.passed == (not report.failures)
    return report.failures


@pytest.fixture
def data(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    return samples(rng)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.onnx"


@pytest.mark.parametrize("head", ["logits", "probabilities", "loss", "train_step"])
@pytest.mark.parametrize("net", [net1(), net2()], ids=["net1", "net2"])
def test_verify_passes_the_untouched_model(net, head, path, data):
    X, y = data
    export(net, path, head=head)
    assert failures(path, X, y if net.num_classes > 2 else y % 2, reference=net) == []


@pytest.mark.parametrize("name", ["linear1.weight", "linear2.weight", "linear2.bias"])
def test_verify_catches_one_weight_perturbed_by_one_percent(name, path, data):
    net = net2()
    export(net, path, head="loss")

    def perturb(model: onnx.ModelProto) -> None:
        value = numpy_helper.to_array(initializer(model, name)).copy()
        value[(0,) * value.ndim] *= 1.01
        set_initializer(model, name, value)

    found = failures(edit(path, perturb), *data, reference=net)
    assert any(name in failure for failure in found)
    assert any(failure.startswith("logits: ") for failure in found)


def test_verify_catches_all_weights_perturbed_by_one_percent(path, data):
    net = net2()
    export(net, path)

    def perturb(model: onnx.ModelProto) -> None:
        value = numpy_helper.to_array(initializer(model, "linear1.weight"))
        set_initializer(model, "linear1.weight", value * np.float32(1.01))

    found = failures(edit(path, perturb), *data, reference=net)
    assert any(failure.startswith("probabilities: ") for failure in found)


@pytest.mark.parametrize("known", [False, True], ids=["alone", "with reference"])
def test_verify_catches_leaky_relu(known, path, data):
    net = net2()
    export(net, path)

    def leak(model: onnx.ModelProto) -> None:
        node(model, "Relu").op_type = "LeakyRelu"

    found = failures(edit(path, leak), *data, reference=net if known else None)
    assert any("logits" in failure and "LeakyRelu" in failure for failure in found)


@pytest.mark.parametrize("changed", ["sum", "none"])
def test_verify_catches_a_changed_reduction(changed, path, data):
    export(net2(), path, head="loss", ignore_index=-100)

    def reduce(model: onnx.ModelProto) -> None:
        set_attribute(node(model, "SoftmaxCrossEntropyLoss"), "reduction", changed)
        if changed == "none":
            model.graph.output[0].type.tensor_type.shape.dim.add().dim_param = "batch"

    found = failures(edit(path, reduce), *data)
    assert all(failure.startswith("loss: ") for failure in found)
    assert found


def test_verify_says_which_reduction_it_is(path, data):
    export(net2(), path, head="loss", reduction="sum")
    spoiled = spoil_metadata(path, '"sum"', '"mean"')
    assert any("reduction='sum'" in failure for failure in failures(spoiled, *data))


@pytest.mark.parametrize("primitive", [False, True])
def test_verify_catches_dropped_smoothing(primitive, path, data):
    export(net2(), path, head="loss", primitive=primitive)
    spoiled = spoil_metadata(path, '"label_smoothing": 0.0', '"label_smoothing": 0.1')
    found = failures(spoiled, *data)
    assert any(f.startswith("loss: ") and "label_smoothing=0.0" in f for f in found)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_verify_catches_a_hundredth_of_smoothing_in_a_large_net(reduction, path, rng):
    """The rounding of sums of 784 products may not hide what happens after them."""
    X, y = rng.random((500, 784)), rng.integers(10, size=500)
    options = {"head": "loss", "reduction": reduction}
    export(NeuralNet2(784, 64, 10, seed=0), path, label_smoothing=0.01, **options)
    assert failures(path, X, y) == []
    spoiled = spoil_metadata(path, '"label_smoothing": 0.01', '"label_smoothing": 0.0')
    assert failures(spoiled, X, y)


@pytest.mark.parametrize("stated", ['"momentum": 0.9', '"weight_decay": 0.0001'])
def test_verify_catches_a_dropped_option_of_the_optimizer(stated, path, rng):
    X, y = rng.random((500, 784)), rng.integers(10, size=500)
    given = {"momentum": 0.5, "weight_decay": 0.0}
    export(NeuralNet2(784, 64, 10, seed=0), path, head="train_step", **given)
    assert failures(path, X, y) == []
    name = stated.partition(":")[0]
    spoiled = spoil_metadata(path, f"{name}: {given[name.strip(chr(34))]}", stated)
    found = failures(spoiled, X, y)
    assert found
    assert all(failure.startswith("new.") for failure in found)


def test_verify_catches_dropped_class_weights(path, data):
    export(net2(), path, head="loss")
    spoiled = spoil_metadata(path, '"weight": null', '"weight": [1.0, 2.0, 1.0, 1.0]')
    assert any("weight=None" in failure for failure in failures(spoiled, *data))


@pytest.mark.parametrize(("stated", "real"), [("null", 2), ("-100", None), ("2", -100)])
def test_verify_catches_another_ignored_label(stated, real, path, data):
    X, y = data
    export(net2(), path, head="loss", ignore_index=real)
    before = f'"ignore_index": {"null" if real is None else real}'
    spoiled = spoil_metadata(path, before, f'"ignore_index": {stated}')
    found = failures(spoiled, X, y)
    assert found
    assert all(failure.startswith("loss: ") for failure in found)


def test_verify_catches_permuted_classes(path, data):
    net, order = net2(), [1, 0, 2, 3]
    export(net, path)

    def permute(model: onnx.ModelProto) -> None:
        for name in ("linear2.weight", "linear2.bias"):
            value = numpy_helper.to_array(initializer(model, name))
            set_initializer(model, name, value[order])

    found = failures(edit(path, permute), *data, reference=net)
    assert any(f.startswith("logits: ") and "[1, 0, 2, 3]" in f for f in found)
    assert any(failure.startswith("prediction: ") for failure in found)


@pytest.mark.parametrize(
    ("head", "operator", "output"),
    [
        ("probabilities", "Softmax", "probabilities"),
        ("loss", "LogSoftmax", "log_probabilities"),
        ("probabilities", "ArgMax", "prediction"),
    ],
)
def test_verify_catches_a_wrong_axis(head, operator, output, path, data):
    X, y = data
    export(net2(), path, head=head)
    edit(path, lambda model: set_attribute(node(model, operator), "axis", 0))
    if operator == "ArgMax":
        # Over the rows there is one result per class; as many rows as classes hide the shape.
        X, y = X[:4], y[:4]
    found = failures(path, X, y)
    assert found
    assert all(failure.startswith(f"{output}: ") for failure in found)


def test_verify_says_that_a_softmax_is_over_the_rows(path, data):
    export(net2(), path)
    edit(path, lambda model: set_attribute(node(model, "Softmax"), "axis", 0))
    assert any("over the rows" in failure for failure in failures(path, *data))


def test_verify_catches_swapped_outputs(path, data):
    export(net2(), path)

    def swap(model: onnx.ModelProto) -> None:
        names = {"logits": "probabilities", "probabilities": "logits"}
        for item in model.graph.node:
            item.input[:] = [names.get(name, name) for name in item.input]
            item.output[:] = [names.get(name, name) for name in item.output]

    found = failures(edit(path, swap), *data)
    assert any(f.startswith("logits: ") and "it equals probabilities" in f for f in found)
    assert any(f.startswith("probabilities: ") and "it equals logits" in f for f in found)


@pytest.mark.parametrize("head", ["logits", "probabilities", "loss"])
def test_verify_catches_weights_of_another_net(head, path, data):
    export(net2(seed=1), path, head=head)
    found = failures(path, *data, reference=net2(seed=0))
    assert any("linear1.weight differs" in failure for failure in found)
    for output in {"logits": ["logits"], "loss": ["loss", "logits"]}.get(head, ["prediction"]):
        assert any(failure.startswith(f"{output}: ") for failure in found)


def test_verify_catches_another_architecture(path, data):
    X, y = data
    export(net1(), path)
    found = failures(path, X, y % 2, reference=net2())
    assert any("NeuralNet1 7-5-1" in f and "NeuralNet2 7-5-4" in f for f in found)


@pytest.mark.parametrize("output", ["grad.linear1.weight", "new.linear2.bias"])
def test_verify_catches_a_wrong_step(output, path, data):
    export(net2(), path, head="train_step")

    def negate(model: onnx.ModelProto) -> None:
        (last,) = [item for item in model.graph.node if output in item.output]
        last.output[0] = "right"
        model.graph.node.append(onnx.helper.make_node("Neg", ["right"], [output]))

    # Wherever the right value was used it must still be found under its new name.
    def rename(model: onnx.ModelProto) -> None:
        for item in model.graph.node[:-1]:
            item.input[:] = ["right" if name == output else name for name in item.input]

    edit(edit(path, negate), rename)
    edit(path, move_last_node_up)
    found = failures(path, *data)
    assert any(failure.startswith(f"{output}: ") for failure in found)
    parameter = output.partition(".")[2]
    assert all(parameter in failure.partition(":")[0] for failure in found)


def test_verify_catches_a_missing_guard_for_wrong_labels(path, data):
    export(net2(), path, head="loss")

    def unguard(model: onnx.ModelProto) -> None:
        loss = node(model, "SoftmaxCrossEntropyLoss")
        loss.input[1] = "target"
        (last,) = [item for item in model.graph.node if "loss" in item.output]
        last.CopyFrom(onnx.helper.make_node("Identity", [loss.output[0]], ["loss"]))

    found = failures(edit(path, unguard), *data)
    assert any(f.startswith("loss: ") and "which is no class, gives the loss" in f for f in found)


def test_verify_catches_a_missing_output(path, data):
    export(net2(), path)
    edit(path, lambda model: model.graph.output.pop(1))
    assert failures(path, *data) == ["probabilities: the file has no such output"]


@pytest.mark.parametrize("stress", [False, True])
def test_verify_catches_a_renamed_output(stress, path, data):
    export(net2(), path, head="loss")

    def rename(model: onnx.ModelProto) -> None:
        (last,) = [item for item in model.graph.node if "loss" in item.output]
        last.output[0] = model.graph.output[0].name = "lost"

    found = failures(edit(path, rename), *data, stress=stress)
    assert found[0] == "loss: the file has no such output"
    assert any(failure.startswith("lost: ") for failure in found)


def test_verify_catches_an_operator_where_none_should_be(path, data):
    export(net2(), path, head="loss")
    spoiled = spoil_metadata(path, '"primitive": false', '"primitive": true')
    assert any("primitive=True" in failure for failure in failures(spoiled, *data))


@pytest.mark.parametrize("expect", [{"label_smoothing": 0.1}, {"reduction": "sum"}])
def test_verify_catches_what_is_not_expected(expect, path, data):
    export(net2(), path, head="loss")
    found = failures(path, *data, expect=expect)
    assert any(failure.startswith("loss: the file has") for failure in found)


def test_verify_catches_a_smoothing_that_torch_dropped(path, data):
    torch = pytest.importorskip("torch")
    pytest.importorskip("onnxscript", reason="torch's exporter that drops it needs onnxscript")

    class Loss(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = net2().to_torch()

        def forward(self, x, target):
            return torch.nn.functional.cross_entropy(self.net(x), target, label_smoothing=0.1)

    X, y = data
    batch = torch.export.Dim("batch")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Loss(), (torch.tensor(X), torch.tensor(y)), path, dynamo=True, verbose=False,
            dynamic_shapes=({0: batch}, {0: batch}),
        )  # fmt: skip
    assert failures(path, X, y) == []
    found = failures(path, X, y, reference=net2(), expect={"label_smoothing": 0.1})
    assert any("label_smoothing=0.0" in failure for failure in found)
    assert any("instead of" in f and f.startswith("cross_entropy_loss: ") for f in found)


def test_verify_fails_without_the_provider_that_was_asked_for(path, data):
    export(net2(), path)
    found = failures(path, *data, providers=("CPUExecutionProvider", "NoSuchProvider"))
    assert len(found) == 1
    assert "NoSuchProvider was asked for" in found[0]
    assert "CPUExecutionProvider" in found[0]


def test_verify_of_nothing_but_an_absent_provider_fails(path, data):
    export(net2(), path)
    report = verify(path, *data, providers=("NoSuchProvider",))
    assert not report.passed
    assert not report.comparisons


def spoil_metadata(path: Path, before: str, after: str) -> Path:
    """Replace a piece of the options that a file states."""

    def change(model: onnx.ModelProto) -> None:
        (prop,) = [p for p in model.metadata_props if p.key == "softxent.options"]
        assert before in prop.value
        prop.value = prop.value.replace(before, after)

    return edit(path, change)


def move_last_node_up(model: onnx.ModelProto) -> None:
    """Put the last node directly behind what it needs, as ONNX asks for."""
    nodes = list(model.graph.node)
    last = nodes.pop()
    place = next(i for i, item in enumerate(nodes) if last.input[0] in item.output)
    del model.graph.node[:]
    model.graph.node.extend([*nodes[: place + 1], last, *nodes[place + 1 :]])
