"""Thread counts, concurrency, fork and interruption."""

from __future__ import annotations

import concurrent.futures
import multiprocessing
import pickle
import signal
import subprocess
import sys
import threading
import time
import warnings

import numpy as np
import pytest

import softxent as sx

pytestmark = pytest.mark.usefixtures("restore_threads")

X = np.random.default_rng(3).normal(size=(3000, 200))
LABELS = np.arange(3000) % 200


def test_set_and_get() -> None:
    sx.set_num_threads(3)
    assert sx.get_num_threads() == 3
    assert sx.get_config()["num_threads"] == 3
    with sx.num_threads(1):
        assert sx.get_num_threads() == 1
    assert sx.get_num_threads() == 3


def test_num_threads_is_restored_after_an_exception() -> None:
    sx.set_num_threads(2)
    with pytest.raises(KeyError), sx.num_threads(5):
        raise KeyError
    assert sx.get_num_threads() == 2


@pytest.mark.parametrize("bad", [0, -1])
def test_bad_thread_counts_are_refused(bad: int) -> None:
    before = sx.get_num_threads()
    with pytest.raises(ValueError, match=str(bad)):
        sx.set_num_threads(bad)
    with pytest.raises(ValueError, match=str(bad)), sx.num_threads(bad):
        pass
    assert sx.get_num_threads() == before


@pytest.mark.parametrize("bad", [1.5, "2", None])
def test_thread_counts_that_are_no_integers_are_refused(bad: object) -> None:
    with pytest.raises(TypeError):
        sx.set_num_threads(bad)


def test_more_threads_than_256_are_256_and_the_largest_number_is_told() -> None:
    sx.set_num_threads(2**31 - 1)
    assert sx.get_num_threads() == 256
    with pytest.raises(ValueError, match="2147483648; expected a whole number from 1 to 21474836"):
        sx.set_num_threads(2**31)


def test_environment_variable(run_python) -> None:
    code = "import softxent; print(softxent.get_num_threads())"
    assert run_python(code, SOFTXENT_NUM_THREADS="3").strip() == "3"


@pytest.mark.parametrize("bad", ["0", "-2", "many", "1.5", ""])
def test_bad_environment_variable_is_refused_by_name(bad: str, run_python) -> None:
    code = (
        "try:\n import softxent\n softxent.softmax([0.0])\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    message = run_python(code, SOFTXENT_NUM_THREADS=bad)
    if bad == "":
        assert message == ""  # an empty variable counts as unset
    else:
        assert "SOFTXENT_NUM_THREADS" in message
        assert bad in message


@pytest.mark.parametrize("threads", [1, 2, 3, 8, 64])
def test_more_threads_than_rows(threads: int) -> None:
    expected = sx.softmax(X[:2])
    with sx.num_threads(threads):
        assert np.array_equal(sx.softmax(X[:2]), expected)
        assert sx.softmax(X[:0]).shape == (0, 200)


def test_many_python_threads_at_once() -> None:
    expected = sx.softmax(X), sx.cross_entropy_and_grad(X, LABELS)

    def work(_: int) -> bool:
        loss, grad = sx.cross_entropy_and_grad(X, LABELS)
        same = np.array_equal(sx.softmax(X), expected[0])
        return same and loss == expected[1][0] and np.array_equal(grad, expected[1][1])

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(40)))


def test_thread_count_may_change_during_calls() -> None:
    expected = sx.softmax(X)
    done = threading.Event()

    def change() -> None:
        while not done.is_set():
            for count in (1, 2, 4):
                sx.set_num_threads(count)

    changer = threading.Thread(target=change)
    changer.start()
    try:
        for _ in range(50):
            assert np.array_equal(sx.softmax(X), expected)
    finally:
        done.set()
        changer.join()


def test_gil_is_released() -> None:
    """Another Python thread makes progress while a long call runs."""
    x = np.random.default_rng(0).normal(size=(64, 200_000))
    started, ticks = threading.Event(), []

    def tick() -> None:
        started.set()
        while started.is_set():
            ticks.append(time.perf_counter())
            time.sleep(0.0005)

    ticker = threading.Thread(target=tick)
    ticker.start()
    started.wait()
    begin = time.perf_counter()
    with sx.num_threads(1):
        sx.softmax(x)
    end = time.perf_counter()
    started.clear()
    ticker.join()
    inside = [t for t in ticks if begin + 0.2 * (end - begin) < t < end - 0.2 * (end - begin)]
    assert inside, f"no tick during a call of {end - begin:.3f} s"


def _child_sum(start: int) -> float:
    return float(sx.softmax(X[start:]).sum())


@pytest.mark.skipif(sys.platform == "win32", reason="no fork on this platform")
def test_fork_after_threads_were_used() -> None:
    with sx.num_threads(2):
        expected = [_child_sum(start) for start in range(4)]
        with warnings.catch_warnings():
            # Python 3.12 and JAX warn of any fork while threads exist; that it works is the claim.
            warnings.simplefilter("ignore")
            with multiprocessing.get_context("fork").Pool(2) as pool:
                result = pool.map_async(_child_sum, range(4)).get(timeout=60)
        assert result == expected
        assert _child_sum(0) == expected[0]


def test_spawned_process() -> None:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply_async(_child_sum, (1,)).get(timeout=120) == _child_sum(1)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_keyboard_interrupt_is_not_lost() -> None:
    # a shell's background job ignores the signal, and so would the child
    code = (
        "import signal, numpy as np, softxent\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "x = np.zeros((100, 10000))\n"
        "softxent.softmax(x); print('ready', flush=True)\n"
        "try:\n"
        "    while True: softxent.softmax(x, out=x)\n"
        "except KeyboardInterrupt: print('interrupted', flush=True)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as child:
        try:
            assert child.stdout.readline().strip() == "ready"
            time.sleep(0.05)
            child.send_signal(signal.SIGINT)
            output, _ = child.communicate(timeout=30)
        finally:
            child.kill()
    assert output.strip() == "interrupted"
    assert child.returncode == 0


def test_functions_and_streams_are_picklable() -> None:
    assert pickle.loads(pickle.dumps(sx.softmax)) is sx.softmax
    stream = sx.LogSumExp(shape=(2,))
    stream.update(np.zeros((2, 3)), axis=-1)
    copy = pickle.loads(pickle.dumps(stream))
    assert np.array_equal(copy.result(), stream.result())


def test_get_config_describes_the_build(capsys: pytest.CaptureFixture[str]) -> None:
    config = sx.get_config()
    assert config["version"] == sx.__version__
    assert config["isa"] in config["isas"]
    assert isinstance(config["compiler"], str)
    sx.show_config()
    assert config["isa"] in capsys.readouterr().out
