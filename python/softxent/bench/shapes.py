"""What is measured: the rows of the table, and which of them most callers compute."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

SHAPES = (
    (1, 10),
    (32, 10),
    (65536, 3),
    (65536, 10),
    (65536, 100),
    (8192, 1000),
    (1024, 32000),
    (256, 128256),
)
OPERATIONS = ("softmax", "log_softmax", "logsumexp", "loss", "loss+grad")

#: (rows, hidden features, classes) of the loss on top of a linear layer.
LINEAR_SHAPE = (1024, 768, 50257)

_STRIDED: tuple[tuple[tuple[int, ...], int], ...] = (((1000, 8192), 0), ((8, 21, 256, 256), 1))

#: Options that no other library has, and their values.
SCALARS = {"z_loss": 1e-4, "logit_scale": 0.5, "softcap": 30.0}

#: What most callers compute: a small batch, many rows of few classes, an image net, a vocabulary.
_EVERYDAY = (
    ("softmax", (32, 10)),
    ("softmax", (65536, 10)),
    ("softmax", (8192, 1000)),
    ("logsumexp", (8192, 1000)),
    ("loss", (32, 10)),
    ("loss", (65536, 10)),
    ("loss+grad", (32, 10)),
    ("loss+grad", (65536, 10)),
    ("loss+grad", (8192, 1000)),
    ("loss+grad", (1024, 32000)),
    ("bce loss+grad", (1 << 22,)),
)

#: What a quick run leaves out: rows with more logits than this.
QUICK_LIMIT = 2_000_000


@dataclass(frozen=True)
class Case:
    """
    One row of the table.

    Parameters
    ----------
    operation : str
        One of `OPERATIONS`, "grad+hessian", "bce loss+grad" or "linear loss+grad".
    shape : tuple of int
        Shape of the logits; `LINEAR_SHAPE`'s three numbers for the linear layer.
    axis : int
        The axis of the classes.
    dtype : str
        Name of the dtype of the logits.
    options : tuple of str
        Of the loss: "weight", "smoothing" (0.1), "factors" (one per row), "probabilities"
        (instead of class indices), and those of `SCALARS`.
    study : str
        What it belongs to: the table, or a sweep.
    """

    operation: str
    shape: tuple[int, ...]
    axis: int = -1
    dtype: str = "float32"
    options: tuple[str, ...] = ()
    study: str = "table"

    @property
    def name(self) -> str:
        """The words that the table shows and ``--only`` looks at."""
        words = [] if self.study == "table" else [self.study]
        words += [self.operation, "x".join(map(str, self.shape))]
        words += [f"axis {self.axis}"] if self.axis != -1 else []
        words += [self.dtype] if self.dtype != "float32" else []
        words += ["+".join(self.options)] if self.options else []
        return " ".join(word for word in words if word)

    @property
    def is_linear(self) -> bool:
        """Whether the logits are those of a linear layer, never held."""
        return self.operation == "linear loss+grad"

    @property
    def is_ours_alone(self) -> bool:
        """Whether no other library has one of the options."""
        return not {*SCALARS, "factors"}.isdisjoint(self.options)

    @property
    def logits_shape(self) -> tuple[int, ...]:
        """Shape of the logits, held or not."""
        return (self.shape[0], self.shape[2]) if self.is_linear else self.shape

    @property
    def classes(self) -> int:
        """Length of the rows."""
        return self.logits_shape[self.axis] if self.shape else 0

    @property
    def elements(self) -> int:
        """Number of logits."""
        return math.prod(self.logits_shape) if self.shape else 0

    @property
    def nbytes(self) -> int:
        """Size of the logits in bytes."""
        return self.elements * {"float64": 8, "float32": 4}.get(self.dtype, 2)


def everyday_cases(*, quick: bool = False, only: str | None = None) -> list[Case]:
    """
    List what a user wants to compare: few rows of the table.

    Parameters
    ----------
    quick : bool
        Without rows of more than `QUICK_LIMIT` logits.
    only : str, optional
        A regular expression for rows of the whole table, not just the common ones: those stay
        in whose name contains a match made of whole words, so that ``1x10`` does not match
        ``1x100``.

    Returns
    -------
    list of Case

    Raises
    ------
    ValueError
        If `only` is not a regular expression or matches no row.
    """
    if only is not None:
        selected = matching(table(), only)
    else:
        selected = [Case(operation, shape) for operation, shape in _EVERYDAY]
    small = [case for case in selected if case.elements <= QUICK_LIMIT]
    return (small if quick else selected) or selected


def matching(candidates: list[Case], only: str) -> list[Case]:
    """Give the candidates that `only` matches, see `everyday_cases`."""
    try:
        pattern = re.compile(rf"(?<!\w)(?:{only})(?!\w)")
    except re.error as error:
        raise ValueError(f"only must be a regular expression, got {only!r}: {error}") from error
    found = [case for case in candidates if pattern.search(case.name)]
    if not found:
        raise ValueError(f"no row's name contains {only!r}; names are like {candidates[0].name!r}")
    return found


def table() -> list[Case]:
    """Give every call that other libraries have, too."""
    return [
        *(Case(operation, shape) for shape in SHAPES for operation in OPERATIONS),
        *(Case(operation, *strided) for strided in _STRIDED for operation in OPERATIONS),
        *(
            Case(operation, (1024, 32000), dtype=dtype)
            for dtype in ("float16", "bfloat16")
            for operation in ("softmax", "loss+grad")
        ),
        *(
            Case(operation, shape, dtype="float64")
            for shape in ((65536, 10), (8192, 1000))
            for operation in ("softmax", "loss+grad")
        ),
        Case("bce loss+grad", (1 << 22,)),
        Case("linear loss+grad", LINEAR_SHAPE),
    ]
