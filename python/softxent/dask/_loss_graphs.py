"""Graphs of cross-entropy: divisors first, then pieces of whole rows, or steps over shards."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import dask.array as da

from . import _loss_tasks as tasks
from ._graphs import Blocks, Graph, Key
from ._row_tasks import MERGES, item

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
        self._steps = tasks.possible_steps(spec, weight, blocks.array.size)
        self._weight = self._graph.constant(weight)
        self._merged: dict[Rows, Key] = {}

    def loss(self) -> da.Array:
        """The loss alone."""
        return self._loss(False)

    def loss_and_grad(self) -> tuple[da.Array, da.Array]:
        """The loss, and the gradient from the same tasks."""
        loss = self._loss(True)
        array, graph = self._blocks.array, self._graph
        keys = {}
        logits = self._spec.options["from_logits"]
        for rows in self._blocks.rows():
            records = self._records(rows) if logits and not self._is_whole else None
            for shard in self._blocks.shards:
                index = self._blocks.index(rows, shard)
                if self._is_whole:
                    keys[index] = graph.task("part", index, item, self._piece(rows, True), 1)
                else:
                    keys[index] = graph.task(
                        "write", index, tasks.write, *self._shard(rows, shard),
                        records,
                    )  # fmt: skip
        return loss, graph.array("grad", keys, array.chunks, self._spec.dtype)

    @property
    def _is_whole(self) -> bool:
        return len(self._blocks.shards) == 1

    def _loss(self, grad: bool) -> da.Array:
        graph, blocks, spec = self._graph, self._blocks, self._spec
        if spec.reduction == "none":
            keys = {rows: self._row_losses(rows, grad) for rows in blocks.rows()}
            return graph.array("losses", keys, blocks.row_chunks, spec.loss_dtype)
        parts = [self._sums(rows, grad) for rows in blocks.rows()]
        total = graph.merged("total", (), tasks.add_sums, parts)
        key = graph.task("loss", (), tasks.reduced, spec, total, self._divisors)
        return graph.array("value", {(): key}, (), spec.loss_dtype)

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

    def _piece(self, rows: Rows, grad: bool) -> Key:
        """Sums or row losses of a block of rows, and the gradient where asked for."""
        index = self._blocks.index(rows, self._blocks.shards[0])
        chunk = self._graph.chunk(self._blocks.array, index)
        start, target, samples, weight = self._of_rows(rows)
        if not self._spec.labels:
            target = self._graph.chunk(self._target, index)
        return self._graph.task(
            "piece", index, tasks.piece, self._spec, start, chunk, target, samples, weight,
            self._divisors, grad,
        )  # fmt: skip

    # -- rows in shards ----------------------------------------------------------------------------

    def _shard(self, rows: Rows, shard: Any) -> tuple[Any, ...]:
        index = self._blocks.index(rows, shard)
        chunk = self._graph.chunk(self._blocks.array, index)
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
            parts = [
                graph.task(
                    "terms", self._blocks.index(rows, shard), tasks.of_probabilities,
                    *self._shard(rows, shard),
                )
                for shard in self._blocks.shards
            ]  # fmt: skip
            records = graph.merged("terms-sum", rows, tasks.add_row_sums, parts)
        for step in self._steps:
            parts = [
                graph.task(
                    f"step{step}", self._blocks.index(rows, shard), tasks.step, step,
                    self._steps, *self._shard(rows, shard), records,
                )
                for shard in self._blocks.shards
            ]  # fmt: skip
            records = graph.merged(f"merge{step}-", rows, MERGES[step], parts)
        assert records is not None
        self._merged[rows] = records
        return records

    def _finished(self, rows: Rows) -> Key:
        shape = self._blocks.shape(rows)
        return self._graph.task(
            "finish", rows, tasks.finish, self._spec, shape, *self._of_rows(rows), self._divisors,
            self._records(rows),
        )  # fmt: skip

    # -- either ------------------------------------------------------------------------------------

    def _sums(self, rows: Rows, grad: bool) -> Key:
        if not self._is_whole:
            return self._finished(rows)
        piece = self._piece(rows, grad)
        return self._graph.task("sums", rows, item, piece, 0) if grad else piece

    def _row_losses(self, rows: Rows, grad: bool) -> Key:
        if not self._is_whole:
            return self._finished(rows)
        piece = self._piece(rows, grad)
        return self._graph.task("losses-of", rows, item, piece, 0) if grad else piece
