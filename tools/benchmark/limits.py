"""What the memory allows: a copy of the logits, and reading them once, with the same threads."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from softxent._machine.optional import available
from softxent.bench.inputs import Array, Inputs
from softxent.bench.shapes import Case
from softxent.bench.timing import Call, Candidate

COPY, READ = "copy", "read"

#: Operations that write nothing of the size of the logits; reading is their limit.
_READERS = ("logsumexp", "loss")

#: Smaller arrays are copied by one NumPy thread: handing them over takes longer than the copy.
_SERIAL_BYTES = 1 << 18

#: Makes the call that copies the first array to the second, of the same shape.
Copy = Callable[[Array, Array], Call]
Read = Callable[[Array], Call]


def candidates(case: Case, inputs: Inputs, threads: int) -> list[Candidate]:
    """
    Make the candidates that show the physical limits.

    Parameters
    ----------
    case : Case
        The row; the linear layer, which is bound by arithmetic, has no such limit.
    inputs : Inputs
        Its arrays.
    threads : int
        How many threads share the work.

    Returns
    -------
    list of Candidate
        By PyTorch's copy and reduction if it is installed, else by NumPy's in threads.
    """
    if case.is_linear:
        return []
    copy, read = makers(threads)
    found = [Candidate(COPY, [copy(buffer.logits, inputs.out) for buffer in inputs.buffers])]
    if case.operation in _READERS:
        found.append(Candidate(READ, [read(_integers(b.logits)) for b in inputs.buffers]))
    return found


def makers(threads: int) -> tuple[Copy, Read]:
    """Give what makes calls that copy and read with so many threads."""
    return (_with_torch if available("torch") else _with_numpy)(threads)


def _integers(x: Array) -> Array:
    """The bits: the greatest of integers is found at the speed of memory for every dtype."""
    return x.reshape(-1).view(np.int16 if x.itemsize == 2 else np.int32)


def _with_torch(threads: int) -> tuple[Copy, Read]:
    torch = importlib.import_module("torch")
    tensor = importlib.import_module("softxent.bench.peers.torch").tensor
    torch.set_num_threads(threads)

    def copy(x: Array, out: Array) -> Call:
        source, destination = tensor(x), tensor(out)
        return lambda: destination.copy_(source)

    def read(x: Array) -> Call:
        source = tensor(x)
        return lambda: torch.amax(source)

    return copy, read


def _with_numpy(threads: int) -> tuple[Copy, Read]:
    pool = ThreadPoolExecutor(threads)

    def copy(x: Array, out: Array) -> Call:
        if x.nbytes < _SERIAL_BYTES:
            return lambda: np.copyto(out, x)
        sources, destinations = np.array_split(x, threads), np.array_split(out, threads)
        return lambda: list(pool.map(np.copyto, destinations, sources))

    def read(x: Array) -> Call:
        if x.nbytes < _SERIAL_BYTES:
            return lambda: np.maximum.reduce(x)
        parts = np.array_split(x, threads)
        return lambda: list(pool.map(np.maximum.reduce, parts))

    return copy, read
