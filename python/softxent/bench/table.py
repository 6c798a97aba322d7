"""The result as text: a Markdown table of times, readable on a terminal too."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from softxent.bench import ours, peers
from softxent.bench.results import NOT_BUILT, Result, Row
from softxent.bench.shapes import QUICK_LIMIT


def report(result: Result) -> str:
    """
    Write the result as Markdown with aligned columns.

    Parameters
    ----------
    result : Result
        Of a run.

    Returns
    -------
    str
        Heading, times per row, and what is not built.
    """
    missing = [row.case.name for row in result.rows if row.note == NOT_BUILT]
    last = f"Not built: {'; '.join(missing)}." if missing else ""
    return "\n\n".join(filter(None, [_heading(result), _times(result), last]))


def _heading(result: Result) -> str:
    found = result.environment
    config, versions = found["softxent"], found["versions"]
    lines = [
        f"softxent {config['version']} ({config['isa']}, {found['threads']} threads) on "
        f"{found['processor']}; " + ", ".join(f"{name} {v}" for name, v in versions.items()),
        "Not installed, so left out: " + (", ".join(result.absent) or "none") + ".",
        "Microseconds per call, medians; all candidates of a row took turns in one run. Ratios "
        "are medians over the rounds; `speed-up` is the time of the fastest other library over "
        "ours. jax chooses its own number of threads, scipy and numpy use one.",
    ]
    if found["quick"]:
        lines.append(f"Quick run: few rounds, no rows of more than {QUICK_LIMIT:,} logits.")
    return "\n\n".join(lines)


def _times(result: Result) -> str:
    names = dict.fromkeys(name for row in result.rows for name in row.seconds)
    columns = [ours.NAME, *(name for name in names if name not in _KNOWN), *_present(names)]
    return aligned(["row", *columns, "speed-up"], [_cells(row, columns) for row in result.rows])


_KNOWN = (ours.NAME, *peers.names())


def _present(names: Iterable[str]) -> list[str]:
    return [name for name in peers.names() if name in names]


def _cells(row: Row, columns: Sequence[str]) -> list[str]:
    times = [number(row.seconds.get(name), 1e6) for name in columns]
    if row.note:
        times[0] = row.note
    return [row.case.name, *times, number(row.best_peer)]


def number(value: float | None, scale: float = 1.0) -> str:
    """Three digits, or all before the point."""
    if value is None:
        return "–"
    scaled = value * scale
    return f"{scaled:.0f}" if abs(scaled) >= 1000 else f"{scaled:.3g}"


def aligned(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write a Markdown table with columns of equal width."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    rule = ["-" * max(3, width) for width in widths]
    return "\n".join(_line(cells, widths) for cells in (header, rule, *rows))


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (
        cell + " " * (max(3, width) - len(cell)) for cell, width in zip(cells, widths, strict=True)
    )
    return "| " + " | ".join(padded) + " |"
