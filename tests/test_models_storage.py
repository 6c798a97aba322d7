"""Networks in .npz and .safetensors files."""

import json
import os
import pickle

import numpy as np
import pytest

import softxent
from softxent import models
from softxent._files.npz import read_npz, write_npz
from softxent.models import NeuralNet1, NeuralNet2

ENDINGS = ["npz", "safetensors"]


def nets():
    """One network of each class and dtype."""
    return [
        NeuralNet1(5, 4, seed=7, class_names=["ja", "nein"], feature_names=["ä", *"bcde"]),
        NeuralNet2(5, 4, 3, seed=8, dtype="float64"),
    ]


def path_of(tmp_path, ending):
    """A path, if the format can be written."""
    if ending == "safetensors":
        pytest.importorskip("safetensors")
    return tmp_path / f"net.{ending}"


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("net", nets(), ids=lambda net: type(net).__name__)
def test_load_gives_back_what_save_wrote(tmp_path, ending, net):
    path = path_of(tmp_path, ending)
    net.save(path)
    for loaded in (models.load(path), type(net).load(path)):
        assert type(loaded) is type(net)
        for name in ("class_names", "feature_names", "seed", "dtype"):
            assert getattr(loaded, name) == getattr(net, name), name
        for name, array in net.state_dict().items():
            np.testing.assert_array_equal(loaded.state_dict()[name], array)
            assert loaded.state_dict()[name].dtype == array.dtype
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.parametrize("ending", ENDINGS)
def test_save_writes_the_same_bytes_for_the_same_network(tmp_path, ending):
    first, second = path_of(tmp_path, ending), tmp_path / f"other.{ending}"
    NeuralNet2(5, 4, 3, seed=1).save(first)
    NeuralNet2(5, 4, 3, seed=1).save(second)
    assert first.read_bytes() == second.read_bytes()


def test_saved_metadata_describe_the_network(tmp_path):
    path = tmp_path / "net.npz"
    NeuralNet1(5, 4, seed=7, class_names=["ja", "nein"]).save(path)
    assert json.loads(str(read_npz(path)["softxent"])) == {
        "format": 1,
        "class_name": "NeuralNet1",
        "input_size": 5,
        "hidden_size": 4,
        "num_classes": 2,
        "dtype": "float32",
        "class_names": ["ja", "nein"],
        "seed": 7,
        "version": softxent.__version__,
    }


def test_saved_metadata_mention_feature_names_only_where_there_are_some(tmp_path):
    """Files of networks without them stay readable by versions that know no such key."""
    path, names = tmp_path / "net.npz", ["a", "b", "c", "d", "e"]
    NeuralNet1(5, 4, feature_names=names).save(path)
    assert json.loads(str(read_npz(path)["softxent"]))["feature_names"] == names
    NeuralNet1(5, 4).save(path)
    assert "feature_names" not in json.loads(str(read_npz(path)["softxent"]))


def test_load_by_the_wrong_class_is_refused(tmp_path):
    NeuralNet1(5, 4).save(tmp_path / "net.npz")
    with pytest.raises(ValueError, match="has a NeuralNet1, expected NeuralNet2"):
        NeuralNet2.load(tmp_path / "net.npz")


def test_save_refuses_other_endings_and_missing_folders(tmp_path):
    with pytest.raises(ValueError, match=r"must be .npz or .safetensors, got '.pt'"):
        NeuralNet1(5, 4).save(tmp_path / "net.pt")
    with pytest.raises(FileNotFoundError, match=r"the folder .*nowhere' does not exist"):
        NeuralNet1(5, 4).save(tmp_path / "nowhere" / "net.npz")
    assert os.listdir(tmp_path) == []


def test_load_refuses_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no file .*none.npz'"):
        models.load(tmp_path / "none.npz")


@pytest.mark.parametrize("ending", ENDINGS)
def test_load_refuses_every_truncation(tmp_path, ending):
    path = path_of(tmp_path, ending)
    NeuralNet2(5, 4, 3, seed=0).save(path)
    data = path.read_bytes()
    for length in range(0, len(data), 97):
        path.write_bytes(data[:length])
        with pytest.raises(ValueError, match="net"):
            models.load(path)


def test_load_refuses_every_flipped_byte_of_the_data(tmp_path):
    """The checksums of the zip container cover all that is read."""
    path = tmp_path / "net.npz"
    NeuralNet2(5, 4, 3, seed=0).save(path)
    data = path.read_bytes()
    start = data.index(b"\x93NUMPY")
    for position in range(start, start + 200, 13):
        path.write_bytes(data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :])
        with pytest.raises(ValueError, match="net"):
            models.load(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda arrays, meta: arrays.pop("softxent"), "not a network of softxent"),
        (lambda arrays, meta: meta.update(format=2), "format 2, this softxent reads 1"),
        (lambda arrays, meta: meta.pop("seed"), "the metadata cannot be read: .*seed"),
        (lambda arrays, meta: meta.update(class_name="Net"), "the class must be one of .* 'Net'"),
        (lambda arrays, meta: meta.update(hidden_size=9), "hidden_size is stated as 9 but is 4"),
        (lambda arrays, meta: meta.update(dtype="int8"), "dtype must be float32 or float64"),
        (lambda arrays, meta: meta.update(class_names=["a"]), "must have 3 names, got 1"),
        (lambda arrays, meta: meta.update(class_names="abc"), "class_names must be a sequence"),
        (lambda arrays, meta: meta.update(feature_names=["a"]), "must have 5 names, got 1"),
        (lambda arrays, meta: meta.update(feature_names=[1, 2, 3, 4, 5]), "must be text, got 1"),
        (lambda arrays, meta: meta.update(feature_names=["a"] * 5), "must be distinct, got 'a'"),
        (lambda arrays, meta: arrays.pop("linear1.bias"), "missing: linear1.bias"),
        (lambda arrays, meta: arrays.pop("linear1.weight"), "must be matrices"),
        (
            lambda arrays, meta: arrays.update({"linear2.weight": np.zeros((3, 6))}),
            "linear2.weight must have 4 columns, .* got 6",
        ),
    ],
)
def test_load_refuses_what_does_not_fit_together(tmp_path, change, message):
    path = tmp_path / "net.npz"
    NeuralNet2(5, 4, 3, seed=0).save(path)
    arrays = read_npz(path)
    meta = json.loads(str(arrays["softxent"]))
    change(arrays, meta)
    if "softxent" in arrays:
        arrays["softxent"] = np.array(json.dumps(meta))
    write_npz(path, arrays)
    with pytest.raises(ValueError, match=message):
        models.load(path)


def test_a_safetensors_file_of_other_origin_is_read_by_its_shapes(tmp_path):
    safetensors = pytest.importorskip("safetensors.numpy")
    for net in nets():
        safetensors.save_file(net.state_dict(), tmp_path / "net.safetensors")
        with pytest.raises(ValueError, match=r"net.safetensors: a state_dict of 2 .* activation="):
            models.load(tmp_path / "net.safetensors")
        loaded = models.load(tmp_path / "net.safetensors", activation="relu")
        assert type(loaded) is type(net)
        assert loaded.dtype == net.dtype
        np.testing.assert_array_equal(loaded.forward(np.ones((1, 5))), net.forward(np.ones((1, 5))))


def test_safetensors_missing_is_an_import_error_with_the_command(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "safetensors", None)
    command = r"needs safetensors: pip install 'softxent\[safetensors\]'"
    with pytest.raises(ImportError, match="writing .*net.safetensors " + command):
        NeuralNet1(5, 4).save(tmp_path / "net.safetensors")
    (tmp_path / "net.safetensors").write_bytes(b"")
    with pytest.raises(ImportError, match="reading .*net.safetensors " + command):
        NeuralNet1.load(tmp_path / "net.safetensors")
    assert (tmp_path / "net.safetensors").read_bytes() == b""


def test_networks_can_be_pickled():
    net = NeuralNet2(5, 4, 3, seed=0)
    twin = pickle.loads(pickle.dumps(net))
    np.testing.assert_array_equal(twin.forward(np.ones((1, 5))), net.forward(np.ones((1, 5))))
