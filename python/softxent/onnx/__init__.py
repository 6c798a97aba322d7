"""ONNX files from and into the networks of `softxent.models`.

`export` writes a network with its logits, probabilities, loss or training step; `attach_loss` adds
the loss to a graph of other origin; `load` reads networks back. Files are checked before they are
written and distrusted when they are read: `ModelError` says what is wrong with one. Needs the
``onnx`` extra, imported on first use.
"""

from softxent.onnx.attaching import attach_loss
from softxent.onnx.errors import ModelError
from softxent.onnx.exporting import export
from softxent.onnx.loading import load

__all__ = ["ModelError", "attach_loss", "export", "load"]
