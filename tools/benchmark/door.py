"""softxent.torch beside PyTorch: forward and backward at the loss, both eager."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from typing import Any

from softxent._machine.optional import available
from softxent.bench import inputs, ours, peers
from softxent.bench.results import Row
from softxent.bench.runner import measure, shown, warm
from softxent.bench.shapes import LINEAR_SHAPE, QUICK_LIMIT, Case
from softxent.bench.timing import FULL, QUICK, Call, Candidate

STUDY = "torch door"

#: Shape, and how many times PyTorch's time is the goal.
GOALS = {
    (1, 10): 1 / 1.6,
    (256, 100): 1.2,
    (65536, 10): 4.0,
    (8192, 1000): 4.0,
    (1024, 32000): 4.0,
    LINEAR_SHAPE: 1.0,
}


def cases(*, quick: bool, only: str | None) -> list[Case]:
    """The rows; the linear layer's shape has three numbers."""
    found = [
        Case("linear loss+grad" if len(shape) == 3 else "loss+grad", shape, study=STUDY)
        for shape in GOALS
    ]
    if only is not None:
        found = [case for case in found if re.search(only, case.name)]
    return [case for case in found if not quick or case.elements <= QUICK_LIMIT]


def rows(threads: int, *, quick: bool, only: str | None, progress: bool) -> list[Row]:
    """Measure; without PyTorch there is nothing to measure."""
    if not available("torch"):
        return []
    effort = QUICK if quick else FULL
    found = []
    for case in shown(cases(quick=quick, only=only), progress, lambda case: case.name):
        candidates = _candidates(case, inputs.make(case, effort.buffers), threads)
        for candidate in candidates:
            warm(candidate)
        found.append(measure(case, candidates, threads, effort))
    return found


def _candidates(case: Case, arrays: inputs.Inputs, threads: int) -> list[Candidate]:
    torch = importlib.import_module("torch")
    door = importlib.import_module("softxent.torch")
    tensor = importlib.import_module("softxent.bench.peers.torch").tensor
    torch.set_num_threads(threads)
    matrix = None if arrays.matrix is None else tensor(arrays.matrix).requires_grad_()
    buffers = [(tensor(b.logits).requires_grad_(), tensor(b.target)) for b in arrays.buffers]
    found = []
    for name, functions in ((ours.NAME, door), (peers.torch.NAME, torch.nn.functional)):
        loss = _loss(functions, torch, matrix)
        found.append(Candidate(name, [_step(loss, x, t, matrix) for x, t in buffers]))
    return found


def _loss(functions: Any, torch: Any, matrix: Any) -> Callable[[Any, Any], Any]:
    if matrix is None:
        cross_entropy: Callable[[Any, Any], Any] = functions.cross_entropy
        return cross_entropy
    if hasattr(functions, "linear_cross_entropy"):
        return lambda x, t: functions.linear_cross_entropy(x, matrix, t)
    return lambda x, t: functions.cross_entropy(torch.nn.functional.linear(x, matrix), t)


def _step(loss: Callable[[Any, Any], Any], x: Any, target: Any, matrix: Any) -> Call:
    """Gradients are dropped before, as `optimizer.zero_grad` does."""

    def step() -> None:
        x.grad = None
        if matrix is not None:
            matrix.grad = None
        loss(x, target).backward()

    return step
