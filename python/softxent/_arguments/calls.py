"""Arguments of the C core, canonical: what the general path of every function hands to it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from softxent._core.binding import empty_like
from softxent._core.structs import BinaryCall, CrossEntropyCall

from .arrays import (
    apart,
    as_array,
    as_float,
    axis_index,
    axis_mask,
    broadcast,
    loss_dtype,
    mask_for,
    output_for,
    separate,
)
from .options import (
    check_weights,
    focal_exponent,
    ignore_label,
    real,
    reduction_code,
    scalars,
    weights,
)
from .remedies import reshaping
from .scalars import flag, shown
from .targets import read_target

__all__ = ["binary_call", "cross_entropy_call", "row_arguments"]


def row_arguments(
    x: Any, axis: Any, where: Any, out: Any
) -> tuple[np.ndarray, int, np.ndarray | None, np.ndarray]:
    """Input, axis mask, element mask and output of softmax and log-softmax."""
    array = as_float(x, "x")
    axes = axis_mask(axis, array.ndim)
    mask = mask_for(where, array.shape)
    result = output_for(array, out)
    return separate(array, out), axes, apart(mask, out), result


def cross_entropy_call(
    logits: Any,
    target: Any,
    *,
    axis: Any,
    weight: Any,
    sample_weight: Any,
    ignore_index: Any,
    label_smoothing: Any,
    reduction: Any,
    from_logits: Any,
    z_loss: Any,
    logit_scale: Any,
    softcap: Any,
    focal_gamma: Any,
    loss: bool = True,
    grad: bool = False,
    hess: bool = False,
    out: Any = None,
    grad_output: Any = 1.0,
) -> CrossEntropyCall:
    """Check every argument of the cross-entropy functions and allocate what they return."""
    array = as_float(logits, "logits")
    index = axis_index(axis, array.ndim)
    rows = array.shape[:index] + array.shape[index + 1 :]
    code = reduction_code(reduction)
    is_logits = flag(from_logits, "from_logits")
    labels, probs = read_target(target, array, index)
    smoothing, penalty, scale, cap = scalars(
        label_smoothing, z_loss, logit_scale, softcap, is_logits
    )
    gamma = focal_exponent(
        focal_gamma,
        {"label_smoothing": smoothing, "z_loss": penalty, "softcap": cap},
        labels=probs is None,
        logits=is_logits,
    )
    class_weight = weights(weight, "weight", (array.shape[index],))
    if class_weight is not None and (smoothing or probs is not None):
        # Coefficients of all classes are in the type that the losses are computed in.
        computed = _convert(class_weight, loss_dtype(array.dtype))
        check_weights(computed, f"weight as {computed.dtype}")
    row_weight = weights(sample_weight, "sample_weight", rows)
    row_grad, grad_scale = _grad_output(grad_output, rows, code)
    ignored = ignore_label(ignore_index, probs is not None)
    gradient = output_for(array, out) if grad else None
    return CrossEntropyCall(
        separate(array, out),
        index,
        apart(labels, out),
        apart(probs, out),
        apart(class_weight, out),
        apart(row_weight, out),
        apart(row_grad, out),
        grad_scale,
        ignored,
        smoothing,
        penalty,
        scale,
        cap,
        gamma,
        code,
        is_logits,
        loss,
        np.empty(rows, loss_dtype(array.dtype)) if loss and code == 0 else None,
        gradient,
        empty_like(array) if hess else None,
    )


def binary_call(
    logits: Any,
    target: Any,
    *,
    weight: Any,
    pos_weight: Any,
    reduction: Any,
    from_logits: Any,
    loss: bool = True,
    grad: bool = False,
    hess: bool = False,
    out: Any = None,
) -> BinaryCall:
    """Check every argument of the binary cross-entropy functions and allocate their results."""
    array = as_float(logits, "logits")
    code = reduction_code(reduction)
    gradient = output_for(array, out) if grad else None
    return BinaryCall(
        separate(array, out),
        apart(_binary_target(target, array), out),
        apart(_element_weights(weight, "weight", array), out),
        apart(_element_weights(pos_weight, "pos_weight", array), out),
        code,
        flag(from_logits, "from_logits"),
        loss,
        np.empty_like(array, dtype=loss_dtype(array.dtype)) if loss and code == 0 else None,
        gradient,
        empty_like(array) if hess else None,
    )


def _grad_output(
    value: Any, rows: tuple[int, ...], reduction: int
) -> tuple[np.ndarray | None, float]:
    if isinstance(value, (bool, int, float, np.bool_)):
        return None, _scalar_grad_output(value)
    array = as_float(value, "grad_output")
    if array.ndim == 0:
        return None, float(array)
    if reduction != 0:
        raise ValueError(
            f"grad_output has shape {array.shape}; expected a scalar: one value per row goes "
            "with reduction='none'"
        )
    if array.shape != rows:
        raise ValueError(f"grad_output has shape {array.shape}; expected {rows} or a scalar")
    return np.require(array, np.float64, ("C", "A")), 1.0


def _scalar_grad_output(value: Any) -> float:
    """Read a scalar; inf and NaN go where they go in any chain rule, but no integer becomes inf."""
    scale = real(value, "grad_output")
    if isinstance(value, int) and math.isinf(scale):
        raise ValueError(f"grad_output is {shown(value)}; expected a number that fits float64")
    return scale


def _binary_target(target: Any, logits: np.ndarray) -> np.ndarray:
    given = as_array(target, "target")
    array = as_float(given, "target")
    if array.shape != logits.shape:
        raise ValueError(
            f"target has shape {array.shape}; expected the logits' shape {logits.shape}"
            + _binary_remedy(array.shape, logits.shape)
        )
    if given.dtype.kind in "iu":
        wrong = np.argwhere((given != 0) & (given != 1))
        if wrong.size:
            index = tuple(int(k) for k in wrong[0])
            raise ValueError(f"target {given[index]} at index {index} is not 0 or 1")
    return _convert(array, logits.dtype)


def _binary_remedy(shape: tuple[int, ...], logits: tuple[int, ...]) -> str:
    reshaped = reshaping(shape, logits, "target")
    if reshaped:
        return f"; pass {reshaped}"
    one_per_row = shape == logits[:-1]
    return "; one label per row of several logits is for cross_entropy" if one_per_row else ""


def _element_weights(value: Any, name: str, logits: np.ndarray) -> np.ndarray | None:
    if value is None:
        return None
    array = as_float(value, name)
    check_weights(array, name)
    converted = _convert(array, logits.dtype)
    if converted.dtype.itemsize < array.dtype.itemsize or converted.dtype.itemsize == 2:
        check_weights(converted, f"{name} as {logits.dtype}")
    return broadcast(converted, logits.shape, name)


def _convert(array: np.ndarray, dtype: np.dtype) -> np.ndarray:
    with np.errstate(all="ignore"):
        return array.astype(dtype, copy=False)
