"""Candidates made of softxent itself: the call, on one thread, in float32, plain; the import."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import softxent
from softxent.bench import inputs, ours
from softxent.bench.inputs import Inputs
from softxent.bench.shapes import Case
from softxent.bench.timing import Call, Candidate


def candidates(case: Case, arrays: Inputs, threads: int) -> list[Candidate]:
    """
    Make softxent's candidates for a case.

    Parameters
    ----------
    case : Case
        The row.
    arrays : Inputs
        Its arrays.
    threads : int
        How many threads softxent uses.

    Returns
    -------
    list of Candidate
        The call itself first; then, for the scaling study, the same on one thread, for 16-bit rows
        the same in float32, and for rows with options the same with class indices alone.
    """
    calls = ours.prepare(case, arrays)
    found = [Candidate(ours.NAME, calls, _use(threads))]
    if case.study == "scaling":
        found.append(Candidate("softxent 1 thread", calls, _use(1)))
    if case.dtype in ("float16", "bfloat16"):
        wide = replace(case, dtype="float32")
        calls = ours.prepare(wide, inputs.make(wide, len(arrays.buffers)))
        found.append(Candidate("softxent float32", calls, _use(threads)))
    if case.options:
        plain = replace(case, options=())
        calls = ours.prepare(plain, inputs.make(plain, len(arrays.buffers)))
        found.append(Candidate(ours.PLAIN, calls, _use(threads)))
    return found


def importing() -> list[Candidate]:
    """Make the candidates of the row "import": fresh interpreters with and without softxent."""
    return [
        Candidate(ours.NAME, [_interpreter("import numpy, softxent")]),
        Candidate("numpy alone", [_interpreter("import numpy")]),
    ]


def _use(threads: int) -> Call:
    return lambda: softxent.set_num_threads(threads)


def _interpreter(code: str) -> Call:
    return lambda: subprocess.run([sys.executable, "-c", code], check=True)
