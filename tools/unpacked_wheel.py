"""Wheels unpacked beside NumPy's, and run by a Python that has no pip of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path


def tried(
    command: list[str], wheel: Path, version: str, tags: list[str], folder: Path, **variables: str
) -> str:
    """What a program says that runs with this wheel and NumPy's newest of one of these tags."""
    site = folder / "site"
    shutil.rmtree(site, ignore_errors=True)
    zipfile.ZipFile(wheel).extractall(site)
    path = os.pathsep.join([str(site), str(_numpy(version, tags, folder / "numpy"))])
    environment = {**os.environ, **variables, "PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1"}
    return output(command, cwd=folder, env=environment)


def _numpy(version: str, tags: list[str], folder: Path) -> Path:
    if not folder.exists():
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
        command += ["--target", str(folder), "--only-binary=:all:", "--python-version", version]
        for tag in tags:
            command += ["--platform", tag]
        output([*command, "--disable-pip-version-check", "numpy"])
    return folder


def output(command: list[str], **options: object) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: status {done.returncode}\n{done.stdout}{done.stderr}")
    return str(done.stdout).strip()
