"""Features brought to mean 0 and standard deviation 1."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from softxent._arguments.arrays import as_float
from softxent.data.matching import feature_names_in, matched_features

__all__ = ["Standardizer"]


@dataclass(frozen=True, eq=False)
class Standardizer:
    """
    The affine map x → (x - mean) / scale, one mean and scale per feature.

    Nets learn badly from features of very different sizes, so they are trained on standardised
    ones. The map then belongs to the model: `Network.fold_standardizer` multiplies it into
    the first layer, after which the net, and every file written from it, takes raw features.
    There is no hidden preprocessing step to forget at deployment.

    Parameters
    ----------
    mean, scale : ndarray of float64, shape (features,)
        The mean that is subtracted and the positive number that is divided by.
    feature_names : tuple of str, optional
        The names of the features, with which the columns of a table are matched.

    Raises
    ------
    ValueError
        If the two are not one-dimensional and of equal length, if one of them is not finite, or
        if a scale is not positive.

    Examples
    --------
    >>> from softxent.data import Standardizer
    >>> standardizer = Standardizer.fit([[1.0, 100.0], [3.0, 300.0]])
    >>> standardizer.transform([[1.0, 300.0]])
    array([[-1.,  1.]], dtype=float32)
    """

    mean: np.ndarray
    scale: np.ndarray
    feature_names: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        """Convert to float64 and check."""
        for name in ("mean", "scale"):
            array = as_float(getattr(self, name), name)
            object.__setattr__(self, name, np.array(array, dtype=np.float64))
        if self.mean.ndim != 1 or self.mean.shape != self.scale.shape:
            raise ValueError(
                "mean and scale must be one-dimensional and of equal length, got shapes "
                f"{self.mean.shape} and {self.scale.shape}"
            )
        if not (np.isfinite(self.mean).all() and np.isfinite(self.scale).all()):
            raise ValueError("mean and scale must be finite")
        if self.feature_names is not None and len(self.feature_names) != len(self.mean):
            raise ValueError(
                f"feature_names must have {len(self.mean)} names, got {len(self.feature_names)}"
            )
        if (self.scale <= 0).any():
            raise ValueError(f"scale must be positive, got {self.scale.min()}")

    @classmethod
    def fit(cls, X: ArrayLike) -> Standardizer:
        """
        Measure mean and standard deviation of every feature.

        Parameters
        ----------
        X : array_like of real numbers or table, shape (n, features)
            The training features; n must be at least 1. A table of pandas, polars or pyarrow gives
            its column names too.

        Returns
        -------
        Standardizer
            With the population standard deviation (divisor n) as scale, and scale 1 for a
            feature that is constant.

        Raises
        ------
        ValueError
            If X is not two-dimensional, has no rows, or holds NaN or infinities.
        """
        names = feature_names_in(X)
        table = _table(X, names)
        if len(table) == 0:
            raise ValueError("X has no rows, so its mean is not defined")
        if not np.isfinite(table).all():
            raise ValueError("X must be finite")
        deviation = table.std(axis=0)
        # The computed deviation of equal values can be a rounding error instead of 0.
        constant = (table == table[0]).all(axis=0) | (deviation == 0)
        return cls(table.mean(axis=0), np.where(constant, 1.0, deviation), names)

    def transform(self, X: ArrayLike) -> np.ndarray:
        """
        Standardise features.

        Parameters
        ----------
        X : array_like of real numbers or table, shape (n, features)
            The features to map; columns with names may have any order.

        Returns
        -------
        ndarray of float32, shape (n, features)
            (X - mean) / scale, computed in float64 and rounded once.

        Raises
        ------
        ValueError
            If X has another number of features, or lacks one of them.
        """
        table = _table(X, self.feature_names)
        if table.shape[1] != len(self.mean):
            raise ValueError(f"X must have {len(self.mean)} features, got shape {table.shape}")
        return ((table - self.mean) / self.scale).astype(np.float32)


def _table(X: ArrayLike, names: tuple[str, ...] | None) -> np.ndarray:
    """Return X as a two-dimensional float64 array."""
    table = as_float(matched_features(X, names), "X").astype(np.float64, copy=False)
    if table.ndim != 2:
        raise ValueError(f"X must have shape (n, features), got {table.shape}")
    return table
