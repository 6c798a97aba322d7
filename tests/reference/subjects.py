"""What a search for the largest error can vary, function by function.

A candidate is a row of logits, for some functions with a label or a second row beside it, under
options that a whole batch shares. `measure` gives the error of each output of each candidate,
against the exact oracle or its fast likeness (:mod:`reference.extended`). `tools/adversary.py`
climbs with it, `tests/test_records.py` holds what it found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

from . import binary, cross_entropy, extended, softmax
from .bounds import BOUNDS
from .dtypes import cast

EXACT = SimpleNamespace(
    softmax=softmax.softmax,
    log_softmax=softmax.log_softmax,
    logsumexp=softmax.logsumexp,
    softmax_grad=softmax.softmax_grad,
    log_softmax_grad=softmax.log_softmax_grad,
    cross_entropy=cross_entropy.cross_entropy,
    sigmoid=binary.sigmoid,
    log_sigmoid=binary.log_sigmoid,
    binary_cross_entropy=binary.binary_cross_entropy,
)
FAST = extended


@dataclass
class Batch:
    """Candidates side by side: logits, what stands beside them, and the options of all."""

    x: np.ndarray
    beside: np.ndarray | None = None  # labels (N,), or (N, C)
    options: dict[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index: np.ndarray) -> Batch:
        beside = None if self.beside is None else self.beside[index]
        return Batch(self.x[index], beside, self.options)


Outputs = Iterator[tuple[str, str, np.ndarray, Any]]  # name, bound, computed, exact


@dataclass(frozen=True)
class Subject:
    """A function under search; `beside` says what is drawn beside the logits."""

    outputs: Callable[[ModuleType, Any, Batch], Outputs]
    beside: str = "nothing"  # or labels, probabilities, bits, any
    options: Callable[[np.random.Generator, int], dict[str, Any]] = lambda rng, classes: {}
    single: bool = False  # elementwise: one element is a whole row

    def measure(
        self, sx: ModuleType, oracle: Any, batch: Batch
    ) -> dict[str, tuple[str, np.ndarray]]:
        """output -> (name of its bound, the largest error of each candidate)."""
        found = {}
        for name, bound, computed, exact in self.outputs(sx, oracle, batch):
            errors = exact.error(np.asarray(computed))
            found[name] = bound, errors.reshape(len(batch), -1).max(axis=1)
        return found


def bound_of(name: str, dtype: np.dtype) -> float:
    return BOUNDS[name].of(dtype)


def _softmax(sx: ModuleType, oracle: Any, b: Batch) -> Outputs:
    yield "softmax", "softmax", sx.softmax(b.x), oracle.softmax(b.x)


def _log_softmax(sx: ModuleType, oracle: Any, b: Batch) -> Outputs:
    yield "log_softmax", "log_softmax", sx.log_softmax(b.x), oracle.log_softmax(b.x)


def _logsumexp(sx: ModuleType, oracle: Any, b: Batch) -> Outputs:
    yield "logsumexp", "logsumexp", sx.logsumexp(b.x), oracle.logsumexp(b.x)[0]


def _softmax_grad(sx: ModuleType, oracle: Any, b: Batch) -> Outputs:
    probs = sx.softmax(b.x)
    grad = sx.softmax_grad(b.beside, probs)
    yield "softmax_grad", "combined", grad, oracle.softmax_grad(b.beside, probs)


def _log_softmax_grad(sx: ModuleType, oracle: Any, b: Batch) -> Outputs:
    logs = sx.log_softmax(b.x)
    grad = sx.log_softmax_grad(b.beside, logs)
    yield "log_softmax_grad", "combined", grad, oracle.log_softmax_grad(b.beside, logs)


def _cross_entropy(loss_bound: str, grad_bound: str, hess: bool = False) -> Any:
    def outputs(sx: ModuleType, oracle: Any, b: Batch) -> Outputs:
        expected = oracle.cross_entropy(b.x, b.beside, reduction="none", **b.options)
        if hess:
            _, bend = sx.cross_entropy_grad_hess(b.x, b.beside, **b.options)
            yield "hess", "combined", bend, expected.hess
            return
        loss, grad = sx.cross_entropy_and_grad(b.x, b.beside, reduction="none", **b.options)
        yield "loss", loss_bound, loss, expected.loss
        yield "grad", grad_bound, grad, expected.grad

    return outputs


def _sigmoid(sx: ModuleType, oracle: Any, b: Batch) -> Outputs:
    yield "sigmoid", "binary", sx.sigmoid(b.x), oracle.sigmoid(b.x)


def _log_sigmoid(sx: ModuleType, oracle: Any, b: Batch) -> Outputs:
    yield "log_sigmoid", "binary", sx.log_sigmoid(b.x), oracle.log_sigmoid(b.x)


def _binary(sx: ModuleType, oracle: Any, b: Batch) -> Outputs:
    full = {k: cast(np.full(b.x.shape, v), b.x.dtype) for k, v in b.options.items()}
    expected = oracle.binary_cross_entropy(b.x, b.beside, **full)
    loss, grad = sx.binary_cross_entropy_and_grad(b.x, b.beside, reduction="none", **full)
    _, hess = sx.binary_cross_entropy_grad_hess(b.x, b.beside, **full)
    yield "loss", "binary", loss, expected.loss
    yield "grad", "binary", grad, expected.grad
    yield "hess", "combined", hess, expected.hess


def _weights(rng: np.random.Generator, classes: int) -> np.ndarray:
    """Class weights: a few plain ones, any, or the same for all."""
    plain = rng.choice([0.25, 0.5, 1.0, 1.5, 3.0], size=classes)
    same = np.full(classes, rng.uniform(0.1, 3))
    return [plain, rng.uniform(0.1, 3, size=classes), same][rng.integers(3)]


def _smoothing(rng: np.random.Generator, classes: int) -> dict[str, Any]:
    options: dict[str, Any] = {"label_smoothing": float(rng.choice([0.05, 0.1, rng.random()]))}
    return options | ({"weight": _weights(rng, classes)} if rng.random() < 0.5 else {})


def _weighting(rng: np.random.Generator, classes: int) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if rng.random() < 0.7:
        options["weight"] = _weights(rng, classes)
    if rng.random() < 0.5:
        options["label_smoothing"] = float(rng.choice([0.1, rng.random()]))
    return options


def _one(**choices: tuple[float, ...]) -> Any:
    def options(rng: np.random.Generator, classes: int) -> dict[str, Any]:
        return {name: float(rng.choice(values)) for name, values in choices.items()}

    return options


def _everything(rng: np.random.Generator, classes: int) -> dict[str, Any]:
    some = {
        "z_loss": float(rng.choice([1e-4, 1e-2])),
        "logit_scale": float(rng.choice([0.3, 0.75, 1.7])),
        "softcap": float(rng.choice([5.0, 30.0])),
    }
    kept = {name: value for name, value in some.items() if rng.random() < 0.6}
    return kept | (_weighting(rng, classes) if rng.random() < 0.5 else {})


_Z, _SCALE = {"z_loss": (1e-4, 1e-2, 0.3)}, {"logit_scale": (0.3, 0.7, 1.3, 10.0)}
_CAP = {"softcap": (5.0, 30.0, 500.0)}
_LOSS = _cross_entropy("cross_entropy", "gradient_hard")
_SOFT = _cross_entropy("combined", "gradient_soft")
_OPTION = _cross_entropy("combined", "combined")
_HESS = _cross_entropy("combined", "combined", hess=True)
_BINARY_WEIGHTS = {"weight": (0.5, 1.0, 1.7, 3.0), "pos_weight": (0.25, 1.0, 2.3, 5.0)}

SUBJECTS: dict[str, Subject] = {
    "softmax": Subject(_softmax),
    "log_softmax": Subject(_log_softmax),
    "logsumexp": Subject(_logsumexp),
    "softmax_grad": Subject(_softmax_grad, "any"),
    "log_softmax_grad": Subject(_log_softmax_grad, "any"),
    "cross_entropy": Subject(_LOSS, "labels"),
    "cross_entropy smoothed": Subject(_SOFT, "labels", _smoothing),
    "cross_entropy probabilities": Subject(_SOFT, "probabilities"),
    "cross_entropy weighted probabilities": Subject(_SOFT, "probabilities", _weighting),
    "cross_entropy z_loss": Subject(_OPTION, "labels", _one(**_Z)),
    "cross_entropy logit_scale": Subject(_OPTION, "labels", _one(**_SCALE)),
    "cross_entropy softcap": Subject(_OPTION, "labels", _one(**_CAP)),
    "cross_entropy options of probabilities": Subject(_OPTION, "probabilities", _everything),
    "cross_entropy hessian": Subject(_HESS, "labels"),
    "cross_entropy hessian options": Subject(_HESS, "labels", _everything),
    "sigmoid": Subject(_sigmoid, single=True),
    "log_sigmoid": Subject(_log_sigmoid, single=True),
    "binary": Subject(_binary, "bits", single=True),
    "binary soft": Subject(_binary, "probabilities", single=True),
    "binary weighted": Subject(_binary, "bits", _one(**_BINARY_WEIGHTS), single=True),
}
