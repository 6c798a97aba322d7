"""Graphs: chunks as blocks of rows and shards of classes, tasks on them, and merges in a tree."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate, product
from typing import Any, NamedTuple

import dask.array as da
import numpy as np
from dask.base import tokenize
from dask.highlevelgraph import HighLevelGraph

__all__ = ["Blocks", "Graph", "Key", "Shard"]

Key = tuple[Any, ...]

#: Parts that are merged by one task.
FAN_IN = 8


class Shard(NamedTuple):
    """Chunks along the axes of the classes, and how many classes come before them."""

    number: int
    block: tuple[int, ...]
    first: int


class Blocks:
    """
    The chunks of an array whose classes lie along some axes.

    A block of rows is an index of chunks along the other axes; each has all shards.
    """

    def __init__(self, array: da.Array, axes: Sequence[int]) -> None:
        self.array = array
        self.axes = tuple(axes)
        self.kept = tuple(k for k in range(array.ndim) if k not in self.axes)
        self._starts = [[0, *accumulate(sizes)] for sizes in array.chunks]
        first = 0
        self.shards = []
        for number, index in enumerate(product(*(range(array.numblocks[k]) for k in self.axes))):
            sizes = [array.chunks[k][i] for k, i in zip(self.axes, index, strict=True)]
            self.shards.append(Shard(number, index, first))
            first += int(np.prod(sizes, dtype=np.int64))
        self.classes = first

    def rows(self) -> Iterator[tuple[int, ...]]:
        """The blocks of rows."""
        return product(*(range(self.array.numblocks[k]) for k in self.kept))

    def index(self, rows: tuple[int, ...], shard: Shard) -> tuple[int, ...]:
        """The index of a chunk."""
        whole = dict(zip(self.kept, rows, strict=True)) | dict(
            zip(self.axes, shard.block, strict=True)
        )
        return tuple(whole[k] for k in range(self.array.ndim))

    def start(self, rows: tuple[int, ...]) -> tuple[int, ...]:
        """The position of a block's first row."""
        return tuple(self._starts[k][i] for k, i in zip(self.kept, rows, strict=True))

    def shape(self, rows: tuple[int, ...]) -> tuple[int, ...]:
        """How many rows a block has along each axis."""
        return tuple(self.array.chunks[k][i] for k, i in zip(self.kept, rows, strict=True))

    def offset(self, index: tuple[int, ...]) -> tuple[int, ...]:
        """The position of a chunk's first element."""
        return tuple(self._starts[k][i] for k, i in enumerate(index))

    @property
    def row_chunks(self) -> tuple[tuple[int, ...], ...]:
        """The chunks of what has one value per row."""
        return tuple(self.array.chunks[k] for k in self.kept)


class Graph:
    """Tasks that are being put together: one layer, from which results are taken."""

    def __init__(self, name: str, *token: Any) -> None:
        self.name = f"softxent-{name}-{tokenize(*token)}"
        self._label, _, self._token = self.name.rpartition("-")
        self._tasks: dict[Any, Any] = {}
        self._inputs: dict[str, da.Array] = {}

    def chunk(self, array: da.Array | None, index: tuple[int, ...]) -> Key | None:
        """The key of a chunk of an input, or None without one."""
        if array is None:
            return None
        self._inputs[array.name] = array
        return (array.name, *index)

    def constant(self, value: Any) -> Any:
        """The key of a value that many tasks need, None for None."""
        if value is None:
            return None
        if isinstance(value, da.Array):
            return self.chunk(value.rechunk(value.shape), (0,) * value.ndim)
        return self.task("constant", (len(self._tasks),), _same, value)

    def task(
        self, kind: str, index: tuple[int, ...], function: Callable[..., Any], *args: Any
    ) -> Key:
        """Add a task; its key."""
        key = (f"{self._label}-{kind}-{self._token}", *index)
        self._tasks[key] = (function, *args)
        return key

    def merged(
        self,
        kind: str,
        index: tuple[int, ...],
        function: Callable[[list[Any]], Any],
        parts: list[Key],
    ) -> Key:
        """What `function` makes of all parts, a few at a time; of one part that part."""
        level = 0
        while len(parts) > 1:
            groups = [parts[k : k + FAN_IN] for k in range(0, len(parts), FAN_IN)]
            parts = [
                group[0]
                if len(group) == 1
                else self.task(f"{kind}{level}", (*index, k), function, group)
                for k, group in enumerate(groups)
            ]
            level += 1
        return parts[0]

    def array(
        self,
        kind: str,
        keys: Mapping[Any, Any],
        chunks: tuple[tuple[int, ...], ...],
        dtype: Any,
    ) -> da.Array:
        """A dask array whose chunks are made by the tasks with these keys."""
        name = f"{self._label}-{kind}-{self._token}"
        shared = HighLevelGraph.from_collections(
            self.name, self._tasks, dependencies=list(self._inputs.values())
        )
        layer = {(name, *index): (_same, key) for index, key in keys.items()}
        graph = HighLevelGraph(
            {**shared.layers, name: layer}, {**shared.dependencies, name: {self.name}}
        )
        meta = np.empty((0,) * len(chunks), dtype)
        return da.Array(graph, name, chunks, meta=meta)


def _same(value: Any) -> Any:
    return value
