"""``softxent train --dask``: files that need not fit into memory, on a cluster or a local one."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from softxent._machine.optional import require
from softxent.cli._console import note
from softxent.cli._weights import parsed_weights
from softxent.data import Standardizer

__all__ = ["Training", "training"]

#: Options that say how text is read, and what to do about gaps in it.
_NOT_HERE = ("header", "sep", "decimal", "comment", "missing", "feature_scale", "classes")


class Training:
    """Data for training and testing, and what was done to their features."""

    def __init__(self, args: argparse.Namespace) -> None:
        from softxent.dask import _tables

        for name, option in args.parser.options().items():
            if name in _NOT_HERE and getattr(args, name) != args.parser.get_default(name):
                raise ValueError(f"{option} is not for --dask")
        self.table = _tables.read(args.data, args.labels, args.features, args.drop)
        for line in self.table.notes:
            note(args, f"{args.data}: {line}")
        if len(self.table.class_names) < 2:
            raise ValueError(f"{args.data} has 1 class, training needs 2 or more")
        self.train, self.test = self.table.split(args.test_fraction, args.seed)
        if not len(self.test) or not len(self.train):
            raise ValueError(
                f"{args.data} has {len(self.table)} rows, too few to keep {args.test_fraction:g} "
                "of them for testing"
            )
        self._as_read = self.train, self.test
        self.standardizer: Standardizer | None = None
        if args.standardize != "no":
            fitted = self.train.standardizer()
            if args.no_bias:
                scale = np.hypot(fitted.mean, fitted.scale)
                fitted = Standardizer(np.zeros_like(fitted.mean), scale, fitted.feature_names)
            self.standardizer = fitted
            self.train = self.train.transformed(fitted)
            self.test = self.test.transformed(fitted)
        self.weight = parsed_weights(args.class_weights, self.table.counts)
        note(
            args,
            f"{args.data}: {len(self.train)} rows for training, {len(self.test)} for testing, "
            f"{len(self.table.feature_names)} features, {len(self.table.class_names)} classes",
        )

    def fit(self, net: Any, **settings: Any) -> Any:
        """Train a network."""
        from softxent.dask import fit

        pair = (self.test.X, self.test.y)
        try:
            return fit(
                net, self.train.X, self.train.y, validation=pair, weight=self.weight, **settings
            )
        except ValueError:
            for table in self._as_read:  # where rows have the numbers that they have in the files
                table.check_finite(net.dtype)
            raise

    def measured(self, net: Any) -> tuple[float, float]:
        """Loss and accuracy of a trained network on the rows for testing."""
        from softxent.dask import _tables

        return _tables.measured(net, self.test)


@contextmanager
def training(args: argparse.Namespace) -> Iterator[Training]:
    """Connect to the cluster, or start one on this machine, and open the data."""
    require("dask.array", "dask", "softxent train --dask")
    distributed = require("distributed", "dask", "softxent train --dask")
    if args.dask:
        try:
            client = distributed.Client(args.dask, timeout=5)
        except (OSError, ValueError) as error:
            raise ValueError(f"--dask {args.dask}: no scheduler answers there") from error
        with client:
            yield Training(args)
        return
    with (
        # Workers would write tracebacks of what becomes one line here.
        distributed.LocalCluster(
            dashboard_address=":0", threads_per_worker=1, silence_logs=logging.CRITICAL
        ) as cluster,
        distributed.Client(cluster),
    ):
        yield Training(args)
