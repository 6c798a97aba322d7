"""``softxent verify``: does a model file compute what the native net computes?"""

from __future__ import annotations

import argparse
import json
from typing import Any

from softxent._files.atomic import check_writable
from softxent._machine.optional import require_all
from softxent.cli import _data, _foreign, _nets
from softxent.cli._console import emit, note, steps
from softxent.cli._names import Names
from softxent.cli._parser import Commands, add_command
from softxent.data import Samples


def register(commands: Commands) -> None:
    """Add the command to the command line."""
    parser = add_command(
        commands,
        "verify",
        run,
        summary="Compare an ONNX model in its runtimes with the native computation.",
        examples="""
            softxent verify model.onnx --data digits
            softxent verify model.onnx --data mine.csv --reference mine.npz --html report.html
            softxent verify model.onnx --data digits --expect label_smoothing=0.1
            softxent verify model.onnx --data digits --stress --provider cuda
            softxent verify resnet.onnx --data images.npz --input mask=mask.npy
        """,
    )
    parser.epilog = f"{parser.epilog}\n\n{_STATUS_HELP}"
    parser.add_argument("model", help="the .onnx file, of softxent or of any other program")
    _data.add_data_options(
        parser,
        default="digits",
        no_labels="the last column that is no feature, the usual names in an npz file; 'none' "
        "says that there are none",
    )
    _foreign.add_graph_options(parser)
    parser.add_argument(
        "--provider",
        action="append",
        metavar="NAME",
        help="execution provider of onnxruntime: cpu, cuda or a full name, once per provider; "
        "one that is not available is a failure (default: cpu)",
    )
    parser.add_argument(
        "--against",
        action="append",
        choices=("native", "torch", "onnx-reference"),
        help="what to compare with, once per evaluator (default: all that are installed)",
    )
    parser.add_argument(
        "--reference",
        metavar="FILE",
        help="a net (.npz, .safetensors) that the model must equal; without it the weights are "
        "read from the model itself",
    )
    parser.add_argument(
        "--expect",
        action="append",
        type=_option,
        metavar="OPTION=VALUE",
        help="what the loss must have been exported with: label_smoothing=0.1, reduction=sum, "
        "ignore_index=9, weight=[1,2,3]; once per option",
    )
    parser.add_argument("--stress", action="store_true", help="add adversarial inputs and labels")
    parser.add_argument("--html", metavar="FILE", help="write a report with plots")


#: How the command ends.
_STATUS_HELP = """exit status:
  0  verified
  1  wrong: a value differs from what it should be by more than its bound
  2  usage or input error
  3  not understood: the report says what is missing, and which option supplies it"""

_STATUSES = {"verified": 0, "wrong": 1, "not understood": 3}


def run(args: argparse.Namespace) -> int:
    """Verify; the status is the verdict."""
    from softxent import verify

    if args.html is not None:
        require_all(("matplotlib", "jinja2"), "plot", "--html")
        check_writable(args.html)
    reference = None if args.reference is None else _nets.load(args.reference)
    names = Names.of_file(args.model, reference)
    found = _samples(args, names)
    options = {} if args.against is None else {"against": args.against}
    with steps(args) as on_step:
        report = verify.verify(
            args.model,
            _foreign.in_shape(found, args.shape),
            names.labels(found.y),
            inputs=_foreign.further_inputs(args),
            logits=args.logits,
            providers=args.provider or ["cpu"],
            reference=reference,
            expect=dict(args.expect or []),
            stress=args.stress,
            on_step=on_step,
            **options,
        )
    if args.html is not None:
        report.to_html(args.html)
        note(args, f"report written to {args.html}")
    emit(args, report.to_dict(), str(report))
    return _STATUSES[report.outcome]


def _samples(args: argparse.Namespace, names: Names) -> Samples:
    """Read samples, and labels where there are some; a model without a loss needs none."""
    try:
        return _data.samples(args, names, with_labels=True)
    except ValueError:
        from softxent.onnx.opening import takes_labels

        if args.labels is not None or _data.is_built_in(args.data) or takes_labels(args.model):
            raise
        return _data.samples(args, names, with_labels=False)


def _option(text: str) -> tuple[str, Any]:
    """Split NAME=VALUE; the value is JSON or, failing that, a word."""
    name, separator, value = text.partition("=")
    if not (name and separator and value):
        raise argparse.ArgumentTypeError(f"expected OPTION=VALUE, got {text!r}")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value
