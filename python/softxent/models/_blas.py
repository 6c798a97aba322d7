"""Matrix products on one thread where they are too small for several."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

from softxent._machine.optional import available, require

__all__ = ["SMALL", "suitable_threads"]

#: Products of fewer multiplications take about a millisecond on one core. The threads of a BLAS
#: gain little there, and wait for each other many times as long on a machine that is busy.
SMALL = 2**25


def suitable_threads(multiplications: int) -> AbstractContextManager[object]:
    """
    Limit the BLAS to one thread while the block runs, if its products are small.

    Parameters
    ----------
    multiplications : int
        Of the largest product.

    Returns
    -------
    context manager
        Without effect for large products, and where threadpoolctl is not installed.
    """
    if multiplications >= SMALL or not available("threadpoolctl"):
        return nullcontext()
    threadpoolctl = require("threadpoolctl", "cli", "the limit of the BLAS's threads")
    limits: AbstractContextManager[object] = threadpoolctl.threadpool_limits(1, user_api="blas")
    return limits
