"""softxent.torch: values, memory shared, dtypes and layouts, defaults, modules."""

from __future__ import annotations

import doctest
import inspect

import numpy as np
import pytest

import softxent as sx

torch = pytest.importorskip("torch", reason="torch is not installed: softxent.torch needs it")

import softxent.torch as door  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_torch_thread")

F = torch.nn.functional
FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
FUNCTIONS = {
    "cross_entropy": F.cross_entropy,
    "nll_loss": F.nll_loss,
    "binary_cross_entropy_with_logits": F.binary_cross_entropy_with_logits,
    "softmax": F.softmax,
    "log_softmax": F.log_softmax,
}


def logits(*shape: int, dtype: object = torch.float32) -> object:
    generator = torch.Generator().manual_seed(len(shape) + sum(shape))
    return (3 * torch.randn(*shape, generator=generator)).to(dtype)


def labels(n: int, classes: int) -> object:
    return torch.arange(n) * 7 % classes


def bits(tensor: object) -> np.ndarray:
    return tensor.detach().reshape(-1).view(torch.uint8).numpy()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_signatures_are_those_of_torch(name: str) -> None:
    ours = inspect.signature(getattr(door, name)).parameters
    theirs = inspect.signature(FUNCTIONS[name]).parameters
    assert [(p.name, p.default, p.kind) for p in ours.values()] == [
        (p.name, p.default, p.kind) for p in theirs.values()
    ]


def test_linear_cross_entropy_differs_from_torch_in_one_default() -> None:
    if not hasattr(F, "linear_cross_entropy"):
        pytest.skip("this torch has no linear_cross_entropy")
    ours = inspect.signature(door.linear_cross_entropy).parameters
    theirs = inspect.signature(F.linear_cross_entropy).parameters
    assert [(p.name, p.kind) for p in ours.values()] == [(p.name, p.kind) for p in theirs.values()]
    differing = {k for k in ours if ours[k].default != theirs[k].default}
    assert differing == {"ignore_index"} and ours["ignore_index"].default == -100


def test_logsumexp_has_the_parameters_of_torch_but_out() -> None:
    stated = torch.logsumexp.__doc__.split("\n")[1]  # a builtin without a signature
    assert stated.startswith("logsumexp(input, dim, keepdim=False, *, out=None)")
    ours = inspect.signature(door.logsumexp).parameters
    assert [(p.name, p.default) for p in ours.values()] == [
        ("input", inspect.Parameter.empty),
        ("dim", inspect.Parameter.empty),
        ("keepdim", False),
    ]


@pytest.mark.parametrize("name", [name for name in door.__all__ if name.endswith("Loss")])
def test_constructors_are_those_of_torch(name: str) -> None:
    if not hasattr(torch.nn, name):
        pytest.skip(f"this torch has no {name}")
    ours = inspect.signature(getattr(door, name)).parameters
    theirs = inspect.signature(getattr(torch.nn, name)).parameters
    assert [(p.name, p.default, p.kind) for p in ours.values()] == [
        (p.name, p.default, p.kind) for p in theirs.values()
    ]


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_results_are_softxents_to_the_bit(reduction: str, dtype: object) -> None:
    x, t = logits(6, 9, dtype=dtype).requires_grad_(), labels(6, 9)
    loss = door.cross_entropy(x, t, reduction=reduction)
    loss.sum().backward()
    raw = x.detach().view(torch.uint16).numpy() if dtype is torch.bfloat16 else x.detach().numpy()
    if dtype is torch.bfloat16:
        raw = raw.view(pytest.importorskip("ml_dtypes").bfloat16)
    expected, grad = sx.cross_entropy_and_grad(raw, t.numpy(), reduction=reduction)
    assert loss.dtype is dtype and x.grad.dtype is dtype
    assert torch.equal(loss.detach(), torch.from_numpy(np.asarray(expected)).to(dtype))
    assert np.array_equal(bits(x.grad), np.asarray(grad).reshape(-1).view(np.uint8))


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_softmax_and_its_relatives_are_softxents_to_the_bit(dtype: object) -> None:
    x = logits(4, 33, dtype=dtype)
    numbers = x.double().numpy()
    for name in ("softmax", "log_softmax", "logsumexp"):
        got = getattr(door, name)(x, 1)
        assert got.dtype is dtype
        if dtype in (torch.float32, torch.float64):
            expected = getattr(sx, name)(x.numpy(), 1)
            assert np.array_equal(got.numpy(), expected)
        wide = torch.from_numpy(np.asarray(getattr(sx, name)(numbers, 1)))
        assert torch.allclose(got.double(), wide, rtol=torch.finfo(dtype).eps, atol=1e-7)


def test_neither_logits_nor_results_are_copied() -> None:
    from softxent.torch._tensors import array, tensor

    for dtype in FLOATS:
        x = logits(3, 5, dtype=dtype)
        view = array(x)
        assert view.ctypes.data == x.data_ptr() and view.dtype.name == str(dtype)[6:]
        back = tensor(view)
        assert back.data_ptr() == x.data_ptr() and back.dtype is dtype


def test_a_gradient_is_given_away_and_not_copied() -> None:
    """Autograd copies a gradient that somebody else holds; the pool would hold it, then."""
    x = torch.randn(600, 16384, requires_grad=True)  # beyond 32 MB
    t = torch.zeros(600, dtype=torch.int64)
    door.cross_entropy(x, t).backward()
    address = x.grad.data_ptr()
    for _ in range(2):
        x.grad = None
        door.cross_entropy(x, t).backward()
        assert x.grad.data_ptr() == address


LAYOUTS = {
    "transposed": lambda x: x.t().contiguous().t(),
    "every second": lambda x: torch.stack([x, -x], 2).reshape(x.shape[0], -1)[:, ::2],
    "offset": lambda x: torch.cat([torch.zeros(1), x.reshape(-1)])[1:].view(x.shape),
    "negated": lambda x: torch._neg_view(-x),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_do_not_change_a_bit(layout: str) -> None:
    plain, t = logits(7, 11), labels(7, 11)
    results = []
    for x in (plain, LAYOUTS[layout](plain)):
        assert torch.equal(x, plain)
        x = x.detach().requires_grad_()
        loss = door.cross_entropy(x, t)
        (grad,) = torch.autograd.grad(loss, x)
        results.append([loss, grad, door.softmax(x, 1), door.logsumexp(x, 1)])
    assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))


def test_expanded_inputs() -> None:
    row, t = logits(5).requires_grad_(), labels(4, 5)
    door.cross_entropy(row.expand(4, 5), t).backward()
    expected = row.grad.clone()
    row.grad = None
    door.cross_entropy(row.expand(4, 5).contiguous(), t).backward()
    assert torch.equal(row.grad, expected)
    for dim in (0, 1):
        expanded = door.softmax(row.expand(4, 5), dim)
        assert torch.equal(expanded, door.softmax(row.expand(4, 5).contiguous(), dim))


def test_labels_may_be_strided_and_of_any_integer() -> None:
    x, t = logits(6, 5), labels(6, 5)
    expected = door.cross_entropy(x, t)
    dtypes = (torch.uint8, torch.int32, torch.uint16, torch.uint32, torch.uint64)
    for other in (t.repeat_interleave(2)[::2], *(t.to(d) for d in dtypes)):
        assert torch.equal(door.cross_entropy(x, other), expected)
        leaf = x.clone().requires_grad_()
        for function in (door.cross_entropy, door.nll_loss):
            (gradient,) = torch.autograd.grad(function(leaf, t), leaf)
            (found,) = torch.autograd.grad(function(leaf, other), leaf)
            assert torch.equal(found, gradient)


def test_a_huge_unsigned_label_is_not_the_ignored_one() -> None:
    for function in (door.cross_entropy, door.nll_loss):
        target = torch.tensor([0, 2**64 - 100], dtype=torch.uint64)
        message = rf"label {2**64 - 100} at index \(1,\) is not in \[0, 5\)"
        for ignored in (-100, 2**63 - 1):
            with pytest.raises(IndexError, match=message):
                function(logits(2, 5), target, ignore_index=ignored)
        pictures = torch.stack([torch.zeros(2, dtype=torch.uint64), target], 1)  # (N, d)
        with pytest.raises(IndexError, match=rf"label {2**64 - 100} at index \(1, 1\)"):
            function(logits(4, 5).reshape(2, 5, 2), pictures)
    with pytest.raises(IndexError, match=rf"label {2**63} at index \(\) is not in \[0, 5\)"):
        door.cross_entropy(logits(1, 5)[0], torch.tensor(2**63, dtype=torch.uint64))
    with pytest.raises(IndexError, match=rf"label {2**63} at index \(0,\) is not in \[0, 3\)"):
        hidden, layer = torch.zeros(1, 2), torch.zeros(3, 2)
        door.linear_cross_entropy(hidden, layer, torch.tensor([2**63], dtype=torch.uint64))
    with pytest.raises(ValueError, match="Expected target size"):
        door.cross_entropy(torch.zeros(2, 5, 3), target)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_nothing_to_compute(reduction: str) -> None:
    x, t = torch.empty(0, 5, requires_grad=True), torch.empty(0, dtype=torch.int64)
    loss, expected = (f(x, t, reduction=reduction) for f in (door.cross_entropy, F.cross_entropy))
    assert torch.equal(loss.isnan(), expected.isnan()) and loss.shape == expected.shape
    loss.sum().backward()
    assert x.grad.shape == (0, 5)
    ignored = torch.full((3,), -100)
    x = logits(3, 5).requires_grad_()
    loss = door.cross_entropy(x, ignored, reduction=reduction)
    loss.sum().backward()
    assert bool(loss.isnan().all()) == (reduction == "mean") and not x.grad.any()
    empty = torch.empty(0, 5, requires_grad=True)
    door.binary_cross_entropy_with_logits(empty, empty.detach(), reduction=reduction)


def test_softmax_of_no_dimension_and_of_no_element() -> None:
    scalar = torch.tensor(2.0, requires_grad=True)
    for name, value, slope in (("softmax", 1, 0), ("log_softmax", 0, 0), ("logsumexp", 2, 1)):
        result = getattr(door, name)(scalar, 0)
        assert result.item() == value and result.shape == ()
        (grad,) = torch.autograd.grad(result, scalar)
        assert grad.item() == slope
    for shape in ((3, 0), (0, 3)):
        x = torch.empty(shape, requires_grad=True)
        assert door.softmax(x, 1).shape == shape
        door.log_softmax(x, 1).sum().backward()
        assert x.grad.shape == shape
    assert torch.equal(door.logsumexp(torch.empty(2, 0), 1), torch.full((2,), -torch.inf))


def test_a_single_sample_has_its_classes_first() -> None:
    x = logits(5)
    for target in (torch.tensor(2), torch.tensor([2])):
        assert torch.allclose(door.cross_entropy(x, target), F.cross_entropy(x, target))
    p = torch.softmax(logits(5), 0)
    assert torch.allclose(door.cross_entropy(x, p), F.cross_entropy(x, p))


def test_inference_mode() -> None:
    with torch.inference_mode():
        x = logits(3, 4)
        assert door.cross_entropy(x, labels(3, 4)).is_inference()
    assert not door.cross_entropy(x, labels(3, 4)).requires_grad


@pytest.mark.parametrize(("size_average", "reduce"), [(None, False), (False, None), (True, True)])
def test_old_arguments_work_and_warn_as_in_torch(size_average: object, reduce: object) -> None:
    x, t = logits(4, 5), labels(4, 5)
    results = []
    for function in (door.cross_entropy, F.cross_entropy):
        with pytest.warns(UserWarning, match="size_average and reduce args will be deprecated"):
            results.append(function(x, t, None, size_average, -100, reduce))
    assert torch.allclose(*results)


def test_an_almost_certain_row_keeps_its_digits() -> None:
    x = torch.tensor([[20.0, 0.0, 0.0]], requires_grad=True)
    loss = door.cross_entropy(x, torch.tensor([0]))
    loss.backward()
    exact = float(np.log1p(2 * np.exp(-20.0)))
    assert loss.item() == pytest.approx(exact, rel=2e-7)
    assert x.grad[0, 0].item() == pytest.approx(-exact, rel=3e-7)
    lost = torch.tensor([[20.0, 0.0, 0.0]], requires_grad=True)
    F.cross_entropy(lost, torch.tensor([0])).backward()
    assert lost.grad[0, 0].item() == 0.0


@pytest.mark.parametrize("name", [*FUNCTIONS, "logsumexp", "linear_cross_entropy"])
def test_docstring_examples(name: str) -> None:
    examples = doctest.DocTestFinder(recurse=False).find(getattr(door, name), name, globs={})
    results = doctest.DocTestRunner().run(examples[0])
    assert results.attempted and not results.failed


def test_importing_softxent_does_not_import_torch(run_python) -> None:
    code = "import sys, softxent; assert 'torch' not in sys.modules; print(softxent.torch.__name__)"
    assert run_python(code).strip() == "softxent.torch"


def test_without_torch_the_error_names_the_extra(run_python) -> None:
    code = """
import sys
sys.modules["torch"] = None
sys.meta_path.insert(0, type("No", (), {"find_spec": staticmethod(lambda name, *_: (
    (_ for _ in ()).throw(ModuleNotFoundError(name, name=name)) if name == "torch" else None))}))
del sys.modules["torch"]
try:
    import softxent.torch
except ImportError as error:
    print(error)
"""
    assert run_python(code).strip() == "softxent.torch needs torch: pip install 'softxent[torch]'"
