"""
Softmax, cross-entropy and their relatives over NumPy arrays.

In come arrays and options as users pass them, out come results. Everything here is also in the
top-level namespace. Modules whose call overhead matters are compiled: they try plain arguments
first, and leave everything else to `softxent._arguments`, as the others do at once.
"""

from ._binary import (
    binary_cross_entropy,
    binary_cross_entropy_and_grad,
    binary_cross_entropy_grad_hess,
)
from ._cross_entropy import cross_entropy, cross_entropy_and_grad
from ._derivatives import cross_entropy_grad, cross_entropy_grad_hess
from ._elementwise import log_sigmoid, sigmoid
from ._linear import linear_cross_entropy, linear_cross_entropy_and_grad
from ._loss_sum import LossSum
from ._nll import nll_loss, nll_loss_and_grad
from ._products import log_softmax_grad, softmax_grad
from ._softmax import log_softmax, logsumexp, softmax
from ._streaming import LogSumExp

__all__ = [
    "LogSumExp",
    "LossSum",
    "binary_cross_entropy",
    "binary_cross_entropy_and_grad",
    "binary_cross_entropy_grad_hess",
    "cross_entropy",
    "cross_entropy_and_grad",
    "cross_entropy_grad",
    "cross_entropy_grad_hess",
    "linear_cross_entropy",
    "linear_cross_entropy_and_grad",
    "log_sigmoid",
    "log_softmax",
    "log_softmax_grad",
    "logsumexp",
    "nll_loss",
    "nll_loss_and_grad",
    "sigmoid",
    "softmax",
    "softmax_grad",
]
