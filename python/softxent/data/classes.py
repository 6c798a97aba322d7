"""The one rule for labels: which class a label means, for files, networks and the command line.

Labels are text or whole numbers. Without a network, whole numbers that are exactly 0..C-1 are
class indices; other whole numbers, and text, are names: the distinct values in their order, with
their text as the name. Against a network that has class names, text is looked up there; so are
whole numbers where all the names are texts of whole numbers, while they are indices where the
names are words.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from softxent._arguments.scalars import read_integer, shown
from softxent._arguments.wording import listed
from softxent.data.fields import whole_number
from softxent.data.labels import Labels

__all__ = ["indices", "learned", "looked_up", "numbered"]

# Class names are made for every class up to the number of classes: a stray huge number must not
# ask for gigabytes of them.
_MAX_CLASSES = 2**20
_INT64_MAX = np.iinfo(np.int64).max


def learned(labels: Labels) -> tuple[np.ndarray, tuple[str, ...], tuple[str, ...]]:
    """
    Make classes of labels, without a network that has some.

    Returns
    -------
    y : ndarray of int64, shape (n,)
        The class indices.
    class_names : tuple of str
        Text in sorted, numbers in numeric order.
    notes : tuple of str
        One line if whole numbers are not the class indices that they might be taken for.
    """
    ordered: list[Any] = sorted(labels.values)
    names = tuple(map(str, ordered))
    rank = {value: position for position, value in enumerate(ordered)}
    y = np.array([rank[value] for value in labels.values], dtype=np.int64)[labels.codes]
    if not labels.are_numbers or ordered == list(range(len(ordered))):
        return y, names, ()
    note = (
        f"the labels do not count 0, 1, 2, …: they are the names of the classes, {listed(names)} "
        "(num_classes=C takes whole numbers as class indices)"
    )
    return y, names, (note,)


def numbered(labels: Labels, num_classes: int) -> tuple[np.ndarray, tuple[str, ...]]:
    """
    Take whole numbers as class indices, with the names "0" to "C-1".

    Raises
    ------
    ValueError
        If a label is text or not in [0, num_classes), or there are too many classes to name.
    """
    count = read_integer(num_classes)
    if count is None:
        raise TypeError(f"num_classes must be an integer, got {shown(num_classes)}")
    if not 1 <= count <= _MAX_CLASSES:
        raise ValueError(f"num_classes must be from 1 to {_MAX_CLASSES}, got {shown(count)}")
    return indices(labels, num_classes), tuple(map(str, range(num_classes)))


def indices(labels: Labels, num_classes: int | None) -> np.ndarray:
    """
    Take whole numbers as class indices, below a number of classes if that is known.

    Raises
    ------
    ValueError
        If a label is text, negative or too large.
    """
    for position, value in enumerate(labels.values):
        if isinstance(value, str):
            raise labels.error(
                position,
                "class indices are whole numbers; there are no class names to look text up in",
            )
        if not 0 <= value < (_INT64_MAX if num_classes is None else num_classes):
            known = f"there are {num_classes} classes, " if num_classes is not None else ""
            raise labels.error(position, f"{known}class indices count from 0")
    return np.array(labels.values, dtype=np.int64)[labels.codes]


def looked_up(labels: Labels, class_names: Sequence[str]) -> np.ndarray:
    """
    Return the class indices of labels among the classes of a network.

    Raises
    ------
    ValueError
        If a label is none of the classes; the message lists them.
    """
    index: dict[str | int | None, int] = {name: at for at, name in enumerate(class_names)}
    known = f"the classes are {listed(class_names)}"
    if all(whole_number(name) is not None for name in class_names):
        # Names that are numbers may be spelled in more than one way.
        index |= {whole_number(name): at for at, name in enumerate(class_names)}
    elif labels.are_numbers:
        index = {at: at for at in range(len(class_names))}
        known = f"there are {len(class_names)} classes, {listed(class_names)}"
    found = []
    for position, value in enumerate(labels.values):
        key = value if value in index else whole_number(str(value))
        if key not in index:
            raise labels.error(position, known)
        found.append(index[key])
    return np.array(found, dtype=np.int64)[labels.codes]
