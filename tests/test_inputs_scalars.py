"""Every scalar option of every public function against values that are no option at all."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import softxent as sx
from softxent.data import load_breast_cancer, read
from softxent.models import MLP, SGD, Adam, Cosine, NeuralNet1, NeuralNet2, Step

X = np.random.default_rng(5).normal(size=(4, 3))
Y = np.array([0, 1, 2, 0])
T = np.array([0.0, 1.0, 1.0, 0.0])
FIT: dict[str, Any] = {"epochs": 1, "batch_size": 2, "learning_rate": 0.1, "progress": False}

Call = Callable[[Any], object]


def fit(**options: Any) -> object:
    return NeuralNet2(3, 2, 3, seed=0).fit(X, Y, **{**FIT, **options})


def binary_fit(**options: Any) -> object:
    return NeuralNet1(3, 2, seed=0).fit(X, T, **{**FIT, **options})


def export(**options: Any) -> object:
    pytest.importorskip("onnx")
    from softxent.onnx.options import Options

    return Options(**options)


def step_export(**options: Any) -> object:
    return export(head="train_step", **options)


def of(functions: list[Callable[..., Any]], option: str, *given: Any) -> dict[str, Call]:
    """Calls of several functions that differ in one option."""
    return {
        f"{function.__name__} {option}": lambda v, f=function: f(*given, **{option: v})
        for function in functions
    }


CROSS_ENTROPIES = [
    sx.cross_entropy,
    sx.cross_entropy_and_grad,
    sx.cross_entropy_grad,
    sx.cross_entropy_grad_hess,
]
LINEARS = [sx.linear_cross_entropy, sx.linear_cross_entropy_and_grad]
BINARIES = [
    sx.binary_cross_entropy,
    sx.binary_cross_entropy_and_grad,
    sx.binary_cross_entropy_grad_hess,
]
NLLS = [sx.nll_loss, sx.nll_loss_and_grad]
LAYER = (X, np.eye(3), Y)
SHARES = [*CROSS_ENTROPIES, *NLLS]
ROWWISE = [sx.softmax, sx.log_softmax, sx.logsumexp]

SCALARS = dict(label_smoothing=0.5, z_loss=0.5, logit_scale=2.0, softcap=2.0, focal_gamma=2.0)

# Finite real numbers within bounds, and a value that each takes.
REALS: dict[str, tuple[Call, float]] = {
    **{
        name: (call, good)
        for option, good in SCALARS.items()
        for name, call in of(CROSS_ENTROPIES, option, X, Y).items()
    },
    **{
        name: (call, good)
        for option, good in (("label_smoothing", 0.5), ("z_loss", 0.5), ("softcap", 2.0))
        for name, call in of(LINEARS, option, *LAYER).items()
    },
    "fit learning_rate": (lambda v: fit(learning_rate=v), 0.5),
    "fit label_smoothing": (lambda v: fit(label_smoothing=v), 0.5),
    "fit momentum": (lambda v: fit(momentum=v), 0.5),
    "fit weight_decay": (lambda v: fit(weight_decay=v), 0.5),
    "fit weight_decay of adam": (lambda v: fit(weight_decay=v, optimizer="adam"), 0.5),
    "NeuralNet1.fit label_smoothing": (lambda v: binary_fit(label_smoothing=v), 0.5),
    "loss label_smoothing": (lambda v: NeuralNet2(3, 2, 3).loss(X, Y, label_smoothing=v), 0.5),
    "loss_and_grad label_smoothing": (
        lambda v: NeuralNet1(3, 2).loss_and_grad(X, T, label_smoothing=v),
        0.5,
    ),
    "SGD momentum": (SGD, 0.5),
    "SGD weight_decay": (lambda v: SGD(weight_decay=v), 0.5),
    "Adam betas[0]": (lambda v: Adam(betas=(v, 0.5)), 0.5),
    "Adam betas[1]": (lambda v: Adam(betas=(0.5, v)), 0.5),
    "Adam eps": (lambda v: Adam(eps=v), 0.5),
    "Adam weight_decay": (lambda v: Adam(weight_decay=v), 0.5),
    "Cosine floor": (lambda v: Cosine(3, floor=v), 0.5),
    "Step factor": (lambda v: Step(3, factor=v), 0.5),
    "schedule's factor": (lambda v: fit(schedule=lambda epoch: v), 0.5),
    "Dataset.split test_fraction": (lambda v: load_breast_cancer().split(v), 0.5),
    "export label_smoothing": (lambda v: export(head="loss", label_smoothing=v), 0.5),
    "export momentum": (lambda v: step_export(momentum=v), 0.5),
    "export weight_decay": (lambda v: step_export(weight_decay=v), 0.5),
}

# Whole numbers, and one that each takes.
INTEGERS: dict[str, tuple[Call, int]] = {
    **{name: (call, 0) for name, call in of(SHARES, "ignore_index", X, Y).items()},
    **{name: (call, 0) for name, call in of(LINEARS, "ignore_index", *LAYER).items()},
    **{name: (call, 1) for name, call in of(SHARES, "axis", X, Y).items()},
    **{name: (call, 1) for name, call in of(ROWWISE, "axis", X).items()},
    "softmax axes": (lambda v: sx.softmax(X, axis=(0, v)), 1),
    "softmax_grad axis": (lambda v: sx.softmax_grad(X, X, axis=v), 1),
    "log_softmax_grad axis": (lambda v: sx.log_softmax_grad(X, X, axis=v), 1),
    "LogSumExp shape": (sx.LogSumExp, 4),
    "LogSumExp shape in a tuple": (lambda v: sx.LogSumExp((v, 2)), 4),
    "LogSumExp.update axis": (lambda v: sx.LogSumExp(4).update(X, axis=v), 1),
    "set_num_threads": (sx.set_num_threads, 1),
    "num_threads": (lambda v: sx.num_threads(v).__enter__(), 1),
    "NeuralNet2 input_size": (lambda v: NeuralNet2(v, 2, 3), 3),
    "NeuralNet2 hidden_size": (lambda v: NeuralNet2(2, v, 3), 3),
    "NeuralNet2 num_classes": (lambda v: NeuralNet2(2, 2, v), 3),
    "NeuralNet2 seed": (lambda v: NeuralNet2(2, 2, 3, seed=v), 3),
    "NeuralNet1 hidden_size": (lambda v: NeuralNet1(2, v), 3),
    "MLP hidden_sizes": (lambda v: MLP(2, (3, v), 3), 3),
    "MLP num_classes": (lambda v: MLP(2, (3,), v), 3),
    "MLP seed": (lambda v: MLP(2, (3,), 3, seed=v), 3),
    "fit epochs": (lambda v: fit(epochs=v), 2),
    "fit batch_size": (lambda v: fit(batch_size=v), 2),
    "fit seed": (lambda v: fit(seed=v), 2),
    "fit early_stopping": (lambda v: fit(early_stopping=v, validation=(X, Y)), 2),
    "Cosine epochs": (Cosine, 3),
    "Step every": (Step, 3),
    "Dataset.split seed": (lambda v: load_breast_cancer().split(seed=v), 3),
    "export opset": (lambda v: export(opset=v), 17),
    "export ignore_index": (lambda v: export(head="loss", ignore_index=v), 1),
}

# Options of which None is a value of its own.
OPTIONAL = ("softcap", "ignore_index", "seed", "early_stopping")


def pairs(
    options: Iterable[str], values: Iterable[str], optional: tuple[str, ...]
) -> list[tuple[str, str]]:
    """Every option with every value, but for None where it is one."""
    return [
        (option, value)
        for option in options
        for value in values
        if not (value == "None" and option.endswith(optional))
    ]


FLAGS: dict[str, Call] = {
    **of(CROSS_ENTROPIES, "from_logits", X, Y),
    **of(BINARIES, "from_logits", np.abs(T), T),
    "logsumexp keepdims": lambda v: sx.logsumexp(X, keepdims=v),
    "logsumexp return_sign": lambda v: sx.logsumexp(X, return_sign=v),
    "fit progress": lambda v: fit(progress=v),
    "SGD nesterov": lambda v: SGD(0.5, nesterov=v),
    "Adam decoupled": lambda v: Adam(decoupled=v),
    "MLP bias": lambda v: MLP(2, (3,), 3, bias=v),
    "export primitive": lambda v: export(head="loss", primitive=v),
}

CHOICES: dict[str, Call] = {
    **of([*CROSS_ENTROPIES, *NLLS], "reduction", X, Y),
    **of(BINARIES, "reduction", T, T),
    **of(LINEARS, "reduction", *LAYER),
    "fit optimizer": lambda v: fit(optimizer=v),
    "fit schedule": lambda v: fit(schedule=v),
    "MLP activation": lambda v: MLP(2, (3,), 3, activation=v),
    "MLP dtype": lambda v: MLP(2, (3,), 3, dtype=v),
    "export dtype": lambda v: export(dtype=v),
    "export head": lambda v: export(head=v),
    "export reduction": lambda v: export(head="loss", reduction=v),
    "export target": lambda v: export(head="loss", target=v),
}

# Of the wrong type wherever a number is meant: never taken, whatever float() makes of them.
NO_NUMBERS: dict[str, Any] = {
    "None": None,
    "text": "0.5",
    "numpy text": np.str_("0.5"),
    "bytes": b"1",
    "True": True,
    "numpy bool": np.True_,
    "0-d bool": np.array(True),
    "complex": 1j,
    "numpy complex": np.complex64(1),
    "list": [1],
    "array": np.array([1]),
    "0-d text": np.array("1"),
    "Decimal": Decimal("0.5"),
    "Fraction": Fraction(1, 2),
    "timedelta": np.timedelta64(1, "s"),
    "masked": np.ma.array(1, mask=True),
    "object": object(),
    "function": len,
}
NOT_WHOLE = {**NO_NUMBERS, "float": 1.0, "nan": np.nan}
HUGE = {"10**400": 10**400, "-10**400": -(10**400), "10**5000": 10**5000}


@pytest.fixture(autouse=True)
def _threads(restore_threads: None) -> None:
    """Some of the calls set the number of threads."""


def refused(call: Call, value: Any, *errors: type[Exception]) -> str:
    """The message of the error that a value must give; short, whatever the value is."""
    with pytest.raises(errors) as caught:
        call(value)
    message = str(caught.value)
    assert caught.type in (*errors, np.exceptions.AxisError)
    assert len(message) < 400
    return message


@pytest.mark.parametrize("option", REALS)
def test_real_option_takes_numbers_of_every_kind(option: str) -> None:
    call, good = REALS[option]
    for value in (good, np.float64(good), np.float32(good), np.float16(good), np.array(good)):
        call(value)


@pytest.mark.parametrize(("option", "value"), pairs(REALS, NO_NUMBERS, OPTIONAL))
def test_real_option_refuses_other_types(option: str, value: str) -> None:
    refused(REALS[option][0], NO_NUMBERS[value], TypeError)


@pytest.mark.parametrize("value", [*HUGE.values(), np.nan, np.inf, -np.inf, np.float32(np.nan)],
                         ids=[*HUGE, "nan", "inf", "-inf", "float32 nan"])  # fmt: skip
@pytest.mark.parametrize("option", REALS)
def test_real_option_refuses_what_is_not_finite(option: str, value: Any) -> None:
    message = refused(REALS[option][0], value, ValueError)
    assert any(part in message for part in ("nan", "inf", "401 digits", "bits"))


@pytest.mark.parametrize("option", INTEGERS)
def test_integer_option_takes_integers_of_every_kind(option: str) -> None:
    call, good = INTEGERS[option]
    for value in (good, np.int64(good), np.uint8(good), np.array(good)):
        call(value)


@pytest.mark.parametrize(("option", "value"), pairs(INTEGERS, NOT_WHOLE, (*OPTIONAL, "axis")))
def test_integer_option_refuses_other_types(option: str, value: str) -> None:
    errors = (TypeError, ValueError) if option.endswith("opset") else (TypeError,)
    refused(INTEGERS[option][0], NOT_WHOLE[value], *errors)


@pytest.mark.parametrize("value", HUGE)
@pytest.mark.parametrize("option", INTEGERS)
def test_integer_option_refuses_absurd_ones(option: str, value: str) -> None:
    message = refused(INTEGERS[option][0], HUGE[value], ValueError)
    assert "401 digits" in message or "bits" in message


@pytest.mark.parametrize("value", [None, 0, 1, "True", np.nan, [], np.array([True]), 10**5000],
                         ids=lambda v: type(v).__name__)  # fmt: skip
@pytest.mark.parametrize("option", FLAGS)
def test_flag_refuses_what_is_no_bool(option: str, value: Any) -> None:
    refused(FLAGS[option], value, TypeError)


@pytest.mark.parametrize("value", [None, 0, True, "", "mean ", b"mean", [], 10**5000, np.nan],
                         ids=lambda v: type(v).__name__)  # fmt: skip
@pytest.mark.parametrize("option", CHOICES)
def test_choice_refuses_what_is_not_among_them(option: str, value: Any) -> None:
    refused(CHOICES[option], value, ValueError, TypeError)


@pytest.mark.parametrize("value", sorted(NO_NUMBERS.keys() - {"list", "array", "0-d bool"}))
def test_grad_output_refuses_other_types(value: str) -> None:
    refused(lambda v: sx.cross_entropy_grad(X, Y, v), NO_NUMBERS[value], TypeError)


@pytest.mark.parametrize("value", HUGE)
def test_grad_output_refuses_integers_beyond_the_floats(value: str) -> None:
    message = refused(lambda v: sx.cross_entropy_grad(X, Y, v), HUGE[value], ValueError)
    assert message.startswith("grad_output is ")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_grad_output_may_be_what_a_chain_rule_gives(value: float) -> None:
    assert not np.isfinite(sx.cross_entropy_grad(X, Y, value)).any()


@pytest.mark.parametrize(
    "value", [*NO_NUMBERS.values(), 3, 10**5000], ids=lambda v: type(v).__name__
)
def test_state_dict_refuses_what_is_no_mapping(value: Any) -> None:
    refused(NeuralNet2(3, 2, 3).load_state_dict, value, TypeError)


def test_weights_of_text_are_refused() -> None:
    for call in (
        lambda w: sx.cross_entropy(X, Y, weight=w),
        lambda w: NeuralNet2(3, 2, 3).loss(X, Y, weight=w),
        lambda w: export(head="loss", weight=w),
    ):
        with pytest.raises(TypeError, match="dtype <U1"):
            call(["1", "2", "3"])


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "animals.csv"
    path.write_text("legs,weight,kind\n6,0.01,0\n4,4.5,1\n8,0.1,2\n")
    return path


READING = ("scale", "num_classes", "sep", "decimal", "comment", "missing")
ABSURD = {name: value for name, value in (NO_NUMBERS | HUGE).items() if value is not None}


@pytest.mark.parametrize("value", ABSURD)
@pytest.mark.parametrize("option", READING)
def test_reading_refuses_absurd_options(option: str, value: str, table: Path) -> None:
    refused(lambda v: read(table, **{option: v}), ABSURD[value], TypeError, ValueError)


@pytest.mark.parametrize("value", [1, "a,b", [1.5], [None], [True], [b"a"]], ids=str)
@pytest.mark.parametrize("option", ["features", "drop"])
def test_reading_refuses_what_are_no_columns(option: str, value: Any, table: Path) -> None:
    refused(lambda v: read(table, **{option: v}), value, TypeError)


@pytest.mark.parametrize("value", [0, 1, "yes", np.nan, [], 10**400], ids=str)
def test_reading_refuses_a_header_that_is_no_bool(value: Any, table: Path) -> None:
    refused(lambda v: read(table, header=v), value, TypeError)


@pytest.mark.parametrize("value", [0, -1.0, np.nan, np.inf])
def test_reading_refuses_a_scale_that_is_no_positive_number(value: float, table: Path) -> None:
    refused(lambda v: read(table, scale=v), value, ValueError)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A file with logits."""
    pytest.importorskip("onnxruntime")
    from softxent import onnx

    onnx.export(NeuralNet2(3, 2, 3, seed=0), tmp_path / "net.onnx", head="logits")
    return tmp_path / "net.onnx"


@pytest.mark.parametrize("value", ABSURD)
def test_options_of_foreign_graphs_refuse_absurd_values(value: str, model: Path) -> None:
    from softxent import onnx
    from softxent.verify import verify

    given, out = ABSURD[value], model.with_name("loss.onnx")
    refused(
        lambda v: onnx.attach_loss(model, None, out, num_classes=v), given, TypeError, ValueError
    )
    refused(lambda v: onnx.Classifier(model, shape=(v,)), given, TypeError, ValueError)
    if not isinstance(given, str):
        refused(lambda v: onnx.attach_loss(model, v, out), given, TypeError)
        refused(lambda v: onnx.Classifier(model, logits=v), given, TypeError)
        refused(lambda v: onnx.Classifier(model, probabilities=v), given, TypeError)
        refused(lambda v: verify(model, X, logits=v), given, TypeError)
    refused(lambda v: onnx.Classifier(model).predict(X, inputs=v), given, TypeError)
    refused(lambda v: verify(model, X, inputs=v), given, TypeError)
    refused(lambda v: verify(model, X, expect=v), given, TypeError)
    assert not out.exists()


def test_verify_refuses_absurd_scalars(tmp_path: Any) -> None:
    pytest.importorskip("onnxruntime")
    from softxent import onnx
    from softxent.verify import verify

    path = tmp_path / "net.onnx"
    onnx.export(NeuralNet2(3, 2, 3, seed=0), path)
    for value in NO_NUMBERS.values():
        refused(lambda v: verify(path, X, batch_sizes=(v,)), value, TypeError)
        if not isinstance(value, bool | np.bool_):
            refused(lambda v: verify(path, X, stress=v, batch_sizes=()), value, TypeError)
    for value in HUGE.values():
        refused(lambda v: verify(path, X, batch_sizes=(v,)), value, ValueError)


def test_tensors_of_one_number_are_scalars() -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    call = REALS["cross_entropy label_smoothing"][0]
    call(torch.tensor(0.5))
    graph = torch.tensor(0.5, requires_grad=True)
    for value in (torch.tensor([0.5]), torch.tensor(True), torch.tensor(1j), graph):
        refused(call, value, TypeError)
