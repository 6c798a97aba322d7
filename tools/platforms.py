#!/usr/bin/env python3
"""Build the C core for other systems and processors, and compare its results with this machine's.

    tools/platforms.py DIGESTS [--folder build/platforms] [--only NAME ...]

DIGESTS is what tests/c/digest prints here. Each platform is one line at the end: the same bits, or
why it could only be compiled or linked, or what was missing to build it. Exit status 1 when one
does not build or has other bits.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RUN_WASI = ("node", str(ROOT / "tools" / "run-wasi.mjs"))


@dataclass(frozen=True)
class Platform:
    """One target: what builds it, what runs its programs, and what cannot be shown of it here."""

    name: str
    toolchain: str
    zig_target: str = ""
    needs: tuple[str, ...] = ()
    runner: tuple[str, ...] = ()
    runner_needs: str = ""
    suffix: str = ""
    threads: bool = True
    tests: tuple[str, ...] = ()
    isas: tuple[str, ...] = ("",)
    only_compiled: str = ""
    only_linked: str = ""
    environment: dict[str, str] = field(default_factory=dict)


EMULATED = {"SOFTXENT_EMULATED": "1"}
WINE = {"WINEDEBUG": "-all"}
NO_ARM_WINDOWS = "nothing here runs Windows programs for Arm"
NO_WINDOWS_SDK = "as MSVC-compatible C with mingw's headers; Microsoft's libraries are not here"
NO_MACOS = "nothing here runs macOS programs"

PLATFORMS = (
    Platform(
        "x86-64 Linux, musl", "zig", "x86_64-linux-musl", isas=("scalar", ""), runner_needs="x86_64"
    ),
    Platform(
        "aarch64 Linux, musl",
        "zig",
        "aarch64-linux-musl",
        runner=("qemu-aarch64",),
        runner_needs="qemu-aarch64",
        environment=EMULATED,
    ),
    Platform(
        "riscv64 Linux, glibc",
        "riscv64-linux-gnu.cmake",
        needs=("riscv64-linux-gnu-gcc",),
        runner=("qemu-riscv64", "-L", "/usr/riscv64-linux-gnu"),
        runner_needs="qemu-riscv64",
        environment=EMULATED,
    ),
    Platform(
        "x86-64 Windows",
        "zig",
        "x86_64-windows-gnu",
        runner=("wine",),
        runner_needs="wine",
        suffix=".exe",
        isas=("scalar", ""),
        environment=WINE,
    ),
    Platform("Windows by clang-cl", "clang-cl.cmake", only_compiled=NO_WINDOWS_SDK),
    Platform(
        "arm64 Windows", "zig", "aarch64-windows-gnu", suffix=".exe", only_linked=NO_ARM_WINDOWS
    ),
    Platform("arm64 macOS", "zig", "aarch64-macos", only_linked=NO_MACOS),
    Platform(
        "wasm32, WASI",
        "zig",
        "wasm32-wasi",
        runner=RUN_WASI,
        runner_needs="node",
        suffix=".wasm",
        threads=False,
        tests=("long_math", "values", "vjp", "linear", "streaming"),
    ),
)


class Failure(Exception):
    """A platform that should work and does not."""


def zig_program() -> str | None:
    """The zig of the path, or that of PyPI's ziglang."""
    found = shutil.which("zig")
    spec = importlib.util.find_spec("ziglang")
    if found is None and spec is not None and spec.origin is not None:
        found = str(Path(spec.origin).parent / "zig")
    return found


def clang_program() -> str | None:
    return shutil.which("clang-19") or shutil.which("clang")


def missing(platform: Platform) -> str:
    """The program that is not there to build this platform, or nothing."""
    if platform.toolchain in ("zig", "clang-cl.cmake") and zig_program() is None:
        return "zig"
    if platform.toolchain == "clang-cl.cmake" and clang_program() is None:
        return "clang"
    return next((name for name in platform.needs if shutil.which(name) is None), "")


def toolchain_options(platform: Platform) -> list[str]:
    if platform.toolchain != "zig":
        options = [f"-DCMAKE_TOOLCHAIN_FILE={ROOT / 'cmake' / platform.toolchain}"]
        named = [f"-DCLANG={clang_program()}", f"-DZIG={zig_program()}"]
        return options + named * (platform.toolchain == "clang-cl.cmake")
    return [
        f"-DCMAKE_TOOLCHAIN_FILE={ROOT / 'cmake' / 'zig.cmake'}",
        f"-DZIG={zig_program()}",
        f"-DZIG_TARGET={platform.zig_target}",
    ]


def run(command: list[str], **options: Any) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    if done.returncode != 0:
        last = "\n".join((done.stdout + done.stderr).splitlines()[-30:])
        raise Failure(f"{' '.join(command)}: status {done.returncode}\n{last}")
    return str(done.stdout)


def build(platform: Platform, folder: Path) -> list[str]:
    """The programs to run, as paths without the suffix."""
    programs = ["digest", "test_fused"] + ["test_parallel"] * platform.threads
    programs += [f"test_{name}" for name in platform.tests]
    targets = ["softxent"] if platform.only_compiled else programs
    generator = ["-G", "Ninja"] if shutil.which("ninja") else []
    options = ["-DSOFTXENT_TESTS=ON", "-DSOFTXENT_WERROR=ON", *toolchain_options(platform)]
    if not_run(platform):  # nothing is shown by optimising what stays unused
        options.append("-DCMAKE_BUILD_TYPE=Debug")
    environment = dict(os.environ)
    if platform.toolchain == "clang-cl.cmake":  # ccache knows nothing of its options
        environment.pop("CMAKE_C_COMPILER_LAUNCHER", None)
    run(["cmake", *generator, "-S", str(ROOT), "-B", str(folder), *options], env=environment)
    run(["cmake", "--build", str(folder), "--parallel", "--target", *targets])
    return programs


def not_run(platform: Platform) -> str:
    """How far it came and why its programs cannot be run here, or nothing."""
    if platform.only_compiled:
        return f"COMPILED ONLY: {platform.only_compiled}"
    if platform.only_linked:
        return f"LINKED ONLY: {platform.only_linked}"
    needed = platform.runner_needs
    there = os.uname().machine == needed if needed == "x86_64" else shutil.which(needed)
    return "" if there else f"LINKED ONLY: no {needed}"


def check(platform: Platform, folder: Path, programs: list[str], expected: str) -> str:
    """Run the programs; what was shown."""
    # Outside of the tree: what goes through the tree would follow wine's link to the root.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as prefix:
        own = {"WINEPREFIX": prefix} if platform.runner == ("wine",) else {}
        environment = {**os.environ, **platform.environment, **own}
        return check_in(environment, platform, folder, programs, expected)


def check_in(
    environment: dict[str, str],
    platform: Platform,
    folder: Path,
    programs: list[str],
    expected: str,
) -> str:
    def output(program: str, isa: str) -> str:
        path = f"./tests/c/{program}{platform.suffix}"
        if not (folder / path).exists():  # not every version of CMake knows the suffix of WASI
            path = f"./tests/c/{program}"
        own = {**environment, "SOFTXENT_ISA": isa}
        return run([*platform.runner, path], cwd=folder, env=own)

    for isa in platform.isas:
        compare(output("digest", isa), expected)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        printed = list(pool.map(lambda program: output(program, ""), programs[1:]))
    closing = [text.strip().splitlines()[-1] for text in printed]
    if not all(line.endswith(" 0 failed") for line in closing):
        raise Failure(f"tests that did not come to their end: {closing}")
    isas = " and ".join(isa or "best" for isa in platform.isas)
    return f"the same bits ({isas} instruction set); " + "; ".join(closing)


def compare(lines: str, expected: str) -> None:
    for here, there in zip_longest(lines.splitlines(), expected.splitlines()):
        if here != there:
            raise Failure(f"other bits: {here}, expected {there}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("digests", type=Path, help="the lines that tests/c/digest prints here")
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "platforms")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="words of the platforms to do")
    arguments = parser.parse_args()
    expected = arguments.digests.read_text()
    if len(expected.splitlines()) < 10:
        parser.error(f"{arguments.digests} does not hold the lines of digest")
    lines, failed = [], False
    for platform in PLATFORMS:
        if arguments.only and not any(word in platform.name for word in arguments.only):
            continue
        began = time.monotonic()
        folder = arguments.folder / platform.name.replace(", ", "-").replace(" ", "-")
        try:
            if lacks := missing(platform):
                verdict = f"SKIPPED: no {lacks}"
            else:
                programs = build(platform, folder.resolve())
                verdict = not_run(platform) or check(platform, folder.resolve(), programs, expected)
        except Failure as failure:
            verdict, failed = f"FAILED: {failure}", True
        lines.append(f"{platform.name:<22}{time.monotonic() - began:5.0f} s  {verdict}")
        print(lines[-1], flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
