"""The forward pass of a network with bounds of its rounding error."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from softxent.verify import activations
from softxent.verify.arithmetic import Arithmetic, Estimate
from softxent.verify.batches import Batch


@dataclass(frozen=True)
class Forward:
    """Estimates of the forward pass.

    `inputs` are what each linear layer takes, the features first; `sums` what each hidden one gives
    before its activation; `logits` are (n, C), or (n,) of one logit.
    """

    inputs: tuple[Estimate, ...]
    sums: tuple[Estimate, ...]
    logits: Estimate


def forward(batch: Batch, arithmetic: Arithmetic) -> Forward:
    """Estimate layer by layer."""
    assert batch.state is not None
    layers = batch.layers
    state = {name: np.asarray(array, np.float64) for name, array in batch.state.items()}
    inputs, sums = [Estimate.exact(batch.x)], []
    for name in layers.names:
        weight = Estimate.exact(state[f"{name}.weight"])
        value = arithmetic.product(inputs[-1], weight.T, state.get(f"{name}.bias"))
        if name != layers.names[-1]:
            sums.append(value)
            inputs.append(activations.apply(arithmetic, layers.activation, value))
    assert value.typical is not None
    visible = map(batch.head.visible, (value.value, value.error, value.typical))
    return Forward(tuple(inputs), tuple(sums), Estimate(*visible))
