"""Multilayer perceptrons against PyTorch, and exchanged with it: any depth, activation, names."""

import itertools

import numpy as np
import pytest

from softxent.models import MLP, NeuralNet2

torch = pytest.importorskip("torch")
nn = torch.nn


def data(seed=0, n=9):
    """Features and labels of three classes."""
    generator = np.random.default_rng(seed)
    return generator.standard_normal((n, 6)), generator.integers(0, 3, n)


ACTIVATIONS = {
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "identity": nn.Identity,
}
each_activation = pytest.mark.parametrize("activation", ACTIVATIONS)
each_depth = pytest.mark.parametrize("hidden", [(), (5,), (5, 4), (5, 4, 7)], ids=str)
each_bias = pytest.mark.parametrize("bias", [True, False], ids=["bias", "no bias"])


def stack(sizes, activation="relu", bias=True, final=None, seed=0):
    """Linear layers with an activation between them, as people write them."""
    torch.manual_seed(seed)
    modules = []
    for inputs, outputs in itertools.pairwise(sizes):
        modules += [nn.Linear(inputs, outputs, bias=bias), ACTIVATIONS[activation]()]
    return nn.Sequential(*modules[:-1], *([] if final is None else [final]))


@each_activation
@each_depth
@each_bias
@pytest.mark.parametrize("outputs", [1, 3])
def test_mlp_has_the_loss_and_gradients_of_autograd(outputs, bias, hidden, activation):
    X, y = data()
    net = MLP(6, hidden, outputs, activation=activation, bias=bias, seed=0, dtype="float64")
    module = net.to_torch()
    assert list(module.state_dict()) == list(net.state_dict())
    logits = module(torch.tensor(X))
    np.testing.assert_allclose(logits.detach().numpy(), net.forward(X), rtol=1e-13, atol=1e-15)
    if outputs == 1:
        y = y % 2
        expected = nn.BCEWithLogitsLoss()(logits, torch.tensor(y, dtype=torch.float64))
    else:
        expected = nn.CrossEntropyLoss()(logits, torch.tensor(y))
    expected.backward()
    loss, found = net.loss_and_grad(X, y)
    assert loss == pytest.approx(expected.item(), rel=1e-14)
    for name, parameter in module.named_parameters():
        np.testing.assert_allclose(found[name], parameter.grad, rtol=0, atol=1e-15, err_msg=name)


OPTIMIZERS = {
    "sgd": ({}, lambda p: torch.optim.SGD(p, 0.1)),
    "momentum": (
        {"momentum": 0.9, "weight_decay": 0.01},
        lambda p: torch.optim.SGD(p, 0.1, momentum=0.9, weight_decay=0.01),
    ),
    "adamw": (
        {"optimizer": "adamw", "weight_decay": 0.01},
        lambda p: torch.optim.AdamW(p, 0.1, weight_decay=0.01),
    ),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
@each_activation
def test_mlp_is_trained_as_in_torch(name, activation):
    options, make = OPTIMIZERS[name]
    X, y = data(n=40)
    net = MLP(6, (8, 5), 3, activation=activation, seed=0, dtype="float64")
    module = net.to_torch()
    optimizer, losses = make(module.parameters()), []
    for _ in range(60):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(module(torch.tensor(X)), torch.tensor(y))
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    history = net.fit(
        X, y, epochs=60, batch_size=40, learning_rate=0.1, progress=False, **options
    )  # fmt: skip
    np.testing.assert_allclose(history["loss"], losses, rtol=1e-8)


@each_activation
@each_depth
@each_bias
@pytest.mark.parametrize("final", [None, nn.Softmax(dim=1), nn.LogSoftmax(dim=1)], ids=repr)
def test_from_torch_finds_out_the_activation_of_a_module(final, bias, hidden, activation):
    module = stack((6, *hidden, 3), activation, bias, final)
    net = MLP.from_torch(module)
    assert net.hidden_sizes == hidden
    assert net.bias == bias
    assert net.activation == (activation if hidden else "identity")
    X = data()[0].astype(np.float32)
    found = net.forward(X) if final is None else net.predict_proba(X)
    if isinstance(final, nn.LogSoftmax):
        found = np.log(found)
    np.testing.assert_allclose(found, module(torch.tensor(X)).detach().numpy(), atol=1e-6)


@each_activation
@pytest.mark.parametrize("scale", [1e-4, 1e-2, 1.0, 30.0])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_from_torch_finds_out_the_activation_whatever_the_size_of_the_weights(
    dtype, scale, activation
):
    """Near 0 tanh is the identity up to its cube: the samples reach its bend all the same."""
    module = stack((6, 5, 3), activation)
    with torch.no_grad():
        module[0].weight *= scale
        module[0].bias *= scale
    assert MLP.from_torch(module.to(dtype)).activation == activation


def test_from_torch_asks_where_a_module_does_not_say_its_activation():
    module = stack((6, 5, 3), "relu")
    with torch.no_grad():
        module[2].weight[:] = 0
    with pytest.raises(ValueError, match=r"computes the same with relu and .*: give activation="):
        MLP.from_torch(module)
    assert MLP.from_torch(module, activation="tanh").activation == "tanh"


@pytest.mark.parametrize("activation", [nn.LeakyReLU(0.1), nn.ELU(), nn.GELU()], ids=repr)
def test_from_torch_refuses_activations_that_an_mlp_has_not(activation):
    with pytest.raises(ValueError, match=r"linear2\(a\(linear1\(x\)\)\), a being relu, tanh, sig"):
        MLP.from_torch(nn.Sequential(nn.Linear(6, 5), activation, nn.Linear(5, 3)))


class WithFeatures(nn.Module):
    """A module that returns its hidden values beside the logits."""

    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(6, 5), nn.Linear(5, 3)

    def forward(self, x):
        hidden = torch.tanh(self.first(x))
        return self.last(hidden), hidden


def test_from_torch_refuses_a_module_of_several_outputs():
    with pytest.raises(ValueError, match=r"must return one tensor, .* got tuple"):
        MLP.from_torch(WithFeatures())


def test_from_torch_refuses_a_module_of_two_activations():
    module = nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 3))
    with pytest.raises(ValueError, match=r"the module is not linear3\(a\(linear2\(a\(linear1"):
        MLP.from_torch(module)


def test_from_torch_refuses_a_module_with_another_activation_than_the_one_given():
    with pytest.raises(ValueError, match=r"is not linear2\(tanh\(linear1\(x\)\)\)"):
        MLP.from_torch(stack((6, 5, 3), "relu"), activation="tanh")


@each_activation
def test_from_torch_of_a_state_dict_needs_the_activation(activation):
    module = stack((6, 5, 4, 3), activation)
    with pytest.raises(ValueError, match=r"3 linear layers does not say .*: give activation="):
        MLP.from_torch(module.state_dict())
    net = MLP.from_torch(module.state_dict(), activation=activation)
    X = data()[0].astype(np.float32)
    np.testing.assert_allclose(
        net.forward(X), module(torch.tensor(X)).detach().numpy(), rtol=0, atol=1e-6
    )


@pytest.mark.parametrize("activation", ["", "ReLU", "gelu", 1])
@pytest.mark.parametrize("cls", [MLP, NeuralNet2])
def test_from_torch_refuses_names_that_are_no_activation(cls, activation):
    module = stack((6, 5, 3))
    for source in (module, module.state_dict()):
        with pytest.raises(ValueError, match=f"activation must be one of .*got {activation!r}"):
            cls.from_torch(source, activation=activation)


def test_from_torch_of_a_state_dict_without_hidden_layer_needs_none():
    module = nn.Linear(6, 3)
    net = MLP.from_torch(module.state_dict())
    assert net.hidden_sizes == ()
    np.testing.assert_array_equal(net.state_dict()["linear1.weight"], module.weight.detach())
    assert MLP.from_torch(module).layers == net.layers


def test_classical_networks_take_a_state_dict_as_what_they_are():
    state = stack((6, 5, 3), "tanh").state_dict()
    assert NeuralNet2.from_torch(state).activation == "relu"
    with pytest.raises(ValueError, match=r"NeuralNet2 is Linear, ReLU, Linear .* got 6-5-3, tanh"):
        NeuralNet2.from_torch(state, activation="tanh")
    with pytest.raises(ValueError, match="got 6-5-3, no biases"):
        NeuralNet2.from_torch(stack((6, 5, 3), bias=False))
    with pytest.raises(ValueError, match=r"two linear layers, got 0\.weight"):
        NeuralNet2.from_torch(stack((6, 5, 4, 3)))


def test_from_torch_fills_biases_that_some_layers_lack():
    module = nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 3, bias=False))
    net = MLP.from_torch(module)
    assert net.bias
    assert (net.state_dict()["linear2.bias"] == 0).all()


@pytest.mark.parametrize(
    "change",
    [
        lambda state: state.update({"norm.weight": torch.ones(5)}),
        lambda state: state.update({"0.running_mean": torch.ones(5)}),
        lambda state: state.update({"steps": torch.tensor(3)}),
        lambda state: state.pop("0.weight"),
    ],
)
def test_from_torch_refuses_parameters_of_other_layers(change):
    state = dict(stack((6, 5, 3)).state_dict())
    change(state)
    with pytest.raises(ValueError, match="expected weight and bias of linear layers, got "):
        MLP.from_torch(state, activation="relu")


def save_sorted(path, state):
    """A file as safetensors sorts it: by name."""
    safetensors = pytest.importorskip("safetensors.torch")
    safetensors.save_file({name: value.contiguous() for name, value in state.items()}, path)
    return path


def test_layers_of_equal_size_are_ordered_by_their_numbers(tmp_path):
    """As text "10" comes before "2"."""
    module = stack((6, *[6] * 10, 3), "tanh")
    path = save_sorted(tmp_path / "deep.safetensors", module.state_dict())
    net = MLP.load(path, activation="tanh")
    X = data()[0].astype(np.float32)
    np.testing.assert_allclose(net.forward(X), module(torch.tensor(X)).detach().numpy(), atol=1e-6)


def test_layers_of_other_names_are_ordered_by_their_shapes(tmp_path):
    module = stack((6, 5, 4, 3))
    names = {"0": "input", "2": "hidden", "4": "head"}
    state = {
        f"{names[name.split('.')[0]]}.{name.split('.')[1]}": value
        for name, value in module.state_dict().items()
    }
    net = MLP.load(save_sorted(tmp_path / "net.safetensors", state), activation="relu")
    assert net.layers.sizes == (6, 5, 4, 3)
    np.testing.assert_array_equal(net.state_dict()["linear3.bias"], state["head.bias"].numpy())


def test_layers_of_one_series_keep_their_order_beside_others(tmp_path):
    """Shapes leave the order of the square layers open, their numbers do not."""
    encoder = stack((6, 6, 6, 6, 4), "tanh")
    state = {
        name.replace("6.", "head.") if name.startswith("6.") else f"encoder.{name}": value
        for name, value in encoder.state_dict().items()
    }
    assert "head.weight" in state
    net = MLP.load(save_sorted(tmp_path / "net.safetensors", state), activation="tanh")
    X = data()[0].astype(np.float32)
    np.testing.assert_allclose(net.forward(X), encoder(torch.tensor(X)).detach().numpy(), atol=1e-6)


def test_layers_that_nothing_orders_are_refused(tmp_path):
    state = {f"{name}.weight": torch.rand(4, 4) for name in ("alpha", "beta")}
    path = save_sorted(tmp_path / "net.safetensors", state)
    with pytest.raises(ValueError, match=r"net.safetensors: names do not tell the order: alpha "):
        MLP.load(path, activation="relu")
    assert MLP.from_torch(state, activation="relu").layers.sizes == (4, 4, 4)
    misfit = {"a.weight": torch.rand(4, 5), "b.weight": torch.rand(3, 7)}
    with pytest.raises(ValueError, match=r"the layers do not fit together: a \(4, 5\), b \(3, 7"):
        MLP.from_torch(misfit, activation="relu")
