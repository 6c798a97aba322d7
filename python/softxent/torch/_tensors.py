"""Tensors as NumPy arrays and back, over the same memory."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from softxent._machine.optional import require

__all__ = ["array", "array_or_none", "like_rows", "tensor"]


def array(source: Any) -> np.ndarray:
    """View a tensor as an array; bfloat16, which NumPy lacks, goes by its bits."""
    if source.dtype is torch.bfloat16:
        bits: np.ndarray = source.view(torch.uint16).numpy(force=True)
        return bits.view(_bfloat16())
    shared: np.ndarray = source.numpy(force=True)
    return shared


def array_or_none(source: Any) -> np.ndarray | None:
    """View a tensor that may be missing."""
    return None if source is None else array(source)


def tensor(result: Any, dtype: Any = None) -> Any:
    """Hand a result over; with `dtype` converted to it, as the losses of 16-bit logits are."""
    values = result if type(result) is np.ndarray else np.asarray(result)
    if values.dtype.kind == "V":  # bfloat16, the only type here that is not NumPy's
        return torch.from_numpy(values.view(np.uint16)).view(torch.bfloat16)
    shared = torch.from_numpy(values)
    return shared if dtype is None or shared.dtype is dtype else shared.to(dtype)


def like_rows(values: np.ndarray) -> np.ndarray | None:
    """
    Give the ``out=`` of a result that has to be contiguous.

    None where softxent makes it so by itself: its results have the memory order of their input.
    """
    return None if values.flags.c_contiguous else np.empty(values.shape, values.dtype)


def _bfloat16() -> Any:
    return require("ml_dtypes", "torch", "bfloat16 in softxent.torch").bfloat16
