"""The estimator."""

from __future__ import annotations

import os
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from softxent import log_sigmoid, log_softmax, sigmoid, softmax
from softxent._arguments.lazy import refuse_lazy
from softxent._arguments.masked import refuse_masked
from softxent.models import MLP
from softxent.sklearn.conversion import register_where_loaded
from softxent.sklearn.samples import Samples, encoded
from softxent.sklearn.settings import Settings, make_solver
from softxent.sklearn.training import Progress, Training, draw

__all__ = ["MLPSoftmaxClassifier"]


class MLPSoftmaxClassifier(ClassifierMixin, BaseEstimator):
    r"""
    A multilayer perceptron with softmax and cross-entropy, by scikit-learn's rules.

    Parameters, random numbers and stopping are those of `sklearn.neural_network.MLPClassifier`:
    with the same `random_state` the losses of all epochs are equal up to rounding. What is
    minimised over a batch of weights :math:`s_i` is

    .. math:: \frac{\sum_i s_i L_i + \frac{α}{2} \sum_k \lVert W_k \rVert^2}{\sum_i s_i}

    with the loss L of `softxent.cross_entropy`, or of two classes and one logit that of
    `softxent.binary_cross_entropy`.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default (100,)
        Units of the hidden layers; ``()`` for none, which is logistic regression.
    activation : {"relu", "tanh", "logistic", "identity"}, default "relu"
        The function after each hidden layer.
    solver : {"adam", "sgd"}, default "adam"
        The update rule.
    alpha : float, default 0.0001
        The α above.
    batch_size : int or "auto", default "auto"
        Samples per step; "auto" is 200, or all if there are fewer.
    learning_rate : {"constant", "invscaling", "adaptive"}, default "constant"
        For "sgd": how the learning rate changes.
    learning_rate_init : float, default 0.001
        The learning rate at first.
    power_t : float, default 0.5
        For "invscaling": its exponent.
    max_iter : int, default 200
        At most so many epochs.
    shuffle : bool, default True
        Whether to shuffle in every epoch.
    random_state : int, RandomState or None, default None
        Initial parameters, the split of `early_stopping`, and the order of samples.
    tol : float, default 0.0001
        What counts as an improvement of the loss, or of the validation score.
    verbose : bool, default False
        Print the loss of every epoch.
    warm_start : bool, default False
        Let `fit` go on from the parameters of the last one.
    momentum : float, default 0.9
        For "sgd".
    nesterovs_momentum : bool, default True
        For "sgd".
    early_stopping : bool, default False
        Watch the accuracy on a part of the data in place of the loss, and keep the best parameters.
    validation_fraction : float, default 0.1
        That part.
    beta_1, beta_2, epsilon : float, default 0.9, 0.999, 1e-8
        For "adam".
    n_iter_no_change : int, default 10
        Stop after more than this many epochs without improvement.
    class_weight : dict, "balanced" or None, default None
        Factor on the weight of every sample, by its label.
    label_smoothing : float in [0, 1], default 0.0
        The part of every target that is spread over all classes.

    Attributes
    ----------
    classes_ : ndarray
        The labels.
    net_ : softxent.models.MLP
        The network; one logit for two classes. float32 if X was float32, otherwise float64.
    coefs_, intercepts_ : list of ndarray
        Its parameters in scikit-learn's layout; views.
    loss_curve_ : list of float
        The loss of every epoch.
    loss_, best_loss_ : float
        The last and the least of them; `best_loss_` is None with `early_stopping`.
    validation_scores_, best_validation_score_ : list of float, float
        The accuracies with `early_stopping`, otherwise None.
    n_iter_, t_ : int
        Epochs of the last `fit`, and samples seen in all.
    n_features_in_, feature_names_in_, n_layers_, n_outputs_, out_activation_
        As in `sklearn.neural_network.MLPClassifier`.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from softxent.sklearn import MLPSoftmaxClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> model = MLPSoftmaxClassifier((16,), learning_rate_init=0.01, max_iter=400, random_state=0)
    >>> model = model.fit(X, y)
    >>> model.score(X, y) > 0.95
    True
    """

    def __init__(
        self,
        hidden_layer_sizes: Any = (100,),
        activation: str = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.0001,
        batch_size: Any = "auto",
        learning_rate: str = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: bool = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: int = 10,
        class_weight: Any = None,
        label_smoothing: float = 0.0,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.class_weight = class_weight
        self.label_smoothing = label_smoothing

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """
        Train until nothing improves, or for `max_iter` epochs.

        Parameters
        ----------
        X : array_like or table, shape (n, features)
            Finite features.
        y : array_like, shape (n,)
            Labels of any type.
        sample_weight : array_like, shape (n,), optional
            Weights, at least 0.

        Returns
        -------
        self

        Raises
        ------
        TypeError, ValueError
            If a parameter or the data cannot be used; nothing is trained then. ValueError also
            if the parameters of the network are no longer finite.
        """
        settings = Settings.of(self)
        fresh = not (self.warm_start and hasattr(self, "net_"))
        samples = self._samples(X, y, sample_weight, None if fresh else self.classes_, fresh)
        return self._train(settings, samples, fresh, partial=False)

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """
        Train for one epoch.

        Parameters
        ----------
        X, y
            As for `fit`.
        classes : array_like, optional
            All labels; needed in the first call.
        sample_weight : array_like, shape (n,), optional
            As for `fit`.

        Returns
        -------
        self

        Raises
        ------
        TypeError, ValueError
            As `fit`, and if `classes` is missing or differs from earlier ones, a label is none
            of them, `early_stopping` is set, or `class_weight` is "balanced".
        """
        settings = Settings.of(self)
        if settings.early_stopping:
            raise ValueError("partial_fit has no validation data, but early_stopping is True")
        if isinstance(self.class_weight, str):
            raise ValueError(
                f"class_weight={self.class_weight!r} needs all labels; give partial_fit a dict"
            )
        fresh = not hasattr(self, "net_")
        if fresh and classes is None:
            raise ValueError("classes must be passed on the first call to partial_fit.")
        known = np.unique(classes) if classes is not None else self.classes_
        if not fresh and not np.array_equal(known, self.classes_):
            raise ValueError(
                f"classes={classes!r} is not the same as on last call to partial_fit, "
                f"was: {self.classes_!r}"
            )
        return self._train(settings, self._samples(X, y, sample_weight, known, fresh), fresh, True)

    def _samples(self, X: Any, y: Any, sample_weight: Any, known: Any, fresh: bool) -> Samples:
        """Check data; the classes are the `known` ones, or those of y."""
        for name, value in (("X", X), ("y", y), ("sample_weight", sample_weight)):
            refuse_masked(value, name)
            refuse_lazy(value, name)
        X, y = validate_data(self, X, y, dtype=(np.float64, np.float32), reset=fresh)
        self.classes_, samples = encoded(X, y, sample_weight, known, self.class_weight)
        return samples

    def _train(self, settings: Settings, samples: Samples, fresh: bool, partial: bool) -> Self:
        random = check_random_state(self.random_state)
        if fresh:
            self.net_ = self._network(settings, samples.X)
            draw(self.net_, random)
            self._progress = Progress()
        samples = Samples(
            np.ascontiguousarray(samples.X, self.net_.dtype), samples.labels, samples.weights
        )
        training = Training(self.net_, settings, self._progress)
        if fresh or not partial or not hasattr(self, "_solver"):
            self._solver = make_solver(self, training.vector)
        epochs = 1 if partial else settings.max_iter
        self.n_iter_ = training.run(samples, self._solver, random, epochs, warn=not partial)
        progress, early = self._progress, settings.early_stopping
        self.t_ = progress.samples
        self.loss_curve_ = progress.losses
        self.loss_ = progress.losses[-1] if progress.losses else np.nan
        self.best_loss_ = None if early else progress.best_loss
        self.validation_scores_ = progress.scores if early else None
        self.best_validation_score_ = progress.best_score if early else None
        register_where_loaded(MLPSoftmaxClassifier)
        return self

    def _network(self, settings: Settings, X: np.ndarray) -> MLP:
        """Return a network for the classes, with their names and those of the features."""
        count = len(self.classes_)
        outputs = 1 if count == 2 else count
        counted = np.array_equal(self.classes_, np.arange(count)) and self.classes_.dtype != bool
        names = getattr(self, "feature_names_in_", None)
        self.n_layers_ = len(settings.hidden_layer_sizes) + 2
        self.n_outputs_ = outputs
        self.out_activation_ = "logistic" if outputs == 1 else "softmax"
        return MLP(
            X.shape[1],
            settings.hidden_layer_sizes,
            outputs,
            activation=settings.activation,
            dtype=X.dtype,
            class_names=None if counted else [str(label) for label in self.classes_],
            feature_names=None if names is None else [str(name) for name in names],
        )

    @property
    def coefs_(self) -> list[np.ndarray]:
        """The weights of every layer, shape (inputs, outputs)."""
        return [self.net_.parameters[f"{name}.weight"].T for name in self.net_.layers.names]

    @property
    def intercepts_(self) -> list[np.ndarray]:
        """The biases of every layer."""
        return [self.net_.parameters[f"{name}.bias"] for name in self.net_.layers.names]

    def decision_function(self, X: Any) -> np.ndarray:
        """
        Compute logits.

        Parameters
        ----------
        X : array_like or table, shape (n, features)
            Finite features.

        Returns
        -------
        ndarray, shape (n, classes), or (n,) for two classes
            The logits; of two classes the one of the second.
        """
        logits = self._logits(X)
        return self.net_.head.public(logits)

    def predict(self, X: Any) -> np.ndarray:
        """
        Decide for the most probable class.

        Parameters
        ----------
        X : array_like or table, shape (n, features)
            Finite features.

        Returns
        -------
        ndarray, shape (n,)
            Labels.
        """
        logits = self._logits(X)
        return self.classes_[self.net_.head.predictions(logits)]

    def predict_proba(self, X: Any) -> np.ndarray:
        """
        Compute probabilities.

        Parameters
        ----------
        X : array_like or table, shape (n, features)
            Finite features.

        Returns
        -------
        ndarray, shape (n, classes)
            In the order of `classes_`.
        """
        logits = self._logits(X)
        return softmax(logits, out=logits) if logits.shape[1] > 1 else sigmoid(_both(logits))

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """
        Compute log-probabilities from the logits, so that they keep their digits near 0.

        Parameters
        ----------
        X : array_like or table, shape (n, features)
            Finite features.

        Returns
        -------
        ndarray, shape (n, classes)
            In the order of `classes_`; finite also where the probability is 0.
        """
        logits = self._logits(X)
        return (
            log_softmax(logits, out=logits) if logits.shape[1] > 1 else log_sigmoid(_both(logits))
        )

    def to_onnx(
        self, path: str | os.PathLike[str], head: str = "probabilities", **options: Any
    ) -> None:
        """
        Write the network as an ONNX file, without skl2onnx.

        Parameters
        ----------
        path : path-like
            The file.
        head : {"probabilities", "logits", "loss", "train_step"}, default "probabilities"
            What the graph computes.
        **options
            Of `softxent.onnx.export`. Labels are class indices there; `classes_` are the names in
            the file.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            Before `fit`.
        ImportError, TypeError, ValueError, OSError
            As `softxent.onnx.export`.
        """
        from softxent.onnx import export

        check_is_fitted(self)
        export(self.net_, path, head=head, **options)

    def _logits(self, X: Any) -> np.ndarray:
        """Return logits, shape (n, outputs), of unchecked features."""
        check_is_fitted(self)
        refuse_masked(X, "X")
        refuse_lazy(X, "X")
        X = validate_data(self, X, dtype=(np.float64, np.float32), reset=False)
        return self.net_.logits(np.ascontiguousarray(X, self.net_.dtype))


def _both(logits: np.ndarray) -> np.ndarray:
    """Return the logits of two classes from the one of the second."""
    return np.concatenate([-logits, logits], axis=1)
