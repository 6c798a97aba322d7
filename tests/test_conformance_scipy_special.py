"""SciPy's test_logsumexp.py and test_logit.py, run against softxent.special as they are.

No adapter: names, defaults, complex numbers and longdouble are SciPy's. What tests other functions
of SciPy stands in OTHERS; a test that is in neither list fails `test_nothing_is_left_out`.
"""

from __future__ import annotations

import importlib
from typing import Any

import pytest

import softxent.special

REASON = "this SciPy is installed without its tests"
sums = pytest.importorskip("scipy.special.tests.test_logsumexp", reason=REASON)
logistic = pytest.importorskip("scipy.special.tests.test_logit", reason=REASON)

OTHERS = {"test_wrap_radians": "a private function of SciPy", "TestLogit": "logit"}


def adopted(module: Any, name: str) -> type:
    """A class of SciPy's tests, counted; SciPy passes iterators, which pytest deprecates."""
    members = {k: v for k, v in vars(getattr(module, name)).items() if not k.startswith("__")}
    for member in members.values():
        marks = getattr(member, "pytestmark", [])
        for k, mark in enumerate(marks):
            if mark.name == "parametrize":
                names, values = mark.args
                marks[k] = pytest.mark.parametrize(names, list(values), **mark.kwargs).mark
    suite = f"scipy {module.__name__.rpartition('.')[2]}.py, softxent.special"
    members["pytestmark"] = [*members.get("pytestmark", []), pytest.mark.conformance(suite).mark]
    return type(name, (), members)


TestLogSumExp = adopted(sums, "TestLogSumExp")
TestSoftmax = adopted(sums, "TestSoftmax")
TestLogSoftmax = adopted(sums, "TestLogSoftmax")
TestExpit = adopted(logistic, "TestExpit")
TestLogExpit = adopted(logistic, "TestLogExpit")


@pytest.fixture(autouse=True)
def softxent_functions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let SciPy's tests call us."""
    for name in softxent.special.__all__:
        module = logistic if "expit" in name else sums
        monkeypatch.setattr(module, name, getattr(softxent.special, name))


@pytest.fixture
def xp() -> Any:
    """The array namespace that SciPy's tests ask for: its own wrapper of NumPy."""
    return importlib.import_module("scipy._lib._array_api").np_compat


@pytest.fixture
def devices() -> list[Any]:
    """NumPy's only device, for SciPy's test_device."""
    return [None]


@pytest.mark.parametrize("module", [sums, logistic])
def test_nothing_is_left_out(module: Any) -> None:
    found = {name for name in vars(module) if name.lower().startswith("test")}
    assert found <= {name for name in globals() if name.startswith("Test")} | OTHERS.keys()
