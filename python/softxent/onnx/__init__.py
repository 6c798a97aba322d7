"""ONNX files from and into the networks of `softxent.models`, and classifiers of any origin.

`export` writes a network with its logits, probabilities, loss or training step; `attach_loss` adds
the loss to a graph of other origin; `load` reads networks back; `Classifier` runs the file of any
classifier. Files are checked before they are written and distrusted when they are read:
`ModelError` says what is wrong with one, `NotUnderstoodError` what it does not tell. Needs the
``onnx`` extra, imported on first use.
"""

from typing import TYPE_CHECKING, Any

from softxent._machine.optional import require
from softxent.onnx.attaching import attach_loss
from softxent.onnx.errors import ModelError, NotUnderstoodError
from softxent.onnx.exporting import export
from softxent.onnx.loading import load

if TYPE_CHECKING:
    from softxent.onnx.classifier import Classifier

__all__ = ["Classifier", "ModelError", "NotUnderstoodError", "attach_loss", "export", "load"]


def __getattr__(name: str) -> Any:
    """Import `Classifier` when it is asked for: it needs onnx and onnxruntime."""
    if name != "Classifier":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    require("onnx", "onnx", "softxent.onnx.Classifier")
    require("onnxruntime", "onnx", "softxent.onnx.Classifier")
    from softxent.onnx.classifier import Classifier

    return Classifier
