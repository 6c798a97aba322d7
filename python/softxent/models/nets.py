"""The two networks."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Self

from numpy.typing import DTypeLike

from softxent.models import _checks, storage
from softxent.models.heads import BinaryHead, SoftmaxHead
from softxent.models.model import Model

__all__ = ["NeuralNet1", "NeuralNet2", "load"]


class NeuralNet1(Model):
    """
    Binary classification: Linear, ReLU, Linear to one logit, sigmoid, binary cross-entropy.

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
        super().__init__(
            input_size, hidden_size, BinaryHead(), seed, dtype, class_names, feature_names
        )

    @classmethod
    def _of_sizes(
        cls,
        input_size: int,
        hidden_size: int,
        outputs: int,
        *,
        seed: int | None,
        dtype: DTypeLike,
        class_names: Sequence[str] | None,
        feature_names: Sequence[str] | None,
    ) -> Self:
        if outputs != 1:
            raise ValueError(f"NeuralNet1 has 1 output, the given parameters have {outputs}")
        return cls(
            input_size,
            hidden_size,
            seed,
            dtype=dtype,
            class_names=class_names,
            feature_names=feature_names,
        )

    def __repr__(self) -> str:
        """Return the sizes and the dtype."""
        return f"NeuralNet1({self.input_size}, {self.hidden_size}, dtype='{self.dtype}')"


class NeuralNet2(Model):
    """
    Classification into C classes: Linear, ReLU, Linear to C logits, softmax, cross-entropy.

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
        head = SoftmaxHead(_checks.integer("num_classes", num_classes, 2))
        super().__init__(input_size, hidden_size, head, seed, dtype, class_names, feature_names)

    @classmethod
    def _of_sizes(
        cls,
        input_size: int,
        hidden_size: int,
        outputs: int,
        *,
        seed: int | None,
        dtype: DTypeLike,
        class_names: Sequence[str] | None,
        feature_names: Sequence[str] | None,
    ) -> Self:
        return cls(
            input_size,
            hidden_size,
            outputs,
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


def load(path: str | os.PathLike[str]) -> NeuralNet1 | NeuralNet2:
    """
    Read a network from a file, whichever of the two it is.

    Parameters
    ----------
    path : str or os.PathLike
        A ``.npz`` or ``.safetensors`` file. In a safetensors file of other origin, one output
        means NeuralNet1.

    Returns
    -------
    NeuralNet1 or NeuralNet2
        The network.

    Raises
    ------
    FileNotFoundError, ValueError, ImportError
        As `NeuralNet2.load`.
    """
    saved = storage.read(path)
    cls = NeuralNet1 if saved.class_name == "NeuralNet1" else NeuralNet2
    return cls._from_saved(saved)
