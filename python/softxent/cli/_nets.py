"""Reading a net from a file of any kind."""

from __future__ import annotations

from pathlib import Path

from softxent import models
from softxent.models import NeuralNet1, NeuralNet2


def load(path: str) -> NeuralNet1 | NeuralNet2:
    """Load a net from an .onnx, .npz or .safetensors file."""
    if Path(path).suffix == ".onnx":
        from softxent import onnx

        return onnx.load(path)
    return models.load(path)
