"""Training inside ONNX Runtime follows the native and the PyTorch training, step by step."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from onnx_tools import net1, net2, run, samples
from softxent.models import NeuralNet1, NeuralNet2
from softxent.models.optimizers import SGD
from softxent.onnx import export
from softxent.onnx.metadata import read
from softxent.verify import verify
from softxent.verify.batches import Batch
from softxent.verify.bounds import estimates

STEPS, ROWS = 200, 24
State = dict[str, np.ndarray]

CASES = {
    "plain": {},
    "momentum and decay": {"momentum": 0.9, "weight_decay": 0.01},
    "smoothed and weighted": {"label_smoothing": 0.1, "weight": [1.0, 2.0, 0.5, 1.0]},
    "sum": {"reduction": "sum"},
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "step.onnx"


def problem(net: NeuralNet1 | NeuralNet2, case: str, rng: np.random.Generator):
    """Data, and the options of a case as they suit the network."""
    X, y = samples(rng, rows=ROWS)
    options = dict(CASES[case])
    if net.num_classes == 2:
        y = (y % 2).astype(net.dtype)
        if "weight" in options:
            options["weight"] = [1.0, 2.0]
    return X.astype(net.dtype), y, options


def learning_rate(options: dict) -> float:
    """As large for a sum of losses as for their mean."""
    return 0.1 / ROWS if options.get("reduction") == "sum" else 0.1


def onnx_training(path: Path, state: State, X, y, options: dict) -> tuple[State, list[State]]:
    """State after all steps, and every state on the way, velocities included."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    rate, states = np.array(learning_rate(options), X.dtype), []
    if options.get("momentum"):
        state = state | {f"velocity.{name}": np.zeros_like(v) for name, v in state.items()}
    for _ in range(STEPS):
        states.append(state)
        values = session.run(None, {"x": X, "target": y, "learning_rate": rate, **state})
        got = dict(zip(names, values, strict=True))
        state = {name: got[f"new.{name}"] for name in state}
    return {name: state[name] for name in state if not name.startswith("velocity.")}, states


def torch_training(net, X, y, options: dict) -> State:
    torch = pytest.importorskip("torch")
    module = net.to_torch()
    optimizer = torch.optim.SGD(
        module.parameters(),
        lr=learning_rate(options),
        momentum=options.get("momentum", 0),
        weight_decay=options.get("weight_decay", 0),
    )
    smoothing, weight = options.get("label_smoothing", 0), options.get("weight")
    reduction = options.get("reduction", "mean")
    x, t = torch.tensor(X), torch.tensor(y)
    for _ in range(STEPS):
        optimizer.zero_grad()
        logits = module(x)
        if net.num_classes == 2:
            log = torch.nn.functional.logsigmoid
            s, (w0, w1) = t * (1 - smoothing) + smoothing / 2, weight or (1.0, 1.0)
            rows = -w1 * s * log(logits) - w0 * (1 - s) * log(-logits)
            loss = rows.mean() if reduction == "mean" else rows.sum()
        else:
            loss = torch.nn.functional.cross_entropy(
                logits,
                t,
                weight=None if weight is None else torch.tensor(weight, dtype=logits.dtype),
                label_smoothing=smoothing,
                reduction=reduction,
            )
        loss.backward()
        optimizer.step()
    return {name: p.detach().numpy() for name, p in module.named_parameters()}


def native_training(net, X, y, options: dict) -> State:
    """Gradients of the native network, steps of its own optimizer."""
    net = type(net).from_torch(net.state_dict())
    optimizer = SGD(options.get("momentum", 0.0), options.get("weight_decay", 0.0))
    loss_options = {k: v for k, v in options.items() if k in ("weight", "label_smoothing")}
    scale = len(X) if options.get("reduction") == "sum" else 1
    for _ in range(STEPS):
        _, gradients = net.loss_and_grad(X, y, **loss_options)
        parameters = net.state_dict()
        optimizer.step(
            parameters, {k: scale * g for k, g in gradients.items()}, learning_rate(options)
        )
        net.load_state_dict(parameters)
    return net.state_dict()


def tolerance(path: Path, net, X, y, options: dict, states: list[State]) -> float:
    """How far two trainings may be apart: rounding of every step, magnified by the training.

    A step rounds by no more than its bound (softxent.verify.bounds), once in each training. What
    an error of one step grows to in the end is measured: two trainings that start a known distance
    apart end at a distance, and their ratio is the factor.
    """
    stated = read(onnx.load(path)).options
    rounding = 0.0
    for state in states:
        parameters = {k: v for k, v in state.items() if not k.startswith("velocity.")}
        velocities = {
            k.removeprefix("velocity."): v for k, v in state.items() if k.startswith("velocity.")
        }
        batch = Batch("step", X, y, parameters, velocities, learning_rate(options))
        bounds = estimates(batch, stated)
        rounding += max(float(bounds[f"new.{name}"].error.max()) for name in parameters)
    distance = float(np.sqrt(np.finfo(X.dtype).eps))
    start = net.state_dict()
    moved = {k: (v + np.asarray(distance, v.dtype)) for k, v in start.items()}
    ends = [onnx_training(path, s, X, y, options)[0] for s in (start, moved)]
    growth = max(float(np.abs(ends[0][k] - ends[1][k]).max()) for k in start) / distance
    return 2 * rounding * max(growth, 1.0)


def distance(a: State, b: State) -> float:
    return max(float(np.abs(a[name] - b[name]).max()) for name in a)


@pytest.mark.parametrize(
    ("dtype", "case", "share"),
    [
        *[("float64", case, 1e-9) for case in CASES],
        ("float32", "plain", 0.1),
        ("float32", "momentum and decay", 0.1),
    ],
)
@pytest.mark.parametrize("make", [net1, net2])
def test_train_step_follows_torch_and_the_native_network(make, dtype, case, share, path, rng):
    net = make(dtype=dtype)
    X, y, options = problem(net, case, rng)
    export(net, path, head="train_step", dtype=dtype, **options)
    got, states = onnx_training(path, net.state_dict(), X, y, options)
    bound = tolerance(path, net, X, y, options, states)
    assert bound < share * distance(got, net.state_dict()), "small beside what was learnt"
    assert distance(got, torch_training(net, X, y, options)) <= bound
    assert distance(got, native_training(net, X, y, options)) <= bound


@pytest.mark.parametrize("make", [net1, net2])
def test_train_step_gradient_is_the_numeric_derivative(make, path, rng):
    net = make(dtype="float64")
    X, y, options = problem(net, "smoothed and weighted", rng)
    export(net, path, head="train_step", dtype="float64", **options)
    feeds = {"x": X, "target": y, "learning_rate": np.array(0.1), **net.state_dict()}
    got, step = run(path, **feeds), 2.0**-17
    for name, value in net.state_dict().items():
        index = tuple(rng.integers(size) for size in value.shape)
        losses = []
        for sign in (1, -1):
            changed = value.copy()
            changed[index] += sign * step
            losses.append(float(run(path, **{**feeds, name: changed})["loss"]))
        numeric = (losses[0] - losses[1]) / (2 * step)
        assert got[f"grad.{name}"][index] == pytest.approx(numeric, abs=1e-9)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_train_step_of_ignored_rows_changes_nothing(reduction, path, rng):
    net = net2()
    X, y = samples(rng)
    export(net, path, head="train_step", ignore_index=-100, reduction=reduction)
    feeds = {"learning_rate": np.array(0.1, np.float32), **net.state_dict()}
    got = run(path, x=X, target=np.full_like(y, -100), **feeds)
    assert np.isnan(got["loss"]) if reduction == "mean" else got["loss"] == 0
    for name, value in net.state_dict().items():
        assert not got[f"grad.{name}"].any()
        assert (got[f"new.{name}"] == value).all()


@pytest.mark.parametrize("smoothing", [0.0, 0.25])
def test_train_step_over_labels_that_all_weigh_0_changes_nothing(smoothing, path, rng):
    net, X = net2(), samples(rng)[0]
    y = np.ones(len(X), np.int64)
    options = {"weight": [1, 0, 2, 1], "label_smoothing": smoothing}
    export(net, path, head="train_step", **options)
    feeds = {"learning_rate": np.array(0.1, np.float32), **net.state_dict()}
    got = run(path, x=X, target=y, **feeds)
    assert np.isnan(got["loss"])
    for name, value in net.state_dict().items():
        assert not got[f"grad.{name}"].any()
        assert (got[f"new.{name}"] == value).all()
    assert verify(path, X, y, batch_sizes=()).passed


@pytest.mark.parametrize(
    ("net", "target"), [(net2(), -1), (net2(), 4), (net1(), 2.0), (net1(), -1.0)], ids=str
)
def test_train_step_of_a_wrong_target_makes_everything_nan(net, target, path, rng):
    X, y = samples(rng)
    export(net, path, head="train_step")
    y = y if net.num_classes > 2 else (y % 2).astype(np.float32)
    y[3] = target
    feeds = {"learning_rate": np.array(0.1, np.float32), **net.state_dict()}
    got = run(path, x=X, target=y, **feeds)
    assert np.isnan(got["loss"])
    assert np.isnan(got["new.linear2.bias"]).all()
