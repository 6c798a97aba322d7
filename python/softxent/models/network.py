"""Linear, ReLU, Linear: parameters, forward and backward pass of both networks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from softxent._arrays import as_array
from softxent.data.standardizer import Standardizer
from softxent.models import _checks
from softxent.models.heads import Head

__all__ = ["TwoLayerNet"]

_DTYPES = (np.dtype(np.float32), np.dtype(np.float64))


class TwoLayerNet:
    """
    The computation of `NeuralNet1` and `NeuralNet2`: linear2(relu(linear1(x))) under a head.

    The linear layers are NumPy matrix products, so their last bits may depend on the BLAS and on
    its number of threads; loss, probabilities and the gradient in the logits come from the
    kernels of softxent, whose bits do not. Every method takes X as real numbers of shape
    (n, input_size), raises TypeError for another kind of number, ValueError for another shape,
    and leaves X as it is. NaN in X gives NaN, and nothing warns.

    Attributes
    ----------
    input_size, hidden_size, num_classes : int
        The sizes.
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
    head : Head
        What turns logits into losses, probabilities and decisions.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        head: Head,
        seed: int | None,
        dtype: DTypeLike,
        class_names: Sequence[str] | None,
        feature_names: Sequence[str] | None,
    ) -> None:
        self.input_size = _checks.integer("input_size", input_size, 1)
        self.hidden_size = _checks.integer("hidden_size", hidden_size, 1)
        self.seed = None if seed is None else _checks.seed("seed", seed)
        self.dtype = np.dtype(dtype)
        if self.dtype not in _DTYPES:
            raise ValueError(f"dtype must be float32 or float64, got {self.dtype}")
        self.head = head
        self.class_names = class_names
        self.feature_names = feature_names
        self.parameters = self._initial_parameters()

    def _initial_parameters(self) -> dict[str, np.ndarray]:
        """Draw weights and biases from U(-1/√fan_in, 1/√fan_in), as torch.nn.Linear does."""
        generator = np.random.default_rng(self.seed)
        parameters = {}
        for name, shape in self._shapes().items():
            fan_in = self.input_size if name.startswith("linear1") else self.hidden_size
            bound = 1 / np.sqrt(fan_in)
            parameters[name] = generator.uniform(-bound, bound, shape).astype(self.dtype)
        return parameters

    def _shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shape of every parameter, in PyTorch's names, layout and order."""
        return {
            "linear1.weight": (self.hidden_size, self.input_size),
            "linear1.bias": (self.hidden_size,),
            "linear2.weight": (self.head.outputs, self.hidden_size),
            "linear2.bias": (self.head.outputs,),
        }

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
        self._class_names = _checks.class_names(names, self.num_classes)

    @property
    def feature_names(self) -> tuple[str, ...] | None:
        """The names of the features, or None."""
        return self._feature_names

    @feature_names.setter
    def feature_names(self, names: Sequence[str] | None) -> None:
        self._feature_names = _checks.feature_names(names, self.input_size)

    def forward(self, X: ArrayLike) -> np.ndarray:
        """
        Compute logits.

        Parameters
        ----------
        X : array_like, shape (n, input_size)
            The features.

        Returns
        -------
        ndarray, shape (n, num_classes), or (n,) for NeuralNet1
            relu(X W1ᵀ + b1) W2ᵀ + b2.
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
        ndarray, shape (n, num_classes), or (n,) for NeuralNet1
            Softmax of the logits; for NeuralNet1 the probability of class 1.
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
            "linear1.weight" (hidden_size, input_size), "linear1.bias" (hidden_size,),
            "linear2.weight" (outputs, hidden_size), "linear2.bias" (outputs,), where outputs is
            num_classes, and 1 for NeuralNet1.
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
            If a value is not an array of real numbers.
        ValueError
            If a name is missing or unknown, or a shape is wrong. Nothing is replaced then.
        """
        shapes = self._shapes()
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
        that is written from it. Call it once, after training.

        Parameters
        ----------
        standardizer : softxent.data.Standardizer
            The map that was applied to the training features.

        Raises
        ------
        ValueError
            If it has another number of features than the network.

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
        weight = self.parameters["linear1.weight"].astype(np.float64) / standardizer.scale
        bias = self.parameters["linear1.bias"] - weight @ standardizer.mean
        self.parameters |= {
            "linear1.weight": weight.astype(self.dtype),
            "linear1.bias": bias.astype(self.dtype),
        }

    def _features(self, X: ArrayLike) -> np.ndarray:
        """Check features and convert them to the dtype of the network."""
        return _checks.table(X, self.input_size, self.dtype)

    def check(
        self, X: ArrayLike, y: ArrayLike, weight: ArrayLike | None, label_smoothing: float
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray | None, float]:
        """Check everything that a loss depends on."""
        features = self._features(X)
        return (
            features,
            self.head.targets(y, len(features)),
            _checks.class_weights(weight, self.num_classes),
            _checks.number("label_smoothing", label_smoothing, 0, 1),
        )

    def _hidden(self, features: np.ndarray) -> np.ndarray:
        """Compute relu(X W1ᵀ + b1)."""
        # BLAS raises floating-point flags for overflow and NaN, which NumPy would warn about.
        with np.errstate(over="ignore", invalid="ignore"):
            hidden = features @ self.parameters["linear1.weight"].T
            hidden += self.parameters["linear1.bias"]
        return np.maximum(hidden, 0, out=hidden)

    def _output(self, hidden: np.ndarray) -> np.ndarray:
        """Compute H W2ᵀ + b2."""
        with np.errstate(over="ignore", invalid="ignore"):
            logits = hidden @ self.parameters["linear2.weight"].T
            logits += self.parameters["linear2.bias"]
        return logits

    def logits(self, features: np.ndarray) -> np.ndarray:
        """Compute logits of shape (n, outputs) from checked features."""
        return self._output(self._hidden(features))

    def backward(
        self,
        features: np.ndarray,
        targets: np.ndarray,
        weight: np.ndarray | None,
        smoothing: float,
    ) -> tuple[float, dict[str, np.ndarray]]:
        """
        Compute loss and gradients from checked arguments.

        With H = relu(X W1ᵀ + b1) and D the gradient in the logits: dW2 = Dᵀ H, db2 = Σ D,
        dH = D W2 where H > 0 and 0 elsewhere, dW1 = dHᵀ X, db1 = Σ dH.
        """
        hidden = self._hidden(features)
        loss, upstream = self.head.loss_and_grad(self._output(hidden), targets, weight, smoothing)
        with np.errstate(over="ignore", invalid="ignore"):
            inner = upstream @ self.parameters["linear2.weight"]
            inner[hidden <= 0] = 0
            gradients = {
                "linear1.weight": inner.T @ features,
                "linear1.bias": inner.sum(axis=0),
                "linear2.weight": upstream.T @ hidden,
                "linear2.bias": upstream.sum(axis=0),
            }
        return loss, gradients
