"""What models are run on: inputs, targets and, where they are inputs too, parameters."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from softxent.onnx.architecture import Architecture
from softxent.onnx.options import Options

Array = NDArray[Any]


@dataclass(frozen=True)
class Batch:
    """One set of inputs, in the types that the model wants.

    Attributes
    ----------
    name : str
        As it stands in the report.
    x : ndarray, shape (n, input_size)
    target : ndarray or None
        Labels or probabilities, for graphs with a loss.
    state : dict or None
        Parameters under their names; None if the model is a black box.
    velocities : dict
        Of a train_step with momentum.
    learning_rate : float
        Of a train_step.
    """

    name: str
    x: Array
    target: Array | None
    state: dict[str, Array] | None
    velocities: dict[str, Array]
    learning_rate: float = 0.125

    def renamed(self, name: str, **changes: Any) -> Self:
        """Copy with some parts replaced."""
        return replace(self, name=name, **changes)

    def take(self, rows: Any) -> Self:
        """Copy with some of the rows."""
        target = None if self.target is None else self.target[rows]
        return replace(self, x=self.x[rows], target=target)

    def __len__(self) -> int:
        return len(self.x)
