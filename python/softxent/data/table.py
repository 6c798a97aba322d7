"""What a file or a table in memory holds, before labels become classes."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from softxent.data.labels import Labels

__all__ = ["Table"]


@dataclass(frozen=True, eq=False)
class Table:
    """
    Features with what belongs to them.

    Parameters
    ----------
    X : ndarray of real numbers, shape (n, features) or (n, height, width)
        The features.
    labels : Labels or None
        The labels.
    feature_names : tuple of str or None
        The names of the features.
    ids : ndarray of objects or None, shape (n,)
        The column that is handed on as it is.
    id_name : str or None
        Its name, or its position where it has none.
    notes : tuple of str
        What was decided while reading, in one line each.
    """

    X: np.ndarray
    labels: Labels | None = None
    feature_names: tuple[str, ...] | None = None
    ids: np.ndarray | None = None
    id_name: str | None = None
    notes: tuple[str, ...] = ()

    def taken(self, kept: np.ndarray | None, X: np.ndarray) -> Table:
        """Return the rows where `kept` is true, of which X are the features; None keeps all."""
        if kept is None:
            return replace(self, X=X)
        return replace(
            self,
            X=X,
            labels=None if self.labels is None else self.labels.taken(kept),
            ids=None if self.ids is None else self.ids[kept],
        )

    def noted(self, *notes: str) -> Table:
        """Return the same with further notes."""
        return replace(self, notes=(*self.notes, *notes))
