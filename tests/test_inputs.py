"""What may be passed, and the errors for what may not: they name the value, and write nothing."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest

import softxent as sx
from reference.dtypes import BFLOAT16, DTYPES, cast

X = np.random.default_rng(7).normal(size=(4, 3, 5))
LABELS = np.array([[0, 1, 2], [4, 3, 2], [1, 1, 0], [2, 0, 4]])

ARRAY_FUNCTIONS = [sx.softmax, sx.log_softmax, sx.logsumexp, sx.sigmoid, sx.log_sigmoid]

# Everything that reads a floating array, as a function of that array alone.
CALLS = {
    **{function.__name__: function for function in ARRAY_FUNCTIONS},
    "softmax_grad": lambda x: sx.softmax_grad(x, x),
    "log_softmax_grad": lambda x: sx.log_softmax_grad(x, x),
    "cross_entropy": lambda x: sx.cross_entropy(x, LABELS),
    "cross_entropy soft": lambda x: sx.cross_entropy(x, x),
    "cross_entropy_grad": lambda x: sx.cross_entropy_grad(x, LABELS),
    "cross_entropy_grad soft": lambda x: sx.cross_entropy_grad(x, x),
    "cross_entropy_grad_hess": lambda x: sx.cross_entropy_grad_hess(x, LABELS)[1],
    "nll_loss": lambda x: sx.nll_loss(x, LABELS),
    "binary_cross_entropy": lambda x: sx.binary_cross_entropy_and_grad(x, x > 0)[1],
}


def layouts(x: np.ndarray) -> dict[str, np.ndarray]:
    """The same values in every memory layout."""
    wide = np.zeros((*x.shape[:-1], 2 * x.shape[-1]), x.dtype)
    wide[..., ::2] = x
    buffer = np.zeros(x.nbytes + 1, np.uint8)
    unaligned = buffer[1:].view(x.dtype).reshape(x.shape)
    unaligned[...] = x
    read_only = x.copy()
    read_only.flags.writeable = False
    return {
        "Fortran order": np.asfortranarray(x),
        "every second element": wide[..., ::2],
        "negative strides": np.ascontiguousarray(x[::-1, :, ::-1])[::-1, :, ::-1],
        "unaligned": unaligned,
        "read-only": read_only,
        "transposed": np.ascontiguousarray(x.transpose(2, 0, 1)).transpose(1, 2, 0),
    }


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("layout", layouts(X))
@pytest.mark.parametrize("call", CALLS)
def test_layout_does_not_change_a_bit(call: str, layout: str, dtype: np.dtype) -> None:
    x = cast(X, dtype)
    view = layouts(x)[layout]
    assert np.array_equal(view, x)
    assert np.array_equal(CALLS[call](view), CALLS[call](x))
    assert np.array_equal(view, x), "the input was written to"


def test_broadcast_input() -> None:
    x = np.broadcast_to(X[:1, :1], (4, 3, 5))
    assert np.array_equal(sx.softmax(x), sx.softmax(x.copy()))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("call", CALLS)
def test_byte_order_is_converted(call: str, dtype: type) -> None:
    x = X.astype(dtype)
    result = CALLS[call](x.astype(x.dtype.newbyteorder()))
    assert result.dtype.isnative
    assert np.array_equal(result, CALLS[call](x))


def test_byte_order_of_labels_is_converted() -> None:
    swapped = LABELS.astype(np.dtype(np.int64).newbyteorder())
    assert sx.cross_entropy(X, swapped) == sx.cross_entropy(X, LABELS)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16, np.uint32, np.int64, np.uint64])
def test_cross_entropy_labels_of_any_integer_dtype(dtype: type) -> None:
    assert sx.cross_entropy(X, LABELS.astype(dtype)) == sx.cross_entropy(X, LABELS)


def test_sequences_and_scalars() -> None:
    assert sx.softmax([0, 0]).tolist() == [0.5, 0.5]
    assert sx.softmax(((0.0,), (0.0,)), axis=0).tolist() == [[0.5], [0.5]]
    assert sx.cross_entropy([0, 0], 1) == np.log(2)
    assert sx.sigmoid(0) == 0.5


@pytest.mark.parametrize(
    "value",
    [
        np.zeros(3, complex),
        np.array([None, 1]),
        np.array(["a"]),
        np.zeros(3, "M8[s]"),
        np.zeros(3, "m8[s]"),
        np.zeros(3, "V4"),
    ],
    ids=["complex", "object", "str", "datetime", "timedelta", "void"],
)
@pytest.mark.parametrize("function", ARRAY_FUNCTIONS)
def test_dtypes_that_are_no_numbers_are_named(function, value: np.ndarray) -> None:
    with pytest.raises(TypeError, match=str(value.dtype).replace("[", r"\[").replace("<", "")):
        function(value)


def test_masked_arrays_are_refused() -> None:
    masked = np.ma.masked_array([1.0, 2.0], mask=[True, False])
    for function in ARRAY_FUNCTIONS:
        with pytest.raises(TypeError, match=r"masked.*where"):
            function(masked)
    with pytest.raises(TypeError, match="masked"):
        sx.cross_entropy([[1.0, 2.0]], np.ma.masked_array([0], mask=[True]))


def test_subclasses_and_memoryviews() -> None:
    class Subclass(np.ndarray):
        """An array that behaves as any other."""

    assert np.array_equal(sx.softmax(X.view(Subclass)), sx.softmax(X))
    assert np.array_equal(sx.softmax(memoryview(X[0, 0].copy())), sx.softmax(X[0, 0]))


@pytest.fixture
def torch() -> ModuleType:
    return pytest.importorskip("torch", reason="torch is not installed: its tensors are not read")


def test_torch_tensors_are_read_in_place(torch: ModuleType) -> None:
    x, labels = torch.from_numpy(X), torch.from_numpy(LABELS)
    assert np.array_equal(sx.softmax(x), sx.softmax(X))
    assert sx.cross_entropy(x, labels) == sx.cross_entropy(X, LABELS)
    moved = sx.softmax(x.permute(2, 0, 1), axis=0)
    assert np.array_equal(moved, sx.softmax(X.transpose(2, 0, 1), axis=0))


def test_torch_bfloat16_tensor_says_what_to_do(torch: ModuleType) -> None:
    with pytest.raises(TypeError, match=r"(?i)bfloat16.*float"):
        sx.softmax(torch.zeros(3, dtype=torch.bfloat16))


def test_torch_tensor_that_requires_grad_says_what_to_do(torch: ModuleType) -> None:
    with pytest.raises(TypeError, match=r"detach"):
        sx.softmax(torch.zeros(3, requires_grad=True))


def test_dlpack_without_array_interface() -> None:
    class Capsule:
        """An array that speaks DLPack alone."""

        def __dlpack__(self, **options: object) -> object:
            return X.__dlpack__(**options)

        def __dlpack_device__(self) -> tuple[int, int]:
            return X.__dlpack_device__()

    assert np.array_equal(sx.softmax(Capsule()), sx.softmax(X))


@pytest.mark.parametrize("axis", [3, -4, (0, 5)])
def test_axis_out_of_range(axis) -> None:
    for function in (sx.softmax, sx.log_softmax, sx.logsumexp):
        with pytest.raises(np.exceptions.AxisError, match=r"axis (3|-4|5)"):
            function(X, axis=axis)
    if isinstance(axis, int):
        with pytest.raises(np.exceptions.AxisError):
            sx.cross_entropy(X, LABELS, axis=axis)


def test_axis_of_the_wrong_kind() -> None:
    with pytest.raises(TypeError, match=r"axis is 1\.5"):
        sx.softmax(X, axis=1.5)
    with pytest.raises(ValueError, match=r"twice|duplicate|repeated"):
        sx.softmax(X, axis=(0, 0))
    for function in (sx.cross_entropy, sx.nll_loss):
        with pytest.raises(TypeError, match="axis is None"):
            function(X, LABELS, axis=None)


# (options, exception, pattern with the offending value)
CROSS_ENTROPY_ERRORS = [
    ({"reduction": "max"}, ValueError, "max"),
    ({"reduction": None}, ValueError, "None"),
    ({"label_smoothing": 1.5}, ValueError, "1.5"),
    ({"label_smoothing": -0.25}, ValueError, "-0.25"),
    ({"label_smoothing": np.nan}, ValueError, "nan"),
    ({"weight": [1, 1, 1, 1]}, ValueError, r"\(4,\).*\(5,\)"),
    ({"weight": [1, 1, -2, 1, 1]}, ValueError, "-2"),
    ({"weight": [1, 1, np.nan, 1, 1]}, ValueError, "nan"),
    ({"weight": [1, 1, np.inf, 1, 1]}, ValueError, "inf"),
    ({"weight": ["a"] * 5}, TypeError, "U1"),
    ({"sample_weight": np.ones(4)}, ValueError, r"\(4,\).*\(4, 3\)"),
    ({"sample_weight": -np.ones((4, 3))}, ValueError, "-1"),
    ({"sample_weight": np.full((4, 3), np.nan)}, ValueError, "nan"),
    ({"ignore_index": 1.5}, TypeError, "1.5"),
    ({"softcap": 0.0}, ValueError, "0"),
    ({"softcap": -3.0}, ValueError, "-3"),
    ({"logit_scale": np.inf}, ValueError, "inf"),
    ({"z_loss": np.nan}, ValueError, "nan"),
    ({"from_logits": False, "z_loss": 0.1}, ValueError, "from_logits"),
    ({"from_logits": False, "logit_scale": 2.0}, ValueError, "from_logits"),
    ({"from_logits": False, "softcap": 2.0}, ValueError, "from_logits"),
]


@pytest.mark.parametrize(
    ("options", "error", "pattern"), CROSS_ENTROPY_ERRORS, ids=lambda v: str(v)[:40]
)
def test_cross_entropy_option_errors_write_nothing(options, error, pattern: str) -> None:
    out = np.full(X.shape, 7.0)
    with pytest.raises(error, match=pattern):
        sx.cross_entropy_and_grad(X, LABELS, out=out, **options)
    assert np.all(out == 7.0)
    with pytest.raises(error, match=pattern):
        sx.cross_entropy(X, LABELS, **options)


@pytest.mark.parametrize("label", [5, -1, -101, 2**40, -(2**40)])
@pytest.mark.parametrize("position", [(0, 0), (3, 2), (1, 1)])
def test_cross_entropy_label_out_of_range(label: int, position: tuple[int, int]) -> None:
    target = LABELS.copy()
    target[position] = label
    out = np.full(X.shape, 7.0)
    place = rf"{label}\b.*\({position[0]}, {position[1]}\).*\[0, 5\)"
    with pytest.raises(IndexError, match=place):
        sx.cross_entropy_and_grad(X, target, out=out)
    assert np.all(out == 7.0)
    with pytest.raises(IndexError, match=place):
        sx.cross_entropy(X, target)


def test_cross_entropy_label_beyond_int64() -> None:
    target = LABELS.astype(np.uint64)
    target[0, 0] = 2**64 - 100  # wraps to the default ignore_index
    with pytest.raises(IndexError, match=str(2**64 - 100)):
        sx.cross_entropy(X, target)


def test_cross_entropy_target_errors() -> None:
    with pytest.raises(ValueError, match=r"\(4,\).*\(4, 3\)"):
        sx.cross_entropy(X, np.zeros(4, int))
    with pytest.raises(ValueError, match=r"\(4, 3\).*\(4, 3, 5\)"):
        sx.cross_entropy(X, np.zeros((4, 3)))
    with pytest.raises(ValueError, match=r"ignore_index.*2"):
        sx.cross_entropy(X, np.ones(X.shape), ignore_index=2)
    for dtype in (complex, object, "U1", "M8[s]"):
        with pytest.raises(TypeError, match="dtype"):
            sx.cross_entropy(X, np.zeros((4, 3)).astype(dtype))


def test_cross_entropy_grad_output_errors() -> None:
    with pytest.raises(ValueError, match=r"\(5,\).*\(4, 3\)"):
        sx.cross_entropy_grad(X, LABELS, np.ones(5), reduction="none")
    with pytest.raises(ValueError, match=r"\(4, 3\)"):
        sx.cross_entropy_grad(X, LABELS, np.ones((4, 3)), reduction="mean")


def test_zero_dimensional_logits_are_refused_by_losses() -> None:
    with pytest.raises((ValueError, np.exceptions.AxisError)):
        sx.cross_entropy(1.0, 0)


def test_where_errors() -> None:
    with pytest.raises(TypeError, match="int64"):
        sx.softmax(X, where=np.ones(5, np.int64))
    with pytest.raises(ValueError, match=r"\(6,\)"):
        sx.softmax(X, where=np.ones(6, bool))


def test_binary_cross_entropy_errors() -> None:
    x, t = X, (X > 0).astype(float)
    with pytest.raises(ValueError, match=r"\(3, 5\).*\(4, 3, 5\)"):
        sx.binary_cross_entropy(x, t[0])
    with pytest.raises(ValueError, match="-2"):
        sx.binary_cross_entropy(x, t, weight=-2.0)
    with pytest.raises(ValueError, match="nan"):
        sx.binary_cross_entropy(x, t, pos_weight=np.nan)
    with pytest.raises(ValueError, match=r"\(7,\)"):
        sx.binary_cross_entropy(x, t, weight=np.ones(7))
    with pytest.raises(ValueError, match="average"):
        sx.binary_cross_entropy(x, t, reduction="average")
    with pytest.raises(TypeError, match="complex"):
        sx.binary_cross_entropy(x, t.astype(complex))


def test_vector_jacobian_product_errors() -> None:
    for function in (sx.softmax_grad, sx.log_softmax_grad):
        with pytest.raises(ValueError, match=r"\(3, 5\).*\(4, 3, 5\)"):
            function(X[0], X)


def test_linear_cross_entropy_errors() -> None:
    hidden, weight = np.zeros((6, 4)), np.zeros((5, 4))
    target = np.zeros(6, int)
    with pytest.raises(ValueError, match=r"\(5, 3\)"):
        sx.linear_cross_entropy(hidden, weight[:, :3], target)
    with pytest.raises(ValueError, match=r"\(4,\).*\(5,\)"):
        sx.linear_cross_entropy(hidden, weight, target, bias=np.zeros(4))
    with pytest.raises(IndexError, match=r"9.*\(2,\).*\[0, 5\)"):
        sx.linear_cross_entropy(hidden, weight, np.array([0, 0, 9, 0, 0, 0]))


FLAG_CALLS = {
    **CALLS,
    "cross_entropy": lambda x: sx.cross_entropy(x, np.zeros(len(x), int)),
    "cross_entropy soft": lambda x: sx.cross_entropy(x, x),
    "cross_entropy_grad": lambda x: sx.cross_entropy_grad(x, np.zeros(len(x), int)),
    "cross_entropy_grad soft": lambda x: sx.cross_entropy_grad(x, x),
    "cross_entropy_grad_hess": lambda x: sx.cross_entropy_grad_hess(x, np.zeros(len(x), int)),
    "cross_entropy options": lambda x: sx.cross_entropy_and_grad(
        x, np.zeros(len(x), int), z_loss=0.1, logit_scale=3.0, softcap=1.0, label_smoothing=0.1
    ),
    "nll_loss": lambda x: sx.nll_loss_and_grad(x, np.zeros(len(x), int)),
    "binary_cross_entropy": lambda x: sx.binary_cross_entropy_and_grad(x, np.ones(x.shape, bool)),
}


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("call", FLAG_CALLS)
def test_floating_point_flags_do_not_leak(call: str, dtype: np.dtype) -> None:
    """Overflow, underflow and invalid operations inside are nobody's business outside."""
    values = [[1e308, -1e308, 0, -745.1, np.nan, np.inf, -np.inf, 5e-324]]
    with np.errstate(all="ignore"):
        x = np.array(values).astype(dtype)
    for row in (x, x[:, :4], x[:, [2, 6]], x[:, [2, 3]]):
        with np.errstate(all="raise"):
            FLAG_CALLS[call](row)


def test_bfloat16_round_trip() -> None:
    x = cast(X, BFLOAT16)
    assert sx.softmax(x).dtype == BFLOAT16
    exact = sx.softmax(x.astype(np.float64))
    assert np.array_equal(sx.softmax(x), exact.astype(BFLOAT16))


@pytest.mark.parametrize("function", ARRAY_FUNCTIONS)
@pytest.mark.parametrize("kind", ["csr_array", "csr_matrix", "coo_array"])
def test_sparse_arrays_are_refused_with_what_to_do(kind: str, function) -> None:
    sparse = pytest.importorskip("scipy.sparse", reason="SciPy is not installed")
    with pytest.raises(TypeError, match=rf"x is a sparse {kind} of SciPy.*pass it as \.toarray"):
        function(getattr(sparse, kind)(np.eye(3)))
