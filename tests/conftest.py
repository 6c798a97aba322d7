"""Shared fixtures, and the counts of the conformance suites in the terminal summary."""

from __future__ import annotations

import os
import subprocess
import sys
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator

import numpy as np
import pytest

_SUITE = "conformance suite"

# Markers that the suites of other projects carry into ours.
_FOREIGN_MARKERS = (
    "array_api_backends",
    "skip_xp_backends(backends, ...)",
    "xfail_xp_backends(backends, ...)",
)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "conformance(suite): part of a suite that was written elsewhere; counted"
    )
    for marker in _FOREIGN_MARKERS:
        config.addinivalue_line("markers", f"{marker}: of SciPy's test suite, without effect here")


def pytest_report_header() -> str:
    import softxent

    config = softxent.get_config()
    return (
        f"softxent {config['version']}: isa {config['isa']} of {', '.join(config['isas'])}; "
        f"{config['num_threads']} threads; numpy {np.__version__}"
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        marker = item.get_closest_marker("conformance")
        if marker is not None:
            item.user_properties.append((_SUITE, marker.args[0]))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what became of every test of every conformance suite."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for outcome in ("passed", "failed", "error", "xfailed", "skipped"):
        for report in terminalreporter.getreports(outcome):
            properties = dict(getattr(report, "user_properties", ()))
            if _SUITE in properties:
                deviation = properties.get("deviation")
                kind = f"documented deviations ({deviation})" if deviation else outcome
                counts[properties[_SUITE]][kind] += 1
    absent = [
        report
        for report in terminalreporter.getreports("skipped")
        if "test_conformance_" in report.nodeid and not hasattr(report, "user_properties")
    ]
    if not counts and not absent:
        return
    terminalreporter.section("conformance; deviations are explained in docs/semantics.md")
    for suite, results in sorted(counts.items()):
        detail = ", ".join(f"{count} {kind}" for kind, count in results.items())
        terminalreporter.write_line(f"{suite}: {sum(results.values())} cases: {detail}")
    for report in absent:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        terminalreporter.write_line(f"{report.nodeid}: NOT RUN: {reason}")


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> np.random.Generator:
    """A generator seeded by the test's name; the seed is shown when the test fails."""
    seed = zlib.crc32(request.node.nodeid.encode())
    print(f"seed {seed}")
    return np.random.default_rng(seed)


RunPython = Callable[..., str]


@pytest.fixture
def run_python() -> RunPython:
    """Run code in a fresh interpreter with changed environment variables; return its output."""

    def run(code: str, **environment: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, f"exit status {done.returncode}:\n{done.stdout}{done.stderr}"
        return done.stdout

    return run


@pytest.fixture
def restore_threads() -> Iterator[None]:
    """Put the number of threads back after a test that changes it."""
    import softxent

    before = softxent.get_num_threads()
    yield
    softxent.set_num_threads(before)


@pytest.fixture
def one_torch_thread() -> Iterator[None]:
    """Tiny tensors: PyTorch's threads would wait for each other, for long on a busy machine."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
