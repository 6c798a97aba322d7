"""Multilayer perceptrons of any depth, and the two classical networks as cases of them."""

import itertools

import numpy as np
import pytest

import softxent
from softxent.data import Standardizer, load_breast_cancer, load_digits
from softxent.models import MLP, NeuralNet1, NeuralNet2
from softxent.models.activations import ACTIVATIONS

N, FEATURES = 7, 5
DEPTHS = {"none": (), "one": (4,), "two": (4, 3), "three": (4, 3, 6)}

each_activation = pytest.mark.parametrize("activation", ACTIVATIONS)
each_depth = pytest.mark.parametrize("hidden", DEPTHS.values(), ids=DEPTHS)
each_bias = pytest.mark.parametrize("bias", [True, False], ids=["bias", "no bias"])
each_output = pytest.mark.parametrize("outputs", [1, 3], ids=["one logit", "three logits"])

FORMULAS = {
    "relu": lambda z: np.maximum(z, 0),
    "tanh": np.tanh,
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "identity": lambda z: z,
}


def problem(outputs, seed=0, n=N):
    generator = np.random.default_rng(seed)
    X = generator.standard_normal((n, FEATURES))
    return X, generator.integers(0, max(outputs, 2), n)


def same_state(a, b):
    for name, array in a.state_dict().items():
        np.testing.assert_array_equal(b.state_dict()[name], array, err_msg=name)
    assert list(a.state_dict()) == list(b.state_dict())


@each_activation
@each_depth
@each_bias
@each_output
def test_forward_is_the_formula(activation, hidden, bias, outputs):
    net = MLP(FEATURES, hidden, outputs, activation=activation, bias=bias, seed=1, dtype="float64")
    X, _ = problem(outputs)
    state, value = net.state_dict(), X
    assert len(state) == (len(hidden) + 1) * (1 + bias)
    for layer in range(1, len(hidden) + 2):
        value = value @ state[f"linear{layer}.weight"].T + state.get(f"linear{layer}.bias", 0)
        if layer <= len(hidden):
            value = FORMULAS[activation](value)
    found = net.forward(X)
    assert found.shape == ((N,) if outputs == 1 else (N, outputs))
    np.testing.assert_allclose(found, value.reshape(found.shape), rtol=1e-13, atol=1e-15)


@each_activation
@each_depth
@each_bias
@each_output
def test_loss_and_grad_equals_central_differences(activation, hidden, bias, outputs):
    net = MLP(FEATURES, hidden, outputs, activation=activation, bias=bias, seed=2, dtype="float64")
    # Wider than at the start, so that every layer has a gradient that can be seen.
    net.load_state_dict({name: 4 * value for name, value in net.state_dict().items()})
    X, y = problem(outputs)
    loss, gradients = net.loss_and_grad(X, y, label_smoothing=0.1)
    assert loss == pytest.approx(net.loss(X, y, label_smoothing=0.1), rel=1e-14)
    assert list(gradients) == list(net.state_dict())
    state, step = net.state_dict(), 1e-6
    for name, gradient in gradients.items():
        numeric = np.empty_like(gradient)
        for index in np.ndindex(gradient.shape):
            sides = []
            for sign in (1, -1):
                moved = {key: value.copy() for key, value in state.items()}
                moved[name][index] += sign * step
                net.load_state_dict(moved)
                sides.append(net.loss(X, y, label_smoothing=0.1))
            numeric[index] = (sides[0] - sides[1]) / (2 * step)
        assert np.abs(gradient).max() > 1e-4, f"{name}: the test sees no gradient"
        np.testing.assert_allclose(gradient, numeric, rtol=1e-7, atol=2e-9, err_msg=name)


def reference_training(net, X, y, epochs, batch_size, rate):
    """Linear, ReLU, Linear trained by SGD, written out without the package's layers."""
    generator = np.random.default_rng(net.seed)
    sizes = (net.input_size, net.hidden_size, net.layers.outputs)
    state = {}
    for layer, (inputs, outputs) in enumerate(itertools.pairwise(sizes), 1):
        bound = 1 / np.sqrt(inputs)
        for kind, shape in (("weight", (outputs, inputs)), ("bias", (outputs,))):
            draw = generator.uniform(-bound, bound, shape)
            state[f"linear{layer}.{kind}"] = draw.astype(net.dtype)
    start = {name: value.copy() for name, value in state.items()}
    for epoch in range(epochs):
        sequence = np.random.SeedSequence(net.seed, spawn_key=(epoch,))
        order = np.random.default_rng(sequence).permutation(len(X))
        for first in range(0, len(X), batch_size):
            rows = order[first : first + batch_size]
            x = np.ascontiguousarray(X, net.dtype)[rows]
            hidden = np.maximum(x @ state["linear1.weight"].T + state["linear1.bias"], 0)
            logits = hidden @ state["linear2.weight"].T + state["linear2.bias"]
            if sizes[2] == 1:
                _, d = softxent.binary_cross_entropy_and_grad(logits[:, 0], y[rows].astype(float))
                d = d[:, None]
            else:
                _, d = softxent.cross_entropy_and_grad(logits, y[rows])
            inner = d @ state["linear2.weight"]
            inner[hidden <= 0] = 0
            gradients = {
                "linear1.weight": inner.T @ x,
                "linear1.bias": inner.sum(axis=0),
                "linear2.weight": d.T @ hidden,
                "linear2.bias": d.sum(axis=0),
            }
            for name, gradient in gradients.items():
                state[name] = state[name] - net.dtype.type(rate) * gradient
    return start, state


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@each_output
def test_the_classical_networks_keep_their_bits(outputs, dtype):
    """First values, forward, gradients and training are those of two layers written out."""
    net = (
        NeuralNet1(FEATURES, 6, 3, dtype=dtype)
        if outputs == 1
        else NeuralNet2(FEATURES, 6, outputs, 3, dtype=dtype)
    )
    X, y = problem(outputs, n=40)
    start, trained = reference_training(net, X, y, epochs=3, batch_size=16, rate=0.1)
    for name, value in net.state_dict().items():
        np.testing.assert_array_equal(value, start[name], err_msg=name)
    net.fit(X, y, epochs=3, batch_size=16, learning_rate=0.1, progress=False)
    for name, value in net.state_dict().items():
        np.testing.assert_array_equal(value, trained[name], err_msg=name)


@pytest.mark.parametrize(
    "options",
    [
        {"momentum": 0.9, "weight_decay": 0.01},
        {"optimizer": "adam"},
        {"optimizer": "adamw", "label_smoothing": 0.1, "schedule": "cosine"},
    ],
    ids=["sgd", "adam", "adamw"],
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@each_output
def test_mlp_of_one_hidden_layer_equals_the_classical_network_bit_for_bit(outputs, dtype, options):
    classical = (
        NeuralNet1(FEATURES, 6, 3, dtype=dtype)
        if outputs == 1
        else NeuralNet2(FEATURES, 6, outputs, 3, dtype=dtype)
    )
    net = MLP(FEATURES, (6,), outputs, seed=3, dtype=dtype)
    X, y = problem(outputs, n=40)
    same_state(net, classical)
    np.testing.assert_array_equal(net.forward(X), classical.forward(X))
    for name, gradient in net.loss_and_grad(X, y)[1].items():
        np.testing.assert_array_equal(gradient, classical.loss_and_grad(X, y)[1][name])
    histories = [
        n.fit(X, y, epochs=3, batch_size=16, learning_rate=0.05, progress=False, **options)
        for n in (net, classical)
    ]
    same_state(net, classical)
    assert histories[0]["loss"] == histories[1]["loss"]


def test_classical_networks_are_mlps_with_their_own_names():
    one, two = NeuralNet1(5, 4), NeuralNet2(5, 4, 3)
    assert isinstance(one, MLP)
    assert isinstance(two, MLP)
    assert (one.hidden_size, one.hidden_sizes, one.activation, one.bias) == (4, (4,), "relu", True)
    assert (one.num_classes, two.num_classes) == (2, 3)
    assert repr(one) == "NeuralNet1(5, 4, dtype='float32')"
    assert repr(two) == "NeuralNet2(5, 4, 3, dtype='float32')"


def test_repr_makes_the_same_network():
    for net in (MLP(5, [4, 3], 1, activation="tanh", bias=False, dtype="float64"), MLP(5, [], 3)):
        twin = eval(repr(net), {"MLP": MLP})
        assert repr(twin) == repr(net)
        assert twin.layers == net.layers
        assert twin.dtype == net.dtype


def test_an_activation_has_no_place_without_a_hidden_layer():
    """Two networks that compute the same have the same shape."""
    assert MLP(5, (), 3, activation="tanh").layers == MLP(5, (), 3, activation="relu").layers
    assert MLP(5, (), 3, activation="tanh").activation == "identity"
    with pytest.raises(ValueError, match="activation must be one of"):
        MLP(5, (), 3, activation="gelu")


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ((0, [4], 3), {}, ValueError, "input_size must be at least 1, got 0"),
        ((5, [4, 0], 3), {}, ValueError, r"hidden_sizes\[1\] must be at least 1, got 0"),
        ((5, [4, 2.5], 3), {}, TypeError, r"hidden_sizes\[1\] must be an integer, got 2.5"),
        ((5, [True], 3), {}, TypeError, r"hidden_sizes\[0\] must be an integer, got True"),
        ((5, 4, 3), {}, TypeError, r"hidden_sizes must be a sequence .* such as \(64,\), got 4"),
        ((5, "64", 3), {}, TypeError, "hidden_sizes must be a sequence .*, got '64'"),
        ((5, None, 3), {}, TypeError, "hidden_sizes must be a sequence .*, got None"),
        ((5, [4], 0), {}, ValueError, "num_classes must be at least 1, got 0"),
        ((5, [4], 3), {"activation": "ReLU"}, ValueError, "relu, tanh, sigmoid, .*got 'ReLU'"),
        ((5, [4], 3), {"activation": None}, ValueError, "activation must be one of .*got None"),
        ((5, [4], 3), {"bias": 1}, TypeError, "bias must be True or False, got 1"),
        ((5, [4], 3), {"seed": -1}, ValueError, "seed must be .*-1"),
        ((5, [4], 3), {"dtype": "float16"}, ValueError, "dtype must be float32 or float64"),
        ((5, [4], 3), {"dtype": "flaot32"}, TypeError, "dtype must be .*, got 'flaot32'"),
        ((5, [4], 1), {"class_names": ["a"]}, ValueError, "class_names must have 2 names, got 1"),
        ((5, [4], 3), {"feature_names": ["a"]}, ValueError, "must have 5 names, got 1"),
    ],
)
def test_constructor_names_the_bad_argument(arguments, options, error, message):
    with pytest.raises(error, match=message):
        MLP(*arguments, **options)


def test_hidden_sizes_may_be_any_sequence_of_integers():
    expected = MLP(5, (4, 3), 2, seed=0)
    for sizes in ([4, 3], np.array([4, 3]), (np.int32(4), np.uint8(3)), iter([4, 3])):
        net = MLP(5, sizes, 2, seed=0)
        assert net.hidden_sizes == (4, 3)
        same_state(net, expected)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@each_activation
def test_extreme_sums_give_limits_and_no_warning(activation, dtype):
    net = MLP(1, (1, 1), 1, activation=activation, bias=False, seed=0, dtype=dtype)
    net.load_state_dict({name: [[1.0]] for name in net.state_dict()})
    X = np.array([[np.inf], [-np.inf], [np.nan], [1e30], [-1e30], [0.0]])
    formula = FORMULAS[activation]
    with np.errstate(all="ignore"):
        expected = formula(formula(X.astype(dtype)))[:, 0]
    np.testing.assert_allclose(net.forward(X), expected, rtol=1e-6)
    for gradient in net.loss_and_grad(X[3:], [1, 0, 1])[1].values():
        assert np.isfinite(gradient).all()


def test_derivative_of_tanh_keeps_its_digits_near_one():
    """1 - a² of a float32 a next to 1 has half of its digits wrong; (1 - a)(1 + a) has not."""
    a = np.nextafter(np.float32(1), np.float32(0))
    gradient = np.ones(1, np.float32)
    ACTIVATIONS["tanh"].backpropagate(gradient, np.array([a]))
    exact = 1 - float(a) ** 2
    assert abs(float(gradient[0]) - exact) < 2e-7 * exact


@each_activation
@each_output
def test_training_learns_with_every_activation(activation, outputs):
    train, test = (load_breast_cancer() if outputs == 1 else load_digits()).split(seed=0)
    standardizer = Standardizer.fit(train.X)
    net = MLP(train.X.shape[1], (24, 16), 1 if outputs == 1 else 10, activation=activation, seed=0)
    history = net.fit(
        standardizer.transform(train.X), train.y, epochs=12, batch_size=32, learning_rate=0.01,
        optimizer="adam", progress=False,
    )  # fmt: skip
    assert history["loss"][-1] < history["loss"][0] / 2
    net.fold_standardizer(standardizer)
    assert (net.predict(test.X) == test.y).mean() > 0.85


def test_training_goes_on_from_a_checkpoint_bit_for_bit(tmp_path):
    X, y = problem(3, n=40)
    options = {"batch_size": 8, "learning_rate": 0.05, "optimizer": "adam", "progress": False}

    def make(activation="tanh"):
        return MLP(5, (6, 4), 3, activation=activation, bias=False, seed=1)

    whole, parts = make(), make()
    whole.fit(X, y, epochs=6, **options)
    path = tmp_path / "run.npz"
    parts.fit(X, y, epochs=3, checkpoint=path, **options)
    resumed = make()
    resumed.fit(X, y, epochs=6, checkpoint=path, **options)
    same_state(whole, resumed)
    with pytest.raises(ValueError, match=r"another training: network is .*tanh.* and .*sigmoid"):
        make("sigmoid").fit(X, y, epochs=6, checkpoint=path, **options)


def test_without_hidden_layers_it_is_logistic_regression():
    """Trained to the end it has the coefficients of scikit-learn's, which has the same optimum."""
    linear_model = pytest.importorskip("sklearn.linear_model")
    generator = np.random.default_rng(0)
    X = generator.standard_normal((300, FEATURES))
    # Labels at random keep the optimum finite.
    logits = X @ generator.standard_normal((FEATURES, 3))
    y = np.array([generator.choice(3, p=softxent.softmax(row)) for row in logits])
    net = MLP(FEATURES, (), 3, seed=0, dtype="float64")
    net.fit(X, y, epochs=3000, batch_size=300, learning_rate=1.0, progress=False)
    expected = linear_model.LogisticRegression(C=1e9, tol=1e-10, max_iter=10000).fit(X, y)
    np.testing.assert_allclose(net.predict_proba(X), expected.predict_proba(X), atol=1e-5)
    assert max(np.abs(gradient).max() for gradient in net.loss_and_grad(X, y)[1].values()) < 1e-6


@each_depth
def test_fold_standardizer_moves_the_map_into_the_first_layer(hidden):
    generator = np.random.default_rng(0)
    X = generator.standard_normal((20, FEATURES)) * [1, 10, 100, 1, 1] + 3
    standardizer = Standardizer.fit(X)
    net = MLP(FEATURES, hidden, 3, activation="tanh", seed=0, dtype="float64")
    before = net.forward((X - standardizer.mean) / standardizer.scale)
    net.fold_standardizer(standardizer)
    np.testing.assert_allclose(net.forward(X), before, rtol=0, atol=1e-12)


def test_fold_standardizer_without_biases_takes_a_scale_alone():
    net = MLP(2, (3,), 3, bias=False, seed=0, dtype="float64")
    before, state = net.forward([[0.5, 2.0]]), net.state_dict()
    with pytest.raises(ValueError, match="without biases has no place for the mean"):
        net.fold_standardizer(Standardizer(np.array([0.0, 1.0]), np.array([2.0, 4.0])))
    for name, value in state.items():
        np.testing.assert_array_equal(net.state_dict()[name], value)
    net.fold_standardizer(Standardizer(np.zeros(2), np.array([2.0, 4.0])))
    np.testing.assert_allclose(net.forward([[1.0, 8.0]]), before, rtol=1e-14)
