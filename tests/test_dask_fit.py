"""softxent.dask.fit: the same bits for every chunking and number of workers, whatever dies."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dask_tools import PATIENCE, bounded  # noqa: F401 - a fixture
from softxent.models import MLP, NeuralNet1, NeuralNet2

dask = pytest.importorskip("dask")
da = pytest.importorskip("dask.array")
distributed = pytest.importorskip("distributed")
sxd = pytest.importorskip("softxent.dask")

ROWS, FEATURES, CLASSES = 700, 12, 4


def made(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(ROWS, FEATURES)).astype(np.float32)
    return X, (X @ rng.normal(size=(FEATURES, CLASSES))).argmax(1)


X, Y = made()
SETTINGS: dict[str, Any] = {
    "epochs": 3, "batch_size": 256, "learning_rate": 0.2, "momentum": 0.5, "unit_rows": 150,
    "label_smoothing": 0.05, "weight": [1.0, 2.0, 0.5, 1.0], "validation": (X[:90], Y[:90]),
    "progress": False,
}  # fmt: skip


def trained(X: Any, y: Any, **changed: Any) -> tuple[NeuralNet2, Any]:
    net = NeuralNet2(FEATURES, 8, CLASSES, seed=1)
    return net, sxd.fit(net, X, y, **(SETTINGS | changed))


def assert_equal(one: tuple[Any, Any], other: tuple[Any, Any]) -> None:
    for name, value in one[0].state_dict().items():
        assert value.tobytes() == other[0].state_dict()[name].tobytes(), name
    assert one[1].epochs == other[1].epochs


@pytest.fixture(scope="module")
def reference() -> tuple[NeuralNet2, Any]:
    """Without a cluster, and with all rows in one chunk."""
    with dask.config.set(scheduler="synchronous"):
        return trained(X, Y)


@pytest.mark.parametrize("chunks", [(700, 12), (1, 12), (97, 5), (151, 12)])
def test_chunks_change_nothing(reference: Any, chunks: tuple[int, int]) -> None:
    with dask.config.set(scheduler="synchronous"):
        found = trained(da.from_array(X, chunks=chunks), da.from_array(Y, chunks=33))
    assert_equal(found, reference)


def test_it_learns() -> None:
    net, history = trained(X, Y, epochs=30, batch_size=64, validation=(X[:90], Y[:90]))
    assert history["loss"][-1] < 0.7 * history["loss"][0]
    assert history["val_accuracy"][-1] > 0.8
    assert (net.predict(X) == Y).mean() > 0.8


@pytest.mark.parametrize("net", [NeuralNet1(FEATURES, 4, seed=0), MLP(FEATURES, (), 3, seed=0)])
@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_one_part_is_the_step_of_the_network(net: Any, optimizer: str) -> None:
    X64, y = X[:60], Y[:60] % (2 if isinstance(net, NeuralNet1) else 3)
    before = net.state_dict()
    settings = {"epochs": 1, "batch_size": 64, "learning_rate": 0.1, "optimizer": optimizer}
    sxd.fit(net, X64, y, progress=False, **settings)
    found = net.state_dict()
    net.load_state_dict(before)
    net.fit(X64, y, progress=False, **settings)
    for name, value in net.state_dict().items():  # rows in another order
        np.testing.assert_allclose(found[name], value, rtol=2e-4, atol=2e-6)
    net.load_state_dict(before)


def test_a_training_goes_on_from_its_checkpoint(reference: Any, tmp_path: Path) -> None:
    file = tmp_path / "run.npz"

    def stop(record: dict[str, float]) -> None:
        if record["epoch"] == 2:
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        trained(X, Y, checkpoint=file, callback=stop)
    lazy = da.from_array(X, chunks=(101, 12))
    assert_equal(trained(lazy, Y, checkpoint=file), reference)
    with pytest.raises(ValueError, match="belongs to another training: data"):
        trained(X + 1, Y, checkpoint=file)
    with pytest.raises(ValueError, match="belongs to another training: data"):
        trained(X, Y, checkpoint=file, unit_rows=100)


def test_frames_of_parquet_files(reference: Any, tmp_path: Path) -> None:
    pd = pytest.importorskip("pandas")
    dd = pytest.importorskip("dask.dataframe")
    pytest.importorskip("pyarrow")
    names = [f"f{k}" for k in range(FEATURES)]
    for part, rows in enumerate((slice(0, 300), slice(300, 333), slice(333, 700))):
        frame = pd.DataFrame(X[rows], columns=names)
        frame["species"] = np.array(["ant", "bee", "cat", "dog"])[Y[rows]]
        frame[["species", *reversed(names)]].to_parquet(tmp_path / f"part-{part}.parquet")
    frame = dd.read_parquet(str(tmp_path / "part-*.parquet"))
    net = NeuralNet2(FEATURES, 8, CLASSES, seed=1)
    net.feature_names = names
    history = sxd.fit(net, frame, "species", **(SETTINGS | {"validation": None}))
    assert net.class_names == ("ant", "bee", "cat", "dog")
    other = trained(X, Y, validation=None)
    assert_equal((net, history), other)


@pytest.mark.parametrize(
    ("kind", "message", "change"),
    [
        (ValueError, "X must be finite, got nan in row 600, column 3", lambda X, y: (X, y)),
        (IndexError, r"label 4 at index \(633,\) is not in \[0, 4\)", lambda X, y: (X, y)),
        (ValueError, "X has 700 rows and its labels 699", lambda X, y: (X, y[1:])),
        (ValueError, "rows 0 to 149: X must have shape", lambda X, y: (X[:, :3], y)),
        (ValueError, "chunks of unknown size", lambda X, y: (X[da.from_array(y) > 0], y)),
        (TypeError, "X must be real numbers, got dtype object", lambda X, y: (X.astype(object), y)),
        (ValueError, "no column 'species'", lambda X, y: (X, "species")),
        (TypeError, "y is None; expected labels", lambda X, y: (X, None)),
        (ValueError, "y must have a label or probabilities for every row", lambda X, y: (X, 1)),
        (TypeError, "X is a masked array", lambda X, y: (da.ma.masked_array(X, X > 1), y)),
        (TypeError, r"X is a \w+; .* dask.array.from_delayed", lambda X, y: (dask.delayed(X), y)),
    ],
)
def test_errors_change_nothing(kind: type[Exception], message: str, change: Any) -> None:
    bad, labels = X.copy(), Y.copy()
    if "finite" in message:
        bad[600, 3] = np.nan
    if "label 4" in message:
        labels[633] = 4
    net = NeuralNet2(FEATURES, 8, CLASSES, seed=1)
    before = net.state_dict()
    with pytest.raises(kind, match=message):
        sxd.fit(net, *change(da.from_array(bad, chunks=(90, 12)), labels), **SETTINGS)
    assert all((before[name] == value).all() for name, value in net.state_dict().items())


def test_what_is_no_network_is_refused() -> None:
    with pytest.raises(TypeError, match="net is the class NeuralNet2; expected a network"):
        sxd.fit(NeuralNet2, X, Y, **SETTINGS)
    with pytest.raises(TypeError, match="net is a dict; expected a network"):
        sxd.fit({}, X, Y, **SETTINGS)


def test_errors_in_validation_data_say_so() -> None:
    for labels, kind in ((Y[:90] + 1, IndexError), (Y[:90] + 0.5, ValueError)):
        with pytest.raises(kind, match=r"^validation data: "):
            trained(X, Y, validation=(X[:90], labels))


def test_class_weights_may_be_lazy(reference: Any) -> None:
    assert_equal(trained(X, Y, weight=da.from_array(SETTINGS["weight"])), reference)


# -- on workers ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=2, processes=True, dashboard_address=":0"
    ) as cluster:
        yield cluster


@pytest.fixture
def client(cluster: Any) -> Iterator[Any]:
    with distributed.Client(cluster, timeout=PATIENCE) as client:
        yield client


def test_two_processes(reference: Any, client: Any) -> None:
    assert_equal(trained(da.from_array(X, chunks=(97, 12)), Y), reference)


@pytest.mark.parametrize("workers", [1, 7])
def test_any_number_of_workers(reference: Any, workers: int) -> None:
    with (
        distributed.LocalCluster(
            n_workers=workers, threads_per_worker=1, processes=False, dashboard_address=":0"
        ) as cluster,
        distributed.Client(cluster, timeout=PATIENCE),
    ):
        assert_equal(trained(da.from_array(X, chunks=(211, 12)), Y), reference)


def test_a_worker_is_killed_in_the_middle(reference: Any, client: Any) -> None:
    killed = []

    def kill(record: dict[str, float]) -> None:
        if record["epoch"] == 1:
            victim = next(iter(client.run(os.getpid).values()))
            threading.Timer(0.05, os.kill, (victim, signal.SIGKILL)).start()
            killed.append(victim)

    assert_equal(trained(da.from_array(X, chunks=(97, 12)), Y, callback=kill), reference)
    assert killed
    client.wait_for_workers(2, timeout=PATIENCE)


def test_bad_rows_on_workers(client: Any) -> None:
    labels = Y.copy()
    labels[633] = -1
    with pytest.raises(IndexError, match=r"label -1 at index \(633,\) is not in \[0, 4\)"):
        trained(da.from_array(X, chunks=(97, 12)), labels)


def test_a_dead_scheduler_ends_the_training_which_goes_on_elsewhere(
    reference: Any, tmp_path: Path
) -> None:
    file = tmp_path / "run.npz"
    with (
        dask.config.set({"distributed.comm.timeouts.connect": "3s"}),
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=1, processes=True, dashboard_address=":0"
        ) as cluster,
        distributed.Client(cluster, timeout=3),
    ):

        def close(record: dict[str, float]) -> None:
            if record["epoch"] == 2:
                cluster.sync(cluster.scheduler.close)

        started = time.monotonic()
        with pytest.raises(ConnectionError, match=r"epochs are done.*same call with this"):
            trained(X, Y, checkpoint=file, callback=close)
        assert time.monotonic() - started < PATIENCE
    assert_equal(trained(X, Y, checkpoint=file), reference)
