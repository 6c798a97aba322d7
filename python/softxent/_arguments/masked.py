"""Masked arrays, whose masks nothing here can honour: found anywhere, refused with one message."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np

__all__ = ["is_masked", "refuse_masked"]

# NumPy's limit on the number of dimensions, so that nothing lies deeper in nested sequences.
_DEEPEST = 64
# Neither masked nor sequences; told at once, because asking an abstract class takes long.
_PLAIN = {bool, int, float, complex, str, bytes, type(None), np.ndarray, np.float32, np.float64}


def is_masked(value: Any) -> bool:
    """Tell masked arrays, and nested sequences that hold one at any depth."""
    # A masked array exists only where numpy.ma is loaded, and loading it costs milliseconds.
    masked = sys.modules.get("numpy.ma")
    if masked is None:
        return False
    level: Sequence[Any] = (value,)
    for _ in range(_DEEPEST):
        # By types rather than elements: there are few of them, and a set finds them quickly.
        kinds = set(map(type, level)) - _PLAIN
        if not kinds:
            return False
        if any(issubclass(kind, masked.MaskedArray) for kind in kinds):
            return True
        nested = tuple(kind for kind in kinds if _is_sequence(kind))
        if not nested:
            return False
        if len(level) == 1:
            level = level[0]
            continue
        # Each once, or a list that holds itself twice would double at every level.
        parts: dict[int, Any] = {id(part): part for part in level if isinstance(part, nested)}
        level = list(chain.from_iterable(parts.values()))
    return False


def refuse_masked(value: Any, name: str) -> None:
    """TypeError for what `is_masked` tells, with the ways to leave elements out."""
    if is_masked(value):
        what = "holds" if _is_sequence(type(value)) else "is"
        raise TypeError(
            f"{name} {what} a masked array, whose mask would be lost; expected its data (softmax, "
            "log_softmax and logsumexp take the mask as where=~mask; a row leaves a loss by the "
            "label ignore_index or the sample_weight 0)"
        )


def _is_sequence(kind: type) -> bool:
    """Say whether NumPy reads objects of this type element by element."""
    if kind is list or kind is tuple:
        return True
    return issubclass(kind, Sequence) and not issubclass(
        kind, (str, bytes, bytearray, memoryview, range)
    )
