"""``softxent predict``: classes and probabilities for samples in a file."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from softxent._files.atomic import check_writable
from softxent.cli import _data, _foreign
from softxent.cli._console import emit, note
from softxent.cli._names import Names
from softxent.cli._parser import Commands, add_command
from softxent.cli._predictions import predictions_of
from softxent.cli._wording import in_options
from softxent.data import Samples
from softxent.models import MLP


def register(commands: Commands) -> None:
    """Add the command to the command line."""
    parser = add_command(
        commands,
        "predict",
        run,
        summary="Predict the class of every sample and the probabilities of all classes, with a "
        "net or any classifier's ONNX file.",
        examples="""
            softxent predict digits.npz --data digits --out predictions.csv
            softxent predict model.onnx --data new.csv --id patient
            zcat new.csv.gz | softxent predict mine.npz --data -
            softxent predict mine.npz --data labelled.csv --labels species --json
            softxent predict resnet.onnx --data t10k-images-idx3-ubyte.gz --out predictions.csv
            softxent predict two-inputs.onnx --data images.npy --input age=age.csv
        """,
    )
    parser.add_argument("model", help="the net: .npz or .safetensors; or any classifier: .onnx")
    _data.add_data_options(
        parser,
        no_labels="there are none; with labels the accuracy is told on stderr, too",
        every_row=True,
    )
    _foreign.add_options(parser)
    parser.add_argument(
        "--id",
        metavar="NAME",
        help="a column that identifies the samples, by name or position: no feature, but copied "
        "into the output",
    )
    parser.add_argument(
        "--out",
        metavar="FILE",
        help="where to write, one row per sample in its order: .csv with the columns prediction "
        "and p(CLASS), or .npz with prediction, probabilities and class_names (default: the csv "
        "on stdout)",
    )


def run(args: argparse.Namespace) -> int:
    """Predict and write."""
    if args.out is not None and Path(args.out).suffix not in (".csv", ".npz"):
        raise ValueError(f"--out must end in .csv or .npz, got {args.out!r}")
    if args.out is not None:
        check_writable(args.out)
    model = _foreign.open_model(args)
    samples = _samples(args, Names.of_net(model))
    X = samples.X if isinstance(model, MLP) else _foreign.in_shape(samples, None)
    predictions = predictions_of(model, X, _foreign.further_inputs(args))
    predictions = predictions.identified(samples.id_name, samples.ids)
    for line in getattr(model, "notes", ()):
        note(args, f"{args.model}: {in_options(line, args.parser.options())}")
    result: dict[str, Any] = {"model": args.model, "data": args.data, "samples": len(predictions)}
    if samples.y is not None:
        result["accuracy"] = float((predictions.labels == samples.y).mean())
        note(args, f"accuracy {result['accuracy']:.2%} on {len(predictions)} samples")
    if args.out is not None:
        predictions.write(args.out)
        result["out"] = args.out
        emit(args, result, f"{len(predictions)} predictions written to {args.out}")
    else:
        result |= predictions.as_dict()
        emit(args, result, predictions.to_csv().rstrip("\n"))
    return 0


def _samples(args: argparse.Namespace, names: Names) -> Samples:
    """Read features, and labels where the options say that there are some."""
    try:
        return _data.samples(args, names, with_labels=False)
    except ValueError as error:
        known = args.labels is not None or names.features is not None
        if known or not str(error).endswith("is not a number"):
            raise
        raise ValueError(f"{error} (--labels says where labels are, if there are some)") from None
