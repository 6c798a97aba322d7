"""Networks exchanged with PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from softxent._arrays import as_array
from softxent._optional import require

if TYPE_CHECKING:
    import torch

__all__ = ["PARAMETERS", "check_module", "parameters_of", "to_module"]

#: Names of the parameters, in the order of PyTorch.
PARAMETERS = ("linear1.weight", "linear1.bias", "linear2.weight", "linear2.bias")


def parameters_of(source: Any) -> dict[str, np.ndarray]:
    """
    Copy the parameters of a module or state_dict.

    Parameters
    ----------
    source : torch.nn.Module or mapping of str to tensor or array
        Two linear layers with biases. Layers of other names ("0.weight", "fc1.weight", …) are
        taken in their order. 16-bit values become float32, which holds them exactly.

    Returns
    -------
    dict of str to ndarray
        Under the names of `PARAMETERS`.

    Raises
    ------
    TypeError
        If `source` is neither a module nor a mapping.
    ValueError
        If it does not have the parameters of exactly two linear layers with biases.
    """
    state = source.state_dict() if callable(getattr(source, "state_dict", None)) else source
    if not isinstance(state, Mapping):
        raise TypeError(f"expected a torch module or a state_dict, got {type(source).__name__}")
    arrays = {str(name): _to_array(value) for name, value in state.items()}
    if set(arrays) != set(PARAMETERS):
        if [array.ndim for array in arrays.values()] != [2, 1, 2, 1]:
            arrays = _by_layer(arrays)
        arrays = dict(zip(PARAMETERS, arrays.values(), strict=True))
    return {name: arrays[name] for name in PARAMETERS}


def _by_layer(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """
    Bring two layers into order by their names and shapes; safetensors files are sorted by name.

    Raises
    ------
    ValueError
        If they are not the weight and bias of two linear layers.
    """
    layers: dict[str, dict[str, np.ndarray]] = {}
    for name, array in arrays.items():
        layer, _, kind = name.rpartition(".")
        layers.setdefault(layer, {})[kind] = array
    shapes = [
        [layer[kind].ndim for kind in ("weight", "bias") if kind in layer]
        for layer in layers.values()
    ]
    if len(arrays) != 4 or shapes != [[2, 1], [2, 1]]:
        found = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        raise ValueError(
            f"expected weight and bias of two linear layers, got {found or 'no parameters'}"
        )
    first, second = layers
    if layers[second]["weight"].shape[1] != layers[first]["weight"].shape[0]:
        first, second = second, first
    return {
        f"{name}.{kind}": layers[name][kind]
        for name in (first, second)
        for kind in ("weight", "bias")
    }


def check_module(
    module: torch.nn.Module, input_size: int, expected: Callable[[np.ndarray], list[np.ndarray]]
) -> None:
    """
    Make sure that a module computes what the network made from it computes.

    Parameters
    ----------
    module : torch.nn.Module
        The module; it is run in evaluation mode on 64 random samples and left as it was.
    input_size : int
        Number of features.
    expected : callable
        Gives the outputs that are accepted for some features: logits and probabilities.

    Raises
    ------
    ValueError
        If the output is none of them: the module has another activation, a further layer, …
    """
    torch = require("torch", "torch", "from_torch")
    X = np.random.default_rng(0).standard_normal((64, input_size))
    parameter = next(module.parameters())
    training = module.training
    module.eval()
    try:
        with torch.no_grad():
            output = module(torch.as_tensor(X).to(parameter.device, parameter.dtype))
    finally:
        module.train(training)
    given = _to_array(output).astype(np.float64)
    # Half of the bits that the module computes with: far above rounding, far below any other
    # activation or layer.
    tolerance = torch.finfo(parameter.dtype).eps ** 0.5
    differences = [
        np.abs(given.reshape(array.shape) - array).max() / max(np.abs(array).max(), 1.0)
        for array in expected(X)
        if given.size == array.size
    ]
    if not differences or not min(differences) <= tolerance:
        found = f"differ by {min(differences):.3g}" if differences else f"have shape {given.shape}"
        raise ValueError(
            "the module is not linear2(relu(linear1(x))), with or without its final activation: "
            f"its outputs for random inputs {found}"
        )


def to_module(parameters: Mapping[str, np.ndarray], flatten: bool) -> torch.nn.Module:
    """
    Make the module with these parameters.

    Parameters
    ----------
    parameters : mapping of str to ndarray
        Under the names of `PARAMETERS`.
    flatten : bool
        Whether the output is (n,) rather than (n, outputs).

    Returns
    -------
    torch.nn.Sequential
        linear1, relu, linear2 (and flatten); it owns copies of the parameters.

    Raises
    ------
    ImportError
        If torch is not installed.
    """
    torch = require("torch", "torch", "to_torch")
    outputs, hidden_size = parameters["linear2.weight"].shape
    input_size = parameters["linear1.weight"].shape[1]
    module = torch.nn.Sequential()
    with torch.device("meta"):
        module.add_module("linear1", torch.nn.Linear(input_size, hidden_size))
        module.add_module("relu", torch.nn.ReLU())
        module.add_module("linear2", torch.nn.Linear(hidden_size, outputs))
    if flatten:
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
