"""Bounds for every output of a graph, and the reason for them in words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from softxent.onnx.options import Options
from softxent.verify import activations, tolerance
from softxent.verify.arithmetic import Arithmetic, Array, Estimate
from softxent.verify.batches import Batch
from softxent.verify.forward import Forward, forward


def estimates(
    batch: Batch, options: Options, binary: bool, logits: Array | None = None
) -> dict[str, Estimate]:
    """Evaluate a batch in float64 with error bounds.

    Parameters
    ----------
    batch : Batch
        Inputs and parameters.
    options : Options
        What the graph computes.
    binary : bool
        Whether the network has one logit.
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
            f = forward(batch, narrow, binary)
            at = f.logits
        else:
            at = Estimate.of_output(logits, narrow)
        outer = tolerance.distribution(at, narrow, binary)
        result = {"logits": at, "probabilities": outer.p, "log_probabilities": outer.log_p}
        if batch.target is None or not options.has_loss:
            return result
        inner = tolerance.distribution(at, wide, binary)
        terms = (_binary_terms if binary else _categorical_terms)(
            inner, batch.target, options, wide
        )
        if terms.undefined(options):
            return result
        result["loss"] = _reduced(terms, options, wide)
        if options.head == "train_step" and f is not None:
            result |= _step(f, _mean(terms, options, wide), batch, options, narrow)
        return result


@dataclass(frozen=True)
class Terms:
    """Losses of the rows, their gradients in the logits, and the divisor of the mean."""

    losses: Estimate
    gradients: Estimate
    divisor: float

    def undefined(self, options: Options) -> bool:
        """Whether the mean divides something by 0, as where all labels have the weight 0."""
        nothing = options.reduction == "mean" and self.divisor == 0
        return nothing and bool(self.gradients.value.any())


def coefficients(target: Array, classes: int, options: Options) -> tuple[Array, float]:
    """q_ic = w_c ((1 - e) y_ic + e / C), 0 in ignored rows, and the divisor of the mean."""
    weight = np.ones(classes) if options.weight is None else np.asarray(options.weight)
    if target.ndim == 2:
        y, kept, divisor = target.astype(np.float64), np.ones(len(target), bool), len(target)
    else:
        kept = np.ones(len(target), bool)
        if options.ignore_index is not None:
            kept = target != options.ignore_index
        y = (target[:, np.newaxis] == np.arange(classes)) * kept[:, np.newaxis]
        divisor = (y @ weight).sum()
    smoothing = options.label_smoothing
    q = weight * (y * (1 - smoothing) + smoothing / classes)
    return q * kept[:, np.newaxis], float(divisor)


def _categorical_terms(
    d: tolerance.Distribution, target: Array, options: Options, arithmetic: Arithmetic
) -> Terms:
    classes = d.p.value.shape[1]
    q, divisor = coefficients(target, classes, options)
    counts = q != 0
    products = np.where(counts, q * d.log_p.value, 0.0)
    rounding = arithmetic.gamma(classes + 6) * np.abs(products).sum(axis=1)
    error, typical = (
        np.where(counts, q * bound, 0.0).sum(axis=1) + rounding
        for bound in (d.log_p.error, d.log_p.typical)
    )
    rows = Estimate(-products.sum(axis=1), error, typical)

    sums = q.sum(axis=1, keepdims=True)
    product = np.where(sums != 0, d.p.value * sums, 0.0)
    gradient = product - q
    magnitude = np.abs(product) + np.abs(q)
    d_error = d.p.error * sums + arithmetic.gamma(classes + 6) * magnitude
    return Terms(rows, Estimate(gradient, np.where(sums != 0, d_error, 0.0)), divisor)


def _binary_terms(
    d: tolerance.Distribution, target: Array, options: Options, arithmetic: Arithmetic
) -> Terms:
    assert d.log_q is not None
    t = target.astype(np.float64)
    t = t * (1 - options.label_smoothing) + options.label_smoothing / 2
    negative, positive = options.weight or (1.0, 1.0)
    a, b = positive * t, negative * (1 - t)
    parts = [(a, d.log_p), (b, d.log_q)]
    value, error, typical = (
        np.sum([np.where(c != 0, c * getattr(log, kind), 0.0) for c, log in parts], axis=0)
        for kind in ("value", "error", "typical")
    )
    rounding = arithmetic.gamma(8) * np.abs(value)
    rows = Estimate(-value, error + rounding, typical + rounding)

    product = (a + b) * d.p.value
    d_error = (a + b) * d.p.error + arithmetic.gamma(8) * (product + a)
    column = Estimate((product - a)[:, np.newaxis], d_error[:, np.newaxis])
    return Terms(rows, column, float(len(t)))


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
