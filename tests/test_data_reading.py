"""The user's own data: .npz, .npy and IDX; test_data_csv.py has tables."""

import gzip
import io
import struct
import zipfile

import numpy as np
import pytest

from softxent.data import read, read_features

X = np.arange(12, dtype=np.float64).reshape(4, 3) / 7
Y = np.array([0, 2, 1, 2])
IMAGES = np.arange(4 * 2 * 3, dtype=np.uint8).reshape(4, 2, 3) * 10


def idx(array, code=0x08, dtype=">u1"):
    """The bytes of an IDX file."""
    header = bytes([0, 0, code, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.astype(dtype).tobytes()


def save_npy(path, array, **options):
    """Write a .npy file and return its path."""
    np.save(path, array, **options)
    return path


@pytest.mark.parametrize(
    "names",
    [("X", "y"), ("x", "y"), ("data", "target"), ("images", "labels"), ("x_train", "y_train")],
)
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_read_npz_finds_features_and_labels(tmp_path, names, save):
    save(tmp_path / "mine.npz", **dict(zip(names, (X, Y), strict=True)), extra=np.zeros(3))
    data = read(tmp_path / "mine.npz")
    np.testing.assert_array_equal(data.X, X.astype(np.float32))
    np.testing.assert_array_equal(data.y, Y)
    assert (data.name, data.class_names, data.image_shape) == ("mine", ("0", "1", "2"), None)
    np.testing.assert_array_equal(read_features(tmp_path / "mine.npz"), data.X)


def test_read_npz_takes_the_name_of_the_labels(tmp_path):
    np.savez(tmp_path / "a.npz", pixels=X, digit=Y)
    np.testing.assert_array_equal(read(tmp_path / "a.npz", "digit").X, X.astype(np.float32))
    np.savez(tmp_path / "b.npz", x=X, y=Y, z=Y)
    with pytest.raises(ValueError, match=r"no array 'w'; it has x, y, z"):
        read(tmp_path / "b.npz", "w")
    with pytest.raises(ValueError, match=r"cannot tell which array has the features: x, y"):
        read(tmp_path / "b.npz", "z")
    np.testing.assert_array_equal(read(tmp_path / "b.npz", "y").y, Y)
    with pytest.raises(ValueError, match=r"expected arrays X/y, .*; it has pixels, digit"):
        read(tmp_path / "a.npz")


def test_read_npy_takes_two_files(tmp_path):
    features, labels = save_npy(tmp_path / "X.npy", X), save_npy(tmp_path / "y.npy", Y)
    data = read(features, labels)
    np.testing.assert_array_equal(data.X, X.astype(np.float32))
    np.testing.assert_array_equal(data.y, Y)
    np.testing.assert_array_equal(read_features(features), data.X)
    with pytest.raises(ValueError, match="needs a second file with the labels: pass labels=FILE"):
        read(features)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", [">f8", "<f4", "<f2", ">i4", "<u1", "?"])
def test_read_npy_takes_every_layout_and_number(tmp_path, order, dtype):
    array = np.asarray(X * 7, dtype=dtype, order=order)
    data = read(save_npy(tmp_path / "X.npy", array), save_npy(tmp_path / "y.npy", Y))
    np.testing.assert_array_equal(data.X, array.astype(np.float32))
    assert data.X.flags.c_contiguous


@pytest.mark.parametrize("compressed", [False, True])
def test_read_idx_as_mnist_is_distributed(tmp_path, compressed):
    ending = ".gz" if compressed else ""
    pack = gzip.compress if compressed else bytes
    path = tmp_path / f"train-images-idx3-ubyte{ending}"
    path.write_bytes(pack(idx(IMAGES)))
    (tmp_path / f"train-labels-idx1-ubyte{ending}").write_bytes(pack(idx(Y)))
    data = read(path)
    np.testing.assert_array_equal(data.X, IMAGES.reshape(4, 6) * np.float32(1 / 255))
    np.testing.assert_array_equal(data.y, Y)
    assert data.image_shape == (2, 3)
    np.testing.assert_array_equal(read_features(path), data.X)


@pytest.mark.parametrize(
    ("code", "dtype"),
    [(0x08, ">u1"), (0x09, ">i1"), (0x0B, ">i2"), (0x0C, ">i4"), (0x0D, ">f4"), (0x0E, ">f8")],
)
def test_read_idx_knows_every_type(tmp_path, code, dtype):
    (tmp_path / "X.idx").write_bytes(idx(X * 7, code, dtype))
    (tmp_path / "y.idx").write_bytes(idx(Y))
    data = read(tmp_path / "X.idx", tmp_path / "y.idx", scale=1.0)
    np.testing.assert_array_equal(data.X, (X * 7).astype(dtype).astype(np.float32))


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not an IDX file: it starts with the bytes ''"),
        (b"\x00\x01\x08\x01", "starts with the bytes '00 01 08 01'"),
        (b"\x00\x00\x07\x01", "starts with the bytes '00 00 07 01'"),
        (b"\x00\x00\x08\x00", "starts with the bytes '00 00 08 00'"),
        (b"\x00\x00\x08\x03\x00\x00", "is truncated inside its header of 3 dimensions"),
        (idx(IMAGES)[:-1], r"shape \(4, 2, 3\) takes 24 bytes after the header, it has 23"),
        (idx(IMAGES) + b"\0", r"takes 24 bytes after the header, it has more"),
        (b"\x00\x00\x0e\x03" + b"\xff" * 12 + bytes(5), "bytes after the header, it has 5"),
    ],
)
def test_read_idx_refuses_damage_without_allocating(tmp_path, compressed, content, message):
    path = tmp_path / ("X.idx.gz" if compressed else "X.idx")
    path.write_bytes(gzip.compress(content) if compressed else content)
    with pytest.raises(ValueError, match=message):
        read_features(path)


def test_read_idx_refuses_damaged_gzip(tmp_path):
    path = tmp_path / "X.idx.gz"
    content = gzip.compress(idx(np.random.default_rng(0).integers(0, 256, (50, 8, 8))))
    path.write_bytes(content[:-20])
    with pytest.raises(ValueError, match="damaged gzip file"):
        read_features(path)
    path.write_bytes(content[:500] + bytes([content[500] ^ 255]) + content[501:])
    with pytest.raises(ValueError, match=r"damaged|X\.idx\.gz"):
        read_features(path)


def test_read_idx_says_that_labels_are_missing(tmp_path):
    for name in ("train-images-idx3-ubyte", "X.idx"):
        (tmp_path / name).write_bytes(idx(IMAGES))
        with pytest.raises(ValueError, match="needs a second file with the labels"):
            read(tmp_path / name)


def test_images_of_8_bits_are_scaled_and_tables_are_not(tmp_path):
    labels = save_npy(tmp_path / "y.npy", Y)
    images = save_npy(tmp_path / "images.npy", IMAGES)
    table = save_npy(tmp_path / "table.npy", IMAGES.reshape(4, 6))
    assert read(images, labels).X.max() == np.float32(230) * np.float32(1 / 255)
    assert read(images, labels).image_shape == (2, 3)
    assert read(images, labels, scale=1.0).X.max() == 230
    assert read(table, labels).X.max() == 230
    assert read(table, labels, scale=0.1).X.max() == np.float32(23)


@pytest.mark.parametrize(
    ("features", "message"),
    [
        (np.zeros(4), r"must have shape .*, got \(4,\)"),
        (np.zeros((4, 1, 1, 1)), r"must have shape .*, got \(4, 1, 1, 1\)"),
        (np.zeros((0, 3)), r"no features in an array of shape \(0, 3\)"),
        (np.zeros((4, 0)), r"no features in an array of shape \(4, 0\)"),
        (np.zeros((4, 3), complex), "must be real numbers, got dtype complex128"),
        (np.full((4, 3), "a"), "must be real numbers, got dtype <U1"),
        (np.where(X[2, 1] == X, np.nan, X), "the value nan of sample 2, feature 1 is not a finite"),
        (np.where(X[3, 0] == X, -np.inf, X), "the value -inf of sample 3, feature 0"),
        (np.where(X[1, 2] == X, 1e300, X), r"the value 1e\+300 of sample 1, feature 2"),
    ],
)
def test_read_refuses_features(tmp_path, features, message):
    path = tmp_path / "mine.npz"
    np.savez(path, X=features, y=Y)
    with pytest.raises(ValueError, match=message) as caught:
        read(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.array([0, 1.5, 1, 0]), "label 1.5 of sample 1: labels must be whole numbers"),
        (np.array([0, 1, np.nan, 0]), "label nan of sample 2: labels must be whole numbers"),
        (np.array([0, 1, np.inf, 0]), "label inf of sample 2: labels must be whole numbers"),
        (Y[:3], "3 labels for 4 samples"),
        (np.eye(4), r"labels must have shape \(n,\), got \(4, 4\)"),
        (Y + 0j, "labels must be integers or text, got dtype complex128"),
    ],
)
def test_read_refuses_labels(tmp_path, labels, message):
    np.savez(tmp_path / "mine.npz", X=X, y=labels)
    with pytest.raises(ValueError, match=message):
        read(tmp_path / "mine.npz")


@pytest.mark.parametrize("labels", [Y.astype(float), Y.astype(np.uint8), Y[:, None], Y.tolist()])
def test_read_takes_whole_labels_of_any_type(tmp_path, labels):
    np.savez(tmp_path / "mine.npz", X=X, y=labels)
    np.testing.assert_array_equal(read(tmp_path / "mine.npz").y, Y)


def test_text_labels_are_numbered_in_sorted_order_or_as_given(tmp_path):
    np.savez(tmp_path / "mine.npz", X=X, y=["dog", "ant", "cat", "ant"])
    data = read(tmp_path / "mine.npz")
    assert (data.y.tolist(), data.class_names) == ([2, 0, 1, 0], ("ant", "cat", "dog"))
    data = read(tmp_path / "mine.npz", class_names=["eel", "dog", "cat", "ant"])
    assert (data.y.tolist(), data.num_classes) == ([1, 3, 2, 3], 4)
    with pytest.raises(ValueError, match="label 'cat' of sample 2: the classes are ant, dog"):
        read(tmp_path / "mine.npz", class_names=["ant", "dog"])


def test_class_names_limit_integer_labels(tmp_path):
    np.savez(tmp_path / "mine.npz", X=X, y=Y)
    assert read(tmp_path / "mine.npz", class_names="abcd").num_classes == 4
    with pytest.raises(ValueError, match="label 2 of sample 1: there are 2 classes"):
        read(tmp_path / "mine.npz", class_names="ab")


class Malice:
    """Would run code when unpickled."""

    def __reduce__(self):
        return print, ("unpickled",)


def test_pickles_are_refused_and_not_run(tmp_path, capsys):
    objects = np.array([Malice()] * 4)
    np.savez(tmp_path / "mine.npz", X=objects, y=Y)
    with pytest.raises(ValueError, match=r"array 'X' holds Python objects \(dtype object\)"):
        read(tmp_path / "mine.npz")
    features = save_npy(tmp_path / "X.npy", objects)
    with pytest.raises(ValueError, match="holds Python objects"):
        read_features(features)
    assert capsys.readouterr().out == ""


def test_a_shape_larger_than_its_file_is_refused_without_allocating(tmp_path):
    stream = io.BytesIO()
    header = {"descr": "<f8", "fortran_order": False, "shape": (2**40, 2**20)}
    np.lib.format.write_array_header_1_0(stream, header)
    (tmp_path / "X.npy").write_bytes(stream.getvalue() + bytes(64))
    with pytest.raises(ValueError, match=r"shape \(1099511627776, 1048576\) of float64 takes"):
        read_features(tmp_path / "X.npy")
    with zipfile.ZipFile(tmp_path / "X.npz", "w") as archive:
        archive.writestr("X.npy", stream.getvalue() + bytes(64))
    with pytest.raises(ValueError, match=r"array 'X' is damaged: shape"):
        read_features(tmp_path / "X.npz")


def test_every_truncation_is_refused(tmp_path):
    np.savez_compressed(tmp_path / "X.npz", X=X, y=Y)
    save_npy(tmp_path / "X.npy", X)
    for name in ("X.npz", "X.npy"):
        path = tmp_path / name
        content = path.read_bytes()
        for length in range(0, len(content), 11):
            path.write_bytes(content[:length])
            with pytest.raises(ValueError, match=name):
                read_features(path)


def test_read_refuses_unknown_and_missing_files(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no file .*none.npz'"):
        read(tmp_path / "none.npz")
    (tmp_path / "mine.pkl").write_bytes(b"")
    with pytest.raises(ValueError, match=r"unknown ending '.pkl'; expected .npz, .npy, .csv"):
        read(tmp_path / "mine.pkl")
    with pytest.raises(FileNotFoundError, match="there is no file"):
        read(save_npy(tmp_path / "X.npy", X), tmp_path / "y.npy")


def test_arrays_of_other_names_are_told_with_how_to_name_them(tmp_path):
    np.savez(tmp_path / "other.npz", foo=X, bar=Y)
    with pytest.raises(ValueError, match=r"it has foo, bar; pass features=\[NAME\] and"):
        read(tmp_path / "other.npz")
    data = read(tmp_path / "other.npz", "bar", features=["foo"])
    np.testing.assert_array_equal(data.y, Y)


def test_a_folder_is_no_missing_file(tmp_path):
    with pytest.raises(IsADirectoryError, match="is a folder, not a file"):
        read(tmp_path)
