"""Which format a file has: by its first bytes, or else by its name."""

from __future__ import annotations

import re

from softxent.data.idx import is_idx
from softxent.data.source import Source

__all__ = ["ARRAYS", "TABLES", "format_of"]

#: Formats with columns, and formats of arrays without.
TABLES, ARRAYS = ("text", "parquet", "arrow"), ("npz", "npy", "idx")

_MAGIC = (
    (b"PK\x03\x04", "npz"),
    (b"\x93NUMPY", "npy"),
    (b"PAR1", "parquet"),
    (b"ARROW1\0\0", "arrow"),
    (b"FEA1", "arrow"),
    (b"\xff\xff\xff\xff", "arrow"),
)
_ENDINGS = (
    ("npz", "npz"),
    ("npy", "npy"),
    ("csv|tsv|txt|tab|psv|dat|data", "text"),
    ("parquet|pq", "parquet"),
    ("feather|arrow|arrows|ipc", "arrow"),
)
_IDX_NAME = re.compile(r"[-.]idx([0-9]|$)")
_OTHERS = {
    ".xlsx": "an Excel workbook: save its sheet as csv",
    ".xls": "an Excel workbook: save its sheet as csv",
    ".ods": "a spreadsheet: save its sheet as csv",
    ".zip": "a zip archive: unpack it",
    ".bz2": "packed with bzip2: unpack it, or use gzip",
    ".xz": "packed with xz: unpack it, or use gzip",
    ".zst": "packed with zstd: unpack it, or use gzip",
}


def format_of(source: Source) -> str:
    """
    Name the format of a file.

    Returns
    -------
    {"text", "parquet", "arrow", "npz", "npy", "idx"}
        Text is what has such an ending or none, or comes through a pipe, and starts as no other
        format.

    Raises
    ------
    ValueError
        If neither the first bytes nor the name tell.
    """
    name = source.path.name.lower().removesuffix(".gz")
    for ending, what in _OTHERS.items():
        if name.endswith(ending):
            raise ValueError(f"{source.name} is {what}")
    head = source.head(8)
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    if is_idx(head):
        return "idx"
    for endings, kind in _ENDINGS:
        if re.search(rf"\.({endings})$", name):
            return kind
    if _IDX_NAME.search(name):
        return "idx"
    if source.is_stream or not source.path.suffix:
        return "text"
    raise ValueError(
        f"{source.name}: unknown ending {source.path.suffix!r}; expected .npz, .npy, .csv, .tsv, "
        ".txt, .data, .parquet, .feather, .arrow or .idx (all also packed with gzip)"
    )
