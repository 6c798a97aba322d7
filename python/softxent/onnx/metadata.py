"""What a file says about itself, in the metadata_props of the model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

import onnx

import softxent
from softxent._arguments import checks
from softxent.models.layers import Layers
from softxent.onnx.architecture import CLASSES
from softxent.onnx.errors import ModelError
from softxent.onnx.options import Options

#: What all of our keys start with.
PREFIX = "softxent."

#: Networks that a file may claim to hold; "attached" is any graph that attach_loss extended.
ARCHITECTURES = (*CLASSES, "attached")

#: What an attached loss adds to a graph, under these names where they are free.
RENAMED = ("target", "loss", "log_probabilities")


@dataclass(frozen=True)
class Metadata:
    """What softxent writes into every model.

    `logits` is the name of the value that the loss is computed from, `parameters` the fingerprint
    of the parameters in the file, None where it holds none of ours, `layers` the shape of an MLP,
    which its name does not say as those of NeuralNet1 and NeuralNet2 do. Of an attached loss,
    `binary` says that there is one logit per sample, and `renamed` what target, loss and
    log_probabilities are called where the graph had these names already.
    """

    architecture: str
    options: Options
    class_names: tuple[str, ...] | None = None
    feature_names: tuple[str, ...] | None = None
    logits: str = "logits"
    parameters: str | None = None
    binary: bool = False
    renamed: Mapping[str, str] = field(default_factory=dict)
    layers: Layers | None = None

    @property
    def shape(self) -> Layers:
        """The shape of the network; the sizes are 1 where its name does not say them."""
        return self.layers or Layers((1, 1, 1))

    def name_of(self, role: str) -> str:
        """Name of the input "target", or of the output "loss" or "log_probabilities"."""
        return self.renamed.get(role, role)

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
        if self.binary:
            props["binary"] = "true"
        if self.renamed:
            props["renamed"] = json.dumps(dict(self.renamed), ensure_ascii=False, sort_keys=True)
        if self.layers is not None:
            props["layers"] = json.dumps(asdict(self.layers))
        return {PREFIX + key: value for key, value in props.items()}


def read(model: onnx.ModelProto) -> Metadata | None:
    """Read what softxent wrote; None if another program made the model.

    Raises
    ------
    ModelError
        If the metadata is incomplete or contradicts itself.
    """
    props = {
        prop.key.removeprefix(PREFIX): prop.value
        for prop in model.metadata_props
        if prop.key.startswith(PREFIX)
    }
    if not props:
        return None
    needed = {"architecture", "head", "options", "logits"}
    needed |= {"layers"} if props.get("architecture") == "MLP" else set()
    missing = needed - set(props)
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
        props.get("binary") == "true",
        _renamed(props.get("renamed")),
        _layers(props["layers"]) if props["architecture"] == "MLP" else None,
    )


def _layers(text: str) -> Layers:
    try:
        layers = json.loads(text)
        sizes = checks.integers("sizes", layers.pop("sizes"), 1)
        checks.flag("bias", layers["bias"])
        return Layers(sizes, **layers)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ModelError(f"the layers in the model's metadata are invalid: {error}") from error


def _renamed(text: str | None) -> dict[str, str]:
    what = "the names of target and outputs in the model's metadata"
    try:
        names = json.loads(text or "{}")
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{what} are invalid: {error}") from error
    pairs = names.items() if isinstance(names, dict) else ()
    if len(pairs) != len(names) or not all(
        role in RENAMED and isinstance(name, str) for role, name in pairs
    ):
        raise ModelError(f"{what} must be strings for {', '.join(RENAMED)}, got {text}")
    return names


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
