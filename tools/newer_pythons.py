#!/usr/bin/env python3
"""Run the package with Pythons that this machine does not have.

    tools/newer_pythons.py [--wheel WHEEL] 3.14 3.15 free-threaded

A version is Debian's, from the suite that is still moving, and gets the wheel of the stable ABI.
"free-threaded" is built from source and gets a wheel built with it. Each runs the smoke test with
warnings as errors, and the tests that need NumPy alone. What cannot be had is said: NOT RUN. Exit
status 1 when something that was run fails.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import debian_python
import free_threaded
from debian import Unavailable

ROOT = Path(__file__).resolve().parent.parent
SUITE = "sid"
TEST_TOOLS = ["ml_dtypes", "mpmath", "pytest", "pytest-xdist"]
BUILD_TOOLS = ["cmake>=3.26", "cython>=3.1", "ninja", "scikit-build-core>=0.10"]
#: Values, layouts, threads, memory, forks: what another interpreter could change.
TESTS = ("values", "special_values", "outputs", "core_bindings", "threads", "memory")
TESTS += ("streaming", "free_threading")


class Failure(Exception):
    """Something that should work and does not."""


def run(command: list[str], **options: object) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    if done.returncode != 0:
        last = "\n".join((done.stdout + done.stderr).splitlines()[-40:])
        raise Failure(f"{' '.join(command)}: status {done.returncode}\n{last}")
    return str(done.stdout).strip()


def environment(python: Path, folder: Path, packages: list[str]) -> Path:
    """A fresh environment of this Python with these packages, none of them compiled here."""
    run([str(python), "-m", "venv", "--clear", "--without-pip", str(folder)])
    own = folder / "bin" / "python"
    # The pip of an older Python does not run in a newer one, nor know what that can install.
    pip = ["-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
    (site,) = folder.glob("lib/python*/site-packages")
    run([sys.executable, *pip, "--target", str(site), "pip>=25"])
    run([str(own), *pip, "--only-binary=:all:", *packages])
    return own


def build_wheel(python: Path, folder: Path) -> Path:
    """The wheel for this Python, built with plain pip."""
    command = [str(python), "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    command += ["--disable-pip-version-check", "--wheel-dir", str(folder / "wheel")]
    command += ["--config-settings", f"build-dir={folder / 'wheel-build'}", str(ROOT)]
    run(command, env={**os.environ, "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}"})
    return max((folder / "wheel").glob("*.whl"), key=lambda wheel: wheel.stat().st_mtime)


def tried(own: Path) -> str:
    """What the smoke test and the tests say."""
    with tempfile.TemporaryDirectory() as elsewhere:
        smoke = run([str(own), "-W", "error", str(ROOT / "tools/smoke_test.py")], cwd=elsewhere)
    tests = [f"tests/test_{name}.py" for name in TESTS]
    pytest = [str(own), "-m", "pytest", "-q", "-n", "auto", "-p", "no:cacheprovider", *tests]
    return f"{smoke}; {run(pytest, cwd=ROOT).splitlines()[-1]}"


def abi3(version: str, wheel: Path | None, folder: Path) -> str:
    if wheel is None:
        raise Unavailable("no wheel of the stable ABI: no Python from 3.12 on has built one")
    python = debian_python.native(version, SUITE, folder / "python")
    return tried(environment(python, folder / "venv", ["numpy", *TEST_TOOLS, str(wheel)]))


def without_gil(folder: Path) -> str:
    python, lacks = free_threaded.interpreter(folder)
    own = environment(python, folder / "venv", ["numpy", *TEST_TOOLS, *BUILD_TOOLS])
    wheel = build_wheel(own, folder)
    run([str(own), "-m", "pip", "install", "--quiet", "--no-deps", str(wheel)])
    return "; ".join([tried(own), *lacks])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="+", metavar="VERSION", help='3.14, … or "free-threaded"')
    parser.add_argument("--wheel", type=Path, help="the wheel of the stable ABI")
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "pythons")
    arguments = parser.parse_args()
    wheel, failed = arguments.wheel and arguments.wheel.resolve(), False
    for name in arguments.names:
        began, folder = time.monotonic(), arguments.folder.resolve() / name
        folder.mkdir(parents=True, exist_ok=True)
        try:
            free = name == "free-threaded"
            verdict = without_gil(folder) if free else abi3(name, wheel, folder)
        except Unavailable as reason:
            verdict = f"NOT RUN: {reason}"
        except Failure as failure:
            verdict, failed = f"FAILED: {failure}", True
        shutil.rmtree(folder / "venv", ignore_errors=True)
        print(f"{name:<14}{time.monotonic() - began:5.0f} s  {verdict}", flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
