"""
Softmax and cross-entropy of dask arrays, with the bits of the same arrays on one machine.

The functions are those of `softxent` and take their options. They are lazy; the arrays may be
chunked along any axes, that of the classes included, and the result has the same bits for every
chunking, every scheduler and every number of workers: sums are exact, and merged. Nothing is
rechunked but targets, weights and masks, which follow the chunks of the logits; a task holds one
chunk of each. The package comes with the extra ``dask``; docs/distributed.md has examples.
"""

from __future__ import annotations

from softxent._machine.optional import require

require("dask.array", "dask", "softxent.dask")

from ._binary import binary_cross_entropy  # noqa: E402
from ._fit import fit  # noqa: E402
from ._linear import linear_cross_entropy, linear_cross_entropy_and_grad  # noqa: E402
from ._losses import cross_entropy, cross_entropy_and_grad  # noqa: E402
from ._softmax import log_softmax, logsumexp, softmax  # noqa: E402

__all__ = [
    "binary_cross_entropy",
    "cross_entropy",
    "cross_entropy_and_grad",
    "fit",
    "linear_cross_entropy",
    "linear_cross_entropy_and_grad",
    "log_softmax",
    "logsumexp",
    "softmax",
]
