"""Tables and labels that meet a network: columns matched by name, labels by the rule for labels."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from softxent._arguments.arrays import as_array
from softxent.data.classes import learned, looked_up
from softxent.data.columns import check_distinct, matched, unused
from softxent.data.fields import whole_number
from softxent.data.frames import as_frame, plain_labels
from softxent.data.labels import Labels

__all__ = ["class_names_in", "feature_names_in", "matched_features", "matched_labels"]


def matched_features(X: Any, feature_names: Sequence[str] | None, what: str = "X") -> Any:
    """
    Bring the columns of a table in memory into the order of a network's features.

    Parameters
    ----------
    X : array_like or table of pandas, polars or pyarrow
        The features.
    feature_names : sequence of str or None
        The names of the network's features.
    what : str
        What to call X in errors.

    Returns
    -------
    array_like
        Of a table, floats with NaN for what is missing; anything else as it is. Without names on
        either side the columns stay in their order.

    Raises
    ------
    ValueError
        If the table lacks features of the network, or a name occurs twice.
    TypeError
        If a column that is needed does not hold real numbers.

    Warns
    -----
    UserWarning
        If the table has further columns, which are ignored.
    """
    frame = as_frame(X)
    if frame is None:
        return X
    check_distinct(frame.names, what)
    columns: Sequence[int] = range(frame.width)
    if frame.names is not None and feature_names is not None:
        columns = matched(frame.names, feature_names, what)
        for line in unused(frame.names, columns):
            warnings.warn(f"{what}: {line}", UserWarning, stacklevel=_outside())
    return frame.numbers(columns, what)


def matched_labels(y: Any, class_names: Sequence[str] | None, what: str = "y") -> Any:
    """
    Turn labels into class indices where names say which class they mean.

    Parameters
    ----------
    y : array_like or column of pandas, polars or pyarrow
        Labels or class probabilities.
    class_names : sequence of str or None
        The names of the network's classes.
    what : str
        What to call y in errors.

    Returns
    -------
    array_like
        int64 of shape (n,) for text, and for whole numbers if all the names are texts of whole
        numbers; otherwise y as it is.

    Raises
    ------
    ValueError
        If a label is missing or none of the classes.
    """
    y = plain_labels(y)
    if class_names is None:
        return y
    array = as_array(y, what)
    if _is_text(array):
        return looked_up(Labels.of_array(array, what), class_names)
    if array.dtype.kind in "iu" and array.size:
        if _in_order(class_names) and array.min() >= 0 and array.max() < len(class_names):
            return y
        if all(whole_number(name) is not None for name in class_names):
            return looked_up(Labels.of_array(array, what), class_names)
    return y


def feature_names_in(X: Any) -> tuple[str, ...] | None:
    """Return the names of the columns of a table in memory, None if it has none."""
    frame = as_frame(X)
    return None if frame is None else frame.names


def class_names_in(y: Any, num_classes: int) -> tuple[str, ...] | None:
    """
    Return the classes that text labels name, None if y is no text.

    Raises
    ------
    ValueError
        If there are not exactly `num_classes` distinct ones, or one is missing.
    """
    array = as_array(plain_labels(y), "y")
    if not _is_text(array):
        return None
    names = learned(Labels.of_array(array, "y"))[1]
    if len(names) != num_classes:
        raise ValueError(
            f"y must have {num_classes} distinct text labels to name the classes of the network, "
            f"got {len(names)}; set its class_names to all of them"
        )
    return names


def _is_text(array: np.ndarray) -> bool:
    if array.dtype.kind == "O" and array.ndim == 1:
        return any(isinstance(value, str) for value in array)
    return array.dtype.kind in "US"


def _in_order(class_names: Sequence[str]) -> bool:
    """Say whether the names are "0", "1", …, so that labels and indices are the same."""
    return all(name == str(at) for at, name in enumerate(class_names))


def _outside() -> int:
    """Return the stack level of the first caller outside this package."""
    import sys

    level, frame = 2, sys._getframe(2)
    while frame is not None and frame.f_globals.get("__name__", "").startswith("softxent"):
        level, frame = level + 1, frame.f_back  # type: ignore[assignment]
    return level
