"""What the native network computes for a batch: the first of the references."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from softxent.models import MLP
from softxent.onnx.architecture import Architecture
from softxent.onnx.loading import make_net
from softxent.onnx.options import Options
from softxent.verify.arithmetic import Array
from softxent.verify.batches import Batch

NAME = "native"


def prepared(batch: Batch, options: Options) -> MLP:
    """Make the native network with the parameters of a batch."""
    assert batch.state is not None
    state = {name: array.astype(options.loss_dtype) for name, array in batch.state.items()}
    return make_net(Architecture.of_state(state, batch.activation), state)


def outputs(
    batch: Batch,
    options: Options,
    roles: Collection[str],
    logits: Array | None = None,
    network: MLP | None = None,
) -> dict[str, Array]:
    """Compute outputs with softxent.models and the head's native functions.

    Parameters
    ----------
    batch : Batch
        Inputs and parameters, which float16 leaves in float32: sixteen bits are for storage.
    options : Options
        What the graph computes.
    roles : collection of str
        Which outputs are wanted.
    logits : ndarray, optional
        Logits that the model put out, to start from instead of the inputs.
    network : optional
        What `prepared` gave for a batch of the same parameters.
    """
    dtype = np.dtype(options.loss_dtype)
    with np.errstate(all="ignore"):
        if logits is None:
            network = network or prepared(batch, options)
            logits = network.forward(batch.x.astype(dtype, copy=False))
        logits = logits.astype(dtype, copy=False)
        result: dict[str, Array] = {"logits": logits}
        if "probabilities" in roles:
            result["probabilities"] = batch.head.probabilities(logits)
        if "log_probabilities" in roles:
            result["log_probabilities"] = batch.head.log_probabilities(logits)
        if "prediction" in roles:
            result["prediction"] = batch.head.prediction(logits)
        if "loss" in roles:
            assert batch.target is not None
            loss, gradient = batch.head.loss_and_grad(logits, batch.target, options)
            result["loss"] = np.asarray(loss)
            if options.head == "train_step":
                result |= _step(batch, options, gradient)
        return result


def _step(batch: Batch, options: Options, d_logits: Array) -> dict[str, Array]:
    """Backpropagate and update, in the type of the gradient."""
    assert batch.state is not None
    dtype = d_logits.dtype
    state = {name: array.astype(dtype) for name, array in batch.state.items()}
    values = batch.layers.values(state, batch.x.astype(dtype))
    gradients = batch.layers.backward(state, values, d_logits)
    return {f"grad.{name}": g for name, g in gradients.items()} | updates(batch, options, gradients)


def updates(batch: Batch, options: Options, gradients: dict[str, Array]) -> dict[str, Array]:
    """Update parameters and velocities by given gradients, in the type of the loss."""
    assert batch.state is not None
    dtype, result = np.dtype(options.loss_dtype), {}
    with np.errstate(all="ignore"):
        for name, gradient in gradients.items():
            parameter, step = batch.state[name].astype(dtype), gradient.astype(dtype)
            if options.weight_decay:
                step = step + dtype.type(options.weight_decay) * parameter
            if options.momentum:
                previous = batch.velocities[name].astype(dtype)
                step = dtype.type(options.momentum) * previous + step
                result[f"new.velocity.{name}"] = step
            result[f"new.{name}"] = parameter - dtype.type(batch.learning_rate) * step
    return result
