"""Train, export every head, and verify it on CUDA and CPU; called by verify_cuda.sh."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from softxent.data import Standardizer, load_breast_cancer, load_digits
from softxent.models import NeuralNet1, NeuralNet2
from softxent.onnx import export
from softxent.verify import verify

PROVIDERS = ("cuda", "cpu")
HEADS: dict[str, dict[str, Any]] = {
    "logits": {},
    "probabilities": {},
    "loss": {"label_smoothing": 0.1},
    "train_step": {"momentum": 0.9, "weight_decay": 1e-4},
}


def main(folder: Path) -> int:
    """Verify all files; 0 if every one passed."""
    passed = True
    for net, X, y in _trained():
        for head, options in HEADS.items():
            for dtype in ("float32", "float16"):
                name = f"{type(net).__name__.lower()}-{head}-{dtype}"
                path = folder / f"{name}.onnx"
                export(net, path, head=head, dtype=dtype, **options)
                report = verify(path, X, y, providers=PROVIDERS, reference=net, stress=True)
                report.to_json(folder / f"{name}.json")
                report.to_html(folder / f"{name}.html")
                print(report, end="\n\n")
                passed = passed and report.passed
    print("all verified" if passed else "VERIFICATION FAILED")
    return 0 if passed else 1


def _trained() -> list[tuple[NeuralNet1 | NeuralNet2, Any, Any]]:
    """Both networks, trained for a few seconds, with test data."""
    settings: dict[str, Any] = {"epochs": 10, "batch_size": 32, "learning_rate": 0.1}
    train, test = load_digits().split(seed=0)
    digits = NeuralNet2(train.X.shape[1], 64, train.num_classes, seed=0)
    digits.fit(train.X, train.y, **settings)
    result: list[tuple[NeuralNet1 | NeuralNet2, Any, Any]] = [(digits, test.X, test.y)]
    train, test = load_breast_cancer().split(seed=0)
    scale = Standardizer.fit(train.X)
    cancer = NeuralNet1(train.X.shape[1], 16, seed=0)
    cancer.fit(scale.transform(train.X), train.y, **settings)
    return [*result, (cancer, scale.transform(test.X), test.y)]


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
