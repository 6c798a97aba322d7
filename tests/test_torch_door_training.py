"""softxent.torch in use: training beside PyTorch's losses, and the memory of a linear layer."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: softxent.torch needs it")

import softxent.torch as door  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_torch_thread")

TOOLS = Path(__file__).resolve().parents[1] / "tools"


def trained(make: object, dtype: object, steps: int = 30) -> list[float]:
    """Losses of a small net, with accumulated gradients; `make` gives net and loss of a batch."""
    torch.manual_seed(0)
    x = torch.randn(96, 12, dtype=dtype)
    t = (x @ torch.randn(12, 5, dtype=dtype)).argmax(1)
    net, loss = make(dtype)
    optimizer = torch.optim.SGD(net.parameters(), 0.2, momentum=0.9)
    found = []
    for _ in range(steps):
        optimizer.zero_grad()
        total = 0.0
        for part in range(0, 96, 32):
            value = loss(net(x[part : part + 32]), t[part : part + 32]) / 3
            value.backward()
            total += value.item()
        optimizer.step()
        found.append(total)
    assert found[-1] < 0.7 * found[0]
    return found


def mlp(dtype: object) -> object:
    return torch.nn.Sequential(
        torch.nn.Linear(12, 24, dtype=dtype), torch.nn.Tanh(), torch.nn.Linear(24, 5, dtype=dtype)
    )


def multiclass(module: object) -> object:
    return lambda dtype: (mlp(dtype), module(torch.ones(5, dtype=dtype), label_smoothing=0.05))


def binary(module: object) -> object:
    def make(dtype: object) -> object:
        criterion = module(pos_weight=torch.full((5,), 2.0, dtype=dtype))
        return mlp(dtype), lambda z, t: criterion(z, torch.nn.functional.one_hot(t, 5).to(dtype))

    return make


@pytest.mark.parametrize(
    ("make", "name"), [(multiclass, "CrossEntropyLoss"), (binary, "BCEWithLogitsLoss")]
)
@pytest.mark.parametrize(("dtype", "rtol"), [(torch.float64, 1e-12), (torch.float32, 2e-5)])
def test_losses_of_a_training_are_torchs(
    dtype: object, rtol: float, make: object, name: str
) -> None:
    ours = trained(make(getattr(door, name)), dtype)
    theirs = trained(make(getattr(torch.nn, name)), dtype)
    assert ours == pytest.approx(theirs, rel=rtol)


def test_modules_take_each_others_states(tmp_path: Path) -> None:
    ours = door.CrossEntropyLoss(torch.arange(5.0), reduction="sum", ignore_index=2)
    theirs = torch.nn.CrossEntropyLoss(torch.ones(5))
    torch.save(ours.state_dict(), tmp_path / "state.pt")
    theirs.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    assert torch.equal(theirs.weight, torch.arange(5.0))
    assert isinstance(ours, torch.nn.CrossEntropyLoss) and repr(ours) == "CrossEntropyLoss()"
    loss = door.LinearCrossEntropyLoss(12, 5, bias=True)
    assert [name for name, _ in loss.named_parameters()] == ["linear.weight", "linear.bias"]
    assert {p.dtype for p in loss.to(torch.float64).parameters()} == {torch.float64}


def test_a_linear_layers_loss_needs_a_twentieth_of_the_logits(run_python) -> None:
    code = f"""
import sys
sys.path.insert(0, {str(TOOLS)!r})
import torch
from softxent.torch import linear_cross_entropy
from benchmark.linear_memory import peak_bytes

def step(n, width, classes):
    h = torch.randn(n, width, requires_grad=True)
    w = torch.zeros(classes, width).normal_().requires_grad_()
    t = torch.randint(0, classes, (n,))
    return lambda: linear_cross_entropy(h, w, t).backward(), 4 * (h.numel() + w.numel())

step(64, 16, 64)[0]()
call, gradients = step(4096, 16, 128000)
peak = peak_bytes(call)
print("" if peak is None else (peak - gradients) / (4 * 4096 * 128000))
"""
    printed = run_python(code).strip()
    if not printed:
        pytest.skip(f"{sys.platform} keeps no account of the peak")
    assert float(printed) < 0.05
