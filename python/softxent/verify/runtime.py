"""The model run by onnxruntime, on exactly the provider that was asked for."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import onnx
import onnxruntime

from softxent.verify import cuda
from softxent.verify.arithmetic import Array

#: Options without which a provider computes with less precision than the model's type has.
FULL_PRECISION = {cuda.PROVIDER: {"use_tf32": "0"}}
#: What command lines call the providers.
SHORT_NAMES = {"cpu": "CPUExecutionProvider", "cuda": cuda.PROVIDER}

#: Operators that do the work; placed elsewhere, the provider was not tested.
_ESSENTIAL = {"Gemm", "MatMul", "FusedGemm", "FusedMatMul", "Softmax", "LogSoftmax"}

_FATAL_ONLY = 4


class ProviderUnavailable(RuntimeError):
    """A provider that was asked for cannot be had, or cannot run the model."""


class Session:
    """A model loaded into onnxruntime.

    Parameters
    ----------
    model : onnx.ModelProto
        The model.
    provider : str
        Name of the execution provider.
    profile : path-like, optional
        Prefix of a file to which onnxruntime writes what it ran where.
    threads : int
        Number of threads on the CPU; 0 for onnxruntime's choice.

    Raises
    ------
    ProviderUnavailable
        If this onnxruntime lacks the provider, or would run the model on another one instead.
    """

    def __init__(
        self,
        model: onnx.ModelProto,
        provider: str,
        *,
        profile: Path | None = None,
        threads: int = 0,
    ) -> None:
        if provider == cuda.PROVIDER:
            if reason := cuda.why_not():
                raise ProviderUnavailable(f"{provider} cannot run here: {reason}")
            cuda.prepare()
        available = onnxruntime.get_available_providers()
        if provider not in available:
            raise ProviderUnavailable(
                f"{provider} was asked for, but this onnxruntime has {', '.join(available)}"
            )
        options = onnxruntime.SessionOptions()
        options.log_severity_level = _FATAL_ONLY
        options.intra_op_num_threads = threads
        # Threads that spin while they wait take the cores from what is timed next.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        if profile is not None:
            options.enable_profiling = True
            options.profile_file_prefix = str(profile)
        try:
            self._session = onnxruntime.InferenceSession(
                model.SerializeToString(),
                options,
                providers=[(provider, FULL_PRECISION.get(provider, {}))],
            )
        except Exception as error:  # onnxruntime has no common class for its errors
            raise ProviderUnavailable(f"{provider} cannot load the model: {error}") from error
        if self._session.get_providers()[0] != provider:
            raise ProviderUnavailable(
                f"{provider} was asked for, but onnxruntime chose "
                f"{', '.join(self._session.get_providers())}"
            )
        self.provider = provider
        self.outputs = [output.name for output in self._session.get_outputs()]

    def run(self, feeds: dict[str, Array]) -> dict[str, Array]:
        """Compute all outputs."""
        return dict(zip(self.outputs, self._session.run(None, feeds), strict=True))

    def end_profiling(self) -> Path:
        """Stop profiling; the path of the profile."""
        return Path(self._session.end_profiling())


def machine(providers: Iterable[str]) -> dict[str, Any]:
    """Name what the providers that were asked for run on, for the facts of a report."""
    return {"cuda": cuda.facts()} if cuda.PROVIDER in providers else {}


def describe(provider: str) -> str:
    """Say that a provider was used, and how."""
    options = FULL_PRECISION.get(provider)
    if not options:
        return f"{provider} was available and used"
    stated = ", ".join(f"{name}={value}" for name, value in options.items())
    return (
        f"{provider} was available and used with {stated}, so float32 products are not rounded to "
        "TF32"
    )


def placement(model: onnx.ModelProto, provider: str, feeds: dict[str, Array]) -> tuple[bool, str]:
    """Find out which operators a provider really ran.

    Returns
    -------
    (bool, str)
        Whether it ran all that matters, and a sentence.
    """
    with tempfile.TemporaryDirectory() as folder:
        session = Session(model, provider, profile=Path(folder) / "profile")
        session.run(feeds)
        events: list[dict[str, Any]] = json.loads(session.end_profiling().read_text())
    kernels = [e["args"] for e in events if e.get("cat") == "Node" and "provider" in e["args"]]
    elsewhere = Counter(k["op_name"] for k in kernels if k["provider"] != provider)
    share = f"{len(kernels) - elsewhere.total()} of {len(kernels)} nodes ran on {provider}"
    if not elsewhere:
        return bool(kernels), share
    moved = ", ".join(f"{name} × {count}" for name, count in sorted(elsewhere.items()))
    return not _ESSENTIAL & set(elsewhere), f"{share}; elsewhere: {moved}"
