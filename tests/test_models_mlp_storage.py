"""Networks of any depth in .npz and .safetensors files."""

import json
import pickle

import numpy as np
import pytest

import softxent
from softxent import models
from softxent._files.npz import read_npz, write_npz
from softxent.models import MLP
from softxent.models.activations import ACTIVATIONS

FEATURES = 5


def same_state(a, b):
    for name, array in a.state_dict().items():
        np.testing.assert_array_equal(b.state_dict()[name], array, err_msg=name)


@pytest.mark.parametrize("ending", ["npz", "safetensors"])
@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no bias"])
@pytest.mark.parametrize("hidden", [(), (4,), (4, 3), (4, 3, 6)], ids=str)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_load_gives_back_what_save_wrote(activation, hidden, bias, ending, tmp_path):
    if ending == "safetensors":
        pytest.importorskip("safetensors")
    net = MLP(
        FEATURES, hidden, 3, activation=activation, bias=bias, seed=4,
        class_names=["a", "b", "c"], feature_names=list("vwxyz"),
    )  # fmt: skip
    path = tmp_path / f"net.{ending}"
    net.save(path)
    for loaded in (models.load(path), MLP.load(path)):
        assert type(loaded) is MLP
        assert repr(loaded) == repr(net)
        for name in ("class_names", "feature_names", "seed", "activation", "bias", "hidden_sizes"):
            assert getattr(loaded, name) == getattr(net, name), name
        same_state(net, loaded)
    same_state(net, pickle.loads(pickle.dumps(net)))


def test_saved_metadata_describe_the_network(tmp_path):
    path = tmp_path / "net.npz"
    MLP(5, (4, 3), 1, activation="tanh", bias=False, seed=7).save(path)
    assert json.loads(str(read_npz(path)["softxent"])) == {
        "format": 1,
        "class_name": "MLP",
        "input_size": 5,
        "hidden_sizes": [4, 3],
        "num_classes": 1,
        "activation": "tanh",
        "bias": False,
        "dtype": "float32",
        "class_names": None,
        "seed": 7,
        "version": softxent.__version__,
    }


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda arrays, meta: meta.update(activation="gelu"), "activation must be one of"),
        (lambda arrays, meta: meta.update(activation=["relu"]), "activation must be one of"),
        (lambda arrays, meta: meta.pop("activation"), "activation is stated as None but is"),
        (lambda arrays, meta: meta.update(bias=False), "bias is stated as False but is True"),
        (lambda arrays, meta: meta.update(hidden_sizes=[4]), r"stated as \[4\] but is \[4, 3\]"),
        (lambda arrays, meta: meta.update(class_name="NeuralNet2"), "is Linear, ReLU, Linear"),
        (lambda arrays, meta: arrays.pop("linear2.bias"), "missing: linear2.bias"),
        (lambda arrays, meta: arrays.pop("linear2.weight"), "must be matrices|must have"),
        (lambda arrays, meta: arrays.update({"linear9.weight": np.ones((2, 2))}), "matrices"),
        (lambda arrays, meta: arrays.update({"other": np.ones(2)}), "unknown: other"),
        (
            lambda arrays, meta: arrays.update({"linear3.weight": np.zeros((3, 6))}),
            "linear3.weight must have 3 columns, .* got 6",
        ),
    ],
)
def test_load_refuses_what_does_not_fit_together(tmp_path, change, message):
    path = tmp_path / "net.npz"
    MLP(5, (4, 3), 3, activation="tanh", seed=0).save(path)
    arrays = read_npz(path)
    meta = json.loads(str(arrays["softxent"]))
    change(arrays, meta)
    arrays["softxent"] = np.array(json.dumps(meta))
    write_npz(path, arrays)
    with pytest.raises(ValueError, match=message):
        models.load(path)


def test_load_refuses_another_activation_than_the_file_has(tmp_path):
    MLP(5, (4,), 3, activation="tanh").save(tmp_path / "net.npz")
    assert models.load(tmp_path / "net.npz", activation="tanh").activation == "tanh"
    with pytest.raises(ValueError, match=r"has the activation 'tanh', got activation='relu'"):
        models.load(tmp_path / "net.npz", activation="relu")
