"""Operators that move, copy and measure: errors go where their values go."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from onnx import helper

from softxent.verify.arithmetic import Array
from softxent.verify.body.bounded import Bounded, arithmetic_of, computed, spread
from softxent.verify.body.operators import Call, NoRule, Rule, present

#: Which operands hold the elements that are moved; the others say where to.
_MOVED: dict[str, tuple[int, ...]] = {
    "Compress": (0,),
    "DepthToSpace": (0,),
    "Expand": (0,),
    "Flatten": (0,),
    "Identity": (0,),
    "Pad": (0, 2),
    "Reshape": (0,),
    "ReverseSequence": (0,),
    "ScatterElements": (0, 2),
    "ScatterND": (0, 2),
    "Slice": (0,),
    "SpaceToDepth": (0,),
    "Split": (0,),
    "Squeeze": (0,),
    "Tile": (0,),
    "Transpose": (0,),
    "Trilu": (0,),
    "Unsqueeze": (0,),
}

#: Results that depend on shapes and integers alone.
_MEASURED = (
    "Constant", "ConstantOfShape", "EyeLike", "NonZero", "OneHot", "Range", "Shape", "Size",
)  # fmt: skip


def moved(call: Call, *operands: Bounded | None) -> Sequence[Bounded]:
    """Apply onnx's own implementation to the values and to their errors alike."""
    moving = _MOVED[call.operator]
    for place, operand in enumerate(operands):
        if operand is not None and place not in moving and not operand.exact:
            raise NoRule
    if call.operator.startswith("Scatter") and call.attribute("reduction", "none") != "none":
        raise NoRule
    if call.operator == "Pad" and call.attribute("mode", "constant") != "constant":
        moving = (0,)
    data = operands[moving[0]]
    assert data is not None
    values = call.reference(*(None if a is None else a.value for a in operands))
    exact = all(operand is None or operand.exact for operand in operands)
    keeps = data.nonnegative and call.operator != "Pad" and len(moving) == 1
    if exact:
        return [Bounded(np.asarray(value), data.dtype, nonnegative=keeps) for value in values]
    parts = [_part(call, operands, moving, kind) for kind in ("error", "typical")]
    return [
        Bounded(np.asarray(value), data.dtype, error, typical, nonnegative=keeps)
        for value, error, typical in zip(values, *parts, strict=True)
    ]


def _part(
    call: Call, operands: Sequence[Bounded | None], moving: Sequence[int], kind: str
) -> list[Array]:
    """Errors of all results; what is exact has the error 0."""
    arrays: list[Array | None] = []
    for place, operand in enumerate(operands):
        if operand is None or place not in moving:
            arrays.append(None if operand is None else operand.value)
            continue
        error = getattr(operand, kind)
        arrays.append(np.zeros(operand.value.shape) if error is None else error)
    return [np.asarray(part) for part in call.reference(*arrays)]


def concat(call: Call, *operands: Bounded) -> Bounded:
    """Operands one after the other."""
    return concatenated(operands, call.attribute("axis", 0))


def concatenated(operands: Sequence[Bounded], axis: int) -> Bounded:
    """Values one after the other along an axis."""
    dtype = operands[0].dtype
    value = np.concatenate([a.value for a in operands], axis)
    if all(a.exact for a in operands):
        return Bounded(value, dtype)
    errors = [
        np.concatenate([np.broadcast_to(e, a.value.shape) for a, e in pairs], axis)
        for pairs in ([(a, a.e) for a in operands], [(a, a.t) for a in operands])
    ]
    return Bounded(value, dtype, errors[0], errors[1])


def gather(call: Call, data: Bounded, index: Bounded) -> Bounded:
    """Elements at places along one axis; anything where a place is in doubt."""
    axis = call.attribute("axis", 0) % data.value.ndim
    result = data.moved(lambda array: np.take(array, index.value, axis))
    if index.exact:
        return result
    ahead = data.value.ndim - axis - 1
    doubts = [np.asarray(e).reshape(*np.shape(e), *[1] * ahead) > 0 for e in (index.e, index.t)]
    errors = [
        np.where(doubt, np.inf, e) for doubt, e in zip(doubts, (result.e, result.t), strict=True)
    ]
    return _in_doubt(result, errors[0], errors[1])


def _in_doubt(result: Bounded, error: Array, typical: Array) -> Bounded:
    shape = result.value.shape
    return Bounded(
        result.value, result.dtype, np.broadcast_to(error, shape), np.broadcast_to(typical, shape)
    )


def gather_along(call: Call, data: Bounded, index: Bounded) -> Sequence[Bounded]:
    """GatherElements and GatherND, of places that are certain."""
    if not index.exact:
        raise NoRule
    parts = [data.value] if data.exact else [data.value, data.e, data.t]
    found = [np.asarray(call.reference(part, index.value)[0]) for part in parts]
    return [Bounded(found[0], data.dtype, *found[1:])]


def measured(call: Call, *operands: Bounded | None) -> Sequence[Bounded]:
    """Results that depend on no computed number."""
    if call.operator not in ("Shape", "Size") and any(not a.exact for a in present(operands)):
        raise NoRule
    floating = [a.dtype for a in present(operands) if a.floating]
    results = call.reference(*(None if a is None else a.value for a in operands))
    return [_typed(np.asarray(result), floating[-1:]) for result in results]


def _typed(array: Array, dtypes: Sequence[np.dtype[Any]]) -> Bounded:
    """A result of operands that were widened, in the type that it has in the graph."""
    result = Bounded.given(array)
    return Bounded(result.value, dtypes[0]) if dtypes and result.floating else result


def cast(call: Call, a: Bounded, like: Bounded | None = None) -> Bounded:
    """Another type: rounded to a narrower floating one, cut off to integers."""
    if call.operator == "CastLike":
        assert like is not None
        dtype = like.dtype
    else:
        dtype = np.dtype(helper.tensor_dtype_to_np_dtype(call.attribute("to")))
    if dtype.kind == "f" and dtype.itemsize > 1 and a.value.dtype.kind in "fiub":
        return _to_floating(a, dtype)
    if a.exact:
        return Bounded(np.asarray(_plainly(call, a)), dtype)
    if dtype.kind == "b":
        return Bounded(a.value != 0, dtype, *(
            np.where((np.abs(a.value) <= e) & (e > 0), 1.0, 0.0) for e in (a.e, a.t)
        ))  # fmt: skip
    if dtype.kind in "iu" and a.value.dtype.kind in "fiub":
        with np.errstate(invalid="ignore"):
            value = a.value.astype(dtype)
        wide = a.value.astype(np.float64)
        return Bounded(value, dtype, *(spread(np.trunc, wide, e) for e in (a.e, a.t)))
    raise NoRule


def _plainly(call: Call, a: Bounded) -> Any:
    value = a.value.astype(a.dtype) if a.floating else a.value
    return call.reference(value)[0] if call.operator == "Cast" else value


def _to_floating(a: Bounded, dtype: np.dtype[Any]) -> Bounded:
    value = a.value.astype(np.float64)
    keeps = a.dtype.kind == "f" and a.dtype.itemsize <= dtype.itemsize
    with np.errstate(over="ignore"):
        fits = keeps or bool((value.astype(dtype) == value).all())
    if a.exact and fits:
        return Bounded(value, dtype)
    own = 0.0 if fits and keeps else 0.5 * float(np.finfo(dtype).eps) * np.abs(value)
    return computed(value, dtype, (a.e, a.t), (own, own))


def like_input(call: Call, a: Bounded, *rest: Bounded | None) -> Sequence[Bounded]:
    """Dropout, which does nothing when a model is run, and its mask."""
    ratio = rest[1] if len(rest) > 1 else None
    if ratio is not None and bool(np.any(ratio.value)):
        raise NoRule
    mask = Bounded.given(np.ones(a.value.shape, np.bool_))
    return [a, mask][: len(call.node.output)]


def cumulative(call: Call, a: Bounded, axis: Bounded) -> Bounded:
    """CumSum: sums of at most as many terms as there are."""
    if not a.floating:
        raise NoRule
    along = int(axis.value.reshape(-1)[0])

    def add_up(array: Array) -> Array:
        return np.asarray(call.reference(array, axis.value)[0])

    terms = a.value.shape[along]
    gamma = arithmetic_of(a.dtype).gamma(terms)
    e, t = (np.broadcast_to(error, a.value.shape) for error in (a.e, a.t))
    own = gamma * add_up(np.abs(a.value) + e), gamma * add_up(np.abs(a.value) + t)
    return computed(add_up(a.value), a.dtype, (add_up(e), add_up(t)), own, terms)


RULES: dict[str, Rule] = {
    **dict.fromkeys(_MOVED, moved),
    **dict.fromkeys(_MEASURED, measured),
    "Cast": cast,
    "CastLike": cast,
    "Concat": concat,
    "CumSum": cumulative,
    "Dropout": like_input,
    "Gather": gather,
    "GatherElements": gather_along,
    "GatherND": gather_along,
}
