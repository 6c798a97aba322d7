"""The references of a verification: what each says about a batch, and where none can be asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import onnx

from softxent._machine.optional import available
from softxent.verify import native, onnx_reference, torch_reference
from softxent.verify.arithmetic import Array, Estimate
from softxent.verify.batches import Batch
from softxent.verify.subject import ROLES, Subject

#: The references that compute outputs from parameters, by name.
_MODULES: dict[str, Any] = {native.NAME: native, torch_reference.NAME: torch_reference}

_UNINSTALLED = "torch is not installed: nothing was compared with it"
_NO_WEIGHT = "the labels of the batch have the total weight 0, by which the mean divides"


class References:
    """The references that were asked for and are there.

    Attributes
    ----------
    names : list of str
        Which they are.
    left_out : dict of str to str
        What cannot be compared, and why.
    """

    def __init__(self, subject: Subject, against: Sequence[str]) -> None:
        self._subject = subject
        self._roles = set(subject.roles.values())
        self.left_out: dict[str, str] = {}
        if torch_reference.NAME in against and not available("torch"):
            self.left_out["torch"] = _UNINSTALLED
        self.names = [name for name in dict.fromkeys(against) if name not in self.left_out]

    def outputs(
        self, name: str, batch: Batch, model: onnx.ModelProto, given: dict[str, Array]
    ) -> dict[str, Array]:
        """Outputs of a reference by role; none if it cannot compute the batch.

        Parameters
        ----------
        name : str
            The reference.
        batch, model, given : Batch, onnx.ModelProto, dict
            The inputs, the model, and the inputs of the model by name.
        """
        if batch.native_only and name != native.NAME:
            self.left_out[f"{name}, batch {batch.name!r}"] = batch.native_only
            return {}
        if name != onnx_reference.NAME:
            options = self._subject.options
            return _MODULES[name].outputs(batch, options, self._roles)
        try:
            values = onnx_reference.outputs(model, given)
        except Exception as error:  # it raises whatever its NumPy code raises
            self.left_out[f"{name}, batch {batch.name!r}"] = f"onnx.reference fails: {error}"
            return {}
        return {role: values[output] for output, role in self._subject.roles.items()}

    def judges(self, name: str, output: str, batch: Batch, bounds: dict[str, Estimate]) -> bool:
        """Whether a reference can judge an output of a batch; if not, the reason is kept."""
        role = self._subject.roles[output]
        unfit = None
        if role not in bounds and role != "prediction":
            unfit = _NO_WEIGHT
        elif name == torch_reference.NAME and self._is_nan_in_torch(role, bounds):
            unfit = f"{_NO_WEIGHT}: torch's gradient is NaN there, not 0"
        elif name == onnx_reference.NAME:
            unfit = onnx_reference.unfit(role, bounds["logits"].value, self._subject.options)
        if unfit:
            self.left_out[f"{name}, {output}, batch {batch.name!r}"] = unfit
        return unfit is None

    def _is_nan_in_torch(self, role: str, bounds: dict[str, Estimate]) -> bool:
        """Whether an output follows from a gradient over labels that all weigh 0."""
        if role in ROLES or 0.0 not in (self._subject.options.weight or ()):
            return False
        return bool(np.isnan(bounds["loss"].value).all())

    def timed(self, data: Batch) -> dict[str, Callable[[int], Callable[[], object]]]:
        """Functions that prepare a call for a batch size, of the references that have a speed."""

        def prepare(name: str, size: int) -> Callable[[], object]:
            module, options = _MODULES[name], self._subject.options
            return partial(
                module.outputs,
                data.repeated(size),
                options,
                self._roles,
                network=module.prepared(data, options),
            )

        names = [name for name in self.names if name != onnx_reference.NAME]
        return {name: partial(prepare, name) for name in names}
