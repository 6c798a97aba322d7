"""What models are run on: inputs, targets and, where they are inputs too, parameters."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from softxent._arguments.arrays import as_array
from softxent._arguments.remedies import dtype_remedy, shape_remedy
from softxent.models.heads import BinaryHead, SoftmaxHead
from softxent.models.layers import Layers
from softxent.onnx.architecture import State
from softxent.onnx.recognise import Network
from softxent.verify.arithmetic import Array
from softxent.verify.heads import Head, head_of
from softxent.verify.subject import Subject


@dataclass(frozen=True)
class Batch:
    """One set of inputs, in the types that the model wants.

    Attributes
    ----------
    name : str
        As it stands in the report.
    x : ndarray, shape (n, input_size)
        Features.
    target : ndarray or None
        Labels or probabilities, for graphs with a loss.
    state : mapping or None
        Parameters under their names; None of logits that are given.
    velocities : mapping
        Of a train_step with momentum.
    learning_rate : float
        Of a train_step.
    native_only : str
        Why no other reference can follow; empty if all can.
    activation : str
        What stands between the linear layers that have these parameters.
    """

    name: str
    x: Array
    target: Array | None
    state: State | None
    velocities: Mapping[str, Array] = field(default_factory=dict)
    learning_rate: float = 0.125
    native_only: str = ""
    activation: str = "relu"

    @property
    def layers(self) -> Layers:
        """The shape of the network that has these parameters."""
        assert self.state is not None
        return Layers.of(self.state, self.activation)

    @property
    def head(self) -> Head:
        """What stands on the logits; without parameters these are `x`, flat if each is alone."""
        if self.state is not None:
            return head_of(self.layers.outputs)
        return head_of(1 if self.x.ndim == 1 else self.x.shape[1])

    def renamed(self, name: str, **changes: Any) -> Self:
        """Copy with another name and some parts replaced."""
        return replace(self, name=name, **changes)

    def take(self, rows: Any) -> Self:
        """Copy with some of the rows."""
        target = None if self.target is None else self.target[rows]
        return replace(self, x=self.x[rows], target=target)

    def repeated(self, count: int) -> Self:
        """Copy with `count` rows, the given ones over and over."""
        return self.take(np.resize(np.arange(len(self)), count))

    def __len__(self) -> int:
        return len(self.x)


def data_batch(
    subject: Subject,
    X: ArrayLike,
    y: ArrayLike | None,
    state: State | None,
    activation: str = "relu",
) -> Batch:
    """Bring the user's data into the types of the model.

    Raises
    ------
    TypeError, ValueError, IndexError
        If X or y do not suit the model.
    """
    x = as_array(X, "X")
    if x.dtype.kind not in "biuf":
        raise TypeError(f"X must be real numbers, got dtype {x.dtype}")
    if not len(x):
        raise ValueError("X must have at least one row to compare anything, got none")
    x = _shaped(subject, x)
    if subject.target is not None:
        target = _target(subject, y, len(x))
    else:
        target = None
        if y is not None and subject.network is not None:
            # For the accuracy alone.
            _checked(subject.network, as_array(y, "y"), len(x))
    velocities = {}
    if subject.options.momentum and state is not None:
        rng = np.random.default_rng(0)
        for name, value in state.items():
            draw = rng.standard_normal(value.shape) / 8
            velocities[name] = draw.astype(value.dtype)
    with np.errstate(over="ignore"):
        x = x.astype(subject.input_dtype(subject.x))
    return Batch("data", x, target, state, velocities, activation=activation)


def _shaped(subject: Subject, x: Array) -> Array:
    """Check the shape of features."""
    wanted = subject.shape(subject.x)[1:]
    if subject.network is not None:
        features = subject.network.architecture.input_size
        if x.ndim == 1 + len(wanted) and math.prod(x.shape[1:]) == features:
            x = x.reshape(-1, features)
        if x.ndim != 2 or x.shape[1] != features:
            stated = ", ".join(map(str, wanted)) if len(wanted) > 1 and all(wanted) else features
            raise ValueError(f"X must have shape (n, {stated}), got {x.shape}")
        return x
    return x


def _target(subject: Subject, y: ArrayLike | None, rows: int) -> Array:
    if y is None:
        raise ValueError("y is needed: the model has the input for targets")
    assert subject.target is not None
    labels, dtype = as_array(y, "y"), subject.input_dtype(subject.target)
    if not labels.ndim:
        raise ValueError(f"y must have one entry per row of X: expected {rows}, got the 0-d {y!r}")
    if len(labels) != rows:
        raise ValueError(f"y must have one entry per row of X: expected {rows}, got {len(labels)}")
    if subject.options.target == "probabilities" and not subject.binary:
        if subject.network is not None:
            labels = _checked(subject.network, labels, rows)
        if labels.ndim == 1:
            labels = _one_hot(labels, subject)
    if dtype.kind == "i" and labels.dtype.kind not in "iu":
        hint = dtype_remedy(labels, "y") or "; pass y.astype(int)" * (labels.dtype.kind == "f")
        raise TypeError(f"y must be integer labels for this model, got dtype {labels.dtype}{hint}")
    if dtype.kind == "i":
        _check_labels(subject, labels, dtype)
    return labels.astype(dtype)


def _checked(network: Network, y: Array, rows: int) -> Array:
    """Hold targets against what the network of softxent takes."""
    outputs = network.architecture.outputs
    head = BinaryHead() if network.architecture.binary else SoftmaxHead(outputs)
    return head.targets(y, rows)


def _check_labels(subject: Subject, labels: Array, dtype: np.dtype[Any]) -> None:
    """Refuse a wrong shape, and labels that a cast to the model's type would wrap into others."""
    if labels.ndim != len(subject.shape(subject.target or "")):
        logits = (len(labels), max(2, labels.shape[-1]))
        remedy = shape_remedy(labels, logits, 1, "y")
        raise ValueError(f"y must have shape ({len(labels)},), got {labels.shape}{remedy}")
    limits = np.iinfo(dtype)
    bad = np.argwhere((labels < limits.min) | (labels > limits.max))
    if bad.size:
        index = tuple(bad[0].tolist())
        raise IndexError(f"label {labels[index]} at index {index} does not fit the model's {dtype}")


def _one_hot(labels: Array, subject: Subject) -> Array:
    """Labels as probabilities, for a graph that takes those."""
    for value in subject.model.graph.input:
        if value.name == subject.target:
            classes = value.type.tensor_type.shape.dim[1].dim_value
            return (labels[:, np.newaxis] == np.arange(classes)).astype(np.float64)
    raise KeyError(subject.target)


def _as_images(subject: Subject, x: Array) -> Array:
    """Give flat features the shape that the graph takes, if it flattens them itself."""
    wanted = subject.shape(subject.x)[1:]
    if x.ndim != 2 or len(wanted) < 2:
        return x
    return x.reshape(len(x), *wanted) if all(wanted) else x


def feeds(subject: Subject, batch: Batch) -> dict[str, Array]:
    """All inputs of the model by name."""
    dtype = batch.x.dtype
    given: dict[str, Array] = {subject.x: _as_images(subject, batch.x)}
    if subject.target is not None and batch.target is not None:
        given[subject.target] = batch.target
    if subject.options.head == "train_step":
        assert batch.state is not None
        given["learning_rate"] = np.asarray(batch.learning_rate, dtype)
        given |= batch.state
        given |= {f"velocity.{name}": batch.velocities[name] for name in batch.velocities}
    return given
