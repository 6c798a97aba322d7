"""The IDX format of MNIST, plain or compressed with gzip.

Layout, from http://yann.lecun.com/exdb/mnist/: two zero bytes, a type code, the number of
dimensions, the extents as big-endian 32-bit integers, the values in C order, big-endian.
"""

from __future__ import annotations

import math
import struct
from pathlib import Path
from typing import BinaryIO

import numpy as np

from softxent.data.source import Source

__all__ = ["is_idx", "label_file", "read_idx"]

_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_CHUNK = 1 << 20


def is_idx(head: bytes) -> bool:
    """Say whether the first bytes are those of an IDX file."""
    return len(head) >= 4 and head[:2] == b"\0\0" and head[2] in _TYPES and head[3] > 0


def read_idx(source: Source) -> np.ndarray:
    """
    Read an IDX file.

    Parameters
    ----------
    source : Source
        The bytes.

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
    with source.open() as stream:
        return _read(stream, source.name)


def label_file(images: Path) -> Path | None:
    """
    Return the file with the labels of a file of images, None if there is none beside it.

    The names of MNIST and its kin say "images" and "idx3" where those of the labels say "labels"
    and "idx1"; before "idx" comes a hyphen or a full stop, and either may end in ".gz".
    """
    head, found, tail = images.name.removesuffix(".gz").rpartition("images")
    if not found:
        return None
    name = f"{head}labels{tail.replace('idx3', 'idx1')}"
    zipped = images.name.endswith(".gz")
    names = [name, name.replace("-idx", ".idx"), name.replace(".idx", "-idx")]
    for ending in (".gz", "") if zipped else ("", ".gz"):
        for candidate in names:
            if (path := images.with_name(candidate + ending)).is_file():
                return path
    return None


def _read(stream: BinaryIO, source: str) -> np.ndarray:
    """Read header and values from a stream."""
    magic = stream.read(4)
    if not is_idx(magic):
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


def _read_at_most(stream: BinaryIO, limit: int) -> bytearray:
    """Read up to `limit` bytes, piece by piece: a file object may allocate what it is asked for."""
    data = bytearray()
    while len(data) < limit:
        piece = stream.read(min(_CHUNK, limit - len(data)))
        if not piece:
            break
        data += piece
    return data
