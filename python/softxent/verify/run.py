"""The public function `verify`: what is run, compared and timed, and in which order."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike

from softxent._optional import require
from softxent._scalars import flag, integer

if TYPE_CHECKING:
    from softxent.verify.report import Report

#: References that outputs can be compared with.
REFERENCES = ("native", "torch", "onnx-reference")


def verify(
    path: str | os.PathLike[str],
    X: ArrayLike,
    y: ArrayLike | None = None,
    *,
    providers: Sequence[str] = ("CPUExecutionProvider",),
    against: Sequence[str] = REFERENCES,
    reference: Any = None,
    expect: Mapping[str, Any] | None = None,
    stress: bool = False,
    batch_sizes: Sequence[int] = (1, 32, 256),
    on_step: Callable[[str], object] = lambda step: None,
) -> Report:
    """Verify that an ONNX file computes what it claims to compute.

    The file is run by onnxruntime, and every output is compared with every reference, element by
    element, within a tolerance that is derived from the lengths of its sums and the type of its
    numbers. Besides the data, a batch in which every class and the ignored label occur brings out
    the options of the loss, and targets that are no class must raise or give NaN.

    Parameters
    ----------
    path : path-like
        A file of `softxent.onnx.export` or `softxent.onnx.attach_loss`, or of another program if
        its structure is that of a multilayer perceptron. What the metadata claim is checked.
    X : array_like or table of pandas, polars or pyarrow, shape (n, input_size)
        Samples, converted to the type of the model. Columns with names are matched with the
        model's feature names.
    y : array_like, optional
        Targets, for files with a loss. Labels are looked up among the model's class names, as in
        training.
    providers : sequence of str
        Execution providers of onnxruntime. One that cannot be had is a failure; no other is ever
        used in its place. CUDA is used without TF32.
    against : sequence of str
        References: "native" (softxent.models), "torch", "onnx-reference" (the evaluator of onnx,
        where it is accurate enough). One that is not installed or not fit is listed as left out.
    reference : optional
        The network that the file must hold: anything that `softxent.onnx.export` takes. Without
        it the parameters are read from the file.
    expect : mapping, optional
        Options that the loss must have, by the names of `softxent.onnx.export`: weight,
        ignore_index, label_smoothing, reduction, target. The others are taken from the metadata,
        or from the structure of a file without.
    stress : bool
        Also run extreme inputs: one row, 4096 rows, logits of 10^4, ties, a logit of -inf, labels
        at the edges.
    batch_sizes : sequence of int
        Batch sizes to be timed; none for no timing.
    on_step : callable, optional
        Told in a few words what is done next, batch by batch.

    Returns
    -------
    Report
        The verdict is ``report.passed``; ``str(report)`` is a table.

    Raises
    ------
    ImportError
        If onnx or onnxruntime is not installed.
    TypeError, ValueError, IndexError
        If an argument does not suit the model, or a label in y is no class.
    ModelError
        If the file is damaged or unsafe to run; a ValueError.
    OSError
        If the file cannot be read.

    Examples
    --------
    >>> from softxent.verify import verify
    >>> report = verify("digits.onnx", X, y)  # doctest: +SKIP
    >>> report.passed  # doctest: +SKIP
    True
    """
    require("onnx", "onnx", "softxent.verify")
    require("onnxruntime", "onnx", "softxent.verify")
    _check_names("against", against, REFERENCES)
    if not providers:
        raise ValueError("providers must name at least one execution provider, got none")
    batch_sizes = [integer("batch_sizes", size, 0) for size in batch_sizes]
    if any(size < 1 for size in batch_sizes):
        raise ValueError(f"batch_sizes must be at least 1, got {batch_sizes}")
    flag(stress, "stress")
    from softxent.verify.verification import Verification

    verification = Verification(path, X, y, against, reference, dict(expect or {}), on_step)
    for provider in dict.fromkeys(providers):
        verification.run(provider, stress=stress)
    if batch_sizes:
        verification.time(sorted(set(batch_sizes)))
    return verification.report()


def _check_names(what: str, given: Sequence[str], allowed: Sequence[str]) -> None:
    if isinstance(given, str):
        raise TypeError(f"{what} must be a sequence of names, got the text {given!r}")
    for name in given:
        if name not in allowed:
            raise ValueError(f"{what} may name {', '.join(allowed)}, got {name!r}")
