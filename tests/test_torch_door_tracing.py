"""softxent.torch under what records and transforms: compilers, export, torch.func, autocast."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: softxent.torch needs it")

from torch.func import functional_call, grad, hessian, jacrev, vmap  # noqa: E402

import softxent.torch as door  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_torch_thread")

F = torch.nn.functional
REDUCTIONS = ("mean", "sum", "none")


def logits(*shape: int, **options: object) -> object:
    generator = torch.Generator().manual_seed(sum(shape))
    return torch.randn(*shape, generator=generator, **options)


X, T = logits(4, 5), torch.tensor([0, 3, -100, 2])
P, W, H, M = torch.softmax(logits(4, 5), 1), torch.rand(5), logits(4, 3), logits(5, 3)


# -- the operators ---------------------------------------------------------------------------------

ROWS, ONE = torch.rand(4), torch.tensor(2.0)
IMAGE = logits(2, 3, 2, 2).to(memory_format=torch.channels_last)
IMAGE_TARGET = torch.tensor([[[0, 1], [2, 1]], [[2, 2], [1, 0]]])
SAMPLES = {
    "cross_entropy": [
        (X, T, None, "mean", -100, 0.0),
        (X, T, W, "none", -100, 0.1),
        (X, P, None, "sum", -100, 0.0),
        (IMAGE, IMAGE_TARGET, None, "none", -100, 0.0),
        (X[0], T[0], None, "mean", -100, 0.0),
    ],
    "nll_loss": [(X, T, W, "mean", -100), (X, T, None, "none", -100)],
    "binary_cross_entropy": [(X, P, None, None, "mean"), (X.t(), P.t(), W[:4], None, "none")],
    "linear_cross_entropy": [
        (H, M, T, None, None, "mean", -100, 0.0),
        (H, M, T, W, W, "none", -100, 0.1),
    ],
    "softmax": [(X, [1]), (X.t(), [0]), (IMAGE, [0, 2])],
    "log_softmax": [(X, [1]), (X.t(), [0])],
    "logsumexp": [(X, [1], False), (X, [0, 1], True), (X.t(), [0], False)],
    "softmax_grad": [(X, P, [1])],
    "log_softmax_grad": [(X, P.log(), [1])],
    "cross_entropy_grad": [
        (ONE, X, T, None, "mean", -100, 0.0),
        (ROWS, X.t().contiguous().t(), P, W, "none", -100, 0.1),
    ],
    "binary_cross_entropy_grad": [(ONE, X, P, None, None, "mean"), (X, X, P, W, W, "none")],
    "linear_cross_entropy_grad": [
        (ONE, H, M, T, None, None, "mean", -100, 0.0),
        (ROWS, H, M, T, W, W, "none", -100, 0.1),
    ],
}
# Second derivatives of this one go another way, and it says so.
NOT_DIFFERENTIABLE = ("linear_cross_entropy_grad",)
DIFFERENTIATED = {"cross_entropy_grad": (0, 1), "binary_cross_entropy_grad": (0, 1),
                  "linear_cross_entropy": (0, 1, 3), "softmax_grad": (0, 1),
                  "log_softmax_grad": (0, 1)}  # fmt: skip


def test_all_operators_have_samples() -> None:
    from softxent.torch._ops import FUNCTIONS

    assert set(SAMPLES) == set(FUNCTIONS)


@pytest.mark.parametrize("name", SAMPLES)
def test_opcheck(name: str) -> None:
    operator = getattr(torch.ops.softxent, name).default
    places = () if name in NOT_DIFFERENTIABLE else DIFFERENTIATED.get(name, (0,))
    for sample in SAMPLES[name]:
        inputs = [
            value.detach().clone(memory_format=torch.preserve_format).requires_grad_()
            if k in places and isinstance(value, torch.Tensor)
            else value
            for k, value in enumerate(sample)
        ]
        outcome = torch.library.opcheck(operator, tuple(inputs))
        assert set(outcome.values()) == {"SUCCESS"}, outcome


# -- compilers -------------------------------------------------------------------------------------


def losses(f: object, x: object) -> object:
    """All functions once."""
    return (
        f.cross_entropy(x, T)
        + f.cross_entropy(x, P, W, label_smoothing=0.1)
        + f.cross_entropy(x, T, W, reduction="none").sum()
        + f.nll_loss(f.log_softmax(x, 1), T)
        + f.binary_cross_entropy_with_logits(x, P, pos_weight=W)
        + (f.softmax(x, 0) * P).sum()
        + (door if f is door else torch).logsumexp(x, (0, 1))
    )


def value_and_grad(function: object, *inputs: object) -> tuple[object, object]:
    leaf = inputs[0].clone().requires_grad_()
    value = function(leaf, *inputs[1:])
    return value.detach(), torch.autograd.grad(value, leaf)[0]


@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
def test_compile_whole(backend: str) -> None:
    torch.compiler.reset()
    compiled = torch.compile(lambda x: losses(door, x), fullgraph=True, backend=backend)
    for got, eager, theirs in zip(
        value_and_grad(compiled, X),
        value_and_grad(lambda x: losses(door, x), X),
        value_and_grad(lambda x: losses(F, x), X),
        strict=True,
    ):
        assert torch.allclose(got, eager, rtol=1e-6, atol=1e-7)
        assert torch.allclose(got, theirs, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
def test_compile_around_vmap(backend: str) -> None:
    torch.compiler.reset()
    many = logits(3, 4, 5)
    for f in (lambda x: losses(door, x), lambda x: door.linear_cross_entropy(x[:, :3], M, T)):
        mapped = torch.func.vmap(f)
        compiled = torch.compile(mapped, fullgraph=True, backend=backend)
        for got, eager in zip(
            value_and_grad(lambda x, c=compiled: c(x).sum(), many),
            value_and_grad(lambda x, m=mapped: m(x).sum(), many),
            strict=True,
        ):
            assert torch.allclose(got, eager, rtol=1e-6, atol=1e-6)


def test_vmap_of_the_operators_themselves() -> None:
    for name in ("softmax", "log_softmax", "logsumexp", "cross_entropy", "linear_cross_entropy"):
        operator = getattr(torch.ops.softxent, name)
        options = SAMPLES[name][0][1:]
        first = H if name == "linear_cross_entropy" else X
        found = torch.func.vmap(lambda x, o=operator, a=options: o(x, *a))(
            torch.stack([first, -first])
        )
        expected = torch.stack([operator(first, *options), operator(-first, *options)])
        assert torch.equal(found, expected)


def test_compile_modules_for_any_batch() -> None:
    torch.compiler.reset()
    module = door.LinearCrossEntropyLoss(3, 5, bias=True)
    compiled = torch.compile(module, fullgraph=True, backend="aot_eager", dynamic=True)
    for n in (4, 7, 9):
        h, t = logits(n, 3), torch.arange(n) % 5
        for got, expected in zip(
            value_and_grad(compiled, h, t), value_and_grad(module, h, t), strict=True
        ):
            assert torch.allclose(got, expected)


def test_compiled_labels_are_checked() -> None:
    torch.compiler.reset()
    compiled = torch.compile(door.cross_entropy, fullgraph=True, backend="aot_eager")
    with pytest.raises(IndexError, match=r"label 7 at index \(1,\)"):
        compiled(X.clone().requires_grad_(), torch.tensor([0, 7, 1, 2]))


def test_old_arguments_do_not_break_the_graph() -> None:
    torch.compiler.reset()
    compiled = torch.compile(
        lambda x: door.cross_entropy(x, T, size_average=False), fullgraph=True, backend="eager"
    )
    assert torch.equal(compiled(X), door.cross_entropy(X, T, reduction="sum"))


def test_export() -> None:
    class Net(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(3, 5)
            self.loss = door.CrossEntropyLoss(W, label_smoothing=0.1)

        def forward(self, x: object, t: object) -> object:
            z = self.layer(x)
            return self.loss(z, t), door.softmax(z, 1)

    net = Net()
    batch = {0: torch.export.Dim("batch", min=2)}
    exported = torch.export.export(net, (H, T), dynamic_shapes=(batch, batch))
    called = [str(node.target) for node in exported.graph.nodes if node.op == "call_function"]
    assert "softxent.cross_entropy.default" in called and "softxent.softmax.default" in called
    h, t = logits(6, 3), torch.arange(6) % 5
    for got, expected in zip(exported.module()(h, t), net(h, t), strict=True):
        assert torch.allclose(got, expected)


@pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:Converting a tensor")  # shapes, of which the checks ask
def test_traces_keep_the_operator() -> None:
    from torch.fx.experimental.proxy_tensor import make_fx

    traced = torch.jit.trace(lambda x: door.cross_entropy(x, T), X)
    assert "softxent::cross_entropy" in str(traced.graph)
    made = make_fx(lambda x: value_and_grad(lambda y: losses(door, y), x))(X)
    for y in (X, 2 * X):
        assert torch.allclose(traced(y), door.cross_entropy(y, T))
        for got, expected in zip(
            made(y), value_and_grad(lambda z: losses(door, z), y), strict=True
        ):
            assert torch.allclose(got, expected)


def test_fake_tensors_have_shapes_and_no_values() -> None:
    from torch._subclasses import FakeTensorMode

    with FakeTensorMode() as mode:
        x, t = mode.from_tensor(X), mode.from_tensor(T)
        assert door.cross_entropy(x, t).shape == ()
        assert door.cross_entropy(x, t, reduction="none").shape == (4,)
        assert door.logsumexp(x, (0, 1), keepdim=True).shape == (1, 1)


# -- torch.func ------------------------------------------------------------------------------------


@pytest.mark.parametrize("weight", [None, W], ids=["", "weighted"])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_means_of_many_rows_in_16_bits(dtype: object, weight: object) -> None:
    x, t = logits(70_000, 5).to(dtype), torch.arange(70_000) % 5
    expected = door.cross_entropy(x, t, weight)
    (mean,) = vmap(lambda y, u: door.cross_entropy(y, u, weight))(x[None], t[None])
    assert torch.allclose(mean, expected, rtol=torch.finfo(dtype).eps)


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_per_sample_gradients(reduction: str) -> None:
    """Labels, probabilities, weights and binary targets; batches in batches; other dimensions."""
    x, t = logits(3, 4, 5), torch.arange(12).reshape(3, 4) % 5
    p = torch.softmax(logits(3, 4, 5), 2)
    for call in (
        lambda f: lambda x, t, p: f.cross_entropy(x, t, W, reduction=reduction).sum(),
        lambda f: lambda x, t, p: f.cross_entropy(x, p, label_smoothing=0.1).sum(),
        lambda f: lambda x, t, p: f.nll_loss(x, t, W, reduction=reduction).sum(),
        lambda f: lambda x, t, p: f.binary_cross_entropy_with_logits(x, p, pos_weight=W),
        lambda f: lambda x, t, p: f.softmax(x, 0)[1, 2] * f.log_softmax(x, 1)[1, 3],
        lambda f: vmap(lambda x, t, p: f.cross_entropy(x, t, reduction=reduction)),
    ):
        results = []
        for f in (door, F):
            whole = lambda x, t, p, f=f, call=call: call(f)(x, t, p).sum()  # noqa: E731
            results.append(
                [
                    vmap(grad(whole))(x, t, p),
                    vmap(grad(whole), in_dims=(1, 1, 1))(
                        x.transpose(0, 1), t.transpose(0, 1), p.transpose(0, 1)
                    ),
                    grad(lambda x, whole=whole: vmap(whole)(x, t, p).sum())(x),
                ]
            )
        for ours, theirs in zip(*results, strict=True):
            assert torch.allclose(ours, theirs, rtol=1e-4, atol=1e-6)


def test_vmap_over_weights_targets_and_layers() -> None:
    weights = torch.rand(3, 5)
    ours, theirs = (vmap(lambda w, f=f: f.cross_entropy(X, T, w))(weights) for f in (door, F))
    assert torch.allclose(ours, theirs)
    targets = torch.stack([T, T.flip(0)], 1)
    ours, theirs = (
        vmap(lambda t, f=f: f.cross_entropy(X, t), in_dims=1)(targets) for f in (door, F)
    )
    assert torch.allclose(ours, theirs)
    layers = logits(2, 5, 3)
    ours = vmap(grad(lambda m: door.linear_cross_entropy(H, m, T)))(layers)
    theirs = vmap(grad(lambda m: F.cross_entropy(H @ m.T, T)))(layers)
    assert torch.allclose(ours, theirs, atol=1e-6)
    assert vmap(lambda x: door.softmax(x, 0))(torch.zeros(3)).tolist() == [1, 1, 1]


def test_ensembles_by_functional_call() -> None:
    net = torch.nn.Linear(3, 5)
    stacked = {name: torch.stack([p, 2 * p]) for name, p in net.named_parameters()}
    results = [
        vmap(grad(lambda ps, f=f: f.cross_entropy(functional_call(net, ps, H), T)))(stacked)
        for f in (door, F)
    ]
    for name in stacked:
        assert torch.allclose(results[0][name], results[1][name], atol=1e-6)


def test_jacobians_and_batched_gradients() -> None:
    ours, theirs = (jacrev(lambda x, f=f: f.softmax(x, 1))(X) for f in (door, F))
    assert torch.allclose(ours, theirs, atol=1e-7)
    ours, theirs = (
        jacrev(jacrev(lambda x, f=f: f.cross_entropy(x, T)))(X.double()) for f in (door, F)
    )
    assert torch.allclose(ours, theirs, rtol=1e-12, atol=1e-14)
    x = X.clone().requires_grad_()
    for f in (door, F):
        rows = f.cross_entropy(x, T, reduction="none")
        found = torch.autograd.grad(rows, x, torch.eye(4), is_grads_batched=True)[0]
        if f is door:
            ours = found
    assert torch.allclose(ours, found, atol=1e-7)


@pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning")
def test_forward_mode_is_refused_and_not_wrong() -> None:
    with pytest.raises((RuntimeError, NotImplementedError)):
        hessian(lambda x: door.cross_entropy(x, T))(X)


# -- autocast --------------------------------------------------------------------------------------


def test_autocast_leaves_dtypes_alone() -> None:
    module = door.LinearCrossEntropyLoss(3, 5)
    with torch.autocast("cpu", torch.bfloat16):
        for dtype in (torch.float32, torch.bfloat16):
            x = X.to(dtype, copy=True).requires_grad_()
            loss = door.cross_entropy(x, T)
            loss.backward()
            assert loss.dtype is x.grad.dtype is dtype
            assert door.softmax(x, 1).dtype is dtype
        assert module(H, T).dtype is torch.float32
        assert torch.equal(door.cross_entropy(X, T), door.cross_entropy(X, T))
    z = torch.nn.Linear(3, 5)(H)
    assert door.cross_entropy(z, T).dtype is torch.float32
