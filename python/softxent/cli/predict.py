"""``softxent predict``: classes and probabilities for samples in a file."""

from __future__ import annotations

import argparse
import csv
import io
from pathlib import Path
from typing import Any

import numpy as np

from softxent import data, sigmoid
from softxent._files import atomic_path, atomic_write, check_writable
from softxent.cli import _data, _nets
from softxent.cli._console import emit, note
from softxent.cli._parser import Commands, add_command
from softxent.models import NeuralNet1, NeuralNet2


def register(commands: Commands) -> None:
    """Add the command to the command line."""
    parser = add_command(
        commands,
        "predict",
        run,
        summary="Predict classes and probabilities with a net from a file.",
        examples="""
            softxent predict digits.npz --data digits --out predictions.csv
            softxent predict model.onnx --data new.csv
            softxent predict mine.npz --data labelled.csv --labels species --json
        """,
    )
    parser.add_argument("model", help="the net: .npz, .safetensors or .onnx")
    _data.add_data_options(parser)
    parser.add_argument(
        "--out", metavar="FILE", help="where to write: .csv or .npz (default: csv on stdout)"
    )


def run(args: argparse.Namespace) -> int:
    """Predict and write."""
    if args.out is not None and Path(args.out).suffix not in (".csv", ".npz"):
        raise ValueError(f"--out must end in .csv or .npz, got {args.out!r}")
    if args.out is not None:
        check_writable(args.out)
    net = _nets.load(args.model)
    names = net.class_names or tuple(str(label) for label in range(net.num_classes))
    X, labels = _samples(args, net.class_names)
    predictions, probabilities = net.predict(X), _per_class(net, X)
    result: dict[str, Any] = {"model": args.model, "data": args.data, "samples": len(X)}
    if labels is not None:
        result["accuracy"] = float((predictions == labels).mean())
        note(args, f"accuracy {result['accuracy']:.2%} on {len(X)} samples")
    text = _csv(predictions, probabilities, names)
    if args.out is not None:
        _write(args.out, text, predictions, probabilities, names)
        result["out"] = args.out
        emit(args, result, f"{len(X)} predictions written to {args.out}")
    else:
        result["predictions"] = [names[label] for label in predictions]
        result["probabilities"] = probabilities
        emit(args, result, text.rstrip("\n"))
    return 0


def _samples(
    args: argparse.Namespace, class_names: tuple[str, ...] | None
) -> tuple[np.ndarray, np.ndarray | None]:
    """Read features, and labels where the options say that there are some."""
    if args.labels is None and not _data.is_built_in(args.data):
        try:
            X = data.read_features(args.data, header=args.header, scale=args.feature_scale)
        except ValueError as error:
            raise ValueError(
                f"{error} (--labels says where labels are, if there are some)"
            ) from None
        return X, None
    dataset = _data.load(args, class_names)
    return dataset.X, dataset.y


def _per_class(net: NeuralNet1 | NeuralNet2, X: np.ndarray) -> np.ndarray:
    """Give NeuralNet1's one probability a partner, sigmoid(-x): 1 - p would lose digits."""
    if isinstance(net, NeuralNet2):
        return net.predict_proba(X)
    logits = net.forward(X)
    return np.stack([sigmoid(-logits), sigmoid(logits)], axis=1)


def _csv(predictions: np.ndarray, probabilities: np.ndarray, names: tuple[str, ...]) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["prediction", *(f"p({name})" for name in names)])
    for label, row in zip(predictions, probabilities, strict=True):
        writer.writerow([names[label], *row])
    return buffer.getvalue()


def _write(
    path: str,
    text: str,
    predictions: np.ndarray,
    probabilities: np.ndarray,
    names: tuple[str, ...],
) -> None:
    if path.endswith(".csv"):
        atomic_write(path, text)
        return
    with atomic_path(path) as temporary:
        np.savez_compressed(
            temporary,
            prediction=predictions,
            probabilities=probabilities,
            class_names=np.array(names),
        )
