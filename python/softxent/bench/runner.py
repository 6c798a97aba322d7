"""Measures case after case: every candidate called once, then all in turn."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import softxent
from softxent._machine.optional import available, require
from softxent.bench import inputs, limits, machine, ours, own, peers
from softxent.bench.goals import judge, judge_sweep
from softxent.bench.linear_memory import linear_peak_share
from softxent.bench.peers import Peers
from softxent.bench.results import NOT_BUILT, Result, Row
from softxent.bench.shapes import LINEAR_MEMORY_SHAPE, Case, cases, everyday_cases
from softxent.bench.timing import FULL, QUICK, Candidate, Effort, interleave


def run(
    *,
    goals: bool = False,
    quick: bool = False,
    only: str | None = None,
    threads: int | None = None,
    progress: bool = True,
    selected: Iterable[Case] | None = None,
) -> Result:
    """
    Run the benchmark.

    Parameters
    ----------
    goals : bool
        Measure everything that the goals of the project are about, and judge it; otherwise the
        common calls beside other libraries.
    quick : bool
        Few rounds and no large arrays: under a minute, good for a look.
    only : str, optional
        A regular expression for the names of the rows, as for `cases` or `everyday_cases`.
    threads : int, optional
        For softxent, the copy and every peer that can be told; default
        ``softxent.get_num_threads()``.
    progress : bool
        Whether to show a progress bar (needs tqdm).
    selected : iterable of Case, optional
        What to measure instead of the benchmark's own cases.

    Returns
    -------
    Result

    Raises
    ------
    ValueError
        If `only` matches nothing or `threads` is below 1.
    ImportError
        If `progress` is asked for and tqdm is not installed.
    """
    if selected is None:
        selected = (cases if goals else everyday_cases)(quick=quick, only=only)
    todo = list(selected)
    count = softxent.get_num_threads() if threads is None else threads
    found = peers.find()
    rows: list[Row] = []
    with _threads(count):
        for case in _shown(todo, progress):
            rows += _measured(case, found, count, QUICK if quick else FULL, goals)
    return Result(
        environment=machine.describe(count, quick=quick),
        absent=found.absent,
        rows=rows,
        sweeps=judge_sweep(rows) if goals else [],
    )


def _measured(
    case: Case, found: Peers, threads: int, effort: Effort, judged: bool
) -> Iterator[Row]:
    if case.study == "scaling" and threads == 1:
        return
    if case.dtype == "bfloat16" and not available("ml_dtypes"):
        yield Row(case, {}, note="needs ml_dtypes")
        return
    candidates = _candidates(case, found, threads, effort, judged)
    try:
        _warm(candidates[0])
        note = ""
    except NotImplementedError:
        del candidates[0]
        note = NOT_BUILT
    for candidate in candidates[0 if note else 1 :]:
        _warm(candidate)
    if not candidates:
        yield Row(case, {}, note=note)
        return
    times = interleave(candidates, effort)
    names = [candidate.name for candidate in candidates]
    row = Row(
        case,
        seconds={name: times.median(name) for name in names},
        speedup={} if note else {n: times.ratio(n, ours.NAME) for n in names if n != ours.NAME},
        threads=threads,
        rounds=len(times.rounds[names[0]]),
        peak_share=(
            linear_peak_share(LINEAR_MEMORY_SHAPE)
            if judged and case.is_linear and not note
            else None
        ),
        note=note,
    )
    yield replace(row, verdicts=judge(row)) if judged else row


def _candidates(
    case: Case, found: Peers, threads: int, effort: Effort, judged: bool
) -> list[Candidate]:
    if case.operation == "import":
        return own.importing()
    arrays = inputs.make(case, effort.buffers)
    candidates = own.candidates(case, arrays, threads)
    if judged:
        candidates += limits.candidates(case, arrays, threads)
    for peer in found.present if case.study in ("table", "classes") else ():
        calls = peer.prepare(case, arrays, threads)
        if calls is not None:
            candidates.append(Candidate(peer.NAME, calls))
    return candidates


def _warm(candidate: Candidate) -> None:
    """Call everything once: compile, allocate, start threads, find out what is missing."""
    if candidate.enter is not None:
        candidate.enter()
    for call in candidate.calls:
        call()


def _shown(todo: list[Case], progress: bool) -> Iterable[Case]:
    if not progress:
        return todo
    tqdm: Callable[..., Any] = require("tqdm", "cli", "the progress bar of softxent.bench").tqdm
    bar = tqdm(todo, unit="row", dynamic_ncols=True)

    def told() -> Iterator[Case]:
        for case in bar:
            bar.set_description(case.name)
            yield case

    return told()


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """Put the threads of softxent and PyTorch back; keep the peers' warnings to themselves."""
    torch = require("torch", "torch", "softxent.bench") if available("torch") else None
    before = None if torch is None else torch.get_num_threads()
    with softxent.num_threads(count), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            if torch is not None:
                torch.set_num_threads(before)
