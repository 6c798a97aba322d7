"""The rows that the goals are about: the table, its options, sweeps over classes and rows."""

from __future__ import annotations

from collections.abc import Iterable

from softxent.bench.shapes import QUICK_LIMIT, Case, matching, table

#: (rows, hidden features, classes) of the linear layer whose peak memory is measured.
LINEAR_MEMORY_SHAPE = (4096, 256, 128000)

OPTIONS = (
    ("weight",), ("smoothing",), ("weight", "smoothing"),
    ("z_loss",), ("logit_scale",), ("softcap",), ("factors",),
    ("probabilities",), ("weight", "smoothing", "probabilities"),
)  # fmt: skip

#: Class counts of the sweep: every one around the vector widths, then about half octaves.
_CLASSES = (
    *range(1, 19), 24, 31, 32, 33, 47, 48, 63, 64, 65, 96, 127, 128, 129, 200, 256, 257, 384, 512,
    700, 1000, 1024, 1500, 2048, 3000, 4096, 6000, 8192, 12000, 16384, 24000, 32768, 50257, 65536,
    100000, 131072, 200000, 262144, 300000,
)  # fmt: skip
_QUICK_CLASSES = (1, 2, 3, 8, 10, 16, 17, 32, 100, 1000, 10000, 65536, 300000)
_ROWS = (1024, 2048, 4096, 8192, 16384, 32768, 65536)
_ELEMENTS, _QUICK_ELEMENTS = 1 << 22, 1 << 19


def cases(*, quick: bool = False, only: str | None = None) -> list[Case]:
    """
    List the rows that are measured beside other libraries.

    Parameters
    ----------
    quick : bool
        Without rows of more than `QUICK_LIMIT` logits, and with coarse sweeps of smaller arrays.
    only : str, optional
        A regular expression for the names, as for ``softxent.bench.shapes.everyday_cases``; may
        match none.

    Returns
    -------
    list of Case

    Raises
    ------
    ValueError
        If `only` is not a regular expression.
    """
    found = [*table(), *_forms(), *_sweeps(quick)]
    if quick:
        found = [case for case in found if case.elements <= QUICK_LIMIT]
    return found if only is None else matching(found, only)


def _forms() -> Iterable[Case]:
    for dtype in ("float16", "bfloat16"):
        for shape in ((65536, 100), (8192, 1000)):
            yield from (Case(op, shape, dtype=dtype) for op in ("softmax", "loss+grad"))
    for shape in ((65536, 100), (8192, 1000)):
        yield from (Case("loss+grad", shape, options=options) for options in OPTIONS)
        yield Case("grad+hessian", shape)
    for operation in ("softmax", "logsumexp"):
        yield Case(operation, (100000, 4), 0)


def _sweeps(quick: bool) -> Iterable[Case]:
    elements = _QUICK_ELEMENTS if quick else _ELEMENTS
    for classes in _QUICK_CLASSES if quick else _CLASSES:
        shape = (max(1, elements // classes), classes)
        yield from (Case(op, shape, study="classes") for op in ("softmax", "loss+grad"))
    for rows in _ROWS[::2] if quick else _ROWS:
        yield Case("loss+grad", (rows, 100), study="rows")
