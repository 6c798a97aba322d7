"""Every block of code in README, CONTRIBUTING and docs/ runs, in the order of its page.

Python prints what the page says it prints, commands of softxent end with status 0, C compiles,
links and runs. What a page takes for granted, such as the reader's data, is made in `documents`.
"""

from __future__ import annotations

import ast
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

import softxent
from documents import PAGES, ROOT, blocks, programs, surroundings
from softxent.cli import main

KINDS = {"python", "console", "c", "cmake", "text"}


def having(kind: str) -> list[str]:
    return [page for page in PAGES if any(block.kind == kind for block in blocks(page))]


def packages(program: str) -> set[str]:
    """The packages that a program imports."""
    names = set()
    for node in ast.walk(ast.parse(program)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            names.add(node.module)
    return {name.partition(".")[0] for name in names} - {"softxent"}


@pytest.mark.parametrize("page", PAGES)
def test_every_block_is_of_a_kind_that_runs(page: str) -> None:
    assert {block.kind for block in blocks(page)} <= KINDS


@pytest.mark.parametrize("page", having("python"))
def test_python_runs(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = list(programs(page))
    for package in sorted(set().union(*(packages(program) for _, program in found))):
        pytest.importorskip(package)
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, Any] = {"__name__": page} | surroundings(page)
    for block, program in found:
        capsys.readouterr()
        exec(compile(program, str(PAGES[page]), "exec"), namespace)
        if block.output is not None:
            assert capsys.readouterr().out == block.output, f"{page}, line {block.line}"


@pytest.mark.parametrize("page", having("console"))
def test_commands_run(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of softxent; of make, that there is such a target."""
    pytest.importorskip("onnxruntime")
    monkeypatch.chdir(tmp_path)
    text = "".join(block.text for block in blocks(page) if block.kind == "console")
    lines = re.findall(r"^\$ (.+?)$", text.replace("\\\n", " "), re.MULTILINE)
    assert lines, "a console block without a command"
    commands = [shlex.split(line, comments=True) for line in lines]
    if any(command[0] == "softxent" for command in commands):
        surroundings(page)
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for command in commands:
        while "=" in command[0]:
            command.pop(0)
        if command[0] == "softxent":
            assert main(command[1:]) == 0, " ".join(command)
        elif command[0] == "make":
            assert set(command[1:]) <= targets
        else:
            assert command[0] in {"pip", "pytest"}


@pytest.mark.parametrize("page", having("c"))
def test_c_runs(page: str, tmp_path: Path) -> None:
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler")
    library = Path(softxent.get_library())
    for block in blocks(page):
        if block.kind != "c":
            continue
        source, program = tmp_path / "page.c", tmp_path / "page"
        source.write_text(block.text, encoding="utf-8")
        flags = ["-std=c11", "-Wall", "-Werror", f"-I{softxent.get_include()}", "-o", str(program)]
        libraries = [str(library), f"-Wl,-rpath,{library.parent}", "-lm", "-lpthread"]
        subprocess.run([compiler, *flags, str(source), *libraries], check=True)
        done = subprocess.run([str(program)], capture_output=True, text=True, check=True)
        assert done.stdout == block.output


@pytest.mark.parametrize("page", having("cmake"))
def test_cmake_is_that_of_the_tested_consumer(page: str) -> None:
    consumer = (ROOT / "tests" / "c" / "consumer" / "CMakeLists.txt").read_text(encoding="utf-8")
    for block in blocks(page):
        if block.kind == "cmake":
            assert set(block.text.splitlines()) <= set(consumer.splitlines())


def test_links_of_the_readme_lead_somewhere() -> None:
    """The build of the site checks those of docs/."""
    text = PAGES["README.md"].read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#\s]+)", text) + re.findall(r'(?:src|srcset)="([^"]+)"', text)
    local = [link for link in links if "://" not in link]
    assert local
    assert [link for link in local if not (ROOT / link).exists()] == []
