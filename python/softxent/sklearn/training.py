"""The training loop: scikit-learn's epochs, stopping and random numbers over our networks."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from softxent import binary_cross_entropy_and_grad, cross_entropy_and_grad
from softxent.models import MLP
from softxent.models._blas import suitable_threads
from softxent.sklearn.samples import Samples
from softxent.sklearn.settings import Settings
from softxent.sklearn.solvers import Solver

__all__ = ["Progress", "Training", "draw"]


@dataclass
class Progress:
    """What a classifier remembers from one call of `fit` or `partial_fit` to the next."""

    samples: int = 0
    losses: list[float] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    best_loss: float = np.inf
    best_score: float = -np.inf
    idle: int = 0


def draw(net: MLP, random: np.random.RandomState) -> None:
    """Give a network the parameters that scikit-learn draws (X. Glorot and Y. Bengio, 2010)."""
    factor = 2.0 if net.layers.activation == "sigmoid" else 6.0
    state = {}
    for name in net.layers.names:
        outputs, inputs = net.layers.shapes[f"{name}.weight"]
        bound = np.sqrt(factor / (inputs + outputs))
        state[f"{name}.weight"] = random.uniform(-bound, bound, (inputs, outputs)).T
        state[f"{name}.bias"] = random.uniform(-bound, bound, outputs)
    net.load_state_dict(state)


class Training:
    """
    The training of a network.

    All parameters lie in one vector, the weights first; those of the network are views of it.

    Parameters
    ----------
    net : MLP
        The network.
    settings : Settings
        How to train.
    progress : Progress
        What happened before, and is added to.
    """

    def __init__(self, net: MLP, settings: Settings, progress: Progress) -> None:
        self.net = net
        self.settings = settings
        self.progress = progress
        shapes = net.layers.shapes
        self.order = sorted(shapes, key=lambda name: name.endswith(".bias"))
        self.vector = np.concatenate([net.parameters[name].ravel() for name in self.order])
        self.gradient = np.empty_like(self.vector)
        self.scratch = np.empty_like(self.vector)
        self.weights = sum(net.parameters[n].size for n in shapes if n.endswith(".weight"))
        views, start = {}, 0
        for name in self.order:
            size = net.parameters[name].size
            views[name] = self.vector[start : start + size].reshape(shapes[name])
            start += size
        net.parameters = {name: views[name] for name in shapes}

    def run(self, samples: Samples, solver: Solver, random: Any, epochs: int, warn: bool) -> int:
        """
        Train until nothing improves, and return the number of epochs.

        Parameters
        ----------
        samples : Samples
            With what.
        solver : Solver
            The update rule.
        random : numpy.random.RandomState
            Splits and shuffles.
        epochs : int
            At most so many.
        warn : bool
            Whether to warn if that was not enough.
        """
        validation = None
        if self.settings.early_stopping:
            stratify = self.net.layers.outputs == 1
            samples, validation = samples.split(self.settings.validation_fraction, stratify, random)
        best, order, done = None, np.arange(len(samples)), 0
        products = self._batch_size(samples) * self.net.layers.largest_product
        try:
            with suitable_threads(products):
                while done < epochs:
                    if self.settings.shuffle:
                        # As sklearn.utils.shuffle does it.
                        positions = np.arange(len(order))
                        random.shuffle(positions)
                        order = order[positions]
                    self._epoch(samples, order, solver)
                    done += 1
                    if self._improved(done, validation):
                        best = self.vector.copy()
                    solver.epoch_ends(self.progress.samples)
                    if self.progress.idle > self.settings.n_iter_no_change:
                        if not self._goes_on(solver):
                            break
                        self.progress.idle = 0
                else:
                    if warn:
                        warnings.warn(
                            f"max_iter={epochs} epochs were not enough to converge",
                            ConvergenceWarning,
                            stacklevel=4,
                        )
        except KeyboardInterrupt:
            warnings.warn(f"training was interrupted in epoch {done + 1}", stacklevel=4)
        if validation is not None and best is not None:
            self.vector[:] = best
        if not np.isfinite(self.vector).all():
            raise ValueError("the parameters are not finite: lower learning_rate_init")
        return done

    def _batch_size(self, samples: Samples) -> int:
        return min(self.settings.batch_size or 200, len(samples))

    def _epoch(self, samples: Samples, order: np.ndarray, solver: Solver) -> None:
        total, size = 0.0, self._batch_size(samples)
        for start in range(0, len(order), size):
            batch = samples.at(order[start : start + size])
            with np.errstate(over="ignore", invalid="ignore"):
                total += self._step(batch, solver) * len(batch)
        if not np.isfinite(total):
            raise ValueError(
                f"the loss is {total} in epoch {len(self.progress.losses) + 1}: scale the "
                "features, or lower learning_rate_init"
            )
        self.progress.samples += len(samples)
        self.progress.losses.append(total / len(samples))

    def _step(self, batch: Samples, solver: Solver) -> float:
        """Take one step; return the penalised loss before it."""
        divisor = len(batch) if batch.weights is None else float(batch.weights.sum())
        if divisor == 0:
            return 0.0
        layers, parameters = self.net.layers, self.net.parameters
        values = layers.values(parameters, batch.X)
        loss, d_logits = self._loss(values[-1], batch, divisor)
        found = layers.backward(parameters, values, d_logits)
        np.concatenate([found[name].ravel() for name in self.order], out=self.gradient)
        if self.settings.alpha:
            weights = self.vector[: self.weights]
            scale = self.settings.alpha / divisor
            loss += 0.5 * scale * float(weights @ weights)
            np.multiply(weights, scale, out=self.scratch[: self.weights])
            self.gradient[: self.weights] += self.scratch[: self.weights]
        solver.step(self.vector, self.gradient, self.scratch)
        return loss

    def _loss(self, logits: np.ndarray, batch: Samples, divisor: float) -> tuple[float, np.ndarray]:
        """Return the mean loss and its gradient, which overwrites the logits."""
        smoothing = self.settings.label_smoothing
        if logits.shape[1] > 1:
            loss, gradient = cross_entropy_and_grad(
                logits,
                batch.labels,
                sample_weight=batch.weights,
                label_smoothing=smoothing,
                out=logits,
            )
            return float(loss), gradient
        targets = batch.labels * (1 - smoothing) + smoothing / 2
        column = logits[:, 0]
        weight = None if batch.weights is None else batch.weights / divisor
        loss, _ = binary_cross_entropy_and_grad(
            column,
            targets,
            weight=weight,
            reduction="mean" if weight is None else "sum",
            out=column,
        )
        return float(loss), logits

    def _improved(self, epoch: int, validation: Samples | None) -> bool:
        """Count the epochs without improvement; say whether this one is the best so far."""
        progress, tol = self.progress, self.settings.tol
        loss = progress.losses[-1]
        if self.settings.verbose:
            print(f"Iteration {epoch}, loss = {loss:.8f}")
        if validation is None:
            enough = not loss > progress.best_loss - tol
            better = loss < progress.best_loss
            progress.best_loss = min(loss, progress.best_loss)
        else:
            right = self.net.head.predictions(self.net.logits(validation.X)) == validation.labels
            score = float(np.average(right, weights=validation.weights))
            if self.settings.verbose:
                print(f"Validation score: {score:f}")
            progress.scores.append(score)
            enough = not score < progress.best_score + tol
            better = score > progress.best_score
            progress.best_score = max(score, progress.best_score)
        progress.idle = 0 if enough else progress.idle + 1
        return better and validation is not None

    def _goes_on(self, solver: Solver) -> bool:
        """Slow the solver down, or say that training is over."""
        slower = solver.slows_down()
        if self.settings.verbose:
            end = f"Setting learning rate to {solver.rate:f}" if slower else "Stopping."
            what = "Validation score" if self.settings.early_stopping else "Training loss"
            print(
                f"{what} did not improve more than tol={self.settings.tol:f} for "
                f"{self.settings.n_iter_no_change} consecutive epochs. {end}"
            )
        return slower
