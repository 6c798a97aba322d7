"""Where the bounds of a foreign classifier come from, in words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from softxent.onnx.options import Options
from softxent.verify.arithmetic import Arithmetic


def unit(dtype: str) -> str:
    """The unit roundoff of a type."""
    return f"u = 2^{round(np.log2(Arithmetic(dtype).u))}"


def of_run(estimates: Sequence[str], dtype: str, *, tail: bool) -> str:
    """Of a float64 run of the graph."""
    start = "what follows the runtime's own logits" if tail else "every operator of the graph"
    rounding = f"2 × rounding of {start}, carried to here, {unit(dtype)}"
    if not estimates:
        return rounding
    names = ", ".join(estimates[:3]) + ", …" * (len(estimates) > 3)
    return (
        f"an ESTIMATE, no bound: {names} without a rule, perturbed runs instead; for the rest "
        f"{rounding}"
    )


def of_head(options: Options) -> str:
    """Of a native function."""
    return f"2 × rounding of what follows the runtime's own logits, {unit(options.loss_dtype)}"


def of_choice(*, tail: bool) -> str:
    """Of predictions and labels."""
    if tail:
        return "the class of the runtime's own logits"
    return "may differ where the values that decide are equal within their bounds"
