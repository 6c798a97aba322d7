"""Tables as text."""

import gzip

import numpy as np
import pytest

from softxent.data import read, read_features

ROWS = "1,2.5,0\n-3,4e-1,2\n.5,6,1\n"
X = np.array([[1, 2.5], [-3, 0.4], [0.5, 6]], dtype=np.float32)


@pytest.fixture
def table(tmp_path):
    """Write a text to a file and return its path."""

    def write(text, name="mine.csv"):
        path = tmp_path / name
        data = text if isinstance(text, bytes) else text.encode()
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        return path

    return write


@pytest.mark.parametrize(
    "text",
    [
        ROWS,
        "a,b,label\n" + ROWS,
        '"a","b","label"\n' + ROWS,
        "\ufeffa,b,label\n" + ROWS,
        ROWS.replace("\n", "\r\n"),
        ROWS.rstrip("\n"),
        ROWS.replace(",", ";"),
        ROWS.replace(",", "\t"),
        ROWS.replace(",", " , "),
        ROWS + "\n\n",
        ROWS.replace("2.5", '"2.5"'),
    ],
)
@pytest.mark.parametrize("name", ["mine.csv", "mine.csv.gz", "mine.tsv", "mine.txt"])
def test_read_takes_tables_with_and_without_header(table, text, name):
    data = read(table(text, name))
    np.testing.assert_array_equal(data.X, X)
    assert data.y.tolist() == [0, 2, 1]
    assert data.name == "mine"


@pytest.mark.parametrize("label", ["kind", 1, -2])
def test_the_label_column_is_chosen_by_name_or_position(table, label):
    data = read(table("a,kind,b\n1,0,2\n3,1,4\n"), label)
    np.testing.assert_array_equal(data.X, [[1, 2], [3, 4]])
    assert data.y.tolist() == [0, 1]


@pytest.mark.parametrize("header", ["", "a,b,label\n"])
def test_text_labels_become_classes(table, header):
    data = read(table(header + '1,2,"dog, big"\n3,4,cat\n5,6,"dog, big"\n'))
    assert (data.class_names, data.y.tolist()) == (("cat", "dog, big"), [1, 0, 1])


def test_a_first_line_without_a_number_is_a_header_unless_told(table):
    path = table("a,b,c\n1,2,0\n")
    assert len(read(path)) == 1
    with pytest.raises(ValueError, match="line 1, column 0: 'a' is not a number"):
        read(path, header=False)


def test_a_first_line_of_numbers_is_data_unless_told(table):
    path = table("5,1,2\n1,2,0\n3,4,1\n")
    assert len(read(path)) == 3
    assert len(read(path, header=True)) == 2


def test_read_features_takes_every_column(table):
    path = table("a,b\n1,2\n3,4\n")
    np.testing.assert_array_equal(read_features(path), [[1, 2], [3, 4]])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("\n\n", "is empty"),
        ("a,b,label\n", "has a header but no data"),
        ("1,2,0\n3,4\n", "line 2: 2 fields, expected 3"),
        ("1,2,0\n3,4,1,5\n", "line 2: 4 fields, expected 3"),
        ("a,b,label\n1,2,0,5\n3,4,1,6\n", "line 2: 4 fields, expected 3"),
        ("1,2,dog\n3,4,cat,5\n", "line 2: 4 fields, expected 3"),
        ("a,b,label\n1,2,0\n3,x,1\n", "line 3, column b: 'x' is not a number"),
        ("1,2,0\n3,,1\n", "line 2, column 1: '' is not a number"),
        ("1,2,0\n3,4,dog\n", "line 2, column 2: 'dog' is not a number"),
        ("1,2,0\n3,nan,1\n", "line 2, column 1: 'nan' is not a number but a missing value"),
        ("1,2,0\n3,inf,1\n", "line 2, column 1: 'inf' is not a finite float32 number"),
        ("1,2,0\n3,1e39,1\n", "line 2, column 1: '1e39' is not a finite float32 number"),
        ("1,2,0\n3,4,0.5\n", "label 0.5 of line 2, column 2: labels must be whole numbers"),
        (b"1,2,0\n\xff\xfe,4,1\n", "is not UTF-8 text"),
        ("0\n1\n", "no features"),
    ],
)
def test_read_refuses_a_table_and_names_the_place(table, text, message):
    path = table(text)
    with pytest.raises(ValueError, match=message) as caught:
        read(path)
    assert str(path) in str(caught.value)


def test_read_refuses_a_label_column_that_is_not_there(table):
    path = table("a,b,label\n" + ROWS)
    with pytest.raises(ValueError, match="no column 'kind'; the columns are a, b, label"):
        read(path, "kind")
    with pytest.raises(ValueError, match="label column 3 is not among 3 columns"):
        read(path, 3)
    with pytest.raises(ValueError, match=r"no column 'kind'; .* none, because the file has no"):
        read(path, "kind", header=False)


def test_read_refuses_damaged_gzip(table):
    path = table("a,b,label\n" + ROWS * 500, "mine.csv.gz")
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(ValueError, match="is a damaged gzip file"):
        read(path)
