"""Arguments of networks and of everything about them: what was expected, what was given."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from softxent._arguments.arrays import as_array, as_float
from softxent._arguments.scalars import integer, number, seed, shown

__all__ = [
    "class_names",
    "class_weights",
    "feature_names",
    "flag",
    "integer",
    "integers",
    "mapping",
    "number",
    "seed",
    "table",
    "text",
]


def integers(name: str, values: Any, minimum: int) -> tuple[int, ...]:
    """Return a sequence of integers as a tuple, or raise TypeError or ValueError."""
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        raise TypeError(f"{name} must be a sequence of integers such as (64,), got {shown(values)}")
    return tuple(integer(f"{name}[{index}]", value, minimum) for index, value in enumerate(values))


def flag(name: str, value: Any) -> bool:
    """Return a truth value as a bool, or raise TypeError."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} must be True or False, got {shown(value)}")
    return bool(value)


def text(name: str, value: Any) -> str | None:
    """Return a text, or None, or raise TypeError."""
    if value is not None and not isinstance(value, str):
        raise TypeError(f"{name} must be text, got {shown(value)}")
    return value


def mapping(name: str, value: Any) -> dict[str, Any]:
    """Return a mapping of names, none for None, as a dict, or raise TypeError."""
    if value is None:
        return {}
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise TypeError(f"{name} must be a mapping of names, got {shown(value)}")
    return dict(value)


def class_names(names: Sequence[str] | None, num_classes: int) -> tuple[str, ...] | None:
    """Return one distinct name per class, or raise TypeError or ValueError; numbers become text."""
    if names is None:
        return None
    if not isinstance(names, str):
        names = [str(name) for name in names]
    return _names("class_names", names, num_classes)


def feature_names(names: Sequence[str] | None, input_size: int) -> tuple[str, ...] | None:
    """Return one distinct name per feature, or raise TypeError or ValueError."""
    return None if names is None else _names("feature_names", names, input_size)


def _names(what: str, names: Sequence[str], count: int) -> tuple[str, ...]:
    if isinstance(names, str):
        raise TypeError(f"{what} must be a sequence of names, got the text {names!r}")
    seen: dict[str, int] = {}
    for position, name in enumerate(names):
        if not isinstance(name, str):
            raise TypeError(f"{what} must be text, got {name!r} at index {position}")
        first = seen.setdefault(str(name), position)
        if first != position:
            raise ValueError(
                f"{what} must be distinct, got {str(name)!r} at index {first} and {position}"
            )
    if len(seen) != count:
        raise ValueError(f"{what} must have {count} names, got {len(seen)}")
    return tuple(seen)


def table(X: ArrayLike, columns: int, dtype: np.dtype) -> np.ndarray:
    """Return X as a C-contiguous array of shape (n, columns), or raise TypeError or ValueError."""
    array = as_array(X, "X")
    if array.dtype.kind not in "biuf":
        raise TypeError(f"X must be real numbers, got dtype {array.dtype}")
    if array.ndim != 2 or array.shape[1] != columns:
        raise ValueError(f"X must have shape (n, {columns}), got {array.shape}")
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(array, dtype=dtype)


def class_weights(weight: ArrayLike | None, num_classes: int) -> np.ndarray | None:
    """Return class weights as float64 of shape (num_classes,), or raise ValueError."""
    if weight is None:
        return None
    array = as_float(weight, "weight").astype(np.float64)
    if array.shape != (num_classes,):
        raise ValueError(
            f"weight must have one value per class, shape ({num_classes},), got {array.shape}"
        )
    bad = np.flatnonzero(~(np.isfinite(array) & (array >= 0)))
    if bad.size:
        raise ValueError(f"weight must be finite and ≥ 0, got {array[bad[0]]} for class {bad[0]}")
    return array
