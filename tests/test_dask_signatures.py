"""softxent.dask: the parameters of the local functions, and `out=` as Dask itself has it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import softxent as sx
from dask_tools import assert_same
from softxent.models import MLP

dask = pytest.importorskip("dask")
da = pytest.importorskip("dask.array")
sxd = pytest.importorskip("softxent.dask")

#: What a function takes here that the local one has not: how training cuts the rows.
MORE = {"fit": ["unit_rows", "part_rows"]}

X = np.linspace(-3, 3, 24, dtype=np.float32).reshape(6, 4)
LABELS = np.arange(6) % 4


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    with dask.config.set(scheduler="synchronous"):
        yield


def parameters(function: Callable[..., Any]) -> list[tuple[str, Any, Any]]:
    return [(p.name, p.kind, p.default) for p in inspect.signature(function).parameters.values()]


@pytest.mark.parametrize("name", sxd.__all__)
def test_parameters_are_those_of_the_local_function(name: str) -> None:
    own = parameters(getattr(sxd, name))
    local = parameters(MLP.fit if name == "fit" else getattr(sx, name))
    if name == "fit":  # a method: its network is `self`
        assert own[0][0] == "net"
        own, local = own[1:], local[1:]
    assert own[: len(local)] == local
    assert [parameter[0] for parameter in own[len(local) :]] == MORE.get(name, [])


def lazy() -> Any:
    return da.from_array(X, chunks=(4, 3))


#: Calls, and which of their results `out` becomes.
CALLS: dict[str, Callable[..., Any]] = {
    "softmax": lambda module, x, **out: module.softmax(x, **out),
    "log_softmax": lambda module, x, **out: module.log_softmax(x, 0, **out),
    "logsumexp": lambda module, x, **out: module.logsumexp(x, keepdims=True, **out),
    "logsumexp with b": lambda module, x, **out: module.logsumexp(x, b=X, **out),
    "logsumexp of all": lambda module, x, **out: module.logsumexp(x, None, **out),
    "logsumexp with sign": lambda module, x, **out: module.logsumexp(x, return_sign=True, **out)[0],
    "gradient": lambda module, x, **out: module.cross_entropy_and_grad(x, LABELS, **out)[1],
}


def test_every_local_function_with_out_is_called() -> None:
    takers = {n for n in sxd.__all__ if "out" in dict(p[:2] for p in parameters(getattr(sxd, n)))}
    called = {"cross_entropy_and_grad" if name == "gradient" else name.split()[0] for name in CALLS}
    assert takers == called


@pytest.mark.parametrize("name", CALLS)
def test_out_becomes_the_result(name: str) -> None:
    expected = np.asarray(CALLS[name](sx, X))
    plain = CALLS[name](sxd, lazy())
    memory = np.full(expected.shape, 7, expected.dtype)
    out = da.from_array(memory, chunks=-1)
    made_before = out + 0
    assert CALLS[name](sxd, lazy(), out=out) is out
    assert (out.chunks, out.name, out.dtype) == (plain.chunks, plain.name, plain.dtype)
    assert_same(out.compute(), expected)
    assert_same((out * 2).compute(), expected * 2)
    # What was there before stays what it was.
    assert (memory == 7).all() and (made_before.compute() == 7).all()


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "gradient"])
def test_out_may_be_the_input(name: str) -> None:
    x = lazy()
    assert CALLS[name](sxd, x, out=x) is x
    assert_same(x.compute(), CALLS[name](sx, X))


def test_loss_and_sign_are_beside_out() -> None:
    x = lazy()
    loss, grad = sxd.cross_entropy_and_grad(x, LABELS, out=x)
    for found, expected in zip(
        dask.compute(loss, grad), sx.cross_entropy_and_grad(X, LABELS), strict=True
    ):
        assert_same(found, expected)
    out = da.zeros(6, dtype=np.float32)
    logs, sign = sxd.logsumexp(lazy(), b=-X, return_sign=True, out=out)
    for found, expected in zip(
        dask.compute(logs, sign), sx.logsumexp(X, b=-X, return_sign=True), strict=True
    ):
        assert_same(found, expected)
    assert logs is out


@pytest.mark.parametrize("name", CALLS)
def test_an_out_that_does_not_fit_stays_what_it_was(name: str) -> None:
    shape = np.shape(CALLS[name](sx, X))
    unknown = da.zeros(9, dtype=np.float32)
    unknown = unknown[unknown == 0]
    for kind, message, out in (
        (TypeError, r"out is a ndarray; expected a dask array", np.zeros(shape, np.float32)),
        (TypeError, r"out is a tuple; expected a dask array", (da.zeros(shape, dtype="f4"),)),
        (TypeError, r"out has dtype float64; expected float32", da.zeros(shape)),
        (TypeError, r"out has dtype >f4; expected float32", da.zeros(shape, dtype=">f4")),
        (ValueError, r"out has shape \(2, 9\); expected \(", da.zeros((2, 9), dtype="f4")),
        (ValueError, r"out has chunks of unknown size along axis 0; call its compute", unknown),
    ):
        before = (out.name, out.chunks, dict(out.dask)) if isinstance(out, da.Array) else None
        with pytest.raises(kind, match=message):
            CALLS[name](sxd, lazy(), out=out)
        if before is not None:
            assert (out.name, out.chunks, dict(out.dask)) == before


def test_a_call_that_is_refused_leaves_out_alone() -> None:
    out = da.zeros((6, 4), dtype=np.float32)
    before = out.name
    with pytest.raises(ValueError, match="reduction is 'men'"):
        sxd.cross_entropy_and_grad(lazy(), LABELS, reduction="men", out=out)
    assert out.name == before
