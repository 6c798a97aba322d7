"""Checkpoints: a training that is killed goes on as if nothing had happened."""

import os
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from softxent._files.npz import read_npz
from softxent.data import load_digits
from softxent.models import NeuralNet2

CHILD = """
import os, signal, sys, time
import softxent._files.atomic
from softxent.data import load_digits
from softxent.models import NeuralNet2, SGD

folder, moment, count, pause = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
calls = {"left": count}

def killer(function, before):
    def wrapped(*arguments):
        calls["left"] -= 1
        if before and calls["left"] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        result = function(*arguments)
        if calls["left"] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return result
    return wrapped

if moment == "before-flush":
    softxent._files.atomic._flush = killer(softxent._files.atomic._flush, True)
elif moment == "before-rename":
    os.replace = killer(os.replace, True)
elif moment == "after-rename":
    os.replace = killer(os.replace, False)
elif moment == "between-steps":
    SGD.step = killer(SGD.step, False)

train, test = load_digits().split()
net = NeuralNet2(784, 16, 10, seed=0)
history = net.fit(
    train.X[:400], train.y[:400], epochs=12, batch_size=32, learning_rate=0.1, momentum=0.9,
    schedule="cosine", validation=(test.X, test.y), progress=False,
    callback=lambda record: time.sleep(pause), checkpoint=os.path.join(folder, "fit.npz"),
)
net.save(os.path.join(folder, "net.npz"))
print(history.to_dict(), flush=True)
"""


def start(folder, moment="never", count=0, pause=0.0):
    """Start a training in a process of its own."""
    arguments = [str(folder), moment, str(count), str(pause)]
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(folder):
    """Let a training come to its end; return the bytes of the network and the history."""
    process = start(folder)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    return (folder / "net.npz").read_bytes(), out


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """Network and history of the training that nobody kills."""
    return finish(tmp_path_factory.mktemp("undisturbed"))


@pytest.mark.parametrize(
    ("moment", "count"),
    [
        ("before-flush", 1),
        ("before-flush", 5),
        ("before-rename", 5),
        ("after-rename", 1),
        ("after-rename", 13),
        ("between-steps", 1),
        ("between-steps", 70),
    ],
)
def test_training_killed_at_a_chosen_moment_ends_with_the_same_bits(
    tmp_path, undisturbed, moment, count
):
    process = start(tmp_path, moment, count)
    process.communicate(timeout=120)
    assert process.returncode == -signal.SIGKILL
    assert not (tmp_path / "net.npz").exists()
    assert finish(tmp_path) == undisturbed


def test_training_killed_at_random_moments_ends_with_the_same_bits(tmp_path, undisturbed):
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    generator = random.Random(seed)
    checkpoint = tmp_path / "fit.npz"
    kills = 0
    while kills < 6 and not (tmp_path / "net.npz").exists():
        process = start(tmp_path, pause=0.05)
        before = checkpoint.stat().st_mtime_ns if checkpoint.exists() else None
        while process.poll() is None:
            if checkpoint.exists() and checkpoint.stat().st_mtime_ns != before:
                time.sleep(generator.uniform(0, 0.15))
                process.send_signal(signal.SIGKILL)
                break
            time.sleep(0.001)
        process.communicate(timeout=120)
        kills += process.returncode == -signal.SIGKILL
    assert kills >= 3
    assert finish(tmp_path) == undisturbed


X, Y = load_digits().X[:100], load_digits().y[:100]
FIT = {"epochs": 3, "batch_size": 10, "learning_rate": 0.1, "progress": False}


def net(seed=0):
    """A small network."""
    return NeuralNet2(784, 8, 10, seed=seed)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("seed", [0, None])
def test_training_in_two_parts_equals_training_in_one(tmp_path, optimizer, seed):
    """Also without a seed: the checkpoint keeps initial parameters and order."""
    path = tmp_path / "fit.npz"
    options = {**FIT, "optimizer": optimizer}
    whole = net(seed)
    start = whole.state_dict()

    def stop(record):
        if record["epoch"] == 2:
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError):
        whole.fit(X, Y, callback=stop, checkpoint=path, **options)
    parts = net(seed)
    history = parts.fit(X, Y, checkpoint=path, **options)
    assert len(history["loss"]) == 3
    if seed is not None:
        again = net(seed)
        again.load_state_dict(start)
        again.fit(X, Y, **options)
        for name, array in again.state_dict().items():
            np.testing.assert_array_equal(parts.state_dict()[name], array)


def test_a_finished_training_is_not_repeated(tmp_path):
    path = tmp_path / "fit.npz"
    first, second = net(), net()
    history = first.fit(X, Y, checkpoint=path, **FIT)
    content = path.read_bytes()
    calls = []
    again = second.fit(X, Y, checkpoint=path, callback=calls.append, **FIT)
    assert (calls, path.read_bytes()) == ([], content)
    assert again.to_dict() == history.to_dict()
    for name, array in first.state_dict().items():
        np.testing.assert_array_equal(second.state_dict()[name], array)


def test_a_finished_training_goes_on_for_more_epochs(tmp_path):
    path = tmp_path / "fit.npz"
    parts, whole = net(), net()
    parts.fit(X, Y, checkpoint=path, **FIT)
    parts.fit(X, Y, checkpoint=path, **{**FIT, "epochs": 5})
    whole.fit(X, Y, **{**FIT, "epochs": 5})
    for name, array in whole.state_dict().items():
        np.testing.assert_array_equal(parts.state_dict()[name], array)


def test_a_training_that_the_callback_stopped_stays_stopped(tmp_path):
    path = tmp_path / "fit.npz"
    net().fit(X, Y, checkpoint=path, callback=lambda record: True, **FIT)
    history = net().fit(X, Y, checkpoint=path, **FIT)
    assert history.stopped_early
    assert len(history["loss"]) == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"batch_size": 20}, "batch_size is 10 there and 20 here"),
        ({"momentum": 0.5}, "optimizer is .*'momentum': 0.0.* there and .*'momentum': 0.5"),
        ({"optimizer": "adam"}, "optimizer is .*'sgd'.* there and .*'adam'"),
        ({"learning_rate": 0.2}, "epoch 1 has the learning rate 0.1 there and 0.2 here"),
        ({"schedule": "cosine"}, "epoch 2 has the learning rate 0.1 there and 0.075"),
        ({"weight": np.arange(10)}, "data is"),
        ({"label_smoothing": 0.1}, "data is"),
        ({"validation": (X, Y)}, "data is"),
        ({"seed": 1}, "seed is 0 there and 1 here"),
        ({"epochs": 2}, "has 3 epochs, more than epochs=2"),
    ],
)
def test_a_checkpoint_of_other_settings_is_refused(tmp_path, change, message):
    path = tmp_path / "fit.npz"
    net().fit(X, Y, checkpoint=path, **FIT)
    content, model = path.read_bytes(), net()
    before = model.state_dict()
    with pytest.raises(ValueError, match=message):
        model.fit(X, Y, checkpoint=path, **{**FIT, **change})
    assert path.read_bytes() == content
    for name, array in before.items():
        np.testing.assert_array_equal(model.state_dict()[name], array)


def test_a_checkpoint_of_another_network_or_other_data_is_refused(tmp_path):
    path = tmp_path / "fit.npz"
    net().fit(X, Y, checkpoint=path, **FIT)
    with pytest.raises(ValueError, match=r'network is "NeuralNet2\(784, 8, 10.* here; remove the'):
        NeuralNet2(784, 9, 10, seed=0).fit(X, Y, checkpoint=path, **FIT)
    changed = X.copy()
    changed[50, 300] += 1e-6
    with pytest.raises(ValueError, match="belongs to another training: data is"):
        net().fit(changed, Y, checkpoint=path, **FIT)


def test_a_damaged_checkpoint_is_refused(tmp_path):
    path = tmp_path / "fit.npz"
    net().fit(X, Y, checkpoint=path, **FIT)
    content = path.read_bytes()
    for length in (0, 1, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:length])
        with pytest.raises(ValueError, match=r"fit.npz"):
            net().fit(X, Y, checkpoint=path, **FIT)
    net().save(path)
    with pytest.raises(ValueError, match="is not a checkpoint: it has no array 'checkpoint'"):
        net().fit(X, Y, checkpoint=path, **FIT)


def test_a_checkpoint_that_cannot_be_written_stops_the_training_before_it_starts(tmp_path):
    model = net()
    before = model.state_dict()
    with pytest.raises(FileNotFoundError, match=r"folder .*nowhere' does not exist"):
        model.fit(X, Y, checkpoint=tmp_path / "nowhere" / "fit.npz", **FIT)
    for name, array in before.items():
        np.testing.assert_array_equal(model.state_dict()[name], array)


def test_what_a_killed_process_left_is_removed_by_the_next(tmp_path):
    leftover, other = (
        tmp_path / ".fit.0123456789ab.tmp.npz",
        tmp_path / ".fit2.0123456789ab.tmp.npz",
    )
    leftover.touch()
    other.touch()
    net().fit(X, Y, checkpoint=tmp_path / "fit.npz", **FIT)
    assert sorted(os.listdir(tmp_path)) == [other.name, "fit.npz"]


def test_only_the_checkpoint_itself_is_left_in_its_folder(tmp_path):
    net().fit(X, Y, checkpoint=tmp_path / "fit.npz", **FIT)
    assert os.listdir(tmp_path) == ["fit.npz"]
    assert "checkpoint" in read_npz(tmp_path / "fit.npz")
