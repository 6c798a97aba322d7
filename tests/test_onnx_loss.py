"""The loss in the graph is the loss of the contract, in both forms and every type."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

import softxent as sx
from onnx_tools import CLASSES, net1, net2, run, samples
from softxent.onnx import export

torch = pytest.importorskip("torch")
functional = torch.nn.functional

WEIGHTS = {"unweighted": None, "weighted": [1.0, 2.0, 0.5, 0.25], "a weight of 0": [1, 0, 2, 1]}
IGNORED = [None, -100, 2]
SMOOTHING = [0.0, 0.1, 1.0]
REDUCTIONS = ["mean", "sum", "none"]
WRONG = [-1, CLASSES, -CLASSES, CLASSES + 3, -101, 2**40]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.onnx"


def raises_or_nan(path: Path, row: int, **feeds: np.ndarray) -> bool:
    try:
        loss = run(path, **feeds)["loss"]
    except Exception as error:  # onnxruntime has no common class for its errors
        return "onnxruntime" in type(error).__module__
    return bool(np.isnan(loss if loss.ndim == 0 else loss[row]))


@pytest.mark.parametrize("primitive", [False, True], ids=["operator", "primitive"])
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("weight", WEIGHTS.values(), ids=WEIGHTS)
def test_loss_equals_torch_in_float64(weight, reduction, primitive, path, rng):
    X, y = samples(rng)
    for ignored, smoothing in itertools.product(IGNORED, SMOOTHING):
        options = {"weight": weight, "label_smoothing": smoothing, "reduction": reduction}
        export(
            net2(), path, head="loss", dtype="float64", ignore_index=ignored,
            primitive=primitive, **options,
        )  # fmt: skip
        if ignored == -100:
            y = np.where(np.arange(len(y)) % 7 == 0, -100, y)
        got = run(path, x=X.astype(np.float64), target=y)
        expected = functional.cross_entropy(
            torch.tensor(got["logits"]),
            torch.tensor(y),
            weight=None if weight is None else torch.tensor(weight, dtype=torch.float64),
            ignore_index=-12345 if ignored is None else ignored,
            label_smoothing=smoothing,
            reduction=reduction,
        )
        y = np.where(y == -100, 0, y)
        # Forty rows of a handful of operations each, on losses of about 1.4.
        np.testing.assert_allclose(got["loss"], expected.numpy(), rtol=60 * 2**-53, atol=2**-50)


@pytest.mark.parametrize("primitive", [False, True], ids=["operator", "primitive"])
@pytest.mark.parametrize("smoothing", SMOOTHING)
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_the_mean_over_labels_that_all_weigh_0_is_nan(dtype, smoothing, primitive, path, rng):
    X, _ = samples(rng)
    options = {"weight": WEIGHTS["a weight of 0"], "label_smoothing": smoothing}
    export(net2(), path, head="loss", dtype=dtype, primitive=primitive, **options)
    y = np.ones(len(X), np.int64)
    assert np.isnan(run(path, x=X.astype(dtype), target=y)["loss"])
    assert np.isnan(sx.cross_entropy(net2().forward(X), y, **options))


@pytest.mark.parametrize("primitive", [False, True], ids=["operator", "primitive"])
@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_loss_equals_that_of_the_float64_graph(dtype, primitive, path, rng):
    X, y = samples(rng)
    options = {"weight": [1.0, 2.0, 0.5, 0.25], "label_smoothing": 0.25, "ignore_index": 1}
    X = X.astype(dtype)
    export(net2(), path, head="loss", dtype=dtype, primitive=primitive, **options)
    got = run(path, x=X, target=y)["loss"]
    export(net2(), path, head="loss", dtype="float64", primitive=primitive, **options)
    expected = run(path, x=X.astype(np.float64), target=y)["loss"]
    assert got.dtype == np.float32
    # Logits below 2 in magnitude: sums of 8 and 6 products, then a mean of losses.
    assert abs(got - expected) <= 64 * np.finfo(dtype).eps


@pytest.mark.parametrize("primitive", [False, True], ids=["operator", "primitive"])
@pytest.mark.parametrize(("dtype", "smoothing"), [("float16", 0), ("float32", 0.1), ("float64", 0)])
@pytest.mark.parametrize("ignored", IGNORED)
def test_loss_of_a_label_that_is_no_class_is_never_finite(
    ignored, smoothing, dtype, primitive, path, rng
):
    X, y = samples(rng)
    for reduction, weight in zip(REDUCTIONS, [None, [1, 0, 2, 1], None], strict=True):
        export(
            net2(), path, head="loss", dtype=dtype, primitive=primitive, ignore_index=ignored,
            label_smoothing=smoothing, reduction=reduction, weight=weight,
        )  # fmt: skip
        for label in WRONG + ([-100] if ignored != -100 else []):
            target = np.where(np.arange(len(y)) == 5, label, y)
            assert raises_or_nan(path, 5, x=X.astype(dtype), target=target)


@pytest.mark.parametrize("primitive", [False, True], ids=["operator", "primitive"])
@pytest.mark.parametrize("smoothing", SMOOTHING)
def test_loss_of_nothing_but_ignored_rows(smoothing, primitive, path, rng):
    X, y = samples(rng)
    for reduction in REDUCTIONS:
        export(
            net2(), path, head="loss", primitive=primitive, ignore_index=-100,
            label_smoothing=smoothing, reduction=reduction,
        )  # fmt: skip
        loss = run(path, x=X, target=np.full_like(y, -100))["loss"]
        assert np.isnan(loss) if reduction == "mean" else not loss.any()


@pytest.mark.parametrize("primitive", [False, True], ids=["operator", "primitive"])
def test_loss_ignores_whatever_an_ignored_row_holds(primitive, path, rng):
    X, y = samples(rng)
    export(net2(), path, head="loss", ignore_index=-100, label_smoothing=0.1, primitive=primitive)
    y[7] = -100
    clean = run(path, x=X, target=y)["loss"]
    X[7] = np.nan
    assert run(path, x=X, target=y)["loss"] == clean


@pytest.mark.parametrize("options", [{"primitive": True}, {"target": "probabilities"}], ids=str)
def test_loss_of_an_empty_batch_is_nan_or_zero(options, path):
    targets = np.zeros((0, CLASSES), np.float32) if "target" in options else np.zeros(0, np.int64)
    for reduction in REDUCTIONS:
        export(net2(), path, head="loss", reduction=reduction, **options)
        loss = run(path, x=np.zeros((0, 7), np.float32), target=targets)["loss"]
        assert np.isnan(loss) if reduction == "mean" else not loss.any()


@pytest.mark.parametrize("primitive", [False, True], ids=["operator", "primitive"])
@pytest.mark.parametrize("weight", [None, [1, 2, 3, 0]])
def test_loss_counts_a_coefficient_of_zero_as_nothing(weight, primitive, path, rng):
    X, y = samples(rng)
    net, state = net2(), net2().state_dict()
    state["linear2.bias"][3] = -np.inf
    net.load_state_dict(state)
    export(net, path, head="loss", weight=weight, primitive=primitive, reduction="none")
    loss = run(path, x=X, target=y)["loss"]
    assert np.isfinite(loss[y != 3]).all()
    assert (loss[y == 3] == (np.inf if weight is None else 0)).all()


@pytest.mark.parametrize("weight", WEIGHTS.values(), ids=WEIGHTS)
@pytest.mark.parametrize("smoothing", SMOOTHING)
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_loss_of_probabilities_equals_torch_in_float64(reduction, smoothing, weight, path, rng):
    X, _ = samples(rng)
    target = rng.random((len(X), CLASSES))
    target[::3] = np.eye(CLASSES)[rng.integers(CLASSES, size=len(target[::3]))]
    options = {"weight": weight, "label_smoothing": smoothing, "reduction": reduction}
    export(net2(), path, head="loss", dtype="float64", target="probabilities", **options)
    got = run(path, x=X.astype(np.float64), target=target)
    weights = None if weight is None else torch.tensor(weight, dtype=torch.float64)
    expected = functional.cross_entropy(
        torch.tensor(got["logits"]), torch.tensor(target), **{**options, "weight": weights}
    )
    np.testing.assert_allclose(got["loss"], expected.numpy(), rtol=60 * 2**-53, atol=2**-50)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_binary_loss_equals_torch(reduction, dtype, path, rng):
    X, _ = samples(rng)
    target = np.concatenate([rng.integers(0, 2, 20), rng.random(20)]).astype(dtype)
    export(net1(), path, head="loss", dtype=dtype, reduction=reduction)
    got = run(path, x=X.astype(dtype), target=target)
    logits, t = (torch.tensor(a.astype(np.float64)) for a in (got["logits"], target))
    expected = functional.binary_cross_entropy_with_logits(logits, t, reduction=reduction)
    rows = 1 if reduction == "none" else len(X)
    np.testing.assert_allclose(got["loss"], expected, rtol=0, atol=rows * 8 * np.finfo(dtype).eps)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_binary_loss_of_a_confident_logit_keeps_its_digits(dtype, path):
    net, state = net1(dtype=dtype), net1(dtype=dtype).state_dict()
    for name in state:
        state[name][...] = 0
    for logit in (-25.0, 25.0, -60.0, 700.0 if dtype == "float64" else 80.0):
        state["linear2.bias"][...] = logit
        net.load_state_dict(state)
        export(net, path, head="loss", dtype=dtype)
        target = np.array([float(logit > 0)], dtype)
        got = run(path, x=np.zeros((1, 7), dtype), target=target)
        exact = np.log1p(np.exp(-abs(logit)))
        assert got["loss"] == pytest.approx(exact, rel=8 * float(np.finfo(dtype).eps))
        assert got["log_probabilities"][0] == pytest.approx(
            -exact if logit > 0 else logit - exact, rel=8 * float(np.finfo(dtype).eps)
        )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_binary_probability_keeps_its_digits_where_sigmoid_is_zero(dtype, path):
    net, state = net1(dtype=dtype), net1(dtype=dtype).state_dict()
    for name in state:
        state[name][...] = 0
    for logit in (-18.5, -40.0, -80.0, 20.0):
        state["linear2.bias"][...] = logit
        net.load_state_dict(state)
        export(net, path, dtype=dtype)
        got = run(path, x=np.zeros((1, 7), dtype))
        exact = 1 / (1 + np.exp(-logit))
        assert got["probabilities"][0] == pytest.approx(exact, rel=8 * float(np.finfo(dtype).eps))
        assert got["prediction"][0] == (logit > 0)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("logit", "losses"), [(np.inf, (np.inf, 0.0)), (-np.inf, (0.0, np.inf))])
def test_binary_loss_of_an_infinite_logit_is_the_limit(logit, losses, dtype, path):
    net, state = net1(dtype=dtype), net1(dtype=dtype).state_dict()
    state["linear2.bias"][...] = logit
    net.load_state_dict(state)
    export(net, path, head="loss", dtype=dtype, reduction="none")
    got = run(path, x=np.zeros((2, 7), dtype), target=np.array([0, 1], dtype))["loss"]
    assert got.tolist() == list(losses)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("target", [-0.5, -1.0, 1.5, 2.0, np.inf, -np.inf, np.nan])
def test_binary_loss_of_a_target_that_is_no_probability_is_nan(target, reduction, path, rng):
    X, y = samples(rng)
    export(net1(), path, head="loss", reduction=reduction)
    targets = np.where(np.arange(len(y)) == 5, target, y % 2).astype(np.float32)
    assert raises_or_nan(path, 5, x=X, target=targets)


def test_binary_loss_with_class_weights_and_smoothing_equals_the_network(path, rng):
    X, y = samples(rng)
    options = {"weight": [0.5, 3.0], "label_smoothing": 0.2}
    net = net1(dtype="float64")
    export(net, path, head="loss", dtype="float64", **options)
    got = run(path, x=X.astype(np.float64), target=(y % 2).astype(np.float64))["loss"]
    assert got == pytest.approx(net.loss(X, y % 2, **options), rel=1e-14)
