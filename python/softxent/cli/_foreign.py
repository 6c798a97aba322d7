"""Models that are no nets of softxent: the options that they need, and how they are opened."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from softxent import data
from softxent.cli import _nets
from softxent.cli._parser import positive_int
from softxent.data import Samples

if TYPE_CHECKING:
    from softxent.models import MLP
    from softxent.onnx import Classifier

_OPTIONS = ("logits", "probabilities", "shape")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say what an ONNX file of other origin does not, to predict with it."""
    group = add_graph_options(parser)
    group.add_argument(
        "--probabilities", metavar="NAME", help="the output that holds probabilities"
    )


def add_graph_options(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """Add the options that say what goes into such a file, and where its logits are."""
    group = parser.add_argument_group(
        "ONNX files of other origin", description="where the graph does not tell (exit status 3)"
    )
    group.add_argument("--logits", metavar="NAME", help="the value that holds the logits")
    group.add_argument(
        "--input",
        dest="inputs",
        action="append",
        type=_named_file,
        metavar="NAME=FILE",
        help="what a further input takes, from a .npy, .npz or csv file, one entry per sample or "
        "one for all; once per input",
    )
    group.add_argument(
        "--shape",
        type=_shape,
        metavar="C,H,W",
        help="the shape of one sample, where the graph takes images of any size",
    )
    return group


def open_model(args: argparse.Namespace) -> MLP | Classifier:
    """Open the file that ``args.model`` names: a net, or a classifier of other origin.

    Whole numbers, which such a classifier may take, are not scaled unless it is asked for.
    """
    given: dict[str, Any] = {name: getattr(args, name) for name in _OPTIONS}
    if Path(args.model).suffix.lower() != ".onnx":
        for name in (*_OPTIONS, "inputs"):
            if getattr(args, name) is not None:
                raise ValueError(f"{args.parser.options()[name]} goes with an .onnx file")
        return _nets.load(args.model)
    from softxent.onnx.opening import open_model as opened

    model = opened(args.model, **given, further_inputs=bool(args.inputs))
    if args.feature_scale is None and getattr(model, "takes_integers", False):
        args.feature_scale = 1.0
    return model


def in_shape(samples: Samples, shape: tuple[int, ...] | None) -> np.ndarray:
    """Give samples the shape that ``--shape`` states, or that arrays with channels have."""
    X, stored = samples.X, samples.image_shape
    if shape is None:
        return X.reshape(len(X), *stored) if stored is not None and len(stored) > 2 else X
    if X.shape[1] != math.prod(shape):
        raise ValueError(f"shape must be that of one sample, got {shape} for {X.shape}")
    return X.reshape(len(X), *shape)


def further_inputs(args: argparse.Namespace) -> dict[str, np.ndarray]:
    """Read the files of ``--input``."""
    return {name: _read(path) for name, path in args.inputs or ()}


def _read(path: str) -> np.ndarray:
    kind = Path(path).suffix.lower()
    if kind not in (".npy", ".npz"):
        return data.read_features(path)
    try:
        loaded = np.load(path, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise ValueError(f"{path}: not a {kind} file of numbers, or a damaged one") from error
    if isinstance(loaded, np.ndarray):
        return loaded
    with loaded:
        if len(loaded.files) != 1:
            raise ValueError(f"{path}: expected one array, got {', '.join(loaded.files) or 'none'}")
        array: np.ndarray = loaded[loaded.files[0]]
        return array


def _named_file(text: str) -> tuple[str, str]:
    name, separator, path = text.partition("=")
    if not (name and separator and path):
        raise argparse.ArgumentTypeError(f"expected NAME=FILE, got {text!r}")
    return name, path


def _shape(text: str) -> tuple[int, ...]:
    return tuple(positive_int(size) for size in text.split(","))
