"""Networks exchanged with PyTorch."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from math import factorial, prod
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from softxent import log_sigmoid, log_softmax
from softxent._arguments.arrays import as_array
from softxent._machine.optional import require

if TYPE_CHECKING:
    import torch

    from softxent.models.layers import Layers
    from softxent.models.network import Network

__all__ = ["Stack", "UnknownActivationError", "fitting", "to_module"]

#: Modules of torch.nn by activation; nothing stands for the identity.
_MODULES = {"relu": "ReLU", "tanh": "Tanh", "sigmoid": "Sigmoid"}

_COUNTS = {None: "", 2: "two "}

#: Layers that could stand in more orders than this are not ordered by their shapes.
_MOST_ORDERS = 50_000


class UnknownActivationError(ValueError):
    """A state_dict with a hidden layer, which does not say its activation."""


@dataclass(frozen=True)
class Stack:
    """
    Linear layers in their order, from a module or state_dict.

    Parameters
    ----------
    parameters : dict of str to ndarray
        Weights and biases under the names "linear1.weight", "linear1.bias", and so on.
    """

    parameters: dict[str, np.ndarray]

    @classmethod
    def of(cls, source: Any, depth: int | None = None, *, ordered: bool = True) -> Self:
        """
        Copy the parameters of a module or state_dict.

        Parameters
        ----------
        source : torch.nn.Module or mapping of str to tensor or array
            Linear layers of any names. 16-bit values become float32, which holds them exactly.
            Biases that some of the layers lack are 0.
        depth : int, optional
            The number of layers that is expected.
        ordered : bool, default True
            Whether the parameters come in the order of the layers. safetensors files are sorted by
            name; then numbers in the names, or else the shapes, must tell the order.

        Raises
        ------
        TypeError
            If `source` is neither a module nor a mapping.
        ValueError
            If it does not have the parameters of linear layers and nothing else, or nothing tells
            their order.
        """
        state = source.state_dict() if callable(getattr(source, "state_dict", None)) else source
        if not isinstance(state, Mapping):
            raise TypeError(f"expected a torch module or a state_dict, got {type(state).__name__}")
        arrays = {str(name): _to_array(value) for name, value in state.items()}
        layers = _grouped(arrays)
        if layers is None or (depth is not None and len(layers) != depth):
            found = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
            raise ValueError(
                f"expected weight and bias of {_COUNTS[depth]}linear layers, "
                f"got {found or 'no parameters'}"
            )
        biased = any("bias" in layer for layer in layers.values())
        parameters = {}
        for position, name in enumerate(_in_order(layers, ordered), 1):
            weight = layers[name]["weight"]
            parameters[f"linear{position}.weight"] = weight
            if biased:
                zeros = np.zeros(len(weight), weight.dtype)
                parameters[f"linear{position}.bias"] = layers[name].get("bias", zeros)
        return cls(parameters)

    @property
    def depth(self) -> int:
        """Number of linear layers."""
        return sum(name.endswith(".weight") for name in self.parameters)

    @property
    def dtype(self) -> str:
        """The type that holds all parameters: float64 if one of them is, otherwise float32."""
        double = any(array.dtype == np.float64 for array in self.parameters.values())
        return "float64" if double else "float32"


def _grouped(arrays: Mapping[str, np.ndarray]) -> dict[str, dict[str, np.ndarray]] | None:
    """Collect weight and bias by layer; None if something else is among them, or nothing."""
    layers: dict[str, dict[str, np.ndarray]] = {}
    for name, array in arrays.items():
        layer, _, kind = name.rpartition(".")
        layers.setdefault(layer, {})[kind] = array
    for parts in layers.values():
        axes = {kind: array.ndim for kind, array in parts.items()}
        if axes not in ({"weight": 2, "bias": 1}, {"weight": 2}):
            return None
    return layers or None


def _in_order(layers: Mapping[str, Mapping[str, np.ndarray]], ordered: bool) -> list[str]:
    """
    Order layers so that each takes as many values as the one before it gives.

    Raises
    ------
    ValueError
        If no order or several are possible.
    """
    sizes = {name: layer["weight"].shape for name, layer in layers.items()}
    series = _series(sizes)
    given = next(iter(series.values())) if len(series) == 1 else list(sizes)
    if (ordered or len(series) == 1) and _fit(given, sizes):
        return given
    orders: list[list[str]] = []
    merges = factorial(len(sizes)) // prod(factorial(len(names)) for names in series.values())
    if merges <= _MOST_ORDERS:
        orders = list(islice(_orders(list(series.values()), sizes), 2))
        if len(orders) == 1:
            return orders[0]
    shapes = ", ".join(f"{name} {shape}" for name, shape in sizes.items())
    misfit = merges <= _MOST_ORDERS and not orders
    problem = "the layers do not fit together" if misfit else "names do not tell the order"
    raise ValueError(f"{problem}: {shapes}")


def _series(names: Iterable[str]) -> dict[str, list[str]]:
    """
    Collect layers whose names differ in numbers alone, in the order of these.

    As text, "10" comes before "2".
    """
    series: dict[str, list[str]] = {}
    for name in sorted(names, key=lambda name: [int(part) for part in re.findall(r"\d+", name)]):
        series.setdefault(re.sub(r"\d+", "#", name), []).append(name)
    return series


def _fit(order: Sequence[str], sizes: Mapping[str, tuple[int, ...]]) -> bool:
    return all(sizes[after][1] == sizes[before][0] for before, after in pairwise(order))


def _orders(
    series: list[list[str]], sizes: Mapping[str, tuple[int, ...]], begun: tuple[str, ...] = ()
) -> Iterator[list[str]]:
    """Give every order in which layers fit together and series keep theirs."""
    if len(begun) == len(sizes):
        yield list(begun)
    for position, names in enumerate(series):
        if names and _fit((*begun[-1:], names[0]), sizes):
            rest = [*series[:position], names[1:], *series[position + 1 :]]
            yield from _orders(rest, sizes, (*begun, names[0]))


def fitting(module: torch.nn.Module, nets: Mapping[str, Network]) -> str:
    """
    Find the network that computes a module's logits, probabilities or their logarithms.

    Parameters
    ----------
    module : torch.nn.Module
        The module; it is run in evaluation mode on random samples and left as it was.
    nets : mapping of str to Network
        Networks with the parameters of the module, by their activations.

    Returns
    -------
    str
        The activation.

    Raises
    ------
    ValueError
        If none of them does: the module has another activation, a further layer, …; or if several
        do, so that the module does not say its activation.
    """
    torch = require("torch", "torch", "from_torch")
    parameter = next(module.parameters())
    X = _samples(next(iter(nets.values())), torch.finfo(parameter.dtype).max)
    training = module.training
    module.eval()
    try:
        with torch.no_grad():
            output = module(torch.as_tensor(X).to(parameter.device, parameter.dtype))
    finally:
        module.train(training)
    if not isinstance(output, torch.Tensor):
        raise ValueError(
            "the module must return one tensor, logits or probabilities, "
            f"got {type(output).__name__}"
        )
    given = _to_array(output).astype(np.float64)
    # Half of the bits that the module computes with: far above rounding, far below any other
    # activation or layer.
    tolerance = torch.finfo(parameter.dtype).eps ** 0.5
    found = {name: _difference(given, net, X) for name, net in nets.items()}
    best, *others = sorted(found, key=lambda name: found[name])
    if not found[best] <= tolerance:
        raise ValueError(_misfit(given, nets[best], found[best], list(nets)))
    # A rounding error of 0 is as good as one of half an ulp.
    clear = 16 * max(found[best], tolerance**2)
    if others and found[others[0]] <= clear and nets[best].hidden_sizes:
        raise ValueError(
            f"the module computes the same with {best} and {others[0]}: give activation="
        )
    return best


def _samples(net: Network, largest: float) -> np.ndarray:
    """
    Draw features up to `largest`: as they are, and so large that the first sums are about 1.

    On sums near 0 a tanh is hardly told from no activation at all.
    """
    X = np.random.default_rng(0).standard_normal((64, net.input_size))
    weight = net.parameters["linear1.weight"].astype(np.float64)
    typical = float(np.median(np.abs(X @ weight.T)))
    scale = 1 / typical if 0 < typical < np.inf else 1.0
    return np.concatenate([X, min(scale, largest / 8) * X])


def _difference(given: np.ndarray, net: Network, X: np.ndarray) -> float:
    """Return the difference of a module's outputs from what they may be, relative."""
    logits = net.forward(X)
    log = log_sigmoid if net.head.outputs == 1 else log_softmax
    differences = [
        np.abs(given.reshape(array.shape) - array).max() / max(np.abs(array).max(), 1e-30)
        for array in (logits, net.predict_proba(X), log(logits))
        if given.size == array.size
    ]
    return float(np.nan_to_num(min(differences, default=np.inf), nan=np.inf))


def _misfit(given: np.ndarray, net: Network, difference: float, names: Sequence[str]) -> str:
    """Say that a module is not the network that it was taken for."""
    formula = "x"
    for layer in net.layers.names[:-1]:
        formula = f"a({layer}({formula}))" if len(names) > 1 else f"{names[0]}({layer}({formula}))"
    formula = f"{net.layers.names[-1]}({formula})"
    of = f", a being {', '.join(names[:-1])} or {names[-1]}" if len(names) > 1 else ""
    found = f"have shape {given.shape}" if np.isinf(difference) else f"differ by {difference:.3g}"
    return (
        f"the module is not {formula}{of}, with or without its final activation: its outputs for "
        f"random inputs {found}"
    )


def to_module(layers: Layers, parameters: Mapping[str, np.ndarray]) -> torch.nn.Module:
    """
    Make the module with these parameters.

    Parameters
    ----------
    layers : Layers
        The shape.
    parameters : mapping of str to ndarray
        The parameters.

    Returns
    -------
    torch.nn.Sequential
        linear1, relu, linear2 and so on, the activations numbered where there are several, and
        flatten behind one logit; it owns copies of the parameters.

    Raises
    ------
    ImportError
        If torch is not installed.
    """
    torch = require("torch", "torch", "to_torch")
    module = torch.nn.Sequential()
    kind = _MODULES.get(layers.activation)
    with torch.device("meta"):
        for position, (name, sizes) in enumerate(
            zip(layers.names, pairwise(layers.sizes), strict=True), 1
        ):
            module.add_module(name, torch.nn.Linear(*sizes, bias=layers.bias))
            if kind is not None and name != layers.names[-1]:
                number = str(position) if len(layers.hidden_sizes) > 1 else ""
                module.add_module(f"{layers.activation}{number}", getattr(torch.nn, kind)())
    if layers.outputs == 1:
        module.add_module("flatten", torch.nn.Flatten(0))
    # Assignment, rather than copying, keeps the dtype and draws nothing from torch's generator.
    tensors = {name: torch.tensor(array) for name, array in parameters.items()}
    module.load_state_dict(tensors, assign=True)
    return module


def _to_array(value: Any) -> np.ndarray:
    """Turn a tensor of any device and dtype into an array."""
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        if value.is_floating_point() and value.element_size() < 4:
            value = value.float()
        return value.numpy().copy()
    array = as_array(value, "a parameter")
    sixteen_bits = array.dtype == np.float16 or array.dtype.name == "bfloat16"
    return array.astype(np.float32) if sixteen_bits else array.copy()
