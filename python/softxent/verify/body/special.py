"""The error function of arrays, which NumPy lacks."""

from __future__ import annotations

import math

import numpy as np

from softxent.verify.arithmetic import Array

_ERF = np.frompyfunc(math.erf, 1, 1)

#: Beyond this the error function is 1 in float64.
_ONE = 6.0


def erf(x: Array) -> Array:
    """2/sqrt(pi) times the integral of exp(-t^2) from 0 to x, with the digits of the C library."""
    x = np.asarray(x, dtype=np.float64)
    result = np.sign(x)
    inside = ~(np.abs(x) > _ONE)
    result[inside] = np.asarray(_ERF(x[inside]), dtype=np.float64)
    return result
