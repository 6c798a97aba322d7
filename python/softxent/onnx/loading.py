"""The public function `load`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np

from softxent._machine.optional import require
from softxent.models import MLP
from softxent.onnx.architecture import CLASSES, Architecture, State
from softxent.onnx.errors import ModelError

if TYPE_CHECKING:
    from softxent.onnx.metadata import Metadata


def load(path: str | os.PathLike[str]) -> MLP:
    """Read a network from an ONNX file.

    The network is recognised by its structure, linear layers on an input of the graph with one
    activation between them (ReLU, Tanh, Sigmoid or none), so files of `softxent.onnx.export` and
    of ``torch.onnx.export`` (both of its exporters) will do, whatever is computed from the logits.
    float16 parameters become float32, which holds them exactly; biases that some of the layers lack
    are 0.

    Parameters
    ----------
    path : path-like
        The file. Data outside the file itself is read only from its own folder.

    Returns
    -------
    MLP, NeuralNet1 or NeuralNet2
        As the metadata state; otherwise NeuralNet1 or NeuralNet2 if it is one, and else MLP.

    Raises
    ------
    ImportError
        If onnx is not installed.
    OSError
        If the file cannot be opened.
    ModelError
        If the file is damaged, is unsafe to read, or holds another network; a ValueError.

    Examples
    --------
    >>> from softxent.onnx import load
    >>> load("digits.onnx").predict([[0.0] * 784])  # doctest: +SKIP
    array([1])
    """
    require("onnx", "onnx", "softxent.onnx")
    from softxent.onnx import metadata
    from softxent.onnx.files import check_plain, read_model
    from softxent.onnx.recognise import recognise
    from softxent.onnx.view import View

    model = read_model(path)
    try:
        check_plain(model)
        about = metadata.read(model)
        network = recognise(View(model), about)
        if network.state is None:
            raise ModelError("the parameters are inputs of this graph: it holds none to load")
        net = make_net(network.architecture, network.state)
        return net if about is None else _named(net, about)
    except ModelError as error:
        raise ModelError(f"{os.fspath(path)}: {error}") from error


def make_net(architecture: Architecture, state: State) -> MLP:
    """Make the native network with these parameters.

    Raises
    ------
    ModelError
        If the parameters are no usable network.
    """
    double = any(array.dtype == np.float64 for array in state.values())
    try:
        net = CLASSES[architecture.name]._of_layers(
            architecture.layers,
            seed=0,
            dtype="float64" if double else "float32",
            class_names=None,
            feature_names=None,
        )
        net.load_state_dict(state)
    except (TypeError, ValueError) as error:
        raise ModelError(f"the file holds no usable network: {error}") from error
    return net


def _named(net: MLP, about: Metadata) -> MLP:
    """Give a network the names in the file's metadata, which may not fit it."""
    try:
        net.class_names, net.feature_names = about.class_names, about.feature_names
    except (TypeError, ValueError) as error:
        raise ModelError(f"the names in the model's metadata do not fit it: {error}") from error
    return net
