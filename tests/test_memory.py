"""Memory of large results: kept when they are freed, within bounds, and as safe as NumPy's own."""

from __future__ import annotations

import sys
from pathlib import Path

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
