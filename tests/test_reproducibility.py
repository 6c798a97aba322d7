"""The same bits for every instruction set, thread count, layout and batch split.

The grid is that of tools/reproducibility.py: each child process runs all of it and hashes.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import platform
import shutil
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import softxent as sx
from reference.dtypes import DTYPES, cast

ISAS = ("scalar", "avx2", "avx512", "neon")
CPU_OF_EMULATOR = {"Haswell": "avx2", "Nehalem": "scalar"}


@functools.cache
def tool() -> ModuleType:
    path = Path(__file__).parent.parent / "tools" / "reproducibility.py"
    spec = importlib.util.spec_from_file_location("reproducibility", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@functools.cache
def run(isa: str) -> dict[str, Any]:
    return tool().run_child(tool().Child(isa, [], {"SOFTXENT_ISA": isa}))


def reference() -> dict[str, Any]:
    return run(sx.get_config()["isas"][0])


def assert_same_bits(result: dict[str, Any]) -> None:
    assert result["hashes"].keys() <= reference()["hashes"].keys()
    assert result["calls"] > 0
    differing = tool().disagreements(result, reference())
    assert not differing, f"{len(differing)} cases, first: {next(iter(differing.items()))}"


def need(isa: str) -> None:
    """Skip visibly where this machine cannot run an instruction set.

    Where SOFTXENT_EXPECTED_ISAS names it (a list separated by commas), missing it is a failure.
    """
    usable = sx.get_config()["isas"]
    if isa in usable:
        return
    message = f"instruction set {isa} is not usable here, only {', '.join(usable)}"
    if isa in os.environ.get("SOFTXENT_EXPECTED_ISAS", "").split(","):
        pytest.fail(message)
    pytest.skip(message)


@pytest.mark.parametrize("isa", ISAS)
def test_bits_are_those_of_every_instruction_set(isa: str) -> None:
    need(isa)
    result = run(isa)
    assert result["isa"] == isa
    assert_same_bits(result)


@pytest.mark.parametrize("cpu", CPU_OF_EMULATOR)
def test_bits_on_an_emulated_processor(cpu: str) -> None:
    if platform.machine() != "x86_64" or shutil.which("qemu-x86_64") is None:
        pytest.skip(f"qemu-x86_64 -cpu {cpu} is not available")
    result = tool().run_child(tool().emulated(cpu))
    assert result["isa"] == CPU_OF_EMULATOR[cpu]
    assert_same_bits(result)


@pytest.mark.skipif(platform.machine() != "x86_64", reason="these glibc tunables are for x86-64")
def test_bits_do_not_depend_on_glibc() -> None:
    child = tool().Child("glibc", [], {"GLIBC_TUNABLES": tool().TUNABLES})
    assert_same_bits(tool().run_child(child))


def test_hashes_can_tell_a_difference() -> None:
    """A grid that would accept anything proves nothing."""
    changed = {**reference(), "hashes": dict(reference()["hashes"])}
    case = next(iter(changed["hashes"]))
    changed["hashes"][case] = "0" * 16
    assert list(tool().disagreements(changed, reference())) == [case]
    x = np.zeros((2, 3))
    y = x.copy()
    y[0, 0] = -0.0
    assert tool().digest([x]) != tool().digest([y])


def test_unknown_instruction_set_is_refused_with_the_valid_names(run_python) -> None:
    code = (
        "try:\n import softxent\n softxent.softmax([0.0])\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    message = run_python(code, SOFTXENT_ISA="sse9")
    assert "sse9" in message
    for isa in sx.get_config()["isas"]:
        assert isa in message


def test_unsupported_instruction_set_is_refused(run_python) -> None:
    missing = [isa for isa in ISAS if isa not in sx.get_config()["isas"]]
    if not missing:
        pytest.skip("every instruction set is usable here")
    code = "try:\n import softxent\nexcept Exception as error: print(error)"
    assert missing[0] in run_python(code, SOFTXENT_ISA=missing[0])


def test_environment_variable_chooses_the_instruction_set(run_python) -> None:
    code = "import softxent; print(softxent.get_config()['isa'])"
    for isa in sx.get_config()["isas"]:
        assert run_python(code, SOFTXENT_ISA=isa).strip() == isa


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("function", [sx.softmax, sx.log_softmax, sx.logsumexp])
def test_tuple_of_axes_equals_the_flattened_row(function, dtype: np.dtype, rng) -> None:
    x = cast(rng.normal(size=(3, 4, 5, 6)) * 10, dtype)
    for axes in ((1, 3), (3, 1), (0, 2, 3), (-1, -2)):
        kept = [k for k in range(4) if k not in {a % 4 for a in axes}]
        order = (*kept, *sorted(a % 4 for a in axes))
        lead = [x.shape[k] for k in kept]
        rows = x.transpose(order).reshape(*lead, -1)
        result = function(x, axis=axes)
        if result.ndim == x.ndim:
            result = result.transpose(order).reshape(rows.shape)
        assert np.array_equal(result, function(rows))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("function", [sx.softmax, sx.log_softmax, sx.logsumexp])
def test_order_of_the_classes_does_not_change_a_bit(function, dtype: np.dtype, rng) -> None:
    """The sum of a row does not depend on where its terms stand."""
    for classes in (2, 5, 16, 64, 100, 1000, 20000):
        x = cast(rng.normal(size=(2, classes)) * 10, dtype)
        order = rng.permutation(classes)
        expected = function(x)
        expected = expected[:, order] if expected.ndim == 2 else expected
        assert np.array_equal(function(x[:, order]), expected)


@pytest.mark.parametrize("options", [{"softcap": 5.0}, {"logit_scale": -1.5}], ids=str)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("classes", [1, 2, 7, 8, 9, 255, 256, 600])
def test_capped_row_alone_equals_the_row_of_a_batch(classes: int, dtype, options, rng) -> None:
    # Few and long rows go one after another, others side by side.
    x = cast(rng.normal(size=(21, classes)) * 10, dtype)
    for target in (rng.integers(classes, size=21), cast(rng.random(x.shape), dtype)):
        loss = sx.cross_entropy(x, target, reduction="none", **options)
        grad, hess = sx.cross_entropy_grad_hess(x, target, **options)
        for row in (0, 20):
            alone = sx.cross_entropy_grad_hess(x[row], target[row], **options)
            assert loss[row] == sx.cross_entropy(x[row], target[row], reduction="none", **options)
            assert alone[0].tobytes() == grad[row].tobytes()
            assert alone[1].tobytes() == hess[row].tobytes()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("classes", [3000, 40_000, 140_000])
def test_long_rows_side_by_side_equal_rows_one_after_another(classes: int, dtype, rng) -> None:
    # A thread's working memory has room for 16 rows of 131072 floats; of more, it takes the
    # classes in blocks.
    x = (rng.normal(size=(classes, 19)) * 4).astype(dtype)
    labels = rng.integers(classes, size=19)
    rows = np.ascontiguousarray(x.T)
    for function in (sx.softmax, sx.log_softmax):
        assert np.array_equal(function(x, axis=0), function(rows).T)
    assert np.array_equal(sx.logsumexp(x, axis=0), sx.logsumexp(rows))
    for options in ({}, {"label_smoothing": 0.1}, {"softcap": 5.0}):
        loss, grad = sx.cross_entropy_and_grad(x, labels, axis=0, **options)
        expected = sx.cross_entropy_and_grad(rows, labels, **options)
        assert loss == expected[0]
        assert np.array_equal(grad, expected[1].T)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("function", [sx.softmax, sx.log_softmax, sx.logsumexp])
@pytest.mark.parametrize("classes", [1, 2, 3, 16, 17, 224, 225, 256, 257, 352, 353])
def test_row_alone_equals_the_row_of_a_batch(function, classes: int, dtype, rng) -> None:
    """In every shape that comes to the same rows: the way may depend on a row alone."""
    scales = rng.choice([1e-3, 0.04, 1, 30], size=(80, 1))
    x = cast(rng.normal(size=(80, classes)) * scales, dtype)
    expected = function(x)
    for rows in (1, 2, 15, 80):
        assert np.array_equal(function(x[:rows]), expected[:rows]), rows
    assert all(np.array_equal(function(row), of) for row, of in zip(x, expected, strict=True))
    assert np.array_equal(function(x, where=np.ones(x.shape, bool)), expected)
    assert np.array_equal(function(np.repeat(x, 2, axis=1)[:, ::2]), expected)
    assert np.array_equal(
        function(x[:, np.newaxis], axis=(1, 2)),
        expected.reshape((80, 1, classes) if expected.ndim == 2 else (80,)),
    )
