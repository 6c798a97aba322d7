"""Options of the losses: each is read once, checked, and named in the error if it is wrong."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .arrays import as_float
from .scalars import read_integer, read_real, shown

__all__ = [
    "REDUCTIONS",
    "focal_exponent",
    "ignore_label",
    "real",
    "reduction_code",
    "scalars",
    "weights",
]

REDUCTIONS = {"none": 0, "sum": 1, "mean": 2}

_INT64 = np.iinfo(np.int64)


def reduction_code(reduction: Any) -> int:
    """Number of the reduction in the C interface."""
    code = REDUCTIONS.get(reduction) if isinstance(reduction, str) else None
    if code is None:
        raise ValueError(f"reduction is {shown(reduction)}; expected 'none', 'sum' or 'mean'")
    return code


def real(value: Any, name: str) -> float:
    """Read a real scalar; infinite for an integer beyond the floats."""
    result = read_real(value)
    if result is None:
        raise TypeError(f"{name} is {shown(value)}; expected a real number")
    return result


def scalars(
    label_smoothing: Any, z_loss: Any, logit_scale: Any, softcap: Any, from_logits: bool
) -> tuple[float, float, float, float]:
    """Read the scalar options of cross-entropy; no cap is 0.0, as in the C interface."""
    smoothing = real(label_smoothing, "label_smoothing")
    if not 0.0 <= smoothing <= 1.0:
        raise ValueError(
            f"label_smoothing is {shown(label_smoothing)}; expected a number in [0, 1]"
        )
    penalty = real(z_loss, "z_loss")
    if not 0.0 <= penalty < math.inf:
        raise ValueError(f"z_loss is {shown(z_loss)}; expected a finite number >= 0")
    scale = real(logit_scale, "logit_scale")
    if not math.isfinite(scale):
        raise ValueError(f"logit_scale is {shown(logit_scale)}; expected a finite number")
    cap = 0.0 if softcap is None else real(softcap, "softcap")
    if softcap is not None and not 0.0 < cap < math.inf:
        raise ValueError(f"softcap is {shown(softcap)}; expected a finite number > 0, or None")
    if not from_logits and (penalty, scale, softcap) != (0.0, 1.0, None):
        raise ValueError(
            "z_loss, logit_scale and softcap act on logits; with from_logits=False expected "
            f"0.0, 1.0 and None, got {penalty}, {scale} and {softcap}"
        )
    return smoothing, penalty, scale, cap


def focal_exponent(
    focal_gamma: Any, others: dict[str, float], *, labels: bool, logits: bool
) -> float:
    """Read `focal_gamma`; a positive one goes with class indices, logits and no other option."""
    gamma = real(focal_gamma, "focal_gamma")
    if not 0.0 <= gamma < math.inf:
        raise ValueError(f"focal_gamma is {shown(focal_gamma)}; expected a finite number >= 0")
    if gamma == 0.0:
        return 0.0
    if not labels:
        raise ValueError(
            f"focal_gamma is {gamma}, but the target holds class probabilities; expected 0.0: "
            "focal loss is that of class indices"
        )
    if not logits:
        raise ValueError(
            f"focal_gamma is {gamma}, but from_logits=False; expected 0.0: focal loss is that of "
            "logits"
        )
    for name, value in others.items():
        if value != 0.0:
            raise ValueError(
                f"focal_gamma is {gamma} and {name} is {value}; expected one of them alone: their "
                "combination is not defined"
            )
    return gamma


def ignore_label(ignore_index: Any, probabilities: bool) -> int | None:
    """Read `ignore_index`; with probability targets only a negative one can be a mere default."""
    if ignore_index is None:
        return None
    label = read_integer(ignore_index)
    if label is None:
        raise TypeError(f"ignore_index is {shown(ignore_index)}; expected an int or None")
    if not _INT64.min <= label <= _INT64.max:
        raise ValueError(f"ignore_index is {shown(label)}; expected an integer that fits int64")
    if probabilities and label >= 0:
        raise ValueError(
            f"ignore_index is {label}, but the target holds class probabilities, which have no "
            "class index to ignore; expected None or a negative number"
        )
    return label


def weights(value: Any, name: str, shape: tuple[int, ...]) -> np.ndarray | None:
    """Read weights of exactly this shape as contiguous float64, finite and >= 0."""
    if value is None:
        return None
    array = np.require(as_float(value, name), np.float64, ("C", "A"))
    if array.shape != shape:
        raise ValueError(f"{name} has shape {array.shape}; expected {shape}")
    check_weights(array, name)
    return array


def check_weights(array: np.ndarray, name: str) -> None:
    """ValueError with the first weight that is negative, infinite or NaN, and its index."""
    valid = np.isfinite(array) & (array >= 0)
    if not valid.all():
        index = tuple(int(k) for k in np.argwhere(~valid)[0])
        place = list(index) or ""
        raise ValueError(f"{name}{place} is {array[index]}; expected a finite number >= 0")
