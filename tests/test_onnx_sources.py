"""Export from PyTorch modules, state_dicts and files equals export from the native network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from onnx_tools import net1, net2
from softxent.onnx import export, load

torch = pytest.importorskip("torch")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.onnx"


@pytest.mark.parametrize("net", [net1(), net2()], ids=["net1", "net2"])
@pytest.mark.parametrize("kind", ["module", "state_dict", "arrays", ".pt", ".pth", ".safetensors"])
def test_export_takes_what_torch_has(kind, net, path, tmp_path):
    module, file = net.to_torch(), tmp_path / f"parameters{kind}"
    source = {"module": module, "state_dict": module.state_dict(), "arrays": net.state_dict()}
    if kind == ".safetensors":
        save_file = pytest.importorskip("safetensors.torch").save_file
        save_file(module.state_dict(), file)
    elif kind.startswith("."):
        torch.save(module.state_dict(), file)
    if kind != "module":
        with pytest.raises(ValueError, match="does not say what stands between them: give activa"):
            export(source.get(kind, file), path)
        assert not path.exists()
    export(source.get(kind, file), path, activation="relu")
    loaded = load(path)
    assert type(loaded) is type(net)
    for name, value in net.state_dict().items():
        assert (loaded.state_dict()[name] == value).all()


@pytest.mark.parametrize("ending", [".npz", ".safetensors"])
def test_export_takes_files_of_the_native_network(ending, path, tmp_path):
    file = tmp_path / f"net{ending}"
    net2().save(file)
    export(str(file), path)
    assert type(load(path)) is type(net2())


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "not a file that torch can read"),
        (b"no zip", "is no state_dict"),
        ("module", "save module.state_dict"),
        ([1, 2], "holds a list"),
        ({"epoch": 3}, "expected weight and bias of linear layers, got epoch"),
    ],
    ids=repr,
)
def test_export_refuses_files_without_parameters(content, says, path, tmp_path):
    file = tmp_path / "model.pt"
    if isinstance(content, bytes):
        file.write_bytes(content)
    else:
        torch.save(net2().to_torch() if content == "module" else content, file)
    with pytest.raises(ValueError, match=says) as refusal:
        export(file, path)
    assert "weights_only" not in str(refusal.value)
    assert not path.exists()


def test_export_refuses_a_truncated_file_of_torch(path, tmp_path):
    file = tmp_path / "model.pt"
    torch.save(net2().state_dict(), file)
    file.write_bytes(file.read_bytes()[:500])
    with pytest.raises(ValueError, match=r"model\.pt is not a file that torch can read"):
        export(file, path)


def test_export_takes_the_only_state_dict_of_a_checkpoint(path, tmp_path):
    module, file = net2().to_torch(), tmp_path / "checkpoint.pt"
    optimizer = torch.optim.SGD(module.parameters(), 0.1, momentum=0.9).state_dict()
    torch.save({"epoch": 3, "model": module.state_dict(), "optimizer": optimizer}, file)
    export(file, path, activation="relu")
    assert (load(path).state_dict()["linear1.bias"] == net2().state_dict()["linear1.bias"]).all()


@pytest.mark.parametrize("names", [("0", "2"), ("fc1", "fc2"), ("hidden", "classifier")])
def test_export_takes_layers_of_any_name_from_safetensors(names, path, tmp_path):
    """Such a file is sorted by name: biases before weights, and layers in any order."""
    save_file = pytest.importorskip("safetensors.torch").save_file
    state = {
        name.replace("linear1", names[0]).replace("linear2", names[1]): value
        for name, value in net2().to_torch().state_dict().items()
    }
    save_file(state, tmp_path / "net.safetensors")
    export(tmp_path / "net.safetensors", path, activation="relu")
    for name, value in net2().state_dict().items():
        assert (load(path).state_dict()[name] == value).all()


def test_export_takes_bfloat16_from_safetensors(path, tmp_path):
    save_file = pytest.importorskip("safetensors.torch").save_file
    module = net2().to_torch().bfloat16()
    save_file(module.state_dict(), tmp_path / "net.safetensors")
    export(tmp_path / "net.safetensors", path, activation="relu")
    weight = module.state_dict()["linear1.weight"].float().numpy()
    assert (load(path).state_dict()["linear1.weight"] == weight).all()


def test_export_says_that_a_file_is_missing(path, tmp_path):
    for name in ("missing.pt", "missing.npz"):
        with pytest.raises(FileNotFoundError, match="missing"):
            export(tmp_path / name, path)


def test_export_refuses_a_module_of_another_structure(path):
    layers = [torch.nn.Linear(7, 5), torch.nn.ELU(), torch.nn.Linear(5, 4)]
    with pytest.raises(ValueError, match="relu"):
        export(torch.nn.Sequential(*layers), path)


def test_export_takes_a_bfloat16_module_as_the_float32_that_it_holds(path):
    module = net2().to_torch().bfloat16()
    export(module, path)
    weight = module.state_dict()["linear1.weight"].float().numpy()
    assert (load(path).state_dict()["linear1.weight"] == np.asarray(weight)).all()
