"""Masked arrays are refused wherever arrays are read; what a caller's object raises gets out."""

from __future__ import annotations

from collections import UserList
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import softxent as sx
from softxent.data import Dataset, Standardizer
from softxent.models import MLP, SGD, Adam, NeuralNet1, NeuralNet2

X = np.random.default_rng(3).normal(size=(4, 3))
Y = np.array([0, 1, 2, 0])
T = np.array([0.0, 1.0, 1.0, 0.0])
W = np.ones(3)
FIT: dict[str, Any] = {"epochs": 1, "batch_size": 2, "learning_rate": 0.1, "progress": False}


def net() -> NeuralNet2:
    return NeuralNet2(3, 2, 3, seed=0)


def binary() -> NeuralNet1:
    return NeuralNet1(3, 2, seed=0)


def load_state(value: Any) -> None:
    target = net()
    target.load_state_dict({**target.state_dict(), "linear1.weight": value})


def export_weight(value: Any) -> None:
    pytest.importorskip("onnx")
    from softxent.onnx.options import Options

    Options(head="loss", weight=value)


# Every array argument of the package: a function of it, and a value that it takes.
ARGUMENTS: dict[str, tuple[Callable[[Any], object], np.ndarray]] = {
    "softmax x": (sx.softmax, X),
    "softmax where": (lambda a: sx.softmax(X, where=a), X > 0),
    "log_softmax x": (sx.log_softmax, X),
    "log_softmax where": (lambda a: sx.log_softmax(X, where=a), X > 0),
    "logsumexp x": (sx.logsumexp, X),
    "logsumexp b": (lambda a: sx.logsumexp(X, b=a), X),
    "logsumexp where": (lambda a: sx.logsumexp(X, where=a), X > 0),
    "sigmoid x": (sx.sigmoid, X),
    "log_sigmoid x": (sx.log_sigmoid, X),
    "softmax_grad grad_output": (lambda a: sx.softmax_grad(a, X), X),
    "softmax_grad probs": (lambda a: sx.softmax_grad(X, a), X),
    "log_softmax_grad grad_output": (lambda a: sx.log_softmax_grad(a, X), X),
    "log_softmax_grad log_probs": (lambda a: sx.log_softmax_grad(X, a), X),
    "LogSumExp.update": (lambda a: sx.LogSumExp(4).update(a), X),
    "LossSum.update logits": (lambda a: sx.LossSum().update(a, Y), X),
    "LossSum.update target": (lambda a: sx.LossSum().update(X, a), Y),
    "LossSum weight": (lambda a: sx.LossSum(weight=a), W),
    "nll_loss log_probs": (lambda a: sx.nll_loss(a, Y), X),
    "nll_loss target": (lambda a: sx.nll_loss(X, a), Y),
    "nll_loss weight": (lambda a: sx.nll_loss(X, Y, weight=a), W),
    "nll_loss_and_grad target": (lambda a: sx.nll_loss_and_grad(X, a), Y),
    "linear hidden": (lambda a: sx.linear_cross_entropy(a, np.eye(3), Y), X),
    "linear weight": (lambda a: sx.linear_cross_entropy(X, a, Y), np.eye(3)),
    "linear target": (lambda a: sx.linear_cross_entropy(X, np.eye(3), a), Y),
    "linear bias": (lambda a: sx.linear_cross_entropy(X, np.eye(3), Y, bias=a), W),
    "linear class_weight": (lambda a: sx.linear_cross_entropy(X, np.eye(3), Y, class_weight=a), W),
    "cross_entropy_grad grad_output": (
        lambda a: sx.cross_entropy_grad(X, Y, a, reduction="none"),
        T,
    ),
    **{
        f"{function.__name__} {name}": (call, value)
        for function in (
            sx.cross_entropy,
            sx.cross_entropy_and_grad,
            sx.cross_entropy_grad,
            sx.cross_entropy_grad_hess,
        )
        for name, call, value in (
            ("logits", lambda a, f=function: f(a, Y), X),
            ("labels", lambda a, f=function: f(X, a), Y),
            ("probabilities", lambda a, f=function: f(X, a), X),
            ("weight", lambda a, f=function: f(X, Y, weight=a), W),
            ("sample_weight", lambda a, f=function: f(X, Y, sample_weight=a), T),
        )
    },
    **{
        f"{function.__name__} {name}": (call, value)
        for function in (
            sx.binary_cross_entropy,
            sx.binary_cross_entropy_and_grad,
            sx.binary_cross_entropy_grad_hess,
        )
        for name, call, value in (
            ("logits", lambda a, f=function: f(a, T), T),
            ("target", lambda a, f=function: f(T, a), T),
            ("integer target", lambda a, f=function: f(T, a), T.astype(int)),
            ("weight", lambda a, f=function: f(T, T, weight=a), T),
            ("pos_weight", lambda a, f=function: f(T, T, pos_weight=a), T),
        )
    },
    "net.forward X": (lambda a: net().forward(a), X),
    "net.predict X": (lambda a: net().predict(a), X),
    "net.predict_proba X": (lambda a: net().predict_proba(a), X),
    "net.loss X": (lambda a: net().loss(a, Y), X),
    "net.loss labels": (lambda a: net().loss(X, a), Y),
    "net.loss probabilities": (lambda a: net().loss(X, a), np.full((4, 3), 1 / 3)),
    "net.loss weight": (lambda a: net().loss(X, Y, weight=a), W),
    "net.loss_and_grad labels": (lambda a: net().loss_and_grad(X, a), Y),
    "NeuralNet1.loss y": (lambda a: binary().loss(X, a), T),
    "NeuralNet1.loss weight": (lambda a: binary().loss(X, T, weight=a), W[:2]),
    "net.fit X": (lambda a: net().fit(a, Y, **FIT), X),
    "net.fit labels": (lambda a: net().fit(X, a, **FIT), Y),
    "net.fit weight": (lambda a: net().fit(X, Y, weight=a, **FIT), W),
    "net.fit validation X": (lambda a: net().fit(X, Y, validation=(a, Y), **FIT), X),
    "net.fit validation y": (lambda a: net().fit(X, Y, validation=(X, a), **FIT), Y),
    "NeuralNet1.fit y": (lambda a: binary().fit(X, a, **FIT), T),
    "load_state_dict": (load_state, np.zeros((2, 3))),
    "from_torch state_dict": (
        lambda a: NeuralNet2.from_torch({**net().state_dict(), "linear2.bias": a}),
        W,
    ),
    "SGD.load_state_dict": (lambda a: SGD(0.5).load_state_dict({"linear1.bias": a}), W),
    "Adam.load_state_dict": (
        lambda a: Adam().load_state_dict({"steps": np.array(1), "mean.linear1.bias": a}),
        W,
    ),
    "MLP.fit X": (lambda a: MLP(3, (2, 2), 3).fit(a, Y, **FIT), X),
    "MLP.loss labels": (lambda a: MLP(3, (), 3).loss(X, a), Y),
    "export weight": (export_weight, W),
    "Dataset X": (
        lambda a: Dataset("d", a, np.zeros(4, np.int64), ("a", "b")),
        X.astype(np.float32),
    ),
    "Dataset y": (lambda a: Dataset("d", X.astype(np.float32), a, ("a", "b", "c")), Y),
    "Standardizer mean": (lambda a: Standardizer(a, W), W),
    "Standardizer scale": (lambda a: Standardizer(W, a), W),
    "Standardizer.fit": (Standardizer.fit, X),
    "Standardizer.transform": (lambda a: Standardizer(W, W).transform(a), X),
}

# Objects in which an array can reach a function, as functions of the array.
NESTED: dict[str, Callable[[Any], Any]] = {
    "list of rows": list,
    "list in a list": lambda a: [a],
    "tuple in a list in a tuple": lambda a: ([(a,)],),
    "one among others": lambda a: [np.asarray(a), a, np.asarray(a)],
    "other sequence": lambda a: UserList(a),
}


@pytest.mark.parametrize("argument", ARGUMENTS)
def test_the_argument_takes_an_array(argument: str) -> None:
    """The same array without a mask is good, so that the errors below are about the mask."""
    call, value = ARGUMENTS[argument]
    call(value)


@pytest.mark.parametrize("mask", [False, True], ids=["nothing masked", "one masked"])
@pytest.mark.parametrize("argument", ARGUMENTS)
def test_masked_array_is_refused_as_every_argument(argument: str, mask: bool) -> None:
    call, value = ARGUMENTS[argument]
    hidden = np.zeros(value.shape, bool)
    hidden.flat[0] = mask
    with pytest.raises(TypeError, match=r"masked array, whose mask would be lost.*where=~mask"):
        call(np.ma.array(value, mask=hidden))


@pytest.mark.parametrize("wrap", NESTED)
@pytest.mark.parametrize("argument", ARGUMENTS)
def test_masked_array_inside_sequences_is_refused(argument: str, wrap: str) -> None:
    call, value = ARGUMENTS[argument]
    with pytest.raises(TypeError, match=r"holds a masked array"):
        call(NESTED[wrap](np.ma.array(value, mask=np.ones(value.shape, bool))))


def test_masked_array_from_the_array_interface_is_refused() -> None:
    class Column:
        """What a library of tables with missing values may hand out."""

        def __array__(self, dtype: object = None, copy: object = None) -> np.ndarray:
            return np.ma.array([1.0, 2.0], mask=[False, True])

    with pytest.raises(TypeError, match="masked array"):
        sx.softmax(Column())


def test_masked_constant_is_refused() -> None:
    for value in (np.ma.masked, [1.0, np.ma.masked], [[1.0], [np.ma.masked]]):
        with pytest.raises(TypeError, match="masked array"):
            sx.sigmoid(value)


def test_sequence_that_holds_itself_is_refused() -> None:
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(ValueError, match="x does not make an array"):
        sx.softmax(endless)


def test_nested_sequences_of_different_lengths_are_named() -> None:
    with pytest.raises(ValueError, match=r"target does not make an array.*inhomogeneous"):
        sx.cross_entropy(X, [[0, 1], [2], [0]])


def test_verify_refuses_masked_arrays(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    from softxent import onnx
    from softxent.verify import verify

    path = tmp_path / "loss.onnx"
    onnx.export(net(), path, head="loss")
    masked = np.ma.array(Y, mask=Y > 1)
    for samples, labels in ((np.ma.array(X), Y), (X, masked), (list(np.ma.array(X)), Y)):
        with pytest.raises(TypeError, match="masked array"):
            verify(path, samples, labels, batch_sizes=())


def test_classifier_refuses_masked_arrays(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    from softxent import onnx

    path = tmp_path / "net.onnx"
    onnx.export(net(), path)
    classifier = onnx.Classifier(path)
    assert classifier.predict(X.astype(np.float32)).shape == (4,)
    for call in (classifier.predict, classifier.predict_proba, classifier.decide):
        with pytest.raises(TypeError, match="masked array"):
            call(np.ma.array(X, dtype=np.float32))


# ---- exceptions of the caller's own objects ------------------------------------------------------


class Boom(Exception):
    """An exception of the caller's own."""


ERRORS = [Boom, RuntimeError, TypeError, ValueError, BufferError, KeyError, OverflowError]


def raising(method: str, error: type[Exception]) -> Any:
    """An object one of whose methods raises, and that is read by this method."""

    def raises(self: object, *args: object, **options: object) -> object:
        raise error("boom")

    members: dict[str, Any] = {method: raises}
    if method == "__len__":
        members["__getitem__"] = lambda self, k: 0.0
    if method == "__getitem__":
        members["__len__"] = lambda self: 2
    if method == "__dlpack__":
        members["__dlpack_device__"] = lambda self: (1, 0)
    return type("Caller", (), members)()


METHODS = ["__array__", "__dlpack__", "__dlpack_device__", "__len__", "__getitem__"]


@pytest.mark.parametrize(
    ("method", "error"),
    [
        (method, error)
        for method in METHODS
        for error in ERRORS
        # NumPy takes what raises KeyError for a mapping, not for a sequence.
        if (method, error) != ("__getitem__", KeyError)
    ],
)
def test_exception_of_a_callers_method_reaches_the_caller(
    method: str, error: type[Exception]
) -> None:
    if method == "__dlpack_device__":
        value = raising("__dlpack__", error)
        type(value).__dlpack_device__ = type(value).__dlpack__
    else:
        value = raising(method, error)
    calls: list[Callable[[Any], object]] = [
        sx.softmax,
        lambda a: sx.cross_entropy(a, Y),
        lambda a: sx.cross_entropy(X, a),
        lambda a: sx.cross_entropy(X, Y, weight=a),
        lambda a: sx.logsumexp(X, b=a),
        lambda a: sx.softmax(X, where=a),
        lambda a: sx.binary_cross_entropy(T, a),
        lambda a: net().loss(a, Y),
        lambda a: net().loss(X, a),
        Standardizer.fit,
    ]
    for call in calls:
        with pytest.raises(error, match="boom") as caught:
            call(value)
        assert caught.type is error
        assert caught.value.__cause__ is None


@pytest.mark.parametrize("error", ERRORS)
def test_exception_of_an_element_reaches_the_caller(error: type[Exception]) -> None:
    with pytest.raises(error, match="boom"):
        sx.softmax([[raising("__array__", error)]])


@pytest.mark.parametrize("error", ERRORS)
def test_exception_of_a_scalar_reaches_the_caller(error: type[Exception]) -> None:
    with pytest.raises(error, match="boom"):
        sx.cross_entropy(X, Y, label_smoothing=raising("__float__", error))
    with pytest.raises(error, match="boom"):
        sx.cross_entropy(X, Y, axis=raising("__index__", error))
    with pytest.raises(error, match="boom"):
        net().fit(X, Y, **{**FIT, "learning_rate": raising("__float__", error)})


def test_subclass_of_a_tensor_with_its_own_error_keeps_it() -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed: its tensors are not read")

    class Tensor(torch.Tensor):
        def __array__(self, dtype: object = None) -> np.ndarray:
            raise RuntimeError("boom")

    with pytest.raises(RuntimeError, match="boom"):
        sx.softmax(Tensor([1.0, 2.0]))
