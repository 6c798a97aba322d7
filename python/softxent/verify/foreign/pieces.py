"""Results of several pieces of a batch put together, and values of any kind as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from softxent.verify.arithmetic import Array, Estimate
from softxent.verify.foreign.feeding import Piece


def as_values(value: Any, keys: Sequence[Any] | None) -> Array:
    """An output as an array; a sequence of maps as one row per map, in the order of the keys."""
    if isinstance(value, list) and value and isinstance(value[0], dict):
        order = list(value[0]) if keys is None else list(keys)
        return np.array([[row[key] for key in order] for row in value], np.float32)
    return np.asarray(value)


@dataclass
class Joined:
    """One output and what it should be, piece by piece."""

    pieces: list[Piece] = field(default_factory=list)
    got: list[Array] = field(default_factory=list)
    expected: list[Array] = field(default_factory=list)
    bounds: list[Estimate] = field(default_factory=list)

    def add(self, piece: Piece, got: Array, expected: Array, bound: Estimate) -> None:
        """Add a piece."""
        self.pieces.append(piece)
        self.got.append(got)
        self.expected.append(expected)
        self.bounds.append(bound)

    def joined(self) -> tuple[Array, Array, Estimate]:
        """All rows of the samples, without those that only filled up a piece.

        Of an output without a row per sample, as a loss, one entry per piece.
        """
        typical = [np.asarray(b.typical) for b in self.bounds if b.typical is not None]
        bound = Estimate(
            self._join([b.value for b in self.bounds]),
            self._join([b.error for b in self.bounds]),
            self._join(typical) if len(typical) == len(self.bounds) else None,
        )
        return self._join(self.got), self._join(self.expected), bound

    def _join(self, parts: Sequence[Array]) -> Array:
        pairs = list(zip(map(np.asarray, parts), self.pieces, strict=True))
        if all(part.ndim and len(part) == piece.rows for part, piece in pairs):
            return np.concatenate([part[: piece.kept] for part, piece in pairs])
        if len(pairs) == 1:
            return pairs[0][0]
        return np.concatenate([part.reshape(-1) for part, _ in pairs])
