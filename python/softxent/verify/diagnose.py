"""What a failing output is instead: the loss under other options, another output, other classes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from softxent.onnx.options import Options
from softxent.verify import native
from softxent.verify.arithmetic import Array
from softxent.verify.batches import Batch
from softxent.verify.bounds import estimates
from softxent.verify.heads import Head


def explain(
    role: str,
    got: Array,
    expected: Mapping[str, Array],
    batch: Batch,
    options: Options,
    logits: Array | None,
) -> str:
    """Say what a wrong output equals, or nothing.

    Parameters
    ----------
    role : str
        Meaning that the output should have.
    got : ndarray
        The output.
    expected : mapping of str to ndarray
        Reference values by meaning.
    batch, options
        What was computed.
    logits : ndarray or None
        Logits that the model put out.
    """
    with np.errstate(invalid="ignore"):
        if role == "loss":
            return _explain_loss(got, batch, options, logits)
        return explain_values(role, got, expected)


def explain_values(role: str, got: Array, expected: Mapping[str, Array]) -> str:
    """Say which other output, or which order of the classes, a wrong output is."""
    for name, value in expected.items():
        if name != role and name != "prediction" and _close(got, value):
            return f"it equals {name}"
    right = expected.get(role)
    if right is None or got.ndim != 2 or got.shape != right.shape:
        return ""
    order = _permutation(got, right)
    if order is not None:
        return f"it is right with the classes in the order {order}"
    if "logits" in expected and _is_over_rows(role, got, expected["logits"]):
        return "it is normalised over the rows instead of the classes"
    return ""


def _explain_loss(got: Array, batch: Batch, options: Options, logits: Array | None) -> str:
    if batch.state is None or batch.target is None:
        return ""
    for change in _other_options(options, batch.target, batch.head):
        if _is_loss(got, batch, replace(options, **change), logits):
            stated = ", ".join(f"{name}={value!r}" for name, value in change.items())
            return f"it is the loss with {stated}"
    classes = batch.layers.outputs
    if classes > 1 and _is_loss(got * classes, batch, options, logits, classes):
        return f"it is the loss divided by the number of classes, {classes}"
    return ""


def _is_loss(
    got: Array,
    batch: Batch,
    options: Options,
    logits: Array | None,
    factor: int = 1,
) -> bool:
    """Whether a value, multiplied by a factor, is the loss under some options."""
    value = native.outputs(batch, options, {"loss"}, logits)["loss"]
    bound = estimates(batch, options, logits).get("loss")
    if bound is None or got.shape != value.shape:
        return False
    rounding = factor * np.spacing(np.abs(value))
    return bool((np.abs(got - value) <= 2 * bound.error + (factor > 1) * rounding).all())


def _other_options(options: Options, target: Array, head: Head) -> Iterator[dict[str, Any]]:
    changes: list[dict[str, Any]] = [
        {"label_smoothing": 0.0},
        {"focal_gamma": 0.0},
        {"weight": None},
    ]
    changes += [{"reduction": name} for name in ("mean", "sum", "none")]
    if target.ndim == 1 and head.ignores and target.min(initial=0) >= 0:
        changes.append({"ignore_index": None})
    for change in changes:
        if any(getattr(options, name) != value for name, value in change.items()):
            if options.head == "train_step" and change.get("reduction") == "none":
                continue
            yield change


def _close(a: Array, b: Array) -> bool:
    """Equal up to half of the digits of the type, which no two meanings share by chance."""
    if a.shape != b.shape or a.dtype.kind != "f":
        return False
    tolerance = float(np.sqrt(np.finfo(a.dtype).eps))
    return bool(np.allclose(a, b, rtol=tolerance, atol=tolerance, equal_nan=True))


def _permutation(got: Array, right: Array) -> list[int] | None:
    """Order of the columns of `right` that gives `got`."""
    order = []
    for column in got.T:
        distances = np.abs(right.T - column).max(axis=1)
        order.append(int(distances.argmin()))
    places = list(range(len(order)))
    permuted = order != places and sorted(order) == places
    return order if permuted and _close(got, right[:, order]) else None


def _is_over_rows(role: str, got: Array, logits: Array) -> bool:
    if role not in ("probabilities", "log_probabilities"):
        return False
    shifted = logits.astype(np.float64) - logits.max(axis=0)
    log = shifted - np.log(np.exp(shifted).sum(axis=0))
    value = log if role == "log_probabilities" else np.exp(log)
    return _close(got, value.astype(got.dtype))
