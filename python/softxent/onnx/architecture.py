"""The two networks that files are written for and read back as, seen as shapes and arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

#: Parameters in the order of PyTorch's state_dict, of both networks.
PARAMETERS = ("linear1.weight", "linear1.bias", "linear2.weight", "linear2.bias")

State = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Architecture:
    """Name and sizes of a NeuralNet1 or NeuralNet2.

    `outputs` is the number of logits per sample: 1 for NeuralNet1, the number of classes for
    NeuralNet2.
    """

    name: str
    input_size: int
    hidden_size: int
    outputs: int

    @classmethod
    def of(cls, name: str, state: State) -> Self:
        """Read the sizes off the parameters.

        Raises
        ------
        ValueError
            If a parameter is missing, superfluous, of a wrong shape or not of real numbers.
        """
        if set(state) != set(PARAMETERS):
            raise ValueError(
                f"expected the parameters {', '.join(PARAMETERS)}, got {', '.join(sorted(state))}"
            )
        first, second = state["linear1.weight"], state["linear2.weight"]
        if first.ndim != 2 or second.ndim != 2:
            raise ValueError(
                f"weights must have two axes, got shapes {first.shape} and {second.shape}"
            )
        found = cls(name, first.shape[1], first.shape[0], second.shape[0])
        for parameter, shape in found.shapes.items():
            if state[parameter].shape != shape:
                raise ValueError(
                    f"{parameter} must have shape {shape}, got {state[parameter].shape}"
                )
        if name == "NeuralNet1" and found.outputs != 1:
            raise ValueError(f"NeuralNet1 has one output, got {found.outputs}")
        return found

    def __str__(self) -> str:
        """Return the name and the sizes of the layers."""
        return f"{self.name} {self.input_size}-{self.hidden_size}-{self.outputs}"

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of every parameter."""
        return {
            "linear1.weight": (self.hidden_size, self.input_size),
            "linear1.bias": (self.hidden_size,),
            "linear2.weight": (self.outputs, self.hidden_size),
            "linear2.bias": (self.outputs,),
        }

    @property
    def binary(self) -> bool:
        """Whether the network has one logit and a binary loss."""
        return self.name == "NeuralNet1"


def fingerprint(state: State) -> str:
    """Return the SHA-256 of the parameters: of type, shape and little-endian values of each."""
    digest = sha256()
    for name in PARAMETERS:
        array = np.ascontiguousarray(state[name])
        digest.update(f"{name} {array.dtype.name} {array.shape}\n".encode())
        digest.update(array.astype(array.dtype.newbyteorder("<")).tobytes())
    return digest.hexdigest()


def converted(state: State, dtype: str) -> dict[str, NDArray[Any]]:
    """Convert parameters to the type of a file.

    Raises
    ------
    ValueError
        If a finite parameter is too large for the type.
    """
    result = {}
    for name in PARAMETERS:
        with np.errstate(over="ignore"):
            array = np.asarray(state[name]).astype(dtype)
        lost = np.isfinite(state[name]) & ~np.isfinite(array)
        if lost.any():
            where = np.unravel_index(int(lost.argmax()), array.shape)
            position = tuple(int(i) for i in where)
            raise ValueError(
                f"{name}[{position}] = {state[name][where]!r} does not fit into {dtype}"
            )
        result[name] = array
    return result
