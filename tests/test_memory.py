"""Memory of large results: kept when they are freed, within bounds, and as safe as NumPy's own."""

from __future__ import annotations

import multiprocessing
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import softxent as sx
from softxent._core.binding import empty_like

if np.lib.NumpyVersion(np.__version__) >= "2.0.0":
    from numpy._core.multiarray import get_handler_name
else:
    from numpy.core.multiarray import get_handler_name

MIB = 1 << 20
LARGE = 33 * MIB

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="where memory lies is read from Linux's process information"
)


@pytest.fixture(autouse=True)
def nothing_kept() -> Iterator[None]:
    """Begin with an empty pool, end with the limit as it was."""
    before = sx.get_pool_limit()
    sx.set_pool_limit(0)
    sx.set_pool_limit(before)
    yield
    sx.set_pool_limit(before)


def template(size: int) -> np.ndarray:
    """An array of `size` bytes that costs no memory: its pages are never touched."""
    return np.empty(size // 4, np.float32)


def is_mapped(address: int) -> bool:
    """Whether the process has memory at this address."""
    for line in Path("/proc/self/maps").read_text().splitlines():
        begin, end = (int(part, 16) for part in line.split()[0].split("-"))
        if begin <= address < end:
            return True
    return False


def test_only_large_results_have_a_handler_of_their_own() -> None:
    assert get_handler_name(empty_like(template(LARGE))) == "softxent"
    assert get_handler_name(empty_like(template(32 * MIB))) == "default_allocator"
    assert get_handler_name(np.empty(LARGE)) == "default_allocator"


@pytest.mark.parametrize(
    "call",
    [
        sx.softmax,
        lambda x: sx.softmax(x, where=True),
        lambda x: sx.cross_entropy_and_grad(x, [0, 1, 2])[1],
    ],
    ids=["softmax", "softmax where", "gradient"],
)
def test_results_are_found_where_freed_ones_were(call) -> None:
    x = np.zeros((3, 3 * MIB), np.float32)
    first = call(x)
    address, expected = first.ctypes.data, first[:, :5].copy()
    assert get_handler_name(first) == "softxent"
    first[...] = np.nan
    del first
    again = call(x)
    assert again.ctypes.data == address
    assert np.array_equal(again[:, :5], expected)


def test_gradient_and_hessian_come_from_there() -> None:
    x = np.zeros((3, 3 * MIB), np.float32)
    results = sx.cross_entropy_grad_hess(x, [0, 1, 2])
    assert [get_handler_name(result) for result in results] == ["softxent"] * 2


def test_no_more_is_kept_than_256_mib() -> None:
    pieces = [empty_like(template(120 * MIB)) for _ in range(3)]
    addresses = [piece.ctypes.data for piece in pieces]
    while pieces:
        del pieces[0]
    assert [is_mapped(address) for address in addresses] == [False, True, True]


def test_no_more_is_kept_than_four_pieces() -> None:
    pieces = [empty_like(template(LARGE)) for _ in range(6)]
    addresses = [piece.ctypes.data for piece in pieces]
    while pieces:
        del pieces[0]
    assert [is_mapped(address) for address in addresses] == [False] * 2 + [True] * 4


def test_larger_pieces_go_back_at_once() -> None:
    piece = empty_like(template(300 * MIB))
    address = piece.ctypes.data
    del piece
    assert not is_mapped(address)


def test_a_result_can_be_resized() -> None:
    array = empty_like(template(LARGE))
    array[:] = np.arange(array.size)
    array.resize(2 * array.size, refcheck=False)
    half = array.size // 2
    assert np.array_equal(array[:half], np.arange(half, dtype=np.float32))
    assert not array[half:].any()
    array.resize(10, refcheck=False)
    assert np.array_equal(array, np.arange(10))


def test_shape_order_and_dtype_are_those_of_the_input() -> None:
    like = np.empty((3, 5, 1 << 20), np.float64).transpose(2, 0, 1)
    array = empty_like(like)
    assert (array.shape, array.strides, array.dtype) == (like.shape, like.strides, like.dtype)
    assert array.flags.owndata and array.base is None


def freed(size: int) -> int:
    """Where a result of this size was."""
    piece = empty_like(template(size))
    address = piece.ctypes.data
    del piece
    return address


def test_a_lower_limit_gives_back_what_is_beyond_it() -> None:
    first, second = empty_like(template(40 * MIB)), empty_like(template(60 * MIB))
    addresses = [first.ctypes.data, second.ctypes.data]
    del first
    del second
    assert sx.get_config()["pool_bytes"] >= 100 * MIB
    sx.set_pool_limit(64 * MIB)
    assert sx.get_pool_limit() == sx.get_config()["pool_limit"] == 64 * MIB
    assert [is_mapped(address) for address in addresses] == [False, True]
    assert sx.get_config()["pool_bytes"] <= 64 * MIB
    assert not is_mapped(freed(70 * MIB))


def test_limit_of_zero_switches_it_off() -> None:
    freed(LARGE)
    sx.set_pool_limit(0)
    assert sx.get_config()["pool_bytes"] == 0
    assert get_handler_name(empty_like(template(LARGE))) == "default_allocator"
    assert get_handler_name(sx.softmax(np.zeros((3, 3 * MIB), np.float32))) == "default_allocator"


def test_pieces_outlive_a_change_of_the_limit() -> None:
    array = empty_like(template(LARGE))
    array[:] = 7
    sx.set_pool_limit(0)
    assert (array == 7).all()
    address = array.ctypes.data
    del array
    assert not is_mapped(address)


@pytest.mark.parametrize("bad", [-1, 2**64])
def test_impossible_limits_are_refused(bad: int) -> None:
    before = sx.get_pool_limit()
    with pytest.raises(ValueError, match=str(bad)):
        sx.set_pool_limit(bad)
    assert sx.get_pool_limit() == before


@pytest.mark.parametrize("bad", [1.5, "2", None, True])
def test_limits_that_are_no_integers_are_refused(bad: object) -> None:
    with pytest.raises(TypeError, match="limit of the pool"):
        sx.set_pool_limit(bad)


def test_environment_variable(run_python) -> None:
    code = "import softxent; print(softxent.get_pool_limit())"
    assert run_python(code, SOFTXENT_POOL_LIMIT="0").strip() == "0"
    assert run_python(code, SOFTXENT_POOL_LIMIT="1000000").strip() == "1000000"
    assert run_python(code, SOFTXENT_POOL_LIMIT="").strip() == str(256 * MIB)


@pytest.mark.parametrize("bad", ["-1", "many", "64M", "1.5", "9" * 30])
def test_bad_environment_variable_is_refused_by_name(bad: str, run_python) -> None:
    code = "try:\n import softxent\nexcept ValueError as error: print(error)"
    message = run_python(code, SOFTXENT_POOL_LIMIT=bad)
    assert "SOFTXENT_POOL_LIMIT" in message and bad in message


def churn(rounds: int, sizes: tuple[int, ...] = (33, 34, 36)) -> bool:
    """Make and free results of several sizes, each marked at both ends."""
    for i in range(rounds):
        arrays = [empty_like(template(size * MIB)) for size in sizes]
        for k, array in enumerate(arrays):
            array[0] = array[-1] = i + k
        if any(array[0] != i + k or array[-1] != i + k for k, array in enumerate(arrays)):
            return False
    return True


def test_many_threads_never_share_a_piece() -> None:
    good: list[bool] = []
    threads = [threading.Thread(target=lambda: good.append(churn(300))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for _ in range(50):
        sx.set_pool_limit(40 * MIB)
        sx.set_pool_limit(256 * MIB)
    for thread in threads:
        thread.join()
    assert good == [True] * 6
    assert sx.get_config()["pool_bytes"] <= 256 * MIB


def child(queue: Any) -> None:
    queue.put(churn(20) and not np.isnan(sx.softmax(np.zeros((3, 3 * MIB), np.float32))).any())


def test_children_of_a_fork_amid_threads_use_the_pool() -> None:
    done = threading.Event()

    def work() -> None:
        while not done.is_set():
            churn(1)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of forks amid threads
            children = [context.Process(target=child, args=(queue,)) for _ in range(6)]
            for process in children:
                process.start()
        assert [queue.get(timeout=60) for _ in children] == [True] * 6
    finally:
        done.set()
        for thread in threads:
            thread.join()
    for process in children:
        process.join()
        assert process.exitcode == 0
