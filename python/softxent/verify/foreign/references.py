"""What a classifier must equal: a torch module, which is run in float64, or a network."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from softxent._machine.optional import available, require
from softxent.onnx.sources import as_net
from softxent.verify.arithmetic import Array
from softxent.verify.foreign.subject import Classifier

#: How the comparison with it is called in a report.
NAME = "reference"


class OtherSizes(Exception):
    """A network that cannot be what the file holds."""


class Reference:
    """A model in another program.

    Parameters
    ----------
    source : torch.nn.Module, network or path
        A module, called with the inputs of the graph in their order, the target left out; or
        anything that `softxent.onnx.export` takes.
    classifier : Classifier
        What is held against it.

    Raises
    ------
    TypeError, ValueError
        If `source` is none of these.
    """

    def __init__(self, source: Any, classifier: Classifier) -> None:
        self._classifier = classifier
        self._module = _double(source) if _is_module(source) else None
        self._net = None if self._module is not None else as_net(source)

    @property
    def description(self) -> str:
        """What it is."""
        if self._module is not None:
            return f"the torch module {type(self._module).__name__} in float64"
        return f"the network {type(self._net).__name__}"

    def outputs(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        """Outputs of the graph that it knows, by name: those of the module, or the logits.

        Raises
        ------
        ValueError
            If it cannot compute them from these inputs.
        OtherSizes
            If it is a network for samples of another size.
        """
        parts = self._classifier.parts
        given = [feeds[i.name] for i in parts.inputs if i.name in feeds and i is not parts.target]
        found = self._run(given)
        names, z = self._classifier.outputs, self._classifier.logits
        if self._module is not None and len(found) == len(names):
            return dict(zip(names, found, strict=True))
        name = z.name if z is not None else names[0]
        return {name: found[0]}

    def _run(self, given: Sequence[Array]) -> list[Array]:
        try:
            if self._module is not None:
                return _flat(_call(self._module, given))
            assert self._net is not None
            x = given[0].reshape(len(given[0]), -1)
            features = self._net.layers.sizes[0]
            if x.shape[1] != features:
                raise OtherSizes(
                    f"the reference takes {features} features, the samples have {x.shape[1]}"
                )
            return [np.asarray(self._net.forward(x.astype(np.promote_types(x.dtype, np.float32))))]
        except (RuntimeError, TypeError, ValueError, IndexError, AttributeError) as error:
            raise ValueError(f"{self.description} does not take these inputs: {error}") from error


def _is_module(source: Any) -> bool:
    if not available("torch"):
        return False
    torch = require("torch", "torch", "verification against a module")
    return isinstance(source, torch.nn.Module)


def _double(module: Any) -> Any:
    return copy.deepcopy(module).cpu().double().eval()


def _call(module: Any, given: Sequence[Array]) -> Any:
    torch = require("torch", "torch", "verification against a module")
    tensors = [torch.as_tensor(np.array(a)) for a in given]
    wide = [t.double() if t.is_floating_point() else t for t in tensors]
    with torch.no_grad():
        return module(*wide)


def _flat(value: Any) -> list[Array]:
    """All tensors in what a module returns, in their order."""
    if hasattr(value, "detach"):
        return [value.detach().cpu().numpy()]
    if isinstance(value, Mapping):
        return [array for item in value.values() for array in _flat(item)]
    if isinstance(value, list | tuple):
        return [array for item in value for array in _flat(item)]
    return []
