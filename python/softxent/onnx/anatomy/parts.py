"""The parts of a classifier of any origin: inputs, logits, losses and what its outputs mean."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import onnx

from softxent.onnx import metadata
from softxent.onnx.anatomy.logits import Logits, find_logits
from softxent.onnx.anatomy.meaning import PASSING, LossNode, Meaning, Meanings
from softxent.onnx.anatomy.sweep import meanings
from softxent.onnx.anatomy.values import Shape, ValueType, declared, value_types
from softxent.onnx.errors import ModelError

#: Roles that an output can have beside "scores", "choice" and "unknown".
ROLES = ("loss", "logits", "log_probabilities", "probabilities", "prediction", "label")


@dataclass(frozen=True)
class Input:
    """An input of the graph that no initializer fills.

    Attributes
    ----------
    name : str
    dtype : str
        As `ValueType.dtype`.
    shape : tuple of int, str or None, or None
        As declared.
    role : {"features", "column", "target", "other"}
        The samples; one column of them, where every column is an input of its own; what the losses
        compare with; or anything else.
    """

    name: str
    dtype: str
    shape: Shape | None
    role: str

    @property
    def batch(self) -> int | None:
        """The number of rows that the graph is fixed at; None where it is free."""
        first = self.shape[0] if self.shape else None
        return first if isinstance(first, int) else None


@dataclass(frozen=True)
class Output:
    """An output of the graph.

    Attributes
    ----------
    name : str
    dtype : str
        As `ValueType.dtype`; "sequence" for the maps of a ZipMap.
    shape : tuple of int, str or None, or None
    role : str
        One of `ROLES`; "scores", of which the largest decides the class, be they logits or
        probabilities; "choice", a class that is not that of the largest logit, as with a threshold
        of 0.3; or "unknown". A prediction is the index of a class, a label its name or number.
    path : tuple of str
        The operators between the logits and the output, in order: ("Softmax", "Cast"). A
        "QuantizeLinear" among them means that the output is rounded to the steps of an integer.
    pair : bool
        Whether probabilities have the two columns 1 - p and p of one logit.
    why : str
        Why the role is unknown; empty otherwise.
    """

    name: str
    dtype: str
    shape: Shape | None
    role: str
    path: tuple[str, ...] = ()
    pair: bool = False
    why: str = ""


@dataclass(frozen=True)
class Gap:
    """Something about a graph that is not understood.

    Attributes
    ----------
    what : str
        A sentence.
    option : str or None
        The argument that supplies it, "logits", "features" or "inputs"; None where none does.
    """

    what: str
    option: str | None = None


@dataclass(frozen=True)
class Anatomy:
    """What `anatomy` found.

    Attributes
    ----------
    logits : Logits or None
        What probabilities, predictions and losses are computed from; None where that is not
        understood, or where there is no such value, as in a forest.
    candidates : tuple of str
        The values that may be the logits, where there are several.
    inputs, outputs : tuple
        In the order of the graph.
    losses : tuple of LossNode
        The loss operators.
    class_names : tuple of str or None
        As the metadata or an operator states them; None where they are the numbers 0 to C - 1.
    gaps : tuple of Gap
        What is not understood.
    """

    logits: Logits | None
    candidates: tuple[str, ...]
    inputs: tuple[Input, ...]
    outputs: tuple[Output, ...]
    losses: tuple[LossNode, ...]
    class_names: tuple[str, ...] | None
    gaps: tuple[Gap, ...]

    @property
    def features(self) -> Input | None:
        """The input for the samples, where there is one."""
        return next((item for item in self.inputs if item.role == "features"), None)

    @property
    def target(self) -> Input | None:
        """The input for labels, where there is one."""
        return next((item for item in self.inputs if item.role == "target"), None)

    @property
    def columns(self) -> tuple[Input, ...]:
        """The inputs for single columns, in their order."""
        return tuple(item for item in self.inputs if item.role == "column")

    def outputs_of(self, role: str) -> Iterator[Output]:
        """All outputs of a role."""
        return (output for output in self.outputs if output.role == role)


def anatomy(
    model: onnx.ModelProto,
    *,
    logits: str | None = None,
    features: str | None = None,
    one_logit: bool = False,
) -> Anatomy:
    """Find the parts of a classifier by the structure of its graph.

    The graph is swept once from its inputs to its outputs. The logits are what a Softmax,
    LogSoftmax, Sigmoid, ArgMax or loss at the end is computed from, also where a softmax is written
    out in exponentials; the scores before the transformation inside a LinearClassifier or boosted
    trees of ai.onnx.ml; or the one floating output where no such operator is there. A softmax in
    the middle, as in attention, is none of these.

    Parameters
    ----------
    model : onnx.ModelProto
        As `softxent.onnx.files.read_model` gives it.
    logits : str, optional
        The value that holds the logits, where the graph does not tell.
    features : str, optional
        The input that takes the samples, where the graph does not tell.
    one_logit : bool
        Take an only output of one number per sample for a logit, though it may be a regression's.

    Returns
    -------
    Anatomy
        What is not understood is listed in `gaps`, and is no error.

    Raises
    ------
    ValueError
        If there is no value or input of the name given, or `logits` names probabilities.
    ModelError
        If the graph contradicts itself.
    """
    _check_names(model)
    types, found = value_types(model), meanings(model)
    search = find_logits(model, found, types, logits, one_logit=one_logit)
    center = search.logits
    gaps = [Gap(search.reason, search.option)] if search.reason else []
    inputs = _inputs(model, found, center, features)
    chosen = {found.exact_source(found.of(value.name).chosen or "") for value in model.graph.output}
    outputs = tuple(_output(value, found, center, chosen) for value in model.graph.output)
    gaps += _gaps(found, center, inputs)
    names = _class_names(model, found, center)
    return Anatomy(
        center, search.candidates, inputs, outputs, tuple(found.losses), names, tuple(gaps)
    )


def _check_names(model: onnx.ModelProto) -> None:
    """Refuse graphs in which a name stands for two values."""
    taken = {tensor.name for tensor in model.graph.initializer}
    taken |= {value.name for value in model.graph.input}
    for node in model.graph.node:
        for name in filter(None, node.output):
            if name in taken:
                raise ModelError(f"{name!r} is computed twice, by {node.op_type} and before it")
            taken.add(name)


def _inputs(
    model: onnx.ModelProto, found: Meanings, center: Logits | None, features: str | None
) -> tuple[Input, ...]:
    stored = {tensor.name for tensor in model.graph.initializer}
    values = {v.name: declared(v) for v in model.graph.input if v.name not in stored}
    if features is not None and features not in values:
        raise ValueError(f"the graph has no input {features!r}, but {', '.join(values) or 'none'}")
    needed = _needed(found, center, model)
    targets = _targets(found, set(values) - needed, model)
    samples = [name for name in values if name in needed and name not in targets]
    if features is not None:
        samples = [features]
    role = "features" if len(samples) == 1 else "other"
    if len(samples) > 1 and all(_is_column(values[name]) for name in samples):
        role = "column"
    roles = dict.fromkeys(values, "other") | dict.fromkeys(targets, "target")
    roles |= dict.fromkeys(samples, role)
    return tuple(Input(name, v.dtype, v.shape, roles[name]) for name, v in values.items())


def _needed(found: Meanings, center: Logits | None, model: onnx.ModelProto) -> set[str]:
    """Inputs that the logits need; those of all outputs where there are no logits."""
    if center is not None:
        return set(found.needs.get(center.origin, ()))
    targets = {name for loss in found.losses for name in found.needs.get(loss.target, ())}
    outputs = (found.needs.get(output.name, frozenset()) for output in model.graph.output)
    return set().union(*outputs) - targets


def _targets(found: Meanings, spare: set[str], model: onnx.ModelProto) -> set[str]:
    """Inputs for targets: those of the losses, or the only one that the logits do not need."""
    stated = {name for loss in found.losses for name in found.needs.get(loss.target, ())}
    if stated & spare:
        return stated & spare
    used = set().union(*(found.needs.get(output.name, ()) for output in model.graph.output))
    return spare & used if len(spare & used) == 1 else set()


def _is_column(value: ValueType) -> bool:
    return value.shape is not None and len(value.shape) in (1, 2) and value.shape[1:] in ((), (1,))


def _output(
    value: onnx.ValueInfoProto, found: Meanings, center: Logits | None, chosen: set[str]
) -> Output:
    kind, meaning = declared(value), found.of(value.name)
    path: tuple[str, ...] | None = None
    if center is not None:
        path = _path_from(center, value.name, found)
    if path is not None:
        return Output(value.name, kind.dtype, kind.shape, "logits", path)
    if meaning.role == "choice" and center is None:
        meaning = replace(meaning, role="label" if meaning.names else "prediction")
    why = _doubt(meaning, value.name, found, center)
    role = "unknown" if why else meaning.role
    if why and found.exact_source(value.name) in chosen:
        role = "scores"
    pair = meaning.pair and role == "probabilities"
    return Output(value.name, kind.dtype, kind.shape, role, meaning.path, pair, why)


def _path_from(center: Logits, value: str, found: Meanings) -> tuple[str, ...] | None:
    """Operators that only hand the logits through to a value; None if it is another value."""
    path: list[str] = []
    seen: set[str] = set()
    while value != center.name and value not in seen:
        seen.add(value)
        node = found.producers.get(value)
        if node is None or node.op_type not in PASSING or value != node.output[0]:
            return () if value == found.exact_source(center.name) and not path else None
        path.insert(0, node.op_type)
        value = node.input[0]
    return tuple(path) if value == center.name else None


def _doubt(meaning: Meaning, name: str, found: Meanings, center: Logits | None) -> str:
    """Why the meaning of an output is not its role; empty if it is."""
    if meaning.role == "derived":
        return f"it is computed from probabilities or a loss by {meaning.path[-1]}"
    if meaning.role not in (*ROLES, "choice"):
        node = found.producers.get(name)
        by = f"by {node.op_type}" if node is not None else "by no node"
        return f"it is computed {by}, and not from logits that are known"
    origin = meaning.raw or meaning.logits
    if origin is None:
        return ""
    if center is None:
        chosen = meaning.role in ("prediction", "label")
        return "" if chosen else "the logits are not known"
    if not center.is_origin(origin, found):
        return f"it is computed from {origin!r}, not from the logits {center.name!r}"
    return ""


def _gaps(found: Meanings, center: Logits | None, inputs: tuple[Input, ...]) -> Iterator[Gap]:
    several = [item.name for item in inputs if item.role == "other"]
    sources = found.needs.get(center.origin, frozenset()) if center is not None else frozenset()
    samples = [name for name in several if name in sources]
    roles = {item.role for item in inputs}
    if "features" not in roles and "column" not in roles and samples:
        names = ", ".join(samples)
        yield Gap(
            f"the logits need the inputs {names}: which of them takes the samples?", "features"
        )
    elif samples:
        yield Gap(f"the graph has the further inputs {', '.join(samples)}", "inputs")
    if center is not None and center.kind == "multilabel":
        yield Gap(
            f"{center.name!r} has {center.num_classes} columns, and each goes through a logistic "
            "function of its own: samples may have several labels"
        )
    for loss in found.losses:
        if loss.unclear:
            yield Gap(f"the loss {loss.value!r}: {loss.unclear}")


def _class_names(
    model: onnx.ModelProto, found: Meanings, center: Logits | None
) -> tuple[str, ...] | None:
    """Names in our metadata, or those that the operators at the end of the graph state."""
    about = metadata.read(model)
    if about is not None and about.class_names is not None:
        return about.class_names
    for output in model.graph.output:
        names = found.of(output.name).names
        if names and names != tuple(map(str, range(len(names)))):
            fits = center is None or center.num_classes in (None, len(names))
            return names if fits else None
    return None
