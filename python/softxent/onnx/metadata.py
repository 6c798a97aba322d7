"""What a file says about itself, in the metadata_props of the model."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import onnx

import softxent
from softxent.onnx.errors import ModelError
from softxent.onnx.options import Options

_PREFIX = "softxent."

#: Networks that a file may claim to hold; "attached" is any graph that attach_loss extended.
ARCHITECTURES = ("NeuralNet1", "NeuralNet2", "attached")


@dataclass(frozen=True)
class Metadata:
    """What softxent writes into every model.

    `logits` is the name of the value that the loss is computed from, `parameters` the fingerprint
    of the parameters in the file, None where it holds none of ours.
    """

    architecture: str
    options: Options
    class_names: tuple[str, ...] | None = None
    logits: str = "logits"
    parameters: str | None = None

    def props(self) -> dict[str, str]:
        """Encode as metadata_props."""
        props = {
            "version": softxent.__version__,
            "architecture": self.architecture,
            "head": self.options.head,
            "logits": self.logits,
            "options": self.options.to_json(),
        }
        if self.class_names is not None:
            props["class_names"] = json.dumps(self.class_names, ensure_ascii=False)
        if self.parameters is not None:
            props["parameters"] = self.parameters
        return {_PREFIX + key: value for key, value in props.items()}


def checked_class_names(names: Sequence[str] | None, num_classes: int) -> tuple[str, ...] | None:
    """Check that there is one name per class.

    Raises
    ------
    ValueError
        With the number of names and of classes.
    """
    if names is None:
        return None
    if len(names) != num_classes:
        raise ValueError(f"class_names must have {num_classes} names, got {len(names)}")
    return tuple(str(name) for name in names)


def read(model: onnx.ModelProto) -> Metadata | None:
    """Read what softxent wrote; None if another program made the model.

    Raises
    ------
    ModelError
        If the metadata is incomplete or contradicts itself.
    """
    props = {
        prop.key.removeprefix(_PREFIX): prop.value
        for prop in model.metadata_props
        if prop.key.startswith(_PREFIX)
    }
    if not props:
        return None
    missing = {"architecture", "head", "options", "logits"} - set(props)
    if missing:
        raise ModelError(f"the model's metadata lacks {', '.join(sorted(missing))}")
    if props["architecture"] not in ARCHITECTURES:
        raise ModelError(
            f"the model's metadata names the architecture {props['architecture']!r}, "
            f"not one of {', '.join(ARCHITECTURES)}"
        )
    options = Options.from_json(props["options"])
    if options.head != props["head"]:
        raise ModelError(
            f"the model's metadata names the head {props['head']!r} and {options.head!r}"
        )
    return Metadata(
        props["architecture"],
        options,
        _class_names(props.get("class_names")),
        props["logits"],
        props.get("parameters"),
    )


def _class_names(text: str | None) -> tuple[str, ...] | None:
    if text is None:
        return None
    try:
        names = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"the class names in the model's metadata are invalid: {error}") from error
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ModelError("the class names in the model's metadata must be a list of strings")
    return tuple(names)
