"""What counts as an array: inputs, element types, axes, masks and output buffers."""

from __future__ import annotations

import sys
from typing import Any, overload

import numpy as np
from numpy.exceptions import AxisError

from softxent._core.binding import empty_like

from .lazy import refuse_lazy
from .masked import is_masked, refuse_masked
from .scalars import read_integer, shown

__all__ = [
    "apart",
    "as_array",
    "as_float",
    "axis_index",
    "axis_mask",
    "check_fit",
    "check_out",
    "loss_dtype",
    "mask_for",
    "output_for",
    "remaining_shape",
    "separate",
]

_FLOATS = {np.dtype(t).num for t in (np.float16, np.float32, np.float64)}

# Whose errors about an array that NumPy cannot see are told with what to do about it.
_TENSOR_LIBRARIES = ("torch", "jax", "jaxlib", "cupy", "tensorflow")
_HERE = __name__.partition(".")[0]


def as_array(value: Any, name: str) -> np.ndarray:
    """
    Read anything `numpy.asarray` or DLPack takes, without a copy where there is memory to share.

    Raises
    ------
    TypeError
        For masked arrays, alone or anywhere in nested sequences, for lazy arrays and tables, and
        for tensors that NumPy cannot see; the message says what to do.
    ValueError
        For nested sequences of different lengths.
    Exception
        Whatever the value's own methods raise, unchanged.
    """
    if type(value) is np.ndarray:
        return value
    refuse_lazy(value, name)
    refuse_masked(value, name)
    try:
        if hasattr(value, "__dlpack__") and not hasattr(value, "__array__"):
            return np.from_dlpack(value)
        array = np.asanyarray(value)
    except ValueError as error:
        if _raising_package(error) != _HERE or not isinstance(value, (list, tuple)):
            raise
        raise ValueError(f"{name} does not make an array: {error}") from error
    except (RuntimeError, TypeError, BufferError) as error:
        if _raising_package(error) not in (_HERE, *_TENSOR_LIBRARIES):
            raise
        kind = f"{type(value).__module__}.{type(value).__qualname__}"
        reason = str(error).rstrip(".")
        raise TypeError(f"{name}: cannot read this {kind}: {reason}{_advice(value)}") from error
    if type(array) is np.ndarray:
        if array.ndim == 0 and array.dtype.hasobject and hasattr(type(value), "__len__"):
            # NumPy takes a sequence whose length cannot be told for a scalar.
            _refuse_sparse(value, name)
            len(value)
        return array
    refuse_masked(array, name)
    return np.asarray(array)


def as_float(value: Any, name: str) -> np.ndarray:
    """
    Read an array in a floating type that the core computes in, in native byte order.

    Integers and bools become float64; every other dtype is a TypeError that names it.
    """
    array = as_array(value, name)
    dtype = array.dtype
    if is_float(dtype):
        return array if dtype.isnative else array.astype(dtype.newbyteorder("="))
    if dtype.kind in "biu":
        return array.astype(np.float64)
    raise TypeError(
        f"{name} has dtype {dtype}; expected float16, bfloat16, float32 or float64 "
        "(integers and bools are converted to float64)"
    )


def is_float(dtype: np.dtype) -> bool:
    """Tell the element types of the core; bfloat16 belongs to ml_dtypes, so its name must do."""
    return dtype.num in _FLOATS or (dtype.itemsize == 2 and dtype.name == "bfloat16")


def loss_dtype(dtype: np.dtype) -> np.dtype:
    """Type of losses and log-sum-exps: float64 for float64, else float32 (16 bits overflow)."""
    return np.dtype(np.float64 if dtype.itemsize == 8 else np.float32)


def axis_index(axis: Any, ndim: int) -> int:
    """Normalise one axis; AxisError if the array has no such dimension."""
    index = read_integer(axis)
    if index is None:
        raise TypeError(f"axis is {shown(axis)}; expected an integer")
    if not -ndim <= index < ndim:
        if abs(index) > sys.maxsize:
            raise AxisError(
                f"axis is {shown(index)}, out of bounds for an array of dimension {ndim}"
            )
        raise AxisError(index, ndim)
    return index % ndim


def axis_mask(axis: Any, ndim: int) -> int:
    """
    Bit mask of an int, a tuple of ints or None (all axes).

    A 0-d array counts as a row of one element along the axis 0 or -1, as in NumPy's reductions.
    """
    if axis is None:
        return (1 << ndim) - 1
    axes = axis if isinstance(axis, tuple) else (axis,)
    if ndim == 0:
        for one in axes:
            axis_index(one, 1)
        return 0
    mask = 0
    for one in axes:
        bit = 1 << axis_index(one, ndim)
        if mask & bit:
            raise ValueError(f"axis {axis} names dimension {axis_index(one, ndim)} twice")
        mask |= bit
    return mask


def remaining_shape(shape: tuple[int, ...], mask: int, keepdims: bool = False) -> tuple[int, ...]:
    """Shape of one value per row: the dimensions of `mask` left out, or 1 with `keepdims`."""
    if keepdims:
        return tuple(1 if mask >> k & 1 else n for k, n in enumerate(shape))
    return tuple(n for k, n in enumerate(shape) if not mask >> k & 1)


def mask_for(where: Any, shape: tuple[int, ...]) -> np.ndarray | None:
    """Read `where` and broadcast it to the shape of the input."""
    if where is None:
        return None
    array = as_array(where, "where")
    if array.dtype != np.bool_:
        raise TypeError(f"where has dtype {array.dtype}; expected bool")
    return broadcast(array, shape, "where")


def broadcast(array: np.ndarray, shape: tuple[int, ...], name: str) -> np.ndarray:
    """View `array` with the shape of the input; ValueError with both shapes if it has another."""
    if array.shape == shape:
        return array
    try:
        return np.broadcast_to(array, shape)
    except ValueError:
        raise ValueError(
            f"{name} has shape {array.shape}, which does not broadcast to the input's {shape}"
        ) from None


def check_out(out: Any, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """Refuse an output buffer that cannot take the result, before anything is written."""
    if not isinstance(out, np.ndarray) or is_masked(out):
        raise TypeError(f"out is a {type(out).__name__}; expected a numpy.ndarray")
    check_fit(out, shape, dtype)
    if not out.flags.writeable:
        raise ValueError("out is read-only; expected a writeable array")
    return out


def check_fit(out: Any, shape: tuple[int, ...], dtype: np.dtype) -> None:
    """Refuse an array, NumPy's or a lazy one, that has not the shape and dtype of the result."""
    if out.shape != shape:
        raise ValueError(f"out has shape {out.shape}; expected {shape}")
    if out.dtype != dtype:
        raise TypeError(f"out has dtype {out.dtype}; expected {dtype}")


def output_for(like: np.ndarray, out: Any) -> np.ndarray:
    """The caller's checked buffer, or a new array with the memory order of `like`."""
    if out is None:
        return empty_like(like)
    return check_out(out, like.shape, like.dtype)


@overload
def apart(array: np.ndarray, out: np.ndarray | None) -> np.ndarray: ...
@overload
def apart(array: None, out: np.ndarray | None) -> None: ...
def apart(array: np.ndarray | None, out: np.ndarray | None) -> np.ndarray | None:
    """Copy `array` if it shares memory with `out`."""
    if array is None or out is None or not np.may_share_memory(array, out):
        return array
    return array.copy()


def separate(array: np.ndarray, out: np.ndarray | None) -> np.ndarray:
    """As `apart`, but leave an array alone whose elements lie exactly where those of `out` do."""
    if out is None:
        return array
    same_place = array.__array_interface__["data"][0] == out.__array_interface__["data"][0]
    if same_place and array.dtype == out.dtype and _layout(array) == _layout(out):
        return array
    return apart(array, out)


def _layout(array: np.ndarray) -> tuple[tuple[int, ...], tuple[int, ...]]:
    return array.shape, array.strides


def _refuse_sparse(value: Any, name: str) -> None:
    if type(value).__module__.startswith("scipy.sparse"):
        raise TypeError(
            f"{name} is a sparse {type(value).__name__} of SciPy; expected a dense array: pass it "
            "as .toarray()"
        )


def _raising_package(error: Exception) -> str:
    """Give the package whose Python code raised an exception."""
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    name = "" if traceback is None else traceback.tb_frame.f_globals.get("__name__", "")
    return name.partition(".")[0]


def _advice(value: Any) -> str:
    if getattr(value, "requires_grad", False):
        return "; pass it as .detach()"
    if "bfloat16" in str(getattr(value, "dtype", "")):
        return "; pass it as .float()"
    if str(getattr(value, "device", "cpu")) != "cpu":
        return "; pass it as .cpu()"
    return ""
