"""A classifier of other origin as it is verified: its parts, its heads, what is not understood."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import onnx

from softxent.onnx.anatomy import Anatomy, Output, anatomy
from softxent.onnx.anatomy.logits import Logits
from softxent.onnx.anatomy.meaning import LossNode, attributes
from softxent.onnx.errors import ModelError
from softxent.onnx.exposing import with_logits
from softxent.onnx.foreign import accepted
from softxent.onnx.metadata import Metadata
from softxent.onnx.options import DTYPES, Options
from softxent.verify.missing import Missing
from softxent.verify.subject import differences, short

#: Roles that softxent's functions compute from logits.
NATIVE = ("loss", "log_probabilities", "probabilities", "prediction", "label")

#: Operators that compute a head from logits by themselves.
_PLAIN = (
    "Softmax", "LogSoftmax", "Sigmoid", "ArgMax", "SoftmaxCrossEntropyLoss",
)  # fmt: skip


@dataclass(frozen=True)
class Head:
    """An output that follows from the logits in a known way; `options` are those of a loss."""

    output: str
    role: str
    options: Options
    path: tuple[str, ...] = ()
    pair: bool = False

    @property
    def plain(self) -> bool:
        """Whether it is computed by an operator of its own, not written out in others."""
        return not self.path or self.path[0] in _PLAIN


@dataclass(frozen=True)
class Classifier:
    """A model that was read and looked at, but not yet run.

    Attributes
    ----------
    path : str
    model : onnx.ModelProto
        As it is in the file, functions taken apart.
    about : Metadata or None
        Of a loss that softxent attached.
    parts : Anatomy
        What the graph consists of.
    heads : tuple of Head
        Outputs that softxent's functions can judge.
    problems : tuple of str
        Where the file is not what its metadata or the caller say.
    """

    path: str
    model: onnx.ModelProto
    about: Metadata | None
    parts: Anatomy
    heads: tuple[Head, ...]
    problems: tuple[str, ...]

    @property
    def logits(self) -> Logits | None:
        """What the classes are decided by, where that is a value."""
        return self.parts.logits

    @cached_property
    def exposed(self) -> onnx.ModelProto:
        """The model with the logits as an output."""
        return self.model if self.logits is None else with_logits(self.model, self.logits)

    @property
    def outputs(self) -> list[str]:
        """Names of the outputs in the file."""
        return [output.name for output in self.model.graph.output]

    @property
    def losses(self) -> list[Head]:
        """Outputs that are losses."""
        return [head for head in self.heads if head.role == "loss"]

    @property
    def options(self) -> Options:
        """Those of the loss, or of what there is."""
        found = self.losses or list(self.heads)
        return found[0].options if found else Options(head="probabilities")

    @property
    def others(self) -> list[str]:
        """Outputs that are neither the logits nor judged by softxent's functions."""
        known = {head.output for head in self.heads}
        copies = {o.name for o in self.parts.outputs_of("logits") if not o.path}
        return [name for name in self.outputs if name not in known | copies]

    @property
    def claim(self) -> str:
        """One line on what the model is."""
        z = self.logits
        parts = ["a classifier of other origin"]
        if z is not None:
            classes = f" of {z.num_classes} classes" if z.num_classes else ""
            presumed = ", by their place" if z.presumed else ""
            parts.append(f"logits {z.name!r}{classes} ({z.dtype or 'of unknown type'}{presumed})")
        parts += [f"{head.role} {head.output!r}" for head in self.heads]
        if self.losses:
            o = self.options
            parts.append(
                f"reduction={o.reduction}, weight={short(o.weight)}, "
                f"ignore_index={o.ignore_index}, label_smoothing={o.label_smoothing:g}"
                + (f", focal_gamma={o.focal_gamma:g}" if o.focal_gamma else "")
            )
        return "; ".join(parts)

    def keys_of(self, output: str) -> list[Any] | None:
        """Keys of the maps of a ZipMap, in the order of their columns."""
        for node in self.model.graph.node:
            if node.op_type == "ZipMap" and output in node.output:
                stated = attributes(node)
                keys = stated.get("classlabels_int64s") or stated.get("classlabels_strings") or []
                return [key.decode() if isinstance(key, bytes) else key for key in keys]
        return None


def read_classifier(
    path: str | os.PathLike[str],
    model: onnx.ModelProto,
    about: Metadata | None,
    expected: Mapping[str, Any],
    logits: str | None,
) -> Classifier:
    """Look at a model of other origin, or at one that softxent attached a loss to.

    Parameters
    ----------
    path : path-like
        The file, for messages.
    model : onnx.ModelProto
        What it holds.
    about : Metadata or None
        What softxent wrote into it.
    expected : mapping
        Options of the loss that the caller expects.
    logits : str, optional
        The value that holds the logits.

    Raises
    ------
    ModelError
        If the file is damaged or contradicts itself.
    ValueError
        If `logits` is no value that can be the logits.
    """
    try:
        model = accepted(model)
        parts, problems = _parts(model, about, logits)
    except ModelError as error:
        raise ModelError(f"{os.fspath(path)}: {error}") from error
    heads = tuple(_heads(parts, about))
    losses = [head for head in heads if head.role == "loss"]
    stated = losses[0].options if losses else Options(head="loss")
    problems += differences(stated, expected, losses[0].output if losses else "loss")
    z = parts.logits
    if z is not None and z.num_classes and "weight" in expected:
        replace(stated, **expected).check_classes(z.num_classes)
    if expected:
        heads = tuple(
            replace(head, options=replace(head.options, **expected)) if head in losses else head
            for head in heads
        )
    return Classifier(os.fspath(path), model, about, parts, heads, tuple(problems))


def _parts(
    model: onnx.ModelProto, about: Metadata | None, logits: str | None
) -> tuple[Anatomy, list[str]]:
    """The parts of a graph; where a loss is ours, with the logits and names that it states."""
    if about is None or not about.options.has_loss:
        return anatomy(model, logits=logits), []
    computed = {name for node in model.graph.node for name in node.output}
    outputs = {output.name for output in model.graph.output}
    expected = {about.logits, *(about.name_of(role) for role in ("loss", "log_probabilities"))}
    problems = [f"{name}: the file has no such output" for name in sorted(expected - outputs)]
    stated = logits or (about.logits if about.logits in computed else None)
    return anatomy(model, logits=stated), problems


def _heads(parts: Anatomy, about: Metadata | None) -> Iterator[Head]:
    """Outputs that softxent's functions can compute from the logits."""
    z = parts.logits
    if z is None or (z.dtype or "float32") not in DTYPES or z.kind == "multilabel":
        return
    plain = Options(head="probabilities", dtype=z.dtype or "float32")
    attached = {}
    if about is not None and about.options.has_loss:
        attached = {about.name_of(role): role for role in ("loss", "log_probabilities")}
    for output in parts.outputs:
        role = attached.get(output.name, output.role)
        if role not in NATIVE or _rounded_to_steps(output):
            continue
        if role != "loss":
            yield Head(output.name, role, plain, output.path, output.pair)
        elif about is not None and output.name in attached:
            yield Head(output.name, role, about.options)
        elif (loss := _loss_of(parts, output)) is not None and not loss.unclear:
            yield Head(output.name, role, _options(loss, plain.dtype), output.path)


def _loss_of(parts: Anatomy, output: Output) -> LossNode | None:
    """The operator of a loss that is an output, perhaps handed through."""
    named = [loss for loss in parts.losses if loss.value == output.name]
    found = named or (list(parts.losses) if len(parts.losses) == 1 else [])
    return found[0] if found else None


def _rounded_to_steps(output: Output) -> bool:
    return any(step.startswith(("QuantizeLinear", "QLinear")) for step in output.path)


def _options(loss: LossNode, dtype: str) -> Options:
    return Options(
        head="loss",
        dtype=dtype,
        weight=loss.weight,
        ignore_index=loss.ignore_index,
        reduction=loss.reduction,
    )


def unknown_parts(parts: Anatomy) -> list[Missing]:
    """What is not understood about a graph and would be with an option."""
    return [
        Missing(gap.what, "logits", "--logits NAME") for gap in parts.gaps if gap.option == "logits"
    ]
