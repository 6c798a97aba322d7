"""Columns and labels brought into the order of the model's names."""

from __future__ import annotations

from typing import Any

from softxent.data.matching import matched_features, matched_labels
from softxent.onnx.metadata import Metadata

__all__ = ["by_name"]


def by_name(about: Metadata | None, net: Any, X: Any, y: Any) -> tuple[Any, Any]:
    """
    Match samples and labels with the names of a model.

    Parameters
    ----------
    about : Metadata or None
        What the file says of itself.
    net : optional
        The network it should be; its names count where the file has none.
    X, y : array_like, or tables and columns of pandas, polars or pyarrow
        Samples, and labels or None.

    Returns
    -------
    X, y
        As `softxent.data.matching` gives them.

    Raises
    ------
    TypeError, ValueError
        If a column is missing or holds no numbers, or a label is none of the classes.
    """
    sources = [source for source in (about, net) if source is not None]
    features = next((s.feature_names for s in sources if s.feature_names), None)
    classes = next((s.class_names for s in sources if s.class_names), None)
    return matched_features(X, features), None if y is None else matched_labels(y, classes)
