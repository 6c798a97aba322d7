"""Optimizers on their own, against torch.optim."""

import numpy as np
import pytest

from softxent.models import SGD, Adam

torch = pytest.importorskip("torch")

PAIRS = {
    "sgd": (SGD(), torch.optim.SGD, {}),
    "decay": (SGD(weight_decay=0.1), torch.optim.SGD, {"weight_decay": 0.1}),
    "nesterov": (
        SGD(0.9, 0.01, nesterov=True),
        torch.optim.SGD,
        {"momentum": 0.9, "weight_decay": 0.01, "nesterov": True},
    ),
    "adam": (
        Adam(betas=(0.8, 0.99), eps=1e-3),
        torch.optim.Adam,
        {"betas": (0.8, 0.99), "eps": 1e-3},
    ),
    "adamw": (Adam(weight_decay=0.1, decoupled=True), torch.optim.AdamW, {"weight_decay": 0.1}),
}


def fresh(optimizer):
    """An optimizer with the same settings and no state."""
    options = optimizer.config()
    return {"sgd": SGD, "adam": Adam}[options.pop("name")](**options)


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("float64", 1e-13)])
def test_step_equals_torch_over_500_steps(name, dtype, tolerance):
    template, cls, options = PAIRS[name]
    generator = np.random.default_rng(0)
    optimizer = fresh(template)
    parameters = {"a": generator.standard_normal((3, 4)).astype(dtype), "b": np.ones(2, dtype)}
    tensors = {key: torch.tensor(value, requires_grad=True) for key, value in parameters.items()}
    reference = cls(tensors.values(), lr=0.01, **options)
    for _ in range(500):
        gradients = {
            key: generator.standard_normal(value.shape).astype(dtype)
            for key, value in parameters.items()
        }
        for key, tensor in tensors.items():
            tensor.grad = torch.tensor(gradients[key])
        kept = {key: value.copy() for key, value in gradients.items()}
        optimizer.step(parameters, gradients, 0.01)
        reference.step()
        for key, value in kept.items():
            np.testing.assert_array_equal(gradients[key], value)
    for key, tensor in tensors.items():
        assert parameters[key].dtype == dtype
        np.testing.assert_allclose(parameters[key], tensor.detach(), rtol=0, atol=tolerance)


@pytest.mark.parametrize("name", PAIRS)
def test_state_dict_carries_everything(name):
    template = PAIRS[name][0]
    generator = np.random.default_rng(0)
    first, second = fresh(template), fresh(template)
    parameters = {"a": np.ones(5)}
    for _ in range(3):
        first.step(parameters, {"a": generator.standard_normal(5)}, 0.1)
    second.load_state_dict(first.state_dict())
    twin = {"a": parameters["a"].copy()}
    for _ in range(3):
        gradient = generator.standard_normal(5)
        first.step(parameters, {"a": gradient}, 0.1)
        second.step(twin, {"a": gradient}, 0.1)
    np.testing.assert_array_equal(twin["a"], parameters["a"])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SGD(momentum=-0.1), r"momentum must be in \[0, 1\), got -0.1"),
        (lambda: SGD(nesterov=True), "nesterov=True needs a momentum above 0"),
        (lambda: Adam(betas=(0.9, 1.0)), r"betas\[1\] must be in \[0, 1\), got 1.0"),
        (lambda: Adam(eps=0), r"eps must be in \(0, inf\), got 0"),
        (lambda: Adam(weight_decay=float("nan")), "weight_decay must be in .* got nan"),
    ],
)
def test_optimizers_refuse_settings(make, message):
    with pytest.raises(ValueError, match=message):
        make()
