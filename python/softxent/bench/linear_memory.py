"""
Memory that `linear_cross_entropy_and_grad` needs on top of inputs and gradients.

Measured in a process of its own: elsewhere, what others have left behind would count too, or make
room. ``python -m softxent.bench.linear_memory ROWS FEATURES CLASSES`` prints the bytes.
"""

from __future__ import annotations

import subprocess
import sys

import numpy as np

import softxent
from softxent.bench.memory import peak_bytes

__all__ = ["linear_peak_share"]


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
    command = [sys.executable, "-m", "softxent.bench.linear_memory", *map(str, shape)]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    return int(printed) / (4 * shape[0] * shape[2]) if printed else None


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
