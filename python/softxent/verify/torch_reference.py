"""What PyTorch computes for a batch, gradients by autograd, updates by torch.optim.SGD."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

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
    roles: Collection[str],
    logits: Array | None = None,
    network: dict[str, torch.Tensor] | None = None,
) -> dict[str, Array]:
    """Compute outputs with torch; parameters and result as in the native reference."""
    torch = require("torch", "torch", "verification against torch")
    step = options.head == "train_step"
    with torch.set_grad_enabled(step):
        parameters = network or ({} if logits is not None else _parameters(batch, options))
        z = torch.tensor(logits) if logits is not None else _forward(batch, parameters)
        z = batch.head.visible(z) if logits is None else z
        result = {"logits": z}
        if "probabilities" in roles:
            result["probabilities"] = batch.head.torch_probabilities(z)
        if "log_probabilities" in roles:
            result["log_probabilities"] = batch.head.torch_log_probabilities(z)
        if "prediction" in roles:
            result["prediction"] = batch.head.torch_prediction(z)
        if "loss" in roles:
            wide = z.to(getattr(torch, options.loss_dtype))
            assert batch.target is not None
            result["loss"] = batch.head.torch_loss(wide, batch.target, options)
            if step:
                result |= _step(result["loss"], parameters, batch, options)
    return {name: value.detach().numpy() for name, value in result.items()}


def prepared(batch: Batch, options: Options) -> dict[str, torch.Tensor] | None:
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
