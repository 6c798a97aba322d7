"""Training on data that are cut into chunks."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

import dask.array as da
import numpy as np

from softxent._arguments import checks
from softxent.models import training
from softxent.models.history import History
from softxent.models.model import Model as Net
from softxent.models.naming import named_by
from softxent.models.optimizers import Optimizer
from softxent.models.problem import Problem
from softxent.models.progress import Reporter
from softxent.models.schedules import Schedule
from softxent.models.settings import Settings, make_optimizer, make_schedule

from . import _fit_tasks as tasks
from ._executors import Executor, SchedulerLostError, executor
from ._graphs import FAN_IN
from ._units import Source, Units

__all__ = ["fit"]

#: Units whose rows are mixed with each other; so many more are loaded ahead.
_POOL = 8


def fit(
    net: Net,
    X: Any,
    y: Any,
    *,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    optimizer: str | Optimizer = "sgd",
    validation: tuple[Any, Any] | None = None,
    weight: Any = None,
    label_smoothing: float = 0.0,
    progress: bool = True,
    callback: Callable[[dict[str, float]], object] | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    momentum: float = 0.0,
    weight_decay: float = 0.0,
    schedule: str | Schedule = "constant",
    early_stopping: int | None = None,
    seed: int | None = None,
    unit_rows: int = 16384,
    part_rows: int | None = None,
) -> History:
    r"""
    Train a network on data in chunks, on the workers of the current client if there is one.

    .. math:: g = \frac{\sum_{\mathrm{parts}} \sum_{i} \nabla L_i}{\sum_{\mathrm{parts}} d}

    The rows are cut into units by their numbers, a batch into parts of a fixed size that lie in
    one unit each; every part is a task, and their gradients are added in a fixed order. So the
    result has the same bits for every chunking, for any number of workers, and when workers die.

    Parameters
    ----------
    net : MLP, NeuralNet1 or NeuralNet2
        The network, here; its parameters change.
    X : dask array or data frame, array_like, or table in memory, shape (n, input_size)
        The training features. The columns of a table are matched with `feature_names`.
    y : dask array or series, array_like, or str
        Labels or class probabilities as for `Model.fit`; a name is that of a column of `X`.
    epochs, batch_size, learning_rate, optimizer, weight, label_smoothing, progress, callback, \
    momentum, weight_decay, schedule, early_stopping
        As for `Model.fit`.
    validation : tuple (X, y), optional
        Data of the same kinds, on which loss and accuracy are measured after every epoch.
    checkpoint : str or os.PathLike, optional
        As for `Model.fit`: a file here, from which training goes on, bit for bit, also after the
        scheduler has died.
    seed : int, optional
        Order of the rows; the seed of the network by default.
    unit_rows : int, default 16384
        Rows of a unit. Each epoch mixes the rows of a unit, and the parts of 8 units drawn at
        random; a worker holds whole units. Other numbers give other bits.
    part_rows : int, optional
        Rows of a part, of which a batch has as many as workers can share it: a sixteenth of the
        batch, but at least 64, by default. Other numbers give other bits.

    Returns
    -------
    History
        As `Model.fit`.

    Raises
    ------
    TypeError, ValueError, IndexError, FloatingPointError
        As `Model.fit`; a row is named by its number in the whole data. Nothing is changed by data
        that are refused.
    ConnectionError
        If the scheduler is gone, or workers died over one task again and again. The network has
        the parameters of the last epoch that was done; the same call with the same checkpoint
        goes on from there.
    ImportError
        If threadpoolctl is missing, by which the BLAS is kept to one thread: with several, its
        bits depend on their number.

    See Also
    --------
    softxent.models.MLP.fit : for data that fit into memory; it draws other batches.

    Notes
    -----
    The bounds of `softxent.cross_entropy_and_grad` hold for the losses and gradients in the logits;
    products and sums over parts round as NumPy's do. Equal bits need equal processors: a BLAS takes
    other kernels on others. The data are read once before the first epoch, to be checked, and once
    an epoch if they are more than 16 units, of which the workers keep copies. A step moves the
    parameters to every worker and the gradients back in a tree, and costs about a millisecond of
    the scheduler for each part.

    Examples
    --------
    >>> import dask.array as da
    >>> import softxent.dask
    >>> from softxent.data import load_breast_cancer
    >>> from softxent.models import NeuralNet1
    >>> data = load_breast_cancer()
    >>> X = da.from_array(data.X / data.X.max(axis=0), chunks=(100, 30))
    >>> net = NeuralNet1(30, 8, seed=0)
    >>> history = softxent.dask.fit(net, X, data.y, epochs=20, batch_size=64, learning_rate=0.5,
    ...                             progress=False)
    >>> history["loss"][-1] < history["loss"][0]
    True
    """
    _check_network(net)
    settings = Settings(
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        optimizer=make_optimizer(optimizer, momentum, weight_decay),
        schedule=make_schedule(schedule, epochs),
        early_stopping=early_stopping,
        seed=net.seed if seed is None else seed,
    )
    rows = checks.integer("unit_rows", unit_rows, 1)
    least = max(64, math.ceil(settings.batch_size / 16))
    part = least if part_rows is None else checks.integer("part_rows", part_rows, 1)
    where = executor()
    source = Source(X, y, "X")
    texts = _texts(where, source, rows) if net.class_names is None else None
    with named_by(net, source.meta, np.zeros(0, int) if texts is None else texts):
        problem = ChunkedProblem.made(
            net, where, source, validation, weight, label_smoothing, rows, part
        )
        run = ChunkedRun(net, problem, settings)
        try:
            return training.train(run, progress, callback, checkpoint)
        except SchedulerLostError as error:
            net.load_state_dict(run.state.parameters)
            done = len(run.state.records)
            hint = "with this checkpoint" if checkpoint is not None else "with checkpoint=FILE"
            raise ConnectionError(
                f"{error}; {done} epochs are done, and the same call {hint} goes on from the last"
                + ("" if checkpoint is not None else " that is in the file")
            ) from error


def _check_network(net: Any) -> None:
    if not isinstance(net, Net):
        what = f"the class {net.__name__}" if isinstance(net, type) else f"a {type(net).__name__}"
        raise TypeError(f"net is {what}; expected a network of softxent.models")


def _texts(where: Executor, source: Source, rows: int) -> np.ndarray | None:
    """The distinct text labels, None if the labels are no text."""
    if source.y.dtype.kind not in "OUS":
        return None
    units = Units(where, None, source.y[:, None], source.y, rows, 0)  # type: ignore[arg-type]
    handles = enumerate(units.labels())
    found = where.results([where.submit(tasks.distinct, k * rows, unit) for k, unit in handles])
    return np.array(sorted(set(chain.from_iterable(found))))


@dataclass(frozen=True, eq=False)
class ChunkedProblem(Problem):
    """Training and validation data in units, where a `Problem` has arrays."""

    where: Executor
    model: tasks.Model
    units: Units
    measured: Units | None
    part: int
    rows: int
    digests: tuple[str, ...]

    @classmethod
    def made(
        cls,
        net: Net,
        where: Executor,
        source: Source,
        validation: Any,
        weight: Any,
        label_smoothing: float,
        rows: int,
        part: int,
    ) -> ChunkedProblem:
        """Check all rows, once."""
        if isinstance(weight, da.Array):
            weight = weight.compute()
        weights = checks.class_weights(weight, net.num_classes)
        smoothing = checks.number("label_smoothing", label_smoothing, 0, 1)
        model = tasks.Model(net.layers, net.head, net.dtype, net.class_names, weights, smoothing)
        pair: Any = None
        if validation is not None:
            if not isinstance(validation, tuple | list) or len(validation) != 2:
                raise TypeError(f"validation must be a pair (X, y), got {validation!r:.80}")
            pair = Source(validation[0], validation[1], "validation X")
        found: list[tuple[Units | None, tuple[str, ...]]] = []
        for name, one in (("X", source), ("validation X", pair)):
            if one is None:
                found.append((None, ()))
                continue
            X = one.features(net.feature_names)
            if not len(X):
                raise ValueError(f"{name} must have at least one row, got shape {X.shape}")
            cut = Units(where, model, X, one.y, rows, 2 * _POOL)
            try:
                found.append((cut, _inspected(where, model, cut, name)))
            except (TypeError, ValueError, IndexError) as error:
                if one is source:
                    raise
                raise type(error)(f"validation data: {error}") from error
        (units, digests), (measured, more) = found
        assert units is not None
        nothing = np.empty((0, net.input_size), net.dtype)
        return cls(
            nothing, nothing, pair, weights, smoothing, where, model, units, measured, part, rows,
            (*digests, "validation", *more),
        )  # fmt: skip

    def __len__(self) -> int:
        return self.units.rows

    def digest(self) -> str:
        """A digest of all rows, weights and settings of units, whatever the chunks are."""
        state = hashlib.blake2b(digest_size=16)
        state.update(repr((self.digests, self.smoothing, self.rows, self.part)).encode())
        state.update(b"none" if self.weight is None else self.weight.tobytes())
        return state.hexdigest()


def _inspected(where: Executor, model: tasks.Model, units: Units, name: str) -> tuple[str, ...]:
    """Make all units ready once, a few at a time; their digests."""
    divisor, digests = 0.0, []
    for first in range(0, len(units), _POOL):
        numbers = range(first, min(first + _POOL, len(units)))
        handles = [where.submit(tasks.inspect, model, units[number]) for number in numbers]
        for part, digest in where.results(handles):
            divisor += part
            digests.append(digest)
    if divisor == 0:
        raise ValueError(f"weight gives 0 to every class that occurs in the labels of {name}")
    return tuple(digests)


class ChunkedRun(training.Run):
    """A training whose steps are tasks."""

    problem: ChunkedProblem

    def epoch(self, report: Reporter) -> dict[str, float]:
        """Run one epoch and return its record."""
        epoch = len(self.state.records)
        rate = self.settings.rate(epoch)
        total = divisor = 0.0
        for batch in self._batches(epoch):
            loss, count = self._step(batch, epoch, rate)
            total, divisor = total + loss, divisor + count
            report.batch()
        return {"loss": total / divisor, "learning_rate": rate, **self._validate()}

    def _batches(self, epoch: int) -> Iterator[list[tuple[int, int, int]]]:
        """Parts of each batch: a unit, and from where to where in its order."""
        units, part = self.problem.units, self.problem.part
        sequence = np.random.SeedSequence(self.state.seed, spawn_key=(epoch,))
        rng = np.random.default_rng(sequence)
        order = rng.permutation(len(units)).tolist()
        batch: list[tuple[int, int, int]] = []
        room = self.settings.batch_size
        for first in range(0, len(order), _POOL):
            for number in order[first : first + 2 * _POOL]:  # this pool, and the next ahead
                _ = units[number]
            pieces = [
                (number, begin, min(begin + part, units.size(number)))
                for number in order[first : first + _POOL]
                for begin in range(0, units.size(number), part)
            ]
            for at in rng.permutation(len(pieces)).tolist():
                number, begin, end = pieces[at]
                while begin < end:
                    taken = min(end - begin, room)
                    batch.append((number, begin, begin + taken))
                    begin, room = begin + taken, room - taken
                    if room == 0:
                        yield batch
                        batch, room = [], self.settings.batch_size
        if batch:
            yield batch

    def _step(
        self, batch: list[tuple[int, int, int]], epoch: int, rate: float
    ) -> tuple[float, float]:
        """Take one step; return the sum of losses before it and its divisor."""
        problem, where = self.problem, self.problem.where
        parameters = where.submit(_same, self.net.state_dict())
        parts = [
            where.submit(
                tasks.part, problem.model, parameters, problem.units[number], self.state.seed,
                (epoch, number), begin, end,
            )
            for number, begin, end in batch
        ]  # fmt: skip
        while len(parts) > 1:
            groups = [parts[k : k + FAN_IN] for k in range(0, len(parts), FAN_IN)]
            parts = [where.submit(tasks.add, group) for group in groups]
        loss, divisor, gradients = where.results(parts)[0]
        if gradients is None:
            # Every label of the batch has weight 0: its mean is 0/0 and it says nothing.
            return 0.0, 0.0
        self._check_finite("loss", loss / divisor)
        with np.errstate(over="ignore", invalid="ignore"):
            means = {name: value / value.dtype.type(divisor) for name, value in gradients.items()}
            self.settings.optimizer.step(self.net.parameters, means, rate)
        return loss, divisor

    def _validate(self) -> dict[str, float]:
        """Measure loss and accuracy on the validation data."""
        problem, where, units = self.problem, self.problem.where, self.problem.measured
        if units is None:
            return {}
        parameters = where.submit(_same, self.net.state_dict())
        total = divisor = 0.0
        right = rows = 0
        for first in range(0, len(units), _POOL):
            numbers = range(first, min(first + _POOL, len(units)))
            handles = [
                where.submit(tasks.measure, problem.model, parameters, units[number])
                for number in numbers
            ]
            for loss, count, hits, size in where.results(handles):
                total, divisor = total + loss, divisor + count
                right, rows = right + hits, rows + size
        loss = total / divisor
        self._check_finite("validation loss", loss)
        return {"val_loss": loss, "val_accuracy": right / rows}


def _same(value: Any) -> Any:
    return value
