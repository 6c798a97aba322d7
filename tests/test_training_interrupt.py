"""Ctrl-C keeps the best parameters."""

import json
import signal
import subprocess
import sys

import numpy as np
import pytest

from softxent.data import load_digits
from softxent.models import SGD, NeuralNet2

CHILD = """
import json, signal
import numpy as np
from softxent.data import load_digits
from softxent.models import NeuralNet2

# A shell that starts this in the background would have it ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
train, test = load_digits().split()
net = NeuralNet2(784, 16, 10, seed=0)
states = []

def callback(record):
    states.append(net.state_dict())
    print(record["epoch"], flush=True)

history = net.fit(
    train.X, train.y, epochs=100000, batch_size=16, learning_rate=0.1, progress=False,
    validation=(test.X, test.y), callback=callback,
)
# The callback comes just before the end of its epoch: the interrupt may fall between the two.
best = states[history.best_epoch - 1]
print(json.dumps({
    "interrupted": history.interrupted,
    "stopped_early": history.stopped_early,
    "epochs": len(history["loss"]),
    "best": all(np.array_equal(best[name], array) for name, array in net.state_dict().items()),
}))
"""


def test_sigint_ends_the_training_with_the_best_parameters():
    process = subprocess.Popen(
        [sys.executable, "-c", CHILD], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    while process.stdout.readline().strip() != "5":
        assert process.poll() is None, process.stderr.read()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    result = json.loads(out.splitlines()[-1])
    assert result.pop("epochs") >= 4
    assert result == {"interrupted": True, "stopped_early": False, "best": True}


class Interrupted(SGD):
    """Is interrupted when it has changed the first of four parameters."""

    def __init__(self, step):
        super().__init__()
        self.left = step

    def step(self, parameters, gradients, learning_rate):
        self.left -= 1
        if self.left == 0:
            parameters["linear1.weight"][:] = 1e9
            raise KeyboardInterrupt
        super().step(parameters, gradients, learning_rate)


DATA = load_digits()
FIT = {"epochs": 5, "batch_size": 50, "learning_rate": 0.1, "progress": False}


@pytest.mark.parametrize(("step", "done"), [(1, 0), (4, 0), (5, 1), (14, 3)])
def test_an_interrupt_in_the_middle_of_a_step_leaves_whole_epochs(step, done):
    """200 samples in batches of 50 are 4 steps per epoch."""
    X, y = DATA.X[:200], DATA.y[:200]
    net, twin = NeuralNet2(784, 8, 10, seed=0), NeuralNet2(784, 8, 10, seed=0)
    history = net.fit(X, y, optimizer=Interrupted(step), **FIT)
    assert history.interrupted
    assert len(history.epochs) == done
    if done:
        twin.fit(X, y, **{**FIT, "epochs": history.best_epoch})
    for name, array in twin.state_dict().items():
        np.testing.assert_array_equal(net.state_dict()[name], array)


def test_an_interrupted_training_goes_on_from_its_checkpoint(tmp_path):
    X, y = DATA.X[:200], DATA.y[:200]
    path = tmp_path / "fit.npz"
    net, twin = NeuralNet2(784, 8, 10, seed=0), NeuralNet2(784, 8, 10, seed=0)
    assert net.fit(X, y, optimizer=Interrupted(10), checkpoint=path, **FIT).interrupted
    history = net.fit(X, y, checkpoint=path, **FIT)
    assert not history.interrupted
    twin.fit(X, y, **FIT)
    for name, array in twin.state_dict().items():
        np.testing.assert_array_equal(net.state_dict()[name], array)
