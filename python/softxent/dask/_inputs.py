"""Arguments: what is a dask array with chunks of known sizes, and what follows its chunks."""

from __future__ import annotations

import math
from typing import Any

import dask.array as da
import numpy as np
from dask.base import is_dask_collection

from softxent._arguments.arrays import as_array, as_float
from softxent._arguments.masked import refuse_masked

__all__ = [
    "broadcast_like",
    "check_chunks",
    "check_meta",
    "follow",
    "logits",
    "refuse_collection",
    "value",
]

Chunks = tuple[tuple[int, ...], ...]


def logits(value: Any, name: str, function: str) -> da.Array:
    """
    Check a dask array of a type that the functions compute in.

    Raises
    ------
    TypeError
        If it is no dask array, its chunks are no NumPy arrays, or it has another dtype.
    ValueError
        If the size of a chunk is not known.
    """
    if not isinstance(value, da.Array):
        refuse_collection(value, name, "a dask array")
        remedy = ""
        if isinstance(value, np.ndarray):
            remedy = f": softxent.{function} takes arrays, dask.array.from_array makes one of Dask"
        raise TypeError(f"{name} is a {type(value).__name__}; expected a dask array{remedy}")
    as_float(check_meta(value, name), name)
    check_chunks(value, name)
    return value


def refuse_collection(value: Any, name: str, expected: str) -> None:
    """TypeError for a collection of Dask that is no array, with what makes one of it."""
    if not is_dask_collection(value) or isinstance(value, da.Array):
        return
    kind = type(value)
    if hasattr(kind, "to_dask_array"):
        remedy = f"pass it as {name}.to_dask_array(lengths=True)"
    else:
        remedy = "dask.array.from_delayed makes an array of what is delayed"
    raise TypeError(f"{name} is a {kind.__name__}; expected {expected}: {remedy}")


def check_meta(array: da.Array, name: str) -> np.ndarray:
    """The empty array that stands for the chunks; TypeError if they are not NumPy's, or masked."""
    meta = array._meta
    refuse_masked(meta, name)
    if not isinstance(meta, np.ndarray):
        kind = f"{type(meta).__module__}.{type(meta).__qualname__}"
        raise TypeError(f"{name} has chunks of {kind}; expected numpy.ndarray")
    return meta


def check_chunks(array: da.Array, name: str) -> None:
    """ValueError if the size of a chunk is not known."""
    for axis, sizes in enumerate(array.chunks):
        if any(math.isnan(size) for size in sizes):
            raise ValueError(
                f"{name} has chunks of unknown size along axis {axis}; call its "
                "compute_chunk_sizes() first"
            )


def value(given: Any, name: str) -> Any:
    """A dask array with known chunks, or the argument as a NumPy array."""
    if isinstance(given, da.Array):
        check_meta(given, name)
        check_chunks(given, name)
        return given
    refuse_collection(given, name, "an array of Dask or NumPy")
    return as_array(given, name)


def follow(given: Any, chunks: Chunks) -> da.Array:
    """An array of the right shape with these chunks, rechunked if it has others."""
    if not isinstance(given, da.Array):
        return da.from_array(np.asarray(given), chunks=chunks)
    return given if given.chunks == chunks else given.rechunk(chunks)


def broadcast_like(given: Any, name: str, x: da.Array) -> da.Array:
    """An array broadcast to the shape of `x` in its chunks, which are views of what there is."""
    array = value(given, name)
    if array.shape == x.shape:
        return follow(array, x.chunks)
    try:
        fits = np.broadcast_shapes(array.shape, x.shape) == x.shape
    except ValueError:
        fits = False
    if not fits:
        raise ValueError(
            f"{name} has shape {array.shape}, which does not broadcast to the input's {x.shape}"
        )
    lead = x.ndim - array.ndim
    chunks = tuple(
        x.chunks[lead + k] if array.shape[k] == x.shape[lead + k] else (1,)
        for k in range(array.ndim)
    )
    return da.broadcast_to(follow(array, chunks), x.shape, chunks=x.chunks)
