"""Multilayer perceptrons of any depth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from numpy.typing import DTypeLike

from softxent._arguments import checks
from softxent.models.heads import BinaryHead, SoftmaxHead
from softxent.models.layers import Layers
from softxent.models.model import Model

__all__ = ["MLP"]


class MLP(Model):
    """
    Classification by a multilayer perceptron: linear layers with one activation between them.

    With C ≥ 2 classes the last layer gives C logits, for softmax and cross-entropy; with
    ``num_classes=1`` it gives one, for the sigmoid and the binary cross-entropy of two classes.
    Without hidden layers it is multinomial, or binary, logistic regression.

    Parameters
    ----------
    input_size : int
        Number of features.
    hidden_sizes : sequence of int
        Number of units in each hidden layer, from the features to the logits; empty for none.
    num_classes : int
        Number of logits: of classes, or 1 for two classes told apart by one logit.
    activation : {"relu", "tanh", "sigmoid", "identity"}, default "relu"
        The function after each hidden layer.
    bias : bool, default True
        Whether the linear layers have biases.
    seed : int, optional
        Makes the initial parameters reproducible, and the order of the mini-batches.
    dtype : {"float32", "float64"}, default "float32"
        Type of parameters and results.
    class_names : sequence of str, optional
        The names of the classes, two of them for one logit, distinct.
    feature_names : sequence of str, optional
        The names of the features, distinct.

    Raises
    ------
    TypeError
        If a size or the seed is not an integer, bias not a bool, or a feature's name not text.
    ValueError
        If a size is below 1, the seed negative, activation or dtype another one, there is not one
        name per class or per feature, or a name occurs twice.

    Examples
    --------
    >>> from softxent.models import MLP
    >>> net = MLP(784, (128, 64), 10, activation="tanh", seed=0)
    >>> net.forward([[0.0] * 784]).shape
    (1, 10)
    >>> [name for name in net.state_dict() if name.endswith("weight")]
    ['linear1.weight', 'linear2.weight', 'linear3.weight']
    """

    def __init__(
        self,
        input_size: int,
        hidden_sizes: Sequence[int],
        num_classes: int,
        *,
        activation: str = "relu",
        bias: bool = True,
        seed: int | None = None,
        dtype: DTypeLike = "float32",
        class_names: Sequence[str] | None = None,
        feature_names: Sequence[str] | None = None,
    ) -> None:
        sizes = (
            checks.integer("input_size", input_size, 1),
            *checks.integers("hidden_sizes", hidden_sizes, 1),
            checks.integer("num_classes", num_classes, 1),
        )
        layers = Layers(sizes, activation, checks.flag("bias", bias))
        head = BinaryHead() if layers.outputs == 1 else SoftmaxHead(layers.outputs)
        super().__init__(layers, head, seed, dtype, class_names, feature_names)

    @classmethod
    def check_layers(cls, layers: Layers) -> None:
        """Raise ValueError if a network of this class has no such layers."""

    @classmethod
    def _of_layers(
        cls,
        layers: Layers,
        *,
        seed: int | None,
        dtype: DTypeLike,
        class_names: Sequence[str] | None,
        feature_names: Sequence[str] | None,
    ) -> Self:
        cls.check_layers(layers)
        return cls(
            layers.input_size,
            layers.hidden_sizes,
            layers.outputs,
            activation=layers.activation,
            bias=layers.bias,
            seed=seed,
            dtype=dtype,
            class_names=class_names,
            feature_names=feature_names,
        )

    def _sizes(self) -> dict[str, Any]:
        return {
            "input_size": self.input_size,
            "hidden_sizes": list(self.hidden_sizes),
            "num_classes": self.layers.outputs,
            "activation": self.activation,
            "bias": self.bias,
        }

    def __repr__(self) -> str:
        """Return the arguments of the constructor that say what is computed."""
        return (
            f"MLP({self.input_size}, {self.hidden_sizes}, {self.layers.outputs}, "
            f"activation={self.activation!r}, bias={self.bias}, dtype='{self.dtype}')"
        )
