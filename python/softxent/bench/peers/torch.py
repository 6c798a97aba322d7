"""PyTorch: warm ``out=`` where it has one; loss and gradient by autograd, no optimizer around."""

from __future__ import annotations

import importlib
from typing import Any

from softxent.bench.inputs import Array, Buffer, Inputs
from softxent.bench.ours import SMOOTHING
from softxent.bench.shapes import Case
from softxent.bench.timing import Call

NAME = "torch"
MODULES = ("torch",)


def prepare(case: Case, inputs: Inputs, threads: int) -> list[Call] | None:
    """Make one call per buffer; `threads` becomes torch's own number of threads."""
    if case.is_ours_alone:
        return None
    torch = importlib.import_module("torch")
    torch.set_num_threads(threads)
    calls = [_call(torch, case, inputs, buffer) for buffer in inputs.buffers]
    return [call for call in calls if call is not None] or None


def tensor(array: Array) -> Any:
    """Share an array's memory with a tensor; bfloat16 goes by its bits."""
    torch = importlib.import_module("torch")
    if array.dtype.name == "bfloat16":
        return torch.from_numpy(array.view("int16")).view(torch.bfloat16)
    return torch.from_numpy(array)


def _call(torch: Any, case: Case, inputs: Inputs, buffer: Buffer) -> Call | None:
    x, target, out = tensor(buffer.logits), tensor(buffer.target), tensor(inputs.out)
    match case.operation:
        case "softmax":
            return lambda: torch.softmax(x, case.axis, out=out)
        case "log_softmax":
            return lambda: torch.log_softmax(x, case.axis, out=out)
        case "logsumexp":
            result = torch.logsumexp(x, case.axis)
            return lambda: torch.logsumexp(x, case.axis, out=result)
        case "loss":
            return _loss(torch, case, inputs, x, target)
        case "loss+grad":
            return _backward(torch, _loss(torch, case, inputs, x, target), x)
        case "bce loss+grad":
            bce = torch.nn.functional.binary_cross_entropy_with_logits
            return _backward(torch, lambda: bce(x, target), x)
        case "linear loss+grad":
            return _linear(torch, x, tensor(inputs.matrix), target)  # type: ignore[arg-type]
    return None


def _loss(torch: Any, case: Case, inputs: Inputs, x: Any, target: Any) -> Call:
    options: dict[str, Any] = {}
    if inputs.weight is not None:
        options["weight"] = tensor(inputs.weight)
    if "smoothing" in case.options:
        options["label_smoothing"] = SMOOTHING
    if x.ndim > 1 and case.axis != 1:  # PyTorch wants the classes on axis 1
        classes = case.axis
        return lambda: torch.nn.functional.cross_entropy(x.movedim(classes, 1), target, **options)
    return lambda: torch.nn.functional.cross_entropy(x, target, **options)


def _backward(torch: Any, forward: Call, *leaves: Any) -> Call:
    for leaf in leaves:
        leaf.requires_grad_()
    return lambda: torch.autograd.grad(forward(), leaves)


def _linear(torch: Any, hidden: Any, matrix: Any, target: Any) -> Call:
    functional = torch.nn.functional
    return _backward(
        torch,
        lambda: functional.cross_entropy(functional.linear(hidden, matrix), target),
        hidden,
        matrix,
    )
