"""The parameters of the classifier, checked when it is fitted, as scikit-learn wants it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from softxent._arguments import checks
from softxent.sklearn.solvers import Adam, Momentum, Solver

__all__ = ["ACTIVATIONS", "Settings"]

#: By scikit-learn's names, those of softxent.
ACTIVATIONS = {"identity": "identity", "logistic": "sigmoid", "tanh": "tanh", "relu": "relu"}
_SCHEDULES = ("constant", "invscaling", "adaptive")


@dataclass(frozen=True)
class Settings:
    """
    What `MLPSoftmaxClassifier` was given.

    Raises
    ------
    TypeError, ValueError
        With the parameter, the value given and what is allowed.
    """

    hidden_layer_sizes: tuple[int, ...]
    activation: str
    alpha: float
    batch_size: int | None
    max_iter: int
    shuffle: bool
    tol: float
    verbose: bool
    early_stopping: bool
    validation_fraction: float
    n_iter_no_change: int
    label_smoothing: float

    @classmethod
    def of(cls, given: Any) -> Settings:
        """Read the parameters of a classifier."""
        number, integer = checks.number, checks.integer
        hidden = given.hidden_layer_sizes
        if isinstance(hidden, str) or not isinstance(hidden, Iterable):
            hidden = (hidden,)
        _one_of("activation", given.activation, tuple(ACTIVATIONS))
        fraction = number(
            "validation_fraction", given.validation_fraction, 0, 1, open_low=True, open_high=True
        )
        batch = given.batch_size
        return cls(
            hidden_layer_sizes=checks.integers("hidden_layer_sizes", hidden, 1),
            activation=ACTIVATIONS[given.activation],
            alpha=number("alpha", given.alpha, 0),
            batch_size=None if batch == "auto" else integer("batch_size", batch, 1),
            max_iter=integer("max_iter", given.max_iter, 1),
            shuffle=checks.flag("shuffle", given.shuffle),
            tol=number("tol", given.tol, 0),
            verbose=bool(given.verbose),
            early_stopping=checks.flag("early_stopping", given.early_stopping),
            validation_fraction=fraction,
            n_iter_no_change=_patience(given.n_iter_no_change),
            label_smoothing=number("label_smoothing", given.label_smoothing, 0, 1),
        )


def make_solver(given: Any, parameters: np.ndarray) -> Solver:
    """Return the update rule of a classifier's parameters."""
    number = checks.number
    _one_of("solver", given.solver, ("adam", "sgd"))
    _one_of("learning_rate", given.learning_rate, _SCHEDULES)
    rate = number("learning_rate_init", given.learning_rate_init, 0, open_low=True)
    # Those of the other solver are checked, too, as scikit-learn does.
    adam = (
        number("beta_1", given.beta_1, 0, 1, open_high=True),
        number("beta_2", given.beta_2, 0, 1, open_high=True),
        number("epsilon", given.epsilon, 0, open_low=True),
    )
    momentum = (
        given.learning_rate,
        number("power_t", given.power_t, 0),
        number("momentum", given.momentum, 0, 1),
        checks.flag("nesterovs_momentum", given.nesterovs_momentum),
    )
    if given.solver == "adam":
        return Adam(parameters, rate, *adam)
    return Momentum(parameters, rate, *momentum)


def _patience(value: Any) -> int:
    """Return a number of epochs; infinity is more than there can be."""
    if isinstance(value, float) and value == np.inf:
        return 2**62
    return checks.integer("n_iter_no_change", value, 1)


def _one_of(name: str, value: Any, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(allowed)}, got {value!r}")
