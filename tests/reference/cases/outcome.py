"""One measured output of one call."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import ModuleType
from typing import NamedTuple

import numpy as np

from ..bounds import BOUNDS
from ..softmax import Exact


class Outcome(NamedTuple):
    """Errors in ULP of every element of one output, and the bound they have to keep."""

    output: str
    bound: str
    errors: np.ndarray
    computed: np.ndarray
    exact: np.ndarray

    @property
    def worst(self) -> float:
        """The largest error; 0 for an empty output."""
        return float(np.max(self.errors, initial=0.0))

    def limit(self, dtype: object) -> float:
        """The bound in ULP for logits of a dtype."""
        return BOUNDS[self.bound].of(dtype)

    def describe_worst(self) -> str:
        """Where the largest error is, what was computed and what is exact."""
        index = np.unravel_index(int(np.argmax(self.errors)), self.errors.shape)
        got, want = float(self.computed[index]), float(self.exact[index])
        place = tuple(int(i) for i in index)
        return f"{self.output}{list(place)} = {got!r}, exactly {want!r}: {self.worst:.3f} ULP"


Case = Callable[[ModuleType, np.ndarray, np.random.Generator], Iterator[Outcome]]


def outcome(output: str, bound: str, computed: object, exact: Exact) -> Outcome:
    """Compare one computed output with its exact value."""
    computed = np.asarray(computed)
    return Outcome(output, bound, exact.error(computed), computed, exact.value.to_float())
