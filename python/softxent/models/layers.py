"""Linear layers with one activation between them: shapes, first values, forward and backward."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Self

import numpy as np

from softxent.models import activations

__all__ = ["Layers"]

Parameters = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Layers:
    """
    The shape of a multilayer perceptron: linearK(a(… a(linear1(x)) …)), a being the activation.

    It holds no parameters; those are given to its methods, by PyTorch's names and layouts:
    "linear1.weight" of shape (outputs, inputs), "linear1.bias" (outputs,), and so on. Two of them
    are equal if they compute the same function of the same parameters: without a hidden layer
    there is no place for an activation, which is "identity" then.

    Parameters
    ----------
    sizes : tuple of int
        Number of features, of units in each hidden layer, and of logits.
    activation : {"relu", "tanh", "sigmoid", "identity"}, default "relu"
        The function between the linear layers.
    bias : bool, default True
        Whether the linear layers have biases.

    Raises
    ------
    ValueError
        If there are fewer than two sizes, or the activation is another one.
    """

    sizes: tuple[int, ...]
    activation: str = "relu"
    bias: bool = True

    def __post_init__(self) -> None:
        """Check the arguments; drop the activation where it has no place."""
        if len(self.sizes) < 2:
            raise ValueError(f"sizes must be at least two, features and logits, got {self.sizes}")
        name = activations.checked(self.activation)
        object.__setattr__(self, "activation", name if self.hidden_sizes else "identity")

    @classmethod
    def of(cls, parameters: Parameters, activation: str) -> Self:
        """
        Read sizes and bias off the shapes of parameters.

        Raises
        ------
        ValueError
            If the weights are not matrices, or those of neighbours do not fit together.
        """
        count = sum(name.endswith(".weight") for name in parameters)
        names = [f"linear{layer}.weight" for layer in range(1, max(count, 1) + 1)]
        shapes = [np.shape(parameters.get(name, ())) for name in names]
        if any(len(shape) != 2 for shape in shapes):
            raise ValueError(f"{' and '.join(names)} must be matrices, got shapes {shapes}")
        for (before, above), (after, below) in pairwise(zip(names, shapes, strict=True)):
            if below[1] != above[0]:
                raise ValueError(
                    f"{after} must have {above[0]} columns, as many as {before} has rows, "
                    f"got {below[1]}"
                )
        sizes = (shapes[0][1], *(shape[0] for shape in shapes))
        return cls(sizes, activation, any(name.endswith(".bias") for name in parameters))

    def __str__(self) -> str:
        """Return the sizes and whatever is not as in NeuralNet1 and NeuralNet2."""
        text = "-".join(map(str, self.sizes))
        if self.hidden_sizes and self.activation != "relu":
            text += f", {self.activation}"
        return text if self.bias else f"{text}, no biases"

    @property
    def input_size(self) -> int:
        """Number of features."""
        return self.sizes[0]

    @property
    def hidden_sizes(self) -> tuple[int, ...]:
        """Number of units in each hidden layer."""
        return self.sizes[1:-1]

    @property
    def outputs(self) -> int:
        """Number of logits."""
        return self.sizes[-1]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the linear layers."""
        return tuple(f"linear{layer}" for layer in range(1, len(self.sizes)))

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of every parameter, in the order of PyTorch."""
        shapes: dict[str, tuple[int, ...]] = {}
        for name, (inputs, outputs) in zip(self.names, pairwise(self.sizes), strict=True):
            shapes[f"{name}.weight"] = (outputs, inputs)
            if self.bias:
                shapes[f"{name}.bias"] = (outputs,)
        return shapes

    @property
    def largest_product(self) -> int:
        """The most multiplications that a layer takes for one sample."""
        return max(inputs * outputs for inputs, outputs in pairwise(self.sizes))

    def initial(self, seed: int | None, dtype: np.dtype) -> dict[str, np.ndarray]:
        """Draw weights and biases from U(-1/√fan_in, 1/√fan_in), as torch.nn.Linear does."""
        generator, shapes = np.random.default_rng(seed), self.shapes
        parameters = {}
        for name, shape in shapes.items():
            fan_in = shapes[f"{name.partition('.')[0]}.weight"][1]
            bound = 1 / np.sqrt(fan_in)
            parameters[name] = generator.uniform(-bound, bound, shape).astype(dtype)
        return parameters

    def logits(self, parameters: Parameters, features: np.ndarray) -> np.ndarray:
        """Compute logits, shape (n, outputs), from features, shape (n, input_size)."""
        value = features
        for name in self.names:
            value = self._layer(parameters, name, value)
        return value

    def values(self, parameters: Parameters, features: np.ndarray) -> list[np.ndarray]:
        """Compute what every layer takes, and the logits as the last."""
        values = [features]
        for name in self.names:
            values.append(self._layer(parameters, name, values[-1]))
        return values

    def _layer(self, parameters: Parameters, name: str, value: np.ndarray) -> np.ndarray:
        """Compute X Wᵀ + b, and its activation unless the layer is the last."""
        # BLAS raises floating-point flags for overflow and NaN, which NumPy would warn about.
        with np.errstate(over="ignore", invalid="ignore"):
            result = value @ parameters[f"{name}.weight"].T
            if self.bias:
                result += parameters[f"{name}.bias"]
            if name != self.names[-1]:
                activations.ACTIVATIONS[self.activation].apply(result)
        return result

    def backward(
        self, parameters: Parameters, values: list[np.ndarray], d_logits: np.ndarray
    ) -> dict[str, np.ndarray]:
        """
        Compute the gradient in every parameter.

        With X what a layer takes and D the gradient in what it gives before the activation: dW =
        Dᵀ X, db = Σ D; the gradient in X is D W, and times the activation's derivative at X it is
        the D of the layer before.

        Parameters
        ----------
        parameters : mapping of str to ndarray
            The parameters.
        values : list of ndarray
            As `values` gives them.
        d_logits : ndarray, shape (n, outputs)
            The gradient in the logits.

        Returns
        -------
        dict of str to ndarray
            In the order of the parameters.
        """
        upstream, found = d_logits, {}
        with np.errstate(over="ignore", invalid="ignore"):
            for name, value in zip(self.names[::-1], values[-2::-1], strict=True):
                found[f"{name}.weight"] = upstream.T @ value
                if self.bias:
                    found[f"{name}.bias"] = upstream.sum(axis=0)
                if name != self.names[0]:
                    upstream = upstream @ parameters[f"{name}.weight"]
                    activations.ACTIVATIONS[self.activation].backpropagate(upstream, value)
        return {name: found[name] for name in parameters}
