"""Bounds for every output of a graph, and the reason for them in words."""

from __future__ import annotations

import numpy as np

from softxent.onnx.options import Options
from softxent.verify import activations
from softxent.verify.arithmetic import Arithmetic, Array, Estimate
from softxent.verify.batches import Batch
from softxent.verify.forward import Forward, forward
from softxent.verify.heads.terms import Terms


def estimates(batch: Batch, options: Options, logits: Array | None = None) -> dict[str, Estimate]:
    """Evaluate a batch in float64 with error bounds.

    Parameters
    ----------
    batch : Batch
        Inputs and parameters.
    options : Options
        What the graph computes.
    logits : ndarray, optional
        Logits that the model put out, to start from instead of the inputs.

    Returns
    -------
    dict of str to Estimate
        By the meaning of the output, see subject.ROLES, and grad.* and new.*.
    """
    with np.errstate(all="ignore"):
        narrow, wide = Arithmetic(options.dtype), Arithmetic(options.loss_dtype)
        f = None
        if logits is None:
            f = forward(batch, narrow)
            at = f.logits
        else:
            at = Estimate.of_output(logits, narrow)
        outer = batch.head.distribution(at, narrow)
        result = {"logits": at, "probabilities": outer.p, "log_probabilities": outer.log_p}
        if batch.target is None or not options.has_loss:
            return result
        inner = batch.head.distribution(at, wide)
        terms = batch.head.terms(inner, batch.target, options, wide)
        if terms.undefined(options):
            return result
        result["loss"] = _reduced(terms, options, wide)
        if options.head == "train_step" and f is not None:
            result |= _step(f, _mean(terms, options, wide), batch, options, narrow)
        return result


def _reduced(terms: Terms, options: Options, arithmetic: Arithmetic) -> Estimate:
    rows = terms.losses
    if options.reduction == "none":
        return rows
    total = arithmetic.total(rows)
    if options.reduction == "sum":
        return total
    if terms.divisor == 0:
        return Estimate(np.full((), np.nan), np.zeros(()))
    return arithmetic.scaled(total, 1 / terms.divisor, rows.value.size + 2)


def _mean(terms: Terms, options: Options, arithmetic: Arithmetic) -> Estimate:
    d = terms.gradients
    if options.reduction == "sum" or terms.divisor == 0:
        return d
    return arithmetic.scaled(d, 1 / terms.divisor, len(d.value) + 2)


def _step(
    f: Forward, d_logits: Estimate, batch: Batch, options: Options, a: Arithmetic
) -> dict[str, Estimate]:
    """Gradients and updated parameters."""
    gradients = _backward(f, a.rounded(d_logits.value, d_logits.error), batch, a)
    result = {}
    for name, gradient in gradients.items():
        result[f"grad.{name}"] = a.rounded(gradient.value, gradient.error)
        result |= _update(name, gradient, batch, options, a)
    return result


def _backward(f: Forward, d_logits: Estimate, batch: Batch, a: Arithmetic) -> dict[str, Estimate]:
    """Gradients of all parameters from that of the logits."""
    assert batch.state is not None
    layers, upstream, found = batch.layers, d_logits, {}
    for position, name in reversed(list(enumerate(layers.names))):
        value = f.inputs[position]
        found[f"{name}.weight"] = a.product(upstream.T, value)
        found[f"{name}.bias"] = a.total(upstream, axis=0)
        if position:
            d_value = a.product(upstream, Estimate.exact(batch.state[f"{name}.weight"]))
            z = f.sums[position - 1]
            upstream = activations.backpropagate(a, layers.activation, d_value, z, value)
    return {name: found[name] for name in layers.shapes}


def updates(batch: Batch, options: Options, gradients: dict[str, Array]) -> dict[str, Estimate]:
    """Estimate updated parameters and velocities from the gradients that the model put out."""
    arithmetic = Arithmetic(options.dtype)
    result: dict[str, Estimate] = {}
    with np.errstate(all="ignore"):
        for name, value in gradients.items():
            gradient = Estimate.of_output(value, arithmetic)
            result |= _update(name, gradient, batch, options, arithmetic)
    return result


def _update(
    name: str, gradient: Estimate, batch: Batch, options: Options, a: Arithmetic
) -> dict[str, Estimate]:
    assert batch.state is not None
    parameter, result = Estimate.exact(batch.state[name]), {}
    decay = a.scaled(parameter, options.weight_decay, 1)
    velocity = a.plus(gradient, decay) if options.weight_decay else gradient
    if options.momentum:
        previous = a.scaled(Estimate.exact(batch.velocities[name]), options.momentum, 1)
        velocity = a.plus(previous, velocity)
        result[f"new.velocity.{name}"] = a.rounded(velocity.value, velocity.error)
    updated = a.plus(parameter, a.scaled(velocity, -batch.learning_rate, 1))
    result[f"new.{name}"] = a.rounded(updated.value, updated.error)
    return result


def reason(role: str, batch: Batch, options: Options) -> str:
    """Say in one sentence where the bound of an output comes from."""
    arithmetic = Arithmetic(options.dtype)
    unit = f"u = 2^{round(np.log2(arithmetic.u))}"
    if role == "prediction":
        return "classes may differ where their logits are equal within the bounds of the logits"
    if batch.state is None:
        start = f"logits taken from the model, {unit}"
    else:
        layers = batch.layers
        *terms, last = (str(size + layers.bias) for size in layers.sizes[:-1])
        lengths = f"{', '.join(terms)} and {last}" if terms else last
        start = f"sums of {lengths} products, γ_n = nu/(1 − nu), in the mean square √n·u, {unit}"
    if arithmetic.store:
        start += ", stored values rounded to float16"
    classes = "" if batch.state is None else f" over {batch.layers.outputs} classes"
    rows = f" and sums over {len(batch)} rows"
    steps = {
        "logits": "",
        "probabilities": f"; carried through softmax{classes}",
        "log_probabilities": f"; carried through log-softmax{classes}",
        "loss": f"; carried through log-softmax{classes}"
        + (rows if options.reduction != "none" else ""),
    }
    carried = steps.get(role, f"; carried through the backward pass{rows}")
    return f"2 × rounding of {start}{carried}"
