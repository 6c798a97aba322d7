"""The computation of NeuralNet1 and NeuralNet2."""

import numpy as np
import pytest

import softxent
from softxent.data import Standardizer, load_breast_cancer
from softxent.models import NeuralNet1, NeuralNet2

N = 7


def problem(net, seed=0, soft=False):
    """Random features and targets for a network."""
    generator = np.random.default_rng(seed)
    X = generator.standard_normal((N, net.input_size))
    if isinstance(net, NeuralNet1):
        return X, generator.random(N) if soft else generator.integers(0, 2, N)
    y = generator.integers(0, net.num_classes, N)
    return X, generator.dirichlet(np.ones(net.num_classes), N) if soft else y


NETS = {
    "NeuralNet1": lambda **options: NeuralNet1(5, 4, seed=1, **options),
    "NeuralNet2": lambda **options: NeuralNet2(5, 4, 3, seed=1, **options),
}
each_net = pytest.mark.parametrize("make", NETS.values(), ids=NETS.keys())


@each_net
@pytest.mark.parametrize("soft", [False, True], ids=["labels", "probabilities"])
@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_loss_and_grad_equals_central_differences(make, soft, weighted, smoothing):
    net = make(dtype="float64")
    X, y = problem(net, soft=soft)
    weight = np.linspace(0.5, 2.0, net.num_classes) if weighted else None
    options = {"weight": weight, "label_smoothing": smoothing}
    loss, gradients = net.loss_and_grad(X, y, **options)
    assert loss == pytest.approx(net.loss(X, y, **options), rel=1e-14)
    assert list(gradients) == list(net.state_dict())
    step = 1e-6
    for name, gradient in gradients.items():
        numeric = np.empty_like(gradient)
        for index in np.ndindex(gradient.shape):
            state = net.state_dict()
            sides = []
            for sign in (1, -1):
                moved = {key: value.copy() for key, value in state.items()}
                moved[name][index] += sign * step
                net.load_state_dict(moved)
                sides.append(net.loss(X, y, **options))
            net.load_state_dict(state)
            numeric[index] = (sides[0] - sides[1]) / (2 * step)
        assert np.abs(gradient).max() > 1e-3, f"{name}: the test sees no gradient"
        np.testing.assert_allclose(gradient, numeric, rtol=0, atol=2e-9, err_msg=name)


@each_net
def test_forward_is_linear_relu_linear(make):
    net = make(dtype="float64")
    X, _ = problem(net)
    state = net.state_dict()
    hidden = np.maximum(X @ state["linear1.weight"].T + state["linear1.bias"], 0)
    logits = hidden @ state["linear2.weight"].T + state["linear2.bias"]
    np.testing.assert_allclose(net.forward(X), logits.reshape(net.forward(X).shape), rtol=1e-14)


def test_predict_proba_is_softmax_and_predict_its_argmax():
    net = NETS["NeuralNet2"]()
    X, _ = problem(net)
    np.testing.assert_array_equal(net.predict_proba(X), softxent.softmax(net.forward(X)))
    np.testing.assert_array_equal(net.predict(X), net.predict_proba(X).argmax(axis=1))
    assert net.predict(X).dtype == np.int64


def test_predict_proba_of_neuralnet1_is_sigmoid_and_predict_its_half():
    net = NETS["NeuralNet1"]()
    X, _ = problem(net, seed=3)
    net.load_state_dict({**net.state_dict(), "linear2.bias": [-net.forward(X).mean()]})
    np.testing.assert_array_equal(net.predict_proba(X), softxent.sigmoid(net.forward(X)))
    assert set(net.predict(X)) == {0, 1}
    np.testing.assert_array_equal(net.predict(X), net.predict_proba(X) > 0.5)


def test_class_weights_of_neuralnet1_equal_those_of_two_classes():
    """Both weigh -w1 t log p - w0 (1-t) log(1-p); the binary mean divides by n."""
    binary = NeuralNet1(5, 4, seed=2, dtype="float64")
    X, y = problem(binary, seed=4)
    state = binary.state_dict()
    state["linear2.weight"] = np.vstack([np.zeros((1, 4)), state["linear2.weight"]])
    state["linear2.bias"] = np.concatenate([[0.0], state["linear2.bias"]])
    two = NeuralNet2(5, 4, 2, dtype="float64")
    two.load_state_dict(state)
    weight = np.array([0.3, 1.7])
    expected = two.loss(X, y, weight=weight, label_smoothing=0.1) * weight[y].sum() / N
    assert binary.loss(X, y, weight=weight, label_smoothing=0.1) == pytest.approx(expected)


def test_class_weight_zero_leaves_a_class_out_of_neuralnet1():
    net = NeuralNet1(5, 4, seed=2, dtype="float64")
    X, y = problem(net, seed=4)
    kept = y == 1
    expected = net.loss(X[kept], y[kept]) * kept.sum() / N
    assert 0 < kept.sum() < N
    assert net.loss(X, y, weight=[0, 1]) == pytest.approx(expected)


def test_initial_parameters_are_uniform_as_in_torch():
    """The Kolmogorov-Smirnov distance to U(-1/√fan_in, 1/√fan_in) is that of a fair sample."""
    net = NeuralNet2(100, 400, 50, seed=0)
    for name, array in net.state_dict().items():
        bound = 1 / np.sqrt(100 if name.startswith("linear1") else 400)
        assert np.abs(array).max() <= np.float32(bound)
        sample = np.sort(array.ravel()) / (2 * bound) + 0.5
        steps = np.arange(len(sample) + 1) / len(sample)
        distance = max(np.abs(sample - steps[:-1]).max(), np.abs(sample - steps[1:]).max())
        assert distance < 1.95 / np.sqrt(len(sample)), name


def test_same_seed_gives_same_parameters_and_another_seed_others():
    first, second, other = (NeuralNet2(6, 5, 4, seed=seed).state_dict() for seed in (3, 3, 4))
    for name, array in first.items():
        np.testing.assert_array_equal(array, second[name])
        assert (array != other[name]).any()


@each_net
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_results_have_the_dtype_of_the_network(make, dtype):
    net = make(dtype=dtype)
    X, y = problem(net)
    assert net.forward(X).dtype == net.predict_proba(X).dtype == dtype
    assert {gradient.dtype.name for gradient in net.loss_and_grad(X, y)[1].values()} == {dtype}


@each_net
def test_inputs_are_left_alone_and_any_layout_gives_the_same_bits(make):
    net = make()
    X, y = problem(net)
    X = X.astype(np.float32)
    kept = X.copy()
    expected = net.forward(X)
    wide = np.zeros((N, 2 * net.input_size), dtype=np.float32)
    wide[:, ::2] = X
    for other in (np.asfortranarray(X), wide[:, ::2], X.tolist()):
        np.testing.assert_array_equal(net.forward(other), expected)
    net.loss_and_grad(X, y)
    np.testing.assert_array_equal(X, kept)


@each_net
def test_an_empty_batch_has_no_predictions_and_a_nan_loss(make):
    net = make()
    X = np.empty((0, net.input_size))
    assert len(net.forward(X)) == len(net.predict_proba(X)) == len(net.predict(X)) == 0
    assert np.isnan(net.loss(X, np.empty(0, dtype=np.int64)))


@each_net
def test_nan_and_overflow_give_nan_without_a_warning(make):
    net = make()
    X = np.zeros((3, net.input_size))
    X[0, 0], X[1, 0] = np.nan, np.inf
    X[1, 1] = -np.inf
    assert np.isnan(net.forward(X)[:2]).all()
    assert np.isfinite(net.forward(X)[2:]).all()


def test_state_dict_is_a_copy():
    net = NeuralNet1(3, 2, seed=0)
    net.state_dict()["linear1.bias"][:] = 99
    assert (net.state_dict()["linear1.bias"] != 99).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("linear1.bias"), "missing: linear1.bias; unknown: none"),
        (lambda s: s.update({"linear3.bias": 0}), "missing: none; unknown: linear3.bias"),
        (
            lambda s: s.update({"linear2.bias": np.zeros(4)}),
            r"linear2.bias must have shape \(3,\), got \(4,\)",
        ),
    ],
)
def test_load_state_dict_is_strict_and_changes_nothing_on_error(change, message):
    net = NETS["NeuralNet2"]()
    before, state = net.state_dict(), {key: value * 2 for key, value in net.state_dict().items()}
    change(state)
    with pytest.raises(ValueError, match=message):
        net.load_state_dict(state)
    for name, array in net.state_dict().items():
        np.testing.assert_array_equal(array, before[name])


def test_load_state_dict_refuses_complex_parameters():
    net = NETS["NeuralNet2"]()
    with pytest.raises(
        TypeError, match=r"linear1\.weight must be real numbers, got dtype complex64"
    ):
        net.load_state_dict(
            {name: array.astype(np.complex64) for name, array in net.state_dict().items()}
        )


def test_fold_standardizer_moves_the_map_into_the_first_layer():
    X = load_breast_cancer().X
    standardizer = Standardizer.fit(X)
    net = NeuralNet1(30, 8, seed=0, dtype="float64")
    before = net.forward((X - standardizer.mean) / standardizer.scale)
    net.fold_standardizer(standardizer)
    np.testing.assert_allclose(net.forward(X), before, rtol=0, atol=1e-12)


def test_fold_standardizer_refuses_another_number_of_features():
    with pytest.raises(ValueError, match="must have 4 features, got 3"):
        NeuralNet1(4, 2).fold_standardizer(Standardizer(np.zeros(3), np.ones(3)))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((0, 3, 2), ValueError, "input_size must be at least 1, got 0"),
        ((4, -1, 2), ValueError, "hidden_size must be at least 1, got -1"),
        ((4, 3, 1), ValueError, "num_classes must be at least 2, got 1"),
        ((4.5, 3, 2), TypeError, "input_size must be an integer, got 4.5"),
        ((4, 3, 2, -1), ValueError, "seed must be at least 0, got -1"),
        ((4, 3, 2, "x"), TypeError, "seed must be an integer, got 'x'"),
    ],
)
def test_constructor_names_the_bad_argument(arguments, error, message):
    with pytest.raises(error, match=message):
        NeuralNet2(*arguments)


def test_constructor_refuses_dtype_and_number_of_class_names():
    with pytest.raises(ValueError, match="dtype must be float32 or float64, got float16"):
        NeuralNet1(3, 2, dtype="float16")
    with pytest.raises(ValueError, match="class_names must have 2 names, got 3"):
        NeuralNet1(3, 2, class_names=["a", "b", "c"])


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        (np.zeros((2, 4)), ValueError, r"X must have shape \(n, 5\), got \(2, 4\)"),
        (np.zeros(5), ValueError, r"X must have shape \(n, 5\), got \(5,\)"),
        (np.zeros((2, 5), complex), TypeError, "X must be real numbers, got dtype complex128"),
        (np.ma.zeros((2, 5)), TypeError, "masked array"),
        ([["a"] * 5], TypeError, "X must be real numbers, got dtype <U1"),
    ],
)
@each_net
def test_forward_refuses_features(make, X, error, message):
    with pytest.raises(error, match=message):
        make().forward(X)


@pytest.mark.parametrize(
    ("y", "error", "message"),
    [
        ([0, 3], IndexError, r"label 3 at index 1 is not in \[0, 3\)"),
        ([-1, 0], IndexError, r"label -1 at index 0 is not in \[0, 3\)"),
        ([0], ValueError, r"labels must have shape \(2,\), got \(1,\)"),
        ([0.0, 1.0], ValueError, r"class probabilities .* shape \(2, 3\), got \(2,\)"),
        (
            np.full((2, 3), -0.5),
            ValueError,
            r"y must be finite and ≥ 0, got -0.5 at index \(0, 0\)",
        ),
        ([True, False], TypeError, "got dtype bool"),
        (["a", "b"], TypeError, "got dtype <U1"),
    ],
)
def test_loss_of_neuralnet2_refuses_targets(y, error, message):
    with pytest.raises(error, match=message):
        NETS["NeuralNet2"]().loss(np.zeros((2, 5)), y)


@pytest.mark.parametrize(
    ("y", "error", "message"),
    [
        ([0, 2], ValueError, r"y must be in \[0, 1\], got 2 at index \(1,\)"),
        ([0.5, np.nan], ValueError, r"y must be in \[0, 1\], got nan at index \(1,\)"),
        ([0, 1, 1], ValueError, r"must have shape \(2,\), got \(3,\)"),
        ([0j, 1j], TypeError, "got dtype complex128"),
    ],
)
def test_loss_of_neuralnet1_refuses_targets(y, error, message):
    with pytest.raises(error, match=message):
        NETS["NeuralNet1"]().loss(np.zeros((2, 5)), y)


def test_loss_of_neuralnet1_takes_targets_of_any_dtype():
    net = NETS["NeuralNet1"]()
    X, y = problem(net)
    expected = net.loss(X, y)
    for target in (y.astype(bool), y.astype(np.uint8), y.astype(np.float32), y[:, None]):
        assert net.loss(X, target) == expected


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"weight": [1, 2]}, r"shape \(3,\), got \(2,\)"),
        ({"weight": [1, -2, 1]}, "got -2.0 for class 1"),
        ({"weight": [1, 1, np.nan]}, "got nan for class 2"),
        ({"label_smoothing": 1.5}, r"label_smoothing must be in \[0, 1\], got 1.5"),
    ],
)
def test_loss_refuses_options(options, message):
    net = NETS["NeuralNet2"]()
    with pytest.raises(ValueError, match=message):
        net.loss(*problem(net), **options)


@each_net
def test_names_of_classes_and_features_are_kept_as_tuples_of_str(make):
    classes = [f"class {i}" for i in range(make().num_classes)]
    net = make(class_names=np.array(classes), feature_names=np.array(list("abcde")))
    assert net.class_names == tuple(classes)
    assert net.feature_names == tuple("abcde")
    assert {type(name) for name in net.feature_names} == {str}
    net.feature_names = ["e", "d", "c", "b", "a"]
    assert net.feature_names == tuple("edcba")
    net.class_names = net.feature_names = None
    assert net.class_names is net.feature_names is None


@pytest.mark.parametrize(
    ("names", "error", "message"),
    [
        (["a"], ValueError, "feature_names must have 5 names, got 1"),
        (list("abcda"), ValueError, "must be distinct, got 'a' at index 0 and 4"),
        (["a", "b", 3, "d", "e"], TypeError, "must be text, got 3 at index 2"),
        ("abcde", TypeError, "must be a sequence of names, got the text 'abcde'"),
    ],
)
@each_net
def test_feature_names_that_do_not_fit_are_refused_and_change_nothing(make, names, error, message):
    with pytest.raises(error, match=message):
        make(feature_names=names)
    net = make(feature_names=list("vwxyz"))
    with pytest.raises(error, match=message):
        net.feature_names = names
    assert net.feature_names == tuple("vwxyz")


@pytest.mark.parametrize(
    ("names", "error", "message"),
    [
        (["a", "b", "a"], ValueError, "class_names must be distinct, got 'a' at index 0 and 2"),
        ([1, "b", "1"], ValueError, "class_names must be distinct, got '1' at index 0 and 2"),
        ("abc", TypeError, "class_names must be a sequence of names, got the text 'abc'"),
    ],
)
def test_class_names_that_do_not_tell_classes_apart_are_refused(names, error, message):
    with pytest.raises(error, match=message):
        NETS["NeuralNet2"](class_names=names)
