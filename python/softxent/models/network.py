"""A multilayer perceptron under a head: parameters, predictions, losses and gradients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from softxent._arguments import checks
from softxent._arguments.arrays import as_array
from softxent._arguments.scalars import shown
from softxent._arguments.wording import listed
from softxent.data.matching import matched_features, matched_labels
from softxent.data.standardizer import Standardizer
from softxent.models.heads import Head
from softxent.models.layers import Layers

__all__ = ["Network"]

_DTYPES = (np.dtype(np.float32), np.dtype(np.float64))


class Network:
    """
    The computation of all networks: linear layers, an activation between them, a head on top.

    The linear layers are NumPy matrix products, so their last bits may depend on the BLAS and on
    its number of threads; loss, probabilities and the gradient in the logits come from the
    kernels of softxent, whose bits do not. Every method takes X as real numbers of shape
    (n, input_size), raises TypeError for another kind of number, ValueError for another shape,
    and leaves X as it is. NaN in X gives NaN. Of a table of pandas, polars or pyarrow whose columns
    have names, those of `feature_names` are taken, whatever their order; a missing one is a
    ValueError, further ones are ignored with a UserWarning.

    Attributes
    ----------
    input_size, num_classes : int
        Number of features and of classes.
    hidden_sizes : tuple of int
        Number of units in each hidden layer.
    activation : str
        The function between the linear layers; "identity" where there is no hidden layer.
    bias : bool
        Whether the linear layers have biases.
    dtype : numpy.dtype
        float32 or float64, the type of parameters and results.
    seed : int or None
        The seed of the initialisation, and of the shuffling unless `fit` gets one of its own.
    class_names : tuple of str or None
        The names of the classes, distinct; kept in files.
    feature_names : tuple of str or None
        The names of the features, distinct; kept in files.
    parameters : dict of str to ndarray
        The parameters themselves, where `state_dict` has copies.
    layers : Layers
        What turns features into logits.
    head : Head
        What turns logits into losses, probabilities and decisions.
    """

    def __init__(
        self,
        layers: Layers,
        head: Head,
        seed: int | None,
        dtype: DTypeLike,
        class_names: Sequence[str] | None,
        feature_names: Sequence[str] | None,
    ) -> None:
        self.layers = layers
        self.head = head
        self.seed: int | None = None if seed is None else checks.seed("seed", seed)
        if dtype is None:  # which NumPy takes for float64
            raise TypeError("dtype must be float32 or float64, got None")
        try:
            self.dtype: np.dtype[Any] = np.dtype(dtype)
        except TypeError as error:
            raise TypeError(f"dtype must be float32 or float64, got {shown(dtype)}") from error
        if self.dtype not in _DTYPES:
            raise ValueError(f"dtype must be float32 or float64, got {self.dtype}")
        self.class_names = class_names
        self.feature_names = feature_names
        self.parameters: dict[str, np.ndarray] = layers.initial(self.seed, self.dtype)

    @property
    def input_size(self) -> int:
        """Number of features."""
        return self.layers.input_size

    @property
    def hidden_sizes(self) -> tuple[int, ...]:
        """Number of units in each hidden layer."""
        return self.layers.hidden_sizes

    @property
    def activation(self) -> str:
        """The function between the linear layers."""
        return self.layers.activation

    @property
    def bias(self) -> bool:
        """Whether the linear layers have biases."""
        return self.layers.bias

    @property
    def num_classes(self) -> int:
        """Number of classes."""
        return self.head.num_classes

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """The names of the classes, or None."""
        return self._class_names

    @class_names.setter
    def class_names(self, names: Sequence[str] | None) -> None:
        self._class_names = checks.class_names(names, self.num_classes)

    @property
    def feature_names(self) -> tuple[str, ...] | None:
        """The names of the features, or None."""
        return self._feature_names

    @feature_names.setter
    def feature_names(self, names: Sequence[str] | None) -> None:
        self._feature_names = checks.feature_names(names, self.input_size)

    def forward(self, X: ArrayLike) -> np.ndarray:
        """
        Compute logits.

        Parameters
        ----------
        X : array_like, shape (n, input_size)
            The features.

        Returns
        -------
        ndarray, shape (n, num_classes), or (n,) of one logit
            What the last linear layer gives.
        """
        return self.head.public(self.logits(self._features(X)))

    def predict_proba(self, X: ArrayLike) -> np.ndarray:
        """
        Compute probabilities.

        Parameters
        ----------
        X : array_like, shape (n, input_size)
            The features.

        Returns
        -------
        ndarray, shape (n, num_classes), or (n,) of one logit
            Softmax of the logits; of one logit its sigmoid, the probability of class 1.
        """
        return self.head.probabilities(self.logits(self._features(X)))

    def predict(self, X: ArrayLike) -> np.ndarray:
        """
        Decide for the most probable class.

        Parameters
        ----------
        X : array_like, shape (n, input_size)
            The features.

        Returns
        -------
        ndarray of int64, shape (n,)
            Class indices, the lowest among equally probable classes.
        """
        return self.head.predictions(self.logits(self._features(X)))

    def loss(
        self,
        X: ArrayLike,
        y: ArrayLike,
        *,
        weight: ArrayLike | None = None,
        label_smoothing: float = 0.0,
    ) -> float:
        """
        Compute the mean loss.

        Parameters
        ----------
        X : array_like, shape (n, input_size)
            The features.
        y : array_like, shape (n,) or (n, num_classes)
            Targets as for `fit`.
        weight : array_like, shape (num_classes,), optional
            Class weights.
        label_smoothing : float in [0, 1], default 0.0
            The part of every target that is spread over all classes.

        Returns
        -------
        float
            The mean as `softxent.cross_entropy` or `softxent.binary_cross_entropy` defines it;
            NaN for no samples.

        Raises
        ------
        TypeError, ValueError, IndexError
            As `fit`, for X, y, weight and label_smoothing.
        """
        features, targets, weights, smoothing = self.check(X, y, weight, label_smoothing)
        return self.head.loss(self.logits(features), targets, weights, smoothing)

    def loss_and_grad(
        self,
        X: ArrayLike,
        y: ArrayLike,
        *,
        weight: ArrayLike | None = None,
        label_smoothing: float = 0.0,
    ) -> tuple[float, dict[str, np.ndarray]]:
        """
        Compute the mean loss and its gradient in every parameter.

        Parameters
        ----------
        X, y, weight, label_smoothing
            As for `loss`.

        Returns
        -------
        loss : float
            The mean loss.
        gradients : dict of str to ndarray
            By parameter name, each of the shape of its parameter.

        Raises
        ------
        TypeError, ValueError, IndexError
            As `fit`, for X, y, weight and label_smoothing.
        """
        return self.backward(*self.check(X, y, weight, label_smoothing))

    def state_dict(self) -> dict[str, np.ndarray]:
        """
        Copy the parameters.

        Returns
        -------
        dict of str to ndarray
            Of every layer, counted from 1, "linear1.weight" of shape (outputs, inputs) and, with
            biases, "linear1.bias" (outputs,). The last one, "linear2" of NeuralNet1 and NeuralNet2,
            has as many outputs as there are logits.
        """
        return {name: array.copy() for name, array in self.parameters.items()}

    def load_state_dict(self, state: Mapping[str, ArrayLike]) -> None:
        """
        Replace the parameters.

        Parameters
        ----------
        state : mapping of str to array_like
            Exactly the names and shapes of `state_dict`. Values are converted to the dtype of the
            network.

        Raises
        ------
        TypeError
            If `state` is no mapping, or a value is not an array of real numbers.
        ValueError
            If a name is missing or unknown, or a shape is wrong. Nothing is replaced then.
        """
        if not isinstance(state, Mapping):
            raise TypeError(f"state must be a mapping of names to arrays, got {shown(state)}")
        shapes = self.layers.shapes
        missing, unknown = shapes.keys() - state.keys(), state.keys() - shapes.keys()
        if missing or unknown:
            raise ValueError(
                f"expected the parameters {', '.join(shapes)}; "
                f"missing: {', '.join(sorted(missing)) or 'none'}; "
                f"unknown: {', '.join(sorted(unknown)) or 'none'}"
            )
        arrays = {}
        for name, shape in shapes.items():
            array = as_array(state[name], name)
            if array.dtype.kind not in "biuf":
                raise TypeError(f"{name} must be real numbers, got dtype {array.dtype}")
            if array.shape != shape:
                raise ValueError(f"{name} must have shape {shape}, got {array.shape}")
            arrays[name] = np.array(array, dtype=self.dtype, order="C")
        self.parameters = arrays

    def fold_standardizer(self, standardizer: Standardizer) -> None:
        """
        Make a network that was trained on standardised features take raw ones.

        The map x → (x - mean) / scale is multiplied into the first layer, W ← W / scale and
        b ← b - (W / scale) mean, in float64. The network then computes from raw features what it
        computed from standardised ones, up to the rounding of its dtype, and so does every file
        that is written from it. A network without feature names takes those of the standardizer.
        Call it once, after training.

        Parameters
        ----------
        standardizer : softxent.data.Standardizer
            The map that was applied to the training features.

        Raises
        ------
        ValueError
            If it has other features than the network or another number of them, or a mean other
            than 0 and the network no biases to take it.

        Examples
        --------
        >>> from softxent.data import Standardizer, load_breast_cancer
        >>> from softxent.models import NeuralNet1
        >>> train, test = load_breast_cancer().split()
        >>> standardizer = Standardizer.fit(train.X)
        >>> net = NeuralNet1(30, 16, seed=0)
        >>> history = net.fit(standardizer.transform(train.X), train.y, epochs=20, batch_size=32,
        ...                   learning_rate=0.1, progress=False)
        >>> net.fold_standardizer(standardizer)
        >>> bool((net.predict(test.X) == test.y).mean() > 0.9)
        True
        """
        if len(standardizer.mean) != self.input_size:
            raise ValueError(
                f"the standardizer must have {self.input_size} features, "
                f"got {len(standardizer.mean)}"
            )
        if not self.bias and np.any(standardizer.mean):
            raise ValueError(
                "a network without biases has no place for the mean of a standardizer, which must "
                "be 0"
            )
        names = standardizer.feature_names or self.feature_names
        if self.feature_names is not None and names != self.feature_names:
            raise ValueError(
                f"the standardizer must have the features {listed(self.feature_names)}, "
                f"got {listed(names or ())}"
            )
        self.feature_names = names
        weight = self.parameters["linear1.weight"].astype(np.float64) / standardizer.scale
        folded = {"linear1.weight": weight.astype(self.dtype)}
        if self.bias:
            bias = self.parameters["linear1.bias"] - weight @ standardizer.mean
            folded["linear1.bias"] = bias.astype(self.dtype)
        self.parameters |= folded

    def _features(self, X: ArrayLike) -> np.ndarray:
        """Check features and convert them to the dtype of the network."""
        return checks.table(matched_features(X, self.feature_names), self.input_size, self.dtype)

    def check(
        self, X: ArrayLike, y: ArrayLike, weight: ArrayLike | None, label_smoothing: float
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray | None, float]:
        """Check everything that a loss depends on."""
        features = self._features(X)
        return (
            features,
            self.head.targets(matched_labels(y, self.class_names), len(features)),
            checks.class_weights(weight, self.num_classes),
            checks.number("label_smoothing", label_smoothing, 0, 1),
        )

    def logits(self, features: np.ndarray) -> np.ndarray:
        """Compute logits of shape (n, outputs) from checked features."""
        return self.layers.logits(self.parameters, features)

    def backward(
        self,
        features: np.ndarray,
        targets: np.ndarray,
        weight: np.ndarray | None,
        smoothing: float,
    ) -> tuple[float, dict[str, np.ndarray]]:
        """Compute loss and gradients from checked arguments."""
        values = self.layers.values(self.parameters, features)
        loss, d_logits = self.head.loss_and_grad(values[-1], targets, weight, smoothing)
        return loss, self.layers.backward(self.parameters, values, d_logits)
