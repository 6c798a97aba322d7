"""What commands print: tables for people, JSON for programs."""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from softxent._machine.optional import available, require

#: What a shell reports for a program stopped by SIGINT.
INTERRUPTED = 130


def on_terminal() -> bool:
    """Say whether progress bars have somebody to look at them."""
    return sys.stderr.isatty()


def emit(args: argparse.Namespace, result: dict[str, Any], text: str) -> None:
    """Print the result of a command: JSON with ``--json``, the text without."""
    print(json.dumps(plain(result), indent=2, allow_nan=False) if args.json else text)


@dataclass(frozen=True)
class Failure:
    """
    How an error is told: a line on stderr, and with ``--json`` an object on stdout too.

    Parameters
    ----------
    as_json : bool
        Whether the arguments have ``--json``, be they valid or not.
    """

    as_json: bool

    def report(self, program: str, message: str, status: int) -> int:
        """Tell an error of a program or command; return the exit status."""
        if self.as_json:
            _, _, command = program.partition(" ")
            error = message.removeprefix("error: ")
            result = {"error": error, "status": status, "command": command or None}
            print(json.dumps(result, indent=2), flush=True)
        print(f"{program}: {message}", file=sys.stderr)
        return status


def note(args: argparse.Namespace, message: str) -> None:
    """Tell a person what is going on, on stderr; silent with ``--json``."""
    if not args.json:
        print(message, file=sys.stderr)


@contextmanager
def steps(args: argparse.Namespace) -> Iterator[Callable[[str], None]]:
    """Give a function that shows what is being done, in a line that goes away at the end.

    It shows nothing with ``--json``, without a terminal, and where tqdm is not installed.
    """
    if args.json or not on_terminal() or not available("tqdm"):
        yield lambda step: None
        return
    tqdm = require("tqdm", "cli", "progress")
    with tqdm.tqdm(bar_format="{desc} [{elapsed}]", leave=False) as line:
        yield line.set_description_str


def plain(value: Any) -> Any:
    """Turn a result into what JSON knows; numbers that are not finite become null."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, (np.ndarray, np.generic)):
        return plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def table(rows: Iterable[Sequence[object]], header: Sequence[str] | None = None) -> str:
    """
    Align cells in columns; numbers to the right, everything else to the left.

    Parameters
    ----------
    rows : iterable of sequences
        The cells; all rows have the same length.
    header : sequence of str, optional
        The names of the columns, underlined by a rule.

    Returns
    -------
    str
        The lines, without a line break at the end.
    """
    cells = [list(row) for row in rows]
    texts = [[str(cell) for cell in row] for row in cells]
    if header is not None:
        texts.insert(0, list(header))
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    right = [
        all(isinstance(cell, (int, float)) for cell in column)
        for column in zip(*cells, strict=True)
    ]
    lines = [_line(row, widths, right) for row in texts]
    if header is not None:
        lines.insert(1, "─" * len(max(lines, key=len)))
    return "\n".join(lines)


def _line(row: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    padded = (
        text.rjust(width) if to_right else text.ljust(width)
        for text, width, to_right in zip(row, widths, right, strict=True)
    )
    return "  ".join(padded).rstrip()
