"""``softxent info``: what is installed and what this machine can do."""

from __future__ import annotations

import argparse
from importlib import metadata

import softxent
from softxent.cli._console import emit, table
from softxent.cli._parser import Commands, add_command

#: Packages that softxent works with.
_PEERS = (
    "onnx",
    "onnxruntime",
    "torch",
    "safetensors",
    "ml_dtypes",
    "pyarrow",
    "scipy",
    "scikit-learn",
    "matplotlib",
    "jinja2",
    "threadpoolctl",
    "tqdm",
)


def register(commands: Commands) -> None:
    """Add the command to the command line."""
    add_command(
        commands,
        "info",
        run,
        summary="Show the version, the instruction set, the threads and the packages found.",
        examples="""
            softxent info
            softxent info --json
            SOFTXENT_ISA=scalar softxent info
        """,
    )


def run(args: argparse.Namespace) -> int:
    """Print the configuration."""
    config = dict(softxent.get_config())
    packages = {name: version(name) for name in _PEERS}
    text = "\n\n".join(
        (
            _section("softxent", config),
            _section("packages", {name: found or "–" for name, found in packages.items()}),
        )
    )
    emit(args, {"softxent": config, "packages": packages}, text)
    return 0


def version(package: str) -> str | None:
    """Give the version of an installed package, None if it is not installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _section(title: str, entries: dict[str, object]) -> str:
    rows = [(name, _text(value)) for name, value in entries.items()]
    body = "\n".join("  " + line for line in table(rows).splitlines())
    return f"{title}\n{body}"


def _text(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
