"""Every function from many Python threads at once has the bits of one, with and without the GIL.

Meanwhile settings change, threads free what others made, and children fork.
"""

from __future__ import annotations

import functools
import hashlib
import multiprocessing
import random
import sys
import sysconfig
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import softxent as sx
from reproducibility_calls import other_calls, reductions, thorough_calls
from softxent._core import binding

Call = Callable[[], Any]

THREADS = 8
LARGE = (3, 3 << 20)  # float32 results of 36 MiB, from the memory pool

pytestmark = pytest.mark.usefixtures("restore_threads", "settings_put_back")


@pytest.fixture
def settings_put_back() -> Iterator[None]:
    """More switches between threads than usual, and at the end all settings as they were."""
    interval, limit, isa = sys.getswitchinterval(), sx.get_pool_limit(), binding.isa()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(interval)
    sx.set_pool_limit(limit)
    binding.select_isa(isa)


# ---- what is called ------------------------------------------------------------------------------


def calls() -> dict[str, Call]:
    """All functions and options, for small calls, those that release the GIL and shared rows."""
    rng = np.random.default_rng(7)
    found: dict[str, Call] = {}
    for dtype in (np.float16, np.float32, np.float64):
        for shape, axis in (((5, 10), -1), ((70, 33), 0), ((2, 20_000), -1)):
            x = (rng.normal(size=shape) * 5).astype(dtype)
            rows = np.arange(shape[1 + axis])
            for name, call in (thorough_calls() | other_calls()).items():
                arguments = (x, rows, axis, None)
                found[f"{name} {x.dtype} {shape}"] = functools.partial(call, *arguments)
        x = (rng.normal(size=(300, 17)) * 5).astype(dtype)
        for name, reduced in reductions().items():
            found[f"mean of {name} {x.dtype}"] = functools.partial(reduced, x, "mean")
    return found | other_entry_points(rng)


def other_entry_points(rng: np.random.Generator) -> dict[str, Call]:
    hidden, weight = rng.normal(size=(6, 4)), rng.normal(size=(9, 4))
    x, target = rng.normal(size=(6, 9)), np.arange(6)

    def linear() -> Any:
        loss, grads = sx.linear_cross_entropy_and_grad(hidden, weight, target)
        return [loss, *grads[:2]]

    def in_pieces() -> Any:
        total, other = sx.LossSum(), sx.LossSum()
        total.update(x[:2], target[:2])
        other.update(x[2:], target[2:])
        total.merge(other)
        return [total.result()]

    def in_place() -> Any:
        copy = x.copy()
        return [sx.softmax(copy, out=copy)]

    def refused() -> Any:
        with pytest.raises(IndexError, match=r"label 9 at index \(3,\)"):
            sx.cross_entropy(x, [0, 1, 2, 9, 4, 5])
        return []

    def special() -> Any:
        return [sx.special.softmax(x, axis=1), sx.special.expit(x)]

    def trained() -> Any:
        net = sx.models.NeuralNet2(9, 5, 3, seed=1)
        net.fit(x, target % 3, epochs=2, batch_size=3, learning_rate=0.1, progress=False)
        return [*net.state_dict().values(), net.predict_proba(x)]

    return {
        "linear_cross_entropy": linear,
        "LossSum": in_pieces,
        "in place": in_place,
        "error": refused,
        "special": special,
        "fit": trained,
        "where": lambda: [sx.softmax(x, where=x > 0), sx.logsumexp(x, b=x, return_sign=True)[0]],
    }


def fingerprint(results: Any) -> str:
    digest = hashlib.blake2b()
    for result in results:
        digest.update(np.ascontiguousarray(result).tobytes())
    return digest.hexdigest()


def differing(found: dict[str, Call], expected: dict[str, str], order: random.Random) -> list[str]:
    """Names of the calls, in random order, whose results are not those expected."""
    names = order.sample(sorted(found), len(found))
    return [name for name in names if fingerprint(found[name]()) != expected[name]]


# ---- what happens meanwhile ----------------------------------------------------------------------


class Changing:
    """A thread that changes the settings of the process for as long as the block lasts."""

    def __enter__(self) -> None:
        self._done = threading.Event()
        self._pool = ThreadPoolExecutor(1)
        self._changes = self._pool.submit(self._change)

    def _change(self) -> int:
        order, count = random.Random(0), 0
        while not self._done.is_set():
            sx.set_num_threads(order.choice((1, 2, 3, 5)))
            sx.set_pool_limit(order.choice((0, 40 << 20, 100 << 20, 256 << 20)))
            assert binding.select_isa(order.choice(binding.usable_isas()))
            assert sx.get_config()["isa"] in binding.usable_isas()
            count += 1
            time.sleep(1e-4)
        return count

    def __exit__(self, *exception: object) -> None:
        self._done.set()
        assert self._changes.result() > 0
        self._pool.shutdown()


def child(found: dict[str, Call], expected: dict[str, str]) -> None:
    sys.exit(" ".join(differing(found, expected, random.Random(1))) or 0)


# ---- the tests -----------------------------------------------------------------------------------


def test_every_function_from_many_threads_has_the_bits_of_one() -> None:
    found = calls()
    expected = {name: fingerprint(call()) for name, call in found.items()}
    start = threading.Barrier(THREADS)

    def work(number: int) -> list[str]:
        start.wait()
        order = random.Random(number)
        return [bad for _ in range(2) for bad in differing(found, expected, order)]

    with Changing(), ThreadPoolExecutor(THREADS) as pool:
        assert list(pool.map(work, range(THREADS))) == [[]] * THREADS


def test_large_results_are_freed_by_other_threads() -> None:
    column = np.random.default_rng(0).normal(size=(LARGE[0], 1)).astype(np.float32)
    x = np.repeat(column, LARGE[1], axis=1)
    functions = (sx.softmax, sx.log_softmax, functools.partial(sx.softmax_grad, x))
    expected = [function(x)[:, :1].copy() for function in functions]
    left: list[np.ndarray | None] = [None] * THREADS

    def work(number: int) -> list[str]:
        order, bad = random.Random(number), []
        for _ in range(6):
            which = order.randrange(len(functions))
            result = functions[which](x)
            if not (result == expected[which]).all():
                bad.append(f"function {which}")
            left[order.randrange(THREADS)] = result  # frees what another thread has left there
        return bad

    with Changing(), ThreadPoolExecutor(4) as pool:
        assert list(pool.map(work, range(4))) == [[]] * 4
    left.clear()
    assert sx.get_config()["pool_bytes"] <= sx.get_pool_limit()


@pytest.mark.skipif(sys.platform == "win32", reason="no fork on this platform")
def test_children_forked_amid_all_this_compute_the_same() -> None:
    found = {name: call for name, call in calls().items() if "20000" not in name}
    expected = {name: fingerprint(call()) for name, call in found.items()}
    done = threading.Event()

    def work(number: int) -> list[str]:
        order, bad = random.Random(number), []
        while not done.is_set():
            bad += differing(found, expected, order)
        return bad

    context = multiprocessing.get_context("fork")
    with Changing(), ThreadPoolExecutor(3) as pool:
        working = [pool.submit(work, number) for number in range(3)]
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # of forks amid threads
                children = [context.Process(target=child, args=(found, expected)) for _ in range(4)]
                for process in children:
                    process.start()
                    time.sleep(0.05)
            for process in children:
                process.join(timeout=120)
            codes = [process.exitcode for process in children]
        finally:
            done.set()
        assert [future.result() for future in working] == [[]] * 3
    for process in children:
        process.kill()
    assert codes == [0] * 4


@pytest.mark.skipif(
    not sysconfig.get_config_var("Py_GIL_DISABLED"), reason="this Python has the GIL always"
)
def test_importing_everything_leaves_the_gil_off(run_python) -> None:
    code = (
        "import sys, warnings\n"
        "warnings.simplefilter('error')\n"
        "import softxent, softxent.data, softxent.models, softxent.report, softxent.special\n"
        "softxent.softmax([1.0, 2.0])\n"
        "print(sys._is_gil_enabled())\n"
    )
    assert run_python(code).strip() == "False"
