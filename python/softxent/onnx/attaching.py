"""The public function `attach_loss`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from numpy.typing import ArrayLike

from softxent._arguments import checks
from softxent._machine.optional import require
from softxent.onnx import opsets
from softxent.onnx.errors import ModelError
from softxent.onnx.options import Options

if TYPE_CHECKING:
    import onnx

    from softxent.onnx.anatomy import Anatomy
    from softxent.onnx.anatomy.logits import Logits
    from softxent.onnx.graph import Graph

_FLOATS = ("float16", "float32", "float64")


def attach_loss(
    model_path: str | os.PathLike[str],
    logits_name: str | None,
    out_path: str | os.PathLike[str],
    *,
    weight: ArrayLike | None = None,
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    focal_gamma: float = 0.0,
    reduction: str = "mean",
    primitive: bool = False,
    target: str = "index",
    num_classes: int | None = None,
    class_names: Sequence[str] | None = None,
    rename: bool = False,
    convert: bool = False,
) -> None:
    """Add the loss of `softxent.cross_entropy` to any ONNX graph that computes logits.

    The new file has the inputs and outputs of the old one, an input ``target``, and the outputs
    ``loss``, ``log_probabilities`` and, if it was no output before, the logits under their own
    name. Data that was outside the file is taken into it, and functions of the model are taken
    apart. Where there is one logit per sample, (n,) or (n, 1), the loss is that of
    `softxent.binary_cross_entropy`: ``target`` is (n,) in the type of the logits, 0, 1 or a
    probability, and ``log_probabilities`` is (n,), of the second class.

    Parameters
    ----------
    model_path : path-like
        The model, of any IR version and of opset 13 or newer, quantised models included.
    logits_name : str or None
        The value of the graph that holds the logits, an output or an intermediate value, (n, C),
        (n,) or (n, 1). None takes what the structure of the graph shows to be the logits: what a
        softmax or argmax at its end is taken of, also inside a LinearClassifier, or the only
        output.
    out_path : path-like
        The file to write.
    weight, ignore_index, label_smoothing, focal_gamma, reduction, primitive, target
        As for `export`, for one logit too.
    num_classes : int, optional
        C, where the graph does not say it.
    class_names : sequence of str, optional
        Stored in the file; those that the model states by default.
    rename : bool
        Give other names to ``target``, ``loss`` and ``log_probabilities`` where the graph has them
        already: ``target_1`` and so on. The metadata say which.
    convert : bool
        Bring a graph of an older opset to opset 13 with the version converter of onnx.

    Raises
    ------
    ImportError
        If onnx is not installed.
    TypeError, ValueError
        If an option is out of range, there is no such value of that shape in the graph, it is the
        result of a softmax already, it is not clear which value holds the logits, or a name is
        taken; before anything is written.
    ModelError
        If the model is damaged or unsafe to read.
    OSError
        If a file cannot be read or written.

    Examples
    --------
    >>> from softxent.onnx import attach_loss
    >>> attach_loss("resnet.onnx", None, "resnet-loss.onnx")  # doctest: +SKIP
    """
    require("onnx", "onnx", "softxent.onnx")
    from softxent.onnx.anatomy.values import declare_shapes
    from softxent.onnx.exposing import expose_logits
    from softxent.onnx.files import write_model
    from softxent.onnx.foreign import read_foreign

    checks.text("logits_name", logits_name)
    if num_classes is not None:
        num_classes = checks.integer("num_classes", num_classes, 1)
    model = read_foreign(model_path)
    try:
        opset = _opset(model, convert)
        model = _converted(model) if opset < opsets.FIRST else model
        found = _anatomy(model, logits_name)
    except ModelError as error:
        raise ModelError(f"{os.fspath(model_path)}: {error}") from error
    site = _site(found, num_classes)
    options = Options(
        head="loss",
        opset=max(opset, opsets.FIRST),
        dtype=site.logits.dtype,
        primitive=primitive,
        weight=weight,  # type: ignore[arg-type]  # normalised to a tuple
        ignore_index=ignore_index,
        label_smoothing=label_smoothing,
        focal_gamma=focal_gamma,
        reduction=reduction,
        target=target,
    )
    _check_options(options, site)
    names = _names_of_loss(model, site.logits, rename)
    _append(model, site, names, options)
    expose_logits(model, site.logits)
    declare_shapes(model)
    _describe(model, found, site, names, options, class_names)
    write_model(model, out_path)


@dataclass(frozen=True)
class Site:
    """Where the loss goes: the logits, the first of their sizes, and C (2 for one logit)."""

    logits: Logits
    batch: int | str
    classes: int

    @property
    def binary(self) -> bool:
        """Whether there is one logit per sample."""
        return self.logits.kind == "binary"


def _opset(model: onnx.ModelProto, convert: bool) -> int:
    versions = [item.version for item in model.opset_import if item.domain in ("", "ai.onnx")]
    if not versions:
        model.opset_import.add(domain="", version=opsets.FIRST)
        return opsets.FIRST
    if versions[0] < opsets.FIRST and not convert:
        raise ModelError(
            f"the model must have opset {opsets.FIRST} or newer, got {versions[0]}; "
            f"convert=True brings it to {opsets.FIRST} with the version converter of onnx"
        )
    return int(versions[0])


def _converted(model: onnx.ModelProto) -> onnx.ModelProto:
    from onnx import version_converter

    try:
        return version_converter.convert_version(model, opsets.FIRST)
    except (RuntimeError, ValueError, IndexError) as error:
        reason = " ".join(str(error).split())
        raise ModelError(f"onnx cannot convert it to opset {opsets.FIRST}: {reason}") from error


def _anatomy(model: onnx.ModelProto, name: str | None) -> Anatomy:
    """Find the logits that were named, or the ones that there are."""
    from softxent.onnx.anatomy import anatomy

    found = anatomy(model, logits=name, one_logit=True)
    if found.logits is not None and (found.logits.kind != "multilabel" or name is not None):
        return found
    reason, several = found.gaps[0].what, ", ".join(found.candidates)
    candidates = f"; logits_name may be one of {several}" if several else ""
    raise ValueError(f"it is not clear which value holds the logits: {reason}{candidates}")


def _site(found: Anatomy, num_classes: int | None) -> Site:
    """Check type and shape of the logits."""
    logits = found.logits
    assert logits is not None
    name, shape = logits.name, logits.shape
    if not logits.dtype:
        raise ValueError(f"onnx cannot infer type and shape of {name!r}")
    if logits.dtype not in _FLOATS:
        raise ValueError(f"logits must be {', '.join(_FLOATS)}, but {name!r} is {logits.dtype}")
    batch = (shape[0] if shape else None) or "batch"
    fed = found.features.batch if found.features is not None else None
    if fed is not None and isinstance(batch, int) and batch != fed:
        raise ValueError(f"{name!r} has {batch} rows for {fed} samples, expected one for each")
    if logits.kind == "binary":
        if num_classes not in (None, 1, 2):
            raise ValueError(f"num_classes={num_classes}, but {name!r} is one logit of two classes")
        return Site(logits, batch, 2)
    if shape is not None and len(shape) != 2:
        raise ValueError(f"logits must have shape (n, C), but {name!r} has {len(shape)} axes")
    if logits.axis not in (1, -1):
        raise ValueError(f"logits must have shape (n, C), but the classes of {name!r} come first")
    if logits.num_classes and num_classes not in (None, logits.num_classes):
        raise ValueError(
            f"num_classes={num_classes}, but {name!r} has {logits.num_classes} classes"
        )
    classes = logits.num_classes or num_classes
    if not classes:
        raise ValueError(f"the graph does not say how many classes {name!r} has: give num_classes")
    if classes == 1:
        raise ValueError(
            f"{name!r} has 1 class, of which the cross-entropy is always 0: it needs 2 or more"
        )
    return Site(replace(logits, shape=(batch, classes)), batch, classes)


def _check_options(options: Options, site: Site) -> None:
    options.check_classes(site.classes)
    if site.binary:
        options.check_one_logit("one logit per sample")


def _names_of_loss(model: onnx.ModelProto, logits: Logits, rename: bool) -> dict[str, str]:
    """Names for the input and outputs of the loss that nothing in the graph has."""
    from itertools import count

    from softxent.onnx.metadata import RENAMED

    taken = _names(model.graph) | {logits.name}
    names = {}
    for role in RENAMED:
        if role in taken and not rename:
            raise ValueError(
                f"the name {role!r} is used twice in the graph: by the model and by what is "
                "attached to it; rename=True gives another name to the second"
            )
        tries = (f"{role}_{i}" if i else role for i in count())
        names[role] = next(name for name in tries if name not in taken)
    return names


def _append(model: onnx.ModelProto, site: Site, names: dict[str, str], options: Options) -> None:
    """Append the nodes of the loss to the graph of the model."""
    from softxent.onnx.graph import Graph

    taken = _names(model.graph) | {site.logits.name}
    g = Graph(options.dtype, options.loss_dtype, taken=taken)
    rows = (site.batch,)
    if site.binary:
        loss, log_p, shape = _binary_loss(g, site, names["target"], options)
    else:
        loss, log_p, shape = _class_loss(g, site, names["target"], options)
    g.output(names["loss"], loss, g.wide, rows if options.reduction == "none" else ())
    g.output(names["log_probabilities"], g.narrowed(log_p), g.dtype, shape)
    model.graph.node.extend(g.nodes)
    model.graph.initializer.extend(g.initializers)
    model.graph.input.extend(g.inputs)
    model.graph.output.extend(g.outputs)


_Results = tuple[str, str, tuple[int | str, ...]]


def _class_loss(g: Graph, site: Site, target: str, options: Options) -> _Results:
    """Names of loss and log-probabilities of C classes, and the shape of the second."""
    import numpy as np

    from softxent.onnx import cross_entropy

    shape = (site.batch, site.classes)
    if options.target == "index":
        g.input(target, np.int64, (site.batch,))
    else:
        g.input(target, g.dtype, shape)
    x = g.widened(site.logits.name)
    log_p = g.op("LogSoftmax", x, axis=-1)
    return cross_entropy.loss(g, x, log_p, target, site.classes, options), log_p, shape


def _binary_loss(g: Graph, site: Site, target: str, options: Options) -> _Results:
    """Names of loss and log-probabilities of one logit, and the shape of the second."""
    from softxent.onnx import binary

    g.input(target, g.dtype, (site.batch,))
    x = g.widened(g.op("Reshape", site.logits.name, g.integer([-1])))
    loss = binary.loss(g, x, g.widened(target), options)
    return loss, binary.log_sigmoid(g, x), (site.batch,)


def _names(graph: onnx.GraphProto) -> set[str]:
    """All names of values, those of graphs inside nodes included."""
    names = {i.name for i in graph.input} | {t.name for t in graph.initializer}
    for node in graph.node:
        names.update(node.input, node.output)
        for attribute in node.attribute:
            for inner in [attribute.g, *attribute.graphs]:
                names |= _names(inner)
    return names


def _describe(
    model: onnx.ModelProto,
    found: Anatomy,
    site: Site,
    names: dict[str, str],
    options: Options,
    class_names: Sequence[str] | None,
) -> None:
    """Add our metadata to that of the model."""
    from onnx import helper

    from softxent._arguments import checks
    from softxent.onnx import metadata

    stated = metadata.read(model)
    about = metadata.Metadata(
        "attached",
        options,
        checks.class_names(class_names or found.class_names, site.classes),
        stated.feature_names if stated is not None else None,
        logits=site.logits.name,
        parameters=stated.parameters if stated is not None else None,
        binary=site.binary,
        renamed={role: name for role, name in names.items() if role != name},
    )
    others = {
        prop.key: prop.value
        for prop in model.metadata_props
        if not prop.key.startswith(metadata.PREFIX)
    }
    del model.metadata_props[:]
    helper.set_model_props(model, others | about.props())
