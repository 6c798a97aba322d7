"""A file of softxent under test: what it claims, what its structure shows, what must come out."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from softxent.onnx import metadata
from softxent.onnx.architecture import State, fingerprint
from softxent.onnx.errors import ModelError
from softxent.onnx.files import check_plain
from softxent.onnx.graph import tensor_type
from softxent.onnx.options import Options
from softxent.onnx.recognise import Network, recognise
from softxent.onnx.view import View
from softxent.verify.facts import facts

#: What the values of a graph can mean; all but `prediction` are floating.
ROLES = ("loss", "logits", "log_probabilities", "probabilities", "prediction")

_OUTPUTS_OF_HEAD = {
    "logits": ("logits",),
    "probabilities": ("logits", "probabilities", "prediction"),
    "loss": ("loss", "logits", "log_probabilities"),
}


@dataclass(frozen=True)
class Subject:
    """A model that was read and looked at, but not yet run.

    Attributes
    ----------
    model : onnx.ModelProto
        The model, external data included.
    about : Metadata
        What it says of itself.
    network : Network or None
        What its structure shows; None if that is no multilayer perceptron.
    problems : tuple of str
        Where structure and claims contradict each other; each names an output.
    options : Options
        As stated in the metadata, or expected by the caller.
    roles : mapping of str to str
        What each output means; outputs of unknown meaning are missing.
    x, target : str
        Names of the inputs.
    """

    path: str
    model: onnx.ModelProto
    about: metadata.Metadata
    network: Network | None
    problems: tuple[str, ...]
    options: Options
    roles: Mapping[str, str]
    x: str
    target: str | None

    @property
    def binary(self) -> bool:
        """Whether there is one logit per sample, and a binary loss."""
        return self.network is not None and self.network.architecture.binary

    @property
    def claim(self) -> str:
        """One line on what the model is."""
        network = self.network
        kind = "no network that is known" if network is None else str(network.architecture)
        parts = [f"{kind}, {self.options.dtype}, head {self.options.head}"]
        if self.options.has_loss:
            o = self.options
            parts.append(
                f"reduction={o.reduction}, weight={short(o.weight)}, "
                f"ignore_index={o.ignore_index}, label_smoothing={o.label_smoothing:g}"
                + (f", focal_gamma={o.focal_gamma:g}" if o.focal_gamma else "")
            )
        return f"{'; '.join(parts)} (by its metadata)"

    def facts(self, rows: int) -> dict[str, Any]:
        """What a report says about the model and the programs that ran it."""
        return facts(self.path, self.model, self.claim, self.options, rows)

    @property
    def replaceable(self) -> bool:
        """Whether parameters can be replaced without changing the graph."""
        if self.network is None:
            return False
        return self.network.state is None or set(self.network.stored) == set(
            self.network.architecture.shapes
        )

    def with_state(self, state: State) -> onnx.ModelProto:
        """Copy the model with other parameters in the place of its own."""
        assert self.network is not None and self.replaceable
        names = {stored: state[name] for name, stored in self.network.stored.items()}
        model = onnx.ModelProto()
        model.CopyFrom(self.model)
        for tensor in model.graph.initializer:
            if tensor.name in names:
                tensor.CopyFrom(numpy_helper.from_array(names[tensor.name], tensor.name))
        return model

    @property
    def outputs(self) -> list[str]:
        """Names of all outputs."""
        return [output.name for output in self.model.graph.output]

    def input_dtype(self, name: str) -> np.dtype[Any]:
        """Type of an input."""
        return helper.tensor_dtype_to_np_dtype(self._tensor_type(name).elem_type)

    def shape(self, name: str) -> tuple[int, ...]:
        """Shape that the graph declares for an input or output, 0 where a size is free."""
        return tuple(int(size.dim_value) for size in self._tensor_type(name).shape.dim)

    def _tensor_type(self, name: str) -> onnx.TypeProto.Tensor:
        for value in [*self.model.graph.input, *self.model.graph.output]:
            if value.name == name:
                return value.type.tensor_type
        raise ModelError(f"{self.path}: the graph has no input {name!r}")


def read_subject(
    path: str | os.PathLike[str],
    model: onnx.ModelProto,
    about: metadata.Metadata,
    options: Mapping[str, Any],
) -> Subject:
    """Look at a model for verification.

    Parameters
    ----------
    path : path-like
        The file.
    model : onnx.ModelProto
        What it holds.
    about : Metadata
        What it says of itself.
    options : mapping
        Options of the loss that the caller expects; they replace what the file says, and a
        difference is a problem.

    Raises
    ------
    ModelError
        If the file is damaged, or is not one flat graph of standard operators.
    """
    try:
        check_plain(model)
    except ModelError as error:
        raise ModelError(f"{os.fspath(path)}: {error}") from error
    view = View(model)
    network, problems = _network(view, about)
    known = (*ROLES, *_train_step_outputs(about))
    roles = {name: name for name in view.outputs if name in known}
    stated = about.options
    problems += _parameter_problems(about, network, roles) + differences(stated, options)
    problems += _interface_problems(view, model, about)
    expected = replace(stated, **options)
    if network is not None and "weight" in options:
        expected.check_classes(max(network.architecture.outputs, 2))
    x = network.x if network is not None else next(iter(view.inputs), "x")
    target = "target" if "target" in view.inputs else None
    return Subject(
        os.fspath(path),
        model,
        about,
        network,
        tuple(problems),
        expected,
        roles,
        x,
        target,
    )


def short(weight: tuple[float, ...] | None) -> str:
    """Class weights, or their number if they are many."""
    if weight is None or len(weight) <= 4:
        return str(weight)
    return f"{len(weight)} class weights"


def _network(view: View, about: metadata.Metadata) -> tuple[Network | None, list[str]]:
    """Recognise the network."""
    try:
        return recognise(view, about), []
    except ModelError as error:
        return None, [str(error)]


def _parameter_problems(
    about: metadata.Metadata, network: Network | None, roles: Mapping[str, str]
) -> list[str]:
    """Compare the parameters in the file with their fingerprint from when it was written."""
    if about.parameters is None or network is None:
        return []
    if network.state is not None and fingerprint(network.state) == about.parameters:
        return []
    output = next(iter(roles), "logits")
    return [f"{output}: the parameters are not those that the file was written with"]


def _train_step_outputs(about: metadata.Metadata) -> tuple[str, ...]:
    parameters = tuple(about.shape.shapes)
    names = [f"{kind}.{name}" for kind in ("grad", "new") for name in parameters]
    velocities = [f"new.velocity.{name}" for name in parameters] if about.options.momentum else []
    return ("loss", *names, *velocities)


def differences(stated: Options, expected: Mapping[str, Any], output: str = "loss") -> list[str]:
    """Name the options that are not what the caller expects."""
    known = [field.name for field in fields(Options)]
    for name in expected:
        if name not in known:
            raise ValueError(f"expect may name {', '.join(known)}, got {name!r}")
    wanted = replace(stated, **expected)
    pairs = [(name, getattr(stated, name), getattr(wanted, name)) for name in expected]
    return [
        f"{output}: the file has {name}={found!r}, expected {value!r}"
        for name, found, value in pairs
        if found != value
    ]


def _interface_problems(view: View, model: onnx.ModelProto, about: metadata.Metadata) -> list[str]:
    """Compare outputs, operators and versions with what the metadata claim."""
    options, found = about.options, set(view.outputs)
    expected = set(
        _train_step_outputs(about)
        if options.head == "train_step"
        else _OUTPUTS_OF_HEAD[options.head]
    )
    problems = [f"{name}: the file has no such output" for name in sorted(expected - found)]
    problems += [
        f"{name}: the head {options.head!r} has no such output" for name in sorted(found - expected)
    ]
    problems += _type_problems(view, model, options)
    opset = max(item.version for item in model.opset_import if item.domain in ("", "ai.onnx"))
    if opset != options.opset:
        problems.append(
            f"{view.outputs[0]}: the file has opset {opset}, its metadata say {options.opset}"
        )
    operators = {node.op_type for node in view.nodes}
    if options.primitive and "SoftmaxCrossEntropyLoss" in operators:
        problems.append("loss: the metadata say primitive=True, but the loss is an operator")
    return problems


def _type_problems(view: View, model: onnx.ModelProto, options: Options) -> list[str]:
    """Compare the declared types and the free batch with what an export declares."""
    problems = []
    for value in model.graph.output:
        special = {"prediction": "int64", "loss": options.loss_dtype}
        wanted = special.get(value.name, options.dtype)
        found = value.type.tensor_type.elem_type
        if found != tensor_type(wanted):
            name = onnx.TensorProto.DataType.Name(found).lower()
            problems.append(f"{value.name}: has the type {name}, expected {wanted}")
    for value in model.graph.input:
        sizes = value.type.tensor_type.shape.dim
        if value.name in ("x", "target") and len(sizes) and sizes[0].dim_value:
            problems.append(
                f"{view.outputs[0]}: the batch of {value.name} is fixed at {sizes[0].dim_value}"
            )
    return problems
