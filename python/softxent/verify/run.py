"""The public function `verify`: what is run, compared and timed, and in which order."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike

from softxent._arguments import checks
from softxent._arguments.scalars import flag, integer, shown
from softxent._machine.optional import require

if TYPE_CHECKING:
    from softxent.verify.foreign import ForeignVerification
    from softxent.verify.report import Report
    from softxent.verify.verification import Verification

#: References that outputs can be compared with.
REFERENCES = ("native", "torch", "onnx-reference")


def verify(
    path: str | os.PathLike[str],
    X: ArrayLike | None,
    y: ArrayLike | None = None,
    *,
    inputs: Mapping[str, ArrayLike] | None = None,
    logits: str | None = None,
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

    Of a classifier of another program, whatever its graph, the heads (softmax, prediction, loss)
    are judged by softxent's functions on the logits that the runtime itself put out, and the body
    before them by a float64 run of the same graph, with error bounds carried from operator to
    operator. An operator without a rule is estimated from perturbed runs, which the report says.

    Parameters
    ----------
    path : path-like
        A file of `softxent.onnx.export` or `softxent.onnx.attach_loss`, whose metadata are checked,
        or a classifier of any other program.
    X : array_like or table of pandas, polars or pyarrow, shape (n, ...), or None
        Samples, converted to the type of the model; flat ones where it takes images. Columns with
        names are matched with the model's feature names. A model whose batch is fixed is fed in
        batches of that size. None if `inputs` has all that is needed.
    y : array_like, optional
        Targets, for files with a loss. Labels are looked up among the model's class names, as in
        training.
    inputs : mapping of str to array_like, optional
        Further inputs of a classifier of another program. Those with as many entries as there are
        samples are fed along with them, others whole.
    logits : str, optional
        The value of its graph that holds the logits, where the graph does not tell.
    providers : sequence of str
        Execution providers of onnxruntime, "cpu" and "cuda" for short. One that cannot be had is a
        failure, which says why in one line; no other is ever used in its place. For CUDA pip's
        libraries are loaded first; it is used without TF32, and with products of float16 added in
        float32. ``report.facts["cuda"]`` names GPU, driver, build and cuDNN.
    against : sequence of str
        References: "native" (softxent.models and the float64 run), "torch", "onnx-reference" (the
        evaluator of onnx, where it is accurate enough). One that is not installed or not fit is
        listed as left out.
    reference : optional
        The network that the file must hold: anything that `softxent.onnx.export` takes; for a
        classifier of another program also the torch.nn.Module that it was exported from, which is
        run in float64. Without it the parameters are read from the file.
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
        ``report.outcome`` is "verified", "wrong" or "not understood", and ``report.missing`` says
        what is not understood and which argument supplies it; ``report.passed`` is True for the
        first alone. ``str(report)`` is a table.

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
    if isinstance(providers, str):
        raise TypeError(f"providers must be a sequence of names, got the text {providers!r}")
    if not providers:
        raise ValueError("providers must name at least one execution provider, got none")
    if not isinstance(batch_sizes, Iterable):
        raise TypeError(f"batch_sizes must be a sequence of sizes, got {shown(batch_sizes)}")
    batch_sizes = [integer("batch_sizes", size, 0) for size in batch_sizes]
    if any(size < 1 for size in batch_sizes):
        raise ValueError(f"batch_sizes must be at least 1, got {batch_sizes}")
    flag(stress, "stress")
    verification = _begin(
        path,
        X,
        y,
        inputs=checks.mapping("inputs", inputs),
        logits=checks.text("logits", logits),
        against=against,
        reference=reference,
        expect=checks.mapping("expect", expect),
        on_step=on_step,
    )
    from softxent.verify.runtime import SHORT_NAMES

    for provider in dict.fromkeys(SHORT_NAMES.get(name, name) for name in providers):
        verification.run(provider, stress=stress)
    if batch_sizes:
        verification.time(sorted(set(batch_sizes)))
    return verification.report()


def _begin(
    path: str | os.PathLike[str],
    X: ArrayLike | None,
    y: ArrayLike | None,
    *,
    inputs: dict[str, Any],
    logits: str | None,
    **options: Any,
) -> Verification | ForeignVerification:
    """Read the file, and choose how to verify it: as one of ours, or as any classifier."""
    from softxent.onnx import metadata
    from softxent.onnx.errors import ModelError
    from softxent.onnx.files import read_model
    from softxent.onnx.foreign import was_converted
    from softxent.verify.foreign import ForeignVerification
    from softxent.verify.subject import read_subject
    from softxent.verify.verification import Verification

    model = read_model(path)
    try:
        about = metadata.read(model)
    except ModelError as error:
        raise ModelError(f"{os.fspath(path)}: {error}") from error
    if about is None or about.architecture == "attached" or was_converted(model):
        return ForeignVerification(
            path, model, about, X, y, inputs=inputs, logits=logits, **options
        )
    if X is None:
        raise ValueError("X must be an array of samples for this model, got None")
    for name, given in (("inputs", inputs), ("logits", logits)):
        if given:
            raise ValueError(f"{name} is for files of other programs: this is one of softxent's")
    subject = read_subject(path, model, about, options.pop("expect"))
    return Verification(subject, X, y, **options)


def _check_names(what: str, given: Sequence[str], allowed: Sequence[str]) -> None:
    if isinstance(given, str):
        raise TypeError(f"{what} must be a sequence of names, got the text {given!r}")
    for name in given:
        if name not in allowed:
            raise ValueError(f"{what} may name {', '.join(allowed)}, got {name!r}")
