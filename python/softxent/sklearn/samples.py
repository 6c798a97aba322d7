"""What is trained with: features, class indices and weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import LabelEncoder
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight

__all__ = ["Samples", "encoded"]


@dataclass(frozen=True)
class Samples:
    """Features, class indices and weights, in the dtype of the network; None for equal weights."""

    X: np.ndarray
    labels: np.ndarray
    weights: np.ndarray | None

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.X)

    def at(self, index: Any) -> Samples:
        """Return those at some positions."""
        weights = None if self.weights is None else self.weights[index]
        return Samples(self.X[index], self.labels[index], weights)

    def split(self, fraction: float, stratify: bool, random: Any) -> tuple[Samples, Samples]:
        """Return what to train with and what to validate with."""
        positions = train_test_split(
            np.arange(len(self)),
            random_state=random,
            test_size=fraction,
            stratify=self.labels if stratify else None,
        )
        if len(positions[1]) < 2:
            raise ValueError(
                f"validation_fraction={fraction:g} of {len(self)} samples leaves "
                f"{len(positions[1])} to validate with; at least 2 are needed"
            )
        return self.at(positions[0]), self.at(positions[1])


def encoded(
    X: np.ndarray, y: np.ndarray, sample_weight: Any, known: Any, class_weight: Any
) -> tuple[np.ndarray, Samples]:
    """
    Encode labels and combine weights.

    Parameters
    ----------
    X, y : ndarray
        Validated features and labels.
    sample_weight : array_like or None
        One weight per sample.
    known : ndarray or None
        The classes, sorted; those of y by default.
    class_weight : dict, str or None
        As scikit-learn has it.

    Returns
    -------
    classes : ndarray
        The classes.
    samples : Samples
        The samples.

    Raises
    ------
    TypeError, ValueError
        If labels or weights cannot be used.
    """
    missing = [k for k, label in enumerate(y.flat) if label is None] if y.dtype == object else []
    if missing:
        raise ValueError(f"y, sample {missing[0]}: the label is missing (None)")
    check_classification_targets(y)
    encoder = LabelEncoder()
    if known is None:
        encoder.fit(y)
    else:
        encoder.classes_ = known
    classes = encoder.classes_
    if len(classes) < 2:
        raise ValueError(f"y must have at least 2 classes, got one class: {classes.tolist()[0]!r}")
    labels = encoder.transform(y).astype(np.int64)
    weights = None
    if sample_weight is not None:
        weights = _check_sample_weight(sample_weight, X, dtype=X.dtype)
        if not (np.isfinite(weights) & (weights >= 0)).all() or not weights.any():
            raise ValueError("sample_weight must be finite, at least 0, and not 0 everywhere")
    if class_weight is not None:
        factors = compute_class_weight(class_weight, classes=classes, y=y)
        for label, factor in zip(classes.tolist(), factors.tolist(), strict=True):
            if not 0 <= factor < np.inf:
                raise ValueError(
                    f"class_weight is {factor} for the label {label!r}; expected a finite number, "
                    "at least 0"
                )
        factors = factors[labels]
        weights = factors if weights is None else weights * factors
    return classes, Samples(X, labels, weights)
