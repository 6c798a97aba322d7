"""How a training proceeds: the arguments of `fit` that do not depend on the data."""

from __future__ import annotations

from dataclasses import dataclass

from softxent._arguments import checks
from softxent.models.optimizers import SGD, Adam, Optimizer
from softxent.models.schedules import Schedule, by_name

__all__ = ["Settings", "make_optimizer", "make_schedule"]


@dataclass(frozen=True, eq=False)
class Settings:
    """
    The settings of a training; see `Model.fit`.

    Raises
    ------
    TypeError, ValueError
        If one has a wrong type or value.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    optimizer: Optimizer
    schedule: Schedule
    early_stopping: int | None
    seed: int | None

    def __post_init__(self) -> None:
        """Check and convert."""
        for name in ("epochs", "batch_size"):
            object.__setattr__(self, name, checks.integer(name, getattr(self, name), 1))
        rate = checks.number("learning_rate", self.learning_rate, 0, open_low=True)
        object.__setattr__(self, "learning_rate", rate)
        if self.early_stopping is not None:
            patience = checks.integer("early_stopping", self.early_stopping, 1)
            object.__setattr__(self, "early_stopping", patience)
        if self.seed is not None:
            object.__setattr__(self, "seed", checks.seed("seed", self.seed))

    def rate(self, epoch: int) -> float:
        """Return the learning rate of an epoch, counted from 0."""
        factor = checks.number(f"schedule({epoch})", self.schedule(epoch), 0)
        return self.learning_rate * factor


def make_optimizer(optimizer: str | Optimizer, momentum: float, weight_decay: float) -> Optimizer:
    """
    Return an optimizer for the arguments of `fit`.

    Raises
    ------
    TypeError
        If an object is not an optimizer.
    ValueError
        If the name is unknown, or momentum or weight decay is given where it has no place.
    """
    momentum = checks.number("momentum", momentum, 0, 1, open_high=True)
    weight_decay = checks.number("weight_decay", weight_decay, 0)
    if not isinstance(optimizer, str):
        if isinstance(optimizer, type):
            raise TypeError(
                f"optimizer is the class {optimizer.__name__}; expected a name or an object of it, "
                f"{optimizer.__name__}()"
            )
        if not isinstance(optimizer, Optimizer):
            raise TypeError(
                "optimizer must be a name or have step, state_dict, load_state_dict and config, "
                f"got {type(optimizer).__name__}"
            )
        if momentum or weight_decay:
            raise ValueError(
                "momentum and weight_decay belong to the optimizer object, "
                f"got {momentum} and {weight_decay} beside it"
            )
        return optimizer
    if optimizer == "sgd":
        return SGD(momentum, weight_decay)
    if optimizer not in ("adam", "adamw"):
        raise ValueError(f"optimizer must be 'sgd', 'adam' or 'adamw', got {optimizer!r}")
    if momentum:
        raise ValueError(
            f"momentum is for 'sgd', got momentum={momentum} with optimizer={optimizer!r}"
        )
    return Adam(weight_decay=weight_decay, decoupled=optimizer == "adamw")


def make_schedule(schedule: str | Schedule, epochs: int) -> Schedule:
    """
    Return a schedule for the arguments of `fit`.

    Raises
    ------
    TypeError
        If it is neither a name nor callable.
    ValueError
        If the name is unknown.
    """
    if isinstance(schedule, str):
        return by_name(schedule, checks.integer("epochs", epochs, 1))
    if isinstance(schedule, type):
        name = schedule.__name__
        raise TypeError(f"schedule is the class {name}; expected a name or an object of it")
    if not callable(schedule):
        raise TypeError(f"schedule must be a name or callable, got {type(schedule).__name__}")
    return schedule
