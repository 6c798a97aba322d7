"""``softxent demo``: from handwritten digits to a verified ONNX model, with a report."""

from __future__ import annotations

import argparse

from softxent.cli._console import emit, note, on_terminal
from softxent.cli._parser import Commands, add_command, non_negative_int


def register(commands: Commands) -> None:
    """Add the command to the command line."""
    parser = add_command(
        commands,
        "demo",
        run,
        summary="Train on handwritten digits, export to ONNX, verify in onnxruntime, report.",
        examples="""
            softxent demo
            softxent demo --out build/demo --json
        """,
    )
    parser.add_argument("--out", default="demo", help="folder for the results (default: demo)")
    parser.add_argument(
        "--seed",
        type=non_negative_int,
        default=0,
        metavar="N",
        help="of split, first parameters and order of the samples (default: 0)",
    )


def run(args: argparse.Namespace) -> int:
    """Run the demo; the status is that of the verification."""
    from softxent import demo

    result = demo.run(
        args.out,
        seed=args.seed,
        progress=on_terminal() and not args.json,
        say=lambda message: note(args, message),
    )
    emit(args, result.to_dict(), str(result))
    return 0 if result.passed else 1
