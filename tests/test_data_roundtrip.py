"""Random tables: written in any dialect they are read back exactly, damaged never read short."""

from __future__ import annotations

import csv
import gzip
import io

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from softxent.data import read, read_samples
from softxent.data.text import rows as rows_module

# No field of the file may be a missing value or blank around: these are read as what they are.
letters = st.text(alphabet="abÄ é,;|\t\"'\n-x", min_size=1, max_size=6)
words = letters.map(str.strip).filter(lambda text: any(c.isalpha() for c in text))
numbers = st.floats(width=32, allow_nan=False, allow_infinity=False)
tables = st.integers(1, 4).flatmap(
    lambda width: st.tuples(
        st.lists(words, min_size=width + 1, max_size=width + 1, unique=True),
        st.lists(
            st.tuples(st.lists(numbers, min_size=width, max_size=width), words),
            min_size=1,
            max_size=9,
        ),
    )
)
dialects = st.tuples(
    st.sampled_from(",;\t|:"),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    st.sampled_from(["\n", "\r\n", "\r"]),
)
encodings = st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"])


def written(table, dialect, label=-1):
    """The text of a table whose labels are in one of the columns, by default the last."""
    names, rows = table
    delimiter, quoting, end = dialect
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, delimiter=delimiter, quoting=quoting, lineterminator=end)
    for row in (names, *([*features, kind] for features, kind in rows)):
        writer.writerow(row if label == -1 else [*row[:label], row[-1], *row[label:-1]])
    return stream.getvalue()


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("roundtrip") / "table.csv"


@settings(max_examples=300, deadline=None)
@given(
    table=tables,
    label=st.integers(0, 4),
    dialect=dialects,
    encoding=encodings,
    packed=st.booleans(),
)
@example((["a", "b"], [([1.0], 'x"\n"y')]), 1, (",", csv.QUOTE_MINIMAL, "\n"), "utf-8", False)
@example((["a", "b"], [([1.0], 'x"\n"y')]), 0, (",", csv.QUOTE_MINIMAL, "\n"), "utf-8", False)
def test_a_table_in_any_dialect_is_read_exactly(path, table, label, dialect, encoding, packed):
    names, rows = table
    # Before Python 3.13 csv.writer leaves a line feed without quotes if lines end in another way.
    assume(dialect[2] != "\r" or "\n" not in "".join([*names, *(label for _, label in rows)]))
    label = min(label, len(names) - 1)
    content = written(table, dialect, label).encode(encoding)
    path.write_bytes(gzip.compress(content) if packed else content)
    data = read(path, label, sep=dialect[0], header=True)
    np.testing.assert_array_equal(data.X, np.array([row for row, _ in rows], dtype=np.float32))
    assert data.labels.tolist() == [label for _, label in rows]
    assert data.feature_names == tuple(names[:-1])


@settings(max_examples=200, deadline=None)
@given(
    rows=st.lists(
        st.tuples(st.lists(numbers, min_size=2, max_size=2), st.sampled_from(["cat", "dog"])),
        min_size=2,
        max_size=6,
    ),
    dialect=dialects.filter(lambda dialect: dialect[0] != ":"),
)
def test_delimiter_and_header_are_found_out(path, rows, dialect):
    path.write_bytes(written((["a", "b", "kind"], rows), dialect).encode())
    data = read(path)
    np.testing.assert_array_equal(data.X, np.array([row for row, _ in rows], dtype=np.float32))
    assert (data.feature_names, len(data)) == (("a", "b"), len(rows))


@settings(max_examples=300, deadline=None)
@given(
    count=st.integers(1, 40),
    place=st.floats(0, 1),
    damage=st.sampled_from(['"', "\n", ",", '"\n', '\n"', "1,", '",', ',"']),
)
def test_a_damaged_table_is_refused_or_read_whole(path, count, place, damage):
    lines = [f"{row}.5,{row},{'ant' if row % 2 else 'bee'}" for row in range(count)]
    text = "a,b,kind\n" + "\n".join(lines) + "\n"
    at = round(place * len(text))
    path.write_text(text[:at] + damage + text[at:], newline="")
    try:
        data = read_samples(path, drop=["kind"])
    except ValueError as error:
        assert str(path) in str(error)
    else:
        assert len(data) == count


@settings(max_examples=200, deadline=None)
@given(
    content=st.text(alphabet='01.,;"\n\r eE-_x#?', max_size=80),
    missing=st.sampled_from(["error", "mean"]),
    decimal=st.sampled_from([".", ","]),
    piece=st.integers(1, 4),
)
def test_rows_at_once_and_one_by_one_are_the_same(path, content, missing, decimal, piece):
    assume(content.strip())
    path.write_text("a;b;kind\n" + content, newline="")

    def outcome():
        try:
            data = read_samples(
                path, id="kind", missing=missing, decimal=decimal, sep=";", header=True
            )
        except ValueError as error:
            return str(error)
        return data.X.tolist(), data.ids.tolist()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rows_module, "_LINES", piece)
        quick = outcome()
        patch.setattr(rows_module.Rows, "_take", lambda self, rows, lines: False)
        assert outcome() == quick
