"""SciPy's special functions."""

from __future__ import annotations

import importlib

from softxent.bench.inputs import Array, Inputs
from softxent.bench.shapes import Case
from softxent.bench.timing import Call

NAME = "scipy"
MODULES = ("scipy",)


def prepare(case: Case, inputs: Inputs, threads: int) -> list[Call] | None:
    """Make one call per buffer; SciPy knows one thread only."""
    if case.operation not in ("softmax", "log_softmax", "logsumexp"):
        return None
    if case.dtype not in ("float32", "float64"):
        return None
    function = getattr(importlib.import_module("scipy.special"), case.operation)

    def call(x: Array) -> Call:
        return lambda: function(x, axis=case.axis)

    return [call(buffer.logits) for buffer in inputs.buffers]
