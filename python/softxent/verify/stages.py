"""Parts of a graph by themselves: what follows from outputs that the model itself put out.

The bound of a loss computed from the inputs carries the rounding of all linear layers, beside
which a small change of an option may vanish. From the model's own logits it carries that of the
loss alone, and a step of the optimizer, from the model's own gradients, that of the step alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from softxent.onnx.options import Options
from softxent.verify import bounds, native
from softxent.verify.arithmetic import Arithmetic, Array, Estimate
from softxent.verify.batches import Batch
from softxent.verify.compare import without_last_axis

#: Outputs that follow from the logits.
_FROM_LOGITS = ("probabilities", "log_probabilities", "prediction", "loss")


@dataclass(frozen=True)
class Stage:
    """Expected outputs and their bounds, given some other outputs."""

    name: str
    expected: dict[str, Array]
    bounds: dict[str, Estimate]
    reason: str


def of(batch: Batch, options: Options, outputs: Mapping[str, Array]) -> Iterator[Stage]:
    """Stages of a graph with these outputs, by their meaning."""
    unit = f"u = 2^{round(np.log2(Arithmetic(options.loss_dtype).u))}"
    logits = own_logits(batch, outputs)
    if logits is not None:
        yield _after_logits(batch, options, outputs, logits, unit)
    if options.head == "train_step" and batch.state is not None:
        gradients = {
            name: outputs[f"grad.{name}"]
            for name, value in batch.state.items()
            if f"grad.{name}" in outputs and outputs[f"grad.{name}"].shape == value.shape
        }
        yield Stage(
            "native from its gradients",
            native.updates(batch, options, gradients),
            bounds.updates(batch, options, gradients),
            f"2 × rounding of the update by the model's own gradients, {unit}",
        )


def own_logits(batch: Batch, outputs: Mapping[str, Array]) -> Array | None:
    """Logits that the model put out, if they are some."""
    if "logits" not in outputs or batch.state is None:
        return None
    shape = batch.head.visible(np.empty((len(batch), batch.layers.outputs))).shape
    logits = without_last_axis(outputs["logits"], shape)
    return logits if logits.shape == shape else None


def _after_logits(
    batch: Batch,
    options: Options,
    outputs: Mapping[str, Array],
    logits: Array,
    unit: str,
) -> Stage:
    wanted = {role for role in _FROM_LOGITS if role in outputs}
    expected = native.outputs(batch, options, wanted, logits)
    return Stage(
        "native from its logits",
        {role: expected[role] for role in wanted},
        bounds.estimates(batch, options, logits),
        f"2 × rounding of what follows the model's own logits, {unit}",
    )
