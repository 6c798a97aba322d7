"""Names that a network takes from the data that it is trained on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from softxent.data.matching import class_names_in, feature_names_in
from softxent.models.network import Network

__all__ = ["named_by"]


@contextmanager
def named_by(net: Network, X: Any, y: Any) -> Iterator[None]:
    """
    Give a network without names those of a table's columns and of text labels.

    If the block raises, the names are as before: data that were refused leave no trace.

    Raises
    ------
    ValueError
        If text labels do not name as many classes as the network has.
    """
    before = net.feature_names, net.class_names
    try:
        names = feature_names_in(X) if net.feature_names is None else None
        if names is not None and len(names) == net.input_size:
            net.feature_names = names
        if net.class_names is None:
            net.class_names = class_names_in(y, net.num_classes)
        yield
    except BaseException:
        net.feature_names, net.class_names = before
        raise
