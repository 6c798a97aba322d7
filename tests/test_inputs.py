"""What may be passed, and the errors for what may not: they name the value, and write nothing."""

from __future__ import annotations

import numpy as np
import pytest
import softxent as sx
from reference.dtypes import BFLOAT16, DTYPES, cast

X = np.random.default_rng(7).normal(size=(4, 3, 5))
LABELS = np.array([[0, 1, 2], [4, 3, 2], [1, 1, 0], [2, 0, 4]])

ARRAY_FUNCTIONS = [sx.softmax, sx.log_softmax, sx.logsumexp, sx.sigmoid, sx.log_sigmoid]


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
def test_layout_does_not_change_a_bit(layout: str, dtype: np.dtype) -> None:
    x = cast(X, dtype)
    view = layouts(x)[layout]
    assert np.array_equal(view, x)
    for function in ARRAY_FUNCTIONS:
        assert np.array_equal(function(view), function(x)), function.__name__
    for got, want in zip(
        sx.cross_entropy_and_grad(view, LABELS), sx.cross_entropy_and_grad(x, LABELS), strict=True
    ):
        assert np.array_equal(got, want)
    assert np.array_equal(view, x), "the input was written to"


def test_broadcast_input() -> None:
    x = np.broadcast_to(X[:1, :1], (4, 3, 5))
    assert np.array_equal(sx.softmax(x), sx.softmax(x.copy()))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_byte_order_is_converted(dtype: type) -> None:
    x = X.astype(dtype)
    swapped = x.astype(x.dtype.newbyteorder())
    for function in ARRAY_FUNCTIONS:
        result = function(swapped)
        assert result.dtype.isnative
        assert np.array_equal(result, function(x))
    labels = LABELS.astype(np.dtype(np.int64).newbyteorder())
    assert sx.cross_entropy(swapped, labels) == sx.cross_entropy(x, LABELS)


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
    [np.zeros(3, complex), np.array([None, 1]), np.array(["a"]), np.zeros(3, "M8[s]"), np.zeros(3, "m8[s]"), np.zeros(3, "V4")],
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
    assert np.array_equal(sx.softmax(np.asmatrix([[1.0, 2.0]])), sx.softmax([[1.0, 2.0]]))
    assert np.array_equal(sx.softmax(memoryview(X[0, 0].copy())), sx.softmax(X[0, 0]))


class TestTorch:
    """CPU tensors are read in place; what NumPy cannot see is refused with advice."""

    torch = pytest.importorskip("torch", reason="torch is not installed")

    def test_tensors(self) -> None:
        x = self.torch.from_numpy(X)
        labels = self.torch.from_numpy(LABELS)
        assert np.array_equal(sx.softmax(x), sx.softmax(X))
        assert sx.cross_entropy(x, labels) == sx.cross_entropy(X, LABELS)
        assert np.array_equal(sx.softmax(x.permute(2, 0, 1), axis=0), sx.softmax(X.transpose(2, 0, 1), axis=0))

    def test_bfloat16_tensor_says_what_to_do(self) -> None:
        with pytest.raises(TypeError, match=r"(?i)bfloat16.*float"):
            sx.softmax(self.torch.zeros(3, dtype=self.torch.bfloat16))

    def test_tensor_that_requires_grad_says_what_to_do(self) -> None:
        with pytest.raises(TypeError, match=r"detach"):
            sx.softmax(self.torch.zeros(3, requires_grad=True))


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
    with pytest.raises(TypeError):
        sx.softmax(X, axis=1.5)
    with pytest.raises(ValueError, match=r"twice|duplicate|repeated"):
        sx.softmax(X, axis=(0, 0))
    with pytest.raises((TypeError, ValueError)):
        sx.cross_entropy(X, LABELS, axis=None)


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


WRONG_OUT = [
    (lambda: np.zeros((4, 3, 6)), ValueError, r"\(4, 3, 6\).*\(4, 3, 5\)"),
    (lambda: np.zeros(X.shape, np.float32), TypeError, "float32.*float64"),
    (lambda: layouts(X)["read-only"], ValueError, "read-only"),
    (lambda: X.tolist(), TypeError, "list"),
    (lambda: np.ma.zeros(X.shape), TypeError, "(?i)masked"),
]


@pytest.mark.parametrize(("make", "error", "pattern"), WRONG_OUT, ids=lambda v: str(v)[:30])
def test_wrong_out_is_refused(make, error, pattern: str) -> None:
    calls = [
        lambda out: sx.softmax(X, out=out),
        lambda out: sx.log_softmax(X, out=out),
        lambda out: sx.sigmoid(X, out=out),
        lambda out: sx.softmax_grad(X, X, out=out),
        lambda out: sx.cross_entropy_and_grad(X, LABELS, out=out),
        lambda out: sx.cross_entropy_grad(X, LABELS, out=out),
        lambda out: sx.binary_cross_entropy_and_grad(X, np.abs(X) > 1, out=out),
    ]
    for call in calls:
        with pytest.raises(error, match=pattern):
            call(make())


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("function", [sx.softmax, sx.log_softmax, sx.sigmoid, sx.log_sigmoid])
def test_in_place_and_overlapping_out(function, dtype: np.dtype) -> None:
    x = cast(X, dtype)
    expected = function(x)
    own = x.copy()
    assert function(own, out=own) is own
    assert np.array_equal(own, expected)
    buffer = np.zeros(2 * x.size, dtype)
    for shift in (1, 3, 5, 7, x.size):
        source = buffer[: x.size].reshape(x.shape)
        source[...] = x
        target = buffer[shift : shift + x.size].reshape(x.shape)
        function(source, out=target)
        assert np.array_equal(target, expected), f"out shifted by {shift} elements"
    reverse = x.copy()
    function(reverse, out=reverse[::-1])
    assert np.array_equal(reverse[::-1], expected)


def test_cross_entropy_in_place_gradient() -> None:
    expected = sx.cross_entropy_grad(X, LABELS)
    own = X.copy()
    loss, grad = sx.cross_entropy_and_grad(own, LABELS, out=own)
    assert grad is own
    assert np.array_equal(own, expected)
    assert loss == sx.cross_entropy(X, LABELS)
    probs = sx.softmax(X)
    want = sx.cross_entropy_grad(X, probs)
    assert np.array_equal(sx.cross_entropy_grad(X, probs, out=probs), want)


def test_logsumexp_out() -> None:
    out = np.zeros((4, 3))
    assert sx.logsumexp(X, out=out) is out
    assert np.array_equal(out, sx.logsumexp(X))
    with pytest.raises(ValueError, match=r"\(4, 3\).*\(4, 3, 1\)"):
        sx.logsumexp(X, keepdims=True, out=out)


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


def test_floating_point_flags_do_not_leak() -> None:
    """Overflow, underflow and invalid operations inside are nobody's business outside."""
    x = np.array([[1e308, -1e308, 0, -745.1, np.nan, np.inf, -np.inf, 5e-324]])
    with np.errstate(all="raise"):
        for dtype in DTYPES:
            with np.errstate(all="ignore"):
                values = x.astype(dtype)
            for row in (values, values[:, :4], values[:, [2, 6]]):
                for function in ARRAY_FUNCTIONS:
                    function(row)
                sx.cross_entropy_and_grad(row, [0])
                sx.cross_entropy_and_grad(row, [0], z_loss=0.1, logit_scale=3.0, softcap=1.0)
                sx.binary_cross_entropy_and_grad(row, np.zeros(row.shape, int))
        one = np.float64(1.0)
        assert one / 3 != 0  # flags raised by the calls above are not picked up here


def test_bfloat16_round_trip() -> None:
    x = cast(X, BFLOAT16)
    assert sx.softmax(x).dtype == BFLOAT16
    exact = sx.softmax(x.astype(np.float64))
    assert np.array_equal(sx.softmax(x), exact.astype(BFLOAT16))
