"""One output against one reference: differences, in every unit, and the verdict."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from softxent.verify.arithmetic import Array, Estimate

#: Upper ends of the bins of the histogram of ULP differences; the last bin is open.
ULP_BINS = (0, 1, 2, 4, 8, 16, 64, 256, 1024)


@dataclass(frozen=True)
class Comparison:
    """Result of comparing one output of one batch with one reference.

    Attributes
    ----------
    batch, output, provider, against : str
        What was compared.
    shape : tuple of int
        Of the output.
    max_abs, max_rel, max_ulp : float
        Largest differences; relative to the reference, and in units in the last place of the
        output's type at the reference. None for predictions.
    ulp_histogram : tuple of int
        Number of elements by ULP difference; the bins end at `ULP_BINS`, the last is open.
    tolerance : float
        The bound at the element where the difference is largest relative to its bound.
    ratio : float
        That difference divided by its bound; at most 1 passes.
    rms, rms_tolerance : float or None
        Differences in the mean square, and what is explained by rounding; None where no such
        bound is known.
    reason : str
        Where the bound comes from.
    agreement : float or None
        Share of the rows in which the largest class is the same.
    worst : dict
        Index, value and reference of the element with the largest ratio.
    problem : str
        Why it failed; empty if it passed.
    part : {"whole", "head", "body"}
        Whether the output was judged from the inputs, from the logits that the runtime put out, or
        is these logits.
    estimate : bool
        Whether the tolerance is an estimate from perturbed runs instead of a bound.
    told : int or None
        Number of elements that tell anything: numbers with a finite bound, be it only in the mean
        square. None where classes or labels are compared.
    """

    batch: str
    output: str
    provider: str
    against: str
    shape: tuple[int, ...]
    max_abs: float | None
    max_rel: float | None
    max_ulp: float | None
    ulp_histogram: tuple[int, ...]
    tolerance: float | None
    ratio: float
    reason: str
    agreement: float | None
    worst: dict[str, Any]
    problem: str = ""
    rms: float | None = None
    rms_tolerance: float | None = None
    part: str = "whole"
    estimate: bool = False
    told: int | None = None

    @property
    def passed(self) -> bool:
        """Whether every element is within its bound."""
        return not self.problem

    def to_dict(self) -> dict[str, Any]:
        """Everything as values that JSON can hold."""
        return asdict(self) | {"passed": self.passed}


@dataclass(frozen=True)
class Label:
    """What is compared, for the report."""

    batch: str
    output: str
    provider: str
    against: str
    reason: str


def compare(label: Label, got: Array, expected: Array, bound: Estimate) -> Comparison:
    """Compare floating values element by element.

    Parameters
    ----------
    label : Label
        What is compared.
    got, expected : ndarray
        The output and the reference. A trailing axis of length 1 in one of them is no difference.
    bound : Estimate
        Its error bounds one computation; two may differ by twice that.
    """
    expected = without_last_axis(expected, bound.value.shape)
    got = without_last_axis(got, expected.shape)
    if got.shape != expected.shape:
        return _incomparable(label, got, expected)
    dtype = got.dtype
    a, b = got.astype(np.float64), expected.astype(np.float64)
    limit = np.broadcast_to(2 * bound.error, a.shape)
    difference = _difference(a, b)
    with np.errstate(invalid="ignore"):
        ratio = np.divide(difference, limit, out=np.full(a.shape, np.inf), where=limit > 0)
    ratio = np.where(difference == 0, 0.0, np.where(np.isinf(limit), 0.0, ratio))
    if not a.size:
        return Comparison(
            *_names(label), got.shape, 0.0, 0.0, 0.0, _histogram(a), 0.0, 0.0, label.reason, 1.0,
            {}, told=0,
        )  # fmt: skip
    ulp, where = difference / _spacing(b, dtype), np.unravel_index(ratio.argmax(), a.shape)
    worst = {
        "index": [int(i) for i in where],
        "value": float(a[where]),
        "reference": float(b[where]),
    }
    result = Comparison(
        *_names(label),
        got.shape,
        float(difference.max()),
        float(_relative(difference, b).max()),
        float(ulp.max()),
        _histogram(ulp),
        float(limit[where]),
        float(ratio[where]),
        label.reason,
        _agreement(a, b),
        worst,
        _excess(label, worst, float(difference[where]), float(limit[where]), ratio),
        told=_told(a, b, bound),
    )
    return result if bound.typical is None else _with_mean_square(result, label, difference, bound)


def compare_classes(label: Label, got: Array, expected: Array, logits: Estimate) -> Comparison:
    """Compare predictions; classes may differ where their logits are equal within the bounds.

    Between logits that are known exactly and equal, ONNX wants the first class.
    """
    expected = without_last_axis(expected, logits.value.shape[:1])
    got = without_last_axis(got, expected.shape)
    if got.shape != expected.shape:
        return _incomparable(label, got, expected)
    differ = np.flatnonzero(got != expected)
    gaps = np.array([_gap(logits, int(i), int(got[i]), int(expected[i])) for i in differ])
    agreement = 1.0 - len(differ) / max(len(got), 1)
    ratio = float(gaps.max()) if len(gaps) else 0.0
    worst: dict[str, Any] = {}
    text = ""
    if len(gaps):
        row = int(differ[gaps.argmax()])
        worst = {"index": [row], "value": int(got[row]), "reference": int(expected[row])}
    if not ratio <= 1:
        text = (
            f"{label.output}: sample {worst['index'][0]} is put into class {worst['value']} "
            f"instead of {worst['reference']}, and {np.count_nonzero(gaps > 1)} of {len(got)} "
            f"samples differ where the logits do not allow it; {_where(label)}"
        )
    return Comparison(
        *_names(label), got.shape, None, None, None, (), None, ratio, label.reason, agreement,
        worst, text,
    )  # fmt: skip


def compare_choices(label: Label, got: Array, expected: Array, doubt: Array) -> Comparison:
    """Compare classes, labels and other values that are no floating numbers.

    Parameters
    ----------
    label : Label
        What is compared.
    got, expected : ndarray
        The output and the reference.
    doubt : ndarray
        How far numbers may be off: 0 where nothing leaves room for another choice.
    """
    expected = without_last_axis(expected, got.shape)
    if got.shape != expected.shape:
        return _incomparable(label, got, expected)
    differ = np.asarray(got != expected)
    if got.dtype.kind in "biu" and expected.dtype.kind in "biu":
        distance = np.abs(got.astype(np.float64) - expected.astype(np.float64))
        wrong = distance > np.broadcast_to(doubt, got.shape)
    else:
        wrong = differ & (np.broadcast_to(doubt, got.shape) == 0)
    agreement = 1.0 - np.count_nonzero(differ) / max(got.size, 1)
    worst: dict[str, Any] = {}
    text = ""
    if wrong.any():
        where = tuple(int(i) for i in np.argwhere(wrong)[0])
        worst = {"index": list(where), "value": _plain(got[where])}
        worst["reference"] = _plain(expected[where])
        text = (
            f"{label.output}: {worst['value']!r} instead of {worst['reference']!r} at index "
            f"{list(where)}, {np.count_nonzero(wrong)} of {got.size} values; {_where(label)}"
        )
    return Comparison(
        *_names(label), got.shape, None, None, None, (), None, np.inf if text else 0.0,
        label.reason, agreement, worst, text,
    )  # fmt: skip


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _names(label: Label) -> tuple[str, str, str, str]:
    return label.batch, label.output, label.provider, label.against


def _with_mean_square(
    result: Comparison, label: Label, difference: Array, bound: Estimate
) -> Comparison:
    """Add the differences in the mean square, and fail if they are beyond what is typical."""
    typical = np.broadcast_to(np.asarray(bound.typical), difference.shape)
    rms, limit = (float(np.sqrt(np.mean(v**2))) for v in (difference, 2 * typical))
    problem = result.problem
    if not problem and rms > limit:
        problem = (
            f"{label.output}: {rms:.3g} from the reference in the mean square where {limit:.3g} is "
            f"explained by rounding, as if computed with less precision; {_where(label)}"
        )
    return replace(result, rms=rms, rms_tolerance=limit, problem=problem)


def _where(label: Label) -> str:
    return f"{label.provider} against {label.against}, batch {label.batch!r}"


def without_last_axis(array: Array, shape: tuple[int, ...]) -> Array:
    """Drop a trailing axis of length 1 if that gives the shape."""
    return array[..., 0] if array.shape == (*shape, 1) else np.asarray(array)


def _incomparable(label: Label, got: Array, expected: Array) -> Comparison:
    text = f"{label.output}: has shape {got.shape}, expected {expected.shape}; {_where(label)}"
    return Comparison(
        *_names(label), got.shape, None, None, None, (), None, np.inf, label.reason, None, {}, text
    )


def _difference(a: Array, b: Array) -> Array:
    """Absolute difference; 0 between equal infinities and between NaNs, else inf for them."""
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    finite = np.isfinite(a) & np.isfinite(b)
    with np.errstate(invalid="ignore"):
        return np.where(same, 0.0, np.where(finite, np.abs(a - b), np.inf))


def _told(a: Array, b: Array, bound: Estimate) -> int:
    """Count the numbers that have a bound, be it only in the mean square."""
    bounded = np.isfinite(bound.error)
    if bound.typical is not None:
        bounded = bounded | np.isfinite(bound.typical)
    return int(np.count_nonzero(bounded & ~(np.isnan(a) & np.isnan(b))))


def _relative(difference: Array, b: Array) -> Array:
    magnitude = np.abs(b)
    at_zero = np.where(difference > 0, np.inf, 0.0)
    with np.errstate(invalid="ignore"):
        ratio = np.divide(difference, magnitude, out=at_zero, where=magnitude > 0)
    return np.where(difference == 0, 0.0, ratio)


def _spacing(b: Array, dtype: np.dtype[Any]) -> Array:
    """Distance of neighbouring numbers of a type at b."""
    with np.errstate(all="ignore"):
        spacing = np.spacing(np.abs(b).astype(dtype)).astype(np.float64)
    return np.where(np.isfinite(spacing) & (spacing > 0), spacing, 1.0)


def _histogram(ulp: Array) -> tuple[int, ...]:
    """Count elements with at most ULP_BINS[k] and more than the bin before."""
    places = np.searchsorted(ULP_BINS, ulp.ravel(), side="left")
    return tuple(int(n) for n in np.bincount(places, minlength=len(ULP_BINS) + 1))


def _agreement(a: Array, b: Array) -> float | None:
    """Share of the rows in which the same classes are largest, ties counted as any of them."""
    if a.ndim != 2:
        return None
    chosen = np.take_along_axis(b, a.argmax(axis=1)[:, np.newaxis], axis=1)[:, 0]
    same = (chosen == b.max(axis=1)) | np.isnan(chosen)
    return float(same.mean())


def _gap(logits: Estimate, row: int, first: int, second: int) -> float:
    """Distance of the logits of two classes relative to their bounds; NaN bounds nothing."""
    value, error = logits.value[row], logits.error[row]
    if value.ndim == 0:
        distance, bound = abs(float(value)), float(error)
    elif not (0 <= first < len(value) and 0 <= second < len(value)):
        return np.inf
    else:
        distance = abs(float(value[first] - value[second]))
        bound = float(error[first] + error[second])
    if np.isnan(distance):
        return 0.0
    return distance / (2 * bound) if bound else np.inf


def _excess(
    label: Label, worst: dict[str, Any], difference: float, limit: float, ratio: Array
) -> str:
    beyond = int(np.count_nonzero(~(ratio <= 1)))
    if not beyond:
        return ""
    return (
        f"{label.output}: {worst['value']:.9g} instead of {worst['reference']:.9g} at index "
        f"{worst['index']}, {difference:.3g} apart where {limit:.3g} is explained by rounding; "
        f"{beyond} of {ratio.size} values; {_where(label)}"
    )
