"""Everything that a network can be exported from, as a native network."""

from __future__ import annotations

import os
import pickle
from collections.abc import Mapping
from typing import Any

from softxent._machine.optional import require
from softxent.models import MLP, load
from softxent.models.nets import specialised

_TORCH_ENDINGS = (".pt", ".pth", ".bin")


def as_net(source: Any, activation: str | None = None) -> MLP:
    """Make a native network of a network, module, state_dict or file.

    Parameters
    ----------
    source : MLP, NeuralNet1, NeuralNet2, torch.nn.Module, mapping or path
        A network; a PyTorch module or state_dict of linear layers with one activation between
        them; or a file: .npz, .safetensors, or .pt/.pth/.bin with a state_dict, which is loaded
        with ``weights_only``, so that no code in it is run.
    activation : {"relu", "tanh", "sigmoid", "identity"}, optional
        What stands between the layers of a state_dict, which does not say it.

    Returns
    -------
    MLP, NeuralNet1 or NeuralNet2
        Where the class is not stated, the most special one.

    Raises
    ------
    TypeError
        If `source` is none of these.
    ValueError
        If it is no such network, a file holds anything but parameters, or nothing says the
        activation.
    """
    if isinstance(source, MLP):
        if activation not in (None, source.activation):
            raise ValueError(
                f"the net has the activation {source.activation!r}, got activation={activation!r}"
            )
        return source
    if not isinstance(source, str | os.PathLike):
        if not isinstance(source, Mapping) and not callable(getattr(source, "state_dict", None)):
            also = ", which has to_onnx" if callable(getattr(source, "to_onnx", None)) else ""
            raise TypeError(
                "expected a network of softxent, a torch module, a state_dict or the path of a "
                f"file, got {type(source).__name__}{also}"
            )
        return specialised(MLP.from_torch(source, activation=activation))
    if not os.fspath(source).lower().endswith(_TORCH_ENDINGS):
        return load(source, activation=activation)
    state = _read_state_dict(source)
    try:
        return specialised(MLP.from_torch(state, activation=activation))
    except ValueError as error:
        error.args = (f"{os.fspath(source)}: {error}",)
        raise


def _read_state_dict(path: str | os.PathLike[str]) -> Mapping[str, Any]:
    torch = require("torch", "torch", f"reading {os.fspath(path)}")
    name = os.fspath(path)
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        # torch's message recommends to run the code all the same.
        raise ValueError(
            f"{name} is no state_dict that can be loaded without running code from the file: "
            "save module.state_dict(), not the module"
        ) from error
    except (RuntimeError, EOFError, KeyError, UnicodeDecodeError) as error:
        raise ValueError(f"{name} is not a file that torch can read, or a damaged one") from error
    if not isinstance(state, Mapping):
        raise ValueError(f"{name} holds a {type(state).__name__}, not a state_dict")
    return _only_state_dict(state, torch)


def _only_state_dict(contents: Mapping[str, Any], torch: Any) -> Mapping[str, Any]:
    """Take the state_dict out of a checkpoint that holds just one beside other things."""
    found = [
        value
        for value in contents.values()
        if isinstance(value, Mapping)
        and value
        and all(isinstance(item, torch.Tensor) for item in value.values())
    ]
    return found[0] if len(found) == 1 else contents
