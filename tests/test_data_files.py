"""Files written whole or not at all, and optional packages."""

import os
import stat

import numpy as np
import pytest

from softxent._files.atomic import atomic_path, atomic_write
from softxent._files.npz import read_npz, write_npz
from softxent._machine.optional import available, require


def test_atomic_write_replaces_a_file_and_leaves_nothing_else(tmp_path):
    path = tmp_path / "report.txt"
    atomic_write(path, "first\n")
    atomic_write(path, "zweite – Zeile\r\n")
    assert path.read_bytes() == "zweite – Zeile\r\n".encode()
    atomic_write(path, b"\x00\xff")
    assert path.read_bytes() == b"\x00\xff"
    assert os.listdir(tmp_path) == ["report.txt"]


def test_atomic_path_keeps_the_old_file_when_the_block_raises(tmp_path):
    path = tmp_path / "model.onnx"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt), atomic_path(path) as temporary:
        assert temporary.parent == tmp_path
        assert temporary.suffix == ".onnx"
        temporary.write_text("half")
        assert path.read_text() == "old"
        raise KeyboardInterrupt
    assert (path.read_text(), os.listdir(tmp_path)) == ("old", ["model.onnx"])


def test_atomic_write_gives_new_files_the_mode_of_the_umask_and_keeps_that_of_old_ones(tmp_path):
    path = tmp_path / "file"
    before = os.umask(0o027)
    try:
        atomic_write(path, "a")
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
        path.chmod(0o604)
        atomic_write(path, "b")
        assert stat.S_IMODE(path.stat().st_mode) == 0o604
    finally:
        os.umask(before)


def test_atomic_write_follows_a_link(tmp_path):
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("old")
    link.symlink_to(target)
    atomic_write(link, "new")
    assert link.is_symlink()
    assert target.read_text() == "new"


def test_atomic_write_refuses_what_it_cannot_replace(tmp_path):
    with pytest.raises(IsADirectoryError, match="it is a folder"):
        atomic_write(tmp_path, "x")
    with pytest.raises(FileNotFoundError, match=r"the folder .*none' does not exist"):
        atomic_write(tmp_path / "none" / "x", "x")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="not a regular file"):
        atomic_write(tmp_path / "pipe", "x")
    with pytest.raises(TypeError, match="data must be bytes or str, got int"):
        atomic_write(tmp_path / "x", 3)
    assert os.listdir(tmp_path) == ["pipe"]


def test_write_npz_writes_what_numpy_reads(tmp_path):
    arrays = {"a.b": np.arange(6.0).reshape(2, 3), "c/d": np.array("text"), "e": np.array(3)}
    write_npz(tmp_path / "x.npz", arrays)
    with np.load(tmp_path / "x.npz", allow_pickle=False) as loaded:
        assert loaded.files == list(arrays)
        for name, array in arrays.items():
            np.testing.assert_array_equal(loaded[name], array)
            np.testing.assert_array_equal(read_npz(tmp_path / "x.npz")[name], array)


def test_write_npz_refuses_objects(tmp_path):
    with pytest.raises(TypeError, match="array 'a' holds Python objects"):
        write_npz(tmp_path / "x.npz", {"a": np.array([None])})
    assert os.listdir(tmp_path) == []


def test_require_says_how_to_install():
    with pytest.raises(
        ImportError, match=r"^the chart needs nosuch: pip install 'softxent\[plot\]'$"
    ):
        require("nosuch.part", "plot", "the chart")
    assert require("os.path", "plot", "the chart") is os.path


def test_require_passes_on_the_failure_of_an_installed_package(tmp_path, monkeypatch):
    (tmp_path / "broken_package.py").write_text("import its_own_dependency")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="No module named 'its_own_dependency'"):
        require("broken_package", "plot", "the chart")


def test_available_does_not_import(tmp_path, monkeypatch):
    (tmp_path / "raises_on_import.py").write_text("raise RuntimeError")
    monkeypatch.syspath_prepend(tmp_path)
    assert available("raises_on_import")
    assert not available("nosuch")
