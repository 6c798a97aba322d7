"""What export writes: names, types, metadata, and files that are written whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest

from onnx_tools import CLASSES, FEATURES, HIDDEN, net1, net2, run, samples
from softxent.models import NeuralNet2
from softxent.onnx import export, opsets

PARAMETERS = ["linear1.weight", "linear1.bias", "linear2.weight", "linear2.bias"]
STEP_INPUTS = ["x", "target", "learning_rate", *PARAMETERS]
STEP_OUTPUTS = ["loss", *[f"grad.{p}" for p in PARAMETERS], *[f"new.{p}" for p in PARAMETERS]]
INTERFACE = {
    "logits": (["x"], ["logits"]),
    "probabilities": (["x"], ["logits", "probabilities", "prediction"]),
    "loss": (["x", "target"], ["loss", "logits", "log_probabilities"]),
    "train_step": (STEP_INPUTS, STEP_OUTPUTS),
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.onnx"


def names(values) -> list[str]:
    return [value.name for value in values]


def shape(value: onnx.ValueInfoProto) -> tuple[int | str, ...]:
    return tuple(d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim)


@pytest.mark.parametrize("opset", range(13, opsets.latest() + 1))
@pytest.mark.parametrize("head", INTERFACE)
@pytest.mark.parametrize("net", [net1(), net2()], ids=["net1", "net2"])
def test_export_has_the_promised_names_in_every_opset(net, head, opset, path, rng):
    X, y = samples(rng)
    export(net, path, head=head, opset=opset)
    model = onnx.load(path)
    inputs, outputs = INTERFACE[head]
    assert (names(model.graph.input), names(model.graph.output)) == (inputs, outputs)
    assert [(item.domain, item.version) for item in model.opset_import] == [("", opset)]
    assert model.ir_version == (10 if opset <= 22 else opsets.ir_version(opset))
    feeds = {"x": X, "target": y if net.num_classes > 2 else (y % 2).astype(np.float32)}
    feeds |= {"learning_rate": np.array(0.1, np.float32), **net.state_dict()}
    got = run(path, **{name: feeds[name] for name in inputs})
    if "logits" in got:
        np.testing.assert_allclose(got["logits"], net.forward(X), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("rows", [1, 3, 100])
@pytest.mark.parametrize("net", [net1(), net2()], ids=["net1", "net2"])
def test_export_takes_any_batch_size(net, rows, path, rng):
    export(net, path)
    got = run(path, x=rng.standard_normal((rows, FEATURES)).astype(np.float32))
    logits = (rows,) if net.num_classes == 2 else (rows, CLASSES)
    assert {name: value.shape for name, value in got.items()} == {
        "logits": logits,
        "probabilities": logits,
        "prediction": (rows,),
    }


@pytest.mark.parametrize("net", [net1(), net2()], ids=["net1", "net2"])
def test_export_declares_the_shapes_of_a_train_step(net, path):
    export(net, path, head="train_step", momentum=0.9)
    graph = onnx.load(path).graph
    shapes = {value.name: shape(value) for value in [*graph.input, *graph.output]}
    assert not graph.initializer or not set(names(graph.initializer)) & set(PARAMETERS)
    for name, value in net.state_dict().items():
        for prefix in ("", "grad.", "new.", "velocity.", "new.velocity."):
            assert shapes[prefix + name] == value.shape
    assert shapes["learning_rate"] == ()


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", np.float64])
@pytest.mark.parametrize("head", INTERFACE)
@pytest.mark.parametrize("net", [net1(), net2()], ids=["net1", "net2"])
def test_export_has_one_type_but_for_losses_of_float16(net, head, dtype, path):
    export(net, path, head=head, dtype=dtype)
    graph, name = onnx.load(path).graph, np.dtype(dtype).name
    found = {
        value.name: onnx.helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type).name
        for value in [*graph.input, *graph.output]
    }
    integers = {"prediction"} | ({"target"} if net.num_classes > 2 else set())
    for output, given in found.items():
        if output in integers:
            assert given == "int64"
        elif output == "loss":
            assert given == ("float32" if name == "float16" else name)
        else:
            assert given == name


def test_export_keeps_what_softxent_writes_about_itself(path):
    import softxent

    options = {"weight": [1, 2, 3, 4], "ignore_index": -1, "label_smoothing": 0.1}
    export(net2(), path, head="loss", class_names=["a", "b", "ç", "d"], primitive=True, **options)
    props = {prop.key: prop.value for prop in onnx.load(path).metadata_props}
    assert props["softxent.version"] == softxent.__version__
    assert props["softxent.architecture"] == "NeuralNet2"
    assert props["softxent.head"] == "loss"
    assert json.loads(props["softxent.class_names"]) == ["a", "b", "ç", "d"]
    stored = json.loads(props["softxent.options"])
    assert stored == {
        "head": "loss",
        "opset": 17,
        "dtype": "float32",
        "primitive": True,
        "target": "index",
        "reduction": "mean",
        "momentum": 0.0,
        "weight_decay": 0.0,
        **options,
    }


def test_export_takes_class_names_from_the_network(path):
    net = NeuralNet2(FEATURES, HIDDEN, 2, seed=0, class_names=["benign", "malignant"])
    export(net, path)
    props = {prop.key: prop.value for prop in onnx.load(path).metadata_props}
    assert json.loads(props["softxent.class_names"]) == ["benign", "malignant"]


def test_export_writes_the_same_bytes_for_the_same_network(tmp_path):
    for name in ("a.onnx", "b.onnx"):
        export(net2(), tmp_path / name, head="loss", weight=[1, 2, 3, 4])
    assert (tmp_path / "a.onnx").read_bytes() == (tmp_path / "b.onnx").read_bytes()


def test_export_primitive_has_no_loss_operator(path):
    for primitive in (False, True):
        export(net2(), path, head="loss", label_smoothing=0.1, primitive=primitive)
        operators = {node.op_type for node in onnx.load(path).graph.node}
        assert ("SoftmaxCrossEntropyLoss" in operators) is not primitive


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"head": "hidden"}, ValueError, "head must be one of .*'hidden'"),
        ({"opset": 12}, ValueError, rf"opset must be 13 to {opsets.latest()}, got 12"),
        ({"opset": 99}, ValueError, rf"opset must be 13 to {opsets.latest()}, got 99"),
        ({"opset": 17.0}, TypeError, "opset must be an integer, got 17.0"),
        ({"dtype": "bfloat16"}, ValueError, "dtype must be one of .*'bfloat16'"),
        ({"dtype": "int8"}, ValueError, "dtype must be one of .*'int8'"),
        ({"primitive": 1}, TypeError, "primitive must be True or False, got 1"),
        ({"reduction": "max"}, ValueError, "reduction must be one of .*'max'"),
        ({"label_smoothing": 1.5}, ValueError, r"label_smoothing must be in \[0, 1\], got 1.5"),
        ({"label_smoothing": np.nan}, ValueError, "label_smoothing must be .*nan"),
        ({"label_smoothing": "a"}, TypeError, "label_smoothing must be a number, got 'a'"),
        ({"weight": [1, 2]}, ValueError, "one entry per class: expected 4, got 2"),
        ({"weight": [[1, 2, 3, 4]]}, ValueError, r"weight must have one axis, got shape \(1, 4\)"),
        ({"weight": [1, 2, -3, 4]}, ValueError, "not negative, got -3.0 for class 2"),
        ({"weight": [1, 2, 3, np.inf]}, ValueError, "finite .*got inf for class 3"),
        ({"ignore_index": 1.0}, TypeError, "ignore_index must be an integer, got 1.0"),
        ({"ignore_index": True}, TypeError, "ignore_index must be an integer, got True"),
        ({"ignore_index": 2**63}, ValueError, "ignore_index must fit into 64 bits"),
        ({"target": "label"}, ValueError, "target must be one of .*'label'"),
        ({"target": "probabilities", "ignore_index": 3}, ValueError, "None or negative .*got 3"),
        ({"class_names": ["a"]}, ValueError, "class_names must have 4 names, got 1"),
        ({"feature_names": ["a"]}, ValueError, "feature_names must have 7 names, got 1"),
        ({"feature_names": ["a"] * 7}, ValueError, "feature_names must be distinct, got 'a'"),
        ({"feature_names": "abcdefg"}, TypeError, "feature_names must be a sequence of names"),
        ({"momentum": 0.9}, ValueError, "momentum=0.9 has no meaning for head='loss'"),
        ({"head": "logits", "label_smoothing": 0.1}, ValueError, "label_smoothing=0.1 has no"),
        ({"head": "train_step", "reduction": "none"}, ValueError, "'mean' or 'sum', got 'none'"),
        ({"head": "train_step", "momentum": -1}, ValueError, "momentum must be finite and not"),
    ],
    ids=str,
)  # fmt: skip
def test_export_refuses_bad_options_and_leaves_the_old_file(options, error, message, path):
    path.write_text("old")
    with pytest.raises(error, match=message):
        export(net2(), path, **{"head": "loss", **options})
    assert path.read_text() == "old"
    assert [item.name for item in path.parent.iterdir()] == [path.name]


def test_export_refuses_an_ignored_label_for_real_targets(path):
    with pytest.raises(ValueError, match=r"must be None for NeuralNet1.*got -100"):
        export(net1(), path, head="loss", ignore_index=-100)


def test_export_refuses_parameters_that_do_not_fit(path):
    net, state = net2(), net2().state_dict()
    state["linear2.weight"][3, 1] = 1e5
    net.load_state_dict(state)
    with pytest.raises(
        ValueError, match=r"linear2.weight\[\(3, 1\)\] = .*does not fit into float16"
    ):
        export(net, path, dtype="float16")
    assert not path.exists()


def test_export_says_that_the_folder_is_missing(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        export(net2(), tmp_path / "nowhere" / "model.onnx")


def test_import_needs_no_optional_package(run_python):
    code = (
        "import sys, softxent.onnx, softxent.verify, softxent.report;"
        "print(sorted({'onnx', 'onnxruntime', 'torch', 'matplotlib', 'jinja2'} & set(sys.modules)))"
    )
    assert run_python(code).strip() == "[]"


@pytest.mark.parametrize(
    "call",
    [
        "softxent.onnx.export(None, 'x')",
        "softxent.onnx.load('x')",
        "softxent.onnx.attach_loss('x', 'y', 'z')",
        "softxent.verify.verify('x', [[0.0]])",
    ],
)
def test_calls_say_what_to_install(call, run_python):
    code = (
        "import sys, softxent.onnx, softxent.verify\nsys.modules['onnx'] = None\n"
        f"try:\n    {call}\nexcept ImportError as error:\n    print(error)"
    )
    assert "needs onnx: pip install 'softxent[onnx]'" in run_python(code)


@pytest.mark.parametrize("source", [None, 3, {"weight": np.zeros((2, 2, 2))}, {}])
def test_export_refuses_what_is_no_network(source, path):
    with pytest.raises((TypeError, ValueError)):
        export(source, path)
    assert not path.exists()
