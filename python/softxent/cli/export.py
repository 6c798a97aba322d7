"""``softxent export``: an ONNX file from a net or from PyTorch, or the loss on another graph."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from softxent.cli._console import emit
from softxent.cli._parser import (
    Commands,
    add_command,
    float_list,
    non_negative_float,
    positive_int,
    unit_float,
)
from softxent.models.activations import ACTIVATIONS
from softxent.models.torch_bridge import UnknownActivationError

#: Options that go to the library as they are, and only if they were given.
_LOSS_OPTIONS = (
    "weight",
    "ignore_index",
    "label_smoothing",
    "focal_gamma",
    "reduction",
    "target",
    "primitive",
)
_ATTACH_OPTIONS = ("logits", "num_classes", "rename", "convert")
_NET_OPTIONS = ("head", "opset", "dtype", "momentum", "weight_decay", "activation")


def register(commands: Commands) -> None:
    """Add the command to the command line."""
    parser = add_command(
        commands,
        "export",
        run,
        summary="Write a net as an ONNX file, or attach the loss to an ONNX file with logits.",
        examples="""
            softxent export digits.npz --out digits.onnx
            softxent export digits.npz --head loss --label-smoothing 0.1 --out digits-loss.onnx
            softxent export digits.npz --head train_step --momentum 0.9 --out digits-step.onnx
            softxent export --from-torch model.pt --activation relu --out model.onnx
            softxent export --attach-loss resnet.onnx --out resnet-loss.onnx
            softxent export --attach-loss two-heads.onnx --logits output --out with-loss.onnx
        """,
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("model", nargs="?", help="the net: .npz or .safetensors")
    source.add_argument(
        "--from-torch",
        metavar="FILE",
        help="a state_dict of linear layers: .pt, .pth, .bin (no code in it is run) or "
        ".safetensors",
    )
    source.add_argument(
        "--attach-loss", metavar="FILE", help="an .onnx file that yields logits, of any classifier"
    )
    parser.add_argument("--out", metavar="FILE", required=True, help="the .onnx file")
    parser.add_argument(
        "--logits",
        metavar="NAME",
        help="with --attach-loss: the value that holds the logits (default: found out)",
    )
    parser.add_argument(
        "--num-classes",
        type=positive_int,
        metavar="N",
        help="with --attach-loss: number of classes, where the graph does not say it",
    )
    parser.add_argument(
        "--rename",
        action="store_true",
        help="with --attach-loss: call target, loss and log_probabilities otherwise where the "
        "graph has these names already",
    )
    parser.add_argument(
        "--convert",
        action="store_true",
        help="with --attach-loss: bring a graph of an opset before 13 to 13",
    )
    _add_net_options(parser)
    _add_loss_options(parser)


def _add_net_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "graph", argument_default=argparse.SUPPRESS, description="not with --attach-loss"
    )
    group.add_argument(
        "--head",
        choices=("logits", "probabilities", "loss", "train_step"),
        help="what the graph computes (default: probabilities)",
    )
    group.add_argument(
        "--activation",
        choices=tuple(ACTIVATIONS),
        help="with --from-torch: what stands between the layers, which a state_dict does not say",
    )
    group.add_argument(
        "--opset",
        type=int,
        metavar="N",
        help="13 to the newest that the installed onnxruntime loads (default: 17)",
    )
    group.add_argument(
        "--dtype", choices=("float16", "float32", "float64"), help="(default: float32)"
    )
    group.add_argument(
        "--momentum", type=non_negative_float, metavar="M", help="with --head train_step"
    )
    group.add_argument(
        "--weight-decay", type=non_negative_float, metavar="D", help="with --head train_step"
    )


def _add_loss_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("loss", argument_default=argparse.SUPPRESS)
    group.add_argument(
        "--class-weights",
        dest="weight",
        type=float_list,
        metavar="W0,W1,…",
        help="one weight per class",
    )
    group.add_argument(
        "--ignore-index", type=int, metavar="LABEL", help="label that does not count"
    )
    group.add_argument("--label-smoothing", type=unit_float, metavar="E", help="in [0, 1]")
    group.add_argument(
        "--focal-gamma",
        type=non_negative_float,
        metavar="G",
        help="exponent of focal loss, with --head loss and --attach-loss",
    )
    group.add_argument("--reduction", choices=("mean", "sum", "none"), help="(default: mean)")
    group.add_argument(
        "--target", choices=("index", "probabilities"), help="kind of target (default: index)"
    )
    group.add_argument(
        "--primitive",
        action="store_true",
        help="write the loss without the operator SoftmaxCrossEntropyLoss",
    )


def run(args: argparse.Namespace) -> int:
    """Export and say what was written."""
    if Path(args.out).suffix != ".onnx":
        raise ValueError(f"--out must end in .onnx, got {args.out!r}")
    if args.attach_loss is None:
        _export(args)
    else:
        _attach(args)
    size = Path(args.out).stat().st_size
    source = args.model or args.from_torch or args.attach_loss
    result = {"source": source, "out": args.out, "bytes": size}
    emit(args, result, f"{source} written as {args.out}, {size:,} bytes")
    return 0


def _export(args: argparse.Namespace) -> None:
    from softxent import onnx

    for name in _ATTACH_OPTIONS:
        if getattr(args, name):
            raise ValueError(f"--{name.replace('_', '-')} goes with --attach-loss")
    if args.model is not None and hasattr(args, "activation"):
        raise ValueError("--activation goes with --from-torch: a net's own file says it")
    options = _given(args, _NET_OPTIONS + _LOSS_OPTIONS)
    try:
        onnx.export(args.model or args.from_torch, args.out, **options)
    except UnknownActivationError:
        raise ValueError(
            f"{args.model or args.from_torch} does not say what stands between its linear layers: "
            f"give {'--from-torch and ' if args.model else ''}--activation "
            f"{', '.join(ACTIVATIONS)}"
        ) from None


def _attach(args: argparse.Namespace) -> None:
    from softxent import onnx

    misplaced = _given(args, _NET_OPTIONS)
    if misplaced:
        raise ValueError(f"--attach-loss takes no --{next(iter(misplaced)).replace('_', '-')}")
    options = _given(args, _LOSS_OPTIONS)
    options |= {name: getattr(args, name) for name in _ATTACH_OPTIONS if name != "logits"}
    onnx.attach_loss(args.attach_loss, args.logits, args.out, **options)


def _given(args: argparse.Namespace, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: getattr(args, name) for name in names if hasattr(args, name)}
