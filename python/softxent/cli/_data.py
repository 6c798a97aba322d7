"""The ``--data`` option: a data set that comes with the package, or the user's file."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from softxent import data
from softxent.cli._parser import positive_float
from softxent.data import Dataset

_BUILT_IN = {"digits": data.load_digits, "breast-cancer": data.load_breast_cancer}


def add_data_options(
    parser: argparse.ArgumentParser,
    *,
    default: str | None = None,
    no_labels: str = "the last column of a csv file, the usual names in an npz file",
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
    """
    group = parser.add_argument_group("data")
    group.add_argument(
        "--data",
        metavar="PATH",
        default=default,
        required=default is None,
        help="a file (.npz, .npy, .csv, .tsv, .txt, MNIST's idx files), or "
        + " or ".join(f"'{name}'" for name in _BUILT_IN)
        + (f" (default: {default})" if default else ""),
    )
    group.add_argument(
        "--labels",
        metavar="WHERE",
        help="where the labels are: a column of a csv file by name or position, an array of an "
        f"npz file, or a second file (default: {no_labels})",
    )
    group.add_argument(
        "--header",
        action=argparse.BooleanOptionalAction,
        help="whether the first line of a csv file names the columns (default: found out)",
    )
    group.add_argument(
        "--feature-scale",
        type=positive_float,
        metavar="FACTOR",
        help="factor on the features (default: 1/255 for images of 8-bit integers, else 1)",
    )


def is_built_in(name: str) -> bool:
    """Say whether a data set of this name comes with the package."""
    return name in _BUILT_IN


def load(args: argparse.Namespace, class_names: Sequence[str] | None = None) -> Dataset:
    """Load the data set that the options name."""
    if is_built_in(args.data):
        return _BUILT_IN[args.data]()
    return data.read(
        args.data,
        _labels(args.labels),
        header=args.header,
        class_names=class_names,
        scale=args.feature_scale,
    )


def _labels(where: str | None) -> str | int | None:
    """A column may be given by its position, counted from the end if negative."""
    return int(where) if where is not None and where.lstrip("-").isdecimal() else where
