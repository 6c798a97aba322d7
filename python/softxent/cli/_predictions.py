"""What ``softxent predict`` puts out: one class and its probabilities per sample."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import Any

import numpy as np

from softxent import sigmoid
from softxent._files import atomic_path, atomic_write
from softxent.models import MLP


@dataclass(frozen=True)
class Predictions:
    """Predictions for samples in the order in which they were read.

    Attributes
    ----------
    labels : ndarray of int64, shape (n,)
        Indices of the classes.
    probabilities : ndarray, shape (n, C)
    names : tuple of str
        The names of the C classes.
    """

    labels: np.ndarray
    probabilities: np.ndarray
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
        writer.writerow(["prediction", *(f"p({name})" for name in self.names)])
        for label, row in zip(self.labels, self.probabilities, strict=True):
            writer.writerow([self.names[label], *row])
        return buffer.getvalue()

    def write(self, path: str) -> None:
        """Write a .csv or .npz file, whole or not at all."""
        if path.endswith(".csv"):
            atomic_write(path, self.to_csv())
            return
        with atomic_path(path) as temporary:
            np.savez_compressed(
                temporary,
                prediction=self.labels,
                probabilities=self.probabilities,
                class_names=np.array(self.names),
            )


def predictions_of(net: MLP, X: np.ndarray) -> Predictions:
    """Predict with a network."""
    names = net.class_names or tuple(str(label) for label in range(net.num_classes))
    return Predictions(net.predict(X), _per_class(net, X), names)


def _per_class(net: MLP, X: np.ndarray) -> np.ndarray:
    """Give the one probability of one logit a partner, sigmoid(-x): 1 - p would lose digits."""
    if net.head.outputs > 1:
        return net.predict_proba(X)
    logits = net.forward(X)
    return np.stack([sigmoid(-logits), sigmoid(logits)], axis=1)
