"""The two classical networks of one hidden layer, and reading any network from a file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, ClassVar, Self

from numpy.typing import DTypeLike

from softxent._arguments import checks
from softxent.models import activations, storage
from softxent.models.layers import Layers
from softxent.models.mlp import MLP
from softxent.models.torch_bridge import Stack

__all__ = ["NeuralNet1", "NeuralNet2", "class_of", "load", "specialised"]


class _OneHiddenLayer(MLP):
    """An MLP of one hidden layer with ReLU and biases."""

    _ACTIVATIONS: ClassVar[tuple[str, ...]] = ("relu",)
    _DEPTH: ClassVar[int | None] = 2

    @classmethod
    def check_layers(cls, layers: Layers) -> None:
        """Raise ValueError if there is not one hidden layer, with ReLU and biases."""
        if not _has_one_hidden_layer(layers):
            raise ValueError(
                f"{cls.__name__} is Linear, ReLU, Linear with biases, got {layers}, which is an MLP"
            )

    @classmethod
    def _activation(cls, stack: Stack, given: str | None) -> str:
        return "relu" if given is None else activations.checked(given)

    def _sizes(self) -> dict[str, Any]:
        return {
            "input_size": self.input_size,
            "hidden_size": self.hidden_size,
            "num_classes": self.num_classes,
        }

    @property
    def hidden_size(self) -> int:
        """Number of hidden units."""
        return self.hidden_sizes[0]


class NeuralNet1(_OneHiddenLayer):
    """
    Binary classification: Linear, ReLU, Linear to one logit, sigmoid, binary cross-entropy.

    The `MLP` of one hidden layer and one logit.

    Parameters
    ----------
    input_size : int
        Number of features.
    hidden_size : int
        Number of hidden units.
    seed : int, optional
        Makes the initial parameters reproducible, and the order of the mini-batches.
    dtype : {"float32", "float64"}, default "float32"
        Type of parameters and results.
    class_names : sequence of two str, optional
        The names of classes 0 and 1, distinct.
    feature_names : sequence of str, optional
        The names of the features, distinct.

    Raises
    ------
    TypeError
        If a size or the seed is not an integer, or a feature's name is not text.
    ValueError
        If a size is below 1, the seed negative, the dtype another one, there are not two
        classes' names or not one name per feature, or a name occurs twice.

    Examples
    --------
    >>> from softxent.models import NeuralNet1
    >>> NeuralNet1(30, 16, seed=0).predict_proba([[0.0] * 30]).shape
    (1,)
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        seed: int | None = None,
        *,
        dtype: DTypeLike = "float32",
        class_names: Sequence[str] | None = None,
        feature_names: Sequence[str] | None = None,
    ) -> None:
        hidden_size = checks.integer("hidden_size", hidden_size, 1)
        super().__init__(
            input_size,
            (hidden_size,),
            1,
            seed=seed,
            dtype=dtype,
            class_names=class_names,
            feature_names=feature_names,
        )

    @classmethod
    def check_layers(cls, layers: Layers) -> None:
        """Raise ValueError if there is not one hidden layer, with ReLU and biases, or one logit."""
        super().check_layers(layers)
        if layers.outputs != 1:
            raise ValueError(f"NeuralNet1 has 1 output, the given parameters have {layers.outputs}")

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
            layers.hidden_sizes[0],
            seed,
            dtype=dtype,
            class_names=class_names,
            feature_names=feature_names,
        )

    def __repr__(self) -> str:
        """Return the sizes and the dtype."""
        return f"NeuralNet1({self.input_size}, {self.hidden_size}, dtype='{self.dtype}')"


class NeuralNet2(_OneHiddenLayer):
    """
    Classification into C classes: Linear, ReLU, Linear to C logits, softmax, cross-entropy.

    The `MLP` of one hidden layer and as many logits as classes.

    Parameters
    ----------
    input_size : int
        Number of features.
    hidden_size : int
        Number of hidden units.
    num_classes : int
        Number of classes, at least 2.
    seed : int, optional
        Makes the initial parameters reproducible, and the order of the mini-batches.
    dtype : {"float32", "float64"}, default "float32"
        Type of parameters and results.
    class_names : sequence of str, optional
        The names of the classes, distinct.
    feature_names : sequence of str, optional
        The names of the features, distinct.

    Raises
    ------
    TypeError
        If a size or the seed is not an integer, or a feature's name is not text.
    ValueError
        If a size is too small, the seed negative, the dtype another one, there is not one name
        per class or per feature, or a name occurs twice.

    Examples
    --------
    >>> from softxent.models import NeuralNet2
    >>> NeuralNet2(784, 64, 10, seed=0).forward([[0.0] * 784]).shape
    (1, 10)
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_classes: int,
        seed: int | None = None,
        *,
        dtype: DTypeLike = "float32",
        class_names: Sequence[str] | None = None,
        feature_names: Sequence[str] | None = None,
    ) -> None:
        hidden_size = checks.integer("hidden_size", hidden_size, 1)
        super().__init__(
            input_size,
            (hidden_size,),
            checks.integer("num_classes", num_classes, 2),
            seed=seed,
            dtype=dtype,
            class_names=class_names,
            feature_names=feature_names,
        )

    @classmethod
    def check_layers(cls, layers: Layers) -> None:
        """Raise ValueError if there is not one hidden layer, with ReLU and biases, and C ≥ 2."""
        super().check_layers(layers)
        checks.integer("num_classes", layers.outputs, 2)

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
            layers.hidden_sizes[0],
            layers.outputs,
            seed,
            dtype=dtype,
            class_names=class_names,
            feature_names=feature_names,
        )

    def __repr__(self) -> str:
        """Return the sizes and the dtype."""
        return (
            f"NeuralNet2({self.input_size}, {self.hidden_size}, {self.num_classes}, "
            f"dtype='{self.dtype}')"
        )


def specialised(net: MLP) -> MLP:
    """Return a network as a NeuralNet1 or NeuralNet2 if it is one, which takes its parameters."""
    cls = class_of(net.layers)
    if isinstance(net, cls):
        return net
    special = cls._of_layers(
        net.layers,
        seed=net.seed,
        dtype=net.dtype,
        class_names=net.class_names,
        feature_names=net.feature_names,
    )
    special.load_state_dict(net.parameters)
    return special


def class_of(layers: Layers) -> type[MLP]:
    """Return the class of a network of this shape where nothing states one."""
    if not _has_one_hidden_layer(layers):
        return MLP
    return NeuralNet1 if layers.outputs == 1 else NeuralNet2


def _has_one_hidden_layer(layers: Layers) -> bool:
    return len(layers.hidden_sizes) == 1 and layers.activation == "relu" and layers.bias


def load(path: str | os.PathLike[str], *, activation: str | None = None) -> MLP:
    """
    Read a network from a file, whatever its class.

    Parameters
    ----------
    path : str or os.PathLike
        A ``.npz`` or ``.safetensors`` file.
    activation : {"relu", "tanh", "sigmoid", "identity"}, optional
        What stands between the linear layers of a safetensors file of other origin, which does not
        say it; such a file becomes a NeuralNet1 or NeuralNet2 where it is one, otherwise an MLP.

    Returns
    -------
    MLP, NeuralNet1 or NeuralNet2
        The network.

    Raises
    ------
    FileNotFoundError, ValueError, ImportError
        As `MLP.load`.

    Examples
    --------
    >>> import os, tempfile
    >>> from softxent.models import NeuralNet2, load
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "net.npz")
    ...     NeuralNet2(4, 8, 3, seed=0).save(path)
    ...     load(path).hidden_sizes
    (8,)
    """
    saved = storage.read(path)
    if saved.metadata is None:
        return specialised(MLP._from_saved(saved, activation))
    cls = {cls.__name__: cls for cls in (MLP, NeuralNet1, NeuralNet2)}[saved.metadata.class_name]
    return cls._from_saved(saved, activation)
