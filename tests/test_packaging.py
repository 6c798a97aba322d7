"""What is installed, what it needs, and whether the documentation's examples run."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from importlib import metadata, resources
from pathlib import Path

import pytest

import softxent

ROOT = Path(__file__).resolve().parent.parent
OPTIONAL = (
    "scipy",
    "sklearn",
    "onnx",
    "onnxruntime",
    "torch",
    "matplotlib",
    "jinja2",
    "tqdm",
    "threadpoolctl",
)


def test_version_is_that_of_the_header():
    header = (ROOT / "src" / "softxent.h").read_text()
    (version,) = re.findall(r'#define SXT_VERSION "(.+)"', header)
    assert softxent.__version__ == metadata.version("softxent") == version


def test_changelog_begins_with_this_version():
    changelog = (ROOT / "CHANGELOG.md").read_text()
    assert re.findall(r"^## (\S+)", changelog, re.MULTILINE)[0] == softxent.__version__


def test_citation_is_of_this_version():
    citation = (ROOT / "CITATION.cff").read_text()
    assert re.findall(r"^version: (\S+)", citation, re.MULTILINE) == [softxent.__version__]


@pytest.fixture
def release_files(tmp_path: Path) -> Path:
    for name in ("pyproject.toml", "CITATION.cff"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def name_address(address: str, folder: Path) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, str(ROOT / "tools" / "project_urls.py"), address, "--root"]
    return subprocess.run([*program, str(folder)], capture_output=True, text=True, check=False)


def test_links_of_a_release_are_those_of_its_repository(release_files: Path) -> None:
    address = "https://example.org/team/softxent"
    before = tomllib.loads((release_files / "pyproject.toml").read_text())
    for _ in range(2):  # the second time nothing changes
        done = name_address(address + "/", release_files)
        assert (done.returncode, done.stderr) == (0, "")
        after = tomllib.loads((release_files / "pyproject.toml").read_text())
        links = after["project"].pop("urls")
        assert after == before
        assert links["Source"] == address
        assert links["Changelog"] == f"{address}/blob/HEAD/CHANGELOG.md"
        citation = (release_files / "CITATION.cff").read_text()
        assert citation.count(f'repository-code: "{address}"\n') == 1
    for link in links.values():
        place = link.removeprefix(address).partition("/HEAD/")[2]
        assert (ROOT / place).exists()


@pytest.mark.parametrize("address", ["http://example.org/a/b", "example.org/a/b", "https://a/b"])
def test_links_want_a_whole_address(release_files: Path, address: str) -> None:
    done = name_address(address, release_files)
    assert done.returncode == 2
    assert f"{address!r} is no address" in done.stderr


def test_links_to_another_repository_are_kept(release_files: Path) -> None:
    assert name_address("https://example.org/team/softxent", release_files).returncode == 0
    texts = [path.read_text() for path in sorted(release_files.iterdir())]
    done = name_address("https://example.org/other/softxent", release_files)
    assert done.returncode == 1
    assert "names 'https://example.org/team/softxent'" in done.stderr
    assert [path.read_text() for path in sorted(release_files.iterdir())] == texts


def test_supported_pythons_agree() -> None:
    """Classifiers, requires-python, tools/pick-python, README, Makefile, wheels and workflows."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    named = re.compile(r"Programming Language :: Python :: (3\.\d+)")
    classifiers = [named.fullmatch(name) for name in settings["project"]["classifiers"]]
    versions = [match[1] for match in classifiers if match]
    numbers = [int(version.partition(".")[2]) for version in versions]
    assert numbers == list(range(numbers[0], numbers[-1] + 1))
    first, last = versions[0], versions[-1]
    assert settings["project"]["requires-python"] == f">={first}"
    assert f'versions="{" ".join(versions)}"' in (ROOT / "tools" / "pick-python").read_text()
    for name in ("Makefile", "docs/index.md", "docs/guide/install.md"):
        assert f"Python {first} to {last}" in (ROOT / name).read_text()
    assert f"CPython {first} to {last}" in (ROOT / "README.md").read_text()
    (stable,) = re.fullmatch(
        r"cp3(\d+)", settings["tool"]["scikit-build"]["wheel"]["py-api"]
    ).groups()
    below = [f"cp3{number}-*" for number in numbers if number < int(stable)]
    ordinary = [name for name in settings["tool"]["cibuildwheel"]["build"] if "t-" not in name]
    assert ordinary == [*below, f"cp3{stable}-*"]
    tested = re.findall(r'"(3\.\d+)"', (ROOT / ".github" / "workflows" / "tests.yml").read_text())
    assert {first, last} <= set(tested) <= set(versions)


def test_citation_has_this_version() -> None:
    citation = (ROOT / "CITATION.cff").read_text()
    assert f"\nversion: {softxent.__version__}\n" in citation


def test_base_install_needs_numpy_alone():
    requirements = metadata.requires("softxent") or []
    base = [name for name in requirements if "extra ==" not in name]
    assert [re.split(r"\W", name)[0] for name in base] == ["numpy"]


def test_extras_are_those_of_the_documentation():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = set(project["optional-dependencies"])
    user = {
        "onnx",
        "gpu",
        "torch",
        "safetensors",
        "tables",
        "plot",
        "cli",
        "demo",
        "sklearn",
        "boosting",
    }
    user |= {"dask"}
    assert extras == user | {"test", "bench", "dev", "docs", "web"}
    install = (ROOT / "docs" / "guide" / "install.md").read_text()
    contributing = (ROOT / "CONTRIBUTING.md").read_text()
    assert all(f"`{extra}`" in install for extra in user)
    assert all(f"`{extra}`" in contributing for extra in extras - user)


def test_import_loads_no_optional_package(run_python):
    loaded = run_python(
        "import sys, softxent, softxent.data, softxent.models\n"
        f"print([name for name in {OPTIONAL} if name in sys.modules])"
    )
    assert loaded.strip() == "[]"


@pytest.mark.parametrize(
    "resource",
    [
        "py.typed",
        "_core/binding.pyi",
        "functional/__init__.pyi",
        "functional/_signatures/cross_entropy.pyi",
        "data/files/digits.npz",
        "data/LICENSES.md",
    ]
    + [f"report/templates/{name}.html" for name in ("base", "demo", "verify")],
)
def test_package_contains(resource):
    assert resources.files("softxent").joinpath(resource).is_file()


def test_command_is_installed():
    (entry,) = metadata.entry_points(group="console_scripts", name="softxent")
    assert entry.value == "softxent.cli:main"


def test_tour_page_is_what_its_code_prints():
    pytest.importorskip("matplotlib")
    from softxent.tour import SECTIONS

    page = (ROOT / "docs" / "tour.md").read_text()
    for section in SECTIONS:
        assert section.markdown("tour") in page, f"run make tour: {section.name} has changed"
        assert (ROOT / "docs" / "tour" / f"{section.name}.svg").stat().st_size < 100_000
