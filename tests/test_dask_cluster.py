"""softxent.dask on worker processes: the same bits, also when one is killed in the middle."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import softxent as sx
from dask_tools import PATIENCE, assert_same, bounded  # noqa: F401 - a fixture

da = pytest.importorskip("dask.array")
distributed = pytest.importorskip("distributed")
sxd = pytest.importorskip("softxent.dask")


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0"
        ) as cluster,
        distributed.Client(cluster, timeout=PATIENCE) as client,
    ):
        yield client


def slow(block: np.ndarray) -> np.ndarray:
    time.sleep(0.1)
    return block


def test_bits_of_the_whole_arrays(client: Any) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(0, 5, (60, 90)).astype(np.float32), rng.integers(0, 90, 60)
    loss, grad = sx.cross_entropy_and_grad(x, y, label_smoothing=0.1, z_loss=0.01)
    for chunks in ((60, 90), (7, 90), (60, 13), (11, 17)):
        lazy = da.from_array(x, chunks=chunks)
        both = sxd.cross_entropy_and_grad(lazy, y, label_smoothing=0.1, z_loss=0.01)
        futures = client.compute([*both, sxd.softmax(lazy, 0)])
        found = client.gather(futures, errors="raise")
        assert_same(found[0], loss)
        assert_same(found[1], grad)
        assert_same(found[2], sx.softmax(x, 0))


def test_a_bad_label_ends_the_computation(client: Any) -> None:
    y = np.zeros(40, int)
    y[33] = 9
    lazy = da.zeros((40, 9), chunks=(4, 3))
    future = client.compute(sxd.cross_entropy(lazy, y))
    with pytest.raises(IndexError, match=r"label 9 at index \(33,\) is not in \[0, 9\)"):
        future.result(timeout=PATIENCE)


def test_a_killed_worker_changes_nothing(client: Any) -> None:
    rng = np.random.default_rng(1)
    x, y = rng.normal(0, 5, (80, 64)), rng.integers(0, 64, 80)
    loss, grad = sx.cross_entropy_and_grad(x, y)
    lazy = da.from_array(x, chunks=(10, 16)).map_blocks(slow, dtype=x.dtype)
    futures = client.compute(list(sxd.cross_entropy_and_grad(lazy, y)))
    time.sleep(0.5)
    victim = next(iter(client.run(os.getpid).values()))
    os.kill(victim, signal.SIGKILL)
    assert not all(future.done() for future in futures)
    assert_same(futures[0].result(timeout=PATIENCE), loss)
    assert_same(futures[1].result(timeout=PATIENCE), grad)
    client.wait_for_workers(2, timeout=PATIENCE)
