"""Files of classifiers of any origin: what is accepted of them, and functions taken apart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from graphlib import CycleError, TopologicalSorter
from heapq import heappop, heappush
from os import PathLike, fspath

import onnx
from onnx import checker, inliner, shape_inference

from softxent.onnx.errors import ModelError
from softxent.onnx.files import check_order, read_model
from softxent.onnx.tensors import all_tensors, check_tensor

#: Largest number of nodes that a graph may have after its functions are taken apart.
MAX_NODES = 200_000

#: First IR version in which a stored tensor need not be listed among the inputs. Older files that
#: do not list them are read by runtimes all the same.
_FREE_INITIALIZERS = 4

_Key = tuple[str, str, str]


def read_foreign(path: str | PathLike[str]) -> onnx.ModelProto:
    """Read a model of any origin, with its external data, and take its functions apart.

    Operators of any domain, graphs inside nodes and the element types of quantised models are
    accepted: who runs the model has to know them, and `softxent.onnx.anatomy` says what it does not
    understand. Nodes are put in order, as runtimes do.

    Raises
    ------
    OSError
        If the file cannot be opened.
    ModelError
        If the file is damaged, unsafe to read, or contradicts itself; a ValueError.
    """
    model = read_model(path)
    try:
        return accepted(model)
    except ModelError as error:
        raise ModelError(f"{fspath(path)}: {error}") from error


def accepted(model: onnx.ModelProto) -> onnx.ModelProto:
    """Put a model that was read in order, check it, and take its functions apart.

    Raises
    ------
    ModelError
        As `read_foreign`.
    """
    model.ir_version = max(model.ir_version, _FREE_INITIALIZERS)
    sort_nodes(model.graph)
    check_foreign(model)
    return inlined(model)


def was_converted(model: onnx.ModelProto) -> bool:
    """Whether a program that quantises or fuses graphs, and keeps their metadata, was at work."""
    return any(
        node.domain == "com.microsoft" or "Quantize" in node.op_type for node in model.graph.node
    )


def sort_nodes(graph: onnx.GraphProto) -> None:
    """Put the nodes of a graph into an order in which each comes after its operands.

    Some programs append what they add at the end. A graph that is in order, or has none because it
    is cyclic, stays as it is.
    """
    producers = {name: at for at, node in enumerate(graph.node) for name in node.output if name}
    before = [
        {producers[name] for name in operands(node) if name in producers} for node in graph.node
    ]
    if all(at > max(needed, default=-1) for at, needed in enumerate(before)):
        return
    after: dict[int, list[int]] = {}
    for at, needed in enumerate(before):
        for producer in needed:
            after.setdefault(producer, []).append(at)
    missing = [len(needed) for needed in before]
    ready = [at for at, count in enumerate(missing) if not count]
    order = []
    while ready:
        at = heappop(ready)
        order.append(at)
        for later in after.get(at, ()):
            missing[later] -= 1
            if not missing[later]:
                heappush(ready, later)
    if len(order) == len(before):
        nodes = [onnx.NodeProto.FromString(graph.node[at].SerializeToString()) for at in order]
        del graph.node[:]
        graph.node.extend(nodes)


def operands(node: onnx.NodeProto) -> set[str]:
    """Names that a node reads, and that the graphs inside it may read from outside."""
    names, waiting = set(filter(None, node.input)), [node]
    while waiting:
        for attribute in waiting.pop().attribute:
            for inner in [attribute.g, *attribute.graphs]:
                for nested in inner.node:
                    names.update(filter(None, nested.input))
                    waiting.append(nested)
                names.update(output.name for output in inner.output)
    return names


def check_foreign(model: onnx.ModelProto) -> None:
    """Refuse a model whose tensors or nodes cannot be what they say, or whose functions explode.

    Raises
    ------
    ModelError
        Naming the tensor or node.
    """
    graph = model.graph
    if graph.sparse_initializer or any(map(_has_sparse, _nodes(graph.node))):
        raise ModelError("the graph has sparse tensors")
    for tensor in all_tensors(model):
        check_tensor(tensor)
    check_order(graph)
    size = _expanded_size(model)
    if model.functions and size > MAX_NODES:
        raise ModelError(f"the functions of the model make {size} nodes, more than {MAX_NODES}")
    with _shapes_filled(model):
        try:
            checker.check_model(model)
        except (checker.ValidationError, shape_inference.InferenceError, ValueError) as error:
            raise ModelError(f"onnx refuses the model: {error}") from error


@contextmanager
def _shapes_filled(model: onnx.ModelProto) -> Iterator[None]:
    """Give inputs and outputs without a shape one: the checker wants it, runtimes infer it."""
    bare = [
        value.type.tensor_type
        for value in [*model.graph.input, *model.graph.output]
        if value.type.HasField("tensor_type") and not value.type.tensor_type.HasField("shape")
    ]
    for kind in bare:
        kind.shape.SetInParent()
    try:
        yield
    finally:
        for kind in bare:
            kind.ClearField("shape")


def inlined(model: onnx.ModelProto) -> onnx.ModelProto:
    """Put the nodes of the functions that a checked model defines in the place of their calls.

    Raises
    ------
    ModelError
        If onnx cannot do it.
    """
    if not model.functions:
        return model
    try:
        return inliner.inline_local_functions(model)
    except (RuntimeError, ValueError) as error:
        raise ModelError(f"the functions of the model cannot be taken apart: {error}") from error


def _expanded_size(model: onnx.ModelProto) -> int:
    """Number of nodes after all calls of functions are replaced."""
    bodies = {_key(f.domain, f.name, f.overload): list(_nodes(f.node)) for f in model.functions}
    calls = {
        key: {called for node in nodes if (called := _called(node)) in bodies}
        for key, nodes in bodies.items()
    }
    sizes: dict[_Key, int] = {}
    try:
        for key in TopologicalSorter(calls).static_order():
            sizes[key] = sum(sizes.get(_called(node), 1) for node in bodies[key])
    except CycleError as error:
        names = ", ".join(sorted({name for _, name, _ in error.args[1]}))
        raise ModelError(f"the functions {names} of the model call each other") from error
    return sum(sizes.get(_called(node), 1) for node in _nodes(model.graph.node))


def _called(node: onnx.NodeProto) -> _Key:
    return _key(node.domain, node.op_type, node.overload)


def _key(domain: str, name: str, overload: str) -> _Key:
    return domain, name, overload


def _nodes(nodes: Iterable[onnx.NodeProto]) -> Iterator[onnx.NodeProto]:
    """Nodes, and those of the graphs inside them."""
    for node in nodes:
        yield node
        for attribute in node.attribute:
            for inner in [attribute.g] * attribute.HasField("g") + list(attribute.graphs):
                yield from _nodes(inner.node)


def _has_sparse(node: onnx.NodeProto) -> bool:
    return any(
        attribute.HasField("sparse_tensor") or attribute.sparse_tensors
        for attribute in node.attribute
    )
