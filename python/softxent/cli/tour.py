"""``softxent tour``: the subject in pictures, with code that was run to write the page."""

from __future__ import annotations

import argparse

from softxent.cli._console import emit, note
from softxent.cli._parser import Commands, add_command


def register(commands: Commands) -> None:
    """Add the command to the command line."""
    parser = add_command(
        commands,
        "tour",
        run,
        summary="Write a tour of softmax and cross-entropy: text, code, figures.",
        examples="""
            softxent tour
            softxent tour --out docs
        """,
    )
    parser.add_argument(
        "--out", default="tour", help="folder for tour.md and its figures (default: tour)"
    )


def run(args: argparse.Namespace) -> int:
    """Write the page and its figures."""
    from softxent import tour

    written = tour.write(args.out, on_figure=lambda name: note(args, f"drew {name}"))
    emit(args, {"written": [str(path) for path in written]}, f"written: {written[-1]}")
    return 0
