"""A model from an ONNX file: the native network where it is one, else a classifier to be run."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from softxent._machine.optional import require
from softxent.onnx.errors import ModelError
from softxent.onnx.loading import load

if TYPE_CHECKING:
    from softxent.models import MLP
    from softxent.onnx.classifier import Classifier


def stated_names(
    path: str | os.PathLike[str],
) -> tuple[tuple[str, ...] | None, tuple[str, ...] | None]:
    """Return the names of classes and features that a file states, in metadata or in its graph.

    Raises
    ------
    OSError, ModelError
        If the file cannot be read, or contradicts itself.
    """
    require("onnx", "onnx", "softxent.onnx")
    from softxent.onnx import metadata
    from softxent.onnx.anatomy import anatomy
    from softxent.onnx.foreign import read_foreign

    model = read_foreign(path)
    try:
        about, parts = metadata.read(model), anatomy(model)
    except ModelError as error:
        raise ModelError(f"{os.fspath(path)}: {error}") from error
    features = about.feature_names if about is not None else None
    return parts.class_names, features or tuple(item.name for item in parts.columns) or None


def takes_labels(path: str | os.PathLike[str]) -> bool:
    """Say whether a graph has an input for labels.

    Raises
    ------
    OSError, ModelError
        As `stated_names`.
    """
    require("onnx", "onnx", "softxent.onnx")
    from softxent.onnx.anatomy import anatomy
    from softxent.onnx.foreign import read_foreign

    return anatomy(read_foreign(path)).target is not None


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
        holds a network of softxent must be one, quantised at most.
    """
    require("onnx", "onnx", "softxent.onnx")
    from softxent.onnx import metadata
    from softxent.onnx.files import read_model
    from softxent.onnx.foreign import was_converted

    given = {name: value for name, value in options.items() if value is not None}
    claim = None
    if not given and not further_inputs:
        try:
            return load(path)
        except ModelError:
            model = read_model(path)
            about = metadata.read(model)
            if about is not None and about.architecture != "attached":
                if not was_converted(model):
                    raise
                claim = f"the {about.architecture} that the file says it holds was converted: "
                claim += "its graph is run as it is"
    require("onnxruntime", "onnx", "running an ONNX file")
    from softxent.onnx.classifier import Classifier

    found = Classifier(path, **given)
    if claim is not None:
        found.notes = (claim, *found.notes)
    return found
