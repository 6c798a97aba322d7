"""JAX, jitted, inputs on the device. It chooses its own number of threads."""

from __future__ import annotations

import importlib
from typing import Any

from softxent.bench.inputs import Buffer, Inputs
from softxent.bench.ours import SMOOTHING
from softxent.bench.shapes import Case
from softxent.bench.timing import Call

NAME = "jax"
MODULES = ("jax", "jaxlib")


def prepare(case: Case, inputs: Inputs, threads: int) -> list[Call] | None:
    """Make one call per buffer; they compile on first use and wait for the result."""
    if case.is_ours_alone:
        return None
    jax = importlib.import_module("jax")
    jax.config.update("jax_enable_x64", True)
    function = _function(jax, case, inputs)
    if function is None:
        return None
    compiled = jax.jit(function)
    return [_call(jax, compiled, buffer) for buffer in inputs.buffers]


def _call(jax: Any, compiled: Any, buffer: Buffer) -> Call:
    x, target = jax.device_put(buffer.logits), jax.device_put(buffer.target)
    return lambda: jax.block_until_ready(compiled(x, target))


def _function(jax: Any, case: Case, inputs: Inputs) -> Any:
    match case.operation:
        case "softmax" | "log_softmax" | "logsumexp":
            function = getattr(jax.nn, case.operation)
            return lambda x, target: function(x, axis=case.axis)
        case "loss":
            return _loss(jax, case, inputs)
        case "loss+grad":
            return jax.value_and_grad(_loss(jax, case, inputs))
        case "bce loss+grad":
            return jax.value_and_grad(
                lambda x, t: (jax.nn.softplus(x) - t * x).mean(),
            )
    return None


def _loss(jax: Any, case: Case, inputs: Inputs) -> Any:
    """Weighted and smoothed mean, written as JAX's documentation does."""
    jnp = jax.numpy
    weight = None if inputs.weight is None else jax.device_put(inputs.weight)
    smoothing = SMOOTHING if "smoothing" in case.options else 0.0

    def loss(x: Any, target: Any) -> Any:
        logp = jnp.moveaxis(jax.nn.log_softmax(x, axis=case.axis), case.axis, -1)
        scaled = logp if weight is None else logp * weight
        if "probabilities" in case.options:
            smoothed = (1 - smoothing) * target + smoothing / case.classes if smoothing else target
            return -(smoothed * scaled).sum(-1).mean()
        picked = jnp.take_along_axis(scaled, target[..., None], -1)[..., 0]
        rows = (1 - smoothing) * picked + (smoothing * scaled.mean(-1) if smoothing else 0)
        return -rows.sum() / (target.size if weight is None else weight[target].sum())

    return loss
