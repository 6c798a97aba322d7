"""The public function `load`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from softxent._optional import require
from softxent.onnx.architecture import Architecture, State
from softxent.onnx.errors import ModelError

if TYPE_CHECKING:
    from softxent.onnx.metadata import Metadata
    from softxent.onnx.sources import Net


def load(path: str | os.PathLike[str]) -> Net:
    """Read a network from an ONNX file.

    The network is recognised by its structure, Linear, ReLU, Linear on an input of the graph, so
    files of `softxent.onnx.export` and of ``torch.onnx.export`` (both of its exporters) will do,
    whatever is computed from the logits. float16 parameters become float32, which holds them
    exactly.

    Parameters
    ----------
    path : path-like
        The file. Data outside the file itself is read only from its own folder.

    Returns
    -------
    NeuralNet1 or NeuralNet2
        As the metadata state, or NeuralNet1 for one output.

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
    from softxent.onnx.recognise import View, recognise

    model = read_model(path)
    try:
        check_plain(model)
        about = metadata.read(model)
        name = None if about is None or about.architecture == "attached" else about.architecture
        network = recognise(View(model), name)
        if network.state is None:
            raise ModelError("the parameters are inputs of this graph: it holds none to load")
        net = make_net(network.architecture, network.state)
        return net if about is None else _named(net, about)
    except ModelError as error:
        raise ModelError(f"{os.fspath(path)}: {error}") from error


def make_net(sizes: Architecture, state: State) -> Net:
    """Make the native network of these sizes and parameters.

    Raises
    ------
    ModelError
        If the parameters are no usable network.
    """
    from softxent.models import NeuralNet1, NeuralNet2

    options: dict[str, Any] = {
        "seed": 0,
        "dtype": "float64" if state["linear1.weight"].dtype == np.float64 else "float32",
    }
    net: Net
    try:
        if sizes.binary:
            net = NeuralNet1(sizes.input_size, sizes.hidden_size, **options)
        else:
            net = NeuralNet2(sizes.input_size, sizes.hidden_size, sizes.outputs, **options)
        net.load_state_dict(state)
    except (TypeError, ValueError) as error:
        raise ModelError(f"the file holds no usable network: {error}") from error
    return net


def _named(net: Net, about: Metadata) -> Net:
    """Give a network the names in the file's metadata, which may not fit it."""
    try:
        net.class_names, net.feature_names = about.class_names, about.feature_names
    except (TypeError, ValueError) as error:
        raise ModelError(f"the names in the model's metadata do not fit it: {error}") from error
    return net
