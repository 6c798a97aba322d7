"""Reading a net from a file of any kind."""

from __future__ import annotations

from pathlib import Path

from softxent import models
from softxent.models import MLP
from softxent.models.torch_bridge import UnknownActivationError


def load(path: str) -> MLP:
    """Load a net from an .onnx, .npz or .safetensors file."""
    if Path(path).suffix == ".onnx":
        from softxent import onnx

        return onnx.load(path)
    try:
        return models.load(path)
    except UnknownActivationError:
        raise ValueError(
            f"{path} does not say what stands between its linear layers: softxent export "
            "--from-torch with --activation makes an .onnx file of it, which does"
        ) from None
