"""Whether this machine and this onnxruntime can run a model by CUDA, and on what they would."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from functools import cache
from importlib import metadata
from typing import Any, NamedTuple

import onnxruntime

__all__ = ["PROVIDER", "facts", "prepare", "requirement", "why_not"]

PROVIDER = "CUDAExecutionProvider"

#: The first driver for each CUDA, by NVIDIA's table of minor version compatibility.
_FIRST_DRIVER = {13: 580, 12: 525}
#: The last onnxruntime-gpu on PyPI that is built for CUDA 12 is 1.26.
_REQUIREMENT = {
    13: "onnxruntime-gpu[cuda,cudnn]>=1.27",
    12: "onnxruntime-gpu[cuda,cudnn]>=1.20,<1.27",
}
#: The least compute capability of CUDA 13.
_LEAST_CAPABILITY = (7, 5)

_GEMM_OPTIONS = "ORT_CUDA_GEMM_OPTIONS"
_COMPUTE_IN_FLOAT16, _NO_REDUCED_PRECISION = 1, 2


class Gpu(NamedTuple):
    """One line of nvidia-smi."""

    name: str
    driver: str
    capability: str
    memory: str


def why_not() -> str:
    """
    Say in one line why no model can be run by CUDA here.

    Returns
    -------
    str
        The reason and, where something else has to be installed, what; empty if nothing is known to
        be in the way.
    """
    gpu, problem = _gpu()
    if gpu is None:
        return problem
    wanted = requirement(gpu.driver)
    if wanted is None:
        return f"driver {gpu.driver} is older than {_FIRST_DRIVER[12]}, the first for CUDA 12"
    if PROVIDER not in onnxruntime.get_available_providers():
        return f"{_cpu_build()}, then pip install '{wanted}'"
    built = _cuda_of_build()
    if built is not None and built > max(_cudas(gpu.driver)):
        return (
            f"onnxruntime {onnxruntime.__version__} is built for CUDA {built}, which needs driver "
            f"{_FIRST_DRIVER.get(built, 'newer than')} or later, and this is {gpu.driver}: "
            f"pip install '{wanted}'"
        )
    if built == 13 and _numbers(gpu.capability) < _LEAST_CAPABILITY:
        return (
            f"{gpu.name} has compute capability {gpu.capability}; CUDA 13 needs "
            f"7.5: pip install '{_REQUIREMENT[12]}'"
        )
    return ""


def requirement(driver: str) -> str | None:
    """
    Name the onnxruntime-gpu that runs with a driver.

    Parameters
    ----------
    driver : str
        Its version: "580.65.06".

    Returns
    -------
    str or None
        For pip; None for a driver that is too old for any.
    """
    cudas = _cudas(driver)
    return _REQUIREMENT[max(cudas)] if cudas else None


@cache
def prepare() -> None:
    """
    Load pip's CUDA libraries, and have cuBLAS add products of float16 in float32.

    The bounds are those of such sums; without this it may add them in float16 to save time. Both
    act on the sessions that are made afterwards, and only before the first one by CUDA.
    """
    value = os.environ.get(_GEMM_OPTIONS, "")
    options = int(value) if value.isdecimal() else 0
    os.environ[_GEMM_OPTIONS] = str(options & ~_COMPUTE_IN_FLOAT16 | _NO_REDUCED_PRECISION)
    if hasattr(onnxruntime, "preload_dlls"):
        onnxruntime.preload_dlls()


def facts() -> dict[str, Any]:
    """
    Name what a model runs on by CUDA; None for what is not there or not known.

    Returns
    -------
    dict
        ``gpu``, ``driver``, ``compute_capability``, ``memory``, ``build`` (of onnxruntime),
        ``built_for_cuda``, ``cudnn``, ``gemm_options`` and ``why_not``.
    """
    gpu, _ = _gpu()
    return {
        "gpu": gpu and gpu.name,
        "driver": gpu and gpu.driver,
        "compute_capability": gpu and gpu.capability,
        "memory": gpu and gpu.memory,
        "build": onnxruntime.get_build_info(),
        "built_for_cuda": getattr(onnxruntime, "cuda_version", None) or None,
        "cudnn": _cudnn(),
        "gemm_options": os.environ.get(_GEMM_OPTIONS),
        "why_not": why_not() or None,
    }


def _gpu() -> tuple[Gpu | None, str]:
    """The first GPU, or why there is none."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return None, "this machine has no NVIDIA driver (nvidia-smi is not there)"
    query = f"--query-gpu={','.join(('name', 'driver_version', 'compute_cap', 'memory.total'))}"
    try:
        done = subprocess.run(
            [program, query, "--format=csv,noheader"],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return None, f"nvidia-smi cannot be run: {error}"
    lines = (done.stdout.strip() or done.stderr.strip()).splitlines()
    first = lines[0] if lines else f"status {done.returncode}, no output"
    fields = [field.strip() for field in first.split(",")]
    if done.returncode != 0 or len(fields) != len(Gpu._fields):
        return None, f"nvidia-smi finds no GPU: {first}"
    return Gpu(*fields), ""


def _cudas(driver: str) -> list[int]:
    """The versions of CUDA that a driver runs."""
    return [cuda for cuda, first in _FIRST_DRIVER.items() if _numbers(driver) >= (first,)]


def _cuda_of_build() -> int | None:
    major = str(getattr(onnxruntime, "cuda_version", "") or "").partition(".")[0]
    return int(major) if major.isdecimal() else None


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdecimal())


def _cpu_build() -> str:
    """Say which build of onnxruntime is imported though it cannot use CUDA."""
    both = [name for name in ("onnxruntime", "onnxruntime-gpu") if _version(name)]
    if len(both) == 2:
        return (
            "onnxruntime and onnxruntime-gpu are both installed, in one folder, and the build for "
            "the CPU is found there: pip uninstall both"
        )
    return (
        f"onnxruntime {onnxruntime.__version__} is a build without CUDA: "
        f"pip uninstall {both[0] if both else 'onnxruntime'}"
    )


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def _cudnn() -> str | None:
    """The version of cuDNN that is loaded or would be."""
    for name in ("libcudnn.so.9", "cudnn64_9.dll"):
        try:
            number = int(ctypes.CDLL(name).cudnnGetVersion())
        except (OSError, AttributeError):
            continue
        return f"{number // 10000}.{number // 100 % 100}.{number % 100}"
    return _version("nvidia-cudnn-cu13") or _version("nvidia-cudnn-cu12")
