"""Text tables as people have them: read as they are, noticed, or refused with line and column."""

from __future__ import annotations

import gzip
import os
import threading

import numpy as np
import pytest

from softxent.data import read, read_features, read_samples

X = np.array([[1, 2], [3, 4]], dtype=np.float32)


@pytest.fixture
def table(tmp_path):
    """Write a text, or bytes, to a file and return its path."""

    def write(content, name="mine.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def check(data, names=("a", "b"), labels=(0, 1)):
    """Two samples of two features."""
    np.testing.assert_array_equal(data.X, X)
    assert data.y.tolist() == list(labels)
    assert data.feature_names == names


@pytest.mark.parametrize(
    "text",
    [
        "a,b,y\n1,2,0\n3,4,1\n",
        "\na,b,y\n1,2,0\n3,4,1\n",
        "\n  \n\na;b;y\n1;2;0\n3;4;1",
        "a|b|y\n1|2|0\n3|4|1\n",
        "a\tb\ty\n1\t2\t0\n3\t4\t1\n",
        "a b y\n1 2 0\n3 4 1\n",
        "  a   b  y  \n   1 2 \t 0\n\t3\t4\t1 \n",
        "a,b,y\r1,2,0\r3,4,1\r",
        "a,b,y\r\n\r\n1,2,0\r\n\r\n3,4,1\r\n",
        "a,b,y,\n1,2,0,\n3,4,1,\n",
        "a,b,y,,,\n1,2,0,,,\n3,4,1,,,\n",
        "a,b,y\n1,2,0,\n3,4,1,\n",
        "a,b,y,\n1,2,0\n3,4,1\n",
        '"a","b","y"\n"1","2","0"\n"3","4","1"\n',
        "# a,b,y\n1,2,0\n3,4,1\n",
        "a , b , y\n 1 , 2 , 0 \n3,4 ,1\n",
        "sep=;\r\na;b;y\r\n1;2;0\r\n3;4;1\r\n",
    ],
)
def test_read_takes_a_table_however_it_is_written(table, text):
    check(read(table(text)))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_read_takes_unicode_with_a_byte_order_mark(table, encoding):
    mark = "\ufeff" if encoding.endswith(("le", "be")) else ""
    data = read(table((mark + "ä,b,y\n1,2,für\n3,4,été\n").encode(encoding)))
    check(data, ("ä", "b"))
    assert data.class_names == ("für", "été")


def test_read_refuses_other_encodings_and_says_where(table):
    with pytest.raises(ValueError, match=r"is not UTF-8 text: byte 0xe9 in line 3"):
        read(table("a,y\n1,x\n2,\xe9t\xe9\n".encode("latin-1")))
    with pytest.raises(ValueError, match="NUL bytes: it is no text, or UTF-16 without"):
        read(table("a,b,y\n1,2,0\n".encode("utf-16-le")))
    with pytest.raises(ValueError, match="is not UTF-16 text"):
        read(table("a,b,y\n1,2,0\n".encode("utf-16")[:-1]))


def test_gzip_is_recognised_by_content_and_not_by_name(table):
    packed = gzip.compress(b"a,b,y\n1,2,0\n3,4,1\n")
    check(read(table(packed)))
    check(read(table(b"a,b,y\n1,2,0\n3,4,1\n", "plain.csv.gz")))


def test_names_and_fields_may_hold_line_breaks_and_delimiters(table):
    check(read(table('"a\nx",b,y\n1,2,0\n3,4,1\n')), ("a\nx", "b"))
    check(read(table('"p,q,r";"s,t";y\n1;2;0\n3;4;1\n')), ("p,q,r", "s,t"))
    data = read(table('a,y\n1,"big\ndog"\n2,"cat, ""small"""\n'))
    assert data.class_names == ("big\ndog", 'cat, "small"')


def unclosed(rows, at):
    """A table of so many rows of which one, counted from 0, has an unclosed quote."""
    lines = ["a,y", *(f"{row},{'' if row != at else chr(34)}cat" for row in range(rows))]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("rows", [3, 60, 300, 3000, 40_000])
@pytest.mark.parametrize("place", [0, 0.4, 1])
def test_an_unclosed_quote_is_refused_with_the_line_where_it_opens(table, rows, place):
    at = round(place * (rows - 1))
    with pytest.raises(ValueError, match=rf"line {at + 2}: the quote that opens in this line is"):
        read(table(unclosed(rows, at)))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('a,y\n1,"ab\n2,c\n3,d\n', "line 2: the quote that opens in this line is never closed"),
        ('a,y\n1,c\n2,"x\ny","z\n3,d\n', "line 4: the quote that opens in this line is never"),
        ('a,y\n1,"ab"x\n2,c\n', "opens in this line is closed in line 2, where 'x' follows"),
        ('a,y\n1,"ab\n2,c\n3,"d"\n', "line 2: .* is closed in line 4, where 'd' follows"),
        ('a,y\n1,"ab\n2,c\n3,d"\n', "line 2: a quote that opens in this row .*, such as '2,c'"),
        ('a,y\n1,"ab\n2,c"\n3,d\n', "line 2: a quote that opens in this row is closed only after"),
        ('"a,y\n1,c\n2,d\n', "line 1: the quote that opens in this line is never closed"),
        ("a,b,y\n1,2,0\n3,4\n", "line 3: 2 fields, expected 3"),
        ("a,b,y\n1,2,0\n3,4,1,5\n", "line 3: 4 fields, expected 3"),
        ("a b y\nr1 1 2 0\n", "line 2: 4 fields, expected 3; the header has a name less"),
        ("a,b,y\n1,2,0,\n3,4,1,5\n", "line 3: 4 fields, expected 3"),
        ("a,b,s\n1,2,cat\n3,4,\n5,6,dog\n", "line 3, column s: the label is empty"),
        ("a,b,s\n1,2,cat\n3,4,NA\n", r"line 3, column s: the label is missing \(NA\)"),
        ("a,b,s\n1,2,1\n3,4,nan\n", r"line 3, column s: the label is missing \(nan\)"),
        ("a,a,y\n1,2,0\n", "the columns 'a' occur more than once"),
        ("a,b,a,b,y\n1,2,3,4,0\n", "the columns 'a', 'b' occur more than once"),
        ("a,,y\n1,2,0\n", "column 1 has no name; give it one, or pass features=NAMES"),
        ("a;b;y\n1,5;2,5;0\n", "line 2, column a: '1,5' is not a number; decimal=','"),
        ("a,b,y\n1,x,0\n", "line 2, column b: 'x' is not a number; drop='b' leaves out the column"),
        ('a,b,y\n"1,234",2,0\n', "line 2, column a: '1,234' is not a number; drop='a'"),
        ("1,5;2,5;0\n", "line 1, column 0: '1,5' is not a number; decimal=','"),
        ("# comment\n1,2,0\n", "line 1 starts with '#': if it is a comment, pass comment='#'"),
        ("% a\n1,2,0\n3,4,1\n", "line 1 starts with '%': if it is a comment, pass comment='%'"),
        ("1,2,0\n# why, not,\n", "line 2, column 0: '# why' is not a number; comment='#'"),
        ("id,2019,kind\n1,2,cat\n", "line 1, column 0: 'id' is not a number; header=True"),
        ("a,b,y\n1,nan,0\n", "line 2, column b: 'nan' is not a number but a missing value"),
        ("a,b,y\n1,2,0\n,4,0\n", "line 3, column a: '' is not a number but a missing value"),
        ("a,b,y\n1,2,0\n,,\n", "line 3, column a: '' is not a number but a missing value"),
        ("a,b,y\n1_0,2,0\n", "line 2, column a: '1_0' is not a number"),
        ("a,b,y\n1,-inf,0\n", "line 2, column b: '-inf' is not a finite float32 number"),
        ("a,b,y\n1,2,0\n3,4,cat\n", "line 3, column y: 'cat' is not a number, but the label '0'"),
    ],
)
def test_read_refuses_a_table_and_names_line_and_column(table, text, message):
    path = table(text)
    with pytest.raises(ValueError, match=message) as caught:
        read(path)
    assert str(path) in str(caught.value)


def test_rows_inside_quotes_of_the_first_column_are_noticed_too(table):
    with pytest.raises(ValueError, match=r"line 2: a quote that opens .*, such as 'c,1': is one"):
        read(table('y,a\n"c,1\nd",2\ne,3\n'), 0)
    assert read(table('y,a\n"c\nd",2\ne,3\n'), 0).class_names == ("c\nd", "e")


def test_a_header_of_numbers_is_noticed(table):
    data = read(table("0,1,2\n1.5,2.5,0\n3.5,4.5,1\n"))
    assert (len(data), data.feature_names) == (2, ("0", "1"))
    (note,) = data.notes
    assert "the first line, '0', '1', '2', counts the columns" in note
    assert len(read(table("0,1,2\n1.5,2.5,0\n3.5,4.5,1\n"), header=False)) == 3
    assert read(table("0,1,label\n1,2,0\n3,4,1\n")).feature_names == ("0", "1")
    assert read(table("0,1\n1.5,0\n3.5,1\n")).feature_names == ("0",)
    (note,) = read(table("0,1\n1,0\n3,1\n")).notes
    assert "is read as a sample" in note
    for first in ("0,1,2,0,1,2", "1,2,3,4,5,6", "90,7,2018,2019,5,2020"):
        text = f"{first}\n1.5,2.5,3.5,4.5,5.5,0\n2.5,2.5,3.5,4.5,5.5,1\n"
        (note,) = read(table(text), num_classes=3000).notes
        assert "is read as a sample (header=True if it has names)" in note
    with pytest.raises(ValueError, match="the columns '0', '1', '2' occur more than once"):
        read(table("0,1,2,0,1,2\n1,2,3,4,5,0\n"), header=True)
    assert read(table("1,2,0\n3,4,1\n5,6,0\n")).notes == ()
    check(read(table("0_0,0_1,y\n1,2,0\n3,4,1\n")), ("0_0", "0_1"))


def test_a_first_line_that_may_be_names_is_noticed(table):
    text = "2019,2020,species\n1,2,cat\n2,3,cat\n3,4,dog\n4,5,dog\n"
    (note,) = read(table(text)).notes
    assert "its label 'species' occurs nowhere else (header=True" in note
    assert read(table(text), header=True).notes == ()


@pytest.mark.parametrize(
    ("head", "index"),
    [("", [0, 1]), ("Unnamed: 0", [0, 1]), ("", [7, 3]), ("", ["r1", "r2"])],
)
def test_the_index_column_of_pandas_is_left_out_and_said(table, head, index):
    data = read(table(f"{head},a,b,y\n{index[0]},1,2,0\n{index[1]},3,4,1\n"))
    check(data)
    assert data.notes == (f"column {head!r} counts the rows, as the index of pandas: left out",)


def test_an_index_that_was_written_twice_is_left_out_twice(table):
    data = read(table("Unnamed: 0.1,Unnamed: 0,a,b,y\n0,0,1,2,0\n1,1,3,4,1\n"))
    check(data)
    assert len(data.notes) == 2


def test_a_first_column_without_a_name_that_is_no_index_is_refused(table):
    with pytest.raises(ValueError, match="column 0 has no name"):
        read(table(",a,y\n0.5,1,0\n0.25,3,1\n"))


def test_options_say_how_a_table_is_written(table):
    check(read(table("a:b:y\n1:2:0\n3:4:1\n"), sep=":"))
    check(read(table("a b y\n1 2 0\n3 4 1\n"), sep="blanks"))
    check(read(table("a\tb\ty\n1\t2\t0\n3\t4\t1\n"), sep="tab"))
    data = read(table("a;b;y\n1,5;2;0\n-0,25;1e3;1\n"), decimal=",")
    np.testing.assert_array_equal(data.X, [[1.5, 2], [-0.25, 1000]])
    with pytest.raises(ValueError, match=r"line 2, column a: '1\.5' is not a number"):
        read(table("a;b;y\n1.5;2;0\n"), decimal=",")
    text = "# made by hand\na,b,y # names\n#\n1,2,0\n  # indented\n3,4,1# last\n"
    check(read(table(text), comment="#"))
    data = read(table('a,y\n1,"c # not"\n2,d # yes\n'), comment="#")
    assert data.class_names == ("c # not", "d")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sep": ",,"}, "sep must be one character, .* got ',,'"),
        ({"sep": "a"}, "sep must be one character, no letter"),
        ({"comment": '"'}, "comment must be one character"),
        ({"decimal": ";"}, "decimal must be '.' or ',', got ';'"),
        ({"decimal": ",", "sep": ","}, "sep must differ from the decimal sign"),
        ({"comment": ";", "sep": ";"}, "comment must differ from"),
        ({"missing": "zero"}, "missing must be one of error, drop, mean, got 'zero'"),
        ({"features": ["a", "q"]}, "no column 'q'; the columns are a, b, y"),
        ({"drop": ["q"]}, "no column 'q'"),
        ({"drop": ["y"], "labels": "y"}, "column 'y' is the label, no feature"),
        ({"features": ["a"], "drop": ["b", "a"]}, "column 'a' is in features and in drop"),
        ({"features": ["9"]}, "features column 9 is not among 3 columns"),
    ],
)
def test_read_refuses_options_and_names_them(table, options, message):
    with pytest.raises(ValueError, match=message):
        read(table("a,b,y\n1,2,0\n3,4,1\n"), **options)


def test_columns_are_chosen_by_name_and_position(table):
    text = "id,b,a,y\n7,2,1,0\n8,4,3,1\n"
    check(read(table(text), features=["a", "b"]))
    check(read(table(text), features=["2", 1]))
    data = read(table(text), drop=["id"])
    assert (data.feature_names, data.X.tolist()) == (("b", "a"), [[2, 1], [4, 3]])
    data = read(table("7,1,2,0\n8,3,4,1\n"), drop=[0])
    check(data, None)


def test_missing_features_are_dropped_or_filled_where_that_is_asked_for(table):
    path = table("a,b,y\n1,NA,0\n3,4,1\n,6,0\n8,8,1\n")
    data = read(path, missing="drop")
    assert (data.X.tolist(), data.y.tolist()) == ([[3, 4], [8, 8]], [0, 0])
    assert data.class_names == ("1",)
    assert data.notes[0] == "2 of 4 rows with missing values left out"
    data = read(path, missing="mean")
    assert data.X.tolist() == [[1, 6], [3, 4], [4, 6], [8, 8]]
    assert data.y.tolist() == [0, 1, 0, 1]
    assert data.notes == ("missing values replaced by the mean of their column: 2 in 2 columns",)
    with pytest.raises(ValueError, match="line 2, column s: the label is empty"):
        read(table("a,s\n1,\n2,cat\n"), missing="drop")
    with pytest.raises(ValueError, match="every row has a missing value, none is left"):
        read(table("a,b,y\nNA,1,0\n1,NA,1\n"), missing="drop")
    with pytest.raises(ValueError, match="column b: every value of the column is missing"):
        read(table("a,b,y\n1,NA,0\n2,NA,1\n"), missing="mean")
    with pytest.raises(ValueError, match="got 'drop'"):
        read_features(path, missing="drop")


@pytest.mark.parametrize(
    "word", ["", "NA", "N/A", "NaN", "nan", "NAN", "-nan", "null", "NULL", "None", "<NA>", "?"]
)
def test_what_counts_as_missing(table, word):
    path = table(f"a,b\n1,2\n{word},4\n")
    with pytest.raises(ValueError, match=r"line 3, column a: .* is not a number but a missing"):
        read_features(path)
    assert read_features(path, missing="mean").tolist() == [[1, 2], [1, 4]]


def test_an_empty_line_is_no_row_but_may_be_a_missing_value(table):
    np.testing.assert_array_equal(read_features(table("a,b\n1,2\n\n3,4\n\n")), X)
    with pytest.raises(ValueError, match="line 3 is empty; a missing value in a table of one col"):
        read_features(table("a\n1\n\n3\n"))
    assert read_features(table('a\n\n1\n""\n3\n\n'), missing="mean").tolist() == [[1], [2], [3]]


def test_read_samples_keeps_order_and_identifiers(table):
    path = table("a,name,b\n1, p 1 ,2\n3,,4\n")
    samples = read_samples(path, id="name")
    np.testing.assert_array_equal(samples.X, X)
    assert (samples.ids.tolist(), samples.y) == (["p 1", ""], None)


def test_a_number_is_refused_from_where_it_rounds_to_an_infinite_float32(table):
    largest = np.finfo(np.float32).max
    below = float(np.nextafter(2.0**128 - 2.0**103, 0))
    assert read_features(table(f"a,b\n{below!r},-{below!r}\n")).tolist() == [[largest, -largest]]
    assert read_features(table(f"a,b\n{below!r},NA\n0,0\n"), missing="mean")[0, 0] == largest
    for missing in ("error", "mean"):
        with pytest.raises(ValueError, match=r"line 2, column b: '3\.40.*e\+38' is not a finite"):
            read_features(table(f"a,b\n0,{2.0**128 - 2.0**103!r}\n"), missing=missing)


@pytest.mark.parametrize("words", [("True", "False"), ("TRUE", "FALSE"), ("true", "false")])
@pytest.mark.parametrize("decimal", [".", ","])
def test_truth_values_are_the_numbers_1_and_0(table, words, decimal):
    yes, no = words
    path = table(f"a;b;y\n{yes};1e1;0\n{no}; {yes} ;1\n")
    assert read(path, decimal=decimal).X.tolist() == [[1, 10], [0, 1]]
    assert read(table(f"{yes};{no};x\n{no};{yes};z\n")).X.tolist() == [[1, 0], [0, 1]]


def test_decimal_commas_are_read_in_labels_too(table):
    data = read(table("a;y\n1,5;1,0\n2;0,0\n"), decimal=",")
    assert (data.class_names, data.y.tolist()) == (("0", "1"), [1, 0])
    with pytest.raises(ValueError, match=r"label 1\.5 of line 2, column y: labels must be whole"):
        read(table("a;y\n1,5;1,5\n2;0,0\n"), decimal=",")


def test_lines_are_counted_across_the_pieces_in_which_a_table_is_read(table):
    lines = ["a,b,y", *(f"{row},1,0" for row in range(1000))]
    for number in (2, 255, 256, 257, 258, 513, 1001):
        broken = list(lines)
        broken[number - 1] = "1,x,0"
        with pytest.raises(ValueError, match=f"line {number}, column b: 'x' is not a number"):
            read(table("\n".join(broken)))


def test_quoted_fields_may_straddle_the_pieces_in_which_a_table_is_read(table):
    rows = [f'{row},"kind\n{row % 3}"' for row in range(1000)]
    data = read(table("a,y\n" + "\n".join(rows) + "\n"))
    np.testing.assert_array_equal(data.X[:, 0], np.arange(1000))
    np.testing.assert_array_equal(data.y, np.arange(1000) % 3)


def test_read_takes_a_pipe_and_standard_input(table, tmp_path, monkeypatch):
    content = b"a,b,y\n1,2,0\n3,4,1\n"
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(content,))
    writer.start()
    check(read(tmp_path / "pipe"))
    writer.join()
    with open(table(gzip.compress(content))) as stream:
        monkeypatch.setattr("sys.stdin", stream)
        check(read("-"))
    with open(table("a,b,y\n1,x,0\n")) as stream:
        monkeypatch.setattr("sys.stdin", stream)
        with pytest.raises(ValueError, match=r"^standard input, line 2, column b: 'x' is not"):
            read("-")
