"""What PyTorch computes for a batch, gradients by autograd, updates by torch.optim.SGD."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import numpy as np

from softxent._machine.optional import require
from softxent.onnx.options import Options
from softxent.verify.arithmetic import Array
from softxent.verify.batches import Batch

if TYPE_CHECKING:
    import torch

NAME = "torch"


def outputs(
    batch: Batch,
    options: Options,
    binary: bool,
    roles: Collection[str],
    logits: Array | None = None,
    network: dict[str, torch.Tensor] | None = None,
) -> dict[str, Array]:
    """Compute outputs with torch; parameters and result as in the native reference."""
    torch = require("torch", "torch", "verification against torch")
    functional = torch.nn.functional
    step = options.head == "train_step"
    with torch.set_grad_enabled(step):
        parameters = network or ({} if logits is not None else _parameters(batch, options))
        z = torch.tensor(logits) if logits is not None else _forward(batch, parameters)
        z = z[:, 0] if binary and z.ndim == 2 else z
        result = {"logits": z}
        if "probabilities" in roles:
            result["probabilities"] = torch.sigmoid(z) if binary else torch.softmax(z, 1)
        if "log_probabilities" in roles:
            log = functional.logsigmoid(z) if binary else functional.log_softmax(z, 1)
            result["log_probabilities"] = log
        if "prediction" in roles:
            result["prediction"] = (z > 0).long() if binary else z.argmax(1)
        if "loss" in roles:
            wide = z.to(getattr(torch, options.loss_dtype))
            result["loss"] = (_binary_loss if binary else _loss)(wide, batch, options)
            if step:
                result |= _step(result["loss"], parameters, batch, options)
    return {name: value.detach().numpy() for name, value in result.items()}


def prepared(batch: Batch, options: Options, binary: bool) -> dict[str, torch.Tensor] | None:
    """Make the parameters of a batch; None for a step, which changes those that it gets."""
    return None if options.head == "train_step" else _parameters(batch, options)


def _parameters(batch: Batch, options: Options) -> dict[str, torch.Tensor]:
    torch = require("torch", "torch", "verification against torch")
    assert batch.state is not None
    dtype = getattr(torch, options.loss_dtype)
    return {
        name: torch.tensor(value).to(dtype).requires_grad_() for name, value in batch.state.items()
    }


def _forward(batch: Batch, p: dict[str, torch.Tensor]) -> torch.Tensor:
    torch = require("torch", "torch", "verification against torch")
    layers = batch.layers
    value = torch.tensor(batch.x).to(p["linear1.weight"].dtype)
    for name in layers.names:
        value = torch.nn.functional.linear(value, p[f"{name}.weight"], p.get(f"{name}.bias"))
        if name != layers.names[-1] and layers.activation != "identity":
            value = getattr(torch, layers.activation)(value)
    return value


def _loss(z: torch.Tensor, batch: Batch, options: Options) -> torch.Tensor:
    torch = require("torch", "torch", "verification against torch")
    target = torch.tensor(batch.target)
    if target.is_floating_point():
        target = target.to(z.dtype)
    weight = None if options.weight is None else torch.tensor(options.weight, dtype=z.dtype)
    # torch always ignores some label; without one it is a number that is no label here.
    ignored = np.iinfo(np.int64).min if options.ignore_index is None else options.ignore_index
    return torch.nn.functional.cross_entropy(
        z,
        target,
        weight=weight,
        ignore_index=ignored,
        label_smoothing=options.label_smoothing,
        reduction=options.reduction,
    )


def _binary_loss(z: torch.Tensor, batch: Batch, options: Options) -> torch.Tensor:
    torch = require("torch", "torch", "verification against torch")
    log = torch.nn.functional.logsigmoid
    smoothing = options.label_smoothing
    t = torch.tensor(batch.target).to(z.dtype) * (1 - smoothing) + smoothing / 2
    negative, positive = options.weight or (1.0, 1.0)
    rows = -positive * t * log(z) - negative * (1 - t) * log(-z)
    return {"none": rows, "sum": rows.sum(), "mean": rows.mean()}[options.reduction]


def _step(
    loss: torch.Tensor, parameters: dict[str, torch.Tensor], batch: Batch, options: Options
) -> dict[str, torch.Tensor]:
    torch = require("torch", "torch", "verification against torch")
    loss.backward()
    result = {f"grad.{name}": p.grad.clone() for name, p in parameters.items()}
    optimizer = torch.optim.SGD(
        parameters.values(),
        lr=batch.learning_rate,
        momentum=options.momentum,
        weight_decay=options.weight_decay,
    )
    if options.momentum:
        for name, p in parameters.items():
            velocity = torch.tensor(batch.velocities[name]).to(p.dtype)
            optimizer.state[p]["momentum_buffer"] = velocity
    optimizer.step()
    for name, p in parameters.items():
        result[f"new.{name}"] = p
        if options.momentum:
            result[f"new.velocity.{name}"] = optimizer.state[p]["momentum_buffer"]
    return result
