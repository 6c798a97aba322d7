"""
PyTorch's own samples of these functions and modules: none is left out silently.

From `torch.testing._internal`, which belongs to PyTorch's tests and is installed with it. Values
are compared with PyTorch's in float64, gradients too; tolerances are a few units of the dtype.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: softxent.torch needs it")
pytest.importorskip("expecttest", reason="torch's own samples need it")

import softxent.torch as door  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_torch_thread")

FUNCTIONS = {
    "softmax": door.softmax,
    "log_softmax": door.log_softmax,
    "logsumexp": door.logsumexp,
    "nn.functional.cross_entropy": door.cross_entropy,
    "nn.functional.nll_loss": door.nll_loss,
    "nn.functional.binary_cross_entropy_with_logits": door.binary_cross_entropy_with_logits,
    "nn.functional.linear_cross_entropy": door.linear_cross_entropy,
}
MODULES = {
    "nn.CrossEntropyLoss": door.CrossEntropyLoss,
    "nn.BCEWithLogitsLoss": door.BCEWithLogitsLoss,
    "nn.LinearCrossEntropyLoss": door.LinearCrossEntropyLoss,
}
FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)

COMPLEX = "complex numbers: refused with a TypeError that names the dtype"
NEGATIVE = "negative class weights: refused with a ValueError; compared with their absolute values"


@cache
def op_db() -> dict[tuple[str, str], Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from torch.testing._internal.common_methods_invocations import op_db as found
    return {(op.name, op.variant_test_name): op for op in found if op.name in FUNCTIONS}


@cache
def module_db() -> dict[str, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from torch.testing._internal.common_modules import module_db as found
    return {info.name: info for info in found if info.name in MODULES}


def is_tensor(value: Any) -> bool:
    return isinstance(value, torch.Tensor)


def wide(value: Any) -> Any:
    """The same in float64, as a leaf of its own."""
    if not is_tensor(value) or not value.is_floating_point():
        return value
    return value.detach().double().requires_grad_(value.requires_grad)


def positive(value: Any) -> Any:
    return value.detach().abs().requires_grad_(value.requires_grad) if is_tensor(value) else value


def equal(got: Any, want: Any, dtype: Any, size: float) -> bool:
    """Whether they agree within a few units of the dtype, of the larger of the value and `size`."""
    unit = 8 * torch.finfo(dtype).eps
    return got.shape == want.shape and torch.allclose(
        got.double(), want.double(), rtol=unit, atol=unit * size, equal_nan=True
    )


def compare(ours: Any, theirs: Any, args: list[Any], kwargs: dict[str, Any], dtype: Any) -> None:
    """Values and gradients of one sample."""
    got = ours(*args, **kwargs)
    wide_args, wide_kwargs = [wide(a) for a in args], {k: wide(v) for k, v in kwargs.items()}
    if kwargs.get("dtype") is not None:
        wide_kwargs["dtype"] = torch.float64
        dtype = kwargs["dtype"]
    wide_kwargs.pop("options", None)  # float32 sums over blocks
    want = theirs(*wide_args, **wide_kwargs)
    dtype = dtype if dtype in FLOATS else torch.float32
    assert got.dtype is dtype
    # The largest factors that losses and gradients are made of: what they may cancel down from.
    sizes = [float(t.detach().abs().max()) for t in (*wide_args, *wide_kwargs.values())
             if is_tensor(t) and t.is_floating_point() and t.numel()]  # fmt: skip
    scale = 1.0
    for size in sizes:
        scale *= max(size, 1.0)
    if kwargs.get("reduction") == "sum":
        scale *= max(got.numel(), *(a.numel() for a in args if is_tensor(a)))
    assert equal(got, want, dtype, scale)
    assert got.requires_grad == want.requires_grad
    if not got.requires_grad or not got.numel():
        return
    leaves = [t for t in (*args, *kwargs.values()) if is_tensor(t) and t.requires_grad]
    wide_leaves = [
        t for t in (*wide_args, *wide_kwargs.values()) if is_tensor(t) and t.requires_grad
    ]
    upstream = torch.ones_like(want).mul_(0.5)
    found = torch.autograd.grad(got, leaves, upstream.to(got.dtype), allow_unused=True)
    expected = torch.autograd.grad(want, wide_leaves, upstream, allow_unused=True)
    for a, b in zip(found, expected, strict=True):
        assert (a is None) == (b is None)
        if a is not None:
            coarser = max(dtype, a.dtype, key=lambda one: torch.finfo(one).eps)
            assert equal(a, b, coarser, scale)


def ones_to_run(name: str, args: list[Any], kwargs: dict[str, Any]) -> Iterator[tuple[Any, Any]]:
    """
    The sample, or in its place one with weights that are not negative.

    Where targets have derivatives PyTorch's own formula is used, which takes any weights.
    """
    weight = kwargs.get("weight")
    if weight is not None and bool((weight < 0).any()) and not args[1].requires_grad:
        with pytest.raises(ValueError, match=r"weight\[.*expected a finite number >= 0"):
            FUNCTIONS[name](*args, **kwargs)
        kwargs = {**kwargs, "weight": positive(weight)}
        yield NEGATIVE, (args, kwargs)
        return
    yield "compared", (args, kwargs)


def report(capsys: pytest.CaptureFixture[str], what: str, counts: Counter[str]) -> None:
    with capsys.disabled():
        detail = "; ".join(f"{count} {kind}" for kind, count in counts.items())
        print(f"\n{what}: {sum(counts.values())} samples: {detail}", end="")


def test_torch_has_samples_of_every_function_and_module() -> None:
    assert {name for name, _ in op_db()} >= set(FUNCTIONS) - {"nn.functional.linear_cross_entropy"}
    assert set(module_db()) >= set(MODULES) - {"nn.LinearCrossEntropyLoss"}


@pytest.mark.conformance("torch.testing op_db")
@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.filterwarnings("ignore::FutureWarning")  # of its regular expressions
@pytest.mark.filterwarnings("ignore::UserWarning")  # linear_cross_entropy's options, in torch
def test_samples_of_functions(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    counts: Counter[str] = Counter()
    variants = [(variant, op) for (found, variant), op in op_db().items() if found == name]
    if not variants:
        pytest.skip(f"this torch has no samples of {name}")
    for variant, op in variants:
        for dtype in sorted(op.dtypes, key=str):
            for sample in op.sample_inputs("cpu", dtype, requires_grad=dtype in FLOATS):
                args, kwargs = [sample.input, *sample.args], dict(sample.kwargs)
                if dtype.is_complex:
                    with pytest.raises(TypeError, match=str(dtype)):
                        FUNCTIONS[name](*args, **kwargs)
                    counts[COMPLEX] += 1
                    continue
                for kind, (run_args, run_kwargs) in ones_to_run(name, args, kwargs):
                    compare(FUNCTIONS[name], op.op, run_args, run_kwargs, dtype)
                    counts[kind] += 1
        if op.error_inputs_func is not None:
            for error in op.error_inputs("cpu"):
                sample = error.sample_input
                with pytest.raises(error.error_type, match=error.error_regex):
                    FUNCTIONS[name](sample.input, *sample.args, **sample.kwargs)
                counts[f"errors ({variant or 'plain'})"] += 1
    report(capsys, f"op_db {name}", counts)


@pytest.mark.conformance("torch.testing module_db")
@pytest.mark.parametrize("name", MODULES)
@pytest.mark.filterwarnings("ignore::FutureWarning")  # of its regular expressions
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_samples_of_modules(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    if name not in module_db():
        pytest.skip(f"this torch has no samples of {name}")
    info, counts = module_db()[name], Counter()
    for dtype in info.dtypes:
        torch.manual_seed(0)
        for sample in info.module_inputs_func(
            info, device="cpu", dtype=dtype, requires_grad=True, training=True
        ):
            made, forward = sample.constructor_input, sample.forward_input
            kwargs, kind = dict(made.kwargs), "compared"
            weight = kwargs.get("weight")
            if weight is not None and bool((weight < 0).any()):
                with pytest.raises(ValueError, match="expected a finite number >= 0"):
                    refused = MODULES[name](*made.args, **kwargs)
                    refused(*(t.detach() for t in forward.args), **forward.kwargs)
                kwargs["weight"], kind = positive(weight), NEGATIVE
            ours, theirs = (
                MODULES[name](*made.args, **kwargs),
                info.module_cls(*made.args, **kwargs),
            )
            assert repr(ours) == repr(theirs)
            assert [*ours.state_dict()] == [*theirs.state_dict()]
            theirs.load_state_dict(ours.state_dict())
            compare(ours, theirs.double(), list(forward.args), dict(forward.kwargs), dtype)
            counts[kind] += 1
        if info.module_error_inputs_func is not None:
            for error in info.module_error_inputs_func(
                info, device="cpu", dtype=dtype, requires_grad=False, training=True
            ):
                made = error.module_error_input.constructor_input
                forward = error.module_error_input.forward_input
                with pytest.raises(error.error_type, match=error.error_regex):
                    MODULES[name](*made.args, **made.kwargs)(*forward.args, **forward.kwargs)
                counts["errors"] += 1
    report(capsys, f"module_db {name}", counts)
