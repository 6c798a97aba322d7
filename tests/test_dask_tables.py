"""Tables as training data of softxent.dask.fit: in memory or lazy, with columns of any kind."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from softxent.models import NeuralNet2

dask = pytest.importorskip("dask")
sxd = pytest.importorskip("softxent.dask")
pd = pytest.importorskip("pandas")
dd = pytest.importorskip("dask.dataframe")

NAMES = ["a", "b", "c"]
X = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)
Y = np.arange(60) % 3
TEXT = np.array(["ant", "bee", "cat"])[Y]
TABLE = pd.DataFrame(X, columns=NAMES)


@pytest.fixture(autouse=True)
def one_thread_and_no_warnings() -> Iterator[None]:
    with dask.config.set(scheduler="synchronous"), warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def trained(X: Any, y: Any, net: NeuralNet2 | None = None) -> NeuralNet2:
    net = NeuralNet2(3, 4, 3, seed=0) if net is None else net
    sxd.fit(net, X, y, epochs=2, batch_size=16, learning_rate=0.1, progress=False)
    return net


def lazy(table: Any) -> Any:
    return dd.from_pandas(table, npartitions=3)


def assert_same(one: NeuralNet2, other: NeuralNet2) -> None:
    for name, value in one.state_dict().items():
        assert value.tobytes() == other.state_dict()[name].tobytes(), name


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_tables_in_memory(library: str) -> None:
    table = TABLE.assign(species=TEXT)[["species", "c", "a", "b"]]
    if library == "polars":
        table = pytest.importorskip("polars").DataFrame(table.to_dict("list"))
    if library == "pyarrow":
        table = pytest.importorskip("pyarrow").Table.from_pandas(table, preserve_index=False)
    net = NeuralNet2(3, 4, 3, seed=0)
    net.feature_names = NAMES
    trained(table, "species", net)
    assert net.class_names == ("ant", "bee", "cat")
    assert_same(net, trained(X, Y))


def test_a_network_takes_the_names_of_a_table_in_memory() -> None:
    net = trained(TABLE, TEXT)
    assert (net.feature_names, net.class_names) == (("a", "b", "c"), ("ant", "bee", "cat"))
    with pytest.raises(ValueError, match="the table lacks: b"):
        trained(TABLE[["a", "c"]], TEXT, net)
    with pytest.raises(ValueError, match="there is no column 'kind' of labels"):
        trained(TABLE, "kind")


@pytest.mark.parametrize("kind", ["Int64", "int64[pyarrow]", "category", "UInt8", "int16"])
def test_labels_of_any_whole_numbers(kind: str) -> None:
    if "pyarrow" in kind:
        pytest.importorskip("pyarrow")
    labels = pd.Series(Y).astype(kind)
    assert_same(trained(lazy(TABLE), lazy(labels)), trained(X, Y))


@pytest.mark.parametrize("kind", ["category", "string", "object"])
def test_labels_of_any_text(kind: str) -> None:
    net = trained(lazy(TABLE), lazy(pd.Series(TEXT).astype(kind)))
    assert net.class_names == ("ant", "bee", "cat")
    assert_same(net, trained(X, Y))


def test_missing_labels_are_refused() -> None:
    missing = pd.Series(Y, dtype="Int64").where(Y > 0)
    with pytest.raises(TypeError, match="None is no label: leave such rows out"):
        trained(lazy(TABLE), lazy(missing))


def test_a_missing_text_is_told_by_its_place_in_all_rows() -> None:
    labels = pd.Series(TEXT, dtype="string").where(np.arange(60) != 41)
    with pytest.raises(ValueError, match="y, sample 41: the label is missing"):
        sxd.fit(
            NeuralNet2(3, 4, 3, seed=0), lazy(TABLE), lazy(labels), epochs=1, batch_size=8,
            learning_rate=0.1, progress=False, unit_rows=16,
        )  # fmt: skip


@pytest.mark.parametrize("kind", ["Float32", "float[pyarrow]"])
def test_features_of_any_numbers(kind: str) -> None:
    if "pyarrow" in kind:
        pytest.importorskip("pyarrow")
    assert_same(trained(lazy(TABLE.astype(kind)), Y), trained(X, Y))
    mixed, plain = TABLE.assign(b=Y > 0), X.copy()
    plain[:, 1] = Y > 0
    assert_same(trained(lazy(mixed), Y), trained(plain, Y))


def test_columns_of_other_things_are_named() -> None:
    with pytest.raises(TypeError, match="X must be real numbers, but column 'b' holds str"):
        trained(lazy(TABLE.assign(b=TEXT)), Y)
    with pytest.raises(TypeError, match="but column 'b' holds datetime64"):
        trained(lazy(TABLE.assign(b=pd.to_datetime(Y))), Y)


def test_lazy_series_are_no_targets_of_arrays() -> None:
    logits = lazy(TABLE).to_dask_array(lengths=True)
    labels = lazy(pd.Series(Y))
    with pytest.raises(TypeError, match=r"pass it as target\.to_dask_array\(lengths=True\)"):
        sxd.cross_entropy(logits, labels)
    sxd.cross_entropy(logits, labels.to_dask_array(lengths=True)).compute()
