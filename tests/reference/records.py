"""Rows at the end of searches: the worst known of each output and dtype, in `records.json`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .dtypes import DTYPES
from .subjects import Batch

RECORDS = Path(__file__).with_name("records.json")
# Longer rows are no worse, and would fill the file.
MOST_CLASSES = 40


@dataclass(frozen=True)
class Record:
    """One candidate, the output of it that is off, and by how many ULP."""

    function: str
    output: str
    bound: str
    ulp: float
    x: np.ndarray  # (C,)
    beside: np.ndarray | None  # a label, or (C,)
    options: dict[str, Any]

    @classmethod
    def of(cls, function: str, output: str, bound: str, ulp: float, one: Batch) -> Record:
        """The record of a batch of one candidate."""
        beside = None if one.beside is None else one.beside[0]
        return cls(function, output, bound, ulp, one.x[0].copy(), beside, one.options)

    @property
    def dtype(self) -> np.dtype:
        return self.x.dtype

    @property
    def key(self) -> tuple[str, str, str]:
        return self.function, self.output, self.dtype.name

    def batch(self, count: int = 1) -> Batch:
        """`count` copies of the candidate."""
        beside = None if self.beside is None else np.repeat(self.beside[None], count, axis=0)
        return Batch(np.repeat(self.x[None], count, axis=0), beside, self.options)

    def describe(self) -> str:
        """The row in a few words."""
        shown = " ".join(f"{float(value):.9g}" for value in self.x[:4])
        more = f" ... ({len(self.x)} classes)" if len(self.x) > 4 else ""
        options = {name: value for name, value in self.options.items() if np.ndim(value) == 0}
        return f"{shown}{more} {options or ''}".rstrip()


def _hex(values: object) -> Any:
    array = np.asarray(values)
    if array.dtype.kind == "i":
        return array.tolist()
    if array.ndim == 0:
        return float(array).hex()
    return " ".join(float(value).hex() for value in array)


def _number(text: Any, dtype: object) -> Any:
    if not isinstance(text, str):
        return np.asarray(text, np.int64)
    values = [float.fromhex(part) for part in text.split()]
    return np.array(values, np.float64).astype(dtype)


def read(path: Path = RECORDS) -> list[Record]:
    records = []
    for entry in json.loads(path.read_text(encoding="utf-8")):
        dtype = next(dtype for dtype in DTYPES if dtype.name == entry["dtype"])
        beside = None if entry["beside"] is None else _number(entry["beside"], dtype)
        options = {
            name: value if isinstance(value, float) else _number(value, np.float64)
            for name, value in entry["options"].items()
        }
        x = _number(entry["x"], dtype)
        names = (entry[name] for name in ("function", "output", "bound", "ulp"))
        records.append(Record(*names, x, beside, options))
    return records


def write(path: Path, records: Iterable[Record]) -> None:
    """The worst record of each output and dtype."""
    worst: dict[tuple[str, str, str], Record] = {}
    for record in records:
        known = worst.get(record.key)
        if len(record.x) <= MOST_CLASSES and (known is None or record.ulp > known.ulp):
            worst[record.key] = record
    entries = [
        {
            "function": record.function,
            "output": record.output,
            "dtype": record.dtype.name,
            "bound": record.bound,
            "ulp": round(record.ulp, 4),
            "x": _hex(record.x),
            "beside": None if record.beside is None else _hex(record.beside),
            "options": {
                name: value if np.ndim(value) == 0 else _hex(value)
                for name, value in record.options.items()
            },
        }
        for _, record in sorted(worst.items())
    ]
    path.write_text(json.dumps(entries, indent=0) + "\n", encoding="utf-8")
