"""The share of samples that a classifier puts into their class."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from softxent.verify.arithmetic import Array
from softxent.verify.foreign.heads import Rows


def accuracy(
    labels: Array | None,
    decisions: Sequence[Rows | None],
    chosen: Sequence[Array],
    names: tuple[str, ...] | None,
) -> float | None:
    """Share of right predictions, if y are labels.

    Parameters
    ----------
    labels : ndarray or None
        As the user gave them.
    decisions : sequence of Rows or None
        Logits, piece by piece.
    chosen : sequence of ndarray
        Labels that the model put out, where it has no logits.
    names : tuple of str or None
        Names of the classes, for labels that are text.
    """
    if labels is None or labels.dtype.kind not in "iubOUS":
        return None
    predicted = _predicted(decisions) if not chosen else np.concatenate(list(chosen)).reshape(-1)
    truth = labels.reshape(-1)
    if predicted is None or predicted.size != truth.size:
        return None
    texts = truth.dtype.kind in "OUS"
    if texts and predicted.dtype.kind == "i" and names is not None:
        predicted = np.array(names, dtype=object)[predicted]
    if texts or predicted.dtype.kind in "OUS":
        return float(np.mean([str(a) == str(b) for a, b in zip(predicted, truth, strict=True)]))
    return float((predicted == truth).mean())


def _predicted(decisions: Sequence[Rows | None]) -> Array | None:
    """Classes of the largest logits; of one logit, whether it is positive."""
    known = [rows for rows in decisions if rows is not None]
    if not known or len(known) < len(decisions):
        return None
    return np.concatenate([rows.head.prediction(rows.values) for rows in known])
