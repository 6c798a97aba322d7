"""``softxent bench``: how fast, next to a memory copy and to other libraries."""

from __future__ import annotations

import argparse
import json
import sys

from softxent.cli._console import on_terminal
from softxent.cli._parser import Commands, positive_int

_STDOUT = "-"
_SUMMARY = "Measure softxent, a memory copy and other libraries in one interleaved run."
_EXAMPLES = """examples:
  softxent bench --quick
  softxent bench --only "loss\\+grad 8192x1000" --threads 1
  softxent bench --out build/bench --json results.json
"""


def register(commands: Commands) -> None:
    """Add the command to the command line."""
    # Not by add_command: its --json takes no file.
    parser = commands.add_parser("bench", help=_SUMMARY, description=_SUMMARY, epilog=_EXAMPLES)
    parser.set_defaults(run=run)
    parser.add_argument(
        "--json",
        nargs="?",
        const=_STDOUT,
        metavar="FILE",
        help="write the result as JSON to FILE as well, or print it on stdout without FILE",
    )
    parser.add_argument(
        "--out", default="build/bench", help="folder for the results (default: build/bench)"
    )
    parser.add_argument(
        "--quick", action="store_true", help="few rounds, no large arrays: under a minute"
    )
    parser.add_argument(
        "--only",
        metavar="PATTERN",
        help="rows whose name contains a match of this regular expression in whole words, such "
        "as '1x10|65536x10' or 'softmax'",
    )
    parser.add_argument(
        "--threads",
        type=positive_int,
        metavar="N",
        help="for softxent, the copy and the libraries (default: as softxent has it)",
    )


def run(args: argparse.Namespace) -> int:
    """Measure, write, report; a missed goal is a finding, not a failure."""
    from softxent import bench
    from softxent.bench.writing import write_json

    to_stdout = args.json == _STDOUT
    result = bench.run(
        quick=args.quick,
        only=args.only,
        threads=args.threads,
        progress=on_terminal() and not to_stdout,
    )
    if args.json is not None and not to_stdout:
        write_json(result, args.json)
    written = bench.write(result, args.out)
    if to_stdout:
        print(json.dumps(result.to_dict(), indent=2, allow_nan=False))
    else:
        print(bench.report(result))
        print(f"written: {', '.join(map(str, written))}", file=sys.stderr)
    return 0
