"""The one rule for labels, wherever they come from."""

from __future__ import annotations

import numpy as np
import pytest

from softxent.data import read, read_samples

X = np.zeros((3, 2), dtype=np.float32)


@pytest.fixture(params=["csv", "npz"])
def labelled(request, tmp_path):
    """Write three samples with labels to a file, as text or as arrays."""

    def write(labels):
        path = tmp_path / f"mine.{request.param}"
        if request.param == "npz":
            np.savez(path, X=X[: len(labels)], y=labels)
        else:
            path.write_text("a,b,y\n" + "".join(f"0,0,{label}\n" for label in labels))
        return path

    return write


@pytest.mark.parametrize(
    ("labels", "names", "indices", "said"),
    [
        ([0, 1, 2], ("0", "1", "2"), [0, 1, 2], False),
        ([1, 0, 1], ("0", "1"), [1, 0, 1], False),
        ([1.0, 0.0, 1.0], ("0", "1"), [1, 0, 1], False),
        ([1, 2, 3], ("1", "2", "3"), [0, 1, 2], True),
        ([10, 3, 7], ("3", "7", "10"), [2, 0, 1], True),
        ([90001, 90003, 90002], ("90001", "90002", "90003"), [0, 2, 1], True),
        ([-1, 1, -1], ("-1", "1"), [0, 1, 0], True),
        ([0, 2, 0], ("0", "2"), [0, 1, 0], True),
        ([0, 2**40, 0], ("0", str(2**40)), [0, 1, 0], True),
        (["dog", "ant", "dog"], ("ant", "dog"), [1, 0, 1], False),
        (["10", "9", "x10"], None, None, False),
    ],
)
def test_labels_that_do_not_count_from_0_are_names(labelled, labels, names, indices, said):
    path = labelled(labels)
    if names is None:
        if path.suffix == ".csv":
            with pytest.raises(ValueError, match="'x10' is not a number, but the label '10'"):
                read(path)
        return
    data = read(path)
    assert (data.class_names, data.y.tolist()) == (names, indices)
    assert data.labels.tolist() == [names[index] for index in indices]
    assert [("names of the classes" in note) for note in data.notes] == [True] * said


def test_num_classes_keeps_whole_numbers_as_indices(labelled):
    data = read(labelled([1, 2, 1]), num_classes=4)
    assert (data.class_names, data.y.tolist()) == (("0", "1", "2", "3"), [1, 2, 1])
    with pytest.raises(ValueError, match=r"label 2 of .*: there are 2 classes"):
        read(labelled([1, 2, 1]), num_classes=2)
    with pytest.raises(ValueError, match=r"label -1 of .*: there are 2 classes"):
        read(labelled([-1, 0, 1]), num_classes=2)
    with pytest.raises(ValueError, match=r"label 'cat' of .*: class indices are whole"):
        read(labelled(["cat", "dog", "cat"]), num_classes=2)
    with pytest.raises(ValueError, match="num_classes must be from 1 to 1048576, got 4000000"):
        read(labelled([0, 1, 2]), num_classes=4_000_000)


@pytest.mark.parametrize(
    ("names", "labels", "indices"),
    [
        (("ant", "bee", "cat"), ["cat", "bee", "cat"], [2, 1, 2]),
        (("ant", "bee", "cat"), [2, 1, 2], [2, 1, 2]),
        (("1", "2", "3"), [3, 1, 3], [2, 0, 2]),
        (("1", "2", "3"), [3.0, 1.0, 3.0], [2, 0, 2]),
        (("3", "10"), [10, 3, 10], [1, 0, 1]),
        (("0", "1", "2"), [2, 2, 2], [2, 2, 2]),
        (("1", "0"), [1, 0, 0], [0, 1, 1]),
    ],
)
def test_labels_are_looked_up_where_there_are_names(labelled, names, labels, indices):
    assert read(labelled(labels), class_names=names).y.tolist() == indices
    samples = read_samples(labelled(labels), class_names=names, with_labels=True)
    assert samples.y.tolist() == indices


@pytest.mark.parametrize(
    ("names", "labels", "message"),
    [
        (("ant", "bee"), ["ant", "tulip", "bee"], "label 'tulip' of .*: the classes are ant, bee"),
        (("ant", "bee"), [0, 2, 0], "label 2 of .*: there are 2 classes, ant, bee"),
        (("1", "2"), [0, 1, 2], "label 0 of .*: the classes are 1, 2"),
        (("0", "1"), [0, 1, 2], "label 2 of .*: the classes are 0, 1"),
        (("1", "2"), ["a", "a", "a"], "label 'a' of .*: the classes are 1, 2"),
        (tuple("abcdefghijklmn"), ["z"] * 3, "the classes are a, b, c, d, e, f, g, h, i, j, …, n"),
    ],
)
def test_an_unknown_label_is_refused_with_the_list(labelled, names, labels, message):
    with pytest.raises(ValueError, match=message):
        read(labelled(labels), class_names=names)


def test_labels_without_any_names_are_indices_for_a_network(labelled):
    assert read_samples(labelled([2, 1, 2]), with_labels=True).y.tolist() == [2, 1, 2]
    with pytest.raises(ValueError, match=r"label 'cat' of .*: class indices are whole numbers"):
        read_samples(labelled(["cat", "dog", "cat"]), with_labels=True)
    with pytest.raises(ValueError, match=r"label -1 of .*: class indices count from 0"):
        read_samples(labelled([2, -1, 2]), with_labels=True)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["cat", "", "dog"], "sample 1: the label is empty"),
        (["cat", "NA", "dog"], r"sample 1: the label is missing \(NA\)"),
        ([0, np.nan, 1], "label nan of sample 1: labels must be whole numbers; this one is miss"),
        (np.array([b"cat", b"caf\xe9", b"dog"]), r"label b'caf\\xe9' of sample 1: bytes beyond"),
        (np.array([b"cat", "é".encode(), b"dog"]), "of sample 1: bytes beyond ASCII"),
    ],
)
def test_labels_of_an_array_are_refused_with_file_array_and_sample(tmp_path, labels, message):
    path = tmp_path / "mine.npz"
    np.savez(path, X=X, y=labels)
    with pytest.raises(ValueError, match=rf"mine\.npz: array 'y'.*{message}"):
        read(path)


def test_byte_labels_of_ascii_are_text(tmp_path):
    np.savez(tmp_path / "mine.npz", X=X, y=np.array([b"dog", b"cat", b"dog"]))
    data = read(tmp_path / "mine.npz")
    assert (data.class_names, data.y.tolist()) == (("cat", "dog"), [1, 0, 1])


def test_one_label_spelled_in_two_ways_is_one_class(tmp_path):
    (tmp_path / "mine.csv").write_text("a,y\n1,1\n2,1.0\n3, 01 \n4,2e0\n")
    data = read(tmp_path / "mine.csv")
    assert (data.class_names, data.y.tolist()) == (("1", "2"), [0, 0, 0, 1])
