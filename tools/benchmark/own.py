"""Candidates made of softxent itself: plain, in float32, contiguous, copied first; the import."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np

import softxent
from benchmark import limits
from softxent.bench import inputs, ours
from softxent.bench.inputs import Array, Inputs
from softxent.bench.shapes import Case
from softxent.bench.timing import Call, Candidate

#: The call without options; with float32; with the classes last; on a copy with the classes last.
PLAIN, FLOAT32, CONTIGUOUS, COPIED = (
    f"softxent {form}" for form in ("plain", "float32", "contiguous", "copied")
)  # fmt: skip
ALONE = "numpy alone"

_INTO = ("softmax", "log_softmax")


def candidates(case: Case, arrays: Inputs, threads: int) -> list[Candidate]:
    """
    Make the candidates that a form of the call is held against.

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
        The same in float32 for 16-bit rows; with class indices alone for rows with options and the
        Hessian; with the classes last, and with a copy around the call, for other axes.
    """
    found = {}
    if case.dtype in ("float16", "bfloat16"):
        found[FLOAT32] = replace(case, dtype="float32")
    if case.options:
        found[PLAIN] = replace(case, options=())
    if case.operation == "grad+hessian":
        found[PLAIN] = replace(case, operation="loss+grad")
    if case.axis != -1:
        found[CONTIGUOUS] = replace(case, axis=-1, shape=_last(case))
    calls = {
        name: ours.prepare(other, inputs.make(other, len(arrays.buffers)))
        for name, other in found.items()
    }
    if case.axis != -1 and case.operation in (*_INTO, "logsumexp"):
        calls[COPIED] = _copied(case, arrays, threads)
    return [
        Candidate(name, made, lambda: softxent.set_num_threads(threads))
        for name, made in calls.items()
    ]


def importing() -> list[Candidate]:
    """Make the candidates of the row "import": fresh interpreters with and without softxent."""
    return [
        Candidate(ours.NAME, [_interpreter("import numpy, softxent")]),
        Candidate(ALONE, [_interpreter("import numpy")]),
    ]


def _last(case: Case) -> tuple[int, ...]:
    shape = list(case.shape)
    shape.append(shape.pop(case.axis))
    return tuple(shape)


def _copied(case: Case, arrays: Inputs, threads: int) -> list[Call]:
    copy, _ = limits.makers(threads)
    packed, result = (np.empty(_last(case), arrays.out.dtype) for _ in range(2))
    put = copy(result, np.moveaxis(arrays.out, case.axis, -1))
    return [_around(case, copy(np.moveaxis(buffer.logits, case.axis, -1), packed), packed, result,
                    put) for buffer in arrays.buffers]  # fmt: skip


def _around(case: Case, take: Call, packed: Array, result: Array, put: Call) -> Call:
    function = getattr(softxent, case.operation)

    def alone() -> None:
        take()
        function(packed)

    def call() -> None:
        take()
        function(packed, out=result)
        put()

    return call if case.operation in _INTO else alone


def _interpreter(code: str) -> Call:
    return lambda: subprocess.run([sys.executable, "-c", code], check=True)
