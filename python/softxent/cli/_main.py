"""Reads the command line, runs one command and turns errors of the user into one line."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import softxent
from softxent.cli import bench, demo, export, info, predict, tour, train, verify
from softxent.cli._console import INTERRUPTED, Failure
from softxent.cli._errors import describe, is_user_error
from softxent.cli._parser import Parser, UsageError
from softxent.onnx.errors import NotUnderstoodError

_COMMANDS = (train, export, verify, predict, bench, info, demo, tour)

#: What is reported for a model that is in order, but does not tell what is needed of it.
_NOT_UNDERSTOOD = 3

#: What a shell reports for a program stopped by SIGPIPE.
_PIPE_CLOSED = 141


def main(argv: Sequence[str] | None = None) -> int:
    """
    Run the command line.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments without the program's name; ``sys.argv[1:]`` by default.

    Returns
    -------
    int
        The exit status: 0 done or verified, 1 verification failed, 2 usage or input error, 3 a
        model that does not tell what is needed.

    Raises
    ------
    Exception
        A bug of softxent keeps its traceback; only errors about arguments, files, data and missing
        optional packages become one line on stderr.
    """
    given = sys.argv[1:] if argv is None else list(argv)
    failure = Failure(as_json="--json" in given)
    try:
        parser = _parser()
        args, unknown = parser.parse_known_args(given)
        if unknown:
            getattr(args, "parser", parser).refuse(unknown)
    except UsageError as error:
        return failure.report(error.prog, f"error: {error}", 2)
    except SystemExit as stop:
        return int(stop.code or 0)
    program = f"softxent {args.command}"
    try:
        status: int = args.run(args)
        sys.stdout.flush()
        return status
    except KeyboardInterrupt:
        return failure.report(program, "interrupted", INTERRUPTED)
    except BrokenPipeError:
        # The reader went away (`| head`). Python would complain once more while it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _PIPE_CLOSED
    except Exception as error:
        if not is_user_error(error):
            if failure.as_json:
                failure.report(program, f"{type(error).__name__}: {error}", 1)
            raise
        status = _NOT_UNDERSTOOD if isinstance(error, NotUnderstoodError) else 2
        return failure.report(program, describe(error, args.parser.options()), status)


def _parser() -> Parser:
    parser = Parser(
        prog="softxent",
        description="Softmax and cross-entropy for NumPy: train, export to ONNX, verify.",
        epilog="softxent COMMAND --help explains a command.",
    )
    parser.add_argument("--version", action="version", version=f"softxent {softxent.__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for command in _COMMANDS:
        command.register(commands)
    return parser
