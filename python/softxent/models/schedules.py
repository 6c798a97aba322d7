"""How the learning rate changes from epoch to epoch.

A schedule is any function of the epoch, counted from 0, that returns a factor on the learning
rate; these are the usual ones.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from softxent._arguments import checks

__all__ = ["Constant", "Cosine", "Schedule", "Step", "by_name"]

Schedule = Callable[[int], float]


@dataclass(frozen=True)
class Constant:
    """
    The factor 1 throughout.

    Examples
    --------
    >>> from softxent.models import Constant
    >>> Constant()(7)
    1.0
    """

    def __call__(self, epoch: int) -> float:
        """Return the factor of an epoch."""
        return 1.0


@dataclass(frozen=True)
class Cosine:
    """
    Half a period of the cosine, from 1 in epoch 0 to `floor` at the end.

    The factor is floor + (1 - floor) (1 + cos(π epoch / epochs)) / 2, as in
    `torch.optim.lr_scheduler.CosineAnnealingLR` (arXiv:1608.03983).

    Parameters
    ----------
    epochs : int
        Length of the half period.
    floor : float in [0, 1], default 0.0
        The factor that is reached after the last epoch.

    Raises
    ------
    TypeError
        If `epochs` is not an integer or `floor` not a number.
    ValueError
        If `epochs` is less than 1 or `floor` not in [0, 1].

    Examples
    --------
    >>> from softxent.models import Cosine
    >>> [round(Cosine(4)(epoch), 3) for epoch in range(5)]
    [1.0, 0.854, 0.5, 0.146, 0.0]
    """

    epochs: int
    floor: float = 0.0

    def __post_init__(self) -> None:
        """Check the parameters."""
        checks.integer("epochs", self.epochs, 1)
        checks.number("floor", self.floor, 0, 1)

    def __call__(self, epoch: int) -> float:
        """Return the factor of an epoch."""
        progress = min(epoch / self.epochs, 1.0)
        return self.floor + (1 - self.floor) * (1 + math.cos(math.pi * progress)) / 2


@dataclass(frozen=True)
class Step:
    """
    A factor of `factor` more after every `every` epochs, as `torch.optim.lr_scheduler.StepLR`.

    Parameters
    ----------
    every : int
        Epochs between two changes.
    factor : float in (0, 1], default 0.1
        What each change multiplies the learning rate by.

    Raises
    ------
    TypeError
        If `every` is not an integer or `factor` not a number.
    ValueError
        If `every` is less than 1 or `factor` not in (0, 1].

    Examples
    --------
    >>> from softxent.models import Step
    >>> [Step(2, 0.5)(epoch) for epoch in range(5)]
    [1.0, 1.0, 0.5, 0.5, 0.25]
    """

    every: int
    factor: float = 0.1

    def __post_init__(self) -> None:
        """Check the parameters."""
        checks.integer("every", self.every, 1)
        checks.number("factor", self.factor, 0, 1, open_low=True)

    def __call__(self, epoch: int) -> float:
        """Return the factor of an epoch."""
        return self.factor ** (epoch // self.every)


def by_name(name: str, epochs: int) -> Schedule:
    """
    Return the schedule of a name for a training of `epochs` epochs.

    Parameters
    ----------
    name : {"constant", "cosine", "step"}
        "cosine" falls to 0 over all epochs; "step" divides by ten after each third of them.
    epochs : int
        Length of the training.

    Returns
    -------
    callable
        The schedule.

    Raises
    ------
    ValueError
        If the name is another one.
    """
    if name == "constant":
        return Constant()
    if name == "cosine":
        return Cosine(epochs)
    if name == "step":
        return Step(max(1, math.ceil(epochs / 3)))
    raise ValueError(
        f"schedule must be 'constant', 'cosine', 'step' or a function of the epoch, got {name!r}"
    )
