"""Update rules, equal to those of torch.optim step by step."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Protocol, runtime_checkable

import numpy as np

from softxent._arguments import checks
from softxent._arguments.arrays import as_array
from softxent._arguments.scalars import flag, shown

__all__ = ["SGD", "Adam", "Optimizer"]

_Arrays = Mapping[str, np.ndarray]


@runtime_checkable
class Optimizer(Protocol):
    """
    What `fit` needs of an optimizer; `SGD` and `Adam` are two.

    `state_dict` and `load_state_dict` must carry everything that a later `step` depends on, and
    `config` every setting, in values that JSON can hold: checkpoints rely on both.

    Examples
    --------
    >>> from softxent.models import SGD, Optimizer
    >>> isinstance(SGD(momentum=0.9), Optimizer)
    True
    """

    def step(self, parameters: _Arrays, gradients: _Arrays, learning_rate: float) -> None:
        """Change the parameters in place."""

    def state_dict(self) -> dict[str, np.ndarray]:
        """Return the state as arrays that later steps do not change."""

    def load_state_dict(self, state: _Arrays) -> None:
        """Replace the state."""

    def config(self) -> dict[str, object]:
        """Return the settings."""


class SGD:
    """
    Stochastic gradient descent: v ← μ v + g + λ p, p ← p - η v.

    Parameters
    ----------
    momentum : float in [0, 1), default 0.0
        The factor μ on the previous step.
    weight_decay : float ≥ 0, default 0.0
        The factor λ of an L2 penalty λ/2 ‖p‖² on every parameter, biases included.
    nesterov : bool, default False
        Use g + λ p + μ v in place of v.

    Raises
    ------
    ValueError
        If a setting is out of range, or `nesterov` is set without momentum.

    Notes
    -----
    The rule of `torch.optim.SGD`: the first v is the gradient itself and the learning rate is
    applied outside. I. Sutskever, J. Martens, G. Dahl and G. Hinton, ICML 2013.

    Examples
    --------
    >>> import numpy as np
    >>> from softxent.models import SGD
    >>> parameters = {"weight": np.array([1.0, 2.0])}
    >>> SGD().step(parameters, {"weight": np.array([1.0, -1.0])}, learning_rate=0.5)
    >>> parameters["weight"]
    array([0.5, 2.5])
    """

    def __init__(
        self, momentum: float = 0.0, weight_decay: float = 0.0, nesterov: bool = False
    ) -> None:
        self.momentum = checks.number("momentum", momentum, 0, 1, open_high=True)
        self.weight_decay = checks.number("weight_decay", weight_decay, 0)
        self.nesterov = flag(nesterov, "nesterov")
        if self.nesterov and self.momentum == 0:
            raise ValueError("nesterov=True needs a momentum above 0, got 0.0")
        self._velocity: dict[str, np.ndarray] = {}

    def __repr__(self) -> str:
        """Return the call that makes an equal optimizer."""
        return f"SGD({self.momentum}, {self.weight_decay}, {self.nesterov})"

    def config(self) -> dict[str, object]:
        """Return the settings."""
        return {
            "name": "sgd",
            "momentum": self.momentum,
            "weight_decay": self.weight_decay,
            "nesterov": self.nesterov,
        }

    def step(self, parameters: _Arrays, gradients: _Arrays, learning_rate: float) -> None:
        """Change the parameters in place."""
        for name, parameter in parameters.items():
            direction = gradients[name]
            if self.weight_decay:
                direction = direction + self.weight_decay * parameter
            if self.momentum:
                direction = self._accelerate(name, direction)
            parameter -= learning_rate * direction

    def _accelerate(self, name: str, direction: np.ndarray) -> np.ndarray:
        """Add a direction to the velocity and return the step that results."""
        velocity = self._velocity.get(name)
        if velocity is None:
            velocity = self._velocity[name] = direction.copy()
        else:
            velocity *= self.momentum
            velocity += direction
        return direction + self.momentum * velocity if self.nesterov else velocity

    def state_dict(self) -> dict[str, np.ndarray]:
        """Return a copy of the velocities."""
        return {name: velocity.copy() for name, velocity in self._velocity.items()}

    def load_state_dict(self, state: _Arrays) -> None:
        """Replace the velocities by a copy of `state`."""
        self._velocity = _part(state, "")


class Adam:
    """
    Adam: p ← p - η m̂ / (√v̂ + ε) with running means m of g and v of g².

    Parameters
    ----------
    betas : tuple of two floats in [0, 1), default (0.9, 0.999)
        Decay of the running means.
    eps : float > 0, default 1e-8
        The ε that keeps the quotient finite.
    weight_decay : float ≥ 0, default 0.0
        The factor λ of the L2 penalty, or of the decay.
    decoupled : bool, default False
        Shrink the parameters by η λ p directly (AdamW) instead of adding λ p to the gradient.

    Raises
    ------
    ValueError
        If a setting is out of range.

    Notes
    -----
    The rule of `torch.optim.Adam`, and of `torch.optim.AdamW` when decoupled. D. Kingma and
    J. Ba, arXiv:1412.6980; I. Loshchilov and F. Hutter, arXiv:1711.05101.

    Examples
    --------
    >>> import numpy as np
    >>> from softxent.models import Adam
    >>> parameters = {"weight": np.array([1.0, 2.0])}
    >>> Adam().step(parameters, {"weight": np.array([3.0, -0.1])}, learning_rate=0.5)
    >>> parameters["weight"].round(4)  # the first step has the length of the learning rate
    array([0.5, 2.5])
    """

    def __init__(
        self,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        decoupled: bool = False,
    ) -> None:
        if not isinstance(betas, tuple | list) or len(betas) != 2:
            raise TypeError(f"betas must be two numbers, got {shown(betas)}")
        first, second = betas
        self.betas = (
            checks.number("betas[0]", first, 0, 1, open_high=True),
            checks.number("betas[1]", second, 0, 1, open_high=True),
        )
        self.eps = checks.number("eps", eps, 0, open_low=True)
        self.weight_decay = checks.number("weight_decay", weight_decay, 0)
        self.decoupled = flag(decoupled, "decoupled")
        self._steps = 0
        self._mean: dict[str, np.ndarray] = {}
        self._square: dict[str, np.ndarray] = {}

    def __repr__(self) -> str:
        """Return the call that makes an equal optimizer."""
        return f"Adam({self.betas}, {self.eps}, {self.weight_decay}, {self.decoupled})"

    def config(self) -> dict[str, object]:
        """Return the settings."""
        return {
            "name": "adam",
            "betas": list(self.betas),
            "eps": self.eps,
            "weight_decay": self.weight_decay,
            "decoupled": self.decoupled,
        }

    def step(self, parameters: _Arrays, gradients: _Arrays, learning_rate: float) -> None:
        """Change the parameters in place."""
        self._steps += 1
        for name, parameter in parameters.items():
            gradient = gradients[name]
            if self.weight_decay and self.decoupled:
                parameter *= 1 - learning_rate * self.weight_decay
            elif self.weight_decay:
                gradient = gradient + self.weight_decay * parameter
            parameter -= learning_rate * self._direction(name, gradient)

    def _direction(self, name: str, gradient: np.ndarray) -> np.ndarray:
        """Update the running means of one parameter and return m̂ / (√v̂ + ε)."""
        beta1, beta2 = self.betas
        mean = self._mean.setdefault(name, np.zeros_like(gradient))
        square = self._square.setdefault(name, np.zeros_like(gradient))
        mean += (1 - beta1) * (gradient - mean)
        square *= beta2
        square += (1 - beta2) * gradient * gradient
        correction = math.sqrt(1 - beta2**self._steps)
        return mean / (1 - beta1**self._steps) / (np.sqrt(square) / correction + self.eps)

    def state_dict(self) -> dict[str, np.ndarray]:
        """Return a copy of the running means and the number of steps."""
        state = {"steps": np.array(self._steps, dtype=np.int64)}
        state |= {f"mean.{name}": array.copy() for name, array in self._mean.items()}
        state |= {f"square.{name}": array.copy() for name, array in self._square.items()}
        return state

    def load_state_dict(self, state: _Arrays) -> None:
        """Replace the running means and the number of steps by a copy of `state`."""
        self._steps = int(state["steps"])
        self._mean = _part(state, "mean.")
        self._square = _part(state, "square.")


def _part(state: _Arrays, prefix: str) -> dict[str, np.ndarray]:
    """Copy the arrays whose names start with a prefix, the prefix removed."""
    return {
        name.removeprefix(prefix): np.array(as_array(array, name))
        for name, array in state.items()
        if name.startswith(prefix)
    }
