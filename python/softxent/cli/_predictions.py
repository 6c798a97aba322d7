"""What ``softxent predict`` puts out: one class and its probabilities per sample."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from softxent import sigmoid
from softxent._files.atomic import atomic_path, atomic_write
from softxent.models import MLP

if TYPE_CHECKING:
    from softxent.onnx import Classifier

#: Names that the output uses, as columns of csv, arrays of npz or in JSON.
_COLUMNS = (
    *("prediction", "predictions", "probabilities", "class_names"),
    *("model", "data", "samples", "accuracy", "out"),
)


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
    ids : tuple of str and ndarray of objects, shape (n,), or None
        The name and the values of a column that identifies the samples.
    """

    labels: np.ndarray
    probabilities: np.ndarray | None
    names: tuple[str, ...]
    ids: tuple[str, np.ndarray] | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def identified(self, name: str | None, ids: np.ndarray | None) -> Predictions:
        """Return the same with a column that identifies the samples, if there is one.

        Raises
        ------
        ValueError
            If its name is that of another column.
        """
        if name is None or ids is None:
            return self
        taken = {*_COLUMNS, *(f"p({name})" for name in self.names)}
        if name in taken:
            raise ValueError(f"--id {name}: the output has a column of this name")
        return replace(self, ids=(name, ids))

    def as_dict(self) -> dict[str, Any]:
        """Names of the classes predicted, and probabilities, for ``--json``."""
        return {
            **({self.ids[0]: self.ids[1]} if self.ids else {}),
            "predictions": [self.names[label] for label in self.labels],
            "probabilities": self.probabilities,
        }

    def to_csv(self) -> str:
        """One line per sample after a header: the class, then the probability of each."""
        buffer = io.StringIO()
        writer = csv.writer(buffer, lineterminator="\n")
        name, ids = [], np.empty((len(self), 0), dtype=np.str_)
        if self.ids is not None:
            name, ids = [self.ids[0]], self.ids[1][:, np.newaxis]
        shown = self.names if self.probabilities is not None else ()
        writer.writerow([*name, "prediction", *(f"p({name})" for name in shown)])
        rows = np.empty((len(self), 0)) if self.probabilities is None else self.probabilities
        for key, label, row in zip(ids, self.labels, rows, strict=True):
            writer.writerow([*key, self.names[label], *row])
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
            if self.ids is not None:
                arrays[self.ids[0]] = self.ids[1].astype(np.str_)
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
