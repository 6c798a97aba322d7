"""The measured outputs: for every public call, which results are held against which bound.

A case is a function of (module under test, rows of logits, rng) that yields outcomes; the tests
assert them and `tools/accuracy.py` prints the worst ones.
"""

from .binary import CASES as _BINARY
from .losses import CASES as _LOSSES
from .others import CASES as _OTHERS
from .outcome import Case, Outcome
from .softmax import CASES as _SOFTMAX

CASES: dict[str, Case] = {**_SOFTMAX, **_LOSSES, **_BINARY, **_OTHERS}

__all__ = ["CASES", "Case", "Outcome"]
