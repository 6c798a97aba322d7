"""Lines of text from bytes in UTF-8, or in UTF-16 and UTF-32 where a byte order mark says so."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from typing import BinaryIO

from softxent.data.source import Source

__all__ = ["opened", "without_comments"]

# UTF-32 first: its mark starts with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@contextmanager
def opened(source: Source) -> Iterator[TextIOWrapper]:
    """
    Open as text; lines end in LF, CR or CR LF, and keep their ends.

    Raises
    ------
    ValueError
        If the bytes are no text in the encoding, with the first line that is not.
    OSError
        If the file cannot be opened.
    """
    start = source.head(4)
    encoding = next((name for mark, name in _MARKS if start.startswith(mark)), "utf-8-sig")
    try:
        with source.open() as stream:
            text = TextIOWrapper(stream, encoding=encoding, newline="")
            try:
                yield text
            finally:
                text.detach()
    except UnicodeError as error:
        name = encoding.removesuffix("-sig").upper()
        where = _undecodable(source) if encoding == "utf-8-sig" else str(error)
        raise ValueError(f"{source.name} is not {name} text: {where}; save it as UTF-8") from error


def without_comments(stream: Iterable[str], comment: str) -> Iterator[str]:
    """
    Cut off comments; quotes protect what looks like one.

    A line of nothing else becomes an empty one, so that lines keep their numbers.
    """
    token = re.compile(f'"|{re.escape(comment)}')
    quoted = False
    for line in stream:
        for found in token.finditer(line):
            if found[0] == '"':
                quoted = not quoted
            elif not quoted:
                end = line[len(line.rstrip("\r\n")) :]
                line = line[: found.start()].rstrip(" \t") + end
                break
        yield line


def _undecodable(source: Source) -> str:
    """Describe the first byte that is not UTF-8."""
    with source.open() as stream:
        return _first_bad_byte(stream)


def _first_bad_byte(stream: BinaryIO) -> str:
    for number, line in enumerate(stream, 1):
        try:
            line.decode()
        except UnicodeDecodeError as error:
            return f"byte 0x{line[error.start]:02x} in line {number} ({error.reason})"
    return ""
