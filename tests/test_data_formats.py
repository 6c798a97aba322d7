"""Files recognised by content and by the names that people give them."""

from __future__ import annotations

import gzip
import struct

import numpy as np
import pytest

from softxent.data import read, read_features, read_samples

IMAGES = np.arange(4 * 2 * 3, dtype=np.uint8).reshape(4, 2, 3) * 10
Y = np.array([0, 2, 1, 2])
TABLE = {"a": [1.0, 3.0], "b": [2, 4], "kind": ["cat", "ant"]}


def idx(array):
    """The bytes of an IDX file of 8-bit integers."""
    header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.astype(np.uint8).tobytes()


@pytest.mark.parametrize(
    ("images", "labels"),
    [
        ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
        ("train-images.idx3-ubyte", "train-labels.idx1-ubyte"),
        ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"),
        ("t10k-images.idx3-ubyte.gz", "t10k-labels.idx1-ubyte.gz"),
        ("t10k-images.idx3-ubyte", "t10k-labels-idx1-ubyte.gz"),
        ("emnist-letters-train-images-idx3-ubyte", "emnist-letters-train-labels-idx1-ubyte"),
        ("images.idx", "labels.idx"),
        ("train-images", "train-labels"),
        ("my_images.bin", "my_labels.bin"),
    ],
)
def test_idx_files_are_read_under_any_usual_name(tmp_path, images, labels):
    for name, array in ((images, IMAGES), (labels, Y)):
        pack = gzip.compress if name.endswith(".gz") else bytes
        (tmp_path / name).write_bytes(pack(idx(array)))
    data = read(tmp_path / images)
    assert (data.image_shape, data.y.tolist()) == ((2, 3), Y.tolist())
    np.testing.assert_array_equal(data.X, IMAGES.reshape(4, 6) * np.float32(1 / 255))


def test_idx_data_are_unpacked_by_content(tmp_path):
    (tmp_path / "X.idx").write_bytes(gzip.compress(idx(IMAGES)))
    (tmp_path / "y.idx.gz").write_bytes(idx(Y))
    assert read(tmp_path / "X.idx", tmp_path / "y.idx.gz").y.tolist() == Y.tolist()


def test_labels_in_a_file_of_another_format_are_refused(tmp_path):
    np.save(tmp_path / "X.npy", IMAGES)
    np.save(tmp_path / "y.npy", Y)
    (tmp_path / "y.csv").write_text("0\n2\n1\n2\n")
    assert read(tmp_path / "X.npy", tmp_path / "y.npy").y.tolist() == Y.tolist()
    with pytest.raises(ValueError, match=r"y\.csv: labels of their own file must be npy or idx"):
        read(tmp_path / "X.npy", tmp_path / "y.csv")


@pytest.fixture
def mnist(tmp_path):
    """A file with the arrays of Keras' mnist.npz."""
    path = tmp_path / "mnist.npz"
    np.savez(path, x_test=IMAGES[:2], x_train=IMAGES, y_train=Y, y_test=Y[1:3])
    return path


def test_both_parts_of_the_mnist_of_keras_can_be_read(mnist):
    data = read(mnist)
    assert (len(data), data.y.tolist(), data.image_shape) == (4, [0, 2, 1, 2], (2, 3))
    assert data.notes == ("x_train is read with y_train (labels=y_test reads the other part)",)
    data = read(mnist, "y_test", num_classes=3)
    assert (len(data), data.y.tolist()) == (2, [2, 1])
    assert len(read(mnist, features=["x_test"], num_classes=3)) == 2
    assert len(read_features(mnist, features=["x_test"])) == 2
    with pytest.raises(ValueError, match=r"x_train, x_test; pass features=\[NAME\]"):
        read_features(mnist)
    with pytest.raises(ValueError, match="no array 'y_val'; it has x_test, x_train, y_train, y_t"):
        read(mnist, "y_val")


def test_missing_values_of_an_array_are_dropped_or_filled(tmp_path):
    X = np.array([[1, np.nan], [3, 4], [5, 8]])
    np.savez(tmp_path / "mine.npz", X=X, y=[0, 1, 1])
    with pytest.raises(ValueError, match=r"nan of sample 0, feature 1 is not .*; missing='drop'"):
        read(tmp_path / "mine.npz")
    data = read(tmp_path / "mine.npz", missing="drop", num_classes=2)
    assert (data.X.tolist(), data.y.tolist()) == ([[3, 4], [5, 8]], [1, 1])
    assert read(tmp_path / "mine.npz", missing="mean").X[0].tolist() == [1, 6]


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"sep": ";"}, "sep"),
        ({"header": True}, "header"),
        ({"drop": ["a"]}, "drop"),
        ({"features": ["X", "Z"]}, "features"),
        ({"id": "a"}, "id"),
    ],
)
def test_options_for_tables_are_refused_elsewhere(tmp_path, options, name):
    np.savez(tmp_path / "mine.npz", X=np.zeros((2, 2)))
    with pytest.raises(ValueError, match=f"{name}=… is not for npz files"):
        read_samples(tmp_path / "mine.npz", **options)


def test_a_table_needs_no_ending(tmp_path):
    (tmp_path / "iris").write_text("a;y\n1;0\n2;1\n")
    assert read(tmp_path / "iris").X.tolist() == [[1], [2]]
    (tmp_path / "iris.data").write_text("5.1,3.5,setosa\n\n")
    assert read(tmp_path / "iris.data").class_names == ("setosa",)


@pytest.mark.parametrize(
    ("name", "what"), [("a.xlsx", "an Excel workbook"), ("a.zip", "unpack it"), ("a.csv.xz", "xz")]
)
def test_formats_that_are_not_read_are_named(tmp_path, name, what):
    (tmp_path / name).write_bytes(b"PK\x03\x04")
    with pytest.raises(ValueError, match=what):
        read(tmp_path / name)


def arrow_files(folder):
    """The same table as Parquet, Feather, Arrow file and Arrow stream."""
    arrow = pytest.importorskip("pyarrow")
    feather = pytest.importorskip("pyarrow.feather")
    parquet = pytest.importorskip("pyarrow.parquet")
    table = arrow.table(TABLE)
    parquet.write_table(table, folder / "mine.parquet")
    feather.write_feather(table, folder / "mine.feather")
    feather.write_feather(table, folder / "old.feather", version=1)
    sink = folder / "stream.arrow"
    with arrow.OSFile(str(sink), "wb") as out, arrow.ipc.new_stream(out, table.schema) as writer:
        writer.write_table(table)
    (folder / "by_content").write_bytes((folder / "mine.parquet").read_bytes())
    return ["mine.parquet", "mine.feather", "old.feather", "stream.arrow", "by_content"]


@pytest.mark.filterwarnings("ignore:Feather V1:DeprecationWarning")
def test_parquet_and_arrow_files_are_read(tmp_path):
    for name in arrow_files(tmp_path):
        data = read(tmp_path / name)
        assert (data.X.tolist(), data.feature_names) == ([[1, 2], [3, 4]], ("a", "b"))
        assert (data.class_names, data.y.tolist()) == (("ant", "cat"), [1, 0])
        samples = read_samples(tmp_path / name, id="kind", feature_names=("b", "a"))
        assert (samples.X.tolist(), samples.ids.tolist()) == ([[2, 1], [4, 3]], ["cat", "ant"])
        with pytest.raises(ValueError, match="lacks: c"):
            read_features(tmp_path / name, feature_names=("c", "a"))
        with pytest.raises(ValueError, match="column 'kind' holds text"):
            read_features(tmp_path / name)


def test_missing_values_of_parquet_are_named_or_dealt_with(tmp_path):
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "mine.parquet"
    parquet.write_table(arrow.table({"a": [1, None, 3], "y": [1, 2, None]}), path)
    with pytest.raises(ValueError, match="column 'y', sample 2: the label is missing"):
        read(path)
    with pytest.raises(ValueError, match="value nan of sample 1, column a is not a finite"):
        read_features(path, features=["a"])
    assert read_features(path, features=["a"], missing="mean").tolist() == [[1], [2], [3]]
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(ValueError, match=r"mine\.parquet cannot be read as an Arrow table"):
        read(path)


def test_the_index_of_pandas_in_parquet_is_left_out(tmp_path):
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    frame = pandas.DataFrame({"a": [1.5, 2.5], "y": [0, 1]}, index=[7, 9])
    frame.to_parquet(tmp_path / "mine.parquet")
    data = read(tmp_path / "mine.parquet", "y")
    assert (data.X.tolist(), data.feature_names) == ([[1.5], [2.5]], ("a",))
    assert "__index_level_0__" in data.notes[0]
