"""What a user wants to know: how fast the common calls are here, beside what is installed."""

from __future__ import annotations

from collections.abc import Sequence

from softxent.bench import ours, peers
from softxent.bench.results import Result, Row

__all__ = ["summary"]


def summary(result: Result) -> str:
    """
    Write the times of a run as a table for the terminal.

    Parameters
    ----------
    result : Result
        Of a run.

    Returns
    -------
    str
        The machine, a line per call with a column per library, and what is not installed.
    """
    found = result.environment
    config, versions = found["softxent"], found["versions"]
    names = [name for name in (ours.NAME, *peers.names()) if _used(result, name)]
    others = ", ".join(f"{name} {versions[name]}" for name in versions if name != "ml_dtypes")
    lines = [
        f"softxent {config['version']} ({config['isa']}, {_threads(found['threads'])}) on "
        f"{found['processor']}",
        f"beside {others}",
        "",
        *_table(["rows x classes", *names, "times"], [_cells(row, names) for row in result.rows]),
        "",
        "Time of one call, the median; all libraries took turns. The last column is the time of",
        "the fastest other library over softxent's: above 1, softxent is faster.",
    ]
    if result.absent:
        lines.append(f"Not installed: {', '.join(result.absent)} (pip install 'softxent[bench]')")
    return "\n".join(lines)


def _threads(count: int) -> str:
    return "1 thread" if count == 1 else f"{count} threads"


def _used(result: Result, name: str) -> bool:
    return name == ours.NAME or any(name in row.seconds for row in result.rows)


def _cells(row: Row, names: Sequence[str]) -> list[str]:
    times = [_time(row.seconds.get(name)) for name in names]
    best = row.best_peer
    return [row.case.name, *times, row.note or ("–" if best is None else f"{best:.2g}")]


def _time(seconds: float | None) -> str:
    """Three digits with a unit."""
    if seconds is None:
        return "–"
    for scale, unit in ((1.0, "s"), (1e3, "ms")):
        if seconds * scale >= 1:
            return f"{seconds * scale:.3g} {unit}"
    return f"{seconds * 1e6:.3g} µs"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Align the calls to the left and everything else to the right."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    lines = [header, ["─" * width for width in widths], *rows]
    return [
        "  ".join(
            cell.rjust(width) if place else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ).rstrip()
        for cells in lines
    ]
