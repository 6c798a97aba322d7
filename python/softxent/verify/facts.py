"""What a report says about a model and the programs that ran it."""

from __future__ import annotations

import os
from dataclasses import asdict
from hashlib import sha256
from importlib import import_module
from typing import Any

import onnx

import softxent
from softxent._machine.optional import available
from softxent.onnx.options import Options


def facts(
    path: str, model: onnx.ModelProto, claim: str, options: Options, rows: int | None
) -> dict[str, Any]:
    """Name the file, what it claims to be, its versions, and those of all programs."""
    programs = ["onnx", "onnxruntime", "numpy"] + ["torch"] * available("torch")
    versions = {name: str(import_module(name).__version__) for name in programs}
    opsets = {item.domain.removeprefix("ai.onnx"): item.version for item in model.opset_import}
    return {
        "file": os.path.basename(path),
        "claim": claim,
        "sha256": sha256(model.SerializeToString(deterministic=True)).hexdigest(),
        "rows": rows,
        "opset": opsets.get("", next(iter(opsets.values()))),
        "ir_version": model.ir_version,
        "producer": f"{model.producer_name} {model.producer_version}".strip(),
        "options": asdict(options),
        "softxent": softxent.__version__,
        **versions,
    }
