"""Batches that bring out what a data set may not: every option, every edge, every extreme."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from onnx import numpy_helper

from softxent.onnx.view import attribute
from softxent.verify.arithmetic import Array
from softxent.verify.batches import Batch
from softxent.verify.subject import Subject

#: Largest logits of two batches. The first are where probabilities are small, but not yet 0, and
#: where a runtime's own sigmoid or a clamped logarithm shows; the second far beyond where exp
#: overflows in the type of the loss, but within the type of the network.
LARGE = {"float16": (64.0, 1.0e3), "float32": (64.0, 1.0e4), "float64": (64.0, 1.0e4)}


def option_probe(subject: Subject, data: Batch) -> Batch | None:
    """Make a batch in which every class and the ignored label occur, so that options show.

    Without targets, one sample becomes several: rows that get mixed up show in no single one.
    """
    if data.target is None:
        return data.repeated(8).renamed("one sample, eight rows") if len(data) == 1 else None
    classes = data.layers.outputs
    if subject.binary:
        values: Array = np.array([0.0, 1.0, 0.25, 0.5])
    elif data.target.ndim == 2:
        values = _distributions(classes)
    else:
        ignored = subject.options.ignore_index
        values = np.append(np.arange(classes), [] if ignored is None else [ignored, ignored])
    rows = data.repeated(max(len(values), 8))
    target = np.resize(values, (len(rows), *values.shape[1:])).astype(data.target.dtype)
    return rows.renamed("every class", target=target)


def _distributions(classes: int) -> Array:
    """One-hot rows, the uniform distribution, and rows that are not normalised."""
    draws = np.random.default_rng(0).random((3, classes))
    return np.concatenate([np.eye(classes), np.full((1, classes), 1 / classes), draws])


def wrong_targets(subject: Subject, data: Batch) -> list[Array]:
    """Single targets that are neither a class nor ignored.

    Among the labels are the integers that stand in the graph itself, since a label that a changed
    graph ignores or remaps must be written somewhere in it.
    """
    if data.target is None or data.target.ndim == 2:
        return []
    dtype = data.target.dtype
    if subject.binary:
        return [np.asarray(value, dtype) for value in (-1.0, -0.25, 1.25, 2.0, np.inf)]
    classes, limits = data.layers.outputs, np.iinfo(dtype)
    labels = {-1, classes, classes + 1, -classes, -100, limits.min, limits.max}
    labels |= {value for value in _integers(subject) if limits.min <= value <= limits.max}
    legal = {subject.options.ignore_index, *range(classes)}
    return [np.asarray(label, dtype) for label in sorted(labels - legal)]


def _integers(subject: Subject) -> Iterator[int]:
    """Integers in the graph that could be labels."""
    for tensor in subject.model.graph.initializer:
        array = numpy_helper.to_array(tensor)
        if array.dtype == np.int64 and array.size == 1:
            yield int(array.reshape(()))
    for node in subject.model.graph.node:
        if (ignored := attribute(node, "ignore_index")) is not None:
            yield int(ignored)


def stress_batches(subject: Subject, data: Batch) -> Iterator[Batch]:
    """Make extreme batches of the data and, where the model lets them be replaced, parameters."""
    yield data.take([0]).renamed("one row")
    yield data.repeated(4096).renamed("4096 rows")
    yield data.renamed("zeros", x=np.zeros_like(data.x))
    yield from _label_edges(subject, data)
    if data.state is None or not subject.replaceable:
        return
    last = data.layers.names[-1]
    own = {name: value for name, value in data.state.items() if name.startswith(f"{last}.")}
    for largest in LARGE[own[f"{last}.weight"].dtype.name]:
        yield _large_logits(data, largest)
    tied = {name: np.zeros_like(value) for name, value in own.items()}
    yield data.renamed("all classes tied", state={**data.state, **tied})
    if not data.layers.bias:
        return
    infinite = own[f"{last}.bias"].copy()
    infinite[-1] = -np.inf
    yield data.renamed(
        "a logit of -inf",
        state={**data.state, f"{last}.bias": infinite},
        native_only="0 · (−inf) is NaN in it, where a coefficient of 0 should count for nothing",
    )


def _large_logits(data: Batch, largest: float) -> Batch:
    """Scale the last layer by a power of 2 until the largest logit is about `largest`."""
    assert data.state is not None
    state = {name: array.astype(np.float64) for name, array in data.state.items()}
    last = f"{data.layers.names[-1]}.weight"
    logits = data.layers.values(state, data.x.astype(np.float64))[-2] @ state[last].T
    weight = data.state[last]
    factor = 2.0 ** np.round(np.log2(largest / max(float(np.abs(logits).max()), 1e-30)))
    scaled = (weight.astype(np.float64) * factor).astype(weight.dtype)
    return data.renamed(f"logits of {largest:g}", state={**data.state, last: scaled})


def _label_edges(subject: Subject, data: Batch) -> Iterator[Batch]:
    if data.target is None or data.target.ndim == 2:
        return
    last = 1 if subject.binary else data.layers.outputs - 1
    yield data.renamed("first class only", target=np.zeros_like(data.target))
    yield data.renamed("last class only", target=np.full_like(data.target, last))
    if subject.options.ignore_index is not None:
        ignored = np.full_like(data.target, subject.options.ignore_index)
        yield data.renamed("all rows ignored", target=ignored)
