"""The pages of the documentation: their blocks of code, and what their readers have at hand."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = {
    str(path.relative_to(ROOT)): path
    for path in (
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        *sorted((ROOT / "docs").rglob("*.md")),
    )
}

_BLOCK = re.compile(
    r"^(?P<fence>`{3,}|:{3,})(?P<kind>[^\n]*)\n(?P<text>.*?)^(?P=fence)$", re.M | re.S
)


@dataclass(frozen=True)
class Block:
    """A block of code; `line` is where its text begins, `output` what the page says it prints."""

    kind: str
    text: str
    line: int
    output: str | None = None


def blocks(page: str) -> list[Block]:
    """The blocks of a page but for directives; a block "text" right after code is its output."""
    text = PAGES[page].read_text(encoding="utf-8")
    found = [
        m for m in _BLOCK.finditer(text) if m["fence"].startswith("`") and m["kind"][:1] != "{"
    ]
    result: list[Block] = []
    for place, match in enumerate(found):
        after = found[place + 1] if place + 1 < len(found) else None
        follows = (
            after is not None
            and after["kind"] == "text"
            and not text[match.end() : after.start()].strip()
        )
        line = text.count("\n", 0, match.start("text"))
        output = after["text"] if after is not None and follows else None
        result.append(Block(match["kind"], match["text"], line, output))
    return result


def programs(page: str) -> Iterator[tuple[Block, str]]:
    """The Python blocks, each behind as many empty lines as put it where it stands in the page."""
    for block in blocks(page):
        if block.kind == "python":
            yield block, "\n" * block.line + block.text


def surroundings(page: str) -> dict[str, Any]:
    """Write the files that a page takes for granted into the current folder; give its variables."""
    prepare = _PREPARATIONS.get(page)
    return {} if prepare is None else prepare()


def _animals() -> dict[str, Any]:
    kinds = {"ant": (6, 0.01, 1, 1), "bee": (6, 0.1, 2, 1), "cat": (4, 4000, 50, 9)}
    lines = ["legs,weight,length,age,kind"]
    lines += [f"{','.join(map(str, row))},{name}" for name, row in kinds.items() for _ in range(8)]
    Path("animals.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return {}


def _iris_tables() -> None:
    from foreign_models import iris

    X, names = iris()
    columns = "sepal length,sepal width,petal length,petal width"
    rows = [",".join(f"{value:g}" for value in row) for row in X]
    labelled = [f"{row},{name}" for row, name in zip(rows, names, strict=True)]
    Path("mine.csv").write_text(
        "\n".join([f"{columns},species", *labelled]) + "\n", encoding="utf-8"
    )
    Path("new.csv").write_text("\n".join([columns, *rows[::10]]) + "\n", encoding="utf-8")


def _resnet() -> tuple[Any, np.ndarray]:
    import torch

    from foreign_models import IMAGE, from_torch, residual_net

    module = residual_net()
    images = np.random.default_rng(0).standard_normal((16, *IMAGE)).astype(np.float32)
    from_torch(module, Path("resnet.onnx"), torch.from_numpy(images[:2]), dynamo=False)
    np.save("images.npy", images)
    return module, images


def _command_line() -> dict[str, Any]:
    _iris_tables()
    _resnet()
    return {}


def _onnx() -> dict[str, Any]:
    import onnx
    from onnx import TensorProto, helper

    from foreign_models import classifier, from_sklearn, iris

    linear = pytest.importorskip("sklearn.linear_model")
    from softxent.models import NeuralNet2

    module, images = _resnet()
    X, names = iris()
    _, y = np.unique(names, return_inverse=True)
    net = NeuralNet2(4, 8, 3, seed=0)
    mask = np.ones((1, 4), np.float32)
    product = helper.make_node("MatMul", ["x", "w"], ["species"])
    heads = [product, helper.make_node("Relu", ["species"], ["other"])]
    outputs = [(name, TensorProto.FLOAT, ("n", 3)) for name in ("species", "other")]
    onnx.save(classifier(heads, outputs), "two-heads.onnx")
    masked = [
        helper.make_node("Mul", ["x", "mask"], ["kept"]),
        helper.make_node("MatMul", ["kept", "w"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["p"], axis=-1),
    ]
    inputs = (("x", TensorProto.FLOAT, ("n", 4)), ("mask", TensorProto.FLOAT, (1, 4)))
    onnx.save(
        classifier(masked, [("p", TensorProto.FLOAT, ("n", 3))], inputs=inputs), "two-inputs.onnx"
    )
    onnx.save(from_sklearn(linear.LogisticRegression(), X, names), "pipeline.onnx")
    batches = [(X[k::10], y[k::10]) for k in range(10)]
    return locals() | {"np": np, "onnxruntime": pytest.importorskip("onnxruntime")}


_PREPARATIONS: dict[str, Callable[[], dict[str, Any]]] = {
    "docs/guide/command-line.md": _command_line,
    "docs/data.md": _animals,
    "docs/onnx.md": _onnx,
}
