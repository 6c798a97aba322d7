"""How much memory of freed results is kept for the next ones, and the environment that sets it."""

from __future__ import annotations

import os
import sys

from softxent._arguments.scalars import read_integer, shown
from softxent._core import binding

__all__ = ["apply_pool_environment", "get_pool_limit", "set_pool_limit"]

_VARIABLE = "SOFTXENT_POOL_LIMIT"


def get_pool_limit() -> int:
    """
    Number of bytes of freed results that are kept for the next ones.

    Results beyond 32 MiB lie in memory that is kept when they are freed: at most four pieces, and
    so many bytes together. The next result of the same size then costs no page faults. The system
    may take what is kept when it runs short of memory. At start the number is the environment
    variable ``SOFTXENT_POOL_LIMIT``, or 256 MiB; 0 where the system has no such memory (Windows).
    No result depends on it. ``get_config()["pool_bytes"]`` is what is kept now.

    Returns
    -------
    int
        The number; 0 when nothing is kept.

    See Also
    --------
    set_pool_limit : change it.

    Examples
    --------
    >>> import softxent
    >>> softxent.get_pool_limit() >= 0
    True
    """
    return binding.pool_limit()


def set_pool_limit(nbytes: int) -> None:
    """
    Keep at most so many bytes of freed results from now on, in the whole process.

    What is kept beyond them goes back to the system at once. With 0 nothing is kept, and results
    of any size come from NumPy's own allocator.

    Parameters
    ----------
    nbytes : int
        The number, at least 0.

    Raises
    ------
    TypeError
        If `nbytes` is not an integer.
    ValueError
        If `nbytes` is negative or beyond the address space.

    See Also
    --------
    get_pool_limit : the number now, and what it is about.

    Notes
    -----
    Where nothing can be kept (Windows), every number is accepted and stays 0.

    Examples
    --------
    >>> import softxent
    >>> before = softxent.get_pool_limit()
    >>> softxent.set_pool_limit(0)  # give back what is kept, keep nothing
    >>> softxent.get_pool_limit()
    0
    >>> softxent.set_pool_limit(before)
    """
    count = read_integer(nbytes)
    if count is None:
        raise TypeError(f"the limit of the pool is {shown(nbytes)}; expected a whole number >= 0")
    if not 0 <= count <= sys.maxsize:
        raise ValueError(f"the limit of the pool is {shown(nbytes)}; expected a whole number >= 0")
    binding.set_pool_limit(count)


def apply_pool_environment() -> None:
    """
    Obey SOFTXENT_POOL_LIMIT; an empty value counts as not set.

    Raises
    ------
    ValueError
        If it is no number of bytes.
    """
    text = os.environ.get(_VARIABLE)
    if not text:
        return
    count = int(text) if text.isascii() and text.isdigit() and len(text) < 20 else -1
    if not 0 <= count <= sys.maxsize:
        raise ValueError(f"{_VARIABLE} is {text!r}; expected a whole number of bytes >= 0")
    binding.set_pool_limit(count)
