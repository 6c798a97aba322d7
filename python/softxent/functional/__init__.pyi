"""What the package offers; the types of its functions stand in `_signatures`, by topic."""

from ._loss_sum import LossSum
from ._signatures.binary import (
    binary_cross_entropy,
    binary_cross_entropy_and_grad,
    binary_cross_entropy_grad_hess,
)
from ._signatures.cross_entropy import (
    cross_entropy,
    cross_entropy_and_grad,
    cross_entropy_grad,
    cross_entropy_grad_hess,
    nll_loss,
    nll_loss_and_grad,
)
from ._signatures.linear import (
    linear_cross_entropy,
    linear_cross_entropy_and_grad,
)
from ._signatures.softmax import (
    log_sigmoid,
    log_softmax,
    log_softmax_grad,
    logsumexp,
    sigmoid,
    softmax,
    softmax_grad,
)
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
