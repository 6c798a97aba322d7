"""The names that a model gives its classes and features."""

from __future__ import annotations

from dataclasses import dataclass
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
        Return the names that an ONNX file states; those it lacks, of a network.

        Raises
        ------
        ImportError, OSError, ValueError
            If onnx is not installed, or the file cannot be read.
        """
        from softxent.onnx.opening import stated_names

        fallback = cls() if net is None else cls.of_net(net)
        classes, features = stated_names(path)
        return cls(classes or fallback.classes, features or fallback.features)
