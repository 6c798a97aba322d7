"""SciPy's test_logsumexp.py, as installed with SciPy, run against softxent's three functions.

SciPy's default axis is None, ours is -1: that is the one thing the adapters below change. Complex
input is a documented deviation (docs/semantics.md): it has to be the TypeError of the contract, and
the terminal summary counts it apart.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import softxent as sx

suite = pytest.importorskip(
    "scipy.special.tests.test_logsumexp",
    reason="this SciPy is installed without its tests: test_logsumexp.py is not run",
)


class ComplexRefusedError(Exception):
    """The TypeError that the contract promises for complex numbers."""


def adapted(function: Callable[..., Any], record: Callable[[str, str], None]) -> Callable[..., Any]:
    """The function with SciPy's default axis."""

    def call(x: Any, axis: Any = None, **options: Any) -> Any:
        try:
            return function(x, axis=axis, **options)
        except TypeError as error:
            if not any(map(np.iscomplexobj, (x, options.get("b")))):
                raise
            record("deviation", "complex input is a TypeError")
            raise ComplexRefusedError from error

    return call


def tolerant(test: Callable[..., None]) -> Callable[..., None]:
    """The test, ended without failure where complex input is refused."""

    @functools.wraps(test)
    def run(*arguments: Any, **fixtures: Any) -> None:
        try:
            test(*arguments, **fixtures)
        except ComplexRefusedError:
            return

    for k, mark in enumerate(run.__dict__.get("pytestmark", [])):
        if mark.name == "parametrize":
            # SciPy passes iterators, which pytest deprecates.
            names, values = mark.args
            run.pytestmark[k] = pytest.mark.parametrize(names, list(values), **mark.kwargs).mark
    return run


def adopted(tests: type) -> type:
    """A class of SciPy's tests in which refusing complex input is no failure."""
    members = {
        name: tolerant(member) if name.startswith("test_") else member
        for name, member in vars(tests).items()
        if name not in ("__dict__", "__weakref__")
    }
    counted = pytest.mark.conformance("scipy test_logsumexp.py").mark
    members["pytestmark"] = [*members.get("pytestmark", []), counted]
    return type(tests.__name__, (), members)


TestLogSumExp = adopted(suite.TestLogSumExp)
TestSoftmax = adopted(suite.TestSoftmax)
TestLogSoftmax = adopted(suite.TestLogSoftmax)


@pytest.fixture(autouse=True)
def softxent_functions(monkeypatch: pytest.MonkeyPatch, record_property: Any) -> None:
    """Let SciPy's tests call us."""
    for name in ("logsumexp", "softmax", "log_softmax"):
        monkeypatch.setattr(suite, name, adapted(getattr(sx, name), record_property))


@pytest.fixture
def xp() -> Any:
    """The array namespace that SciPy's tests ask for: its own wrapper of NumPy."""
    return importlib.import_module("scipy._lib._array_api").np_compat


@pytest.fixture
def devices() -> list[Any]:
    """NumPy's only device, for SciPy's test_device."""
    return [None]


def test_adapter_reaches_softxent() -> None:
    x = np.array([20, 0, 0], np.float32)
    assert suite.log_softmax(x)[0] == sx.log_softmax(x)[0] != 0
