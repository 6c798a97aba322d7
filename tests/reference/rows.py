"""Adversarial rows of logits, by name.

`FAMILIES[name](dtype, rng)` is a matrix of rows in which every row has a finite entry and none
holds NaN or +inf. Values that a dtype cannot hold are saturated.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np

from .dtypes import cast, largest_finite, step
from .records import read

Family = Callable[[np.dtype, np.random.Generator], np.ndarray]

SCALES = (1e-8, 1e-4, 1.0, 5.0, 20.0, 60.0, 300.0, 1e4, 1e10, 1e30)

# Row lengths around the widths of vectors, tiles and blocks.
WIDTHS = (
    *range(1, 71),
    127,
    128,
    129,
    130,
    255,
    256,
    257,
    1000,
    1023,
    1024,
    1025,
    4095,
    4096,
    4097,
)

_ROWS = 24

# name -> (smallest normal, smallest subnormal) as powers of two
_UNDERFLOW = {
    "float16": (-14, -24),
    "bfloat16": (-126, -133),
    "float32": (-126, -149),
    "float64": (-1022, -1074),
}


def _scaled(scale: float) -> Family:
    def rows(dtype: np.dtype, rng: np.random.Generator) -> np.ndarray:
        return cast(rng.normal(size=(_ROWS, 50)) * scale, dtype)

    return rows


def _offset(offset: float) -> Family:
    def rows(dtype: np.dtype, rng: np.random.Generator) -> np.ndarray:
        # The offset swallows the low bits of every logit; what is left is exact input.
        return cast(rng.normal(size=(_ROWS, 40)) * 20 + offset, dtype)

    return rows


def _near_ties(dtype: np.dtype, rng: np.random.Generator) -> np.ndarray:
    base = cast(rng.uniform(0.5, 100, size=(_ROWS, 1)) * rng.choice([-1, 1], (_ROWS, 1)), dtype)
    return step(np.repeat(base, 33, axis=1), rng.integers(0, 4, size=(_ROWS, 33)))


def _one_dominating(dtype: np.dtype, rng: np.random.Generator) -> np.ndarray:
    x = rng.normal(size=(_ROWS, 37))
    x[np.arange(_ROWS), rng.integers(0, 37, _ROWS)] += rng.uniform(5, 110, _ROWS)
    return cast(x, dtype)


def _logsumexp_near_zero(dtype: np.dtype, rng: np.random.Generator) -> np.ndarray:
    x = rng.normal(size=(_ROWS, 45)) * rng.choice([0.1, 1.0, 5.0, 20.0], size=(_ROWS, 1))
    return cast(x - np.log(np.sum(np.exp(x), axis=1, keepdims=True)), dtype)


def _subnormal_results(dtype: np.dtype, rng: np.random.Generator) -> np.ndarray:
    normal, subnormal = (math.log(2.0) * power for power in _UNDERFLOW[dtype.name])
    x = rng.uniform(subnormal - 2, normal + 2, size=(_ROWS, 41))
    x[np.arange(_ROWS), rng.integers(0, 41, _ROWS)] = 0
    return cast(x, dtype)


def _smallest_normals(dtype: np.dtype, rng: np.random.Generator) -> np.ndarray:
    # Probabilities at the upper end of the first binade of normal numbers, beside a sum a little
    # above 1: there parts of a product are subnormal, and an ULP is smallest beside them.
    power = rng.uniform(0.8, 1.0, size=(_ROWS, 401)) + _UNDERFLOW[dtype.name][0]
    x = math.log(2.0) * power
    x[:, 0] = rng.uniform(-16, -1, size=_ROWS)
    x[:, 1] = 0
    x += rng.uniform(-30, 30, size=(_ROWS, 1))
    x[0] = -58.0929146  # 2.165 ULP once
    x[0, :3] = 14.0080528, 28.5506611, -57.9653969
    return cast(x, dtype)


def _underflow_thresholds(dtype: np.dtype, rng: np.random.Generator) -> np.ndarray:
    names = (dtype.name, "float32", "float64")  # also where intermediate formats underflow
    powers = {power - half for name in names for power in _UNDERFLOW[name] for half in (0, 1)}
    thresholds = cast([[math.log(2.0) * power] for power in sorted(powers)], dtype)
    around = step(np.repeat(thresholds, 21, axis=1), np.arange(-10, 11))
    return np.concatenate([np.zeros((len(around), 1), dtype), around], axis=1)


def _minus_infinity(dtype: np.dtype, rng: np.random.Generator) -> np.ndarray:
    x = rng.normal(size=(_ROWS, 29)) * 8
    masked = rng.random(x.shape) < rng.choice([0.1, 0.5, 0.95], size=(_ROWS, 1))
    masked[np.arange(_ROWS), rng.integers(0, 29, _ROWS)] = False
    return cast(np.where(masked, -np.inf, x), dtype)


def _equal(dtype: np.dtype, rng: np.random.Generator) -> np.ndarray:
    return cast(np.repeat(rng.normal(size=(_ROWS, 1)) * 50, 23, axis=1), dtype)


def _extremes(dtype: np.dtype, rng: np.random.Generator) -> np.ndarray:
    limit = largest_finite(dtype)
    x = rng.normal(size=(_ROWS, 19))
    extreme = rng.choice([-limit, limit], size=x.shape)
    return cast(np.where(rng.random(x.shape) < 0.3, extreme, x), dtype)


def _confident(dtype: np.dtype, rng: np.random.Generator) -> np.ndarray:
    gaps = [1, 5, 8.5, 15, 16.7, 17.5, 20, 36, 37, 40, 60, 80, 87, 100, 103, 104, 300, 700, 744]
    return cast([[gap, 0.0, 0.0] for gap in gaps], dtype)


def _steps(dtype: np.dtype, rng: np.random.Generator) -> np.ndarray:
    """Differences that are multiples of log 2, where range reduction changes its mind."""
    multiples = rng.integers(-40, 1, size=(_ROWS, 31)) + rng.choice([0, 0.5], size=(_ROWS, 31))
    x = cast(multiples * math.log(2.0), dtype)
    x[:, 0] = 0
    nudged = step(x, rng.integers(-1, 2, size=x.shape))
    return np.where(x == 0, x, nudged)


def _reduction_ends(dtype: np.dtype, rng: np.random.Generator) -> np.ndarray:
    """Odd multiples of log(2) / 2 and their neighbours: reduced arguments at the ends of their
    interval, where each of the roundings of an exponential costs most, in every position."""
    spread = rng.choice([1, 2, 8, 60], size=(10 * _ROWS, 1))
    odd = 2 * np.floor(rng.uniform(-spread, spread, size=(10 * _ROWS, 15))) + 1
    return step(cast(odd * (math.log(2.0) / 2), dtype), rng.integers(-1, 2, size=odd.shape))


def _found(dtype: np.dtype, rng: np.random.Generator) -> np.ndarray:
    """The worst row known of every function (:mod:`reference.records`), filled up with -inf."""
    rows = [record.x for record in read() if record.dtype == dtype and len(record.x) > 1]
    x = np.full((len(rows), max(map(len, rows))), -np.inf)
    for row, values in zip(x, rows, strict=True):
        row[: len(values)] = values.astype(np.float64)
    return cast(x, dtype)


FAMILIES: dict[str, Family] = {
    **{f"scale {scale:g}": _scaled(scale) for scale in SCALES},
    "offset 1e6": _offset(1e6),
    "offset -1e6": _offset(-1e6),
    "near ties": _near_ties,
    "one dominating class": _one_dominating,
    "confident right answers": _confident,
    "logsumexp near 0": _logsumexp_near_zero,
    "subnormal results": _subnormal_results,
    "smallest normals": _smallest_normals,
    "underflow thresholds": _underflow_thresholds,
    "-inf entries": _minus_infinity,
    "equal logits": _equal,
    "extremes of the dtype": _extremes,
    "multiples of log 2": _steps,
    "ends of the range reduction": _reduction_ends,
    "found by searches": _found,
}


def widths(dtype: np.dtype, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """A few rows for every length in WIDTHS."""
    for width in WIDTHS:
        yield cast(rng.normal(size=(3 if width < 1000 else 1, width)) * 6, dtype)


def _one_beside_many(tail: np.ndarray, dtype: np.dtype) -> np.ndarray:
    return np.concatenate([np.zeros((1, 1), dtype), cast(tail, dtype)[None]], axis=1)


def _equal_tail(dtype: np.dtype, rng: np.random.Generator) -> np.ndarray:
    """One big term and 131071 equal tiny ones that only count together."""
    return _one_beside_many(np.full(131071, -math.log(131071.0) - 8.0), dtype)


def _random_tail(dtype: np.dtype, rng: np.random.Generator) -> np.ndarray:
    return _one_beside_many(rng.uniform(-28, -8, size=131071), dtype)


def _decreasing(dtype: np.dtype, rng: np.random.Generator) -> np.ndarray:
    """Sorted logits: the running maximum never moves, partial sums differ most between lanes."""
    return cast(-np.sort(rng.exponential(3.0, size=(1, 131072))), dtype)


def million(dtype: np.dtype, rng: np.random.Generator) -> np.ndarray:
    """One row of 2**20 logits."""
    return cast(rng.normal(size=(1, 1 << 20)) * 5, dtype)


LONG_FAMILIES: dict[str, Family] = {
    "131071 equal tiny terms": _equal_tail,
    "131071 random tiny terms": _random_tail,
    "131072 sorted logits": _decreasing,
}
