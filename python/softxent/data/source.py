"""Where the bytes of a data set come from: a file, a pipe or standard input, plain or gzip."""

from __future__ import annotations

import gzip
import os
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, cast

__all__ = ["Source"]

_GZIP = b"\x1f\x8b"
_PIECE = 1 << 20


class Source:
    """
    Bytes that can be opened as often as needed; gzip is recognised by its first bytes.

    Parameters
    ----------
    path : str or os.PathLike
        A file or a pipe, or "-" for standard input. What is no regular file is read at once and
        kept in memory.

    Raises
    ------
    FileNotFoundError, IsADirectoryError
        If there is no such file, or a folder in its place.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._content: bytes | None = None
        if os.fspath(path) == "-":
            self.name = "standard input"
            self._content = sys.stdin.buffer.read()
            return
        self.name = os.fspath(path)
        if self.path.is_dir():
            raise IsADirectoryError(f"{self.name!r} is a folder, not a file")
        if not self.path.exists():
            raise FileNotFoundError(f"there is no file {self.name!r}")
        if not self.path.is_file():
            self._content = self.path.read_bytes()

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """
        Open for reading, unpacked.

        Raises
        ------
        ValueError
            If the gzip data are damaged.
        OSError
            If the file cannot be opened.
        """
        with self._raw() as raw:
            try:
                if self.is_packed:
                    with gzip.GzipFile(fileobj=raw) as stream:
                        yield cast(BinaryIO, stream)
                else:
                    yield raw
            except (gzip.BadGzipFile, EOFError, zlib.error) as error:
                raise ValueError(f"{self.name} is a damaged gzip file: {error}") from error

    @contextmanager
    def seekable(self) -> Iterator[BinaryIO]:
        """Open as `open` does, for readers that go back and forth."""
        with self.open() as stream:
            # Going back in a gzip stream means unpacking it anew.
            yield BytesIO(self.read()) if self.is_packed else stream

    @property
    def is_packed(self) -> bool:
        """Whether the bytes are gzip."""
        with self._raw() as raw:
            return raw.read(len(_GZIP)) == _GZIP

    @property
    def is_stream(self) -> bool:
        """Whether the bytes come from no file, so that no name says what they are."""
        return self._content is not None

    def head(self, size: int) -> bytes:
        """Return the first bytes, unpacked."""
        with self.open() as stream:
            return stream.read(size)

    def read(self) -> bytes:
        """Return all bytes, unpacked."""
        with self.open() as stream:
            return b"".join(iter(lambda: stream.read(_PIECE), b""))

    @property
    def stem(self) -> str:
        """The name without folder and endings."""
        return self.path.name.partition(".")[0] if self.name != "standard input" else self.name

    def _raw(self) -> BinaryIO:
        return open(self.path, "rb") if self._content is None else BytesIO(self._content)
