"""Classifiers of other programs that are not what they were made from, or not computed right."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from foreign_models import IMAGE, classifier, from_torch, quantised, residual_net
from onnx_tools import edit, set_attribute
from softxent.verify import runtime, verify

FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.onnx"


def transformer() -> Any:
    """One block of attention and a perceptron with GELU, over 6 tokens of 16 features."""
    torch = pytest.importorskip("torch")
    nn = torch.nn
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True, activation="gelu")
    block = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)
    return nn.Sequential(block, nn.Flatten(), nn.Linear(96, 4)).eval()


def perceptron() -> Any:
    """Three layers."""
    torch = pytest.importorskip("torch")
    nn = torch.nn
    torch.manual_seed(0)
    layers = nn.Linear(5, 16), nn.ReLU(), nn.Linear(16, 12), nn.Tanh(), nn.Linear(12, 4)
    return nn.Sequential(*layers).eval()


NETS: dict[str, tuple[Callable[[], Any], tuple[int, ...]]] = {
    "residual": (residual_net, IMAGE),
    "transformer": (transformer, (6, 16)),
    "perceptron": (perceptron, (5,)),
}


def exported(kind: str, path: Path, rng: np.random.Generator) -> tuple[Any, np.ndarray]:
    """A net, its file, and samples."""
    torch = pytest.importorskip("torch")
    make, shape = NETS[kind]
    net, X = make(), rng.standard_normal((50, *shape)).astype(np.float32)
    from_torch(net, path, torch.from_numpy(X[:2]), dynamo=False)
    return net, X


def outcome(path: Path, X: np.ndarray, net: Any, **options: Any) -> str:
    return verify(path, X, reference=net, batch_sizes=(), **options).outcome


def weights(model: onnx.ModelProto) -> list[onnx.TensorProto]:
    """Stored matrices and kernels, in the order in which the graph uses them."""
    stored = {tensor.name: tensor for tensor in model.graph.initializer}
    used = [name for node in model.graph.node for name in node.input if name in stored]
    found = [stored[name] for name in dict.fromkeys(used)]
    return [tensor for tensor in found if len(tensor.dims) >= 2]


def change_tensor(tensor: onnx.TensorProto, change: Callable[[np.ndarray], None]) -> None:
    array = numpy_helper.to_array(tensor).copy()
    change(array)
    tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))


@pytest.mark.parametrize("kind", NETS)
def test_the_untouched_net_is_verified(kind, path, rng):
    net, X = exported(kind, path, rng)
    assert outcome(path, X, net) == "verified"


@pytest.mark.parametrize("place", [0, 1, -1])
@pytest.mark.parametrize("kind", NETS)
def test_one_weight_off_by_a_percent_is_wrong(kind, place, path, rng):
    """The largest of any layer: in a deep net it shows in the mean square alone."""
    net, X = exported(kind, path, rng)

    def change(array: np.ndarray) -> None:
        array.flat[np.abs(array).argmax()] *= 1.01

    edit(path, lambda model: change_tensor(weights(model)[place], change))
    assert outcome(path, X, net) == "wrong"


@pytest.mark.parametrize("kind", NETS)
def test_a_dropped_bias_is_wrong(kind, path, rng):
    net, X = exported(kind, path, rng)

    def drop(model: onnx.ModelProto) -> None:
        # The first biases of attention are 0.
        biased = [n for n in model.graph.node if n.op_type in ("Gemm", "Conv") and len(n.input) > 2]
        del biased[-1].input[2]

    edit(path, drop)
    assert outcome(path, X, net) == "wrong"


@pytest.mark.parametrize("kind", NETS)
def test_swapped_channels_are_wrong(kind, path, rng):
    net, X = exported(kind, path, rng)

    def swap(array: np.ndarray) -> None:
        array[[0, 1]] = array[[1, 0]]

    edit(path, lambda model: change_tensor(weights(model)[0], swap))
    assert outcome(path, X, net) == "wrong"


@pytest.mark.parametrize(
    ("kind", "old", "new"),
    [("residual", "Relu", "LeakyRelu"), ("residual", "Relu", "Sigmoid"),
     ("perceptron", "Relu", "Elu"), ("perceptron", "Tanh", "Softsign"),
     ("transformer", "Erf", "Tanh")],
)  # fmt: skip
def test_another_activation_is_wrong(kind, old, new, path, rng):
    net, X = exported(kind, path, rng)

    def swap(model: onnx.ModelProto) -> None:
        [node for node in model.graph.node if node.op_type == old][-1].op_type = new

    edit(path, swap)
    assert outcome(path, X, net) == "wrong"


def test_another_padding_is_wrong(path, rng):
    net, X = exported("residual", path, rng)

    def pad(model: onnx.ModelProto) -> None:
        node = next(node for node in model.graph.node if node.op_type == "Conv")
        set_attribute(node, "pads", [0, 0, 2, 2])

    edit(path, pad)
    assert outcome(path, X, net) == "wrong"


@pytest.mark.parametrize("epsilon", [1e-6, 1.1e-5, 1e-3])
def test_another_epsilon_is_wrong(epsilon, path, rng):
    """1.1e-5 instead of 1e-5, of inputs whose variance is small enough to notice it."""
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    net = torch.nn.Sequential(
        torch.nn.Linear(5, 16), torch.nn.LayerNorm(16), torch.nn.Linear(16, 4)
    ).eval()
    X = (rng.standard_normal((50, 5)) / 4).astype(np.float32)
    from_torch(net, path, torch.from_numpy(X[:2]), dynamo=False)
    assert outcome(path, X, net) == "verified"

    def change(model: onnx.ModelProto) -> None:
        (node,) = [node for node in model.graph.node if node.op_type == "LayerNormalization"]
        set_attribute(node, "epsilon", epsilon)

    edit(path, change)
    assert outcome(path, X, net) == "wrong"


def test_weights_of_another_net_are_wrong(path, rng):
    torch = pytest.importorskip("torch")
    net, X = exported("perceptron", path, rng)
    other = perceptron()
    with torch.no_grad():
        other[0].weight[3, 2] += 1e-3
    assert outcome(path, X, net) == "verified"
    report = verify(path, X, reference=other, batch_sizes=())
    assert report.outcome == "wrong"
    assert all("against reference" in failure for failure in report.failures)


def test_an_int8_model_is_not_its_float_model(path, rng):
    """Quantisation is no rounding error: the report says where the two differ."""
    net, X = exported("residual", path, rng)
    int8 = quantised(path, "QDQ", lambda i: X[8 * i : 8 * i + 8])
    assert verify(int8, X, batch_sizes=()).outcome == "verified"
    assert outcome(int8, X, net) == "wrong"


class Spoiled(runtime.Session):
    """A runtime that computes some outputs with the digits of TF32, or one value wrongly."""

    change: Callable[[np.ndarray], np.ndarray]

    def run(self, feeds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        got = super().run(feeds)
        name = next(iter(got))
        return got | {name: type(self).change(got[name])}


def as_tf32(array: np.ndarray) -> np.ndarray:
    bits = array.astype(np.float32).view(np.uint32)
    return ((bits + 0x1000) & np.uint32(0xFFFFE000)).view(np.float32)


def one_off(array: np.ndarray) -> np.ndarray:
    changed = array.copy()
    changed[3, 1] += 1e-3
    return changed


@pytest.mark.parametrize("change", [as_tf32, one_off])
@pytest.mark.parametrize("kind", ["residual", "transformer", "perceptron"])
def test_a_runtime_that_computes_less_precisely_is_wrong(kind, change, path, rng, monkeypatch):
    """Without any reference: the float64 run of the graph shows it."""
    from softxent.verify.foreign import verification

    _, X = exported(kind, path, rng)
    assert verify(path, X, batch_sizes=()).outcome == "verified"
    monkeypatch.setattr(Spoiled, "change", staticmethod(change), raising=False)
    monkeypatch.setattr(verification, "Session", Spoiled)
    report = verify(path, X, batch_sizes=())
    assert report.outcome == "wrong"


def test_swapped_levels_of_an_int8_model_are_wrong(path, rng, monkeypatch):
    """A runtime that saturates where it should not, as with 8-bit products of old processors."""
    from softxent.verify.foreign import verification

    _, X = exported("residual", path, rng)
    int8 = quantised(path, "QOperator", lambda i: X[8 * i : 8 * i + 8])
    assert verify(int8, X, batch_sizes=()).outcome == "verified"
    monkeypatch.setattr(
        Spoiled, "change", staticmethod(lambda z: np.minimum(z, np.quantile(z, 0.9))), raising=False
    )
    monkeypatch.setattr(verification, "Session", Spoiled)
    assert verify(int8, X, batch_sizes=()).outcome == "wrong"


def node(op_type: str, operands: str, results: str, **attributes: object) -> onnx.NodeProto:
    return helper.make_node(op_type, operands.split(), results.split(), **attributes)


def heads(path: Path, nodes: list[onnx.NodeProto], outputs: str) -> Path:
    """A model x @ w = z with some heads."""
    sizes = {"loss": (), "c": ("n",)}
    kinds = {"c": INT64}
    stated = [(name, kinds.get(name, FLOAT), sizes.get(name, ("n", 3))) for name in outputs.split()]
    inputs = [("x", FLOAT, ("n", 4))]
    if any("y" in n.input for n in nodes):
        inputs.append(("y", INT64, ("n",)))
    model = classifier([node("MatMul", "x w", "z"), *nodes], stated, inputs=inputs)
    path.write_bytes(model.SerializeToString())
    return path


def test_a_softmax_that_overflows_is_wrong(path, rng):
    """exp(z) / sum of exp(z), without taking the largest away, is NaN from 89 on."""
    nodes = [node("Exp", "z", "e"), node("ReduceSum", "e axes", "s"), node("Div", "e s", "p")]
    constant = helper.make_node(
        "Constant", [], ["axes"], value=numpy_helper.from_array(np.array([1]), "axes")
    )
    heads(path, [constant, *nodes], "p")
    X = rng.standard_normal((20, 4))
    assert verify(path, X, batch_sizes=()).outcome == "verified"
    report = verify(path, 200 * X, batch_sizes=())
    assert report.outcome == "wrong"
    assert any(failure.startswith("p: nan instead of") for failure in report.failures)


@pytest.mark.parametrize(
    "expect", [{"label_smoothing": 0.1}, {"reduction": "sum"}, {"weight": [1, 1, 2]},
               {"ignore_index": 0}]
)  # fmt: skip
def test_a_loss_that_is_not_what_is_expected_is_wrong(expect, path, rng):
    heads(path, [node("SoftmaxCrossEntropyLoss", "z y", "loss")], "loss")
    X, y = rng.standard_normal((20, 4)), rng.integers(3, size=20)
    assert verify(path, X, y, batch_sizes=()).outcome == "verified"
    report = verify(path, X, y, batch_sizes=(), expect=expect)
    assert report.outcome == "wrong"
    assert report.failures[0].startswith("loss: the file has")
    assert any("instead of" in failure for failure in report.failures)
