"""The bindings: plain arguments and the general path agree, and nothing leaks or crashes."""

from __future__ import annotations

import doctest
import inspect
import itertools
import sys
import threading
import time
import types
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import softxent as sx
from softxent._core import binding

FUNCTIONS = [name for name in sx.__all__ if callable(getattr(sx, name))]
COMPILED = [sx.softmax, sx.log_softmax, sx.logsumexp, sx.cross_entropy, sx.cross_entropy_and_grad]
FLOATS = [np.float16, np.float32, np.float64]


def bits(value: Any) -> list[tuple[str, tuple[int, ...], bytes]]:
    """Dtype, shape and bytes of a result or of each part of it."""
    parts = value if isinstance(value, tuple) else (value,)
    return [(str(part.dtype), part.shape, np.ascontiguousarray(part).tobytes()) for part in parts]


# ---- signatures and documentation ----------------------------------------------------------------


@pytest.mark.parametrize("name", FUNCTIONS)
def test_docstring_has_the_sections_of_numpydoc(name: str) -> None:
    function = getattr(sx, name)
    doc = inspect.getdoc(function)
    assert doc
    assert len(doc.splitlines()[0]) < 90
    if inspect.isclass(function) or inspect.signature(function).parameters:
        assert "\nParameters\n----------\n" in doc
    if not inspect.isclass(function) and name not in {"set_num_threads", "set_pool_limit"}:
        assert "\nReturns\n-------\n" in doc


@pytest.mark.parametrize("name", FUNCTIONS)
def test_docstring_describes_every_parameter(name: str) -> None:
    function = getattr(sx, name)
    doc = inspect.getdoc(function)
    assert doc
    described = doc.partition("\nReturns\n")[0]
    for parameter in inspect.signature(function).parameters:
        assert parameter in described, parameter


@pytest.mark.parametrize("name", FUNCTIONS)
def test_docstring_examples(name: str) -> None:
    finder, runner = doctest.DocTestFinder(), doctest.DocTestRunner(verbose=False)
    for example in finder.find(getattr(sx, name), name, globs={}):
        report: list[str] = []
        assert runner.run(example, out=report.append).failed == 0, "".join(report)


def test_stub_has_the_signatures_of_the_binding() -> None:
    source = resources.files("softxent._core").joinpath("binding.pyi").read_text(encoding="utf-8")
    stub = types.ModuleType("stub")
    stub.__package__ = "softxent._core"
    exec("from __future__ import annotations\n" + source, stub.__dict__)
    functions = [name for name, value in vars(binding).items() if type(value) is type(sx.softmax)]
    # Cython leaves two of its own, of pickling a class, where the module is not of the stable ABI.
    names = [name for name in functions if not name.endswith("_cython__")]
    assert "call_softmax" in names
    for name in names:
        real, stated = inspect.signature(vars(binding)[name]), inspect.signature(vars(stub)[name])
        assert [(p.name, p.kind, p.default) for p in real.parameters.values()] == [
            (p.name, p.kind, p.default) for p in stated.parameters.values()
        ], name


# ---- plain arguments and the general path --------------------------------------------------------


def wrapped(array: np.ndarray) -> np.ndarray:
    """The same values as something that only the general path takes."""

    class Wrapped(np.ndarray):
        pass

    return array.view(Wrapped)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("axis", [0, 1, 2, -1, -3])
def test_rows_of_plain_arrays_equal_the_general_path(dtype: type, axis: int, rng) -> None:
    x = rng.normal(size=(3, 4, 5)).astype(dtype)
    for function in COMPILED[:3]:
        general = function(wrapped(x), np.int64(axis), where=True)
        assert bits(function(x, axis)) == bits(general), function.__name__


@pytest.mark.parametrize("reduction", ["none", "sum", "mean"])
@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("dtype", FLOATS)
def test_losses_of_plain_arrays_equal_the_general_path(
    dtype: type, axis: int, reduction: str, rng
) -> None:
    x = rng.normal(size=(3, 4, 5)).astype(dtype)
    labels = rng.integers(0, 3, np.delete(x.shape, axis))
    labels.flat[0] = -100
    for function in COMPILED[3:]:
        plain = function(x, labels, axis=axis, reduction=reduction)
        general = function(
            wrapped(x),
            labels.astype(np.int16),
            axis=np.int8(axis),
            reduction=reduction,
            ignore_index=np.int64(-100),
            label_smoothing=0,
        )
        assert bits(plain) == bits(general), function.__name__


def test_plain_out_is_returned_and_written() -> None:
    x = np.arange(12.0).reshape(3, 4)
    want = sx.softmax(x)
    out = np.empty_like(x)
    assert sx.softmax(x, out=out) is out
    assert bits(out) == bits(want)
    in_place = x.copy()
    assert sx.softmax(in_place, out=in_place) is in_place
    assert bits(in_place) == bits(want)


@pytest.mark.parametrize("shift", [-5, -4, -1, 1, 4, 5])
def test_out_that_overlaps_the_logits(shift: int, rng) -> None:
    memory = rng.normal(size=30)
    x = memory[5:25].reshape(5, 4)
    out = memory[5 + shift : 25 + shift].reshape(5, 4)
    labels = np.array([0, 1, 2, 3, 0])
    loss, grad = sx.cross_entropy_and_grad(x.copy(), labels)
    got, same = sx.cross_entropy_and_grad(x, labels, out=out)
    assert same is out
    assert bits((got, out)) == bits((loss, grad))


def test_out_that_overlaps_the_labels(rng) -> None:
    x = rng.normal(size=(4, 4))
    memory = np.zeros(16)
    labels = memory[:4].view(np.int64)
    labels[:] = [3, 2, 1, 0]
    want = sx.cross_entropy_and_grad(x, labels.copy())
    assert bits(sx.cross_entropy_and_grad(x, labels, out=memory.reshape(4, 4))) == bits(want)


def test_out_that_is_another_input(rng) -> None:
    x = rng.normal(size=(4, 4))
    probs = sx.softmax(rng.normal(size=(4, 4)))
    want = sx.binary_cross_entropy_and_grad(x, probs, weight=probs)
    out = probs.copy()
    assert bits(sx.binary_cross_entropy_and_grad(x, out, weight=out, out=out)) == bits(want)
    want = sx.cross_entropy_and_grad(x, probs, weight=probs[0], sample_weight=probs[1])
    out = probs.copy()
    got = sx.cross_entropy_and_grad(x, out, weight=out[0], sample_weight=out[1], out=out)
    assert bits(got) == bits(want)
    want = sx.softmax_grad(x, probs)
    for out in (x, probs):
        assert bits(sx.softmax_grad(x, probs, out=out.copy())) == bits(want)
    assert bits(sx.softmax_grad(x, probs, out=x)) == bits(want)


def test_memory_order_of_the_input_is_kept() -> None:
    x = np.asfortranarray(np.zeros((3, 4), np.float32))
    assert sx.softmax(x).flags.f_contiguous
    assert sx.cross_entropy_and_grad(x, np.zeros(3, np.int64))[1].flags.f_contiguous


def test_results_own_their_memory_and_inputs_are_released() -> None:
    x = np.zeros((2, 3), np.float32)
    labels = np.zeros(2, np.int64)
    before = sys.getrefcount(x), sys.getrefcount(labels), sys.getrefcount(np.dtype(np.float32))
    for _ in range(100):
        assert sx.softmax(x).flags.owndata
        sx.cross_entropy_and_grad(x, labels)
        sx.cross_entropy_and_grad(x, labels, reduction="none", out=x.copy())
        with pytest.raises(IndexError):
            sx.cross_entropy(x, labels + 9)
    after = sys.getrefcount(x), sys.getrefcount(labels), sys.getrefcount(np.dtype(np.float32))
    assert max(b - a for a, b in zip(before, after, strict=True)) < 50


# ---- errors --------------------------------------------------------------------------------------


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_label_error_names_label_position_and_classes(axis: int) -> None:
    x = np.zeros((2, 3, 4))
    labels = np.zeros(np.delete(x.shape, axis), np.int64)
    labels[1, 2] = 12
    message = rf"^label 12 at index \(1, 2\) is not in \[0, {x.shape[axis]}\)$"
    for target in (labels, labels.astype(np.uint8)):
        grad = np.full_like(x, 7)
        with pytest.raises(IndexError, match=message):
            sx.cross_entropy_and_grad(x, target, axis=axis, out=grad)
        assert (grad == 7).all(), "written before the error"


def test_errors_of_a_single_row() -> None:
    with pytest.raises(IndexError, match=r"label -1 at index \(\) is not in \[0, 3\)"):
        sx.cross_entropy(np.zeros(3), -1)
    with pytest.raises(np.exceptions.AxisError, match="axis -1 is out of bounds"):
        sx.cross_entropy(np.float64(0), 0)


@pytest.mark.parametrize(
    "value",
    [None, "1", b"1", 1j, [1, [2]], {}, object(), np.zeros(3, "M8[s]"), np.zeros(3, "i,f"), ...],
    ids=lambda value: type(value).__name__,
)
def test_odd_values_anywhere_raise_and_nothing_else(value: Any) -> None:
    x, labels = np.zeros((2, 3)), np.zeros(2, np.int64)
    takes_none = {"out", "where", "b", "weight", "sample_weight", "softcap", "ignore_index", "axis"}
    for function in COMPILED:
        names = list(inspect.signature(function).parameters)
        for name in names:
            if name in {"keepdims", "return_sign"} or (value is None and name in takes_none):
                continue
            arguments = {names[0]: x} | ({"target": labels} if "target" in names else {})
            with pytest.raises((TypeError, ValueError)):
                function(**(arguments | {name: value}))


@pytest.mark.parametrize("number", [10**30, -(10**30), 2**63, -(2**63) - 1, 2**31])
def test_huge_integers_are_refused(number: int) -> None:
    x, labels = np.zeros((2, 3)), np.zeros(2, np.int64)
    with pytest.raises(np.exceptions.AxisError):
        sx.softmax(x, number)
    with pytest.raises(np.exceptions.AxisError):
        sx.cross_entropy(x, labels, axis=number)
    with pytest.raises(ValueError, match="number of threads"):
        sx.set_num_threads(number if abs(number) > 2**31 else -number)
    if abs(number) >= 2**63 and number != -(2**63):
        with pytest.raises(ValueError, match=f"ignore_index is {number}"):
            sx.cross_entropy(x, labels, ignore_index=number)


def test_many_dimensions() -> None:
    x = np.zeros((1,) * 30 + (2, 3))
    assert bits(sx.softmax(x, tuple(range(31, -1, -1)))) == bits(sx.softmax(x, None))
    assert sx.logsumexp(x, axis=7).shape == (1,) * 29 + (2, 3)


# ---- threads, settings, import -------------------------------------------------------------------


def test_gil_is_released() -> None:
    x = np.zeros((2000, 5000), np.float32)
    counted = []
    stop = threading.Event()

    def count() -> None:
        for number in itertools.count():
            if stop.is_set():
                counted.append(number)
                return
            time.sleep(0)

    def counts_while(work: Callable[[], object]) -> int:
        stop.clear()
        thread = threading.Thread(target=count)
        thread.start()
        work()
        stop.set()
        thread.join()
        return counted.pop()

    interval = sys.getswitchinterval()
    # With the GIL held by the call, a thread could not count before the call is over.
    sys.setswitchinterval(60)
    try:
        assert counts_while(lambda: [sx.softmax(x, out=x) for _ in range(5)]) > 100
    finally:
        sys.setswitchinterval(interval)


def test_num_threads_context_restores(restore_threads: None) -> None:
    sx.set_num_threads(3)
    limit = sx.num_threads(2)
    with limit:
        assert sx.get_num_threads() == 2
        with limit, pytest.raises(KeyError), sx.num_threads(5):
            assert sx.get_num_threads() == 5
            raise KeyError
        assert sx.get_num_threads() == 2
    assert sx.get_num_threads() == 3
    with pytest.raises(ValueError, match="number of threads is 0"), sx.num_threads(0):
        pass
    for wrong in (1.5, "2", None):
        with pytest.raises(TypeError):
            sx.set_num_threads(wrong)
    assert sx.get_num_threads() == 3


def test_environment_sets_the_threads(run_python) -> None:
    code = "import softxent; print(softxent.get_num_threads())"
    assert run_python(code, SOFTXENT_NUM_THREADS="3").strip() == "3"
    assert int(run_python(code, SOFTXENT_NUM_THREADS="")) >= 1


IMPORT_ERROR = """
try:
    import softxent
except ValueError as error:
    print(error)
"""


@pytest.mark.parametrize("value", ["0", "-1", "two", "1.5", " 1", "99999999999999999999"])
def test_environment_with_a_wrong_number_of_threads(value: str, run_python) -> None:
    message = run_python(IMPORT_ERROR, SOFTXENT_NUM_THREADS=value)
    assert message.startswith(f"SOFTXENT_NUM_THREADS is {value!r}; expected")


@pytest.mark.parametrize("value", ["sse9", "AVX2", "\u00e9"])
def test_environment_with_an_unusable_instruction_set(value: str, run_python) -> None:
    message = run_python(IMPORT_ERROR, SOFTXENT_ISA=value, PYTHONIOENCODING="utf-8", PYTHONUTF8="1")
    assert value in message
    for isa in sx.get_config()["isas"]:
        assert isa in message


def test_environment_selects_the_instruction_set(run_python) -> None:
    code = "import softxent; print(softxent.get_config()['isa'])"
    for isa in sx.get_config()["isas"]:
        assert run_python(code, SOFTXENT_ISA=isa).strip() == isa
    assert run_python(code, SOFTXENT_ISA="").strip() == sx.get_config()["isas"][0]


def test_config_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    config = sx.show_config()
    assert config == sx.get_config()
    shown = capsys.readouterr().out
    for key, value in config.items():
        assert key in shown
        assert (value[0] if isinstance(value, list) else str(value)) in shown
    assert sx.__version__ == config["version"]


def test_c_interface_is_installed() -> None:
    header = Path(sx.get_include(), "softxent.h").read_text(encoding="utf-8")
    assert f'#define SXT_VERSION "{sx.__version__}"' in header
    assert Path(sx.get_library()).stat().st_size > 0


def test_import_loads_no_optional_dependency(run_python) -> None:
    loaded = set(run_python("import softxent, sys; print(*sys.modules)").split())
    assert "numpy" in loaded
    assert not loaded & {
        "jinja2",
        "matplotlib",
        "ml_dtypes",
        "numpy.ma",
        "onnx",
        "onnxruntime",
        "safetensors",
        "scipy",
        "sklearn",
        "torch",
        "tqdm",
    }


def test_names_of_the_package() -> None:
    assert set(sx.__all__) <= set(dir(sx))
    assert {"models", "onnx", "verify", "data"} <= set(dir(sx))
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = sx.no_such_name
