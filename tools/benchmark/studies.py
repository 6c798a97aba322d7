"""Runs the studies, judges them, writes what they found."""

from __future__ import annotations

import json
import re
from pathlib import Path

import softxent
from benchmark import cache, door, goals, limits, overlap, own, plots, report
from benchmark.cases import LINEAR_MEMORY_SHAPE, cases
from benchmark.linear_memory import linear_peak_share
from benchmark.report import Findings
from softxent import bench
from softxent._files.atomic import atomic_path, atomic_write
from softxent.bench.inputs import Inputs
from softxent.bench.runner import measure, shown, use_threads, warm
from softxent.bench.shapes import OPERATIONS, Case
from softxent.bench.timing import FULL, QUICK, Candidate

#: Beside other libraries: the table and the sweeps. In cache and out of it: softxent alone.
STUDIES = ("peers", "torch-door", "in-cache", "out-of-cache", "import", "memory")
_DPI = 160


def run(
    studies: tuple[str, ...] = STUDIES,
    *,
    judged: bool = False,
    quick: bool = False,
    only: str | None = None,
    threads: int | None = None,
    progress: bool = True,
) -> Findings:
    """
    Measure, and judge if asked to.

    Parameters
    ----------
    studies : tuple of str
        Of `STUDIES`.
    judged : bool
        Hold what was found against the goals.
    quick : bool
        Few rounds and no large arrays.
    only : str, optional
        A regular expression for the names of the rows beside other libraries and out of cache,
        and for the operations in cache.
    threads : int, optional
        Default ``softxent.get_num_threads()``; the study in cache takes one.
    progress : bool
        Whether to show a progress bar (needs tqdm).

    Returns
    -------
    Findings
    """
    count = softxent.get_num_threads() if threads is None else threads
    chosen = cases(quick=quick, only=only) if "peers" in studies else []
    result = bench.run(
        quick=quick, threads=count, progress=progress, selected=chosen, beside=_beside
    )
    found = Findings(result)
    with use_threads(count):
        if "torch-door" in studies:
            result.rows.extend(door.rows(count, quick=quick, only=only, progress=progress))
        if "in-cache" in studies:
            found.rates.found.extend(_rates(quick, only, progress))
        if "out-of-cache" in studies:
            found.overlaps.extend(_overlaps(count, quick, only, progress))
    verdicts = [verdict for row in result.rows for verdict in goals.judge(row)]
    verdicts += goals.judge_sweep(result.rows) + goals.judge_door(result.rows)
    verdicts += goals.judge_rates(found.rates) + goals.judge_overlap(found.overlaps)
    if judged and "import" in studies:
        verdicts.append(goals.judge_import(_import(quick)))
    if judged and "memory" in studies and not quick:
        verdicts.append(goals.judge_memory(linear_peak_share(LINEAR_MEMORY_SHAPE)))
    if judged:
        found.verdicts.extend(verdicts)
    return found


def write(found: Findings, folder: Path) -> None:
    """Write ``bench.json``, ``table.md`` and the plots into a folder."""
    bench.write(found.result, folder)
    atomic_write(folder / "bench.json", json.dumps(found.to_dict(), indent=2) + "\n")
    atomic_write(folder / "table.md", report.text(found) + "\n")
    drawn = plots.figures(found.result.rows, found.rates, found.overlaps)
    for name, figure in drawn.items():
        with atomic_path(folder / f"{name}.png") as temporary:
            figure.savefig(temporary, dpi=_DPI, bbox_inches="tight")


def _beside(case: Case, arrays: Inputs, threads: int) -> list[Candidate]:
    return own.candidates(case, arrays, threads) + limits.candidates(case, arrays, threads)


def _rates(quick: bool, only: str | None, progress: bool) -> list[cache.Rate]:
    operations = [name for name in OPERATIONS if only is None or re.search(only, name)]
    counts = (3, 10, 100, 1000, cache.LONG) if quick else cache.CLASSES
    todo = shown(counts if operations else (), progress, lambda count: f"in cache {count}")
    return [rate for count in todo for rate in cache.measure([count], operations, quick=quick)]


def _overlaps(threads: int, quick: bool, only: str | None, progress: bool) -> list[overlap.Overlap]:
    todo = [
        (case, count)
        for case, count in overlap.points(threads, quick=quick)
        if only is None or re.search(only, case.name)
    ]
    bar = shown(todo, progress, lambda point: f"out of cache {point[0].name}")
    return list(overlap.measure(bar, quick=quick))


def _import(quick: bool) -> bench.Row:
    candidates = own.importing()
    for candidate in candidates:
        warm(candidate)
    return measure(Case("import", ()), candidates, 1, QUICK if quick else FULL)
