"""
The five functions of `scipy.special` that softxent computes, with SciPy's names and defaults.

Import them from here instead of from ``scipy.special``: the default axis is None, dtypes of results
are SciPy's, and what else differs stands in each function's Notes. Results are those of
`softxent.softmax` and its relatives, with their error bounds and bits; SciPy is not needed.
"""

from ._elementwise import expit, log_expit
from ._reductions import log_softmax, logsumexp, softmax

__all__ = ["expit", "log_expit", "log_softmax", "logsumexp", "softmax"]
