"""softxent.torch: derivatives, first and second, and who may ask for them."""

from __future__ import annotations

from functools import partial

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: softxent.torch needs it")

from torch.autograd import gradcheck, gradgradcheck  # noqa: E402

import softxent.torch as door  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_torch_thread")

F = torch.nn.functional
REDUCTIONS = ("mean", "sum", "none")


def random(*shape: int) -> object:
    generator = torch.Generator().manual_seed(sum(shape))
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def leaf(*shape: int) -> object:
    return random(*shape).requires_grad_()


T = torch.tensor([0, 3, -100, 2])
IMAGE = torch.tensor([[[0, 1], [2, -100]], [[2, 2], [1, 0]]])
PROBS = torch.softmax(random(4, 5), 1)
WEIGHT = torch.tensor([0.5, 2.0, 0.0, 1.0, 1.5], dtype=torch.float64)


def check(function: object, *inputs: object) -> None:
    """Both checks, with contiguous and with transposed gradients coming in."""
    assert gradcheck(function, inputs)
    assert gradgradcheck(function, inputs, gen_non_contig_grad_outputs=True)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["", "weighted"])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("target", [T, PROBS], ids=["labels", "probabilities"])
def test_cross_entropy(target: object, smoothing: float, weight: object, reduction: str) -> None:
    options = {"weight": weight, "reduction": reduction, "label_smoothing": smoothing}
    check(lambda x: door.cross_entropy(x, target, **options), leaf(4, 5))


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_cross_entropy_of_images_and_single_samples(reduction: str) -> None:
    check(lambda x: door.cross_entropy(x, IMAGE, reduction=reduction), leaf(2, 3, 2, 2))
    check(lambda x: door.cross_entropy(x, torch.tensor(1), reduction=reduction), leaf(3))


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_targets_and_weights_of_probabilities_have_derivatives(reduction: str) -> None:
    weight = WEIGHT.clone().requires_grad_()
    target = PROBS.clone().requires_grad_()
    for function in (door, F):
        loss = function.cross_entropy(
            random(4, 5), target, weight, reduction=reduction, label_smoothing=0.1
        )
        found = torch.autograd.grad(loss.sum(), (target, weight))
        if function is door:
            ours = found
    assert all(torch.allclose(a, b, rtol=1e-12) for a, b in zip(ours, found, strict=True))
    check(
        lambda x, y, w: door.cross_entropy(x, y, w, reduction=reduction), leaf(4, 5), target, weight
    )


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["", "weighted"])
def test_nll_loss(weight: object, reduction: str) -> None:
    check(lambda x: door.nll_loss(x, T, weight, reduction=reduction), leaf(4, 5))
    check(lambda x: door.nll_loss(x, IMAGE, reduction=reduction), leaf(2, 3, 2, 2))


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("weighted", [False, True])
def test_binary_cross_entropy(weighted: bool, reduction: str) -> None:
    options = {"weight": WEIGHT, "pos_weight": 2 * WEIGHT} if weighted else {}
    loss = partial(door.binary_cross_entropy_with_logits, reduction=reduction, **options)
    check(lambda x: loss(x, PROBS), leaf(4, 5))
    check(loss, leaf(4, 5), PROBS.clone().requires_grad_())


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("target", [T, PROBS], ids=["labels", "probabilities"])
def test_linear_cross_entropy(target: object, reduction: str) -> None:
    def loss(h: object, w: object, b: object) -> object:
        options = {"linear_bias": b, "reduction": reduction, "label_smoothing": 0.1}
        return door.linear_cross_entropy(h, w, target, weight=WEIGHT, **options)

    check(loss, leaf(4, 3), leaf(5, 3), leaf(5))
    check(lambda h: loss(h, random(5, 3), None), leaf(4, 3))
    check(lambda w: door.linear_cross_entropy(random(3), w, torch.tensor(1)), leaf(5, 3))


def test_softmax_and_its_relatives() -> None:
    for dim in (0, 1, -1):
        check(partial(door.softmax, dim=dim), leaf(3, 4))
        check(partial(door.log_softmax, dim=dim), leaf(3, 4))
        check(partial(door.logsumexp, dim=dim, keepdim=True), leaf(3, 4))
    check(partial(door.logsumexp, dim=(2, 0)), leaf(2, 3, 2))


def test_third_derivatives() -> None:
    x = leaf(1, 3)
    derivative = door.cross_entropy(x, torch.tensor([0]))
    expected = F.cross_entropy(x, torch.tensor([0]))
    for _ in range(3):
        (derivative,) = torch.autograd.grad(derivative.sum(), x, create_graph=True)
        (expected,) = torch.autograd.grad(expected.sum(), x, create_graph=True)
        derivative, expected = derivative[0, 0] ** 2, expected[0, 0] ** 2
        assert torch.allclose(derivative, expected, rtol=1e-10)


@pytest.mark.parametrize("scale", [1.0, 0.25, -3.0])
@pytest.mark.parametrize("name", ["cross_entropy", "binary", "linear"])
def test_scaled_and_repeated_backward_passes(name: str, scale: float) -> None:
    x = leaf(4, 5)
    loss = {
        "cross_entropy": lambda f: f.cross_entropy(x, T),
        "binary": lambda f: f.binary_cross_entropy_with_logits(x, PROBS),
        "linear": lambda f: (
            getattr(f, "linear_cross_entropy", None) and f.linear_cross_entropy(x, random(7, 5), T)
        ),
    }[name]
    results = []
    for function in (door, F):
        value = loss(function)
        if value is None:
            pytest.skip("this torch has no linear_cross_entropy")
        for _ in range(3):
            (scale * value).backward(retain_graph=True)
        results.append(x.grad)
        x.grad = None
    assert torch.allclose(*results, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("name", ["binary", "linear", "linear on one row less", "nll"])
def test_a_scaled_loss_saves_the_gradient_from_float16s_lower_end(name: str) -> None:
    n, generator = 100_000, torch.Generator().manual_seed(0)
    x, t = torch.randn(n, 4, generator=generator).half(), torch.arange(n) % 4
    weight = (torch.randn(4, 4, generator=generator) * 0.02).half()

    def gradient(function: object, dtype: object, scale: float) -> object:
        z = x.to(dtype).requires_grad_()
        if name == "binary":
            target = (t / 4)[:, None].expand(n, 4).half()
            loss = function.binary_cross_entropy_with_logits(z, target)
        elif name == "nll":
            loss = function.nll_loss(z, t)
        elif name == "linear":
            loss = door.linear_cross_entropy(z, weight.to(dtype), t)
        else:
            rows = door.linear_cross_entropy(z, weight.to(dtype), t, reduction="none")
            loss = rows[1:].mean()
        return torch.autograd.grad(loss.double() * scale, z)[0].double() / scale

    exact = gradient(F, torch.float64, 1.0)
    assert (gradient(door, torch.float16, 2.0**15) - exact).abs().max() < 1e-3 * exact.abs().max()
    if name == "nll":  # sums over rows are not those of 16 bits
        for dtype, error in ((torch.float16, 2e-3), (torch.bfloat16, 2e-3)):
            found = gradient(door, dtype, 1.0)
            assert (found - exact).abs().max() < error * exact.abs().max()


def test_gradients_for_each_row() -> None:
    x, h, w = leaf(4, 5), leaf(4, 3), leaf(5, 3)
    rows = torch.tensor([1.0, 0.0, 5.0, -2.0], dtype=torch.float64)
    for loss, leaves in (
        (lambda f: f.cross_entropy(x, T, reduction="none"), (x,)),
        (lambda f: f.cross_entropy(h @ w.T, T, reduction="none"), (h, w)),
    ):
        expected = torch.autograd.grad(loss(F), leaves, rows)
        found = torch.autograd.grad(loss(door), leaves, rows)
        assert all(torch.allclose(a, b) for a, b in zip(found, expected, strict=True))
    found = torch.autograd.grad(door.linear_cross_entropy(h, w, T, reduction="none"), (h, w), rows)
    assert all(torch.allclose(a, b) for a, b in zip(found, expected, strict=True))


def test_the_gradient_comes_in_the_logits_memory_order() -> None:
    x = torch.randn(2, 3, 4, 4).to(memory_format=torch.channels_last).requires_grad_()
    t = torch.zeros(2, 4, 4, dtype=torch.int64)
    for scale in (1.0, 2.0):
        (grad,) = torch.autograd.grad(scale * door.cross_entropy(x, t), x)
        assert grad.is_contiguous(memory_format=torch.channels_last)


def test_checkpointing_and_hooks_see_what_is_saved() -> None:
    from torch.utils.checkpoint import checkpoint

    x = leaf(4, 5)
    loss = checkpoint(lambda y: door.cross_entropy(2 * y, T), x, use_reentrant=False)
    (grad,) = torch.autograd.grad(loss, x)
    (expected,) = torch.autograd.grad(F.cross_entropy(2 * x, T), x)
    assert torch.allclose(grad, expected)


def test_nothing_is_recorded_where_nobody_asks() -> None:
    with torch.no_grad():
        assert not door.cross_entropy(leaf(4, 5), T).requires_grad
    assert not door.softmax(random(4, 5), 1).requires_grad
    assert door.softmax(leaf(4, 5), 1).requires_grad
