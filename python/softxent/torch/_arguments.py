"""Arguments of the losses: refused as PyTorch refuses them, with the values and what to pass."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import torch

from softxent._arguments.scalars import read_integer, read_real, shown
from softxent._core.errors import label_error

from ._errors import TensorTypeError, TensorValueError
from ._plain import is_plain

__all__ = [
    "check_dtype",
    "check_tensors",
    "read_class_target",
    "read_ignore_index",
    "read_label_smoothing",
    "read_reduction",
    "refuse_grad",
]

FLOATS = frozenset((torch.float16, torch.bfloat16, torch.float32, torch.float64))
_LABELS = frozenset((torch.int64, torch.uint8, torch.int32, torch.int16, torch.int8))
_UNSIGNED = frozenset((torch.uint16, torch.uint32, torch.uint64))
_NEEDED = ("input", "linear_weight", "target")
_REDUCTIONS = ("mean", "sum", "none")


def read_reduction(size_average: Any, reduce: Any, reduction: Any) -> str:
    """Name the reduction; the two old arguments override it, with PyTorch's warning."""
    if size_average is None and reduce is None:
        if reduction not in _REDUCTIONS:
            raise ValueError(
                f"{shown(reduction)} is not a valid value for reduction; "
                "expected 'mean', 'sum' or 'none'"
            )
        name: str = reduction
        return name
    for old, value in (("size_average", size_average), ("reduce", reduce)):
        if value is not None and not isinstance(value, bool):
            raise TypeError(
                f"{old} is {shown(value)}; expected a bool or None (the order of the arguments "
                "is that of torch.nn.functional)"
            )
    name = "none" if reduce is False else "sum" if size_average is False else "mean"
    if not torch.compiler.is_compiling():  # which cannot trace a warning
        warnings.warn(
            "size_average and reduce args will be deprecated, please use "
            f"reduction='{name}' instead.",
            stacklevel=3,
        )
    return name


def check_tensors(function: str, **tensors: Any) -> None:
    """Refuse what is no tensor, and tensors that are not on the CPU."""
    for name, value in tensors.items():
        if value is None and name not in _NEEDED:
            continue
        if not isinstance(value, torch.Tensor):
            raise TypeError(
                f"softxent.torch.{function}: {name} is a {type(value).__name__}; "
                "expected a torch.Tensor"
            )
        if not value.is_cpu and value.device.type != "cpu":
            raise TypeError(
                f"softxent.torch.{function}: {name} is on the device {value.device}, and softxent "
                f"computes on the CPU: pass {name}.cpu(), or use torch.nn.functional there"
            )


def check_dtype(function: str, name: str, value: Any) -> None:
    """Refuse what is no real floating point."""
    if value.dtype not in FLOATS:
        raise TensorTypeError(
            f"softxent.torch.{function}: {name} has dtype {value.dtype}; expected torch.float16, "
            "torch.bfloat16, torch.float32 or torch.float64"
        )
    if value.is_nested:
        raise TensorTypeError(
            f"softxent.torch.{function}: {name} is a nested tensor; pass it padded, as "
            f"{name}.to_padded_tensor makes one"
        )
    if value.layout is not torch.strided:
        raise TensorTypeError(
            f"softxent.torch.{function}: {name} has the layout {value.layout}; pass "
            f"{name}.to_dense()"
        )


def read_label_smoothing(value: Any) -> float:
    """Read a number in [0, 1]."""
    if type(value) is not float:
        number = read_real(value)
        if number is None:
            raise TypeError(f"label_smoothing is {shown(value)}; expected a real number")
        value = number
    if not 0.0 <= value <= 1.0:
        raise TensorValueError(f"label_smoothing must be between 0.0 and 1.0. Got: {value}")
    return float(value)


def read_ignore_index(value: Any, probabilities: bool) -> int:
    """Read an integer, which only labels can be equal to."""
    label = value if type(value) is int else read_integer(value)
    if label is None:
        raise TypeError(f"ignore_index is {shown(value)}; expected an int")
    if probabilities and label >= 0:
        raise TensorValueError(
            f"ignore_index is not supported for floating point target: got {label}"
        )
    return int(label)


def read_class_target(
    function: str, shape: Any, target: Any, weight: Any, *, probabilities: bool = True
) -> tuple[Any, bool]:
    """
    Give the target, and whether it holds class probabilities: as in PyTorch, the shape decides.

    Parameters
    ----------
    function : str
        Whose arguments these are.
    shape : torch.Size
        Of the logits.
    target, weight : Tensor
        Of these logits.
    probabilities : bool
        Whether the function takes any.

    Raises
    ------
    TypeError, ValueError
        Each of which is a RuntimeError too.
    """
    ndim = len(shape)
    if ndim == 0:
        raise TensorValueError(f"{function}: input has no dimension; expected (C,) or (N, C, ...)")
    classes = shape[1 if ndim > 1 else 0]
    if weight is not None and (weight.dim() != 1 or weight.shape[0] != classes):
        raise TensorValueError(
            f"weight tensor should be defined either for all {classes} classes or no classes "
            f"but got weight tensor of shape: {list(weight.shape)}"
        )
    if probabilities and target.shape == shape:
        if target.dtype not in FLOATS:
            raise TensorTypeError(
                "Expected floating point type for target with class probabilities, got "
                f"{target.dtype}; labels have the shape of the logits without the classes"
            )
        return target, True
    if ndim > 1 and target.dim() and shape[0] != target.shape[0]:
        raise TensorValueError(
            f"Expected input batch_size ({shape[0]}) to match target batch_size "
            f"({target.shape[0]})."
        )
    given = target
    if target.dtype in _UNSIGNED:  # of which PyTorch hardly knows how to compute
        target = _signed(target)
    if target.dtype not in _LABELS:
        raise TensorTypeError(
            "expected target dtype to be Long or Byte, or another integer, but got "
            f"{target.dtype} of shape {tuple(target.shape)} for logits of shape {tuple(shape)}"
        )
    if ndim == 1 and target.dim() == 1 and target.shape[0] == 1:
        target = target.reshape(())
    if target.shape != (shape[:1] + shape[2:] if ndim > 1 else ()):
        expected = tuple(shape[:1] + shape[2:]) if ndim > 1 else ()
        raise TensorValueError(
            f"Expected target size {expected} of class indices for logits of shape "
            f"{tuple(shape)}, got {tuple(target.shape)}"
        )
    if given.dtype is torch.uint64 and is_plain(given):
        _refuse_beyond_int64(given.numpy(force=True), tuple(shape))
    return target, False


def _refuse_beyond_int64(labels: np.ndarray, shape: tuple[int, ...]) -> None:
    """IndexError for the first label that int64 does not hold, told as it is."""
    beyond = np.flatnonzero(labels > np.iinfo(np.int64).max)
    if beyond.size:
        row = int(beyond[0])
        raise label_error(int(labels.reshape(-1)[row]), row, shape, 1 if len(shape) > 1 else 0)


def _signed(target: Any) -> Any:
    """
    Give labels as int64; what is beyond it becomes the largest one, which is out of range.

    Under compilers and transforms that is what errors show: there are no values to look at yet.
    """
    if target.dtype is not torch.uint64:
        return target.to(torch.int64)
    bits = target.view(torch.int64)
    return torch.where(bits < 0, torch.iinfo(torch.int64).max, bits)


def refuse_grad(function: str, **weights: Any) -> None:
    """Refuse weights that want a gradient which PyTorch does not define either."""
    for name, value in weights.items():
        if value is not None and value.requires_grad and torch.is_grad_enabled():
            raise RuntimeError(
                f"The function '{function}' is not differentiable with respect to argument "
                f"'{name}'. This input cannot have requires_grad True."
            )
