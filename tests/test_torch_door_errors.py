"""softxent.torch: what it refuses, in PyTorch's kinds of errors, with the values."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: softxent.torch needs it")

import softxent.torch as door  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_torch_thread")

F = torch.nn.functional
X, T, P = torch.zeros(3, 5), torch.tensor([0, 1, 2]), torch.full((3, 5), 0.2)
W = torch.ones(5)

CALLS = {
    "cross_entropy": lambda x: door.cross_entropy(x, T),
    "nll_loss": lambda x: door.nll_loss(x, T),
    "binary_cross_entropy_with_logits": lambda x: door.binary_cross_entropy_with_logits(x, P),
    "linear_cross_entropy": lambda x: door.linear_cross_entropy(x, torch.zeros(4, 5), T),
    "softmax": lambda x: door.softmax(x, 1),
    "log_softmax": lambda x: door.log_softmax(x, 1),
    "logsumexp": lambda x: door.logsumexp(x, 1),
}


class Elsewhere(torch.Tensor):
    """A tensor that says it is on another device: there is none here."""

    where = torch.device("cuda", 1)
    device = property(lambda self: self.where)
    is_cpu = property(lambda self: False)


class OnMPS(Elsewhere):
    """Likewise."""

    where = torch.device("mps", 0)


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize(
    ("x", "device"),
    [
        (torch.zeros(3, 5, device="meta"), "meta"),
        (torch.zeros(3, 5).as_subclass(Elsewhere), "cuda:1"),
        (torch.zeros(3, 5).as_subclass(OnMPS), "mps:0"),
    ],
    ids=["meta", "cuda", "mps"],
)
def test_other_devices_are_refused_by_name(x: object, device: str, name: str) -> None:
    with pytest.raises(TypeError, match=f"{name}: input is on the device {device}"):
        CALLS[name](x)


def test_every_argument_has_to_be_on_the_cpu() -> None:
    there = torch.zeros(3, dtype=torch.int64, device="meta")
    with pytest.raises(TypeError, match="target is on the device meta"):
        door.cross_entropy(X, there)
    with pytest.raises(TypeError, match="weight is on the device meta"):
        door.CrossEntropyLoss(torch.ones(5, device="meta"))(X, T)
    with pytest.raises(TypeError, match="linear_weight is on the device meta"):
        door.LinearCrossEntropyLoss(5, 4, device="meta")(X, T)


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("dtype", [torch.int64, torch.bool, torch.complex64], ids=str)
def test_logits_of_other_dtypes_are_refused_by_name(dtype: object, name: str) -> None:
    x = torch.zeros(3, 5, dtype=dtype)
    if name == "logsumexp" and not dtype.is_complex:
        assert torch.equal(CALLS[name](x), torch.logsumexp(x, 1))
        return
    for kind in (TypeError, RuntimeError):
        with pytest.raises(kind, match=f"dtype {dtype}"):
            CALLS[name](x)


@pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning")  # of dual_level itself
@pytest.mark.parametrize("name", CALLS)
def test_tangents_are_refused_and_not_lost(name: str) -> None:
    with torch.autograd.forward_ad.dual_level():
        x = torch.autograd.forward_ad.make_dual(torch.zeros(3, 5), torch.ones(3, 5))
        for one in (x, x.requires_grad_()):
            with pytest.raises(NotImplementedError, match="no forward-mode derivatives"):
                CALLS[name](one)
        if name == "cross_entropy":
            target = torch.autograd.forward_ad.make_dual(P, torch.ones(3, 5))
            with pytest.raises(NotImplementedError, match="no forward-mode derivatives"):
                door.cross_entropy(X, target)
        assert torch.equal(CALLS[name](X), CALLS[name](X.clone()))  # what has none is computed


def test_what_is_no_tensor_is_refused() -> None:
    with pytest.raises(TypeError, match=r"input is a list; expected a torch\.Tensor"):
        door.softmax([1.0], 0)
    with pytest.raises(TypeError, match="target is a ndarray"):
        door.cross_entropy(X, T.numpy())
    for call in (door.softmax, door.log_softmax, door.logsumexp):
        with pytest.raises(TypeError, match="input is a NoneType"):
            call(None, 0)
    with pytest.raises(TypeError, match="target is a NoneType"):
        door.cross_entropy(X, None)
    with pytest.raises(RuntimeError, match="layout"):
        door.softmax(X.to_sparse(), 1)
    with pytest.raises(TypeError, match=r"input is a nested tensor; pass it padded"):
        door.softmax(torch.nested.nested_tensor([X[0], X[1, :2]], layout=torch.jagged), 1)


# Same exception in PyTorch: each call with its message here.
REFUSED = {
    "label": (lambda f: f.cross_entropy(X, torch.tensor([0, 9, 1])), r"label 9 at index \(1,\)"),
    "negative label": (lambda f: f.cross_entropy(X, torch.tensor([0, 1, -1])), "label -1"),
    "nll label": (lambda f: f.nll_loss(X, torch.tensor([5, 0, 1])), "label 5"),
    "float labels": (lambda f: f.cross_entropy(X, T.float()), "Long or Byte.* got torch.float32"),
    "integer probabilities": (lambda f: f.cross_entropy(X, X.long()), "floating.* torch.int64"),
    "batch": (lambda f: f.cross_entropy(X, T[:2]), r"batch_size \(3\).*batch_size \(2\)"),
    "shape": (
        lambda f: f.cross_entropy(torch.zeros(2, 5, 3), torch.zeros(2, 4).long()),
        r"Expected target size \(2, 3\).*got \(2, 4\)",
    ),
    "weight": (lambda f: f.cross_entropy(X, T, W[:3]), r"all 5 classes .* shape: \[3\]"),
    "smoothing": (lambda f: f.cross_entropy(X, T, label_smoothing=1.5), "Got: 1.5"),
    "reduction": (lambda f: f.cross_entropy(X, T, reduction="avg"), "avg.* not a valid value"),
    "ignored": (lambda f: f.cross_entropy(X, P, ignore_index=3), "not supported for floating"),
    "ignored None": (lambda f: f.cross_entropy(X, T, ignore_index=None), "ignore_index"),
    "binary shape": (lambda f: f.binary_cross_entropy_with_logits(X, T.float()), "Target size"),
    "binary weight": (lambda f: f.binary_cross_entropy_with_logits(X, P, W[:4]), r"\(4,\)|size"),
    "dim": (lambda f: f.softmax(X, 5), "range of .*-2, 1.*5"),
    "dim text": (lambda f: f.softmax(X, "a"), "dim.*(a|str)"),
    "weight with grad": (
        lambda f: f.cross_entropy(X.clone().requires_grad_(), T, W.clone().requires_grad_()),
        "not differentiable with respect to argument 'weight'",
    ),
    "pos_weight with grad": (
        lambda f: f.binary_cross_entropy_with_logits(X, P, pos_weight=W.clone().requires_grad_()),
        "not differentiable with respect to argument 'pos_weight'",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refusals_are_of_torchs_kind(name: str) -> None:
    call, message = REFUSED[name]
    with pytest.raises(Exception) as theirs:
        call(F)
    with pytest.raises(theirs.type, match=message):
        call(door)


def test_what_torch_lets_pass_is_refused() -> None:
    for bad in (-1.0, torch.inf, torch.nan):
        with pytest.raises(ValueError, match=rf"weight\[1\] is {bad}"):
            door.cross_entropy(X, T, torch.tensor([1.0, bad, 1, 1, 1]))
    with pytest.raises(ValueError, match=r"target 2 at index \(0, 0\)"):
        door.binary_cross_entropy_with_logits(X, torch.full((3, 5), 2))
    with pytest.raises(ValueError, match="dim is None"):
        door.softmax(X)
    with pytest.raises(TypeError, match="size_average is -100; expected a bool"):
        door.cross_entropy(X, T, None, -100, "mean")
    with pytest.raises(ValueError, match=r"multiple times in \(0, -2\)"):
        door.logsumexp(X, (0, -2))


def test_logits_changed_before_backward_are_noticed() -> None:
    x = torch.randn(3, 5, requires_grad=True)
    y = x * 1
    loss = door.cross_entropy(y, T) * 2
    with torch.no_grad():
        y.zero_()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_a_gradient_that_is_ready_is_that_of_the_logits_as_they_were() -> None:
    x = torch.randn(3, 5, requires_grad=True)
    (expected,) = torch.autograd.grad(door.cross_entropy(x, T), x)
    y = x * 1
    loss = door.cross_entropy(y, T)
    with torch.no_grad():
        y.zero_()
    loss.backward()
    assert torch.equal(x.grad, expected)
