"""Builds Pythons from Debian's source packages."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

JOBS = f"-j{os.cpu_count() or 1}"


def build(commands: list[list[str]], folder: Path) -> None:
    """Run these in folder/build; what they say goes to folder/log."""
    work = folder / "build"
    work.mkdir(parents=True, exist_ok=True)
    with (folder / "log").open("w") as log:
        for command in commands:
            done = subprocess.run(command, cwd=work, stdout=log, stderr=log, check=False)
            if done.returncode != 0:
                raise RuntimeError(f"{command[0]}: status {done.returncode}; see {folder / 'log'}")
