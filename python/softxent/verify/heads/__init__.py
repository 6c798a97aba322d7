"""
What stands on the logits of a network: probabilities, class and loss.

In come logits, targets and the options of a graph. Out comes what the two kinds of heads make of
them, in each of the ways that a verification needs: by the functions of softxent, by those of
PyTorch, and in float64 with error bounds. A head is a file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from softxent.onnx.options import Options
from softxent.verify.arithmetic import Arithmetic, Array, Estimate
from softxent.verify.heads.sigmoid import Sigmoid
from softxent.verify.heads.softmax import Softmax
from softxent.verify.heads.terms import Terms
from softxent.verify.tolerance import Distribution

if TYPE_CHECKING:
    import torch

__all__ = ["Head", "head_of"]


class Head(Protocol):
    """
    What a kind of head computes.

    Attributes
    ----------
    ignores : bool
        Whether a label can be ignored.
    """

    ignores: bool

    def visible(self, columns: Any) -> Any:
        """Give an array or tensor of shape (n, outputs) the shape that graphs put out."""

    def probabilities(self, logits: Array) -> Array:
        """By softxent, as the next three."""

    def log_probabilities(self, logits: Array) -> Array: ...

    def prediction(self, logits: Array) -> Array: ...

    def loss_and_grad(self, logits: Array, target: Array, options: Options) -> tuple[Array, Array]:
        """The gradient has shape (n, outputs)."""

    def torch_probabilities(self, z: torch.Tensor) -> torch.Tensor:
        """By PyTorch, as the next three."""

    def torch_log_probabilities(self, z: torch.Tensor) -> torch.Tensor: ...

    def torch_prediction(self, z: torch.Tensor) -> torch.Tensor: ...

    def torch_loss(self, z: torch.Tensor, target: Array, options: Options) -> torch.Tensor: ...

    def distribution(self, logits: Estimate, arithmetic: Arithmetic) -> Distribution:
        """Estimate probabilities and their logarithms."""

    def terms(
        self, d: Distribution, target: Array, options: Options, arithmetic: Arithmetic
    ) -> Terms:
        """Estimate losses and their gradients in the logits."""


def head_of(outputs: int) -> Head:
    """The head of a network with so many logits per sample."""
    return Sigmoid() if outputs == 1 else Softmax()
