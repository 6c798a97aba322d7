"""Files of the safetensors format, read into arrays whatever else is installed or imported."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from softxent._files.atomic import atomic_path
from softxent._machine.optional import require

__all__ = ["available_for", "read_safetensors", "write_safetensors"]

_DTYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "i1",
    "U64": "<u8",
    "U32": "<u4",
    "U16": "<u2",
    "U8": "u1",
    "BOOL": "?",
}


def available_for(purpose: str) -> Any:
    """
    Import the safetensors package.

    Raises
    ------
    ImportError
        If it is not installed; says what needs it and which extra brings it.
    """
    return require("safetensors", "safetensors", purpose)


def read_safetensors(
    path: str | os.PathLike[str],
) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """
    Read every tensor of a file.

    Parameters
    ----------
    path : str or os.PathLike
        The file.

    Returns
    -------
    tensors : dict of str to ndarray
        Under their names, sorted, in native byte order. bfloat16, which NumPy lacks, becomes
        float32: its bits are the upper half of a float32's, so that no value changes.
    metadata : dict of str to str
        The texts that the file carries.

    Raises
    ------
    ImportError
        If the safetensors package is not installed.
    ValueError
        If the file is damaged, or a tensor has a type with no exact counterpart (8 bits and less).
    OSError
        If the file cannot be opened.
    """
    safetensors = available_for(f"reading {os.fspath(path)}")
    content = Path(path).read_bytes()
    try:
        tensors = safetensors.deserialize(content)
        with safetensors.safe_open(os.fspath(path), framework="numpy") as stream:
            metadata = dict(stream.metadata() or {})
    except safetensors.SafetensorError as error:
        raise ValueError(f"{path} is not a readable safetensors file: {error}") from error
    return {name: _array(name, tensor, path) for name, tensor in sorted(tensors)}, metadata


def write_safetensors(
    path: str | os.PathLike[str], tensors: Mapping[str, np.ndarray], metadata: Mapping[str, str]
) -> None:
    """
    Write arrays to a file, whole or not at all; equal arrays give equal bytes.

    Parameters
    ----------
    path : str or os.PathLike
        The file.
    tensors : mapping of str to ndarray
        The arrays, C-contiguous.
    metadata : mapping of str to str
        Texts beside them.

    Raises
    ------
    ImportError
        If the safetensors package is not installed.
    OSError
        As `softxent._files.atomic.atomic_path`.
    """
    available_for(f"writing {os.fspath(path)}")
    numpy = require("safetensors.numpy", "safetensors", f"writing {os.fspath(path)}")
    with atomic_path(path) as temporary:
        # save_file would rename a file of its own over the temporary one.
        temporary.write_bytes(numpy.save(dict(tensors), metadata=dict(metadata)))


def _array(name: str, tensor: Mapping[str, Any], path: str | os.PathLike[str]) -> np.ndarray:
    """Make an array of its own of one tensor's bytes."""
    stated, shape = str(tensor["dtype"]), tensor["shape"]
    if stated == "BF16":
        upper = np.frombuffer(tensor["data"], "<u2").astype(np.uint32) << 16
        return upper.view(np.float32).reshape(shape)
    if stated not in _DTYPES:
        raise ValueError(
            f"{path}: the tensor {name!r} has the type {stated}; expected F64, F32, F16, BF16 or "
            "integers: save it as float32"
        )
    dtype = np.dtype(_DTYPES[stated])
    return np.frombuffer(tensor["data"], dtype).astype(dtype.newbyteorder("=")).reshape(shape)
