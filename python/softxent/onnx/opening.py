"""A model from an ONNX file: the native network where it is one, else a classifier to be run."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from softxent._optional import require
from softxent.onnx.errors import ModelError
from softxent.onnx.loading import load

if TYPE_CHECKING:
    from softxent.models import MLP
    from softxent.onnx.classifier import Classifier


def open_model(
    path: str | os.PathLike[str], *, further_inputs: bool = False, **options: Any
) -> MLP | Classifier:
    """Open a file as what it is.

    Parameters
    ----------
    path : path-like
        The file.
    further_inputs : bool
        Whether there is more than samples to be fed, as no network of softxent needs.
    **options
        Those of `softxent.onnx.Classifier`; one that is not None makes it a classifier.

    Raises
    ------
    ImportError
        If onnx, or for a classifier onnxruntime, is not installed.
    OSError, ValueError
        As `softxent.onnx.load` and `softxent.onnx.Classifier`. A file that says of itself that it
        holds a network of softxent must be one.
    """
    require("onnx", "onnx", "softxent.onnx")
    from softxent.onnx import metadata
    from softxent.onnx.files import read_model

    given = {name: value for name, value in options.items() if value is not None}
    if not given and not further_inputs:
        try:
            return load(path)
        except ModelError:
            about = metadata.read(read_model(path))
            if about is not None and about.architecture != "attached":
                raise
    require("onnxruntime", "onnx", "running an ONNX file")
    from softxent.onnx.classifier import Classifier

    return Classifier(path, **given)
