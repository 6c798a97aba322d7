"""What ``softxent predict`` puts out: one class and its probabilities per sample."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from softxent import sigmoid
from softxent._files import atomic_path, atomic_write
from softxent.models import MLP

if TYPE_CHECKING:
    from softxent.onnx import Classifier


@dataclass(frozen=True)
class Predictions:
    """Predictions for samples in the order in which they were read.

    Attributes
    ----------
    labels : ndarray of int64, shape (n,)
        Indices of the classes.
    probabilities : ndarray, shape (n, C), or None
        None where the model gives none.
    names : tuple of str
        The names of the C classes.
    """

    labels: np.ndarray
    probabilities: np.ndarray | None
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.labels)

    def as_dict(self) -> dict[str, Any]:
        """Names of the classes predicted, and probabilities, for ``--json``."""
        return {
            "predictions": [self.names[label] for label in self.labels],
            "probabilities": self.probabilities,
        }

    def to_csv(self) -> str:
        """One line per sample after a header: the class, then the probability of each."""
        buffer = io.StringIO()
        writer = csv.writer(buffer, lineterminator="\n")
        shown = self.names if self.probabilities is not None else ()
        writer.writerow(["prediction", *(f"p({name})" for name in shown)])
        rows = np.empty((len(self), 0)) if self.probabilities is None else self.probabilities
        for label, row in zip(self.labels, rows, strict=True):
            writer.writerow([self.names[label], *row])
        return buffer.getvalue()

    def write(self, path: str) -> None:
        """Write a .csv or .npz file, whole or not at all."""
        if path.endswith(".csv"):
            atomic_write(path, self.to_csv())
            return
        with atomic_path(path) as temporary:
            arrays: dict[str, Any] = {
                "prediction": self.labels,
                "class_names": np.array(self.names),
            }
            if self.probabilities is not None:
                arrays["probabilities"] = self.probabilities
            np.savez_compressed(temporary, **arrays)


def predictions_of(
    model: MLP | Classifier, X: np.ndarray, inputs: Mapping[str, np.ndarray]
) -> Predictions:
    """Predict with a network, or with a classifier that may have further inputs."""
    if isinstance(model, MLP):
        names = model.class_names or _numbers(model.num_classes)
        return Predictions(model.predict(X), _per_class(model, X), names)
    decision = model.decide(X, inputs)
    p = decision.probabilities
    count = p.shape[1] if p is not None else int(decision.labels.max()) + 1
    return Predictions(decision.labels, p, model.class_names or _numbers(count))


def _numbers(count: int) -> tuple[str, ...]:
    return tuple(str(label) for label in range(count))


def _per_class(net: MLP, X: np.ndarray) -> np.ndarray:
    """Give the one probability of one logit a partner, sigmoid(-x): 1 - p would lose digits."""
    if net.head.outputs > 1:
        return net.predict_proba(X)
    logits = net.forward(X)
    return np.stack([sigmoid(-logits), sigmoid(logits)], axis=1)
