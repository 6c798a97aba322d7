"""
softxent.dask measured, and what the figures come to on more workers.

    python tools/bench_dask.py [--folder FOLDER]      # 40 seconds; needs 200 MB there

Rows of 1000 classes lie in Parquet files. Their mean loss is computed by a plain loop over the
files and by `softxent.dask.cross_entropy` on 1 and 2 worker processes, all on one thread each and
turn by turn; then come the scheduler's cost of a chunk, the bytes that chunks leave for each other,
the cost of a step of `fit`, and a simulation of the scheduler and the merge tree for up to 512
workers with these figures.
"""

from __future__ import annotations

import argparse
import heapq
import os
import pickle
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ["SOFTXENT_NUM_THREADS"] = "1"

import dask
import dask.array as da
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from distributed import Client, LocalCluster

import softxent
import softxent.dask
from softxent._core import binding
from softxent.models import NeuralNet2

CLASSES, ROWS, FILES, ROUNDS = 1000, 4096, 12, 3
FAN_IN = 8


def write(folder: Path) -> list[str]:
    """Files of logits and labels."""
    names = []
    for number in range(FILES):
        rng = np.random.default_rng(number)
        x = rng.normal(0, 3, (ROWS, CLASSES)).astype(np.float32)
        columns = {"y": rng.integers(0, CLASSES, ROWS), "x": pa.FixedSizeListArray.from_arrays(
            pa.array(x.reshape(-1)), CLASSES)}  # fmt: skip
        name = folder / f"part-{number:03}.parquet"
        pq.write_table(pa.table(columns), name, compression="none")
        names.append(str(name))
    return names


def read(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Logits and labels of a file."""
    table = pq.read_table(name, use_threads=False)
    x = table["x"].combine_chunks().flatten().to_numpy().reshape(-1, CLASSES)
    return x, table["y"].to_numpy()


def plain(names: list[str]) -> float:
    """The mean loss, file by file."""
    total = 0.0
    for name in names:
        total += float(softxent.cross_entropy(*read(name), reduction="sum"))
    return total / (ROWS * FILES)


def lazy(names: list[str]) -> tuple[da.Array, da.Array]:
    """All files as dask arrays, one chunk each."""
    pairs = [dask.delayed(read)(name) for name in names]
    x = [da.from_delayed(pair[0], (ROWS, CLASSES), np.float32) for pair in pairs]
    y = [da.from_delayed(pair[1], (ROWS,), np.int64) for pair in pairs]
    return da.concatenate(x), da.concatenate(y)


def seconds(function: Any, *args: Any) -> float:
    """How long a call takes."""
    started = time.perf_counter()
    function(*args)
    return time.perf_counter() - started


def throughput(names: list[str], clients: dict[int, Client]) -> dict[str, float]:
    """The least of a few rounds, turn by turn, in seconds."""
    x, y = lazy(names)
    loss = softxent.dask.cross_entropy(x, y)
    best: dict[str, float] = {}
    for _ in range(ROUNDS + 1):  # the first warms the caches up
        taken = {"plain loop": seconds(plain, names)}
        for count, client in clients.items():
            run = client.compute
            taken[f"{count} worker{'s' * (count > 1)}"] = seconds(
                lambda run=run: run(loss).result()
            )
        for name, value in taken.items():
            best[name] = min(best.get(name, value), value) if _ else np.inf
    return best


def scheduler_cost(client: Client) -> tuple[float, int]:
    """Seconds per chunk of chunks that take no time, and tasks per chunk."""
    cost, tasks = [], 0
    for chunks in (100, 400):
        loss = softxent.dask.cross_entropy(
            da.zeros((chunks, 4), chunks=(1, 4)), np.zeros(chunks, int)
        )
        tasks = len(dict(dask.optimize(loss)[0].__dask_graph__())) // chunks
        cost.append(min(seconds(lambda loss=loss: client.compute(loss).result()) for _ in range(2)))
    return (cost[1] - cost[0]) / 300, tasks


def merge_cost() -> float:
    """Seconds that one merge of eight sums takes."""
    parts = [binding.sum_new(2) for _ in range(FAN_IN)]
    total = binding.sum_new(2)
    return min(
        seconds(lambda: [binding.sum_merge(total, part) for part in parts]) for _ in range(100)
    )


def step_cost(client: Client) -> float:
    """Seconds of a step of `fit` with 16 parts, whose arithmetic takes next to nothing."""
    X, y = np.zeros((8192, 4), np.float32), np.zeros(8192, int)
    settings = {"batch_size": 1024, "learning_rate": 0.1, "progress": False, "part_rows": 64}
    taken = [
        seconds(
            lambda n=n: softxent.dask.fit(NeuralNet2(4, 2, 2, seed=0), X, y, epochs=n, **settings)
        )
        for n in (1, 5)
    ]
    return (taken[1] - taken[0]) / (4 * 8)


def simulated(
    workers: int,
    chunks: int,
    chunk: float,
    scheduler: float,
    tasks: int,
    merge: float,
    latency: float = 5e-4,
) -> float:
    """Seconds until all chunks are summed up and their sums are merged, eight at a time."""
    free = [0.0] * workers
    clock = 0.0  # of the scheduler, which does one thing after another
    done = []
    for _ in range(chunks):
        clock += scheduler
        start = max(clock, heapq.heappop(free)) + latency
        heapq.heappush(free, start + chunk)
        done.append(start + chunk)
    while len(done) > 1:
        groups = [done[k : k + FAN_IN] for k in range(0, len(done), FAN_IN)]
        done = []
        for group in groups:
            clock = max(clock, max(group) + latency) + scheduler / tasks
            done.append(clock + latency + merge)
    return done[0]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args().folder
    with tempfile.TemporaryDirectory(dir=given) as folder:
        names = write(Path(folder))
        options = {"threads_per_worker": 1, "processes": True, "dashboard_address": ":0"}
        with (
            LocalCluster(n_workers=1, **options) as one,
            LocalCluster(n_workers=2, **options) as two,
            Client(one) as first,
            Client(two) as second,
        ):
            best = throughput(names, {1: first, 2: second})
            cost, tasks = scheduler_cost(second)
            step = step_cost(second)
    rows = ROWS * FILES
    for name, value in best.items():
        print(f"{name:12} {rows / value:9.0f} rows/s, {value / FILES * 1e3:6.1f} ms a file")
    merge = merge_cost()
    kept = len(pickle.dumps(binding.sum_new(2)))
    print(
        f"scheduler: {cost * 1e3:.2f} ms a chunk, {tasks} tasks each; a merge {merge * 1e6:.1f} us"
    )
    print(f"a step of fit with 16 parts: {step * 1e3:.1f} ms")
    record = binding.shard_rows(1).itemsize
    print(f"bytes: {kept} from a chunk of whole rows, {record} a row of shards")
    file = best["1 worker"] / FILES
    for files in (1, 32):
        print(f"{50_000 // files} chunks of {files * file:.2f} s: workers, seconds, ideal, rows/s")
        for workers in (1, 8, 32, 128, 512):
            chunk = files * file
            taken = simulated(workers, 50_000 // files, chunk, cost, tasks, merge)
            ideal = 50_000 // files * chunk / workers
            print(f"{workers:7} {taken:9.1f} {ideal:9.1f}  {50_000 * ROWS / taken:.3g}")


if __name__ == "__main__":
    main()
