"""The training loop."""

from __future__ import annotations

import math
import os
import secrets
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from softxent._arguments.scalars import flag
from softxent.models._blas import suitable_threads
from softxent.models.checkpoint import Checkpoint, State
from softxent.models.history import History
from softxent.models.network import Network
from softxent.models.problem import Problem
from softxent.models.progress import Reporter, reporter
from softxent.models.settings import Settings

__all__ = ["Callback", "Run", "fit", "train"]

Callback = Callable[[dict[str, float]], object]


def fit(
    net: Network,
    problem: Problem,
    settings: Settings,
    progress: bool,
    callback: Callback | None,
    checkpoint: str | os.PathLike[str] | None,
) -> History:
    """
    Train a network; `Model.fit` describes the behaviour.

    Parameters
    ----------
    net : Network
        The network; its parameters change.
    problem : Problem
        The data.
    settings : Settings
        The settings.
    progress, callback, checkpoint
        As for `Model.fit`.

    Returns
    -------
    History
        What happened.

    Raises
    ------
    ValueError
        If early stopping lacks validation data, or the checkpoint is not one of this training.
    FloatingPointError
        If a loss is not finite; the network has the best parameters then.
    """
    return train(Run(net, problem, settings), progress, callback, checkpoint)


def train(
    run: Run,
    progress: bool,
    callback: Callback | None,
    checkpoint: str | os.PathLike[str] | None,
) -> History:
    """
    Take a training to its end, as `fit` describes it.

    Parameters
    ----------
    run : Run
        The training, and how an epoch of it is run.
    progress, callback, checkpoint
        As for `Model.fit`.
    """
    net, settings = run.net, run.settings
    if settings.early_stopping is not None and run.problem.validation is None:
        raise ValueError("early_stopping needs validation data, got validation=None")
    flag(progress, "progress")
    if callback is not None and not callable(callback):
        raise TypeError(f"callback must be callable, got {type(callback).__name__}")
    store = None if checkpoint is None else _opened(checkpoint, run)
    interrupted = False
    multiplications = settings.batch_size * net.layers.largest_product
    try:
        with suitable_threads(multiplications):
            _proceed(run, progress, callback, store)
        if settings.early_stopping is not None:
            net.load_state_dict(run.state.best_parameters)
    except KeyboardInterrupt:
        net.load_state_dict(run.state.best_parameters)
        interrupted = True
    except FloatingPointError:
        net.load_state_dict(run.state.best_parameters)
        raise
    return run.history(interrupted)


def _proceed(run: Run, progress: bool, callback: Callback | None, store: Checkpoint | None) -> None:
    """Run epoch after epoch until the training is over."""
    settings, done = run.settings, len(run.state.records)
    batches = math.ceil(len(run.problem) / settings.batch_size)
    with reporter(progress, settings.epochs, batches, done) as report:
        while not run.is_over():
            record = run.epoch(report)
            epoch = len(run.state.records) + 1
            report.epoch(epoch, record)
            stop = callback is not None and callback({"epoch": epoch, **record}) is True
            run.advance(record, stop)
            if store is not None:
                store.write(run.state)


def _opened(path: str | os.PathLike[str], run: Run) -> Checkpoint:
    """Go on from a checkpoint, or write the first one."""
    store = Checkpoint(path, run.identity())
    state = store.read()
    if state is None:
        store.write(run.state)
        return store
    done, epochs = len(state.records), run.settings.epochs
    if done > epochs:
        raise ValueError(f"{path} has {done} epochs, more than epochs={epochs}")
    for epoch, record in enumerate(state.records):
        if record["learning_rate"] != run.settings.rate(epoch):
            raise ValueError(
                f"{path} belongs to another training: epoch {epoch + 1} has the learning rate "
                f"{record['learning_rate']} there and {run.settings.rate(epoch)} here"
            )
    run.resume(state)
    return store


class Run:
    """A training in progress."""

    def __init__(self, net: Network, problem: Problem, settings: Settings) -> None:
        self.net = net
        self.problem = problem
        self.settings = settings
        seed = settings.seed
        self.state = State(
            seed=secrets.randbits(128) if seed is None else seed,
            parameters=net.state_dict(),
            best_parameters=net.state_dict(),
            optimizer=settings.optimizer.state_dict(),
        )

    def identity(self) -> dict[str, object]:
        """Return everything that must be equal for a training to go on."""
        return {
            "network": repr(self.net),
            "batch_size": self.settings.batch_size,
            "optimizer": self.settings.optimizer.config(),
            "data": self.problem.digest(),
            "seed": self.settings.seed,
        }

    def resume(self, state: State) -> None:
        """Go on from another state."""
        self.net.load_state_dict(state.parameters)
        self.settings.optimizer.load_state_dict(state.optimizer)
        self.state = state

    def is_over(self) -> bool:
        """Say whether all epochs are done, or enough of them without improvement."""
        done, patience = len(self.state.records), self.settings.early_stopping
        if self.state.stopped or done >= self.settings.epochs:
            return True
        return patience is not None and done - self.state.best_epoch >= patience

    def epoch(self, report: Reporter) -> dict[str, float]:
        """Run one epoch and return its record."""
        epoch = len(self.state.records)
        rate = self.settings.rate(epoch)
        # A spawn key, because SeedSequence([seed, 0]) would be the stream of the initialisation.
        sequence = np.random.SeedSequence(self.state.seed, spawn_key=(epoch,))
        order = np.random.default_rng(sequence).permutation(len(self.problem))
        total = divisor = 0.0
        for start in range(0, len(order), self.settings.batch_size):
            batch = order[start : start + self.settings.batch_size]
            loss, count = self._update(batch, rate)
            total, divisor = total + loss * count, divisor + count
            report.batch()
        return {"loss": total / divisor, "learning_rate": rate, **self._validate()}

    def _update(self, batch: np.ndarray, rate: float) -> tuple[float, float]:
        """Take one step; return the loss before it and the divisor of its mean."""
        targets, weight = self.problem.targets[batch], self.problem.weight
        divisor = self.net.head.divisor(targets, weight)
        if divisor == 0:
            # Every label of the batch has weight 0: its mean is 0/0 and it says nothing.
            return 0.0, 0.0
        loss, gradients = self.net.backward(
            self.problem.X[batch], targets, weight, self.problem.smoothing
        )
        self._check_finite("loss", loss)
        with np.errstate(over="ignore", invalid="ignore"):
            self.settings.optimizer.step(self.net.parameters, gradients, rate)
        return loss, divisor

    def _validate(self) -> dict[str, float]:
        """Measure loss and accuracy on the validation data."""
        if self.problem.validation is None:
            return {}
        X, targets = self.problem.validation
        head, logits = self.net.head, self.net.logits(X)
        loss = head.loss(logits, targets, self.problem.weight, self.problem.smoothing)
        self._check_finite("validation loss", loss)
        accuracy = (head.predictions(logits) == head.labels(targets)).mean()
        return {"val_loss": loss, "val_accuracy": float(accuracy)}

    def _check_finite(self, what: str, loss: float) -> None:
        if not math.isfinite(loss):
            epoch = len(self.state.records)
            raise FloatingPointError(
                f"the {what} is {loss} in epoch {epoch + 1}; the learning rate "
                f"{self.settings.rate(epoch):g} may be too high"
            )

    def advance(self, record: dict[str, float], stop: bool) -> None:
        """Replace the state by that after an epoch, in one assignment that Ctrl-C cannot split."""
        parameters = self.net.state_dict()
        state = replace(
            self.state,
            parameters=parameters,
            optimizer=self.settings.optimizer.state_dict(),
            records=(*self.state.records, record),
            stopped=stop,
        )
        if state.best_epoch == len(state.records):
            state = replace(state, best_parameters=parameters)
        self.state = state

    def history(self, interrupted: bool) -> History:
        """Return what happened."""
        records = self.state.records
        early = not interrupted and len(records) < self.settings.epochs
        return History(records, interrupted=interrupted, stopped_early=early)
