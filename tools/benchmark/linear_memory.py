"""
Memory that `linear_cross_entropy_and_grad` needs on top of inputs and gradients.

Measured in a process of its own: elsewhere, what others have left behind would count too, or make
room. ``linear_memory.py ROWS FEATURES CLASSES`` prints the bytes.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np

import softxent
from softxent.bench.timing import Call

__all__ = ["linear_peak_share", "peak_bytes"]

_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def linear_peak_share(shape: tuple[int, int, int]) -> float | None:
    """
    Measure the peak memory over inputs and gradients, as a share of all logits in float32.

    Parameters
    ----------
    shape : tuple of int
        Rows, hidden features, classes.

    Returns
    -------
    float or None
        None where the system keeps no account of peaks.
    """
    command = [sys.executable, __file__, *map(str, shape)]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    return int(printed) / (4 * shape[0] * shape[2]) if printed else None


def peak_bytes(call: Call) -> int | None:
    """
    Measure the growth of the resident memory while a call runs, its results included.

    Parameters
    ----------
    call : callable
        What to call, once; it should have run before.

    Returns
    -------
    int or None
        Bytes; None where the system keeps no such account.
    """
    try:
        _RESET.write_text("5")  # sets the high-water mark back to what is resident now
        before = _field("VmRSS")
    except OSError:
        return None
    result = call()
    peak = _field("VmHWM")
    del result
    return max(0, peak - before)


def _field(name: str) -> int:
    for line in _STATUS.read_text().splitlines():
        if line.startswith(name + ":"):
            return 1024 * int(line.split()[1])
    raise OSError(f"{_STATUS} has no field {name}")


def _arguments(rows: int, features: int, classes: int) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(0)
    hidden = rng.standard_normal((rows, features), np.float32)
    weight = rng.standard_normal((classes, features), np.float32) / np.float32(features**0.5)
    return hidden, weight, rng.integers(0, classes, rows)


def _extra_bytes(shape: tuple[int, int, int]) -> int | None:
    softxent.linear_cross_entropy_and_grad(*_arguments(64, 64, 64))  # the BLAS and its threads
    arguments = _arguments(*shape)
    peak = peak_bytes(lambda: softxent.linear_cross_entropy_and_grad(*arguments))
    return None if peak is None else peak - arguments[0].nbytes - arguments[1].nbytes


if __name__ == "__main__":
    rows, features, classes = (int(number) for number in sys.argv[1:])
    found = _extra_bytes((rows, features, classes))
    print("" if found is None else found)
