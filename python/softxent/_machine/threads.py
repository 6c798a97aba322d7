"""Number of threads and instruction set of this process, and the environment that sets them."""

from __future__ import annotations

import os
from types import TracebackType

from softxent._arguments.scalars import read_integer, shown
from softxent._core import binding

__all__ = ["apply_environment", "get_num_threads", "num_threads", "set_num_threads"]

_C_INT_MAX = 2**31 - 1
_EXPECTED = f"a whole number from 1 to {_C_INT_MAX}; more than 256 count as 256"


def get_num_threads() -> int:
    """
    Number of threads that the functions use.

    At start it is the environment variable ``SOFTXENT_NUM_THREADS``, or the number of processors
    that the process may run on. Small inputs use fewer. No result depends on it.

    Returns
    -------
    int
        The number, at least 1.

    See Also
    --------
    set_num_threads : change it.
    num_threads : change it for a block.

    Examples
    --------
    >>> import softxent
    >>> softxent.get_num_threads() >= 1
    True
    """
    return binding.get_num_threads()


def set_num_threads(n: int) -> None:
    """
    Set the number of threads for calls from now on, in the whole process.

    Parameters
    ----------
    n : int
        The number, at least 1; more than 256 count as 256.

    Raises
    ------
    TypeError
        If `n` is not an integer.
    ValueError
        If `n` is less than 1 or does not fit a C int.

    Examples
    --------
    >>> import softxent
    >>> softxent.set_num_threads(softxent.get_num_threads())
    """
    count = read_integer(n)
    if count is None:
        raise TypeError(f"the number of threads is {shown(n)}; expected {_EXPECTED}")
    if not (1 <= count <= _C_INT_MAX and binding.set_num_threads(count)):
        raise ValueError(f"the number of threads is {shown(n)}; expected {_EXPECTED}")


class num_threads:
    """
    Context manager: another number of threads inside a ``with`` block.

    The number belongs to the process, so calls from other Python threads see it as well.

    Parameters
    ----------
    n : int
        The number, at least 1; more than 256 count as 256.

    Raises
    ------
    TypeError
        If `n` is not an integer; raised on entry, as the next.
    ValueError
        If `n` is less than 1 or does not fit a C int.

    Examples
    --------
    >>> import softxent
    >>> with softxent.num_threads(1):
    ...     softxent.get_num_threads()
    1
    """

    def __init__(self, n: int) -> None:
        self._n = n
        self._before: list[int] = []

    def __enter__(self) -> None:
        before = get_num_threads()
        set_num_threads(self._n)
        self._before.append(before)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        set_num_threads(self._before.pop())


def apply_environment() -> None:
    """
    Obey SOFTXENT_NUM_THREADS and SOFTXENT_ISA; empty values count as not set.

    Raises
    ------
    ValueError
        If one of them has a value that cannot be obeyed, with the values that can.
    """
    count = os.environ.get("SOFTXENT_NUM_THREADS")
    if count:
        _set_from_text(count)
    isa = os.environ.get("SOFTXENT_ISA")
    if isa and not binding.select_isa(isa):
        usable = ", ".join(binding.usable_isas())
        raise ValueError(f"SOFTXENT_ISA is {isa!r}; expected one usable on this machine: {usable}")


def _set_from_text(text: str) -> None:
    count = int(text) if text.isascii() and text.isdigit() else 0
    if not (1 <= count <= _C_INT_MAX and binding.set_num_threads(count)):
        raise ValueError(f"SOFTXENT_NUM_THREADS is {text!r}; expected {_EXPECTED}")
