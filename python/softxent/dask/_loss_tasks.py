"""Tasks of cross-entropy: divisors, pieces of whole rows, steps over shards, and their sums."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from softxent import cross_entropy, cross_entropy_and_grad
from softxent._arguments.calls import cross_entropy_call
from softxent._arguments.options import REDUCTIONS, weights
from softxent._core import binding
from softxent._core.structs import CrossEntropyCall, ShardCall

from ._checks import check_dtype, check_labels, check_weights
from ._row_tasks import BOUND, ORIGIN, SCAN, SUM, settled, unseen, with_terms, written

__all__ = [
    "LossSpec",
    "add_row_sums",
    "add_sums",
    "divisor",
    "finish",
    "of_probabilities",
    "piece",
    "possible_steps",
    "reduced",
    "rounded",
    "step",
    "sum_step",
    "write",
    "write_terms",
]

Position = tuple[int, ...]


class LossSpec(NamedTuple):
    """What is computed, along which axis, and the options as `cross_entropy` takes them."""

    axis: int
    classes: int
    dtype: np.dtype
    loss_dtype: np.dtype
    labels: bool
    options: dict[str, Any]
    weight_name: str

    @property
    def reduction(self) -> str:
        """The option."""
        return str(self.options["reduction"])

    @property
    def keeps_terms(self) -> bool:
        """Whether gradients are made of what the sum leaves, or of the logits themselves."""
        return bool(self.options["from_logits"]) and self.options["softcap"] is None

    def call(
        self,
        start: Position,
        chunk: Any,
        target: Any,
        samples: Any,
        weight: Any,
        *,
        grad: bool = False,
    ) -> CrossEntropyCall:
        """The canonical arguments for a chunk, whose errors know where it stands."""
        if self.labels:
            check_labels(target, self.classes, self.options["ignore_index"], start)
        check_weights(samples, "sample_weight", start)
        call = cross_entropy_call(
            chunk, target, axis=self.axis, weight=None, sample_weight=samples, grad=grad,
            loss=False, **self.options,
        )  # fmt: skip
        return call._replace(weight=weights(weight, self.weight_name, (self.classes,)))

    def empty(self, shape: tuple[int, ...], classes: int) -> np.ndarray:
        """Logits of rows whose classes nobody looks at; without memory."""
        return unseen((*shape[: self.axis], classes, *shape[self.axis :]), self.dtype)


# -- sums ------------------------------------------------------------------------------------------


def add_sums(parts: list[np.ndarray]) -> np.ndarray:
    """Sums, merged."""
    total = np.array(parts[0])
    for part in parts[1:]:
        binding.sum_merge(total, settled(part))
    return total


def rounded(sums: np.ndarray) -> np.ndarray:
    """Each of the sums as a number."""
    return np.array([binding.sum_over(settled(part), 1.0) for part in sums])


def divisor(
    spec: LossSpec, shape: tuple[int, ...], start: Position, target: Any, samples: Any, weight: Any
) -> np.ndarray:
    """What a mean divides by: of the losses, and of z-loss."""
    logits = spec.empty(shape, spec.classes)
    call = spec.call(start, logits, logits if target is None else target, samples, weight)
    return binding.cross_entropy_divisors("cross_entropy", call)


def _pair(divisors: np.ndarray | None) -> np.ndarray | None:
    return None if divisors is None else settled(divisors)


def reduced(spec: LossSpec, sums: np.ndarray, divisors: np.ndarray | None) -> np.ndarray:
    """The loss, from the sums of all rows."""
    over = np.ones(2) if divisors is None else _pair(divisors)
    loss = binding.cross_entropy_of_sums(np.array(sums), over, float(spec.options["z_loss"]) != 0.0)
    with np.errstate(over="ignore", under="ignore"):
        return np.asarray(loss).astype(spec.loss_dtype)


# -- rows in one chunk -----------------------------------------------------------------------------


def piece(
    spec: LossSpec,
    start: Position,
    chunk: Any,
    target: Any,
    samples: Any,
    weight: Any,
    divisors: np.ndarray | None,
    grad: bool,
) -> Any:
    """Sums or row losses of whole rows; with their gradient, a pair, where it is asked for."""
    call = spec.call(start, chunk, target, samples, weight, grad=grad)
    if spec.reduction == "none":
        arguments = {"axis": spec.axis, "weight": weight, "sample_weight": samples} | spec.options
        if grad:
            return cross_entropy_and_grad(chunk, target, **arguments)
        return np.asarray(cross_entropy(chunk, target, **arguments))
    sums = binding.cross_entropy_sums("cross_entropy", call, _pair(divisors))
    return (sums, call.grad) if grad else sums


# -- rows in shards --------------------------------------------------------------------------------


def _shard(
    spec: LossSpec,
    first: int,
    start: Position,
    chunk: Any,
    target: Any,
    samples: Any,
    weight: Any,
    divisors: np.ndarray | None,
) -> ShardCall:
    call = spec.call(start, chunk, target, samples, weight)
    check_dtype(call.logits, "logits", spec.dtype)
    return ShardCall(3, spec.classes, first, loss=call, divisors=_pair(divisors))


def possible_steps(spec: LossSpec, weight: Any, by_row: bool, size: int) -> tuple[int, ...]:
    """
    The steps that a call may need.

    The core leaves some out, by how far weights and divisors lie apart; divisors are not known
    yet, so that of all that may be, a step may turn out to have nothing to do.
    """
    options = spec.options
    if not options["from_logits"]:
        return ()
    scaled = float(options["logit_scale"]) != 1.0 and options["softcap"] is None
    may_be = {SCAN, SUM} | ({ORIGIN} if scaled else set())
    if not spec.labels or float(options["label_smoothing"]) != 0.0:
        may_be.add(BOUND)
    found = {SCAN, SUM}
    for over in _divisors_that_may_be(weight, size) if spec.reduction == "mean" else (None,):
        found |= _steps_with(spec, weight, by_row, over)
    return tuple(sorted(found & may_be))


def _divisors_that_may_be(weight: Any, size: int) -> list[np.ndarray]:
    """None, and the least and largest: what the core asks of them is between two bounds."""
    least, most = 1.0, float(max(size, 1))
    if isinstance(weight, np.ndarray):
        positive = weight[weight > 0].astype(np.float64)
        least, most = positive.min(initial=np.inf), most * positive.max(initial=0.0)
    elif weight is not None:  # in chunks, not looked at yet
        least, most = 1e-300, 1e300
    ends = [0.0, *(end for end in (least, most) if 0.0 < end < math.inf)]
    return [np.array([a, b]) for a in ends for b in (0.0, 1.0, float(max(size, 1)))]


def _steps_with(spec: LossSpec, weight: Any, by_row: bool, divisors: np.ndarray | None) -> set[int]:
    given = weight if isinstance(weight, np.ndarray) else None
    shape = (0,) if spec.axis > 0 else ()
    logits = np.empty((*shape, 0), spec.dtype)
    options = spec.options | {"reduction": "mean" if divisors is not None else spec.reduction}
    target: Any = logits
    if spec.labels:
        logits, target = np.empty((0, 0), spec.dtype), np.empty(0, np.int64)
    call = cross_entropy_call(
        logits, target, axis=-1, weight=None, sample_weight=None, loss=False, **options
    )
    call = call._replace(weight=weights(given, "weight", (spec.classes,)))
    found = {*binding.shard_steps(ShardCall(3, spec.classes, 0, loss=call, divisors=divisors))}
    if not by_row and (weight is None or given is not None):
        return found
    # Weights by row, and some of those not looked at yet, take the general way.
    call = call._replace(sample_weight=np.ones(0))
    return found | {
        *binding.shard_steps(ShardCall(3, spec.classes, 0, loss=call, divisors=divisors))
    }


def _row_sums(call: ShardCall) -> np.ndarray:
    assert call.loss is not None
    shape, axis = call.loss.logits.shape, call.loss.axis
    return binding.sum_new(math.prod(shape[:axis] + shape[axis + 1 :]))


def of_probabilities(
    spec: LossSpec,
    first: int,
    start: Position,
    chunk: Any,
    target: Any,
    samples: Any,
    weight: Any,
    divisors: np.ndarray | None,
    grad: bool,
) -> Any:
    """A sum for each row of a shard of probabilities; with its gradient, a pair, if asked for."""
    call = _shard(spec, first, start, chunk, target, samples, weight, divisors)
    assert call.loss is not None
    sums, out = _row_sums(call), binding.empty_like(call.loss.logits) if grad else None
    binding.shard_of_probabilities(call._replace(out=out), sums)
    return (sums, out) if grad else sums


def add_row_sums(parts: list[np.ndarray]) -> np.ndarray:
    """Sums of the same rows, merged."""
    return add_sums(parts) if len(parts[0]) else parts[0]


def step(
    number: int,
    planned: tuple[int, ...],
    spec: LossSpec,
    first: int,
    start: Position,
    chunk: Any,
    target: Any,
    samples: Any,
    weight: Any,
    divisors: np.ndarray | None,
    records: np.ndarray | None,
) -> np.ndarray:
    """One step over a shard, from the merged records of the one before."""
    call = _shard(spec, first, start, chunk, target, samples, weight, divisors)
    assert call.loss is not None
    shape = call.loss.logits.shape
    rows = math.prod(shape[: spec.axis] + shape[spec.axis + 1 :])
    part = binding.shard_rows(rows) if records is None else records.copy()
    needed = binding.shard_steps(call)
    if not set(needed) <= set(planned):
        raise RuntimeError(f"steps {needed} are needed, and {planned} were planned")
    if number in needed:
        binding.shard_step(call, number, part)
    return part


def sum_step(
    spec: LossSpec,
    first: int,
    start: Position,
    chunk: Any,
    target: Any,
    samples: Any,
    weight: Any,
    divisors: np.ndarray | None,
    records: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """The last look at a chunk of logits: its records, and what its gradient is made of."""
    call = _shard(spec, first, start, chunk, target, samples, weight, divisors)
    assert call.loss is not None
    call, part = with_terms(call, call.loss.logits), records.copy()
    binding.shard_step(call, SUM, part)
    assert call.terms is not None
    return part, call.terms


def write_terms(
    spec: LossSpec,
    first: int,
    start: Position,
    kept: tuple[Any, np.ndarray],
    target: Any,
    samples: Any,
    weight: Any,
    divisors: np.ndarray | None,
    records: np.ndarray,
) -> np.ndarray:
    """The gradient of a shard, from the records of its rows and its terms."""
    terms = settled(kept[1])
    logits = unseen(terms.shape, spec.dtype)
    call = _shard(spec, first, start, logits, target, samples, weight, divisors)
    return written(call._replace(terms=terms), terms, records)


def write(
    spec: LossSpec,
    first: int,
    start: Position,
    chunk: Any,
    target: Any,
    samples: Any,
    weight: Any,
    divisors: np.ndarray | None,
    records: np.ndarray,
) -> np.ndarray:
    """The gradient of a shard, from the records of its rows and its logits."""
    call = _shard(spec, first, start, chunk, target, samples, weight, divisors)
    assert call.loss is not None
    return written(call, call.loss.logits, records)


def finish(
    spec: LossSpec,
    shape: tuple[int, ...],
    start: Position,
    target: Any,
    samples: Any,
    weight: Any,
    divisors: np.ndarray | None,
    records: np.ndarray,
) -> np.ndarray:
    """Sums or row losses, from the records of the rows."""
    logits = spec.empty(shape, 0)
    given = logits if target is None else target
    call = _shard(spec, 0, start, logits, given, samples, weight, divisors)
    end = binding.shard_finish if spec.options["from_logits"] else binding.finish_probabilities
    if REDUCTIONS[spec.reduction] == 0:
        losses = np.empty(shape, spec.loss_dtype)
        end(call, settled(records), losses, None)
        return losses
    sums = binding.sum_new(2)
    end(call, settled(records), None, sums)
    return sums
