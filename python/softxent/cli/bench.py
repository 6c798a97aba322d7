"""``softxent bench``: how fast this machine is with softxent and with other libraries."""

from __future__ import annotations

import argparse

from softxent._machine.optional import available, require_all
from softxent.cli._console import emit, on_terminal
from softxent.cli._parser import Commands, add_command, positive_int


def register(commands: Commands) -> None:
    """Add the command to the command line."""
    parser = add_command(
        commands,
        "bench",
        run,
        summary="Compare the speed on this machine with the libraries that are installed.",
        examples="""
            softxent bench
            softxent bench --only 'softmax 65536x.*' --threads 1
            softxent bench --quick --out bench
        """,
    )
    parser.add_argument("--quick", action="store_true", help="few rounds and no large arrays")
    parser.add_argument(
        "--only", metavar="REGEX", help="only rows whose name matches, like 'softmax 32x10'"
    )
    parser.add_argument("--threads", type=positive_int, metavar="N", help="(default: softxent's)")
    parser.add_argument("--out", metavar="FOLDER", help="write JSON, table and plots there")


def run(args: argparse.Namespace) -> int:
    """Measure, print and write."""
    from softxent import bench

    if args.out is not None:
        require_all(("matplotlib",), "plot", "--out")
    result = bench.run(
        quick=args.quick,
        only=args.only,
        threads=args.threads,
        progress=on_terminal() and not args.json and available("tqdm"),
    )
    written = [] if args.out is None else bench.write(result, args.out)
    text = bench.summary(result)
    if written:
        text += f"\n\nwritten: {', '.join(map(str, written))}"
    emit(args, result.to_dict(), text)
    return 0
