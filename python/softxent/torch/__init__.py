"""
PyTorch's softmax and cross-entropy, computed by softxent on the CPU: change one import.

Functions have the signatures of `torch.nn.functional`, modules the constructors of `torch.nn`;
tensors in, tensors out, without a copy. What changes is in docs/torch.md: the accuracy, the speed,
and errors in the place of silent nonsense. Differentiable twice and more, and traceable by
`torch.compile`, `torch.export` and `torch.func`.
"""

from __future__ import annotations

from softxent._machine.optional import require

require("torch", "torch", "softxent.torch")

from . import _transforms as _transforms  # noqa: E402 - registers what autograd and vmap do
from ._linear import linear_cross_entropy  # noqa: E402
from ._losses import binary_cross_entropy_with_logits, cross_entropy, nll_loss  # noqa: E402
from ._modules import BCEWithLogitsLoss, CrossEntropyLoss, LinearCrossEntropyLoss  # noqa: E402
from ._softmax import log_softmax, logsumexp, softmax  # noqa: E402

__all__ = [
    "BCEWithLogitsLoss",
    "CrossEntropyLoss",
    "LinearCrossEntropyLoss",
    "binary_cross_entropy_with_logits",
    "cross_entropy",
    "linear_cross_entropy",
    "log_softmax",
    "logsumexp",
    "nll_loss",
    "softmax",
]
