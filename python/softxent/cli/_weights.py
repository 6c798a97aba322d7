"""The ``--class-weights`` option."""

from __future__ import annotations

import numpy as np


def class_weights(
    option: str | None, labels: np.ndarray | None, num_classes: int
) -> np.ndarray | None:
    """
    Turn the option into one weight per class.

    Parameters
    ----------
    option : str or None
        Numbers separated by commas, "balanced", or None for no weights.
    labels : ndarray of int64, shape (n,), or None
        The labels that "balanced" counts; None where there are none to count.
    num_classes : int
        The number of classes C.

    Returns
    -------
    ndarray of float64, shape (C,), or None
        For "balanced" n / (C · count of the class), as scikit-learn's.

    Raises
    ------
    ValueError
        If there is not one finite number ≥ 0 per class, or a class to balance has no sample.
    """
    counts = None if labels is None else np.bincount(labels, minlength=num_classes)
    return parsed_weights(option, counts, num_classes)


def parsed_weights(
    option: str | None, counts: np.ndarray | None, num_classes: int | None = None
) -> np.ndarray | None:
    """
    Parse as `class_weights`, from how many samples each class has.

    Raises
    ------
    ValueError
        As `class_weights`.
    """
    if num_classes is None:
        num_classes = 0 if counts is None else len(counts)
    if option is None:
        return None
    if option == "balanced":
        return _balanced(counts, num_classes)
    try:
        weights = np.array([float(part) for part in option.split(",")])
    except ValueError:
        raise ValueError(
            f"--class-weights must be numbers separated by commas or 'balanced', got {option!r}"
        ) from None
    if len(weights) != num_classes:
        raise ValueError(f"--class-weights must be {num_classes} numbers, got {len(weights)}")
    if not (np.isfinite(weights) & (weights >= 0)).all():
        raise ValueError(f"--class-weights must be finite and ≥ 0, got {option}")
    return weights


def _balanced(counts: np.ndarray | None, num_classes: int) -> np.ndarray:
    if counts is None:
        raise ValueError("--class-weights balanced needs labels to count: give the numbers instead")
    if (counts == 0).any():
        missing = int(np.flatnonzero(counts == 0)[0])
        raise ValueError(f"--class-weights balanced: class {missing} has no training sample")
    weights: np.ndarray = counts.sum() / (num_classes * counts)
    return weights
