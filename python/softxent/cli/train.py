"""``softxent train``: fit a net to a data set and keep it in a file."""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np

from softxent.cli import _data, _distributed
from softxent.cli._console import INTERRUPTED, emit, note, on_terminal, table
from softxent.cli._parser import (
    Commands,
    add_command,
    fraction,
    layer_sizes,
    momentum,
    non_negative_float,
    non_negative_int,
    positive_float,
    positive_int,
    unit_float,
)
from softxent.cli._weights import class_weights
from softxent.data import Dataset, Standardizer
from softxent.models import MLP, History, storage
from softxent.models.activations import ACTIVATIONS
from softxent.models.nets import specialised


def register(commands: Commands) -> None:
    """Add the command to the command line."""
    parser = add_command(
        commands,
        "train",
        run,
        summary="Train a net on a data set and write it to a file.",
        examples="""
            softxent train --out digits.npz
            softxent train --data breast-cancer --epochs 100 --out cancer.safetensors
            softxent train --hidden 128,64 --activation tanh --out deep.npz
            softxent train --data mine.csv --hidden 0 --out logistic-regression.npz
            softxent train --data mine.csv --labels species --optimizer adam --out mine.npz
            softxent train --data a.npz --class-weights balanced --checkpoint run.npz --out b.npz
            softxent train --dask --data 'part-*.parquet' --labels species --out big.npz
        """,
    )
    _data.add_data_options(parser, default="digits", names=False)
    parser.add_argument(
        "--out", metavar="FILE", required=True, help="the net: .npz or .safetensors"
    )
    parser.add_argument(
        "--test-fraction",
        type=fraction,
        default=0.2,
        metavar="F",
        help="part of the samples that is kept for testing (default: 0.2)",
    )
    parser.add_argument(
        "--standardize",
        choices=("auto", "yes", "no"),
        default="auto",
        help="bring each feature to mean 0 and deviation 1; the map becomes part of the net, "
        "which takes raw features (default: yes, but for images)",
    )
    parser.add_argument(
        "--seed",
        type=non_negative_int,
        default=0,
        metavar="N",
        help="of split, first parameters and order of the samples (default: 0)",
    )
    parser.add_argument(
        "--dask",
        nargs="?",
        const="",
        metavar="ADDRESS",
        help="train on Parquet files that need not fit into memory, on the Dask cluster whose "
        "scheduler is there; without an address on a cluster that is started here",
    )
    _add_net_options(parser)
    _add_loss_options(parser)
    _add_optimizer_options(parser)


def _add_net_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("net")
    group.add_argument(
        "--hidden",
        type=layer_sizes,
        default=(64,),
        metavar="N[,N…]",
        help="units of each hidden layer; 0 for none, which is logistic regression (default: 64)",
    )
    group.add_argument(
        "--activation",
        choices=tuple(ACTIVATIONS),
        default="relu",
        help="what follows each hidden layer (default: relu)",
    )
    group.add_argument(
        "--no-bias",
        action="store_true",
        help="linear layers without biases; features are then scaled, but not shifted",
    )
    group.add_argument(
        "--net",
        choices=("auto", "1", "2"),
        default="auto",
        help="1: one logit, for two classes; 2: one logit per class (default: 1 if there are two "
        "classes); the net is a NeuralNet1 or NeuralNet2 if it has one hidden layer, with relu and "
        "biases, and otherwise an MLP",
    )


def _add_loss_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("loss")
    group.add_argument(
        "--label-smoothing",
        type=unit_float,
        default=0.0,
        metavar="E",
        help="part of each label that is spread over all classes (default: 0)",
    )
    group.add_argument(
        "--class-weights",
        metavar="W0,W1,…",
        help="one weight per class, or 'balanced' for weights that make up for rare classes",
    )


def _add_optimizer_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("training")
    numbers = (
        ("--epochs", positive_int, 30, "N", "passes over the samples"),
        ("--batch-size", positive_int, 32, "N", "samples per update"),
        ("--learning-rate", positive_float, 0.05, "R", "before the schedule"),
        ("--momentum", momentum, 0.0, "M", "for sgd, in [0, 1)"),
        ("--weight-decay", non_negative_float, 0.0, "D", "L2 penalty; decoupled for adamw"),
    )
    for name, kind, default, metavar, text in numbers:
        group.add_argument(
            name, type=kind, default=default, metavar=metavar, help=f"{text} (default: {default})"
        )
    group.add_argument(
        "--optimizer", choices=("sgd", "adam", "adamw"), default="sgd", help="(default: sgd)"
    )
    group.add_argument(
        "--schedule",
        choices=("constant", "cosine", "step"),
        default="constant",
        help="of the learning rate (default: constant)",
    )
    group.add_argument(
        "--early-stopping",
        type=positive_int,
        metavar="EPOCHS",
        help="stop after so many epochs without a better test loss",
    )
    group.add_argument(
        "--checkpoint", metavar="FILE", help="written every epoch; a run that finds it resumes"
    )


def run(args: argparse.Namespace) -> int:
    """Train, save and report; Ctrl-C keeps the best parameters so far, and its own status."""
    storage.check_path(args.out)
    if args.dask is not None:
        with _distributed.training(args) as data:
            return _run_distributed(args, data)
    dataset = _data.load(args)
    if dataset.num_classes < 2:
        raise ValueError(f"{args.data} has 1 class, training needs 2 or more")
    training, test = dataset.split(args.test_fraction, seed=args.seed)
    if not len(test):
        alone = dataset.num_classes == len(dataset)
        hint = "; every label occurs once: pass labels=NAME if they are elsewhere" * alone
        raise ValueError(
            f"{args.data} has {len(dataset)} samples, too few to keep {args.test_fraction:g} of "
            f"them for testing{hint}"
        )
    standardizer = _standardizer(args, training)
    net = _new_net(
        args, dataset.name, dataset.X.shape[1], dataset.class_names, dataset.feature_names
    )
    weight = class_weights(args.class_weights, training.y, dataset.num_classes)
    note(args, f"{dataset!r}: {len(training)} for training, {len(test)} for testing")
    started = time.perf_counter()
    history = net.fit(
        _features(training, standardizer),
        training.labels,
        validation=(_features(test, standardizer), test.labels),
        weight=weight,
        **_settings(args),
    )
    seconds = time.perf_counter() - started
    _keep(args, net, standardizer, history)
    measured = float(net.loss(test.X, test.labels)), float((net.predict(test.X) == test.y).mean())
    return _report(args, net, test.name, history, seconds, measured)


def _run_distributed(args: argparse.Namespace, data: _distributed.Training) -> int:
    table = data.table
    net = _new_net(
        args, table.name, len(table.feature_names), table.class_names, table.feature_names
    )
    started = time.perf_counter()
    history = data.fit(net, **_settings(args))
    seconds = time.perf_counter() - started
    measured = data.measured(net) if history.best_epoch is not None else (0.0, 0.0)
    _keep(args, net, data.standardizer, history)
    return _report(args, net, table.name, history, seconds, measured)


def _settings(args: argparse.Namespace) -> dict[str, Any]:
    names = (
        *("epochs", "batch_size", "learning_rate", "optimizer", "momentum", "weight_decay"),
        *("schedule", "label_smoothing", "early_stopping", "checkpoint", "seed"),
    )
    progress = on_terminal() and not args.json
    return {name: getattr(args, name) for name in names} | {"progress": progress}


def _keep(
    args: argparse.Namespace, net: MLP, standardizer: Standardizer | None, history: History
) -> None:
    """Write the net, unless nothing was trained."""
    if history.best_epoch is None:
        raise KeyboardInterrupt
    if standardizer is not None:
        net.fold_standardizer(standardizer)
        note(args, "the features were standardised; the saved net takes raw features")
    net.save(args.out)


def _report(
    args: argparse.Namespace,
    net: MLP,
    name: str,
    history: History,
    seconds: float,
    measured: tuple[float, float],
) -> int:
    result = _result(args, net, name, history.to_dict(), seconds, measured)
    emit(args, result, _text(result))
    return INTERRUPTED if history.interrupted else 0


def _standardizer(args: argparse.Namespace, training: Dataset) -> Standardizer | None:
    wanted = args.standardize == "yes" or (
        args.standardize == "auto" and training.image_shape is None
    )
    if not wanted:
        return None
    fitted = Standardizer.fit(training.X)
    if not args.no_bias:
        return fitted
    # Without biases there is no place for a mean: the features get the mean square 1 as they are.
    return Standardizer(np.zeros_like(fitted.mean), np.hypot(fitted.mean, fitted.scale))


def _features(part: Dataset, standardizer: Standardizer | None) -> np.ndarray:
    return part.X if standardizer is None else standardizer.transform(part.X)


def _new_net(
    args: argparse.Namespace,
    name: str,
    features: int,
    class_names: tuple[str, ...],
    feature_names: tuple[str, ...] | None,
) -> MLP:
    classes = len(class_names)
    one_logit = args.net == "1" or (args.net == "auto" and classes == 2)
    if one_logit and classes != 2:
        raise ValueError(f"--net 1 is for two classes, {name} has {classes}")
    net = MLP(
        features,
        args.hidden,
        1 if one_logit else classes,
        activation=args.activation,
        bias=not args.no_bias,
        seed=args.seed,
        class_names=class_names,
        feature_names=feature_names,
    )
    return specialised(net)


def _result(
    args: argparse.Namespace,
    net: MLP,
    name: str,
    history: dict[str, Any],
    seconds: float,
    measured: tuple[float, float],
) -> dict[str, Any]:
    return {
        "model": args.out,
        "net": type(net).__name__,
        "layers": str(net.layers),
        "data": name,
        "epochs": len(history["loss"]),
        "seconds": round(seconds, 3),
        "test_accuracy": measured[1],
        "test_loss": measured[0],
        "history": history,
    }


def _text(result: dict[str, Any]) -> str:
    history = result["history"]
    plural = "" if result["epochs"] == 1 else "s"
    training = f"{result['epochs']} epoch{plural} in {result['seconds']:.1f} s"
    for flag, word in (("interrupted", "interrupted"), ("stopped_early", "stopped early")):
        if history[flag]:
            training += f", {word}: the net is that of epoch {history['best_epoch']}"
    return table(
        [
            ("net", f"{result['net']} {result['layers']}, written to {result['model']}"),
            ("training", training),
            ("training loss", f"{history['loss'][-1]:.4f}"),
            ("test loss", f"{result['test_loss']:.4f}"),
            ("test accuracy", f"{result['test_accuracy']:.2%}"),
        ]
    )
