"""The ``--data`` option: a data set that comes with the package, or the user's file."""

from __future__ import annotations

import argparse
import csv
import sys
from typing import Any

from softxent import data
from softxent.cli._names import Names
from softxent.cli._parser import positive_float, positive_int
from softxent.cli._wording import in_options
from softxent.data import Dataset, Samples
from softxent.data.classes import looked_up
from softxent.data.labels import Labels

_BUILT_IN = {"digits": data.load_digits, "breast-cancer": data.load_breast_cancer}
#: Options that say nothing of these two.
_FOR_FILES = (
    *("labels", "classes", "features", "drop", "id", "missing"),
    *("header", "sep", "decimal", "comment"),
)
#: What --labels takes for a file that has none.
_NO_LABELS = "none"


def add_data_options(
    parser: argparse.ArgumentParser,
    *,
    default: str | None = None,
    no_labels: str = "the last column that is no feature, the usual names in an npz file",
    names: bool = True,
    every_row: bool = False,
) -> None:
    """
    Add ``--data`` and the options that say how to read it.

    Parameters
    ----------
    parser : argparse.ArgumentParser
        Of a command.
    default : str, optional
        The data if none are named; without it they have to be.
    no_labels : str
        For the help page: where labels are looked for without ``--labels``.
    names : bool
        Whether there is a model whose names the data must fit; without, classes are made.
    every_row : bool
        Whether every row of the data needs a result, so that none may be dropped.
    """
    group = parser.add_argument_group("data")
    group.add_argument(
        "--data",
        metavar="PATH",
        default=default,
        required=default is None,
        help="a table (.csv, .tsv, .txt, .data, .parquet, .feather, .arrow), arrays (.npz, .npy), "
        "MNIST's idx files, any of them packed with gzip, - for standard input, or "
        + " or ".join(f"'{name}'" for name in _BUILT_IN)
        + (f" (default: {default})" if default else ""),
    )
    group.add_argument(
        "--labels",
        metavar="WHERE",
        help="where the labels are: a column of a table by name or position, an array of an npz "
        f"file, or for .npy and idx files a second one (default: {no_labels})",
    )
    group.add_argument(
        "--feature-scale",
        type=positive_float,
        metavar="FACTOR",
        help="factor on the features (default: 1/255 for images of 8-bit integers, else 1)",
    )
    if not names:
        group.add_argument(
            "--classes",
            type=positive_int,
            metavar="N",
            help="take whole-number labels as indices of N classes (default: labels other than "
            "0, 1, 2, … become names of classes in their numeric order)",
        )
    _add_column_options(parser, every_row)
    _add_text_options(parser)


def _add_column_options(parser: argparse.ArgumentParser, every_row: bool) -> None:
    group = parser.add_argument_group("columns of tables")
    for name, text in (
        ("features", "the columns to take, by name or position; of an npz file, the array"),
        ("drop", "columns to leave out"),
    ):
        group.add_argument(f"--{name}", type=_names, default=(), metavar="A,B,…", help=f"{text}")
    group.add_argument(
        "--missing",
        choices=("error", "mean") if every_row else ("error", "drop", "mean"),
        default="error",
        help="what becomes of missing features: an error, "
        + ("" if every_row else "the row is left out, ")
        + "or the mean of the column takes their place (default: error)",
    )


def _add_text_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("tables as text")
    group.add_argument(
        "--header",
        action=argparse.BooleanOptionalAction,
        help="whether the first line names the columns (default: found out)",
    )
    group.add_argument(
        "--sep", metavar="C", help="the delimiter: a character, tab or blanks (default: found out)"
    )
    group.add_argument(
        "--decimal", default=".", metavar="C", help="the decimal sign, . or , (default: .)"
    )
    group.add_argument(
        "--comment", metavar="C", help="the character that starts a comment (default: none does)"
    )


def is_built_in(name: str) -> bool:
    """Say whether a data set of this name comes with the package."""
    return name in _BUILT_IN


def load(args: argparse.Namespace) -> Dataset:
    """Load the data set that the options name, to train on; tell what may surprise."""
    if is_built_in(args.data):
        return _built_in(args)
    dataset = data.read(args.data, args.labels, num_classes=args.classes, **_table_options(args))
    _tell(args, dataset.notes)
    return dataset


def samples(args: argparse.Namespace, names: Names, *, with_labels: bool) -> Samples:
    """
    Load the samples that the options name, for a net with these names.

    Parameters
    ----------
    args : argparse.Namespace
        The options.
    names : Names
        The names of classes and features that labels and columns are looked up in.
    with_labels : bool
        Whether labels are looked for where ``--labels`` is not given.
    """
    if is_built_in(args.data):
        dataset = _built_in(args)
        y = dataset.y
        if names.classes is not None:
            y = looked_up(Labels.of_array(dataset.labels, args.data), names.classes)
        return Samples(dataset.name, dataset.X, y, image_shape=dataset.image_shape)
    labels = args.labels
    if labels == _NO_LABELS:
        labels, with_labels = None, False
    found = data.read_samples(
        args.data,
        labels,
        class_names=names.classes,
        feature_names=names.features,
        id=getattr(args, "id", None),
        with_labels=with_labels,
        **_table_options(args),
    )
    _tell(args, found.notes)
    return found


def _built_in(args: argparse.Namespace) -> Dataset:
    """Return a data set that comes with the package; options for files would do nothing."""
    for name, option in args.parser.options().items():
        if name in _FOR_FILES and getattr(args, name) != args.parser.get_default(name):
            raise ValueError(f"{option} is for files, {args.data!r} comes with the package")
    return _BUILT_IN[args.data]()


def _table_options(args: argparse.Namespace) -> dict[str, Any]:
    names = ("features", "drop", "missing", "header", "sep", "decimal", "comment")
    return {name: getattr(args, name) for name in names} | {"scale": args.feature_scale}


def _tell(args: argparse.Namespace, notes: tuple[str, ...]) -> None:
    """Say on stderr what may surprise; programs, which read stdout, are told too."""
    source = "standard input" if args.data == "-" else args.data
    for line in notes:
        print(f"{source}: {in_options(line, args.parser.options())}", file=sys.stderr)


def _names(text: str) -> tuple[str, ...]:
    """Split names; one that holds a comma is quoted as in a csv file."""
    return tuple(next(csv.reader([text], skipinitialspace=True), ()))
