"""NumPy's .npy and .npz files, read without trusting what they say about themselves."""

from __future__ import annotations

import math
import os
import zipfile
from collections.abc import Mapping
from io import BytesIO
from typing import IO

import numpy as np

from softxent._files.atomic import atomic_path

__all__ = ["npy_array", "npz_arrays", "read_npy", "read_npz", "write_npz"]

_HEADER_READERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def read_npy(path: str | os.PathLike[str]) -> np.ndarray:
    """
    Read a .npy file whose header agrees with its length.

    Parameters
    ----------
    path : str or os.PathLike
        The file.

    Returns
    -------
    ndarray
        A writable array in native memory.

    Raises
    ------
    ValueError
        If the file is no .npy file, is shorter or longer than its shape and dtype say, or holds
        Python objects (which only unpickling could read).
    OSError
        If the file cannot be opened.
    """
    with open(path, "rb") as stream:
        return npy_array(stream, str(path))


def npy_array(stream: IO[bytes], source: str) -> np.ndarray:
    """Read the array of an open .npy file, as `read_npy` does; `source` names it in errors."""
    size = stream.seek(0, os.SEEK_END)
    stream.seek(0)
    return _read_array(stream, size, source)


def read_npz(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """
    Read every array of a .npz file.

    Parameters
    ----------
    path : str or os.PathLike
        The file.

    Returns
    -------
    dict of str to ndarray
        The arrays under their names, in the order of the file.

    Raises
    ------
    ValueError
        If the file is no zip archive, is damaged, or one of its arrays is refused by `read_npy`.
    OSError
        If the file cannot be opened.
    """
    with open(path, "rb") as stream:
        return npz_arrays(stream, str(path))


def npz_arrays(stream: IO[bytes], source: str) -> dict[str, np.ndarray]:
    """Read the arrays of an open .npz file, as `read_npz` does; `source` names it in errors."""
    arrays = {}
    for member, content in _members(stream, source).items():
        if not member.endswith(".npy"):
            raise ValueError(f"{source}: member {member!r} is not a NumPy array")
        name = member.removesuffix(".npy")
        arrays[name] = _read_array(BytesIO(content), len(content), f"{source}: array {name!r}")
    return arrays


def write_npz(path: str | os.PathLike[str], arrays: Mapping[str, np.ndarray]) -> None:
    """
    Write arrays to a .npz file, whole or not at all; equal arrays give equal bytes.

    Parameters
    ----------
    path : str or os.PathLike
        The file to write.
    arrays : mapping of str to ndarray
        The arrays; none may hold Python objects.

    Raises
    ------
    TypeError
        If an array holds Python objects.
    OSError
        As `softxent._files.atomic.atomic_path`.
    """
    for name, array in arrays.items():
        if np.asarray(array).dtype.hasobject:
            raise TypeError(f"array {name!r} holds Python objects and cannot be written")
    with atomic_path(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name, array in arrays.items():
            # A ZipInfo made from a name alone has the date 1980-01-01, hence the equal bytes.
            member = zipfile.ZipInfo(f"{name}.npy")
            member.external_attr = 0o600 << 16
            with archive.open(member, "w", force_zip64=True) as stream:
                np.lib.format.write_array(stream, np.asarray(array), allow_pickle=False)


def _members(stream: IO[bytes], source: str) -> dict[str, bytes]:
    """Unpack a zip archive; the checksums of its members are verified by that."""
    try:
        with zipfile.ZipFile(stream) as archive:
            return {member.filename: archive.read(member) for member in archive.infolist()}
    except Exception as error:
        # Damage surfaces as whatever it makes zipfile do: BadZipFile, zlib.error, struct.error,
        # OSError from a seek to nowhere, NotImplementedError for a method that does not exist.
        raise ValueError(f"{source} is not a readable .npz file: {error}") from error


def _read_array(stream: IO[bytes], size: int, what: str) -> np.ndarray:
    """Read one array from a stream of `size` bytes; `what` names it in errors."""
    try:
        version = np.lib.format.read_magic(stream)
        if version not in _HEADER_READERS:
            raise ValueError(f"format version {version} is not one of {sorted(_HEADER_READERS)}")
        shape, fortran_order, dtype = _HEADER_READERS[version](stream)
    except Exception as error:
        # NumPy evaluates the header as a Python literal: damage also gives SyntaxError, TypeError
        # or tokenize.TokenError, whichever the parser stumbles over.
        raise ValueError(f"{what} is not a NumPy array file: {error}") from error
    if dtype.hasobject:
        raise ValueError(f"{what} holds Python objects (dtype {dtype}), which are never unpickled")
    _check_length(math.prod(shape) * dtype.itemsize, size - stream.tell(), shape, dtype, what)
    flat = np.frombuffer(bytearray(stream.read()), dtype=dtype)
    return flat.reshape(shape, order="F" if fortran_order else "C")


def _check_length(
    expected: int, given: int, shape: tuple[int, ...], dtype: np.dtype, what: str
) -> None:
    """Compare a header with the bytes that follow it, before memory is asked for."""
    if expected != given or any(extent < 0 for extent in shape):
        raise ValueError(
            f"{what} is damaged: shape {shape} of {dtype} takes {expected} bytes, it has {given}"
        )
