"""Exceptions that statuses of the core and checks of arguments have in common."""

from __future__ import annotations

import numpy as np

__all__ = ["label_error", "no_class_error"]


def label_error(label: int, row: int, shape: tuple[int, ...], axis: int) -> IndexError:
    """Exception for `label` in row number `row` of logits with this shape."""
    rows = shape[:axis] + shape[axis + 1 :]
    index = tuple(int(k) for k in np.unravel_index(row, rows))
    hint = "; one logit per row is for binary_cross_entropy" if shape[axis] == 1 else ""
    return IndexError(f"label {label} at index {index} is not in [0, {shape[axis]}){hint}")


def no_class_error(name: str, shape: tuple[int, ...]) -> ValueError:
    """Exception for a reduction over no element."""
    return ValueError(
        f"{name}: the reduced axes of an input of shape {shape} hold no element; expected >= 1"
    )
