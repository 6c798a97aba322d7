"""What the outputs behind the logits must be, by softxent's functions on the runtime's logits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from softxent.onnx.anatomy.logits import Logits
from softxent.verify import heads
from softxent.verify.arithmetic import Arithmetic, Array, Estimate
from softxent.verify.batches import Batch
from softxent.verify.bounds import estimates
from softxent.verify.foreign.subject import Head
from softxent.verify.tolerance import ELEMENTARY


@dataclass(frozen=True)
class Rows:
    """Logits with one row per decision.

    Attributes
    ----------
    values : ndarray, shape (rows, C), or (rows,) for one logit
    shape : tuple of int
        Of the decisions: the shape of the logits without the axis of the classes.
    axis : int or None
        Where that axis was.
    """

    values: Array
    shape: tuple[int, ...]
    axis: int | None

    @classmethod
    def of(cls, z: Array, logits: Logits) -> Rows:
        """Bring the axis of the classes to the end."""
        if logits.kind == "binary":
            return cls(z.reshape(-1), z.shape, None)
        axis = (logits.axis if logits.axis is not None else -1) % z.ndim
        moved = np.moveaxis(z, axis, -1)
        return cls(moved.reshape(-1, z.shape[axis]), moved.shape[:-1], axis)

    @property
    def binary(self) -> bool:
        """Whether there is one logit per decision."""
        return self.axis is None

    @property
    def head(self) -> heads.Head:
        """What stands on them."""
        return heads.head_of(1 if self.binary else self.values.shape[1])

    def back(self, array: Array) -> Array:
        """Give an array, one number or row per decision, the layout of the logits."""
        if self.axis is None or array.ndim == 1:
            return array.reshape(self.shape)
        return np.moveaxis(array.reshape(*self.shape, -1), -1, self.axis)


@dataclass(frozen=True)
class Expected:
    """Values that an output must have; of choices, no bound but whether they are in doubt."""

    value: Array
    bound: Estimate | None


def expected(
    head: Head,
    rows: Rows,
    target: Array | None,
    module: ModuleType,
    names: tuple[str, ...] | None,
    got: Array,
    written: Estimate | None = None,
) -> Expected | None:
    """Compute what an output must be.

    Parameters
    ----------
    head : Head
        The output.
    rows : Rows
        Logits that the runtime produced.
    target : ndarray or None
        Labels as they were fed.
    module : module
        `softxent.verify.native` or `softxent.verify.torch_reference`.
    names : tuple of str or None
        Of the classes, for outputs that are labels.
    got : ndarray
        The output, whose layout decides where it has other axes than the logits.
    written : Estimate, optional
        Bounds of the operators that the output is computed with, of a softmax that is written out.

    Returns
    -------
    Expected or None
        None where a loss has no value, because the weights of all rows are 0.
    """
    role = "prediction" if head.role == "label" else head.role
    batch = Batch("rows", rows.values, _targets(target, rows, role), None)
    values: Mapping[str, Array] = module.outputs(batch, head.options, {role}, rows.values)
    value = values[role]
    if role == "prediction":
        return Expected(_fitting(_labels(rows.back(value), head, names, got), got), None)
    bound = _bound(batch, head, rows, got)
    if bound is None:
        return None
    if role == "loss":
        layout = rows.shape if head.options.reduction == "none" else ()
        return _shaped(value, bound, lambda a: _fitting(a.reshape(layout), got))
    if head.pair:
        value, bound = _pair(rows, value, bound, head, module)
        found = _shaped(value, bound, lambda a: _fitting(a, got))
    else:
        found = _shaped(value, bound, lambda a: _fitting(rows.back(a), got))
    return _as_written(found, written) if not head.plain else found


def _bound(batch: Batch, head: Head, rows: Rows, got: Array) -> Estimate | None:
    """How far an output of floating numbers may be off, one row per decision."""
    bound = estimates(batch, head.options, rows.values).get(head.role)
    if bound is None:
        return None
    if rows.binary and head.role == "probabilities":
        bound = _logistic(bound, head.options.dtype)
    is_loss = head.role == "loss"
    return _stored(bound, got.dtype, head.options.loss_dtype if is_loss else head.options.dtype)


def _as_written(found: Expected, written: Estimate | None) -> Expected:
    """Grant what the operators of a graph round, unless they overflow where the function does not.

    log p as a difference of large numbers has their rounding errors, which a softmax that takes the
    largest logit away first has not.
    """
    own = found.bound
    if own is None or written is None or written.error.shape != own.error.shape:
        return found
    error = np.where(np.isfinite(written.error), np.fmax(own.error, written.error), own.error)
    typical = None
    if own.typical is not None and written.typical is not None:
        finite = np.isfinite(written.typical)
        typical = np.where(finite, np.fmax(own.typical, written.typical), own.typical)
    return Expected(found.value, Estimate(own.value, error, typical))


def _targets(target: Array | None, rows: Rows, role: str) -> Array | None:
    if target is None or role != "loss":
        return None
    if target.dtype.kind == "f" and not rows.binary:
        axis = rows.axis if rows.axis is not None else -1
        return np.moveaxis(target, axis, -1).reshape(len(rows.values), -1)
    # torch takes labels of one type alone.
    return target.reshape(-1).astype(np.int64 if target.dtype.kind in "iu" else target.dtype)


def _pair(
    rows: Rows, p: Array, bound: Estimate, head: Head, module: ModuleType
) -> tuple[Array, Estimate]:
    """Probabilities of both classes of one logit; the first may be computed as 1 − p."""
    flipped = Batch("rows", -rows.values, None, None)
    q = module.outputs(flipped, head.options, {"probabilities"}, -rows.values)
    u = Arithmetic(head.options.dtype)
    rounding = 2 * max(u.u, u.store)
    parts = [bound.error + rounding, bound.error]
    typical = None
    if bound.typical is not None:
        typical = np.stack([bound.typical + rounding, bound.typical], -1)
    value = np.stack([q["probabilities"], p], -1)
    exact = np.stack([1 - bound.value, bound.value], -1)
    return value, Estimate(exact, np.stack(parts, -1), typical)


def _logistic(bound: Estimate, dtype: str) -> Estimate:
    """Grant an absolute error: runtimes compute small values of the logistic function as 1 − p."""
    own = ELEMENTARY * Arithmetic(dtype).u
    typical = None if bound.typical is None else bound.typical + own
    return Estimate(bound.value, bound.error + own, typical)


def _stored(bound: Estimate, dtype: np.dtype[Any], computed: str) -> Estimate:
    """Account for an output of fewer digits than it was computed with."""
    if dtype.kind != "f" or dtype.itemsize >= np.dtype(computed).itemsize:
        return bound
    rounding = float(np.finfo(dtype).eps) / 2 * np.abs(bound.value) + float(np.finfo(dtype).tiny)
    typical = None if bound.typical is None else bound.typical + rounding
    return Estimate(bound.value, bound.error + rounding, typical)


def _labels(chosen: Array, head: Head, names: tuple[str, ...] | None, got: Array) -> Array:
    """Indices, or what the model calls the classes."""
    if head.role != "label" or names is None:
        return chosen
    if got.dtype.kind in "iu":
        return np.array([int(name) for name in names])[chosen]
    return np.array(names, dtype=object)[chosen]


def _fitting(array: Array, got: Array) -> Array:
    """Add or drop axes of length 1, as Squeeze and Flatten do."""
    return array.reshape(got.shape) if array.size == got.size else array


def _shaped(value: Array, bound: Estimate, shape: Any) -> Expected:
    typical = None if bound.typical is None else shape(bound.typical)
    return Expected(
        shape(np.asarray(value)), Estimate(shape(bound.value), shape(bound.error), typical)
    )
