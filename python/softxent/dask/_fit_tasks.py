"""Tasks of a training: units of rows made ready, parts of batches, sums in a fixed order."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from softxent._arguments import checks
from softxent._machine.optional import require
from softxent.data.labels import Labels
from softxent.data.matching import matched_labels
from softxent.models.heads import Head
from softxent.models.layers import Layers

from ._checks import check_labels

__all__ = ["Model", "Part", "Unit", "add", "distinct", "inspect", "measure", "part", "prepare"]

Parameters = dict[str, np.ndarray]


class Model(NamedTuple):
    """All of a training that does not change."""

    layers: Layers
    head: Head
    dtype: np.dtype
    class_names: tuple[str, ...] | None
    weight: np.ndarray | None
    smoothing: float


class Unit(NamedTuple):
    """Rows in a fixed place of the data, ready to be computed with."""

    X: np.ndarray
    targets: np.ndarray


class Part(NamedTuple):
    """Sums over rows: losses, what their mean divides by, gradients of the sum."""

    loss: float
    divisor: float
    gradients: Parameters | None


# -- one thread of the BLAS ------------------------------------------------------------------------
#
# The last bits of a product may depend on the number of threads that share it.

_lock = threading.Lock()
_busy = 0
_limits: Any = None


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Limit the BLAS of this process to one thread while any of its threads is in the block."""
    global _busy, _limits
    threadpoolctl = require("threadpoolctl", "dask", "softxent.dask.fit")
    with _lock:
        _busy += 1
        if _busy == 1:
            _limits = threadpoolctl.threadpool_limits(1, user_api="blas")
    try:
        yield
    finally:
        with _lock:
            _busy -= 1
            if _busy == 0:
                _limits.restore_original_limits()


# -- data ------------------------------------------------------------------------------------------


def distinct(start: int, labels: Any) -> list[str]:
    """The text labels that occur from a row on; an error for a missing one."""
    found = Labels.of_array(np.asarray(labels), "y", start=start)
    return [str(value) for value in found.values]


def prepare(model: Model, start: int, X: Any, y: Any) -> Unit:
    """Check rows from `start` on and convert them; errors tell where in the data they are."""
    y = np.asarray(y)
    named = matched_labels(y, model.class_names) if len(y) else y
    if named is y and y.dtype.kind in "iu" and y.ndim == 1 and model.head.outputs > 1:
        check_labels(y, model.head.num_classes, None, (start,))
    try:
        features = checks.table(X, model.layers.input_size, model.dtype)
        targets = model.head.targets(named, len(features))
    except (TypeError, ValueError, IndexError) as error:
        place = f"rows {start} to {start + len(y) - 1}"
        raise type(error)(f"{place}: {error}") from error
    bad = np.argwhere(~np.isfinite(features))
    if bad.size:
        row, column = bad[0].tolist()
        raise ValueError(
            f"X must be finite, got {features[row, column]} in row {start + row}, column {column}"
        )
    return Unit(features, targets)


def inspect(model: Model, unit: Unit) -> tuple[float, str]:
    """What the unit's mean divides by, and a digest of its rows."""
    state = hashlib.blake2b(digest_size=16)
    for array in unit:
        state.update(f"{array.dtype} {array.shape}".encode())
        state.update(np.ascontiguousarray(array).data)
    return model.head.divisor(unit.targets, model.weight), state.hexdigest()


# -- training --------------------------------------------------------------------------------------


def part(
    model: Model,
    parameters: Parameters,
    unit: Unit,
    seed: int,
    key: tuple[int, ...],
    begin: int,
    end: int,
) -> Part:
    """Sums over some rows of a unit: from `begin` to `end` in the order that seed and key give."""
    sequence = np.random.SeedSequence(seed, spawn_key=key)
    rows = np.random.default_rng(sequence).permutation(len(unit.X))[begin:end]
    X, targets = unit.X[rows], unit.targets[rows]
    divisor = model.head.divisor(targets, model.weight)
    if divisor == 0:
        return Part(0.0, 0.0, None)
    with one_blas_thread():
        values = model.layers.values(parameters, X)
        loss, grad = model.head.loss_and_grad(values[-1], targets, model.weight, model.smoothing)
        gradients = model.layers.backward(parameters, values, grad)
    with np.errstate(over="ignore", invalid="ignore"):
        scaled = {name: value * value.dtype.type(divisor) for name, value in gradients.items()}
    return Part(loss * divisor, divisor, scaled)


def add(parts: list[Part]) -> Part:
    """The sum of parts, from the first to the last."""
    loss, divisor = 0.0, 0.0
    gradients: Parameters | None = None
    with np.errstate(over="ignore", invalid="ignore"):
        for one in parts:
            loss, divisor = loss + one.loss, divisor + one.divisor
            if gradients is None or one.gradients is None:
                gradients = one.gradients if gradients is None else gradients
            else:
                others = one.gradients
                gradients = {name: value + others[name] for name, value in gradients.items()}
    return Part(loss, divisor, gradients)


def measure(model: Model, parameters: Parameters, unit: Unit) -> tuple[float, float, int, int]:
    """Sum of losses, its divisor, right decisions and rows of a unit of validation data."""
    divisor = model.head.divisor(unit.targets, model.weight)
    with one_blas_thread():
        logits = model.layers.logits(parameters, unit.X)
    right = int((model.head.predictions(logits) == model.head.labels(unit.targets)).sum())
    if divisor == 0:
        return 0.0, 0.0, right, len(unit.X)
    loss = model.head.loss(logits, unit.targets, model.weight, model.smoothing)
    return loss * divisor, divisor, right, len(unit.X)
