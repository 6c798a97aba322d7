"""PyTorch's losses in float64, values and gradients, over the cross product of their options."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import softxent as sx

torch = pytest.importorskip("torch", reason="torch is not installed: its losses are not compared")

CLASSES = 5
SHAPES = {1: (CLASSES,), 2: (6, CLASSES), 3: (4, CLASSES, 3), 4: (2, CLASSES, 3, 2)}
REDUCTIONS = ("none", "sum", "mean")
WEIGHT = np.array([0.5, 2.0, 0.0, 1.0, 1.5])

RTOL, ATOL = 1e-13, 1e-14


def close(got: Any, want: Any) -> bool:
    return np.allclose(got, want.detach().numpy(), rtol=RTOL, atol=ATOL, equal_nan=True)


def reference(function: Any, x: np.ndarray, *arguments: Any, **options: Any) -> tuple[Any, Any]:
    """PyTorch's loss and the gradient of its sum."""
    tensor = torch.tensor(x, dtype=torch.float64, requires_grad=True)
    loss = function(tensor, *map(torch.as_tensor, arguments), **options)
    loss.sum().backward()
    return loss, tensor.grad


def logits(rank: int, rng: np.random.Generator) -> tuple[np.ndarray, int]:
    """Logits with PyTorch's class axis: 0 for one sample, else 1."""
    return rng.normal(size=SHAPES[rank]) * 3, 0 if rank == 1 else 1


def labels(x: np.ndarray, axis: int, rng: np.random.Generator) -> np.ndarray:
    """Random labels, one of which has a positive weight."""
    target = np.asarray(rng.integers(0, CLASSES, size=tuple(np.delete(x.shape, axis))))
    target.flat[-1] = 3
    return target


def torch_weight(weighted: bool) -> Any:
    return torch.tensor(WEIGHT) if weighted else None


@pytest.mark.conformance("torch.nn.CrossEntropyLoss")
@pytest.mark.parametrize("rank", SHAPES)
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("ignore_index", [-100, 1])
@pytest.mark.parametrize("weighted", [False, True])
def test_cross_entropy_of_labels(weighted, ignore_index, smoothing, reduction, rank, rng) -> None:
    x, axis = logits(rank, rng)
    target = labels(x, axis, rng)
    if target.size > 1:
        target.flat[0] = ignore_index
    options = {"ignore_index": ignore_index, "label_smoothing": smoothing, "reduction": reduction}
    module = torch.nn.CrossEntropyLoss(weight=torch_weight(weighted), **options)
    expected, expected_grad = reference(module, x, target)
    weight = WEIGHT if weighted else None
    loss, grad = sx.cross_entropy_and_grad(x, target, axis=axis, weight=weight, **options)
    assert close(loss, expected)
    assert close(grad, expected_grad)


@pytest.mark.conformance("torch.nn.CrossEntropyLoss")
@pytest.mark.parametrize("rank", SHAPES)
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("ignore_index", [-100, -1, 1])
@pytest.mark.parametrize("normalised", [False, True])
def test_cross_entropy_of_probabilities(
    normalised, ignore_index, weighted, smoothing, reduction, rank, rng
) -> None:
    x, axis = logits(rank, rng)
    target = rng.uniform(size=x.shape)
    if normalised:
        target /= target.sum(axis=axis, keepdims=True)
    options = {"ignore_index": ignore_index, "label_smoothing": smoothing, "reduction": reduction}
    module = torch.nn.CrossEntropyLoss(weight=torch_weight(weighted), **options)
    weight = WEIGHT if weighted else None
    if ignore_index >= 0:  # both refuse it
        with pytest.raises(RuntimeError, match="ignore_index"):
            reference(module, x, target)
        with pytest.raises(ValueError, match="ignore_index is 1"):
            sx.cross_entropy_and_grad(x, target, axis=axis, weight=weight, **options)
        return
    expected, expected_grad = reference(module, x, target)
    loss, grad = sx.cross_entropy_and_grad(x, target, axis=axis, weight=weight, **options)
    assert close(loss, expected)
    assert close(grad, expected_grad)


@pytest.mark.conformance("torch.nn.CrossEntropyLoss")
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("batch", [(), (0,), (4,)], ids=str)
def test_cross_entropy_with_nothing_kept(batch: tuple[int, ...], reduction: str) -> None:
    x, target = np.ones((*batch, CLASSES)), np.full(batch, -100)
    module = torch.nn.CrossEntropyLoss(reduction=reduction)
    expected, expected_grad = reference(module, x, target)
    loss, grad = sx.cross_entropy_and_grad(x, target, reduction=reduction)
    assert close(loss, expected)
    assert close(grad, expected_grad)


@pytest.mark.conformance("torch.nn.NLLLoss")
@pytest.mark.parametrize("rank", SHAPES)
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("ignore_index", [-100, 1])
@pytest.mark.parametrize("weighted", [False, True])
def test_nll_loss(weighted, ignore_index, reduction, rank, rng) -> None:
    x, axis = logits(rank, rng)
    x = sx.log_softmax(x, axis=axis)
    target = labels(x, axis, rng)
    if target.size > 1:
        target.flat[0] = ignore_index
    options = {"ignore_index": ignore_index, "reduction": reduction}
    module = torch.nn.NLLLoss(weight=torch_weight(weighted), **options)
    expected, expected_grad = reference(module, x, target)
    weight = WEIGHT if weighted else None
    loss, grad = sx.nll_loss_and_grad(x, target, axis=axis, weight=weight, **options)
    assert close(loss, expected)
    assert close(grad, expected_grad)


BINARY_SHAPES = [(), (7,), (3, 5)]


def binary_target(kind: str, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    if kind == "hard":
        return np.asarray(rng.integers(0, 2, size=shape), np.float64)
    return np.asarray(rng.uniform(size=shape))


@pytest.mark.conformance("torch.nn.BCEWithLogitsLoss")
@pytest.mark.parametrize(
    ("reduction", "kind", "weighted", "positive", "shape"),
    list(
        itertools.product(REDUCTIONS, ["hard", "soft"], [False, True], [False, True], BINARY_SHAPES)
    ),
    ids=str,
)
def test_binary_cross_entropy(reduction, kind, weighted, positive, shape, rng) -> None:
    x = np.asarray(rng.normal(size=shape) * 20)
    target = binary_target(kind, shape, rng)
    last = shape[-1:]
    weight = rng.uniform(0, 2, size=last) if weighted else None
    pos_weight = rng.uniform(0, 3, size=last) if positive else None
    options = {
        "weight": None if weight is None else torch.as_tensor(weight),
        "pos_weight": None if pos_weight is None else torch.as_tensor(pos_weight),
    }
    module = torch.nn.BCEWithLogitsLoss(reduction=reduction, **options)
    expected, expected_grad = reference(module, x, target)
    loss, grad = sx.binary_cross_entropy_and_grad(
        x, target, weight=weight, pos_weight=pos_weight, reduction=reduction
    )
    assert close(loss, expected)
    assert close(grad, expected_grad)


@pytest.mark.conformance("torch.nn.BCELoss")
@pytest.mark.parametrize(
    ("reduction", "kind", "weighted", "shape"),
    list(itertools.product(REDUCTIONS, ["hard", "soft"], [False, True], BINARY_SHAPES)),
    ids=str,
)
def test_binary_cross_entropy_of_probabilities(reduction, kind, weighted, shape, rng) -> None:
    probs = np.asarray(rng.uniform(0.001, 0.999, size=shape))
    target = binary_target(kind, shape, rng)
    weight = rng.uniform(0, 2, size=shape[-1:]) if weighted else None
    module = torch.nn.BCELoss(
        weight=None if weight is None else torch.as_tensor(weight), reduction=reduction
    )
    expected, expected_grad = reference(module, probs, target)
    loss, grad = sx.binary_cross_entropy_and_grad(
        probs, target, weight=weight, reduction=reduction, from_logits=False
    )
    assert close(loss, expected)
    assert close(grad, expected_grad)


@pytest.mark.conformance("torch.nn.BCELoss")
@pytest.mark.parametrize("target", [0.0, 0.25, 1.0])
@pytest.mark.parametrize("prob", [0.0, 1e-300, 1e-50, 1 - 2.0**-53, 1.0])
def test_binary_cross_entropy_clamps_logarithms(prob: float, target: float) -> None:
    expected, _ = reference(torch.nn.BCELoss(), np.array([prob]), np.array([target]))
    loss = sx.binary_cross_entropy([prob], [target], from_logits=False)
    assert close(loss, expected)


@pytest.mark.conformance("torch softmax family")
@pytest.mark.parametrize("rank", SHAPES)
@pytest.mark.parametrize("name", ["softmax", "log_softmax", "logsumexp"])
def test_softmax_family_on_every_axis(name: str, rank: int, rng) -> None:
    x, _ = logits(rank, rng)
    for axis in range(-rank, rank):
        expected = getattr(torch, name)(torch.as_tensor(x), axis)
        assert close(getattr(sx, name)(x, axis=axis), expected)


@pytest.mark.conformance("torch softmax family")
@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_vector_jacobian_products(axis: int, name: str, rng) -> None:
    x, g = rng.normal(size=(2, 3, 4, 5))
    tensor = torch.tensor(x, requires_grad=True)
    getattr(torch, name)(tensor, axis).backward(torch.as_tensor(g))
    vjp = getattr(sx, f"{name}_grad")(g, getattr(sx, name)(x, axis=axis), axis)
    assert close(vjp, tensor.grad)


@pytest.mark.conformance("torch.nn.functional.linear_cross_entropy")
@pytest.mark.parametrize("reduction", ["sum", "mean"])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("biased", [False, True])
def test_linear_cross_entropy(biased: bool, smoothing: float, reduction: str, rng) -> None:
    """Against linear followed by cross_entropy, which is what PyTorch's fused one has to equal."""
    hidden, weight = rng.normal(size=(8, 3)), rng.normal(size=(CLASSES, 3))
    bias, target = rng.normal(size=CLASSES), rng.integers(0, CLASSES, 8)
    tensors = [torch.tensor(a, requires_grad=True) for a in (hidden, weight, bias)]
    z = torch.nn.functional.linear(tensors[0], tensors[1], tensors[2] if biased else None)
    expected = torch.nn.functional.cross_entropy(
        z, torch.as_tensor(target), label_smoothing=smoothing, reduction=reduction
    )
    expected.backward()
    loss, grads = sx.linear_cross_entropy_and_grad(
        hidden,
        weight,
        target,
        bias=bias if biased else None,
        label_smoothing=smoothing,
        reduction=reduction,
    )
    assert close(loss, expected)
    for grad, tensor in zip(grads, tensors if biased else tensors[:2], strict=False):
        assert close(grad, tensor.grad)
