"""Columns that meet the features of a network, by name wherever there are names."""

from __future__ import annotations

import pytest

from softxent.data import read, read_features, read_samples


@pytest.fixture
def table(tmp_path):
    """Write a text to a file and return its path."""

    def write(text):
        path = tmp_path / "mine.csv"
        path.write_text(text)
        return path

    return write


@pytest.mark.parametrize(
    ("text", "extra"),
    [
        ("a,b,kind\n1,2,cat\n", None),
        ("kind,b,a\ncat,2,1\n", None),
        ("b,kind,a\n2,cat,1\n", None),
        ("id,b,a,kind\n7,2,1,cat\n", "id"),
        (",b,a,kind\n0,2,1,cat\n", None),
    ],
)
def test_columns_are_matched_by_name_in_any_order(table, text, extra):
    data = read(table(text), feature_names=("a", "b"), class_names=("ant", "cat"))
    assert (data.X.tolist(), data.y.tolist()) == ([[1, 2]], [1])
    assert data.feature_names == ("a", "b")
    ignored = [note for note in data.notes if "no features" in note]
    assert [f": {extra}" in note for note in ignored] == [True] * (extra is not None)


def test_missing_columns_are_listed(table):
    with pytest.raises(
        ValueError, match=r"features that the table lacks: c, d; the table has a, b"
    ):
        read_features(table("a,b\n1,2\n"), feature_names=("c", "a", "d"))


def test_a_table_without_names_goes_by_position(table):
    assert read_features(table("1,2\n"), feature_names=("a", "b")).tolist() == [[1, 2]]


def test_a_header_of_numbers_is_known_by_the_names_of_the_network(table):
    path = table("1,0\n5,6\n7,8\n")
    assert read_features(path, feature_names=("0", "1")).tolist() == [[6, 5], [8, 7]]


def test_the_labels_are_in_the_last_column_that_is_no_feature(table):
    options = {"feature_names": ("a", "b"), "with_labels": True}
    assert read_samples(table("y,b,a\n1,2,3\n"), **options).y.tolist() == [1]
    assert read_samples(table("x,b,a,y\n9,2,3,1\n"), **options).y.tolist() == [1]
    assert read_samples(table("b,a\n2,3\n"), **options).y is None
    with pytest.raises(ValueError, match=r"one of the columns 'x', 'y' has the labels"):
        read(table("x,y,b,a\n9,1,2,3\n"), feature_names=("a", "b"))
    with pytest.raises(ValueError, match="has no labels where they are looked for; pass"):
        read(table("b,a\n2,3\n"), feature_names=("a", "b"))
    with pytest.raises(ValueError, match="column 'a' is a feature of the network"):
        read(table("b,a,y\n2,3,0\n"), "a", feature_names=("a", "b"))


def test_identifiers_are_no_features(table):
    samples = read_samples(table("id,b,a\n7,2,1\n"), id="id", feature_names=("a", "b"))
    assert (samples.ids.tolist(), samples.X.tolist(), samples.notes) == (["7"], [[1, 2]], ())
    samples = read_samples(table("7,2,1\n"), id=0)
    assert (samples.ids.tolist(), samples.X.tolist()) == (["7"], [[2, 1]])
    samples = read_samples(table(",a\n7,2\n"), id="Unnamed: 0")
    assert (samples.ids.tolist(), samples.id_name, samples.X.tolist()) == (["7"], "0", [[2]])
    assert read_samples(table("id,a\n7,2\n"), id="0").id_name == "id"
    with pytest.raises(ValueError, match="no column 'key'; the columns are id, a"):
        read_samples(table("id,a\n7,2\n"), id="key")


def test_a_column_is_chosen_by_name_before_position(table):
    assert read(table("a,b,0\n1,2,1\n3,4,0\n"), "0").feature_names == ("a", "b")
    assert read(table("a,b,c\n1,2,1\n0,4,0\n"), "0").feature_names == ("b", "c")
    assert read(table("x,1,2\ny,3,4\n"), "0").class_names == ("x", "y")


def test_a_column_that_is_called_label_is_noticed_if_it_is_not_the_last(table):
    path = table("label,p\n1,0\n0,1\n")
    (note,) = read(path).notes
    assert note == "the labels are taken from the last column, p (labels=label takes the others)"
    assert read(path, "label").notes == ()


def test_an_index_column_that_a_network_knows_is_a_feature(table):
    path = table("Unnamed: 0,a\n0,1\n1,2\n")
    features = read_features(path, feature_names=("a", "Unnamed: 0"))
    assert features.tolist() == [[1, 0], [2, 1]]
