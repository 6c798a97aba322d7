"""Samples that bring out what the data may not: every class, extremes, labels that are none."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from softxent.verify.checks import Check
from softxent.verify.foreign.feeding import Samples
from softxent.verify.runtime import Session


def every_class(data: Samples, classes: int | None, ignored: list[int]) -> Samples | None:
    """Samples in which every class and the ignored label occur, so that options show.

    Without labels, one sample becomes several: rows that get mixed up show in no single one.
    """
    target = None if data.target is None else data.by_row[data.target]
    if target is None:
        return data.repeated(8, "one sample, eight rows") if data.rows == 1 else None
    if target.dtype.kind == "f" or target.ndim != 1 or classes is None:
        return None
    labels = np.array([*range(classes), *ignored, *ignored])
    count = max(len(labels), 8)
    return data.repeated(count, "every class", np.resize(labels, count))


def stress_samples(
    data: Samples, classes: int | None, ignored: list[int], many: int
) -> Iterator[Samples]:
    """One row, many rows, zeros, and labels at the edges."""
    yield data.take([0], "one row")
    yield data.repeated(many, f"{many} rows")
    zeros = data.take(slice(None), "zeros")
    blank = {
        name: array if name == data.target or array.dtype.kind != "f" else np.zeros_like(array)
        for name, array in zeros.by_row.items()
    }
    yield Samples("zeros", blank, data.whole, data.target, data.rows)
    target = None if data.target is None else data.by_row[data.target]
    if target is None or target.dtype.kind == "f" or classes is None:
        return
    edges = {"first class only": 0, "last class only": classes - 1}
    edges |= {"all rows ignored": ignored[0]} if ignored else {}
    for name, label in edges.items():
        yield data.take(slice(None), name, np.full(target.shape, label))


def wrong_labels(data: Samples, classes: int | None, ignored: list[int]) -> list[int]:
    """Labels that are neither a class nor ignored."""
    target = None if data.target is None else data.by_row[data.target]
    if target is None or target.dtype.kind == "f" or classes is None:
        return []
    limits = np.iinfo(target.dtype)
    labels = {-1, classes, classes + 1, -classes, -100, int(limits.min), int(limits.max)}
    legal = {*ignored, *range(classes)}
    return [label for label in sorted(labels - legal) if limits.min <= label <= limits.max]


def check_wrong_labels(
    session: Session,
    output: str,
    data: Samples,
    wrong: list[int],
    size: int,
    *,
    required: bool,
) -> Check:
    """Labels that are no class must make the runtime raise or the loss NaN.

    Parameters
    ----------
    session : Session
        The model.
    output : str
        The loss.
    data : Samples
        Their first row is taken, with its own label and with a wrong one.
    wrong : list of int
        What is tried.
    size : int
        Rows that the model takes at a time, 2 at least.
    required : bool
        Whether the verdict depends on it.
    """
    assert data.target is not None
    right, finite, raised = data.by_row[data.target][:1], [], 0
    for label in wrong:
        labels = np.concatenate([right, np.full_like(right, label)])
        piece = next(data.take([0, 0], "wrong", labels).pieces(size, True))
        try:
            loss = session.run(dict(piece.feeds))[output]
        except Exception:  # raising is what is asked for, of whatever class
            raised += 1
            continue
        if not np.isnan(loss).any():
            finite.append((label, float(np.ravel(loss)[-1])))
    detail = f"{len(wrong)} targets that are no class: {raised} raise, the others give NaN"
    if finite:
        detail = (
            f"{output}: the target {finite[0][0]}, which is no class, gives the loss "
            f"{finite[0][1]:.6g} on {session.provider} instead of an error or NaN "
            f"({len(finite)} of {len(wrong)} tried)"
        )
    return Check("wrong targets", not finite, detail, required)
