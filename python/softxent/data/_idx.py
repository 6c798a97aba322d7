"""The IDX format of MNIST, plain or compressed with gzip.

Layout, from http://yann.lecun.com/exdb/mnist/: two zero bytes, a type code, the number of
dimensions, the extents as big-endian 32-bit integers, the values in C order, big-endian.
"""

from __future__ import annotations

import gzip
import math
import os
import struct
import zlib
from io import BufferedIOBase

import numpy as np

__all__ = ["read_idx"]

_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_CHUNK = 1 << 20


def read_idx(path: str | os.PathLike[str]) -> np.ndarray:
    """
    Read an IDX file.

    Parameters
    ----------
    path : str or os.PathLike
        The file; it is decompressed if its name ends in ".gz".

    Returns
    -------
    ndarray
        The array in native byte order. No more memory is used than the file has data for,
        whatever its header says.

    Raises
    ------
    ValueError
        If the magic number is wrong, the file is truncated, has surplus bytes or is not valid
        gzip.
    OSError
        If the file cannot be opened.
    """
    compressed = str(path).lower().endswith(".gz")
    try:
        with gzip.open(path, "rb") if compressed else open(path, "rb") as stream:
            return _read(stream, str(path))
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"{path} is a damaged gzip file: {error}") from error


def _read(stream: BufferedIOBase, source: str) -> np.ndarray:
    """Read header and values from a stream."""
    magic = stream.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in _TYPES or magic[3] == 0:
        raise ValueError(
            f"{source} is not an IDX file: it starts with the bytes {magic.hex(' ')!r}, expected "
            f"00 00, a type among {', '.join(f'{code:02x}' for code in _TYPES)} and a dimension"
        )
    header = stream.read(4 * magic[3])
    if len(header) < 4 * magic[3]:
        raise ValueError(f"{source} is truncated inside its header of {magic[3]} dimensions")
    shape = struct.unpack(f">{magic[3]}I", header)
    dtype = np.dtype(_TYPES[magic[2]])
    data = _read_at_most(stream, math.prod(shape) * dtype.itemsize + 1)
    if len(data) != math.prod(shape) * dtype.itemsize:
        found = "more" if len(data) > math.prod(shape) * dtype.itemsize else str(len(data))
        raise ValueError(
            f"{source} is damaged: shape {shape} takes {math.prod(shape) * dtype.itemsize} bytes "
            f"after the header, it has {found}"
        )
    return np.frombuffer(data, dtype=dtype).reshape(shape).astype(dtype.newbyteorder("="))


def _read_at_most(stream: BufferedIOBase, limit: int) -> bytearray:
    """Read up to `limit` bytes, piece by piece: a file object may allocate what it is asked for."""
    data = bytearray()
    while len(data) < limit:
        piece = stream.read(min(_CHUNK, limit - len(data)))
        if not piece:
            break
        data += piece
    return data
