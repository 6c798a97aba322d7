"""The names that a model gives its classes and features."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["Names"]


@dataclass(frozen=True)
class Names:
    """
    What labels and columns are looked up in.

    Parameters
    ----------
    classes, features : tuple of str or None
        The names; None where the model has none.
    """

    classes: tuple[str, ...] | None = None
    features: tuple[str, ...] | None = None

    def labels(self, y: np.ndarray | None) -> np.ndarray | None:
        """Return class indices as the labels that a model with these names takes."""
        return y if y is None or self.classes is None else np.array(self.classes)[y]

    @classmethod
    def of_net(cls, net: Any) -> Names:
        """Return the names of a network."""
        return cls(net.class_names, net.feature_names)

    @classmethod
    def of_file(cls, path: str, net: Any = None) -> Names:
        """
        Return the names in the metadata of an ONNX file; those it lacks, of a network.

        Raises
        ------
        ImportError, OSError, ValueError
            If onnx is not installed, or the file cannot be read.
        """
        from softxent._optional import require

        require("onnx", "onnx", "softxent.onnx")
        from softxent.onnx import metadata
        from softxent.onnx.files import parse_model

        fallback = cls() if net is None else cls.of_net(net)
        about = metadata.read(parse_model(Path(path)))
        if about is None:
            return fallback
        return cls(about.class_names or fallback.classes, about.feature_names or fallback.features)
