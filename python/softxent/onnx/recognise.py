"""Finding a multilayer perceptron in a graph by its structure, whatever its values are called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import onnx
from numpy.typing import NDArray

from softxent.onnx.activations import ACTIVATIONS
from softxent.onnx.architecture import Architecture
from softxent.onnx.errors import ModelError
from softxent.onnx.metadata import Metadata
from softxent.onnx.view import Linear, View

#: Operators that turn logits into probabilities, a prediction or a loss.
_HEADS = {
    "Softmax",
    "Sigmoid",
    "LogSoftmax",
    "ArgMax",
    "SoftmaxCrossEntropyLoss",
    "NegativeLogLikelihoodLoss",
}

#: Operators that make a further layer, so that what came before are no logits.
_LAYERS = {"Gemm", "MatMul", "Conv", "Relu", "LeakyRelu", "Elu", "Gelu", "Tanh", "PRelu", "Selu"}


@dataclass(frozen=True)
class Link:
    """A linear layer, and the one before it on which it stands through an activation.

    `activation` is that of the whole chain, empty for a first layer; `nodes` are those of the layer
    and of the activation before it.
    """

    layer: Linear
    previous: Link | None
    activation: str
    nodes: tuple[onnx.NodeProto, ...]


@dataclass(frozen=True)
class Chain:
    """Linear layers, each on the activation of the one before; `nodes` are those of both."""

    layers: tuple[Linear, ...]
    activation: str
    nodes: tuple[onnx.NodeProto, ...]

    @classmethod
    def ending(cls, last: Link) -> Self:
        """Collect the layers that end in one."""
        links, link = [last], last.previous
        while link is not None:
            links.append(link)
            link = link.previous
        nodes = tuple(node for link in links for node in link.nodes)
        layers = tuple(link.layer for link in reversed(links))
        return cls(layers, last.activation or "identity", nodes)

    @property
    def logits(self) -> str:
        """What the last layer gives."""
        return self.layers[-1].value

    def __str__(self) -> str:
        """Return the operations in words."""
        words = {"relu": "ReLU", "identity": ""}
        between = words.get(self.activation, self.activation.capitalize())
        if len(self.layers) > 4:
            return f"{len(self.layers)} Linear" + (
                f" with {between} between them" if between else ""
            )
        return f", {between}, ".replace(", , ", ", ").join(["Linear"] * len(self.layers))


@dataclass(frozen=True)
class Network:
    """What was found.

    `state` is None where the parameters are inputs of the graph; `stored` names the initializers
    that hold a parameter in the layout of `state`.
    """

    architecture: Architecture
    state: dict[str, NDArray[Any]] | None
    stored: dict[str, str]
    x: str
    logits: str


def recognise(view: View, about: Metadata | None = None) -> Network:
    """Find the one chain of linear layers that starts at an input of the graph and gives logits.

    Parameters
    ----------
    view : View
        The graph.
    about : Metadata, optional
        What the file claims to be; by default it is the most special class.

    Raises
    ------
    ModelError
        If there is no such chain, there are several, or it is not what the file claims, saying
        what was found instead.
    """
    if about is not None and about.architecture == "attached":
        about = None
    chains = _chains(view)
    if len(chains) != 1:
        raise ModelError(_explanation(view, chains))
    (chain,) = chains
    state = _state(chain)
    if state is not None:
        _check_end(view, chain)
    architecture = _architecture(view, chain, state, about)
    stored: dict[str, str] = {}
    for name, layer in zip(architecture.layers.names, chain.layers, strict=True):
        parts = zip((f"{name}.weight", f"{name}.bias"), layer.stored, strict=True)
        stored |= {parameter: initializer for parameter, initializer in parts if initializer}
    x = view.source(chain.layers[0].input)
    return Network(architecture, state, stored, x, chain.logits)


def _chains(view: View) -> list[Chain]:
    """Give the longest chains, one for each last value."""
    links: dict[str, Link] = {}
    for value in view.producers:
        layer = view.linear(value)
        if layer is not None and layer.value not in links:
            link = _link(view, layer, links)
            links |= {} if link is None else {layer.value: link}
    passed = {link.previous.layer.value for link in links.values() if link.previous is not None}
    # The product inside MatMul + Add is also a layer, without a bias.
    products = {
        view.source(operand)
        for link in links.values()
        if link.nodes[0].op_type == "Add"
        for operand in link.nodes[0].input
    }
    inner = passed | products
    return [Chain.ending(link) for value, link in links.items() if value not in inner]


def _link(view: View, layer: Linear, links: Mapping[str, Link]) -> Link | None:
    """Link a layer to the input of the graph or to the layer before it, if one activation does."""
    if view.source(layer.input) in view.inputs:
        return Link(layer, None, "", layer.nodes)
    node = view.producer(layer.input)
    name = None if node is None else ACTIVATIONS.get(node.op_type)
    through = (node,) if node is not None and name is not None else ()
    below = view.linear(through[0].input[0] if through else layer.input)
    previous = None if below is None else links.get(below.value)
    activation = name or "identity"
    if previous is None or previous.activation not in ("", activation):
        return None
    return Link(layer, previous, activation, (*layer.nodes, *through))


def _state(chain: Chain) -> dict[str, NDArray[Any]] | None:
    """Parameters in the file; biases that some of the layers lack are 0."""
    state: dict[str, NDArray[Any]] = {}
    biased = any(layer.biased for layer in chain.layers)
    for position, layer in enumerate(chain.layers, 1):
        if layer.weight is None:
            return None
        state[f"linear{position}.weight"] = layer.weight
        if biased:
            zeros = np.zeros(len(layer.weight), layer.weight.dtype)
            state[f"linear{position}.bias"] = zeros if layer.bias is None else layer.bias
    return state


def _check_end(view: View, chain: Chain) -> None:
    """Make sure that the last layer yields logits: no layer follows, and an output shows them."""
    own = {id(node) for node in chain.nodes}
    for node in view.nodes:
        if node.op_type in _LAYERS and id(node) not in own:
            raise ModelError(
                _other_activation(view)
                or f"logits: the graph has a further layer, {node.op_type} {node.output[0]!r}, "
                f"beside {chain}"
            )
    if not any(_shows(view, output, chain.logits) for output in view.outputs):
        raise ModelError(
            f"logits: no output is what {chain} compute, {chain.logits!r}, or a softmax, "
            "argmax or loss of it"
        )


def _shows(view: View, value: str, logits: str) -> bool:
    """Whether a value is the logits or comes from them through operators of _HEADS alone."""
    while view.source(value) != logits:
        node = view.producer(value)
        if node is None or node.op_type not in _HEADS:
            return False
        value = node.input[0]
    return True


def _architecture(
    view: View, chain: Chain, state: dict[str, NDArray[Any]] | None, about: Metadata | None
) -> Architecture:
    """Describe a chain, and compare it with what the file claims."""
    name = None if about is None else about.architecture
    if about is not None and chain.activation != about.shape.activation:
        found, stated = (_operator(a) for a in (chain.activation, about.shape.activation))
        raise ModelError(
            f"logits: the graph has {found} between its linear layers, expected {stated}"
        )
    try:
        given = _given(view, chain) if state is None else state
        architecture = Architecture.of_state(given, chain.activation, name)
    except ValueError as error:
        raise ModelError(f"logits: the graph is no {name or 'MLP'}: {error}") from error
    if about is not None and about.layers not in (None, architecture.layers):
        raise ModelError(
            f"logits: the graph is {architecture.layers}, its metadata say {about.layers}"
        )
    return architecture


def _operator(activation: str) -> str:
    operators = {name: operator for operator, name in ACTIVATIONS.items()}
    return operators.get(activation, "nothing")


def _given(view: View, chain: Chain) -> dict[str, NDArray[Any]]:
    """Arrays of the declared shapes of parameters that are inputs."""
    names = []
    for position in range(1, len(chain.layers) + 1):
        names.append(f"linear{position}.weight")
        if any(layer.biased for layer in chain.layers):
            names.append(f"linear{position}.bias")
    missing = set(names) - set(view.inputs)
    if missing:
        raise ModelError(f"logits: the graph has no inputs {', '.join(sorted(missing))}")
    shapes = {name: view.inputs[name].type.tensor_type.shape.dim for name in names}
    return {
        name: np.broadcast_to(0.0, [size.dim_value for size in shape])
        for name, shape in shapes.items()
    }


def _explanation(view: View, chains: list[Chain]) -> str:
    """Say what stands where a chain of linear layers should."""
    if chains:
        return f"logits: the graph has {len(chains)} chains of linear layers, expected one"
    operators = ", ".join(sorted({node.op_type for node in view.nodes}))
    return _other_activation(view) or (
        "logits: the graph does not start with linear layers on an input; "
        f"its operators are {operators or 'none'}"
    )


def _other_activation(view: View) -> str:
    """Name what stands between two linear layers and is none of the activations."""
    expected = "Relu, Tanh, Sigmoid or nothing, the same between all"
    for value in view.producers:
        layer = view.linear(value)
        middle = None if layer is None else view.producer(layer.input)
        if layer is None or middle is None or not middle.input or middle.op_type in ACTIVATIONS:
            continue
        if view.linear(middle.input[0]) is not None and view.linear(layer.input) is None:
            return (
                f"logits: the graph has {middle.op_type} between its linear layers, expected "
                f"{expected}"
            )
    return ""
