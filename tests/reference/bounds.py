"""The one table of accuracy bounds: the largest error allowed, in ULP.

The row is the quantity, the column the dtype of the logits; see :mod:`reference.ulp` for what one
ULP is. Docstrings of the package quote these numbers.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Bound(NamedTuple):
    """Largest allowed error in ULP per dtype of the input."""

    half: float
    single: float
    double: float

    def of(self, dtype: object) -> float:
        """The bound for inputs of a dtype."""
        name = np.dtype(dtype).name
        if name in ("float16", "bfloat16"):
            return self.half
        return {"float32": self.single, "float64": self.double}[name]


BOUNDS = {
    # every element, subnormal results included
    "softmax": Bound(1, 2, 2.5),
    # every element, the ones near zero included
    "log_softmax": Bound(1, 1, 2),
    # in ULP of max(abs(result), abs(largest input)); float32 result for 16-bit input
    "logsumexp": Bound(1, 1, 2),
    # one row, hard label; float32 result for 16-bit input
    "cross_entropy": Bound(1, 1, 2),
    # hard labels without smoothing, any reduction and weights, in ULP of the exact value
    "gradient_hard": Bound(1, 2, 3),
    # other targets, in ULP of the larger of p * sum(y') and y', times its scale
    "gradient_soft": Bound(1, 2, 4),
    # sigmoid, log_sigmoid, binary cross-entropy and its gradient
    "binary": Bound(1, 2, 3),
    # sums and means of losses, soft targets, Hessian diagonals, vector-Jacobian products, options;
    # in ULP of the largest term
    "combined": Bound(2, 4, 8),
}
