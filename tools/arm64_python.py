"""Debian's Python for 64-bit Arm, unpacked into a folder and run under qemu."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

PACKAGES = (
    "libc6",
    "libgcc-s1",
    "libstdc++6",
    "libexpat1",
    "zlib1g",
    "libffi8",
    "libssl3",
    "libbz2-1.0",
    "liblzma5",
    "libpython3.11-minimal",
    "libpython3.11-stdlib",
    "python3.11-minimal",
)


def run_smoke_test(wheel: Path, smoke_test: Path, work: Path) -> str:
    """What the test says with NumPy and this wheel, or why it was not run."""
    if shutil.which("qemu-aarch64") is None:
        return "NOT RUN: no qemu-aarch64"
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        return "NOT RUN: no apt-get to fetch Debian's Python for aarch64"
    root = work / "root"
    if not (work / "ready").exists():
        _unpack_debian(work, root)
        _unpack_numpy(work)
        (work / "ready").touch()
    site = work / "site"
    shutil.rmtree(site, ignore_errors=True)
    zipfile.ZipFile(wheel).extractall(site)
    environment = {
        **os.environ,
        "PYTHONPATH": f"{site}{os.pathsep}{work / 'numpy'}",
        "PYTHONHOME": str(root / "usr"),
        "OPENBLAS_NUM_THREADS": "1",
    }
    python = root / "usr" / "bin" / "python3.11"
    command = ["qemu-aarch64", "-L", str(root), str(python), "-W", "error", str(smoke_test)]
    return _run(command, cwd=work, env=environment).strip() + " under qemu"


def _unpack_debian(work: Path, root: Path) -> None:
    """Fetch with a state of apt's own, so that the machine's is left as it is."""
    shutil.rmtree(work, ignore_errors=True)
    for folder in ("lists/partial", "cache/archives/partial", "debs", "root"):
        (work / folder).mkdir(parents=True)
    (work / "status").touch()
    apt = ["apt-get", "-qq", "-o", "APT::Architecture=arm64", "-o", "APT::Architectures=arm64"]
    apt += ["-o", f"Dir::State::lists={work / 'lists'}", "-o", f"Dir::Cache={work / 'cache'}"]
    apt += ["-o", f"Dir::State::status={work / 'status'}", "-o", "APT::Sandbox::User=root"]
    _run([*apt, "update"])
    _run([*apt, "download", *PACKAGES], cwd=work / "debs")
    for package in sorted((work / "debs").glob("*.deb")):
        _run(["dpkg-deb", "--extract", str(package), str(root)])


def _unpack_numpy(work: Path) -> None:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(work)]
    command += ["--only-binary=:all:", "--python-version", "3.11", "--disable-pip-version-check"]
    for tag in ("manylinux_2_27_aarch64", "manylinux_2_28_aarch64", "manylinux_2_17_aarch64"):
        command += ["--platform", tag]
    _run([*command, "numpy"])
    (wheel,) = work.glob("numpy-*.whl")
    zipfile.ZipFile(wheel).extractall(work / "numpy")


def _run(command: list[str], **options: Any) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: status {done.returncode}\n{done.stdout}{done.stderr}")
    return str(done.stdout)
