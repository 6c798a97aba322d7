"""Damaged and hostile files give ValueError and nothing else."""

import gzip
import io
import re
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from softxent.data import read, read_features

X = np.arange(40, dtype=np.float32).reshape(8, 5)
Y = np.arange(8) % 3


def npz(save):
    """The bytes of a .npz file."""
    stream = io.BytesIO()
    save(stream, X=X, y=Y)
    return stream.getvalue()


def npy():
    """The bytes of a .npy file."""
    stream = io.BytesIO()
    np.save(stream, X)
    return stream.getvalue()


def idx():
    """The bytes of an IDX file."""
    return struct.pack(">4B2I", 0, 0, 0x0D, 2, *X.shape) + X.astype(">f4").tobytes()


def csv():
    """The bytes of a table."""
    rows = [",".join(map(str, row)) for row in np.column_stack([X, Y]).tolist()]
    return "\n".join(["a,b,c,d,e,label", *rows, ""]).encode()


def arrow_files():
    """The same table as Parquet, Feather and Arrow stream; nothing without pyarrow."""
    try:
        import pyarrow
        from pyarrow import feather, ipc, parquet
    except ImportError:
        return {}
    table = pyarrow.table({**dict(zip("abcde", X.T, strict=True)), "kind": ["ant", "bee"] * 4})
    found = {}
    for name in ("plain.parquet", "plain.feather", "stream.arrow"):
        stream = io.BytesIO()
        if name == "stream.arrow":
            with ipc.new_stream(stream, table.schema) as writer:
                writer.write_table(table)
        elif name == "plain.feather":
            feather.write_feather(table, stream)
        else:
            parquet.write_table(table, stream)
        found[name] = stream.getvalue()
    return found


FILES = {
    "stored.npz": npz(np.savez),
    "deflated.npz": npz(np.savez_compressed),
    "plain.npy": npy(),
    "plain.idx": idx(),
    "packed.idx.gz": gzip.compress(idx()),
    "plain.csv": csv(),
    "packed.csv.gz": gzip.compress(csv()),
    **arrow_files(),
}
damage = st.lists(st.tuples(st.floats(0, 1), st.binary(min_size=0, max_size=3)), max_size=3)


@pytest.mark.parametrize("name", FILES)
def test_the_undamaged_files_are_readable(tmp_path, name):
    (tmp_path / name).write_bytes(FILES[name])
    named = name.endswith((".parquet", ".feather", ".arrow"))
    assert len(read(tmp_path / name).X if named else read_features(tmp_path / name)) == 8


@pytest.mark.parametrize("name", FILES)
@settings(max_examples=150, deadline=None)
@given(changes=damage, keep=st.floats(0.01, 1))
def test_a_damaged_file_is_read_or_refused(tmp_path_factory, name, changes, keep):
    content = bytearray(FILES[name])
    for place, replacement in changes:
        start = int(place * len(content))
        content[start : start + len(replacement)] = replacement
    path = tmp_path_factory.getbasetemp() / name
    path.write_bytes(content[: round(keep * len(content))] if keep < 0.9 else content)
    for reader in (read_features, read):
        try:
            reader(path)
        except ValueError as error:
            assert str(path) in str(error)


@pytest.mark.parametrize("name", arrow_files())
def test_a_name_that_is_no_text_is_refused(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(FILES[name].replace(b"kind", b"\xffind"))
    with pytest.raises(ValueError, match=re.escape(f"{path} cannot be read as an Arrow table")):
        read(path)


@pytest.mark.parametrize("name", FILES)
@settings(max_examples=50, deadline=None)
@given(content=st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(tmp_path_factory, name, content):
    path = tmp_path_factory.getbasetemp() / name
    path.write_bytes(content)
    try:
        read_features(path)
    except ValueError as error:
        assert str(path) in str(error)


@settings(max_examples=300, deadline=None)
@given(text=st.text(alphabet='0123456789.,;\t\n\r"eE-+naif #', max_size=60))
def test_any_text_is_read_or_refused(tmp_path_factory, text):
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_text(text, newline="")
    try:
        read(path)
    except ValueError as error:
        assert str(path) in str(error)
