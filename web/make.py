#!/usr/bin/env python3
"""Make the static page under build/web: a trained network, its runtime, the C core, the sources.

Needs softxent with the extra `onnx`, node with npm for onnxruntime-web, and Emscripten with CMake
for the core (Debian: nodejs npm emscripten cmake). `make web` calls it.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx

import softxent
from softxent.data import load_digits
from softxent.models import NeuralNet2
from softxent.onnx import attach_loss, export
from softxent.verify import verify
from strokes import strokes_of

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
STATIC = ("index.html", "style.css", "mark.svg")
MODULES = ("app.js", "core.js", "numbers.js", "pixels.js", "runtime.js", "sheet.js")
RUNTIME = ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")
SAMPLES = 10
#: Drawings of each training digit, with other pens and slants, beside its image.
DRAWINGS = 4
TRAINING = {
    "epochs": 30,
    "batch_size": 64,
    "learning_rate": 0.1,
    "momentum": 0.9,
    "weight_decay": 2e-4,
    "schedule": "cosine",
}
#: Bytes, of everything and of what is not the runtime.
LARGEST, LARGEST_OWN = 20_000_000, 1_000_000


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument(
        "--out", type=Path, default=ROOT / "build" / "web", help="default: build/web"
    )
    out = parser.parse_args().out.resolve()
    missing = [
        name for name in ("node", "npm", "emcc", "emcmake", "cmake") if shutil.which(name) is None
    ]
    if missing:
        print(
            f"make web needs {', '.join(missing)} (Debian: nodejs npm emscripten cmake)",
            file=sys.stderr,
        )
        return 2
    fresh = out.with_name(out.name + ".part")
    shutil.rmtree(fresh, ignore_errors=True)
    (fresh / "runtime").mkdir(parents=True)
    copy_sources(fresh)
    copy_runtime(fresh / "runtime", out.with_name(out.name + "-npm"))
    make_core(fresh, out.with_name(out.name + "-core"))
    make_models(fresh)
    weigh(fresh)
    shutil.rmtree(out, ignore_errors=True)
    fresh.rename(out)
    print(
        f"written: {out}; serve it with: python3 -m http.server --directory {os.path.relpath(out)}"
    )
    return 0


def copy_sources(out: Path) -> None:
    for name in (*STATIC, *MODULES):
        shutil.copy(HERE / name, out / name)


def copy_runtime(out: Path, work: Path) -> None:
    """What npm installs by the lock file, without running scripts of packages."""
    work.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, work / name)
    run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent", folder=work)
    for name in RUNTIME:
        shutil.copy(work / "node_modules" / "onnxruntime-web" / "dist" / name, out / name)


def make_core(out: Path, work: Path) -> None:
    """The C core as core.wasm, which needs no script of Emscripten's."""
    flags = ("-DCMAKE_BUILD_TYPE=Release", "-DSOFTXENT_TESTS=OFF")
    run("emcmake", "cmake", "-S", str(ROOT), "-B", str(work), *flags)
    run("cmake", "--build", str(work), "--parallel")
    (library,) = work.glob("libsoftxent.a")
    settings = ("STANDALONE_WASM", "FILESYSTEM=0", "STRICT", "ALLOW_MEMORY_GROWTH")
    exported = "-sEXPORTED_FUNCTIONS=_malloc,_free,_page_softmax,_page_cross_entropy"
    run(
        *("emcc", "-O2", "--no-entry", f"-I{ROOT / 'src'}", str(HERE / "core.c"), str(library)),
        *(f"-s{setting}" for setting in settings),
        *(exported, "-o", str(out / "core.wasm")),
    )


def make_models(out: Path) -> None:
    """digits.onnx with probabilities and loss, example.onnx with the loss of given logits."""
    train, test = load_digits().split(seed=0)
    net = NeuralNet2(784, 64, 10, seed=0)
    X = np.concatenate([train.X, drawn(train.X)])
    net.fit(X, np.tile(train.y, 1 + DRAWINGS), progress=False, **TRAINING)
    net.save(out.with_name("web-net.npz"))
    export(net, out / "probabilities.onnx", head="probabilities")
    attach_loss(out / "probabilities.onnx", "logits", out / "digits.onnx", reduction="sum")
    (out / "probabilities.onnx").unlink()
    report = verify(out / "digits.onnx", test.X, test.y, batch_sizes=())
    if not report.passed:
        sys.exit(str(report))
    onnx.save(loss_of_logits(), out / "example.onnx")
    chosen = [int(np.flatnonzero(test.y == digit)[0]) for digit in range(SAMPLES)]
    samples = [strokes_of(test.X[k]) for k in chosen]
    facts = {"version": softxent.__version__, "strokes": samples}
    (out / "samples.json").write_text(json.dumps(facts), encoding="utf-8")
    print(f"the network reads {(net.predict(test.X) == test.y).mean():.1%} of the digits held out")


def drawn(images: np.ndarray) -> np.ndarray:
    """What the page would see if the digits were drawn there, by its own code, in node."""
    rng = np.random.default_rng(0)
    drawings = []
    for _ in range(DRAWINGS):
        for image in images:
            turn = np.eye(2) + rng.normal(scale=0.12, size=(2, 2))
            strokes = [(np.array(stroke) @ turn).tolist() for stroke in strokes_of(image)]
            drawings.append({"strokes": strokes, "pen": rng.uniform(3.5, 6)})
    done = subprocess.run(
        ["node", str(HERE / "render.js")],
        input=json.dumps(drawings).encode(),
        capture_output=True,
        check=False,
    )
    if done.returncode != 0:
        sys.exit(f"render.js: {done.stderr.decode()}")
    return np.frombuffer(done.stdout, np.float32).reshape(-1, images.shape[1])


def loss_of_logits() -> onnx.ModelProto:
    """The standard operator alone, as any exporter writes it."""
    from onnx import TensorProto, helper

    node = helper.make_node(
        "SoftmaxCrossEntropyLoss", ["logits", "target"], ["loss"], reduction="sum"
    )
    inputs = [
        helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", "classes"]),
        helper.make_tensor_value_info("target", TensorProto.INT64, ["n"]),
    ]
    outputs = [helper.make_tensor_value_info("loss", TensorProto.FLOAT, [])]
    graph = helper.make_graph([node], "example", inputs, outputs)
    return helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 17)])


def weigh(out: Path) -> None:
    sizes = {path: path.stat().st_size for path in out.rglob("*") if path.is_file()}
    whole = sum(sizes.values())
    own = sum(size for path, size in sizes.items() if path.parent.name != "runtime")
    print(f"{whole / 1e6:.1f} MB, {own / 1e6:.2f} MB without the runtime")
    if whole > LARGEST or own > LARGEST_OWN:
        sys.exit(
            f"too large: at most {LARGEST / 1e6:g} MB, {LARGEST_OWN / 1e6:g} MB without the runtime"
        )


def run(*command: str, folder: Path | None = None) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")


if __name__ == "__main__":
    sys.exit(main())
