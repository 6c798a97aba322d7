"""
scikit-learn's update rules, on all parameters as one vector.

They are not those of `softxent.models`, which are PyTorch's: the velocity contains the learning
rate, and Adam's ε is added before the correction of the means.
"""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np

__all__ = ["Adam", "Momentum", "Solver"]


class Solver(Protocol):
    """A rule with its state and its current learning rate."""

    rate: float

    def step(self, parameters: np.ndarray, gradient: np.ndarray, scratch: np.ndarray) -> None:
        """Change the parameters in place, and overwrite the other two."""

    def epoch_ends(self, samples: int) -> None:
        """Take note of how many samples have been seen."""

    def slows_down(self) -> bool:
        """Lower the learning rate because nothing improves, or say that training is over."""


class Momentum:
    """
    v ← μ v - η g; p ← p + v, or p + μ v - η g with Nesterov's momentum.

    Parameters
    ----------
    parameters : ndarray
        All parameters.
    rate, schedule, power : float, str, float
        `learning_rate_init`, `learning_rate` and `power_t` of scikit-learn.
    momentum : float
        The factor μ.
    nesterov : bool
        Which of the two.
    """

    def __init__(
        self,
        parameters: np.ndarray,
        rate: float,
        schedule: str,
        power: float,
        momentum: float,
        nesterov: bool,
    ) -> None:
        self.initial = self.rate = rate
        self.schedule = schedule
        self.power = power
        self.momentum = momentum
        self.nesterov = nesterov
        self.velocity = np.zeros_like(parameters)

    def step(self, parameters: np.ndarray, gradient: np.ndarray, scratch: np.ndarray) -> None:
        """Change the parameters in place, and overwrite the other two."""
        gradient *= -self.rate
        self.velocity *= self.momentum
        self.velocity += gradient
        if self.nesterov:
            np.multiply(self.velocity, self.momentum, out=scratch)
            gradient += scratch
            parameters += gradient
        else:
            parameters += self.velocity

    def epoch_ends(self, samples: int) -> None:
        """Scale the learning rate by the samples seen."""
        if self.schedule == "invscaling":
            self.rate = self.initial / (samples + 1) ** self.power

    def slows_down(self) -> bool:
        """Divide an adaptive learning rate by 5 until it is too small."""
        if self.schedule != "adaptive" or self.rate <= 1e-6:
            return False
        self.rate /= 5
        return True


class Adam:
    """
    p ← p - η √(1 - β2ᵗ)/(1 - β1ᵗ) m / (√v + ε) with running means m of g and v of g².

    Parameters
    ----------
    parameters : ndarray
        All parameters.
    rate, beta_1, beta_2, epsilon : float
        η, β1, β2 and ε.
    """

    def __init__(
        self, parameters: np.ndarray, rate: float, beta_1: float, beta_2: float, epsilon: float
    ) -> None:
        self.rate = rate
        self.betas = beta_1, beta_2
        self.epsilon = epsilon
        self.steps = 0
        self.mean = np.zeros_like(parameters)
        self.square = np.zeros_like(parameters)

    def step(self, parameters: np.ndarray, gradient: np.ndarray, scratch: np.ndarray) -> None:
        """Change the parameters in place, and overwrite the other two."""
        beta_1, beta_2 = self.betas
        self.steps += 1
        np.multiply(gradient, 1 - beta_1, out=scratch)
        self.mean *= beta_1
        self.mean += scratch
        gradient *= gradient
        gradient *= 1 - beta_2
        self.square *= beta_2
        self.square += gradient
        np.sqrt(self.square, out=scratch)
        scratch += self.epsilon
        np.divide(self.mean, scratch, out=scratch)
        scratch *= self.rate * math.sqrt(1 - beta_2**self.steps) / (1 - beta_1**self.steps)
        parameters -= scratch

    def epoch_ends(self, samples: int) -> None:
        """Do nothing: the rate is constant."""

    def slows_down(self) -> bool:
        """Say that training is over."""
        return False
