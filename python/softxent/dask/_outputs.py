"""What `out=` means here, as in Dask's own functions: the array given becomes the result."""

from __future__ import annotations

from typing import Any

import dask.array as da
from dask.array.core import handle_out

from softxent._arguments.arrays import check_fit

from ._inputs import check_chunks, check_meta

__all__ = ["placed"]


def placed(out: Any, result: da.Array) -> da.Array:
    """
    Make `out` the result, graph, chunks and all, and return it; without `out` the result.

    Raises
    ------
    TypeError
        If `out` is no dask array, or has another dtype or other chunks than NumPy's.
    ValueError
        If it has another shape or chunks of unknown size.
    """
    if out is None:
        return result
    if not isinstance(out, da.Array):
        raise TypeError(
            f"out is a {type(out).__name__}; expected a dask array, which becomes the result"
        )
    check_meta(out, "out")
    check_chunks(out, "out")
    check_fit(out, result.shape, result.dtype)
    return handle_out(out, result)
