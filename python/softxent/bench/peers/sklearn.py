"""scikit-learn: the compiled losses behind its linear models and boosting, with warm outputs."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from softxent.bench.inputs import Buffer, Inputs
from softxent.bench.shapes import Case
from softxent.bench.timing import Call

NAME = "scikit-learn"
MODULES = ("sklearn",)

_OPERATIONS = ("loss", "loss+grad", "grad+hessian", "bce loss+grad")

#: Fewer logits are faster on one thread: its losses start all threads that they are given.
_SHARED_ELEMENTS = 1 << 13


def prepare(case: Case, inputs: Inputs, threads: int) -> list[Call] | None:
    """Make one call per buffer: losses of plain class labels, rows in memory order."""
    plain = case.axis == -1 and not case.options and case.dtype in ("float32", "float64")
    if case.operation not in _OPERATIONS or not plain:
        return None
    if case.operation != "bce loss+grad" and case.classes < 3:  # it wants the binary loss there
        return None
    loss = importlib.import_module("sklearn._loss.loss")
    if case.operation == "bce loss+grad":
        model = loss.HalfBinomialLoss()
    else:
        model = loss.HalfMultinomialLoss(n_classes=case.classes)
    used = threads if case.elements >= _SHARED_ELEMENTS else 1
    return [_call(case, model, buffer, inputs, used) for buffer in inputs.buffers]


def _call(case: Case, model: Any, buffer: Buffer, inputs: Inputs, threads: int) -> Call:
    x, out = buffer.logits, inputs.out
    # Its losses hold labels as numbers of the dtype of the logits.
    target = buffer.target.astype(x.dtype)
    rows = np.empty(target.shape, x.dtype)
    match case.operation:
        case "loss":
            return lambda: model.loss(target, x, loss_out=rows, n_threads=threads)
        case "grad+hessian":
            hessian = np.empty_like(out)
            return lambda: model.gradient_hessian(
                target, x, gradient_out=out, hessian_out=hessian, n_threads=threads
            )
    return lambda: model.loss_gradient(
        target, x, loss_out=rows, gradient_out=out, n_threads=threads
    )
