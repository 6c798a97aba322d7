"""Networks against PyTorch, and exchanged with it."""

import numpy as np
import pytest

from softxent.models import NeuralNet1, NeuralNet2

torch = pytest.importorskip("torch")
nn = torch.nn


def data(seed=0, n=9):
    """Features, labels of three classes, labels of two."""
    generator = np.random.default_rng(seed)
    return generator.standard_normal((n, 6)), generator.integers(0, 3, n)


def gradients(module):
    """The gradients of a module by name."""
    return {name: parameter.grad.numpy() for name, parameter in module.named_parameters()}


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("weight", [None, [0.5, 1.0, 3.0]])
@pytest.mark.parametrize("soft", [False, True])
def test_neuralnet2_has_the_loss_and_gradients_of_autograd(soft, weight, smoothing):
    X, y = data()
    target = np.random.default_rng(1).dirichlet(np.ones(3), len(y)) if soft else y
    net = NeuralNet2(6, 5, 3, seed=0, dtype="float64")
    module = net.to_torch()
    criterion = nn.CrossEntropyLoss(
        weight=None if weight is None else torch.tensor(weight, dtype=torch.float64),
        label_smoothing=smoothing,
    )
    expected = criterion(module(torch.tensor(X)), torch.tensor(target))
    expected.backward()
    loss, found = net.loss_and_grad(X, target, weight=weight, label_smoothing=smoothing)
    assert loss == pytest.approx(expected.item(), rel=1e-14)
    for name, gradient in gradients(module).items():
        np.testing.assert_allclose(found[name], gradient, rtol=0, atol=1e-15, err_msg=name)


def test_neuralnet1_has_the_loss_and_gradients_of_autograd():
    X, y = data()
    net = NeuralNet1(6, 5, seed=0, dtype="float64")
    module = net.to_torch()
    target = torch.tensor(y % 2, dtype=torch.float64)
    expected = nn.BCEWithLogitsLoss()(module(torch.tensor(X)), target)
    expected.backward()
    loss, found = net.loss_and_grad(X, y % 2)
    assert loss == pytest.approx(expected.item(), rel=1e-14)
    for name, gradient in gradients(module).items():
        np.testing.assert_allclose(found[name], gradient, rtol=0, atol=1e-15, err_msg=name)


def optimizers():
    """Pairs of settings for fit and constructors of torch."""
    sgd, adam, adamw = torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW
    return {
        "sgd": ({}, lambda p: sgd(p, 0.1)),
        "momentum": (
            {"momentum": 0.9, "weight_decay": 0.01},
            lambda p: sgd(p, 0.1, momentum=0.9, weight_decay=0.01),
        ),
        "adam": (
            {"optimizer": "adam", "weight_decay": 0.01},
            lambda p: adam(p, 0.1, weight_decay=0.01),
        ),
        "adamw": (
            {"optimizer": "adamw", "weight_decay": 0.01},
            lambda p: adamw(p, 0.1, weight_decay=0.01),
        ),
    }


@pytest.mark.parametrize("name", optimizers())
@pytest.mark.parametrize("schedule", ["constant", "cosine", "step"])
def test_fit_takes_the_steps_of_torch(name, schedule):
    """100 epochs of one batch, so that the order of the samples does not matter."""
    options, make = optimizers()[name]
    X, y = data(n=40)
    net = NeuralNet2(6, 5, 3, seed=0, dtype="float64")
    module = net.to_torch()
    optimizer = make(module.parameters())
    lr = torch.optim.lr_scheduler
    scheduler = {
        "constant": lambda: lr.ConstantLR(optimizer, 1.0),
        "cosine": lambda: lr.CosineAnnealingLR(optimizer, 100),
        "step": lambda: lr.StepLR(optimizer, 34),
    }[schedule]()
    losses, rates = [], []
    for _ in range(100):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(module(torch.tensor(X)), torch.tensor(y))
        loss.backward()
        rates.append(scheduler.get_last_lr()[0])
        optimizer.step()
        scheduler.step()
        losses.append(loss.item())
    history = net.fit(
        X,
        y,
        epochs=100,
        batch_size=40,
        learning_rate=0.1,
        schedule=schedule,
        progress=False,
        **options,
    )
    np.testing.assert_allclose(history["learning_rate"], rates, rtol=1e-12, atol=1e-16)
    np.testing.assert_allclose(history["loss"], losses, rtol=1e-9)
    for key, array in module.state_dict().items():
        np.testing.assert_allclose(net.state_dict()[key], array, rtol=1e-8, atol=1e-10)


class Classical(nn.Module):
    """The module of the tutorials."""

    def __init__(self, outputs, activation=None, final=None):
        super().__init__()
        self.linear1 = nn.Linear(6, 5)
        self.relu = activation or nn.ReLU()
        self.linear2 = nn.Linear(5, outputs)
        self.final = final or nn.Identity()

    def forward(self, x):
        return self.final(self.linear2(self.relu(self.linear1(x))))


@pytest.mark.parametrize("final", [nn.Identity(), nn.Softmax(dim=1)])
def test_from_torch_computes_what_the_module_computes(final):
    torch.manual_seed(0)
    module = Classical(3, final=final)
    X = data()[0].astype(np.float32)
    net = NeuralNet2.from_torch(module)
    found = net.forward(X) if isinstance(final, nn.Identity) else net.predict_proba(X)
    expected = module(torch.tensor(X)).detach().numpy()
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


def test_from_torch_takes_a_module_that_ends_in_sigmoid():
    torch.manual_seed(0)
    module = Classical(1, final=nn.Sigmoid())
    X = data()[0].astype(np.float32)
    found = NeuralNet1.from_torch(module).predict_proba(X)
    expected = module(torch.tensor(X)).detach().numpy()[:, 0]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


def test_from_torch_takes_layers_of_other_names_in_their_order():
    module = nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3))
    net = NeuralNet2.from_torch(module)
    for ours, theirs in {"linear1": "0", "linear2": "2"}.items():
        for kind in ("weight", "bias"):
            array = module.state_dict()[f"{theirs}.{kind}"].numpy()
            np.testing.assert_array_equal(net.state_dict()[f"{ours}.{kind}"], array)


def test_from_torch_leaves_the_module_as_it_was():
    module = Classical(3).train()
    net = NeuralNet2.from_torch(module)
    net.parameters["linear1.bias"][:] = 99
    assert module.training
    assert (module.linear1.bias != 99).all()


@pytest.mark.parametrize(
    "activation", [nn.LeakyReLU(0.1), nn.Tanh(), nn.Identity(), nn.GELU()], ids=repr
)
def test_from_torch_refuses_a_module_with_another_activation(activation):
    torch.manual_seed(0)
    with pytest.raises(ValueError, match=r"the module is not linear2\(relu\(linear1\(x\)\)\)"):
        NeuralNet2.from_torch(Classical(3, activation=activation))


def test_from_torch_refuses_other_parameters():
    with pytest.raises(ValueError, match=r"two linear layers, got 0.weight \(5, 6\), 0.bias"):
        NeuralNet2.from_torch(nn.Sequential(nn.Linear(6, 5)))
    with pytest.raises(ValueError, match="two linear layers, got no parameters"):
        NeuralNet2.from_torch({})
    with pytest.raises(TypeError, match="expected a torch module or a state_dict, got int"):
        NeuralNet2.from_torch(3)
    with pytest.raises(ValueError, match="NeuralNet1 has 1 output, the given parameters have 3"):
        NeuralNet1.from_torch(Classical(3))
    with pytest.raises(ValueError, match="num_classes must be at least 2, got 1"):
        NeuralNet2.from_torch(Classical(1))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_from_torch_widens_16_bit_parameters_exactly(dtype):
    module = Classical(3).to(dtype)
    net = NeuralNet2.from_torch(module.state_dict())
    assert net.dtype == np.float32
    for name, tensor in module.state_dict().items():
        np.testing.assert_array_equal(net.state_dict()[name], tensor.float().numpy())


def test_from_torch_keeps_float64():
    assert NeuralNet2.from_torch(Classical(3).double()).dtype == np.float64


@pytest.mark.parametrize("net", [NeuralNet1(6, 5, seed=0), NeuralNet2(6, 5, 3, seed=0)], ids=repr)
def test_to_torch_computes_what_the_network_computes(net):
    X = data()[0].astype(np.float32)
    state = torch.random.get_rng_state()
    module = net.to_torch()
    assert torch.equal(torch.random.get_rng_state(), state)
    output = module(torch.tensor(X)).detach().numpy()
    assert output.shape == net.forward(X).shape
    np.testing.assert_allclose(output, net.forward(X), rtol=0, atol=1e-6)
    assert list(module.state_dict()) == list(net.state_dict())
    module.linear1.bias.data[:] = 99
    assert (net.state_dict()["linear1.bias"] != 99).all()


def test_safetensors_files_pass_between_torch_and_softxent(tmp_path):
    safetensors = pytest.importorskip("safetensors.torch")
    net = NeuralNet2(6, 5, 3, seed=0)
    net.save(tmp_path / "ours.safetensors")
    module = Classical(3)
    module.load_state_dict(safetensors.load_file(tmp_path / "ours.safetensors"))
    safetensors.save_file(module.state_dict(), tmp_path / "theirs.safetensors")
    back = NeuralNet2.load(tmp_path / "theirs.safetensors")
    for name, array in net.state_dict().items():
        np.testing.assert_array_equal(back.state_dict()[name], array)


def test_features_may_be_tensors():
    net = NeuralNet2(6, 5, 3, seed=0)
    X, y = data()
    assert net.loss(torch.tensor(X), torch.tensor(y)) == net.loss(X, y)
