"""Why a model cannot be run by CUDA, in one line; what is set before it is. Needs no GPU."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from softxent import cli
from softxent.models import NeuralNet2

pytest.importorskip("onnxruntime")

from softxent.onnx import export
from softxent.verify import cuda, verify
from softxent.verify.runtime import SHORT_NAMES

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="nvidia-smi is a shell script here")


@pytest.fixture
def driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Put an nvidia-smi first on the path that prints this and ends so; None for no nvidia-smi."""

    def put(output: str | None, status: int = 0) -> None:
        folder = tmp_path / "bin"
        folder.mkdir()
        if output is not None:
            program = folder / "nvidia-smi"
            program.write_text(f"#!/bin/sh\ncat <<'END'\n{output}\nEND\nexit {status}\n")
            program.chmod(0o755)
        path = f"{folder}{os.pathsep}/bin" if output is not None else str(folder)
        monkeypatch.setenv("PATH", path)

    return put


def build(
    monkeypatch: pytest.MonkeyPatch, cuda_version: str, *, version: str = "1.31.1", gpu: bool = True
) -> None:
    """Make onnxruntime a build for this CUDA."""
    providers = [cuda.PROVIDER] * gpu + ["CPUExecutionProvider"]
    monkeypatch.setattr(cuda.onnxruntime, "get_available_providers", lambda: providers)
    monkeypatch.setattr(cuda.onnxruntime, "cuda_version", cuda_version, raising=False)
    monkeypatch.setattr(cuda.onnxruntime, "__version__", version)


def test_no_driver(driver) -> None:
    driver(None)
    assert cuda.why_not() == "this machine has no NVIDIA driver (nvidia-smi is not there)"


@pytest.mark.parametrize(
    ("output", "status"),
    [("No devices were found", 0), ("NVIDIA-SMI has failed because it is not there.", 9)],
)
def test_no_gpu(output: str, status: int, driver) -> None:
    driver(output, status)
    assert cuda.why_not() == f"nvidia-smi finds no GPU: {output}"


def test_old_driver(driver) -> None:
    driver("Tesla K80, 470.82.01, 3.7, 11441 MiB")
    assert "driver 470.82.01 is older than 525" in cuda.why_not()


@pytest.mark.parametrize(
    ("version", "wanted"),
    [
        ("580.65.06", "onnxruntime-gpu[cuda,cudnn]>=1.27"),
        ("595.10", "onnxruntime-gpu[cuda,cudnn]>=1.27"),
        ("579.99", "onnxruntime-gpu[cuda,cudnn]>=1.20,<1.27"),
        ("525.60.13", "onnxruntime-gpu[cuda,cudnn]>=1.20,<1.27"),
        ("524.9", None),
    ],
)
def test_the_driver_chooses_the_build(version: str, wanted: str | None) -> None:
    assert cuda.requirement(version) == wanted


def test_build_for_the_cpu_is_named_with_what_to_install(driver, monkeypatch) -> None:
    driver("NVIDIA L4, 550.54.15, 8.9, 23034 MiB")
    build(monkeypatch, "", gpu=False)
    reason = cuda.why_not()
    assert "1.31.1 is a build without CUDA" in reason
    assert reason.endswith("pip install 'onnxruntime-gpu[cuda,cudnn]>=1.20,<1.27'")


def test_both_builds_installed_are_told(driver, monkeypatch) -> None:
    driver("NVIDIA H200, 580.65.06, 9.0, 143771 MiB")
    build(monkeypatch, "", gpu=False)
    monkeypatch.setattr(cuda, "_version", lambda name: "1.31.1")
    assert "both installed" in cuda.why_not()


def test_build_for_a_newer_cuda_than_the_driver(driver, monkeypatch) -> None:
    driver("NVIDIA L4, 550.54.15, 8.9, 23034 MiB")
    build(monkeypatch, "13.0")
    reason = cuda.why_not()
    assert "built for CUDA 13, which needs driver 580 or later, and this is 550.54.15" in reason
    assert "\n" not in reason and "<1.27" in reason


def test_gpu_too_old_for_cuda_13(driver, monkeypatch) -> None:
    driver("Tesla V100-SXM2-16GB, 580.65.06, 7.0, 16384 MiB")
    build(monkeypatch, "13.0")
    assert "Tesla V100-SXM2-16GB has compute capability 7.0" in cuda.why_not()


@pytest.mark.parametrize(
    ("line", "version"),
    [
        ("NVIDIA H200, 580.65.06, 9.0, 143771 MiB", "13.0"),
        ("NVIDIA H200, 580.65.06, 9.0, 143771 MiB", "12.8"),
        ("Tesla V100-SXM2-16GB, 550.54.15, 7.0, 16384 MiB", "12.4"),
    ],
)
def test_nothing_in_the_way(line: str, version: str, driver, monkeypatch) -> None:
    driver(line)
    build(monkeypatch, version)
    assert cuda.why_not() == ""
    facts = cuda.facts()
    name, number, capability, memory = line.split(", ")
    assert facts["gpu"] == name and facts["driver"] == number
    assert facts["compute_capability"] == capability and facts["memory"] == memory
    assert facts["built_for_cuda"] == version and facts["why_not"] is None


@pytest.mark.parametrize(
    ("before", "after"), [(None, "2"), ("0", "2"), ("1", "2"), ("5", "6"), ("2", "2"), ("x", "2")]
)
def test_float16_products_are_added_in_float32(before: str | None, after: str, monkeypatch) -> None:
    loaded: list[bool] = []
    monkeypatch.setattr(cuda.onnxruntime, "preload_dlls", lambda: loaded.append(True))
    monkeypatch.setenv("ORT_CUDA_GEMM_OPTIONS", "2")  # to be restored
    if before is None:
        monkeypatch.delenv("ORT_CUDA_GEMM_OPTIONS")
    else:
        monkeypatch.setenv("ORT_CUDA_GEMM_OPTIONS", before)
    cuda.prepare.__wrapped__()
    assert os.environ["ORT_CUDA_GEMM_OPTIONS"] == after
    assert loaded == [True]


def test_without_a_gpu_it_is_a_failure_that_the_report_explains(
    driver, tmp_path: Path, capsys
) -> None:
    driver(None)
    net = NeuralNet2(4, 3, 2, seed=0)
    path = tmp_path / "model.onnx"
    export(net, path, head="logits")
    X = np.zeros((3, 4), np.float32)
    report = verify(path, X, providers=["cuda"], batch_sizes=())
    assert not report.passed and report.outcome == "wrong" and not report.comparisons
    (failure,) = report.failures
    assert "CUDAExecutionProvider cannot run here: this machine has no NVIDIA driver" in failure
    assert report.facts["cuda"]["gpu"] is None
    assert report.facts["cuda"]["why_not"] in failure
    np.save(tmp_path / "X.npy", X)
    arguments = ["verify", str(path), "--data", str(tmp_path / "X.npy"), "--provider", "cuda"]
    assert cli.main([*arguments, "--json"]) == 1
    stored = json.loads(capsys.readouterr().out)
    assert stored["passed"] is False and stored["facts"]["cuda"] == report.facts["cuda"]


def test_short_names_are_those_of_onnxruntime(tmp_path: Path) -> None:
    assert SHORT_NAMES["cpu"] == "CPUExecutionProvider"
    net = NeuralNet2(4, 3, 2, seed=0)
    path = tmp_path / "model.onnx"
    export(net, path, head="logits")
    report = verify(path, np.zeros((3, 4), np.float32), providers=["cpu"], batch_sizes=())
    assert report.passed and "cuda" not in report.facts
