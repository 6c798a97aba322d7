"""What is measured: the rows of the table and the points of the sweeps."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
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
#: Likewise, for its peak memory.
LINEAR_MEMORY_SHAPE = (4096, 256, 128000)

_STRIDED: tuple[tuple[tuple[int, ...], int], ...] = (((1000, 8192), 0), ((8, 21, 256, 256), 1))
_OPTIONS = (
    ("weight",), ("smoothing",), ("weight", "smoothing"),
    ("z_loss",), ("logit_scale",), ("softcap",),
    ("probabilities",), ("weight", "smoothing", "probabilities"),
)  # fmt: skip

#: Options that no other library has, and their values.
SCALARS = {"z_loss": 1e-4, "logit_scale": 0.5, "softcap": 30.0}

#: Class counts of the sweep: every one around the vector widths, then about half octaves.
_SWEEP_CLASSES = (
    *range(1, 19), 24, 31, 32, 33, 47, 48, 63, 64, 65, 96, 127, 128, 129, 200, 256, 257, 384, 512,
    700, 1000, 1024, 1500, 2048, 3000, 4096, 6000, 8192, 12000, 16384, 24000, 32768, 50257, 65536,
    100000, 131072, 200000, 262144, 300000,
)  # fmt: skip
_QUICK_CLASSES = (1, 2, 3, 8, 10, 16, 17, 32, 100, 1000, 10000, 65536, 300000)
_SWEEP_ROWS = (1024, 2048, 4096, 8192, 16384, 32768, 65536)
_SWEEP_ELEMENTS = 1 << 22
_QUICK_ELEMENTS = 1 << 19

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
        One of `OPERATIONS`, "grad+hessian", "bce loss+grad", "linear loss+grad" or "import".
    shape : tuple of int
        Shape of the logits; `LINEAR_SHAPE`'s three numbers for the linear layer.
    axis : int
        The axis of the classes.
    dtype : str
        Name of the dtype of the logits.
    options : tuple of str
        Of the loss: "weight", "smoothing" (0.1), "probabilities" (instead of class indices), and
        those of `SCALARS`.
    study : str
        "table", "classes" and "rows" (sweeps), or "scaling" (1 thread against all).
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
        return not SCALARS.keys().isdisjoint(self.options)

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


def cases(*, quick: bool = False, only: str | None = None) -> list[Case]:
    """
    List what to measure.

    Parameters
    ----------
    quick : bool
        Without rows of more than `QUICK_LIMIT` logits, and with coarse sweeps of smaller arrays.
    only : str, optional
        A regular expression; rows stay in whose name contains a match made of whole words, so
        that ``1x10`` does not match ``1x100``.

    Returns
    -------
    list of Case

    Raises
    ------
    ValueError
        If `only` is not a regular expression or matches no row.
    """
    selected = [*_table(), *_scaling(), *_sweeps(quick), Case("import", ())]
    if quick:
        selected = [case for case in selected if case.elements <= QUICK_LIMIT]
    return selected if only is None else _matching(selected, only)


def everyday_cases(*, quick: bool = False, only: str | None = None) -> list[Case]:
    """
    List what a user wants to compare: few rows, without the studies behind the project's goals.

    Parameters
    ----------
    quick : bool
        Without rows of more than `QUICK_LIMIT` logits.
    only : str, optional
        As for `cases`; looks at all rows of the table, not just the common ones.

    Returns
    -------
    list of Case

    Raises
    ------
    ValueError
        If `only` is not a regular expression or matches no row.
    """
    if only is not None:
        selected = _matching([case for case in _table() if not case.options], only)
    else:
        selected = [Case(operation, shape) for operation, shape in _EVERYDAY]
    small = [case for case in selected if case.elements <= QUICK_LIMIT]
    return (small if quick else selected) or selected


def _matching(candidates: list[Case], only: str) -> list[Case]:
    try:
        pattern = re.compile(rf"(?<!\w)(?:{only})(?!\w)")
    except re.error as error:
        raise ValueError(f"only must be a regular expression, got {only!r}: {error}") from error
    found = [case for case in candidates if pattern.search(case.name)]
    if not found:
        raise ValueError(f"no row's name contains {only!r}; names are like {candidates[0].name!r}")
    return found


def _table() -> Iterable[Case]:
    for shape in SHAPES:
        yield from (Case(operation, shape) for operation in OPERATIONS)
    for strided, axis in _STRIDED:
        yield from (Case(operation, strided, axis) for operation in OPERATIONS)
    for dtype in ("float16", "bfloat16"):
        yield from (Case(op, (1024, 32000), dtype=dtype) for op in ("softmax", "loss+grad"))
    for shape in ((65536, 10), (8192, 1000)):
        yield from (Case(op, shape, dtype="float64") for op in ("softmax", "loss+grad"))
    for options in _OPTIONS:
        yield Case("loss+grad", (8192, 1000), options=options)
    yield Case("grad+hessian", (8192, 1000))
    yield Case("bce loss+grad", (1 << 22,))
    yield Case("linear loss+grad", LINEAR_SHAPE)


def _scaling() -> Iterable[Case]:
    for shape in ((32768, 10), (4096, 100)):
        yield from (Case(op, shape, study="scaling") for op in ("softmax", "loss+grad"))


def _sweeps(quick: bool) -> Iterable[Case]:
    elements = _QUICK_ELEMENTS if quick else _SWEEP_ELEMENTS
    for classes in _QUICK_CLASSES if quick else _SWEEP_CLASSES:
        shape = (max(1, elements // classes), classes)
        yield from (Case(op, shape, study="classes") for op in ("softmax", "loss+grad"))
    for rows in _SWEEP_ROWS[::2] if quick else _SWEEP_ROWS:
        yield Case("loss+grad", (rows, 100), study="rows")
