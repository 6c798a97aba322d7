"""Ensembles of decision trees: which leaves a row reaches, and which others it may reach."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from softxent.verify.arithmetic import Array
from softxent.verify.body.bounded import Bounded
from softxent.verify.body.operators import Call, NoRule

_MODES = {
    "BRANCH_LEQ": np.less_equal,
    "BRANCH_LT": np.less,
    "BRANCH_GTE": np.greater_equal,
    "BRANCH_GT": np.greater,
    "BRANCH_EQ": np.equal,
    "BRANCH_NEQ": np.not_equal,
}


@dataclass(frozen=True)
class Tree:
    """Nodes of one tree, by their places; a leaf has weights for the targets."""

    feature: Array
    threshold: Array
    mode: Array
    yes: Array
    no: Array
    missing_yes: Array
    weights: Array

    @cached_property
    def _comparisons(self) -> list[tuple[str, np.ufunc]]:
        return [(mode, _MODES[mode]) for mode in np.unique(self.mode) if mode in _MODES]

    def sums(self, x: Array, error: Any) -> tuple[Array, Array]:
        """Weights of the leaves that rows reach, and how far those of other leaves may be off.

        A row whose path meets a threshold within its error may end anywhere in the tree.
        """
        place = np.zeros(len(x), dtype=np.int64)
        doubt = np.zeros(len(x), dtype=bool)
        rows, errors = np.arange(len(x)), np.broadcast_to(error, x.shape)
        leaf = self.mode == "LEAF"
        # A path has no more steps than the tree has nodes.
        for _ in range(len(self.mode)):
            moving = ~leaf[place]
            if not moving.any():
                break
            at, feature = place[moving], self.feature[place[moving]]
            value, limit = x[rows[moving], feature], self.threshold[at]
            goes = np.zeros(len(at), dtype=bool)
            for mode, compare in self._comparisons:
                mine = self.mode[at] == mode
                goes[mine] = compare(value[mine], limit[mine])
            goes = np.where(np.isnan(value), self.missing_yes[at] != 0, goes)
            off = errors[rows[moving], feature]
            doubt[moving] |= (off > 0) & (np.abs(value - limit) <= off)
            place[moving] = np.where(goes, self.yes[at], self.no[at])
        ends = self.weights[leaf]
        far = np.maximum(ends.max(axis=0) - self.weights[place], self.weights[place] - ends.min(0))
        return self.weights[place], np.where(doubt[:, np.newaxis], far, 0.0)


def trees_of(call: Call, targets: int, kind: str) -> list[Tree]:
    """Read the trees of a node.

    Parameters
    ----------
    call : Call
        The node.
    targets : int
        Classes or targets.
    kind : {"class", "target"}
        Prefix of the attributes that hold the leaves.
    """
    ids = np.asarray(call.attribute("nodes_treeids") or [], np.int64)
    modes = [
        mode.decode() if isinstance(mode, bytes) else mode
        for mode in call.attribute("nodes_modes") or []
    ]
    if not set(modes) <= {*_MODES, "LEAF"} or len(ids) != len(modes):
        raise NoRule
    leaves = [call.attribute(f"{kind}_{name}") or [] for name in _LEAF_COLUMNS]
    return [_tree(call, np.flatnonzero(ids == tree), modes, int(tree), leaves, targets)
            for tree in np.unique(ids)]  # fmt: skip


#: Attributes of leaves: tree, node, class or target, weight.
_LEAF_COLUMNS = ("treeids", "nodeids", "ids", "weights")


def _tree(
    call: Call, rows: Array, modes: list[str], tree: int, leaves: list[Any], targets: int
) -> Tree:
    """Make the tree whose nodes are some rows of the attributes."""

    def column(name: str) -> Array:
        stored = call.attribute(f"nodes_{name}")
        return np.asarray(stored)[rows] if stored else np.zeros(len(rows), np.int64)

    own = np.array([modes[row] for row in rows])
    places = {int(node): place for place, node in enumerate(column("nodeids"))}
    weights = np.zeros((len(rows), targets))
    for owner, node, target, weight in zip(*leaves, strict=True):
        if owner == tree:
            weights[places[node], target] += weight
    yes, no = (
        np.array([places.get(int(node), 0) for node in column(name)])
        for name in ("truenodeids", "falsenodeids")
    )
    return Tree(
        column("featureids"),
        column("values").astype(np.float64),
        own,
        yes,
        no,
        column("missing_value_tracks_true"),
        weights,
    )


def ensemble(call: Call, x: Bounded, targets: int, kind: str) -> tuple[Array, Array, Array, Array]:
    """Sums over the trees, their carried errors in both kinds, and the sum of magnitudes."""
    trees = trees_of(call, targets, kind)
    value = np.zeros((len(x.value), targets))
    error, typical, magnitude = (np.zeros_like(value) for _ in range(3))
    wide = x.value.astype(np.float64)
    for tree in trees:
        reached, off = tree.sums(wide, x.e)
        value, error, magnitude = value + reached, error + off, magnitude + np.abs(reached)
        typical = typical + (tree.sums(wide, x.t)[1] if not x.exact else 0.0)
    base = call.attribute("base_values")
    if base:
        value, magnitude = value + np.asarray(base), magnitude + np.abs(base)
    return value, error, typical, magnitude
