"""Arguments of linear_cross_entropy: checked, and cut down to the rows that count."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from softxent._arguments.arrays import as_array, as_float, is_float, loss_dtype
from softxent._arguments.options import ignore_label, reduction_code, scalars, weights
from softxent._arguments.targets import Target, read_target
from softxent._core.errors import label_error, no_class_error

from ._linear_tiles import Gradients, LinearProblem

__all__ = ["LinearCall", "linear_call"]


class LinearCall(NamedTuple):
    """Arguments as they were given, and the problem of the rows that count."""

    hidden: np.ndarray
    bias: np.ndarray | None
    kept: np.ndarray | None  # numbers of the rows that count; None: all
    reduction: str
    divisor: float
    problem: LinearProblem

    def reduced(self, losses: np.ndarray, penalties: np.ndarray) -> Any:
        """The loss, from cross-entropy and z-loss of the rows that count."""
        rows, dtype = self.hidden.shape[:-1], self.problem.hidden.dtype
        if self.reduction == "none":
            full = np.zeros(math.prod(rows), dtype)
            full[slice(None) if self.kept is None else self.kept] = losses + penalties
            return full.reshape(rows)[()]
        loss, penalty = float(losses.sum()), float(penalties.sum())
        if self.reduction == "mean":
            loss = loss / self.divisor if self.divisor else math.nan
            penalty /= max(len(losses), 1)
        total = loss + penalty if self.problem.z_loss else loss
        return dtype.type(math.nan if math.isnan(total) else total)  # the one NaN

    def restored(self, found: Gradients) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """The gradients in the shapes and dtypes of the arguments."""
        hidden, gradient = self.hidden, found.hidden
        if self.kept is not None:
            gradient = np.zeros((math.prod(hidden.shape[:-1]), hidden.shape[-1]), hidden.dtype)
            gradient[self.kept] = found.hidden
        d_hidden = gradient.astype(hidden.dtype, copy=False).reshape(hidden.shape)
        if self.bias is None or found.bias is None:
            return d_hidden, found.weight, None
        return d_hidden, found.weight, found.bias.astype(self.bias.dtype, copy=False)


def linear_call(
    name: str,
    hidden: Any,
    weight: Any,
    target: Any,
    *,
    bias: Any,
    class_weight: Any,
    ignore_index: Any,
    label_smoothing: Any,
    reduction: Any,
    z_loss: Any,
    softcap: Any,
) -> LinearCall:
    """Check every argument of the function called `name`."""
    h, w = as_float(hidden, "hidden"), as_float(weight, "weight")
    _check_layer(h, w)
    reduction_code(reduction)
    smoothing, penalty, _, cap = scalars(label_smoothing, z_loss, 1.0, softcap, True)
    shape = (*h.shape[:-1], w.shape[0])
    factors = weights(class_weight, "class_weight", shape[-1:])
    offset = None if bias is None else as_float(bias, "bias")
    if offset is not None and offset.shape != shape[-1:]:
        raise ValueError(f"bias has shape {offset.shape}; expected {shape[-1:]}")
    dtype = np.dtype(np.float64) if w.dtype.itemsize == 8 else loss_dtype(h.dtype)
    labels, probs = _read_target(target, shape, dtype)
    ignored = ignore_label(ignore_index, probs is not None)
    if shape[-1] == 0:
        raise no_class_error(name, shape)
    kept = None if labels is None else _kept_rows(labels, ignored, shape)
    rows = h.reshape(math.prod(shape[:-1]), h.shape[-1])
    if labels is not None:
        labels = labels.reshape(-1)
    if kept is not None and labels is not None:
        rows, labels = rows[kept], labels[kept]
    coefficients = _coefficients(labels, factors, smoothing, shape[-1])
    divisor = _divisor(labels, factors, len(rows))
    mean = reduction == "mean"
    with np.errstate(all="ignore"):
        problem = LinearProblem(
            hidden=np.ascontiguousarray(rows, dtype=dtype),
            weight=w,
            bias=None if offset is None else np.ascontiguousarray(offset, dtype=dtype),
            labels=labels,
            probs=None if probs is None else probs.reshape(len(rows), shape[-1]),
            **coefficients,
            z_loss=penalty,
            softcap=cap,
            grad_scale=_inverse(divisor) if mean else 1.0,
            z_scale=_inverse(len(rows)) if mean else 1.0,
        )
    return LinearCall(h, offset, kept, reduction, divisor, problem)


def _check_layer(hidden: np.ndarray, weight: np.ndarray) -> None:
    if weight.ndim != 2:
        raise ValueError(f"weight has shape {weight.shape}; expected (C, H)")
    if hidden.ndim == 0 or hidden.shape[-1] != weight.shape[1]:
        raise ValueError(
            f"hidden has shape {hidden.shape} and weight {weight.shape}; "
            f"expected hidden of shape (..., {weight.shape[1]})"
        )


def _read_target(target: Any, shape: tuple[int, ...], dtype: np.dtype) -> Target:
    """Labels, or probabilities in a type of their own: they are converted block by block."""
    array = as_array(target, "target")
    own = array.dtype if is_float(array.dtype) else dtype
    logits = np.broadcast_to(np.empty((), own), shape)
    return read_target(array, logits, len(shape) - 1, has_axis=False)


def _kept_rows(
    labels: np.ndarray, ignored: int | None, shape: tuple[int, ...]
) -> np.ndarray | None:
    """Numbers of the rows that are not ignored, None if none is; IndexError for a bad label."""
    flat = labels.reshape(-1)
    kept = np.ones(flat.shape, bool) if ignored is None else flat != ignored
    wrong = kept & ((flat < 0) | (flat >= shape[-1]))
    if wrong.any():
        row = int(wrong.argmax())
        raise label_error(int(flat[row]), row, shape, len(shape) - 1)
    return None if kept.all() else np.flatnonzero(kept)


def _coefficients(
    labels: np.ndarray | None, factors: np.ndarray | None, smoothing: float, classes: int
) -> dict[str, np.ndarray | None]:
    """What -log p of the classes is multiplied with: see `LinearProblem`."""
    weight = np.ones(classes) if factors is None else factors
    sharp = (1.0 - smoothing) * weight
    return {
        "share": None if labels is None else sharp[labels],
        "slope": sharp if labels is None else None,
        "base": weight * (smoothing / classes) if smoothing else None,
    }


def _divisor(labels: np.ndarray | None, factors: np.ndarray | None, count: int) -> float:
    """What the mean divides by."""
    return float(count if labels is None or factors is None else np.sum(factors[labels]))


def _inverse(divisor: float) -> float:
    """With nothing to average there is nothing to move either: gradient 0."""
    return 1.0 / divisor if divisor else 0.0
