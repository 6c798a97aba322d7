"""NumPy: the stable formulas as one writes them by hand, temporaries reused where that is easy."""

from __future__ import annotations

import numpy as np

from softxent.bench.inputs import Array, Buffer, Inputs
from softxent.bench.shapes import Case
from softxent.bench.timing import Call

NAME = "numpy"
MODULES = ("numpy",)


def prepare(case: Case, inputs: Inputs, threads: int) -> list[Call] | None:
    """Make one call per buffer: plain losses of float32 and float64, on one thread."""
    if case.options or case.dtype not in ("float32", "float64"):
        return None
    calls = [_call(case, buffer, inputs.out) for buffer in inputs.buffers]
    return [call for call in calls if call is not None] or None


def _call(case: Case, buffer: Buffer, out: Array) -> Call | None:
    x, target, axis = buffer.logits, buffer.target, case.axis
    match case.operation:
        case "softmax":
            return lambda: softmax(x, axis, out)
        case "log_softmax":
            return lambda: log_softmax(x, axis, out)
        case "logsumexp":
            return lambda: logsumexp(x, axis)
        case "loss":
            labels = np.expand_dims(target, axis)
            return lambda: loss(x, labels, axis)
        case "loss+grad":
            labels = np.expand_dims(target, axis)
            return lambda: loss_and_grad(x, labels, axis, out)
        case "grad+hessian":
            labels = np.expand_dims(target, axis)
            return lambda: grad_and_hessian(x, labels, axis, out)
        case "bce loss+grad":
            return lambda: binary(x, target, out)
    return None


def softmax(x: Array, axis: int, out: Array) -> Array:
    """Probabilities."""
    np.subtract(x, x.max(axis=axis, keepdims=True), out=out)
    np.exp(out, out=out)
    out /= out.sum(axis=axis, keepdims=True)
    return out


def log_softmax(x: Array, axis: int, out: Array) -> Array:
    """Logarithms of the probabilities."""
    np.subtract(x, x.max(axis=axis, keepdims=True), out=out)
    out -= np.log(np.exp(out).sum(axis=axis, keepdims=True))
    return out


def logsumexp(x: Array, axis: int) -> Array:
    """Logarithm of the sum of exponentials, one per row."""
    top = x.max(axis=axis, keepdims=True)
    total: Array = top + np.log(np.exp(x - top).sum(axis=axis, keepdims=True))
    return total.squeeze(axis)


def loss(x: Array, labels: Array, axis: int) -> float:
    """Mean cross-entropy."""
    picked = np.take_along_axis(x, labels, axis).squeeze(axis)
    return float((logsumexp(x, axis) - picked).mean())


def loss_and_grad(x: Array, labels: Array, axis: int, out: Array) -> tuple[float, Array]:
    """Mean cross-entropy and its gradient from one set of exponentials."""
    top = x.max(axis=axis, keepdims=True)
    np.exp(np.subtract(x, top, out=out), out=out)
    total = out.sum(axis=axis, keepdims=True)
    rows = np.log(total) + top - np.take_along_axis(x, labels, axis)
    out /= total * labels.size
    np.put_along_axis(out, labels, np.take_along_axis(out, labels, axis) - 1 / labels.size, axis)
    return float(rows.mean()), out


def grad_and_hessian(x: Array, labels: Array, axis: int, out: Array) -> tuple[Array, Array]:
    """Gradient and diagonal of the Hessian, as boosting objectives compute them."""
    softmax(x, axis, out)
    hessian = out * (1 - out)
    np.put_along_axis(out, labels, np.take_along_axis(out, labels, axis) - 1, axis)
    return out, hessian


def binary(x: Array, target: Array, out: Array) -> tuple[float, Array]:
    """Mean binary cross-entropy of logits and its gradient."""
    small = np.exp(-np.abs(x))
    rows = np.maximum(x, 0) - x * target + np.log1p(small)
    np.divide(np.where(x >= 0, 1, small), (1 + small) * x.size, out=out)
    out -= target / x.size
    return float(rows.mean()), out
