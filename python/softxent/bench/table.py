"""The result as text: one Markdown table of times, one of goals, readable on a terminal too."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from softxent.bench import ours, peers
from softxent.bench.goals import MET, MISSED, UNKNOWN, Verdict, best_peer
from softxent.bench.limits import COPY, READ
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
        Heading, times per row; of a run with goals these and a line of totals.
    """
    parts = [_heading(result), _times(result)]
    if result.verdicts:
        parts.append(_goals(result.verdicts))
    return "\n\n".join(filter(None, [*parts, _totals(result)]))


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
    columns = [
        name for name in (ours.NAME, ours.PLAIN, COPY, READ, *peers.names()) if _used(result, name)
    ]
    header = ["row", *columns, *(["time / copy"] if _used(result, COPY) else []), "speed-up"]
    rows = [_cells(row, columns) for row in result.rows]
    if result.verdicts:
        header.append("goals")
        rows = [
            [*cells, _status(row.verdicts)] for cells, row in zip(rows, result.rows, strict=True)
        ]
    return _table(header, rows)


def _used(result: Result, name: str) -> bool:
    return name == ours.NAME or any(name in row.seconds for row in result.rows)


def _cells(row: Row, columns: Sequence[str]) -> list[str]:
    times = [_number(row.seconds.get(name), 1e6) for name in columns]
    if row.note:
        times[0] = row.note
    copy = [_number(row.over_copy)] if COPY in columns else []
    return [row.case.name, *times, *copy, _number(best_peer(row))]


def _status(verdicts: Sequence[Verdict]) -> str:
    statuses = {verdict.status for verdict in verdicts}
    return next((status for status in (MISSED, UNKNOWN, MET) if status in statuses), "–")


def _goals(verdicts: Iterable[Verdict]) -> str:
    rows = [
        [
            v.subject,
            v.goal,
            "≥" if v.at_least else "≤",
            _number(v.bound),
            _number(v.value),
            v.status,
        ]
        for v in verdicts
    ]
    return _table(["row", "what", "", "goal", "measured", "status"], rows)


def _totals(result: Result) -> str:
    counts = Counter(verdict.status for verdict in result.verdicts)
    missing = [row.case.name for row in result.rows if row.note == NOT_BUILT]
    sentences = []
    if counts:
        met, missed, unknown = counts[MET], counts[MISSED], counts[UNKNOWN]
        sentences.append(f"Goals: {met} met, {missed} missed, {unknown} unknown.")
    if missing:
        sentences.append(f"Not built: {'; '.join(missing)}.")
    return " ".join(sentences)


def _number(value: float | None, scale: float = 1.0) -> str:
    if value is None:
        return "–"
    scaled = value * scale
    return f"{scaled:.0f}" if abs(scaled) >= 1000 else f"{scaled:.3g}"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    rule = ["-" * max(3, width) for width in widths]
    return "\n".join(_line(cells, widths) for cells in (header, rule, *rows))


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (
        cell + " " * (max(3, width) - len(cell)) for cell, width in zip(cells, widths, strict=True)
    )
    return "| " + " | ".join(padded) + " |"
