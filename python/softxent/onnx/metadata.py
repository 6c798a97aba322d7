"""What a file says about itself, in the metadata_props of the model."""

from __future__ import annotations

import json
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
    feature_names: tuple[str, ...] | None = None
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
        for kind in ("class_names", "feature_names"):
            if (names := getattr(self, kind)) is not None:
                props[kind] = json.dumps(names, ensure_ascii=False)
        if self.parameters is not None:
            props["parameters"] = self.parameters
        return {_PREFIX + key: value for key, value in props.items()}


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
        _names("class", props.get("class_names")),
        _names("feature", props.get("feature_names")),
        props["logits"],
        props.get("parameters"),
    )


def _names(kind: str, text: str | None) -> tuple[str, ...] | None:
    if text is None:
        return None
    what = f"the {kind} names in the model's metadata"
    try:
        names = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{what} are invalid: {error}") from error
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ModelError(f"{what} must be a list of strings")
    return tuple(names)
