"""softxent's calls for a case, in the form that a user in a hurry would write."""

from __future__ import annotations

from typing import Any

import softxent
from softxent.bench.inputs import Buffer, Inputs
from softxent.bench.shapes import SCALARS, Case
from softxent.bench.timing import Call

NAME = "softxent"

#: Smoothing of the rows with the option "smoothing", here and for every peer.
SMOOTHING = 0.1


def prepare(case: Case, inputs: Inputs) -> list[Call]:
    """
    Make one call per buffer.

    Parameters
    ----------
    case : Case
        The row.
    inputs : Inputs
        Its arrays.

    Returns
    -------
    list of callable
    """
    return [_call(case, inputs, buffer) for buffer in inputs.buffers]


def _call(case: Case, inputs: Inputs, buffer: Buffer) -> Call:
    x, target, out = buffer.logits, buffer.target, inputs.out
    options = _options(case, inputs)
    match case.operation:
        case "softmax" | "log_softmax":
            return _into(getattr(softxent, case.operation), x, out, options)
        case "logsumexp":
            return lambda: softxent.logsumexp(x, **options)
        case "loss":
            return lambda: softxent.cross_entropy(x, target, **options)
        case "loss+grad":
            return _loss_and_grad(x, target, out, options)
        case "grad+hessian":
            return lambda: softxent.cross_entropy_grad_hess(x, target, **options)
        case "bce loss+grad":
            return lambda: softxent.binary_cross_entropy_and_grad(x, target, out=out)
        case "linear loss+grad":
            assert inputs.matrix is not None
            matrix = inputs.matrix
            return lambda: softxent.linear_cross_entropy_and_grad(x, matrix, target)
    raise ValueError(f"operation must be one of the benchmark's, got {case.operation!r}")


def _options(case: Case, inputs: Inputs) -> dict[str, Any]:
    options: dict[str, Any] = {} if case.axis == -1 else {"axis": case.axis}
    if inputs.weight is not None:
        options["weight"] = inputs.weight
    if "smoothing" in case.options:
        options["label_smoothing"] = SMOOTHING
    if inputs.factors is not None:
        options["sample_weight"] = inputs.factors
    options.update((name, value) for name, value in SCALARS.items() if name in case.options)
    return options


# Unpacking an empty dictionary costs a tenth of a tiny call, hence two forms.
def _into(function: Any, x: Any, out: Any, options: dict[str, Any]) -> Call:
    if options:
        return lambda: function(x, out=out, **options)
    return lambda: function(x, out=out)


def _loss_and_grad(x: Any, target: Any, out: Any, options: dict[str, Any]) -> Call:
    function = softxent.cross_entropy_and_grad
    if options:
        return lambda: function(x, target, out=out, **options)
    return lambda: function(x, target, out=out)
