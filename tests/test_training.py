"""fit: what it reaches, what it records, what it refuses."""

import io
import json
import sys

import numpy as np
import pytest

from softxent.data import Standardizer, load_breast_cancer, load_digits
from softxent.models import SGD, Adam, Cosine, NeuralNet1, NeuralNet2, Step

QUICK = {"epochs": 4, "batch_size": 8, "learning_rate": 0.1, "progress": False}


def blobs(n=60, classes=3, seed=0):
    """Overlapping clusters in four dimensions."""
    generator = np.random.default_rng(seed)
    y = generator.integers(0, classes, n)
    return generator.standard_normal((n, 4)) + 2 * np.eye(classes, 4)[y], y


def net(seed=0, **options):
    """A network for the clusters."""
    return NeuralNet2(4, 6, 3, seed=seed, **options)


def same_parameters(first, second):
    """Whether two networks are equal bit for bit."""
    pairs = zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    return all((a == b).all() for a, b in pairs)


@pytest.mark.parametrize("split", range(3))
def test_fit_reaches_97_percent_on_handwritten_digits(split):
    train, test = load_digits().split(seed=split)
    model = NeuralNet2(784, 64, 10, seed=0)
    model.fit(
        train.X,
        train.y,
        epochs=40,
        batch_size=32,
        learning_rate=0.1,
        momentum=0.9,
        weight_decay=5e-4,
        schedule="cosine",
        label_smoothing=0.1,
        progress=False,
    )
    assert (model.predict(test.X) == test.y).mean() >= 0.97


def test_fit_reaches_96_percent_on_breast_cancer_and_folds_the_standardizer():
    train, test = load_breast_cancer().split()
    standardizer = Standardizer.fit(train.X)
    model = NeuralNet1(30, 16, seed=0)
    model.fit(
        standardizer.transform(train.X),
        train.y,
        epochs=20,
        batch_size=32,
        learning_rate=0.05,
        momentum=0.9,
        progress=False,
    )
    model.fold_standardizer(standardizer)
    assert (model.predict(test.X) == test.y).mean() >= 0.96


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw"])
def test_same_seed_gives_the_same_bits(optimizer):
    X, y = blobs()
    runs = []
    for seed in (1, 1, 2):
        model = net(seed)
        history = model.fit(X, y, optimizer=optimizer, **QUICK)
        runs.append((model, history["loss"]))
    assert runs[0][1] == runs[1][1]
    assert same_parameters(runs[0][0], runs[1][0])
    assert not same_parameters(runs[0][0], runs[2][0])


def test_seed_of_fit_changes_the_order_alone():
    X, y = blobs()
    first, second, third = net(), net(), net()
    first.fit(X, y, **QUICK)
    second.fit(X, y, seed=0, **QUICK)
    third.fit(X, y, seed=1, **QUICK)
    assert same_parameters(first, second)
    assert not same_parameters(first, third)


def test_every_epoch_sees_every_sample_once_in_another_order(monkeypatch):
    X, y = blobs(n=20)
    seen = []
    model = net()
    backward = model.backward
    monkeypatch.setattr(
        model, "backward", lambda X, *rest: (seen.append(X.copy()), backward(X, *rest))[1]
    )
    model.fit(X, y, **QUICK)
    assert [len(batch) for batch in seen] == [8, 8, 4] * 4
    epochs = [np.concatenate(seen[start : start + 3]) for start in range(0, 12, 3)]
    expected = np.sort(X.astype(np.float32), axis=0)
    for epoch in epochs:
        np.testing.assert_array_equal(np.sort(epoch, axis=0), expected)
    assert (epochs[0] != epochs[1]).any()


def test_history_has_one_value_per_epoch():
    X, y = blobs()
    history = net().fit(X, y, validation=blobs(seed=1), **QUICK)
    assert set(history) == {"loss", "learning_rate", "val_loss", "val_accuracy"}
    assert {len(values) for values in history.values()} == {4}
    assert history["loss"][-1] < history["loss"][0]
    assert history.best_epoch == 1 + int(np.argmin(history["val_loss"]))
    assert not history.interrupted
    assert not history.stopped_early
    assert json.loads(json.dumps(history.to_dict()))["loss"] == history["loss"]
    assert "val_loss" not in net().fit(X, y, **QUICK)


def test_history_of_one_batch_is_the_loss_before_each_step():
    X, y = blobs()
    model = net(dtype="float64")
    before = model.loss(X, y)
    history = model.fit(X, y, **{**QUICK, "batch_size": 60}, validation=(X, y))
    assert history["loss"][0] == pytest.approx(before)
    assert history["loss"][1:] == pytest.approx(history["val_loss"][:-1])
    assert history["val_loss"][-1] == pytest.approx(model.loss(X, y))
    assert history["val_accuracy"][-1] == (model.predict(X) == y).mean()


def test_history_weighs_batches_by_their_divisor():
    """With a learning rate that changes nothing the mean over batches is the mean over all."""
    X, y = blobs(n=20)
    weight = np.array([0.1, 1.0, 5.0])
    model = net(dtype="float64")
    history = model.fit(X, y, **{**QUICK, "learning_rate": 1e-300}, weight=weight)
    assert history["loss"][0] == pytest.approx(model.loss(X, y, weight=weight), rel=1e-12)


@pytest.mark.parametrize("option", [{"weight": [1, 1, 0.1]}, {"label_smoothing": 0.3}])
def test_loss_options_reach_the_training_and_the_validation(option):
    X, y = blobs()
    plain, changed = net(), net()
    plain.fit(X, y, **QUICK)
    history = changed.fit(X, y, validation=(X, y), **option, **QUICK)
    assert not same_parameters(plain, changed)
    assert history["val_loss"][-1] == changed.loss(X, y, **option)


def test_batches_whose_classes_have_no_weight_change_nothing():
    """With one sample per batch, only samples of the class that has a weight move anything."""
    X, y = blobs(n=40)
    kept = y == 2
    moved = X.copy()
    moved[~kept] += 1
    first, second = net(), net()
    history = first.fit(X, y, weight=[0, 0, 1], **{**QUICK, "batch_size": 1})
    second.fit(moved, y, weight=[0, 0, 1], **{**QUICK, "batch_size": 1})
    assert same_parameters(first, second)
    assert not same_parameters(first, net())
    assert np.isfinite(history["loss"]).all()


def test_fit_takes_class_probabilities():
    X, y = blobs()
    hard, soft = net(), net()
    hard.fit(X, y, **QUICK)
    soft.fit(X, np.eye(3)[y], **QUICK)
    for name, array in hard.state_dict().items():
        np.testing.assert_allclose(soft.state_dict()[name], array, rtol=0, atol=1e-5)


def test_early_stopping_restores_the_best_epoch():
    X, y = blobs(n=30)
    states = []
    model = net()
    history = model.fit(
        X,
        y,
        validation=blobs(n=30, seed=5),
        early_stopping=3,
        callback=lambda record: states.append(model.state_dict()),
        **{**QUICK, "epochs": 500, "learning_rate": 0.5},
    )
    assert history.stopped_early
    assert len(history["loss"]) == history.best_epoch + 3 < 500
    for name, array in states[history.best_epoch - 1].items():
        np.testing.assert_array_equal(model.state_dict()[name], array)
        assert (states[-1][name] != array).any()


def test_callback_sees_every_epoch_and_can_stop():
    X, y = blobs()
    records = []

    def callback(record):
        records.append(record)
        return record["epoch"] == 3

    history = net().fit(X, y, callback=callback, **QUICK)
    assert [record["epoch"] for record in records] == [1, 2, 3]
    assert [record["loss"] for record in records] == history["loss"]
    assert history.stopped_early


@pytest.mark.parametrize(
    ("schedule", "factors"),
    [
        ("constant", [1, 1, 1, 1]),
        ("cosine", [1, (2 + 2**0.5) / 4, 0.5, (2 - 2**0.5) / 4]),
        ("step", [1, 1, 0.1, 0.1]),
        (Cosine(4, floor=0.5), [1, (6 + 2**0.5) / 8, 0.75, (6 - 2**0.5) / 8]),
        (Step(1, factor=0.5), [1, 0.5, 0.25, 0.125]),
        (lambda epoch: 1 / (1 + epoch), [1, 1 / 2, 1 / 3, 1 / 4]),
    ],
)
def test_schedule_multiplies_the_learning_rate(schedule, factors):
    X, y = blobs()
    history = net().fit(X, y, schedule=schedule, **QUICK)
    assert history["learning_rate"] == pytest.approx([0.1 * factor for factor in factors])


def test_an_optimizer_object_equals_its_name_and_keeps_its_state():
    X, y = blobs()
    by_name, by_object, twice = net(), net(), net()
    by_name.fit(X, y, momentum=0.9, **QUICK)
    by_object.fit(X, y, optimizer=SGD(momentum=0.9), **QUICK)
    assert same_parameters(by_name, by_object)
    optimizer = SGD(momentum=0.9)
    twice.fit(X, y, optimizer=optimizer, **QUICK)
    assert all((array != 0).any() for array in optimizer.state_dict().values())
    assert len(optimizer.state_dict()) == 4


def test_too_high_a_learning_rate_is_an_error_and_the_best_parameters_are_kept():
    X, y = blobs()
    model = net()
    before = model.state_dict()
    with pytest.raises(
        FloatingPointError, match=r"loss is .* in epoch 1; the learning rate 1e\+30"
    ):
        model.fit(X, y, **{**QUICK, "learning_rate": 1e30})
    for name, array in before.items():
        np.testing.assert_array_equal(model.state_dict()[name], array)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"epochs": 0}, ValueError, "epochs must be at least 1, got 0"),
        ({"epochs": 1.5}, TypeError, "epochs must be an integer, got 1.5"),
        ({"batch_size": 0}, ValueError, "batch_size must be at least 1, got 0"),
        ({"learning_rate": 0}, ValueError, r"learning_rate must be in \(0, inf\), got 0"),
        ({"learning_rate": float("inf")}, ValueError, "got inf"),
        ({"learning_rate": "fast"}, TypeError, "learning_rate must be a number, got 'fast'"),
        ({"momentum": 1}, ValueError, r"momentum must be in \[0, 1\), got 1"),
        ({"weight_decay": -1}, ValueError, r"weight_decay must be in \[0, inf\), got -1"),
        ({"optimizer": "sdg"}, ValueError, "must be 'sgd', 'adam' or 'adamw', got 'sdg'"),
        ({"optimizer": 3}, TypeError, "optimizer must be a name or have step, .* got int"),
        ({"optimizer": Adam}, TypeError, r"optimizer is the class Adam; expected .*, Adam\(\)"),
        ({"optimizer": "adam", "momentum": 0.9}, ValueError, "momentum is for 'sgd'"),
        ({"optimizer": Adam(), "weight_decay": 1}, ValueError, "belong to the optimizer object"),
        ({"schedule": "linear"}, ValueError, "schedule must be .* got 'linear'"),
        ({"schedule": 3}, TypeError, "schedule must be a name or callable, got int"),
        ({"schedule": Cosine}, TypeError, "schedule is the class Cosine; expected a name or an"),
        ({"schedule": lambda epoch: -1.0}, ValueError, r"schedule\(0\) must be in \[0, inf\)"),
        ({"early_stopping": 0}, ValueError, "early_stopping must be at least 1, got 0"),
        ({"early_stopping": 2}, ValueError, "early_stopping needs validation data"),
        ({"validation": 0.2}, TypeError, r"validation must be a pair \(X, y\), got 0.2"),
        ({"validation": (np.ones((2, 4)), [True, False])}, TypeError, "got dtype bool"),
        ({"validation": (np.ones((2, 3)), [0, 1])}, ValueError, "validation data: X must have"),
        ({"validation": (np.ones((2, 4)), [0, 9])}, IndexError, "validation data: label 9 at"),
        ({"validation": (np.zeros((0, 4)), np.zeros(0, int))}, ValueError, "validation X must"),
        ({"callback": 3}, TypeError, "callback must be callable, got int"),
        ({"weight": [1, 2]}, ValueError, r"shape \(3,\), got \(2,\)"),
        ({"weight": [0, 0, 0]}, ValueError, "weight gives 0 to every class"),
        ({"label_smoothing": -0.1}, ValueError, "label_smoothing must be in"),
        ({"seed": -1}, ValueError, "seed must be at least 0, got -1"),
    ],
)
def test_fit_refuses_a_bad_argument_and_changes_nothing(options, error, message):
    X, y = blobs()
    model = net()
    with pytest.raises(error, match=message):
        model.fit(X, y, **{**QUICK, **options})
    assert same_parameters(model, net())


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda X, y: X.__setitem__((3, 1), np.nan), ValueError, "got nan in row 3, column 1"),
        (lambda X, y: X.__setitem__((2, 0), 1e300), ValueError, "got inf in row 2, column 0"),
        (lambda X, y: y.__setitem__(5, 3), IndexError, r"label 3 at index 5 is not in \[0, 3\)"),
    ],
)
def test_fit_refuses_bad_data_and_changes_nothing(change, error, message):
    X, y = blobs()
    change(X, y)
    model = net()
    with pytest.raises(error, match=message):
        model.fit(X, y, **QUICK)
    assert same_parameters(model, net())


def test_progress_is_one_line_per_epoch_where_there_is_no_terminal(capsys):
    X, y = blobs()
    net().fit(X, y, validation=(X, y), **{**QUICK, "progress": True})
    out, err = capsys.readouterr()
    assert out == ""
    lines = err.splitlines()
    assert [line.partition(":")[0] for line in lines] == [f"epoch {i}/4" for i in range(1, 5)]
    assert "val_accuracy 0." in lines[-1]


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self):
        return True


def test_progress_is_a_bar_on_a_terminal(monkeypatch):
    pytest.importorskip("tqdm")
    X, y = blobs()
    monkeypatch.setattr(sys, "stderr", Terminal())
    net().fit(X, y, **{**QUICK, "progress": True})
    shown = sys.stderr.getvalue()
    assert "epoch 4/4: 100%" in shown
    assert "32/32" in shown
    assert "loss=" in shown


def test_progress_does_without_tqdm(monkeypatch):
    X, y = blobs()
    monkeypatch.setitem(sys.modules, "tqdm", None)
    monkeypatch.setattr(sys, "stderr", Terminal())
    net().fit(X, y, **{**QUICK, "progress": True})
    assert len(sys.stderr.getvalue().splitlines()) == 4


def test_progress_false_is_silent(capsys):
    net().fit(*blobs(), **QUICK)
    assert capsys.readouterr() == ("", "")
