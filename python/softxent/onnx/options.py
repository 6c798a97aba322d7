"""What an exported graph computes: validated once, stored in the file, read back to verify it."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

import numpy as np

from softxent._arguments import checks
from softxent._arguments.arrays import as_float
from softxent._arguments.scalars import read_integer, read_real, shown
from softxent.onnx import opsets
from softxent.onnx.errors import ModelError

HEADS = ("logits", "probabilities", "loss", "train_step")
REDUCTIONS = ("mean", "sum", "none")
TARGETS = ("index", "probabilities")
DTYPES = ("float16", "float32", "float64")

#: Options that say nothing unless the graph has a loss.
_LOSS_OPTIONS = (
    "weight",
    "ignore_index",
    "label_smoothing",
    "focal_gamma",
    "reduction",
    "target",
)
_OPTIMIZER_OPTIONS = ("momentum", "weight_decay")


@dataclass(frozen=True)
class Options:
    """The options of `softxent.onnx.export`, normalised; see there for their meaning.

    Construction validates everything that does not depend on the network; `check_classes` does
    the rest.

    Raises
    ------
    ValueError, TypeError
        With the option, the value given and what is allowed.
    """

    head: str = "probabilities"
    opset: int = 17
    dtype: str = "float32"
    primitive: bool = False
    weight: tuple[float, ...] | None = None
    ignore_index: int | None = None
    label_smoothing: float = 0.0
    focal_gamma: float = 0.0
    reduction: str = "mean"
    target: str = "index"
    momentum: float = 0.0
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        normalised = {
            "head": _one_of("head", self.head, HEADS),
            "opset": _opset(self.opset),
            "dtype": _one_of("dtype", _dtype_name(self.dtype), DTYPES),
            "primitive": checks.flag("primitive", self.primitive),
            "weight": _weight(self.weight),
            "ignore_index": _index("ignore_index", self.ignore_index),
            "label_smoothing": _real("label_smoothing", self.label_smoothing, 1.0),
            "focal_gamma": _real("focal_gamma", self.focal_gamma, math.inf),
            "reduction": _one_of("reduction", self.reduction, REDUCTIONS),
            "target": _one_of("target", self.target, TARGETS),
            "momentum": _real("momentum", self.momentum, math.inf),
            "weight_decay": _real("weight_decay", self.weight_decay, math.inf),
        }
        for name, value in normalised.items():
            object.__setattr__(self, name, value)
        self._check_combination()

    def _check_combination(self) -> None:
        if not self.has_loss:
            self._refuse_changed(_LOSS_OPTIONS, "the heads 'loss' and 'train_step'")
        if self.head != "train_step":
            self._refuse_changed(_OPTIMIZER_OPTIONS, "the head 'train_step'")
        elif self.reduction == "none":
            raise ValueError(
                "head='train_step' needs a scalar loss: reduction must be 'mean' or 'sum', "
                "got 'none'"
            )
        if self.target == "probabilities" and (self.ignore_index or -1) >= 0:
            raise ValueError(
                "ignore_index must be None or negative with target='probabilities', "
                f"got {self.ignore_index}"
            )
        if self.focal_gamma:
            self._check_focal()

    def _check_focal(self) -> None:
        others = {"head": "loss", "target": "index", "label_smoothing": 0.0}
        for name, wanted in others.items():
            if getattr(self, name) != wanted:
                raise ValueError(
                    f"focal_gamma={self.focal_gamma} goes with {name}={wanted!r}, "
                    f"got {getattr(self, name)!r}"
                )

    def _refuse_changed(self, names: tuple[str, ...], where: str) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name in names and value != field.default:
                raise ValueError(
                    f"{field.name}={value!r} has no meaning for head={self.head!r}: "
                    f"it belongs to {where}"
                )

    @property
    def has_loss(self) -> bool:
        """Whether the graph takes targets and yields a loss."""
        return self.head in ("loss", "train_step")

    @property
    def loss_dtype(self) -> str:
        """Type in which the loss is computed and returned: a 16-bit sum would overflow."""
        return "float32" if self.dtype == "float16" else self.dtype

    def check_classes(self, num_classes: int) -> None:
        """Raise ValueError if `weight` does not have one entry per class."""
        if self.weight is not None and len(self.weight) != num_classes:
            raise ValueError(
                f"weight must have one entry per class: expected {num_classes}, "
                f"got {len(self.weight)}"
            )

    def check_one_logit(self, subject: str) -> None:
        """Raise ValueError for what has no meaning where there is one logit per sample."""
        if self.ignore_index is not None:
            raise ValueError(
                f"ignore_index must be None for {subject}, whose targets are real numbers, "
                f"got {self.ignore_index}"
            )
        if self.focal_gamma:
            raise ValueError(
                f"focal_gamma must be 0 for {subject}, whose loss is binary cross-entropy, "
                f"got {self.focal_gamma}"
            )

    def to_json(self) -> str:
        """Encode for the metadata of a model file; without focal loss as versions before it do."""
        stated = asdict(self)
        if not self.focal_gamma:
            del stated["focal_gamma"]
        return json.dumps(stated, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Decode the metadata of a model file.

        Raises
        ------
        ModelError
            If the text is not exactly the options of an export.
        """
        try:
            values = json.loads(text)
            if not isinstance(values, dict):
                raise TypeError(f"expected an object, got {type(values).__name__}")
            return cls(**values)
        except (ValueError, TypeError, RecursionError) as error:
            raise ModelError(f"the options in the model's metadata are invalid: {error}") from error


def _one_of(name: str, value: Any, allowed: tuple[str, ...]) -> str:
    if not isinstance(value, str) or value not in allowed:
        names = ", ".join(map(repr, allowed))
        raise ValueError(f"{name} must be one of {names}, got {shown(value)}")
    return value


def _dtype_name(value: Any) -> Any:
    try:
        # None is float64 to NumPy.
        return value if value is None else np.dtype(value).name
    except TypeError:
        return value


def _index(name: str, value: Any) -> int | None:
    if value is None:
        return None
    index = read_integer(value)
    if index is None:
        raise TypeError(f"{name} must be an integer, got {shown(value)}")
    if not -(2**63) <= index < 2**63:
        raise ValueError(f"{name} must fit into 64 bits, got {shown(value)}")
    return index


def _opset(value: Any) -> int:
    opset = _index("opset", value)
    if opset is None:
        raise TypeError("opset must be an integer, got None")
    opsets.check(opset)
    return opset


def _real(name: str, value: Any, upper: float) -> float:
    number = read_real(value)
    if number is None:
        raise TypeError(f"{name} must be a number, got {shown(value)}")
    if not (math.isfinite(number) and 0.0 <= number <= upper):
        allowed = f"in [0, {upper:g}]" if math.isfinite(upper) else "finite and not negative"
        raise ValueError(f"{name} must be {allowed}, got {shown(value)}")
    return number


def _weight(value: Any) -> tuple[float, ...] | None:
    if value is None:
        return None
    weights = as_float(value, "weight").astype(np.float64)
    if weights.ndim != 1:
        raise ValueError(f"weight must have one axis, got shape {weights.shape}")
    bad = ~(np.isfinite(weights) & (weights >= 0))
    if bad.any():
        where = int(bad.argmax())
        raise ValueError(
            f"weight must be finite and not negative, got {weights[where]} for class {where}"
        )
    return tuple(weights.tolist())
