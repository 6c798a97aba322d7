"""Log-sum-exp of data that arrives in pieces."""

from __future__ import annotations

__all__ = ["LogSumExp"]


class LogSumExp:
    """
    Streaming log-sum-exp: update with chunks, merge with other partial results.

    Parameters
    ----------
    shape : tuple of int, default ()
        Shape of the result, which is -inf before anything came in.

    Raises
    ------
    NotImplementedError
        Always: this class is not built yet.
    """

    def __init__(self, shape: tuple[int, ...] = ()) -> None:
        raise NotImplementedError("softxent.LogSumExp is not built yet")
