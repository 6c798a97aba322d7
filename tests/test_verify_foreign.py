"""Classifiers of other programs are verified as they are: nets of torch, pipelines, int8 models."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from foreign_models import (
    CLASSES,
    IMAGE,
    classifier,
    from_sklearn,
    from_torch,
    iris,
    quantised,
    residual_net,
)
from softxent.models import NeuralNet2
from softxent.onnx import attach_loss
from softxent.verify import verify
from softxent.verify.report import Report

FLOAT, INT64, INT32 = TensorProto.FLOAT, TensorProto.INT64, TensorProto.INT32


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.onnx"


def images(rng: np.random.Generator, rows: int = 40) -> np.ndarray:
    return rng.standard_normal((rows, *IMAGE)).astype(np.float32)


def saved(model: onnx.ModelProto, path: Path) -> Path:
    onnx.save(model, path)
    return path


def node(op_type: str, operands: str, results: str, **attributes: object) -> onnx.NodeProto:
    return helper.make_node(op_type, operands.split(), results.split(), **attributes)


def parts(report: Report) -> set[tuple[str, str]]:
    assert report.outcome == "verified", str(report)
    assert report.passed
    return {(c.output, c.part) for c in report.comparisons}


@pytest.mark.parametrize("dynamo", [False, True], ids=["torchscript", "dynamo"])
def test_a_residual_net_of_torch_is_verified(dynamo, path, rng):
    torch = pytest.importorskip("torch")
    net, X = residual_net(), images(rng)
    from_torch(net, path, torch.from_numpy(X[:2]), dynamo=dynamo)
    report = verify(path, X, rng.integers(CLASSES, size=40), reference=net, stress=True)
    assert len(parts(report)) == 1
    assert {c.against for c in report.comparisons} == {"float64 run", "reference"}
    assert not any(c.estimate for c in report.comparisons)
    assert report.accuracies


def test_a_residual_net_of_usual_size_takes_seconds(path, rng):
    """64 images of 3 × 32 × 32 through 16 to 64 channels."""
    torch = pytest.importorskip("torch")
    nn = torch.nn

    class Block(nn.Module):
        def __init__(self, channels: int, out: int, stride: int) -> None:
            super().__init__()
            self.body = nn.Sequential(
                nn.Conv2d(channels, out, 3, stride, 1, bias=False), nn.BatchNorm2d(out), nn.ReLU(),
                nn.Conv2d(out, out, 3, 1, 1, bias=False), nn.BatchNorm2d(out),
            )  # fmt: skip
            self.short = nn.Conv2d(channels, out, 1, stride, bias=False)

        def forward(self, x: Any) -> Any:
            return torch.relu(self.body(x) + self.short(x))

    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(3, 16, 3, 1, 1), nn.BatchNorm2d(16), nn.ReLU(), Block(16, 16, 1),
        Block(16, 32, 2), Block(32, 64, 2), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(64, 10),
    ).eval()  # fmt: skip
    X = rng.standard_normal((64, 3, 32, 32)).astype(np.float32)
    from_torch(net, path, torch.from_numpy(X[:2]), dynamo=False)
    start = time.perf_counter()
    report = verify(path, X, reference=net, batch_sizes=())
    assert time.perf_counter() - start < 60
    parts(report)
    # In the mean square the bound is a thousandth of the logits, and an error of float32 far below.
    (data,) = [c for c in report.comparisons if c.batch == "data" and c.against == "float64 run"]
    assert data.rms is not None and data.rms_tolerance is not None
    assert 10 * data.rms < data.rms_tolerance < 1e-3


def test_flat_samples_are_images_where_the_graph_takes_images(path, rng):
    torch = pytest.importorskip("torch")
    net, X = residual_net(), images(rng)
    from_torch(net, path, torch.from_numpy(X[:2]), dynamo=False)
    parts(verify(path, X.reshape(40, -1), batch_sizes=()))
    with pytest.raises(ValueError, match=r"X must have shape \(n, 1, 6, 6\), got \(40, 35\)"):
        verify(path, X.reshape(40, -1)[:, :35])


@pytest.mark.parametrize("rows", [1, 7, 8, 9, 24])
@pytest.mark.parametrize("batch", [1, 8])
def test_a_fixed_batch_is_fed_in_batches_of_its_size(batch, rows, path, rng):
    torch = pytest.importorskip("torch")
    net, X = residual_net(), images(rng, rows)
    sample = torch.from_numpy(images(rng, batch))
    from_torch(net, path, sample, dynamo=False, free_batch=False)
    report = verify(path, X, rng.integers(CLASSES, size=rows), reference=net, stress=True)
    parts(report)
    (data,) = [c for c in report.comparisons if c.batch == "data" and c.against == "float64 run"]
    assert data.shape == (rows, CLASSES)
    assert {t.batch_size for t in report.timings} == {batch}


def test_a_fixed_batch_with_a_loss_is_verified(path, rng):
    """The mean of each batch as it is fed, the last one filled up with rows of it."""
    nodes = [node("MatMul", "x w", "z"), node("SoftmaxCrossEntropyLoss", "z y", "loss p")]
    inputs = [("x", FLOAT, (4, 4)), ("y", INT64, (4,))]
    outputs = [("loss", FLOAT, ()), ("p", FLOAT, (4, 3)), ("z", FLOAT, (4, 3))]
    saved(classifier(nodes, outputs, inputs=inputs), path)
    X, y = rng.standard_normal((10, 4)), rng.integers(3, size=10)
    report = verify(path, X, y)
    assert parts(report) == {("loss", "head"), ("p", "head"), ("z", "body")}
    shapes = {c.output: c.shape for c in report.comparisons if c.batch == "data"}
    assert shapes == {"loss": (3,), "p": (10, 3), "z": (10, 3)}


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("integer", [INT32, INT64])
@pytest.mark.parametrize("form", ["one output", "two outputs", "negative log-likelihood"])
def test_losses_of_every_form_are_verified(form, integer, reduction, path, rng):
    """Gemm, Relu, Gemm and a loss, int32 labels and log-probabilities among them."""
    sizes = ("n",) if reduction == "none" else ()
    outputs = [("loss", FLOAT, sizes)]
    body = [
        node("Gemm", "x w b", "a"), node("Relu", "a", "h"), node("Gemm", "h v c", "z"),
    ]  # fmt: skip
    options = {"reduction": reduction, "ignore_index": 1}
    if form == "negative log-likelihood":
        head = [
            node("LogSoftmax", "z", "log_p", axis=1),
            node("NegativeLogLikelihoodLoss", "log_p y weight", "loss", **options),
        ]
    else:
        results = "loss log_p" if form == "two outputs" else "loss"
        head = [node("SoftmaxCrossEntropyLoss", "z y weight", results, **options)]
    if form != "one output":
        outputs.append(("log_p", FLOAT, ("n", 3)))
    stored = {
        "b": np.ones(3, np.float32), "v": rng.standard_normal((3, 3)).astype(np.float32),
        "c": np.zeros(3, np.float32), "weight": np.array([1, 2, 3], np.float32),
    }  # fmt: skip
    inputs = [("x", FLOAT, ("n", 4)), ("y", integer, ("n",))]
    saved(classifier([*body, *head], outputs, inputs=inputs, stored=stored), path)
    X, y = rng.standard_normal((20, 4)), rng.integers(3, size=20)
    report = verify(path, X, y, batch_sizes=())
    judged = parts(report)
    assert {("loss", "head"), ("z", "body")} <= judged
    assert (("log_p", "head") in judged) == (form != "one output")
    assert {c.against for c in report.comparisons if c.output == "loss"} == {
        "native from its logits", "torch from its logits"
    }  # fmt: skip


def test_a_loss_over_pixels_is_verified(path, rng):
    """Classes on the axis 1 of (n, C, d), a label for each place."""
    nodes = [
        node("Conv", "x k", "z"),
        node("SoftmaxCrossEntropyLoss", "z y", "loss p", ignore_index=-1),
        node("Softmax", "z", "q", axis=1), node("ArgMax", "z", "c", axis=1, keepdims=0),
    ]  # fmt: skip
    inputs = [("x", FLOAT, ("n", 2, 6)), ("y", INT64, ("n", 4))]
    outputs = [("loss", FLOAT, ()), ("p", FLOAT, ("n", 3, 4)), ("q", FLOAT, ("n", 3, 4)),
               ("c", INT64, ("n", 4))]  # fmt: skip
    stored = {"k": rng.standard_normal((3, 2, 3)).astype(np.float32)}
    saved(classifier(nodes, outputs, inputs=inputs, stored=stored), path)
    X, y = rng.standard_normal((10, 2, 6)), rng.integers(-1, 3, size=(10, 4))
    judged = parts(verify(path, X, y, batch_sizes=()))
    heads = {("loss", "head"), ("p", "head"), ("q", "head"), ("c", "head")}
    assert judged == heads | {("z", "body")}


def test_a_net_of_three_layers_is_verified(path, rng):
    torch = pytest.importorskip("torch")
    nn = torch.nn
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Linear(5, 16), nn.ReLU(), nn.Linear(16, 12), nn.Tanh(), nn.Linear(12, 4), nn.Softmax(1)
    )
    X = rng.standard_normal((30, 5)).astype(np.float32)
    from_torch(net, path, torch.from_numpy(X[:2]), dynamo=False)
    report = verify(path, X, reference=net, stress=True)
    assert {part for _, part in parts(report)} == {"body", "head", "whole"}
    against = {c.against for c in report.comparisons}
    assert {"native from its logits", "float64 run", "reference", "onnx-reference"} <= against


def test_a_transformer_is_verified(path, rng):
    torch = pytest.importorskip("torch")
    nn = torch.nn

    class Encoder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding = nn.Embedding(50, 32)
            layer = nn.TransformerEncoderLayer(32, 4, 64, batch_first=True, activation="gelu")
            self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
            self.last = nn.Linear(32, 5)

        def forward(self, tokens: Any) -> Any:
            return self.last(self.encoder(self.embedding(tokens)).mean(1))

    torch.manual_seed(0)
    net = Encoder().eval()
    tokens = rng.integers(50, size=(24, 10))
    from_torch(net, path, torch.from_numpy(tokens[:2]), dynamo=False)
    report = verify(path, tokens, reference=net, batch_sizes=())
    assert parts(report)
    assert not any(c.estimate for c in report.comparisons)


@pytest.mark.parametrize("kind", ["dynamic", "QDQ", "QOperator"])
def test_int8_models_are_verified(kind, path, rng):
    torch = pytest.importorskip("torch")
    from_torch(residual_net(), path, torch.from_numpy(images(rng, 2)), dynamo=False)
    report = verify(quantised(path, kind, lambda i: images(rng, 8)), images(rng), stress=True)
    assert parts(report)
    assert not any(c.estimate for c in report.comparisons)


@pytest.mark.parametrize("zipmap", [False, True])
@pytest.mark.parametrize("kind", ["logistic", "perceptron", "forest", "boosted", "bayes"])
def test_pipelines_of_sklearn_are_verified(kind, zipmap, path):
    """Their labels are text; the samples of one class are left out, which shifts nothing."""
    pytest.importorskip("sklearn")
    from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.naive_bayes import GaussianNB
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    estimator = {
        "logistic": LogisticRegression(),
        "perceptron": MLPClassifier((8, 6), max_iter=300, random_state=0),
        "forest": RandomForestClassifier(10, random_state=0),
        "boosted": GradientBoostingClassifier(n_estimators=5, random_state=0),
        "bayes": GaussianNB(),
    }[kind]
    X, names = iris()
    pipeline = make_pipeline(StandardScaler(), estimator)
    saved(from_sklearn(pipeline, X, names, zipmap=zipmap), path)
    X, names = X[50:], names[50:]
    report = verify(path, X, names, stress=True)
    outputs = {output for output, _ in parts(report)}
    assert {"label", "probabilities"} <= outputs or {
        "output_label",
        "output_probability",
    } <= outputs
    right = float(np.mean(pipeline.predict(X) == names))
    assert report.accuracies["CPUExecutionProvider"] == pytest.approx(right)


def test_a_binary_pipeline_of_sklearn_is_verified(path):
    pytest.importorskip("sklearn")
    from sklearn.linear_model import LogisticRegression

    X, names = iris()
    saved(from_sklearn(LogisticRegression(), X[:100], names[:100], zipmap=False), path)
    report = verify(path, X[:100], names[:100], stress=True)
    assert ("probabilities", "head") in parts(report)
    assert report.accuracies["CPUExecutionProvider"] == 1.0


def test_outputs_of_unknown_meaning_are_judged_too(path, rng):
    """A temperature after the softmax, an embedding beside the logits: by the float64 run."""
    nodes = [
        node("Tanh", "x", "embedding"), node("MatMul", "embedding w", "z"),
        node("Softmax", "z", "p", axis=1), node("Sqrt", "p", "r"),
    ]  # fmt: skip
    outputs = [("p", FLOAT, ("n", 3)), ("r", FLOAT, ("n", 3)), ("embedding", FLOAT, ("n", 4))]
    saved(classifier(nodes, outputs), path)
    judged = parts(verify(path, rng.standard_normal((12, 4)), batch_sizes=()))
    assert judged == {("p", "head"), ("z", "body"), ("r", "head"), ("embedding", "whole")}


def test_a_recurrent_net_is_verified_with_an_estimate(path, rng):
    """Its operator has no rule; the report says so in words and in JSON."""
    torch = pytest.importorskip("torch")

    class Recurrent(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm = torch.nn.LSTM(6, 8, batch_first=True)
            self.last = torch.nn.Linear(8, 3)

        def forward(self, x: Any) -> Any:
            return self.last(self.lstm(x)[1][0][-1])

    torch.manual_seed(0)
    net, X = Recurrent().eval(), rng.standard_normal((10, 4, 6)).astype(np.float32)
    from_torch(net, path, torch.from_numpy(X[:2]), dynamo=False)
    report = verify(path, X, reference=net, batch_sizes=())
    assert parts(report)
    assert all(c.estimate for c in report.comparisons)
    assert "an ESTIMATE, no bound: LSTM" in str(report)
    assert "(est.)" in str(report)
    assert all(c["estimate"] for c in report.to_dict()["comparisons"])


@pytest.mark.parametrize("options", [{}, {"target": "probabilities"}, {"primitive": True}], ids=str)
@pytest.mark.parametrize("kind", ["convolutions", "int8", "one logit"])
def test_losses_attached_to_any_graph_are_verified(kind, options, path, rng):
    """The loss on the logits of the runtime, the graph in front of it as any other."""
    torch = pytest.importorskip("torch")
    X, y = images(rng), rng.integers(CLASSES, size=40)
    if kind == "one logit":
        torch.manual_seed(0)
        net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(36, 1), torch.nn.Sigmoid())
        from_torch(net, path, torch.from_numpy(X[:2]), dynamo=False)
        options, y = {"label_smoothing": 0.1}, y % 2
    else:
        from_torch(residual_net(), path, torch.from_numpy(X[:2]), dynamo=False)
    source = quantised(path, "QDQ", lambda i: X[8 * i : 8 * i + 8]) if kind == "int8" else path
    out = path.with_name("loss.onnx")
    attach_loss(source, None, out, **options)
    judged = parts(verify(out, X, y, stress=True, batch_sizes=()))
    assert {("loss", "head"), ("log_probabilities", "head")} <= judged
    assert "body" in {part for _, part in judged}
    wrong = verify(out, X, y, batch_sizes=(), expect={"label_smoothing": 0.2})
    assert wrong.outcome == "wrong"


def test_class_weights_that_are_expected_must_be_as_many_as_classes(path, rng):
    nodes = [node("MatMul", "x w", "z"), node("SoftmaxCrossEntropyLoss", "z y", "loss")]
    inputs = [("x", FLOAT, ("n", 4)), ("y", INT64, ("n",))]
    saved(classifier(nodes, [("loss", FLOAT, ())], inputs=inputs), path)
    with pytest.raises(ValueError, match="weight must have one entry per class: expected 3, got 2"):
        verify(path, np.zeros((5, 4)), np.zeros(5, int), expect={"weight": [1, 2]})


def test_the_body_of_many_rows_is_judged_on_the_first_of_them(path, rng, monkeypatch):
    """Heads are judged on all; the report says from where on the body is not."""
    from softxent.verify.foreign import verification

    monkeypatch.setattr(verification, "TOTAL", 2**14)
    monkeypatch.setattr(verification, "BUDGET", 2**13)
    nodes = [node("MatMul", "x w", "z"), node("Softmax", "z", "p")]
    saved(classifier(nodes, [("p", FLOAT, ("n", 3))]), path)
    report = verify(path, rng.standard_normal((3000, 4)), batch_sizes=())
    parts(report)
    rows = {c.output: c.shape[0] for c in report.comparisons}
    assert rows["p"] == 3000
    assert 16 <= rows["z"] < 3000
    assert f"float64 run, batch 'data', rows from {rows['z']} on" in report.left_out


def test_a_network_of_other_sizes_is_not_what_the_file_holds(path, rng):
    saved(classifier([node("MatMul", "x w", "z")], [("z", FLOAT, ("n", 3))]), path)
    X = rng.standard_normal((6, 4))
    for net in (NeuralNet2(5, 4, 3, seed=0), NeuralNet2(4, 4, 5, seed=0)):
        assert verify(path, X, reference=net, batch_sizes=()).outcome == "wrong"


def test_the_opset_is_that_of_the_standard_operators(path):
    pytest.importorskip("sklearn")
    from sklearn.linear_model import LogisticRegression

    X, names = iris()
    model = saved(from_sklearn(LogisticRegression(), X, names), path)
    stated = {item.domain: item.version for item in onnx.load(model).opset_import}
    assert verify(path, X, batch_sizes=()).facts["opset"] == stated[""]
