"""Graphs of cross-entropy: divisors first, then pieces of whole rows, or steps over shards."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import dask.array as da

from . import _loss_tasks as tasks
from ._graphs import Blocks, Graph, Key, Shard
from ._row_tasks import MERGES, SUM, item

__all__ = ["LossGraph"]

Rows = tuple[int, ...]


class LossGraph:
    """The tasks of one call; what is not asked for is not added."""

    def __init__(
        self,
        blocks: Blocks,
        spec: tasks.LossSpec,
        target: da.Array,
        sample_weight: da.Array | None,
        weight: Any,
    ) -> None:
        self._blocks, self._spec = blocks, spec
        self._target, self._samples = target, sample_weight
        names = [None if a is None else a.name for a in (blocks.array, target, sample_weight)]
        self._graph = Graph("cross_entropy", names, spec, weight)
        self._steps = tasks.possible_steps(
            spec, weight, sample_weight is not None, blocks.array.size
        )
        self._weight = self._graph.constant(weight)
        self._merged: dict[Rows, Key] = {}
        self._grad = False
        self._kept: dict[Rows, Key] = {}

    def loss(self) -> da.Array:
        """The loss alone."""
        return self._loss()

    def loss_and_grad(self) -> tuple[da.Array, da.Array]:
        """The loss, and the gradient from the same tasks."""
        self._grad = True
        loss = self._loss()
        array, graph = self._blocks.array, self._graph
        keys = {}
        for rows in self._blocks.rows():
            records = None if self._is_whole else self._records(rows)
            for shard in self._blocks.shards:
                index = self._blocks.index(rows, shard)
                if self._is_whole:
                    keys[index] = graph.task("part", index, item, self._piece(rows), 1)
                else:
                    keys[index] = self._written(rows, shard, records)
        return loss, graph.array("grad", keys, array.chunks, self._spec.dtype)

    @property
    def _is_whole(self) -> bool:
        return len(self._blocks.shards) == 1

    def _loss(self) -> da.Array:
        graph, blocks, spec = self._graph, self._blocks, self._spec
        if spec.reduction == "none":
            keys = {rows: self._row_losses(rows) for rows in blocks.rows()}
            return graph.array("losses", keys, blocks.row_chunks, spec.loss_dtype)
        parts = [self._sums(rows) for rows in blocks.rows()]
        total = graph.merged("total", (), tasks.add_sums, parts)
        key = graph.task("loss", (), tasks.reduced, spec, total, self._divisors)
        return graph.array("value", {(): key}, (), spec.loss_dtype)

    def _written(self, rows: Rows, shard: Shard, records: Key | None) -> Key:
        """The gradient of a chunk of rows in shards."""
        index, graph = self._blocks.index(rows, shard), self._graph
        kept = self._kept.get(index)
        if not self._spec.options["from_logits"]:
            return graph.task("write", index, item, kept, 1)
        if kept is None:
            return graph.task("write", index, tasks.write, *self._shard(rows, shard), records)
        arguments = self._shard(rows, shard, kept)
        return graph.task("write", index, tasks.write_terms, *arguments, records)

    # -- what chunks are needed --------------------------------------------------------------------

    def _of_rows(self, rows: Rows) -> tuple[Any, ...]:
        """Position, labels, weights of a block of rows."""
        graph, spec = self._graph, self._spec
        target = graph.chunk(self._target, rows) if spec.labels else None
        return self._blocks.start(rows), target, graph.chunk(self._samples, rows), self._weight

    @cached_property
    def _divisors(self) -> Key | None:
        if self._spec.reduction != "mean":
            return None
        graph, blocks = self._graph, self._blocks
        parts = [
            graph.task(
                "divisor", rows, tasks.divisor, self._spec, blocks.shape(rows), *self._of_rows(rows)
            )
            for rows in blocks.rows()
        ]
        total = graph.merged("divisors", (), tasks.add_sums, parts)
        return graph.task("over", (), tasks.rounded, total)

    # -- rows in one chunk -------------------------------------------------------------------------

    def _piece(self, rows: Rows) -> Key:
        """Sums or row losses of a block of rows, and the gradient where asked for."""
        index = self._blocks.index(rows, self._blocks.shards[0])
        chunk = self._graph.chunk(self._blocks.array, index)
        start, target, samples, weight = self._of_rows(rows)
        if not self._spec.labels:
            target = self._graph.chunk(self._target, index)
        return self._graph.task(
            "piece", index, tasks.piece, self._spec, start, chunk, target, samples, weight,
            self._divisors, self._grad,
        )  # fmt: skip

    # -- rows in shards ----------------------------------------------------------------------------

    def _shard(self, rows: Rows, shard: Shard, kept: Key | None = None) -> tuple[Any, ...]:
        """Arguments of a task on a shard; what was kept of it is in the place of the chunk."""
        index = self._blocks.index(rows, shard)
        chunk = self._graph.chunk(self._blocks.array, index) if kept is None else kept
        start, target, samples, weight = self._of_rows(rows)
        if not self._spec.labels:
            target = self._graph.chunk(self._target, index)
        return self._spec, shard.first, start, chunk, target, samples, weight, self._divisors

    def _records(self, rows: Rows) -> Key:
        if rows in self._merged:
            return self._merged[rows]
        graph = self._graph
        records: Key | None = None
        if not self._spec.options["from_logits"]:
            parts = [self._sums_of_probabilities(rows, shard) for shard in self._blocks.shards]
            records = graph.merged("terms-sum", rows, tasks.add_row_sums, parts)
        for step in self._steps:
            parts = [self._step(step, rows, shard, records) for shard in self._blocks.shards]
            records = graph.merged(f"merge{step}-", rows, MERGES[step], parts)
        assert records is not None
        self._merged[rows] = records
        return records

    def _sums_of_probabilities(self, rows: Rows, shard: Shard) -> Key:
        """Sums of rows of a shard; its gradient is kept beside them."""
        graph, index = self._graph, self._blocks.index(rows, shard)
        arguments = self._shard(rows, shard)
        key = graph.task("terms", index, tasks.of_probabilities, *arguments, self._grad)
        if not self._grad:
            return key
        self._kept[index] = key
        return graph.task("terms-of", index, item, key, 0)

    def _step(self, step: int, rows: Rows, shard: Shard, records: Key | None) -> Key:
        """Records of a shard after a step; with a gradient the last one keeps terms for it."""
        graph, index = self._graph, self._blocks.index(rows, shard)
        arguments = self._shard(rows, shard)
        if step != SUM or not self._grad or not self._spec.keeps_terms:
            return graph.task(
                f"step{step}", index, tasks.step, step, self._steps, *arguments, records
            )
        self._kept[index] = graph.task("terms", index, tasks.sum_step, *arguments, records)
        return graph.task(f"step{step}", index, item, self._kept[index], 0)

    def _finished(self, rows: Rows) -> Key:
        shape = self._blocks.shape(rows)
        return self._graph.task(
            "finish", rows, tasks.finish, self._spec, shape, *self._of_rows(rows), self._divisors,
            self._records(rows),
        )  # fmt: skip

    # -- either ------------------------------------------------------------------------------------

    def _sums(self, rows: Rows) -> Key:
        if not self._is_whole:
            return self._finished(rows)
        piece = self._piece(rows)
        return self._graph.task("sums", rows, item, piece, 0) if self._grad else piece

    def _row_losses(self, rows: Rows) -> Key:
        if not self._is_whole:
            return self._finished(rows)
        piece = self._piece(rows)
        return self._graph.task("losses-of", rows, item, piece, 0) if self._grad else piece
