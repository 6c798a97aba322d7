"""The four element types under test and what the rows need to know about them."""

from __future__ import annotations

import ml_dtypes
import numpy as np

FLOAT16 = np.dtype(np.float16)
BFLOAT16 = np.dtype(ml_dtypes.bfloat16)
FLOAT32 = np.dtype(np.float32)
FLOAT64 = np.dtype(np.float64)

DTYPES = (FLOAT16, BFLOAT16, FLOAT32, FLOAT64)


def loss_dtype(dtype: object) -> np.dtype:
    """dtype of losses and logsumexp: 16-bit inputs give float32."""
    return FLOAT32 if np.dtype(dtype).itemsize == 2 else np.dtype(dtype)


def largest_finite(dtype: object) -> float:
    """The largest finite number of a dtype."""
    return float(ml_dtypes.finfo(np.dtype(dtype)).max)


def cast(values: object, dtype: object) -> np.ndarray:
    """Round to a dtype, saturating at its largest finite numbers; infinities stay."""
    values = np.asarray(values, dtype=np.float64)
    limit = largest_finite(dtype)
    finite = np.isfinite(values)
    return np.where(finite, np.clip(values, -limit, limit), values).astype(dtype)


def step(values: np.ndarray, steps: object) -> np.ndarray:
    """Move positive or negative numbers by a count of representable neighbours, away from 0."""
    integer = np.dtype(f"i{values.dtype.itemsize}")
    moved = values.view(integer) + np.asarray(steps, dtype=integer)
    return moved.view(values.dtype)
