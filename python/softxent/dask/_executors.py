"""Where the tasks of a training run: on the cluster of the current client, or right here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import dask
import numpy as np

__all__ = ["Executor", "SchedulerLostError", "executor"]


class SchedulerLostError(ConnectionError):
    """The scheduler is gone, or gave a task up."""


class Executor(Protocol):
    """Tasks whose results are handles until they are asked for."""

    def load(self, X: Any, y: Any) -> tuple[Any, Any]:
        """Start to compute two dask arrays; their handles."""

    def submit(self, function: Callable[..., Any], *args: Any) -> Any:
        """Start a task on values and handles; its handle."""

    def results(self, handles: list[Any]) -> list[Any]:
        """Wait for results."""


class Here:
    """Tasks are run when they are submitted; arrays are computed by Dask's own scheduler."""

    def load(self, X: Any, y: Any) -> tuple[Any, Any]:
        """Compute two dask arrays."""
        first, second = dask.compute(X, y)
        return np.asarray(first), np.asarray(second)

    def submit(self, function: Callable[..., Any], *args: Any) -> Any:
        """Run a task."""
        return function(*args)

    def results(self, handles: list[Any]) -> list[Any]:
        """Handles are results."""
        return handles


class Cluster:
    """
    Tasks on the workers of a client.

    Nothing is scattered: what was, is lost with its worker, and tasks are run again.
    """

    def __init__(self, client: Any) -> None:
        self._client = client

    def load(self, X: Any, y: Any) -> tuple[Any, Any]:
        """Start to compute two dask arrays on the workers."""
        first, second = self._guarded(self._client.compute, [X, y])
        return first, second

    def submit(self, function: Callable[..., Any], *args: Any) -> Any:
        """Start a task on a worker."""
        return self._guarded(lambda: self._client.submit(function, *args, pure=False))

    def results(self, handles: list[Any]) -> list[Any]:
        """Wait for results; errors of tasks are raised."""
        results: list[Any] = self._guarded(self._client.gather, handles)
        return results

    def _guarded(self, function: Callable[..., Any], *args: Any) -> Any:
        """
        Run something that needs the scheduler.

        Raises
        ------
        SchedulerLostError
            In the place of the several errors that a lost scheduler, or workers that die over the
            same task again and again, come to.
        """
        from concurrent.futures import CancelledError

        from distributed import CancelledError as Cancelled
        from distributed import KilledWorker
        from distributed.comm import CommClosedError

        try:
            if self._client.status in ("closed", "closing"):
                raise SchedulerLostError("the client of the cluster is closed")
            return function(*args)
        except (CancelledError, Cancelled, CommClosedError, KilledWorker, TimeoutError) as error:
            raise SchedulerLostError(
                f"the cluster gave up: {str(error) or type(error).__name__}"
            ) from error


def executor() -> Executor:
    """The cluster of the client that is current, if there is one; otherwise this process."""
    import sys

    if "distributed" not in sys.modules:
        return Here()
    from distributed import default_client

    try:
        return Cluster(default_client())
    except ValueError:  # no client
        return Here()
