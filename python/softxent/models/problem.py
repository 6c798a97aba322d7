"""What a training is about: checked data, class weights and smoothing."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from softxent.models.network import Network

__all__ = ["Problem"]


@dataclass(frozen=True, eq=False)
class Problem:
    """
    Training and validation data in the form that the network computes with.

    Parameters
    ----------
    X : ndarray, shape (n, input_size)
        Training features.
    targets : ndarray
        Training targets in the form of the network's head.
    validation : tuple of ndarray, optional
        The same two for the validation data.
    weight : ndarray of float64, optional
        Class weights.
    smoothing : float
        Label smoothing.
    """

    X: np.ndarray
    targets: np.ndarray
    validation: tuple[np.ndarray, np.ndarray] | None
    weight: np.ndarray | None
    smoothing: float

    @classmethod
    def of(
        cls,
        net: Network,
        X: ArrayLike,
        y: ArrayLike,
        validation: tuple[ArrayLike, ArrayLike] | None,
        weight: ArrayLike | None,
        label_smoothing: float,
    ) -> Problem:
        """
        Check the arguments of `fit` that depend on the network.

        Raises
        ------
        TypeError, ValueError, IndexError
            As `Model.fit`.
        """
        features, targets, weights, smoothing = net.check(X, y, weight, label_smoothing)
        _check_usable(net, "X", features, targets, weights)
        pair = None
        if validation is not None:
            if not isinstance(validation, tuple | list) or len(validation) != 2:
                raise TypeError(f"validation must be a pair (X, y), got {validation!r:.80}")
            try:
                pair = net.check(*validation, weight, label_smoothing)[:2]
            except (TypeError, ValueError, IndexError) as error:
                error.args = (f"validation data: {error}",)
                raise
            _check_usable(net, "validation X", *pair, weights)
        return cls(features, targets, pair, weights, smoothing)

    def __len__(self) -> int:
        """Return the number of training samples."""
        return len(self.X)

    def digest(self) -> str:
        """Return a digest of everything, by which another problem is recognised."""
        state = hashlib.blake2b(digest_size=16)
        for array in (self.X, self.targets, *(self.validation or ()), self.weight):
            if array is None:
                state.update(b"none")
            else:
                state.update(f"{array.dtype} {array.shape}".encode())
                state.update(np.ascontiguousarray(array).data)
        state.update(repr(self.smoothing).encode())
        return state.hexdigest()


def _check_usable(
    net: Network, name: str, X: np.ndarray, targets: np.ndarray, weight: np.ndarray | None
) -> None:
    """Refuse data from which nothing can be learned."""
    if len(X) == 0:
        raise ValueError(f"{name} must have at least one row, got shape {X.shape}")
    bad = np.argwhere(~np.isfinite(X))
    if bad.size:
        row, column = bad[0].tolist()
        raise ValueError(
            f"{name} must be finite, got {X[row, column]} in row {row}, column {column}"
        )
    if net.head.divisor(targets, weight) == 0:
        raise ValueError(f"weight gives 0 to every class that occurs in the labels of {name}")
