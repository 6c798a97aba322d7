"""Files that lie, are damaged or mean harm are refused with a ModelError, and nothing crashes."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from onnx_tools import edit, initializer, net2, node, samples, set_attribute
from softxent.onnx import ModelError, attach_loss, export, load
from softxent.verify import verify


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "model.onnx"
    export(net2(), file)
    return file


def make_external(path: Path, location: str, **entries: object) -> None:
    """Let the first weight point to data outside the file."""

    def change(model: onnx.ModelProto) -> None:
        tensor = initializer(model, "linear1.weight")
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        for key, value in {"location": location, **entries}.items():
            tensor.external_data.add(key=key, value=str(value))

    edit(path, change)


def refused(path: Path, match: str) -> None:
    """Loading, verifying and attaching say the same."""
    with pytest.raises(ModelError, match=match):
        load(path)
    X, y = samples(np.random.default_rng(0))
    with pytest.raises(ModelError, match=match):
        verify(path, X, y)


def test_load_reads_external_data_in_the_folder(path):
    weight = numpy_helper.to_array(initializer(onnx.load(path), "linear1.weight"))
    (path.parent / "data").mkdir()
    (path.parent / "data" / "weight.bin").write_bytes(b"12345678" + weight.tobytes() + b"rest")
    make_external(path, "data/weight.bin", offset=8, length=weight.nbytes)
    assert (load(path).state_dict()["linear1.weight"] == weight).all()


@pytest.mark.parametrize(
    "location",
    ["../secret", "a/../../secret", "/etc/passwd", "C:\\secret", "..\\secret", "", "a\0b"],
)
def test_load_refuses_external_data_outside_the_folder(location, path):
    (path.parent.parent / "secret").write_bytes(bytes(200))
    make_external(path, location)
    refused(path, "linear1.weight.*outside the model's folder")


def test_load_refuses_a_link_out_of_the_folder(path, tmp_path_factory):
    secret = tmp_path_factory.mktemp("elsewhere") / "secret"
    secret.write_bytes(bytes(200))
    (path.parent / "weight.bin").symlink_to(secret)
    make_external(path, "weight.bin")
    refused(path, "link out of the folder")


def hub(path: Path, target: str = "../../blobs/data", version: str = "abc") -> Path:
    """Lay a model and its external data out as model hubs do."""
    weight = numpy_helper.to_array(initializer(onnx.load(path), "linear1.weight"))
    make_external(path, "model.onnx_data")
    repository = path.parent / "models--org--name"
    folder = repository / "snapshots" / version
    folder.mkdir(parents=True)
    (repository / "blobs").mkdir()
    (repository / "blobs" / "data").write_bytes(weight.tobytes())
    path.rename(repository / "blobs" / "model")
    link = folder / "model.onnx"
    link.symlink_to(os.path.relpath(repository / "blobs" / "model", folder))
    (folder / "model.onnx_data").symlink_to(target)
    return link


@pytest.mark.parametrize("version", ["abc", "abc/onnx"])
def test_load_follows_links_of_a_model_hub(version, path):
    up = "../" * (version.count("/") + 2)
    link = hub(path, f"{up}blobs/data", version)
    assert load(link).state_dict()["linear1.weight"].shape == (5, 7)


def test_load_follows_links_of_a_model_hub_from_within(path, monkeypatch):
    monkeypatch.chdir(hub(path).parent)
    load("model.onnx")


def test_load_follows_links_of_a_model_hub_behind_a_link(path):
    link = hub(path)
    cache = path.parent / "cache"
    cache.symlink_to(path.parent / "models--org--name")
    load(cache / link.relative_to(path.parent / "models--org--name"))


@pytest.mark.parametrize("target", ["../../secret", "../../../secret", "../../blobs/../secret"])
def test_load_refuses_links_of_a_hub_to_anything_but_its_blobs(target, path):
    link = hub(path, target)
    for folder in (path.parent, path.parent / "models--org--name"):
        (folder / "secret").write_bytes(bytes(200))
    refused(link, "link out of the folder")


def test_load_refuses_a_blob_that_is_a_link_out_of_the_repository(path):
    link = hub(path)
    blob = path.parent / "models--org--name" / "blobs" / "data"
    blob.rename(path.parent / "secret")
    blob.symlink_to(path.parent / "secret")
    refused(link, "link out of the folder")


@pytest.mark.parametrize("kind", ["missing", "folder", "pipe"])
def test_load_refuses_external_data_that_is_no_file(kind, path):
    place = path.parent / "weight.bin"
    if kind == "folder":
        place.mkdir()
    elif kind == "pipe":
        os.mkfifo(place)
    make_external(path, "weight.bin")
    refused(path, "no regular file")


@pytest.mark.parametrize(
    "entries",
    [{"offset": 100}, {"offset": -8}, {"length": 8}, {"length": 10**12}, {"offset": 2**62}],
    ids=str,
)
def test_load_refuses_external_data_of_a_wrong_size(entries, path):
    (path.parent / "weight.bin").write_bytes(bytes(150))
    make_external(path, "weight.bin", **entries)
    refused(path, "linear1.weight.*(needs 140 bytes of|unreadable) external data")


def test_load_refuses_external_data_with_an_unreadable_place(path):
    (path.parent / "weight.bin").write_bytes(bytes(150))
    make_external(path, "weight.bin", offset="many")
    refused(path, "unreadable external data")


@pytest.mark.parametrize("dims", [(10**6, 10**6), (2**40,), (-1, 7), (5, 8), (2**62, 2**62)])
def test_load_refuses_absurd_dimensions(dims, path):
    def change(model: onnx.ModelProto) -> None:
        tensor = initializer(model, "linear1.weight")
        del tensor.dims[:]
        tensor.dims.extend(dims)

    edit(path, change)
    refused(path, "linear1.weight.*(should hold|negative size)")


def test_load_refuses_an_external_tensor_of_absurd_size(path):
    (path.parent / "weight.bin").write_bytes(bytes(150))
    make_external(path, "weight.bin")

    def change(model: onnx.ModelProto) -> None:
        tensor = initializer(model, "linear1.weight")
        del tensor.dims[:]
        tensor.dims.extend((10**6, 10**6))

    edit(path, change)
    refused(path, "needs 4000000000000 bytes")


def test_load_refuses_a_cyclic_graph(path):
    def change(model: onnx.ModelProto) -> None:
        model.graph.node[0].input[0] = model.graph.node[1].output[0]

    edit(path, change)
    refused(path, "cyclic or out of order")


def test_load_refuses_an_output_that_nothing_computes(path):
    edit(path, lambda model: setattr(model.graph.output[0], "name", "nothing"))
    refused(path, "'nothing' is computed by no node")


def test_load_refuses_graphs_in_nodes(path):
    def change(model: onnx.ModelProto) -> None:
        inner = helper.make_graph([], "inner", [], [])
        set_attribute(node(model, "Relu"), "body", inner)

    edit(path, change)
    refused(path, "Relu.* holds a graph of its own")


def test_load_refuses_operators_of_other_domains(path):
    edit(path, lambda model: setattr(node(model, "Relu"), "domain", "evil"))
    refused(path, "domain 'evil'")


def test_load_refuses_functions_of_the_model(path):
    def change(model: onnx.ModelProto) -> None:
        function = helper.make_function(
            "custom", "Twice", ["x"], ["y"],
            [helper.make_node("Add", ["x", "x"], ["y"])], [helper.make_opsetid("", 17)],
        )  # fmt: skip
        model.functions.append(function)
        model.opset_import.append(helper.make_opsetid("custom", 1))

    edit(path, change)
    refused(path, "functions of its own .*Twice")


@pytest.mark.parametrize("kind", [TensorProto.STRING, TensorProto.COMPLEX64, 12345])
def test_load_refuses_tensors_of_other_types(kind, path):
    edit(path, lambda model: setattr(initializer(model, "linear1.weight"), "data_type", kind))
    refused(path, "linear1.weight.* has element type")


def test_load_refuses_sparse_tensors(path):
    def change(model: onnx.ModelProto) -> None:
        sparse = model.graph.sparse_initializer.add()
        sparse.values.CopyFrom(numpy_helper.from_array(np.ones(1, np.float32), "sparse"))
        sparse.indices.CopyFrom(numpy_helper.from_array(np.zeros(1, np.int64), "indices"))
        sparse.dims.extend([10**12])

    edit(path, change)
    refused(path, "sparse tensors")


@pytest.mark.parametrize("content", [b"", b"not a model", b"\x80" * 100, bytes(1000)], ids=repr)
def test_load_refuses_what_is_no_model(content, path):
    path.write_bytes(content[:20] if len(content) > 200 else content)
    refused(path, "not an ONNX file")


def test_load_refuses_every_truncation(path):
    whole = path.read_bytes()
    for length in range(0, len(whole) - 1, 7):
        path.write_bytes(whole[:length])
        with pytest.raises(ModelError):
            load(path)


def test_load_survives_random_damage(path, rng):
    whole = path.read_bytes()
    for _ in range(300):
        damaged = bytearray(whole)
        for place in rng.integers(len(whole), size=rng.integers(1, 5)):
            damaged[place] = rng.integers(256)
        path.write_bytes(damaged)
        try:
            load(path)
        except ModelError:
            continue


@pytest.mark.parametrize(
    ("key", "value", "match"),
    [
        ("softxent.options", "{", "options in the model's metadata are invalid"),
        ("softxent.options", "[]", "expected an object, got list"),
        ("softxent.options", '{"opset": 99}', r"opset must be 13 to \d+, got 99"),
        ("softxent.options", '{"exec": 1}', "exec"),
        ("softxent.options", "[" * 100_000, "invalid"),
        ("softxent.head", "loss", "names the head 'loss' and 'probabilities'"),
        ("softxent.architecture", "Transformer", "architecture 'Transformer'"),
        ("softxent.architecture", "NeuralNet1", "NeuralNet1 has one output, got 4"),
        ("softxent.class_names", '{"a": 1}', "must be a list of strings"),
    ],
)  # fmt: skip
def test_load_refuses_metadata_that_contradict_the_model(key, value, match, path):
    def change(model: onnx.ModelProto) -> None:
        props = {prop.key: prop.value for prop in model.metadata_props}
        props[key] = value
        helper.set_model_props(model, props)

    edit(path, change)
    with pytest.raises(ModelError, match=match):
        load(path)


def test_load_refuses_incomplete_metadata(path):
    def change(model: onnx.ModelProto) -> None:
        props = {p.key: p.value for p in model.metadata_props if p.key != "softxent.options"}
        helper.set_model_props(model, props)

    edit(path, change)
    refused(path, "metadata lacks options")


def test_attach_loss_refuses_external_data_outside_the_folder(path, tmp_path):
    make_external(path, "../secret")
    with pytest.raises(ModelError, match="outside the model's folder"):
        attach_loss(path, "logits", tmp_path / "out.onnx")
    assert not (tmp_path / "out.onnx").exists()


def test_export_runs_no_code_of_a_torch_file(path, tmp_path):
    torch = pytest.importorskip("torch")

    class Harm:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "harm"),)

    torch.save({"linear1.weight": Harm()}, tmp_path / "model.pt")
    with pytest.raises(ValueError, match="without running code"):
        export(tmp_path / "model.pt", path)
    assert not (tmp_path / "harm").exists()
