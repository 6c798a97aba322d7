"""The functions between linear layers, each with its derivative.

A derivative is written in terms of the function's value a, which the forward pass has anyway:

============  ===================  ==================
name          value                derivative
============  ===================  ==================
``relu``      max(z, 0)            1 where a > 0
``tanh``      tanh z               (1 - a)(1 + a)
``sigmoid``   1 / (1 + exp(-z))    a (1 - a)
``identity``  z                    1
============  ===================  ==================

(1 - a)(1 + a) loses no digits near ±1, where 1 - a² would. `softxent.sigmoid` and `numpy.tanh` do
not overflow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from softxent import sigmoid

__all__ = ["ACTIVATIONS", "Activation", "checked"]


@dataclass(frozen=True)
class Activation:
    """
    A function of single numbers and its derivative, both in place.

    Parameters
    ----------
    apply : callable
        Replaces an array z by the values a.
    backpropagate : callable
        Multiplies a gradient in a, the first argument, by the derivative at the values a, the
        second.
    """

    apply: Callable[[np.ndarray], object]
    backpropagate: Callable[[np.ndarray, np.ndarray], object]


def _through_relu(gradient: np.ndarray, a: np.ndarray) -> None:
    gradient[a <= 0] = 0


def _through_tanh(gradient: np.ndarray, a: np.ndarray) -> None:
    gradient *= (1 - a) * (1 + a)


def _through_sigmoid(gradient: np.ndarray, a: np.ndarray) -> None:
    gradient *= a * (1 - a)


#: The functions by name.
ACTIVATIONS: Mapping[str, Activation] = MappingProxyType(
    {
        "relu": Activation(lambda z: np.maximum(z, 0, out=z), _through_relu),
        "tanh": Activation(lambda z: np.tanh(z, out=z), _through_tanh),
        "sigmoid": Activation(lambda z: sigmoid(z, out=z), _through_sigmoid),
        "identity": Activation(lambda z: None, lambda gradient, a: None),
    }
)


def checked(name: Any) -> str:
    """Return the name of an activation, or raise ValueError."""
    if not isinstance(name, str) or name not in ACTIVATIONS:
        raise ValueError(f"activation must be one of {', '.join(ACTIVATIONS)}, got {name!r}")
    return str(name)
