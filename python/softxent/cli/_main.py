"""Reads the command line, runs one command and turns errors of the user into one line."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import softxent
from softxent.cli import bench, demo, export, info, predict, tour, train, verify
from softxent.cli._console import INTERRUPTED
from softxent.cli._errors import describe, is_user_error
from softxent.cli._parser import Parser

_COMMANDS = (train, export, verify, predict, bench, info, demo, tour)

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
        The exit status: 0 done or verified, 1 verification failed, 2 usage or input error.

    Raises
    ------
    Exception
        A bug of softxent keeps its traceback; only errors about arguments, files, data and missing
        optional packages become one line on stderr.
    """
    try:
        args = _parser().parse_args(argv)
    except SystemExit as stop:
        return int(stop.code or 0)
    try:
        status: int = args.run(args)
        sys.stdout.flush()
        return status
    except KeyboardInterrupt:
        return _fail(args.command, "interrupted", INTERRUPTED)
    except BrokenPipeError:
        # The reader went away (`| head`). Python would complain once more while it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _PIPE_CLOSED
    except Exception as error:
        if not is_user_error(error):
            raise
        return _fail(args.command, describe(error), 2)


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


def _fail(command: str, message: str, status: int) -> int:
    print(f"softxent {command}: {message}", file=sys.stderr)
    return status
