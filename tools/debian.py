"""Packages of any of Debian's suites in folders of their own; the machine's apt stays as it is."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any


class Unavailable(Exception):
    """What is missing here, or what Debian does not hand out."""


def unpack(packages: list[str], suite: str, architecture: str, folder: Path) -> Path:
    """The root of a system of these packages and what they need, unpacked once and kept."""
    root = folder / "root"
    if not (folder / "ready").exists():
        apt = _apt("deb", suite, architecture, folder)
        command = [*apt, "--yes", "--no-install-recommends", "--download-only", "install"]
        _run([*command, *packages])
        root.mkdir()
        for package in sorted((folder / "cache" / "archives").glob("*.deb")):
            _run(["dpkg-deb", "--extract", str(package), str(root)])
        _link_to_usr(root)
        shutil.rmtree(folder / "cache")
        (folder / "ready").touch()
    return root


def _link_to_usr(root: Path) -> None:
    """What newer suites keep under usr alone is looked for in the root, too."""
    for name in ("bin", "lib", "lib64", "sbin"):
        if (root / "usr" / name).exists() and not (root / name).exists():
            (root / name).symlink_to(Path("usr") / name)


def source(package: str, suite: str, folder: Path) -> Path:
    """The folder of a package's source as its authors released it, unpacked once and kept."""
    if not (folder / "ready").exists():
        apt = _apt("deb-src", suite, _run(["dpkg", "--print-architecture"]).strip(), folder)
        _run([*apt, "source", "--download-only", package], cwd=folder)
        files = (folder.glob(f"*.orig.tar.{ending}") for ending in ("gz", "xz", "bz2"))
        (archive,) = (file for found in files for file in found)
        (folder / "source").mkdir()
        _run(["tar", "--extract", "--file", str(archive), "--directory", str(folder / "source")])
        (folder / "ready").touch()
    (content,) = (folder / "source").iterdir()
    return content


def _apt(kind: str, suite: str, architecture: str, folder: Path) -> list[str]:
    """apt-get that knows this suite alone and takes nothing for installed."""
    missing = next((name for name in ("apt-get", "dpkg-deb") if shutil.which(name) is None), None)
    if missing:
        raise Unavailable(f"no {missing} here")
    shutil.rmtree(folder, ignore_errors=True)
    for name in ("lists/partial", "cache/archives/partial"):
        (folder / name).mkdir(parents=True)
    (folder / "status").touch()
    (folder / "sources").write_text(f"{kind} {_site()} {suite} main\n")
    options = {
        "Dir::State::lists": folder / "lists",
        "Dir::State::status": folder / "status",
        "Dir::Cache": folder / "cache",
        "Dir::Etc::sourcelist": folder / "sources",
        "Dir::Etc::sourceparts": os.devnull,
        "APT::Architecture": architecture,
        "APT::Architectures": architecture,
        "APT::Sandbox::User": "root",
        "Acquire::Languages": "none",
    }
    apt = ["apt-get", "-qq"]
    for name, value in options.items():
        apt += ["-o", f"{name}={value}"]
    _run([*apt, "update"])
    return apt


def _site() -> str:
    """Where this machine's own apt takes Debian's packages from."""
    if shutil.which("apt-get") is None:
        raise Unavailable("no apt-get here")
    form = "$(ORIGIN) $(COMPONENT) $(REPO_URI)"
    lines = _run(["apt-get", "indextargets", "--format", form, "Created-By: Packages"])
    for origin, component, address in (line.split(maxsplit=2) for line in lines.splitlines()):
        if origin == "Debian" and component == "main" and "security" not in address:
            return address
    raise Unavailable("apt knows no address of Debian's packages; apt-get update?")


def _run(command: list[str], **options: Any) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    if done.returncode != 0:
        lines = (done.stderr or done.stdout).strip().splitlines() or [f"status {done.returncode}"]
        raise Unavailable(f"{command[0]}: {lines[0]}")
    return done.stdout
