"""The networks that files are written for and read back as, seen as shapes and arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from softxent.models import MLP, NeuralNet1, NeuralNet2
from softxent.models.layers import Layers
from softxent.models.nets import class_of

#: The classes of networks that a file may hold, by name.
CLASSES: dict[str, type[MLP]] = {cls.__name__: cls for cls in (NeuralNet1, NeuralNet2, MLP)}

#: Parameters by name, in the order of PyTorch's state_dict.
State = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Architecture:
    """Class and shape of a network.

    Parameters
    ----------
    name : {"NeuralNet1", "NeuralNet2", "MLP"}
        The class.
    layers : Layers
        The shape.

    Raises
    ------
    ValueError
        If the class has no such layers.
    """

    name: str
    layers: Layers

    def __post_init__(self) -> None:
        if self.name == "NeuralNet1" and self.outputs != 1:
            raise ValueError(f"NeuralNet1 has one output, got {self.outputs}")
        CLASSES[self.name].check_layers(self.layers)

    @classmethod
    def of(cls, net: MLP) -> Self:
        """Describe a network; of a subclass, the class that files know."""
        name = next(base.__name__ for base in type(net).__mro__ if base in CLASSES.values())
        return cls(name, net.layers)

    @classmethod
    def of_state(cls, state: State, activation: str, name: str | None = None) -> Self:
        """Read the shape off the parameters.

        Parameters
        ----------
        state : mapping of str to ndarray
            The parameters.
        activation : str
            The activation.
        name : str, optional
            The class; by default the most special one.

        Raises
        ------
        ValueError
            If a parameter is missing, superfluous or of a wrong shape, or the class has no such
            layers.
        """
        layers = Layers.of(state, activation)
        if set(state) != set(layers.shapes):
            raise ValueError(
                f"expected the parameters {', '.join(layers.shapes)}, "
                f"got {', '.join(sorted(state))}"
            )
        for parameter, shape in layers.shapes.items():
            if state[parameter].shape != shape:
                raise ValueError(
                    f"{parameter} must have shape {shape}, got {state[parameter].shape}"
                )
        return cls(name or class_of(layers).__name__, layers)

    def __str__(self) -> str:
        """Return the name and the shape."""
        return f"{self.name} {self.layers}"

    @property
    def input_size(self) -> int:
        """Number of features."""
        return self.layers.input_size

    @property
    def outputs(self) -> int:
        """Number of logits per sample."""
        return self.layers.outputs

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of every parameter."""
        return self.layers.shapes

    @property
    def binary(self) -> bool:
        """Whether the network has one logit and a binary loss."""
        return self.layers.outputs == 1


def fingerprint(state: State) -> str:
    """Return the SHA-256 of the parameters: of type, shape and little-endian values of each."""
    digest = sha256()
    for name, value in state.items():
        array = np.ascontiguousarray(value)
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
    for name, value in state.items():
        with np.errstate(over="ignore"):
            array = np.asarray(value).astype(dtype)
        lost = np.isfinite(value) & ~np.isfinite(array)
        if lost.any():
            where = np.unravel_index(int(lost.argmax()), array.shape)
            position = tuple(int(i) for i in where)
            raise ValueError(f"{name}[{position}] = {value[where]!r} does not fit into {dtype}")
        result[name] = array
    return result
