"""Measures case after case: every candidate called once, then all in turn."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import softxent
from softxent._machine.optional import available, require
from softxent.bench import inputs, machine, ours, peers
from softxent.bench.inputs import Inputs
from softxent.bench.peers import Peers
from softxent.bench.results import NOT_BUILT, Result, Row
from softxent.bench.shapes import Case, everyday_cases
from softxent.bench.timing import FULL, QUICK, Candidate, Effort, interleave

Item = TypeVar("Item")

#: Makes candidates for a case, its arrays and a number of threads.
Beside = Callable[[Case, Inputs, int], list[Candidate]]


def run(
    *,
    quick: bool = False,
    only: str | None = None,
    threads: int | None = None,
    progress: bool = True,
    selected: Iterable[Case] | None = None,
    beside: Beside | None = None,
) -> Result:
    """
    Run the benchmark.

    Parameters
    ----------
    quick : bool
        Few rounds and no large arrays: under a minute, good for a look.
    only : str, optional
        A regular expression for the names of the rows, as for `everyday_cases`.
    threads : int, optional
        For softxent and every peer that can be told; default ``softxent.get_num_threads()``.
    progress : bool
        Whether to show a progress bar (needs tqdm).
    selected : iterable of Case, optional
        What to measure instead of the common calls.
    beside : callable, optional
        Makes more candidates for a case, its arrays and the number of threads.

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
    todo = list(everyday_cases(quick=quick, only=only) if selected is None else selected)
    count = softxent.get_num_threads() if threads is None else threads
    effort = QUICK if quick else FULL
    found = peers.find()
    with use_threads(count):
        rows = [
            _measured(case, found, count, effort, beside)
            for case in shown(todo, progress, lambda case: case.name)
        ]
    return Result(machine.describe(count, quick=quick), found.absent, rows)


def measure(case: Case, candidates: Sequence[Candidate], threads: int, effort: Effort) -> Row:
    """Time candidates that have been called already; softxent's may be missing."""
    times = interleave(candidates, effort)
    names = [candidate.name for candidate in candidates]
    others = [name for name in names if name != ours.NAME] if ours.NAME in names else []
    return Row(
        case,
        seconds={name: times.median(name) for name in names},
        speedup={name: times.ratio(name, ours.NAME) for name in others},
        threads=threads,
        rounds=len(times.rounds[names[0]]),
    )


def _measured(case: Case, found: Peers, threads: int, effort: Effort, beside: Beside | None) -> Row:
    if case.dtype == "bfloat16" and not available("ml_dtypes"):
        return Row(case, {}, note="needs ml_dtypes")
    arrays = inputs.make(case, effort.buffers)
    mine = Candidate(ours.NAME, ours.prepare(case, arrays), lambda: _set(threads))
    candidates = [] if beside is None else beside(case, arrays, threads)
    for peer in found.present if case.study in ("table", "classes") else ():
        calls = peer.prepare(case, arrays, threads)
        if calls is not None:
            candidates.append(Candidate(peer.NAME, calls))
    try:
        warm(mine)
        candidates.insert(0, mine)
        note = ""
    except NotImplementedError:
        note = NOT_BUILT
    for candidate in candidates[0 if note else 1 :]:
        warm(candidate)
    if note:
        return Row(case, {}, note=note)
    return measure(case, candidates, threads, effort)


def warm(candidate: Candidate) -> None:
    """Call everything once: compile, allocate, start threads, find out what is missing."""
    if candidate.enter is not None:
        candidate.enter()
    for call in candidate.calls:
        call()


def _set(threads: int) -> None:
    softxent.set_num_threads(threads)


def shown(todo: Sequence[Item], progress: bool, name: Callable[[Item], str]) -> Iterable[Item]:
    """Go through things to do, with a progress bar if `progress` (needs tqdm)."""
    if not progress:
        return todo
    tqdm: Callable[..., Any] = require("tqdm", "cli", "the progress bar of softxent.bench").tqdm
    bar = tqdm(todo, unit="row", dynamic_ncols=True)

    def told() -> Iterator[Item]:
        for item in bar:
            bar.set_description(name(item))
            yield item

    return told()


@contextmanager
def use_threads(count: int) -> Iterator[None]:
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
