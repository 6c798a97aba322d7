"""softxent.torch: the compiled call of cross-entropy beside the general path."""

from __future__ import annotations

import ctypes
import itertools
from collections.abc import Iterator

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: softxent.torch needs it")

import softxent.torch as door  # noqa: E402
from softxent._core.binding import TensorCalls  # noqa: E402
from softxent.torch import _everyday, _losses  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_torch_thread")

TABLE = getattr(torch.Tensor, "__dlpack_c_exchange_api__", None)
needs_table = pytest.mark.skipif(TABLE is None, reason="this torch has no exchange table")

FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
NUMBERS = [torch.zeros((), dtype=dtype) for dtype in (torch.float32, torch.float64)]


def calls(table: object) -> TensorCalls:
    return TensorCalls(table, torch.empty_like, *NUMBERS)


def logits(*shape: int, dtype: object = torch.float32) -> object:
    generator = torch.Generator().manual_seed(sum(shape))
    return (3 * torch.randn(*shape, generator=generator)).to(dtype)


def labels(n: int, classes: int) -> object:
    return torch.arange(n) * 7 % classes


def taken(x: object, t: object, *options: object) -> bool:
    """Whether the compiled call takes these arguments."""
    found = calls(TABLE).cross_entropy(x, t, *(options or ("mean", -100, 0.0)), True)
    return found is not None


@pytest.fixture
def without_table(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for module in (_everyday, _losses):
        monkeypatch.setattr(module, "tensor_calls", lambda: calls(None))
    yield


def step(x: object, t: object, **options: object) -> tuple[object, object]:
    x = x.detach().requires_grad_()
    losses = door.cross_entropy(x, t, **options)
    losses.sum().backward()
    with torch.no_grad():
        again = door.cross_entropy(x, t, **options)
        assert torch.allclose(again, losses, rtol=0, atol=0, equal_nan=True)
    return losses.detach(), x.grad


CASES = list(
    itertools.product(FLOATS, ("mean", "sum", "none"), (0.0, 0.1), ((1, 1), (1, 10), (130, 100)))
)


def results() -> list[tuple[object, object]]:
    return [
        step(
            logits(*shape, dtype=dtype), labels(*shape), reduction=reduction,
            label_smoothing=smoothing, ignore_index=3,
        )
        for dtype, reduction, smoothing, shape in CASES
    ]  # fmt: skip


@needs_table
def test_both_ways_give_the_same_bits(request: pytest.FixtureRequest) -> None:
    everyday = results()
    for dtype, reduction, smoothing, shape in CASES:
        assert taken(logits(*shape, dtype=dtype), labels(*shape), reduction, 3, smoothing)
    request.getfixturevalue("without_table")
    for case, one, other in zip(CASES, everyday, results(), strict=True):
        for a, b in zip(one, other, strict=True):
            assert a.dtype is b.dtype is case[0] and a.shape == b.shape
            assert torch.equal(a, b), case


def test_without_the_table_all_is_left_to_the_general_path(without_table: None) -> None:
    x, t = logits(5, 4), labels(5, 4)
    assert calls(None).cross_entropy(x, t, "mean", -100, 0.0, True) is None
    assert not calls(None).is_one(torch.ones(()))
    _, grad = step(x, t)
    x.requires_grad_()
    torch.nn.functional.cross_entropy(x, t).backward()
    assert torch.allclose(grad, x.grad, rtol=1e-5, atol=1e-7)


class _Table(ctypes.Structure):
    _fields_ = [("major", ctypes.c_uint32), ("rest", ctypes.c_uint32 * 32)]


@needs_table
def test_a_table_of_another_layout_is_not_used() -> None:
    text, address = ctypes.c_char_p, ctypes.c_void_p
    new, given = ctypes.pythonapi.PyCapsule_New, ctypes.pythonapi.PyCapsule_GetPointer
    new.restype, new.argtypes = ctypes.py_object, (address, text, address)
    given.restype, given.argtypes = address, (ctypes.py_object, text)
    name = b"dlpack_exchange_api"
    other = _Table.from_buffer_copy(ctypes.string_at(given(TABLE, name), ctypes.sizeof(_Table)))
    x, t = logits(2, 3), labels(2, 3)
    for major, taken_then in ((1, True), (2, False)):
        other.major = major
        found = calls(new(ctypes.addressof(other), name, None))
        assert (found.cross_entropy(x, t, "mean", -100, 0.0, True) is not None) is taken_then
    renamed = calls(new(ctypes.addressof(other), b"another", None))
    assert renamed.cross_entropy(x, t, "mean", -100, 0.0, True) is None


def misaligned(t: object) -> object:
    memory = bytearray(8 * len(t) + 1)
    moved = torch.frombuffer(memory, dtype=torch.int64, count=len(t), offset=1)
    return moved.copy_(t)


DECLINED = {
    "transposed logits": lambda x, t: (x.t().contiguous().t(), t),
    "rows with gaps": lambda x, t: (torch.cat([x, x], 1)[:, : x.shape[1]], t),
    "rows that are one": lambda x, t: (x[:1].expand_as(x), t),
    "negated logits": lambda x, t: (torch._neg_view(-x), t),
    "zeros without memory": lambda x, t: (torch._efficientzerotensor(x.shape), t),
    "strided labels": lambda x, t: (x, torch.stack([t, t], 1)[:, 0]),
    "misaligned labels": lambda x, t: (x, misaligned(t)),
    "int32 labels": lambda x, t: (x, t.int()),
    "negated labels": lambda x, t: (x, torch._neg_view(-t)),
    "probabilities": lambda x, t: (x, torch.softmax(-x, 1)),
    "no row": lambda x, t: (x[:0], t[:0]),
    "images": lambda x, t: (x[..., None], t[:, None]),
    "one sample": lambda x, t: (x[0], t[0]),
    "more than 32 MB": lambda x, t: (x[:1].repeat(1025, 2048), t[:1].expand(1025).contiguous()),
}


@needs_table
@pytest.mark.parametrize("name", DECLINED)
def test_what_is_not_plain_is_declined_and_right(name: str) -> None:
    plain = logits(6, 4), labels(6, 4)
    assert taken(*plain)
    x, t = DECLINED[name](*plain)
    assert not taken(x, t)
    loss, grad = step(x, t)
    wide = x.detach().double().clone().requires_grad_()
    expected = torch.nn.functional.cross_entropy(wide, t if t.is_floating_point() else t.long())
    expected.backward()
    assert torch.allclose(loss.double(), expected.detach(), rtol=1e-6, equal_nan=True)
    assert torch.allclose(grad.double(), wide.grad, rtol=1e-5, atol=1e-7)


@needs_table
def test_what_has_no_memory_and_odd_options_are_declined() -> None:
    x, t = logits(6, 4), labels(6, 4)
    for other in (x.to_sparse(), x.to("meta"), torch._to_functional_tensor(x), x.int(), x.numpy()):
        assert not taken(other, t)
    for options in (
        ("Mean", -100, 0.0), (None, -100, 0.0), ("mean", None, 0.0), ("mean", True, 0.0),
        ("mean", 1 << 63, 0.0), ("mean", -100, 0), ("mean", -100, 1.5),
        ("mean", -100, float("nan")),
    ):  # fmt: skip
        assert not taken(x, t, *options)


@needs_table
def test_a_wrong_label_is_the_general_paths_error() -> None:
    x, t = logits(6, 4).requires_grad_(), labels(6, 4)
    t[3] = 4
    assert not taken(x, t)
    with pytest.raises(IndexError, match=r"label 4 at index \(3,\) is not in \[0, 4\)"):
        door.cross_entropy(x, t)


class _Odd(torch.overrides.TorchFunctionMode):
    """Makes other tensors than those asked for."""

    def __init__(self, result: object) -> None:
        self.result = result
        super().__init__()

    def __torch_function__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        return self.result if func is torch.empty_like else func(*args, **(kwargs or {}))


@needs_table
@pytest.mark.parametrize(
    "result", [torch.zeros(1), torch.zeros(2, 300), torch.zeros((300, 200)).double(), None, "x"]
)
def test_results_of_another_kind_are_not_written_to(result: object) -> None:
    x, t = logits(300, 200), labels(300, 200)
    loss, grad = step(x, t)
    with _Odd(result):
        assert not taken(x, t) and not taken(x, t, "none", -100, 0.0)
        found = step(x, t)
    assert torch.equal(found[0], loss) and torch.equal(found[1], grad)
    assert not isinstance(result, torch.Tensor) or not result.any()


@needs_table
def test_a_gradient_is_handed_over_where_its_factor_is_one() -> None:
    x, t = logits(6, 4).requires_grad_(), labels(6, 4)
    for factor in (torch.ones(()), torch._neg_view(-torch.ones(())), torch.ones(1)[0]):
        (grad,) = torch.autograd.grad(door.cross_entropy(x, t), x, factor)
        _, made = calls(TABLE).cross_entropy(x, t, "mean", -100, 0.0, True)
        assert torch.equal(grad, made)
    for factor in (torch._neg_view(torch.ones(())), torch.tensor(2.0)):
        (scaled,) = torch.autograd.grad(door.cross_entropy(x, t), x, factor)
        assert torch.equal(scaled, factor * grad)


@needs_table
def test_the_number_one_is_told_from_what_looks_like_it() -> None:
    is_one = calls(TABLE).is_one
    for dtype in (torch.float32, torch.float64):
        assert is_one(torch.ones((), dtype=dtype))
        assert not is_one(torch.full((), 1.0 + torch.finfo(dtype).eps, dtype=dtype))
    assert not is_one(torch._neg_view(torch.ones(()))) and not is_one(torch.ones(1))
    assert not is_one(torch.ones((), dtype=torch.int64)) and not is_one(torch.zeros(()))
    assert not is_one(1.0) and not is_one(torch.ones((), device="meta"))


@needs_table
def test_a_small_gradient_is_not_copied_on_its_way(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[object] = []

    def recorded(*given: object, **options: object) -> object:
        made.append(torch.empty_like(*given, **options))
        return made[-1]

    shared = TensorCalls(TABLE, recorded, *NUMBERS)
    for module in (_everyday, _losses):
        monkeypatch.setattr(module, "tensor_calls", lambda: shared)
    x, t = logits(6, 4).requires_grad_(), labels(6, 4)
    loss = door.cross_entropy(x, t)
    addresses = [tensor.data_ptr() for tensor in made]
    made.clear()
    loss.backward()
    assert loss.data_ptr() in addresses and x.grad.data_ptr() in addresses
