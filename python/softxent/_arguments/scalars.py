"""Scalar arguments: what counts as a number, an integer or a bool, and how errors show it."""

from __future__ import annotations

import math
import numbers
import operator
from typing import Any

import numpy as np

from .masked import is_masked

__all__ = [
    "flag",
    "has_no_dtype",
    "integer",
    "number",
    "read_integer",
    "read_real",
    "seed",
    "shown",
]

_LONGEST = 60
# Of a longer integer Python refuses to make a text (sys.set_int_max_str_digits).
_MOST_BITS = 4096


def read_real(value: Any) -> float | None:
    """
    Read a real scalar: a Python or NumPy number, a 0-d array or tensor, or what has `__float__`.

    Returns
    -------
    float or None
        Infinite for an integer beyond the floats, which no finite bound admits. None for what is no
        real number: bools, text, complex and masked values, arrays with an axis, and the numbers of
        other libraries (`decimal`, `fractions`), which a float may not hold.

    Raises
    ------
    Exception
        Whatever the value's own methods raise.
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return _to_float(value)
    if isinstance(value, (np.ndarray, np.generic)):
        numeric = value.dtype.kind in "iuf" or value.dtype.name == "bfloat16"
        return _to_float(value) if value.ndim == 0 and numeric and not is_masked(value) else None
    if isinstance(value, (bool, str, numbers.Number)) or getattr(value, "ndim", 0) != 0:
        return None
    if getattr(value, "requires_grad", False):
        return None
    if "complex" in str(getattr(value, "dtype", "")) or "bool" in str(getattr(value, "dtype", "")):
        return None
    return _to_float(value) if hasattr(type(value), "__float__") else None


def read_integer(value: Any) -> int | None:
    """
    Read an integer scalar: what has `__index__`, bools and masked values left out.

    Returns
    -------
    int or None
        None for what is no integer.

    Raises
    ------
    Exception
        Whatever the value's own methods raise.
    """
    if type(value) is int:
        return value
    if isinstance(value, (bool, np.bool_)) or is_masked(value):
        return None
    if "bool" in str(getattr(value, "dtype", "")) or not hasattr(type(value), "__index__"):
        return None
    try:
        return operator.index(value)
    except TypeError as error:
        # An array of several elements has the method, and refuses; so does one of floats.
        if error.__traceback__ is not None and error.__traceback__.tb_next is not None:
            raise
        return None


def integer(name: str, value: Any, minimum: int, maximum: int = 2**63 - 1) -> int:
    """Return an integer argument, or raise TypeError or ValueError."""
    result = read_integer(value)
    if result is None:
        raise TypeError(f"{name} must be an integer, got {shown(value)}")
    if result < minimum:
        raise ValueError(f"{name} must be at least {minimum}, got {shown(value)}")
    if result > maximum:
        raise ValueError(f"{name} must be at most {maximum}, got {shown(value)}")
    return result


def seed(name: str, value: Any) -> int:
    """Return a seed, of which NumPy's generators use 128 bits."""
    return integer(name, value, 0, 2**128 - 1)


def number(
    name: str,
    value: Any,
    low: float,
    high: float = math.inf,
    *,
    open_low: bool = False,
    open_high: bool = False,
) -> float:
    """Return a finite real argument in an interval as a float, or raise TypeError or ValueError."""
    result = read_real(value)
    if result is None:
        raise TypeError(f"{name} must be a number, got {shown(value)}")
    above = result > low if open_low else result >= low
    below = result < high if open_high or math.isinf(high) else result <= high
    if not (above and below):
        left, right = "(["[not open_low], ")]"[not open_high and math.isfinite(high)]
        raise ValueError(f"{name} must be in {left}{low:g}, {high:g}{right}, got {shown(value)}")
    return result


def has_no_dtype(value: Any) -> bool:
    """Whether a value is a Python number, which has no say in the promotion; `np.float64` has."""
    return isinstance(value, (int, float, complex)) and not isinstance(value, np.generic)


def flag(value: Any, name: str) -> bool:
    """Read a bool; a string, a number or None in its place is a mistake, not True or False."""
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    raise TypeError(f"{name} is {shown(value)}; expected a bool")


def shown(value: Any) -> str:
    """Represent a value in an error message; a long one by its ends."""
    if isinstance(value, int) and value.bit_length() > _MOST_BITS:
        return f"an integer of {value.bit_length()} bits"
    try:
        text = " ".join(repr(value).split())
    except ValueError:  # such an integer inside
        return f"a {type(value).__name__} too long to show"
    if len(text) <= _LONGEST:
        return text
    ends = f"{text[:24]}…{text[-12:]}"
    return f"{ends} ({len(text.lstrip('-'))} digits)" if isinstance(value, int) else ends


def _to_float(value: Any) -> float:
    if not isinstance(value, int):
        return float(value)
    try:
        return float(value)
    except OverflowError:
        return -math.inf if value < 0 else math.inf
