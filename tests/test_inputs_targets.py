"""Targets that are almost right: the error names what to write instead, and that is accepted."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import softxent as sx
from softxent._core import binding
from softxent._core.structs import CrossEntropyCall
from softxent.data import read
from softxent.models import NeuralNet1, NeuralNet2

N, C, D = 4, 3, 5
X = np.random.default_rng(11).normal(size=(N, C))
IMAGES = np.random.default_rng(12).normal(size=(N, C, D))
Y = np.array([0, 1, 2, 0])
MAPS = np.random.default_rng(13).integers(0, C, (N, D))
ONE_HOT = np.eye(C, dtype=int)

LOSSES = [
    sx.cross_entropy,
    sx.cross_entropy_and_grad,
    sx.cross_entropy_grad,
    sx.cross_entropy_grad_hess,
    sx.nll_loss,
    sx.nll_loss_and_grad,
]

# name: (logits, options, target, the remedy, the labels that it gives)
WRONG: dict[str, tuple[np.ndarray, dict[str, Any], Any, str, np.ndarray]] = {
    "column": (X, {}, Y[:, None], "target[:, 0]", Y),
    "row": (X, {}, Y[None], "target[0]", Y),
    "one-hot": (X, {}, ONE_HOT[Y], "target.argmax(-1)", Y),
    "uint8 one-hot": (X, {}, ONE_HOT[Y].astype(np.uint8), "target.argmax(-1)", Y),
    "bool one-hot": (X, {}, ONE_HOT[Y] > 0, "target.argmax(-1)", Y),
    "float16 labels": (X, {}, Y.astype(np.float16), "target.astype(int)", Y),
    "one-hot along axis 1": (
        IMAGES,
        {"axis": 1},
        np.moveaxis(ONE_HOT[MAPS], -1, 1),
        "target.argmax(1)",
        MAPS,
    ),
    "one-hot along the last axis": (
        IMAGES,
        {"axis": 1},
        ONE_HOT[MAPS],
        "target.argmax(-1)",
        MAPS,
    ),
    "float32 labels": (X, {}, Y.astype(np.float32), "target.astype(int)", Y),
    "float64 labels": (X, {}, Y.astype(np.float64), "target.astype(int)", Y),
    "column of floats": (X, {}, Y[:, None].astype(np.float32), "target[:, 0].astype(int)", Y),
    "bool labels": (X, {}, Y > 0, "target.astype(int)", (Y > 0).astype(int)),
    "trailing axis": (IMAGES, {"axis": 1}, MAPS[..., None], "target[..., 0]", MAPS),
    "kept axis": (IMAGES, {"axis": 1}, MAPS[:, None], "target.reshape((4, 5))", MAPS),
    "object integers": (X, {}, Y.astype(object), "target.astype(int)", Y),
    "text": (
        X,
        {},
        np.array(list("abca")),
        "np.unique(target, return_inverse=True)[1]",
        Y,
    ),
    "object text": (
        X,
        {},
        np.array(list("abca"), object),
        "np.unique(target, return_inverse=True)[1]",
        Y,
    ),
}


@pytest.mark.parametrize("case", WRONG)
@pytest.mark.parametrize("loss", LOSSES, ids=lambda f: f.__name__)
def test_wrong_target_names_a_remedy_that_works(loss: Callable[..., Any], case: str) -> None:
    logits, options, target, remedy, labels = WRONG[case]
    with pytest.raises((TypeError, ValueError), match=re.escape(f"pass {remedy}")):
        loss(logits, target, **options)
    mended = eval(remedy, {"target": target, "np": np})
    np.testing.assert_array_equal(mended, labels)
    loss(logits, mended, **options)


@pytest.mark.parametrize("cast", [int, np.float32], ids=["integers", "floats"])
@pytest.mark.parametrize("loss", LOSSES, ids=lambda f: f.__name__)
def test_class_axis_of_torch_is_named(loss: Callable[..., Any], cast: type) -> None:
    target = MAPS.astype(cast)
    with pytest.raises(ValueError, match=r"pass axis=1.*as in PyTorch") as caught:
        loss(IMAGES, target)
    assert ("target.astype(int)" in str(caught.value)) == (cast is not int)
    loss(IMAGES, MAPS, axis=1)


@pytest.mark.parametrize("loss", LOSSES, ids=lambda f: f.__name__)
def test_labels_of_many_rows_against_one_row_of_logits(loss: Callable[..., Any]) -> None:
    labels = np.array([0, 1, 1, 0, 1])
    logits = np.zeros((1, 5))
    with pytest.raises(ValueError, match=r"\(1, 5\) are one row of 5 classes.*logits.reshape\(5\)"):
        loss(logits, labels)
    assert sx.binary_cross_entropy(logits.reshape(5), labels) == pytest.approx(np.log(2))


def test_label_of_one_logit_per_row_names_the_binary_loss() -> None:
    with pytest.raises(IndexError, match=r"label 1 .*\[0, 1\).*binary_cross_entropy"):
        sx.cross_entropy(np.zeros((4, 1)), np.array([0, 1, 1, 0]))


def test_linear_cross_entropy_names_the_remedy() -> None:
    for target, remedy in (
        (Y[:, None], "target[:, 0]"),
        (ONE_HOT[Y], "target.argmax(-1)"),
        (Y.astype(float), "target.astype(int)"),
    ):
        with pytest.raises(ValueError, match=re.escape(f"pass {remedy}")):
            sx.linear_cross_entropy(X, np.eye(C), target)


@pytest.mark.parametrize("cast", [int, float])
def test_no_axis_is_advised_where_none_can_be_given(cast: type) -> None:
    """As many labels as classes."""
    labels = np.arange(C).astype(cast)
    net = NeuralNet2(C, 2, C, seed=0)
    for call in (
        lambda: sx.linear_cross_entropy(np.zeros((C + 2, C)), np.eye(C), labels),
        lambda: net.loss(np.zeros((C + 2, C)), labels),
    ):
        with pytest.raises(ValueError, match=rf"\({C},\)") as caught:
            call()
        assert "axis=" not in str(caught.value)


@pytest.mark.parametrize(
    ("logits", "target", "remedy"),
    [
        (np.zeros(4), Y[:, None] > 0, "pass target[:, 0]"),
        (np.zeros((4, 1)), Y > 0, "pass target.reshape((4, 1))"),
        (np.zeros(4), (Y > 0)[None], "pass target[0]"),
        (np.zeros((4, 3)), Y, "is for cross_entropy"),
    ],
    ids=["column", "column of logits", "row", "labels"],
)
def test_binary_cross_entropy_names_the_remedy(
    logits: np.ndarray, target: np.ndarray, remedy: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(remedy)):
        sx.binary_cross_entropy(logits, target)


def test_missing_label_among_whole_numbers_is_placed() -> None:
    target = np.array([0.0, np.nan, 2.0, 1.0])
    with pytest.raises(ValueError, match=r"NaN at index \(1,\) is no label.*ignore_index"):
        sx.cross_entropy(X, target)
    with pytest.raises(TypeError, match=r"None is no label.*ignore_index"):
        sx.cross_entropy(X, [0, None, 2, 1])


@pytest.mark.parametrize("label", [2**64, 10**400, -(2**63) - 1])
def test_label_beyond_every_integer_type_is_shown(label: int) -> None:
    with pytest.raises(TypeError, match=r"is no class index") as caught:
        sx.cross_entropy(X, np.array([0, label, 1, 2], object))
    assert str(label)[:10] in str(caught.value) and len(str(caught.value)) < 250


def test_missing_label_of_a_net_is_placed() -> None:
    net = NeuralNet2(C, 2, C, seed=0)
    with pytest.raises(ValueError, match=r"NaN at index \(1,\) is no label: leave such rows out$"):
        net.loss(X, np.array([0.0, np.nan, 2.0, 1.0]))
    with pytest.raises(TypeError, match=r"None is no label: leave such rows out$"):
        net.loss(X, np.array([0, None, 2, 1]))


def test_one_hot_rows_in_a_file_name_the_remedy(tmp_path: Path) -> None:
    np.savez(tmp_path / "one_hot.npz", X=X, y=ONE_HOT[Y])
    with pytest.raises(ValueError, match=r"one_hot\.npz.*\(4, 3\).*y\.argmax\(-1\)"):
        read(tmp_path / "one_hot.npz")


def test_probabilities_of_a_wrong_shape_get_no_advice_about_labels() -> None:
    with pytest.raises(ValueError, match=r"\(class indices must be integers\)$"):
        sx.cross_entropy(X, np.full(4, 0.25))


def test_counts_in_the_shape_of_the_logits_are_probabilities_once_they_are_floats() -> None:
    with pytest.raises(ValueError, match=r"pass target.astype\(float\)"):
        sx.cross_entropy(X, np.ones((N, C), int))
    sx.cross_entropy(X, np.ones((N, C), int).astype(float))


@pytest.mark.parametrize("label", [2**63, 2**64 - 100, 2**64 - 1])
@pytest.mark.parametrize("loss", LOSSES, ids=lambda f: f.__name__)
def test_unsigned_label_never_wraps(loss: Callable[..., Any], label: int) -> None:
    target = np.array([0, 1, label, 2], np.uint64)
    with pytest.raises(IndexError, match=rf"label {label} at index \(2,\)"):
        loss(X, target)
    with pytest.raises(IndexError, match=rf"label {label}"):
        loss(X, target, ignore_index=None)


def test_unsigned_label_never_wraps_in_a_linear_layer_or_a_net() -> None:
    target = np.array([0, 1, 2**64 - 100, 2], np.uint64)
    with pytest.raises(IndexError, match=f"label {2**64 - 100}"):
        sx.linear_cross_entropy(X, np.eye(C), target)
    with pytest.raises(IndexError, match=f"label {2**64 - 100}"):
        NeuralNet2(C, 2, C).loss(X, target)
    with pytest.raises(ValueError, match=f"target {2**64 - 1} at index"):
        sx.binary_cross_entropy(np.zeros(2), np.array([0, 2**64 - 1], np.uint64))


@pytest.mark.parametrize(
    ("y", "remedy"),
    [
        (Y[:, None], "pass y[:, 0]"),
        (Y[None], "pass y[0]"),
        (ONE_HOT[Y], "pass y.argmax(-1)"),
        (Y.astype(np.float32), "pass y.astype(int)"),
        (Y[:, None].astype(float), "pass y[:, 0].astype(int)"),
        (ONE_HOT[Y] > 0, "pass y.argmax(-1)"),
    ],
    ids=["column", "row", "one-hot", "floats", "column of floats", "bools"],
)
def test_nets_name_the_remedy(y: np.ndarray, remedy: str) -> None:
    net = NeuralNet2(C, 2, C, seed=0)
    for call in (net.loss, net.loss_and_grad):
        with pytest.raises((TypeError, ValueError), match=re.escape(remedy)):
            call(X, y)


def test_binary_net_names_the_remedy() -> None:
    net = NeuralNet1(C, 2, seed=0)
    with pytest.raises(ValueError, match=re.escape("pass y.argmax(-1)")):
        net.loss(X, np.eye(2, dtype=int)[Y % 2])


@pytest.mark.parametrize("label", [2**64 - 100, 2**63, -(2**62)])
def test_verify_refuses_a_label_that_a_cast_would_wrap(label: int, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    from softxent import onnx
    from softxent.verify import verify

    path = tmp_path / "loss.onnx"
    onnx.export(NeuralNet2(C, 2, C, seed=0), path, head="loss", ignore_index=-100)
    y = np.array([label] * 2 + [0, 1], np.uint64 if label > 0 else np.int64)
    with pytest.raises(IndexError, match=f"label {label} at index"):
        verify(path, X.astype(np.float32), y, batch_sizes=())


@pytest.mark.parametrize(
    ("y", "remedy"),
    [
        (Y[:, None], "pass y[:, 0]"),
        (ONE_HOT[Y], "pass y.argmax(-1)"),
        (Y.astype(np.float32), "pass y.astype(int)"),
    ],
    ids=["column", "one-hot", "floats"],
)
def test_verify_names_the_remedy(y: np.ndarray, remedy: str, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    from softxent import onnx
    from softxent.verify import verify

    path = tmp_path / "loss.onnx"
    onnx.export(NeuralNet2(C, 2, C, seed=0), path, head="loss")
    with pytest.raises((TypeError, ValueError), match=re.escape(remedy)):
        verify(path, X.astype(np.float32), y, batch_sizes=())


@pytest.mark.parametrize(
    ("y", "error", "message"),
    [
        (Y + 20, IndexError, "label 20 at index 0"),
        (Y[:3], ValueError, r"must have shape \(4,\), got \(3,\)"),
        (Y[:, None], ValueError, re.escape("pass y[:, 0]")),
        (np.array(list("abca")), TypeError, re.escape("np.unique(y, return_inverse=True)[1]")),
        (3, ValueError, r"must have shape \(4,\), got \(\)"),
    ],
    ids=["beyond", "short", "column", "text", "0-d"],
)
@pytest.mark.parametrize("options", [{}, {"head": "loss", "target": "probabilities"}], ids=str)
def test_verify_refuses_labels_that_no_loss_would_check(
    options: dict[str, str], y: Any, error: type[Exception], message: str, tmp_path: Path
) -> None:
    pytest.importorskip("onnxruntime")
    from softxent import onnx
    from softxent.verify import verify

    path = tmp_path / "net.onnx"
    onnx.export(NeuralNet2(C, 2, C, seed=0), path, **options)
    with pytest.raises(error, match=rf"{message}|one entry per row of X.*(got 3|0-d 3)"):
        verify(path, X.astype(np.float32), y, batch_sizes=())


def misaligned(values: np.ndarray) -> np.ndarray:
    buffer = np.zeros(values.nbytes + 1, np.uint8)
    array = buffer[1:].view(values.dtype)
    array[...] = values
    assert not array.flags.aligned
    return array


def test_misaligned_labels_and_weights_reach_the_core_aligned(monkeypatch) -> None:
    calls = []
    run = binding.call_cross_entropy

    def note(name: str, call: CrossEntropyCall) -> object:
        calls.append(call)
        return run(name, call)

    monkeypatch.setattr(binding, "call_cross_entropy", note)
    x = np.arange(12.0).reshape(4, 3)
    arguments = {
        "target": np.array([0, 2, 1, 0]),
        "weight": np.array([1.0, 2.0, 0.5]),
        "sample_weight": np.array([0.5, 1.0, 1.0, 2.0]),
        "grad_output": np.array([1.0, -1.0, 2.0, 0.5]),
    }
    expected = sx.cross_entropy_grad(x, reduction="none", **arguments)
    odd = {name: misaligned(values) for name, values in arguments.items()}
    assert np.array_equal(sx.cross_entropy_grad(x, reduction="none", **odd), expected)
    assert calls
    for call in calls:
        for array in (call.labels, call.weight, call.sample_weight, call.grad_output):
            assert array.flags.aligned
