"""The walk over the nodes of a graph."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import numpy_helper

from softxent.verify.arithmetic import Array
from softxent.verify.body.bounded import Bounded
from softxent.verify.body.operators import Call, NoRule, NotUnderstood
from softxent.verify.body.table import RULES
from softxent.verify.body.unknown import estimated


@dataclass(frozen=True)
class Evaluation:
    """What a graph computes from some inputs.

    Attributes
    ----------
    values : dict of str to Bounded
        The values that were asked for.
    estimates : tuple of str
        Nodes whose errors are estimates, because no rule covers them.
    nbytes : int
        The most memory that values took at a time, stored ones left out.
    """

    values: dict[str, Bounded]
    estimates: tuple[str, ...]
    nbytes: int


class Graph:
    """A graph prepared to be evaluated several times.

    Parameters
    ----------
    model : onnx.ModelProto
        One flat graph.
    wanted : collection of str
        Values to be evaluated.

    Raises
    ------
    NotUnderstood
        If nothing computes one of them.
    """

    def __init__(self, model: onnx.ModelProto, wanted: Collection[str]) -> None:
        opsets = {
            "" if item.domain == "ai.onnx" else item.domain: item.version
            for item in model.opset_import
        }
        graph = model.graph
        self.wanted = tuple(dict.fromkeys(wanted))
        self._constants = {
            tensor.name: Bounded.given(numpy_helper.to_array(tensor))
            for tensor in graph.initializer
        }
        self._calls = [Call(node, opsets) for node in _needed(graph, self.wanted)]
        uses = Counter(name for call in self._calls for name in call.node.input)
        self._uses = uses + Counter(self.wanted)
        self.inputs = [value.name for value in graph.input if value.name not in self._constants]

    def evaluate(
        self, feeds: Mapping[str, Array], known: Mapping[str, Array] | None = None
    ) -> Evaluation:
        """Evaluate the values that are wanted.

        Parameters
        ----------
        feeds : mapping of str to ndarray
            Inputs, in the types of the graph.
        known : mapping of str to ndarray, optional
            Values inside the graph that are not to be computed, but taken as they are.

        Raises
        ------
        NotUnderstood
            If a node cannot be evaluated.
        """
        values: dict[str, Bounded] = {}
        given = {name: Bounded.given(array) for name, array in {**feeds, **(known or {})}.items()}
        remaining, estimates, most = Counter(self._uses), [], 0
        with np.errstate(all="ignore"):
            for call in self._calls:
                if all(name in given for name in call.results):
                    continue
                operands = [self._operand(name, values, given) for name in call.node.input]
                results, guessed = _apply(call, operands)
                if guessed:
                    estimates.append(call.label)
                for name, result in zip(call.node.output, results, strict=False):
                    if name and name not in given:
                        values[name] = result
                most = max(most, sum(value.nbytes for value in values.values()))
                for name in call.node.input:
                    remaining[name] -= 1
                    if not remaining[name]:
                        values.pop(name, None)
        found = {name: self._operand(name, values, given) for name in self.wanted}
        return Evaluation(
            {name: value for name, value in found.items() if value is not None},
            tuple(estimates),
            most,
        )

    def _operand(
        self, name: str, values: Mapping[str, Bounded], given: Mapping[str, Bounded]
    ) -> Bounded | None:
        if not name:
            return None
        for source in (given, values, self._constants):
            if name in source:
                return source[name]
        raise NotUnderstood(f"nothing computes or feeds the value {name!r}")


def evaluate(
    model: onnx.ModelProto, feeds: Mapping[str, Array], wanted: Collection[str]
) -> Evaluation:
    """Evaluate some values of a graph in float64, with bounds.

    Parameters
    ----------
    model : onnx.ModelProto
        One flat graph.
    feeds : mapping of str to ndarray
        Inputs, in the types of the graph.
    wanted : collection of str
        Values of the graph.

    Returns
    -------
    Evaluation

    Raises
    ------
    NotUnderstood
        If a node cannot be evaluated, or there is no such value.
    """
    return Graph(model, wanted).evaluate(feeds)


def _needed(graph: onnx.GraphProto, wanted: Sequence[str]) -> list[onnx.NodeProto]:
    """Nodes that the values depend on, in their order."""
    names, found = set(wanted), []
    for node in reversed(graph.node):
        if names & set(node.output):
            found.append(node)
            names.update(node.input)
    return found[::-1]


def _apply(call: Call, operands: Sequence[Bounded | None]) -> tuple[Sequence[Bounded], bool]:
    """Results of a node, and whether their errors are estimates."""
    rule = RULES.get((call.domain, call.operator))
    if rule is not None:
        try:
            found = rule(call, *operands)
            return [found] if isinstance(found, Bounded) else found, False
        except NoRule:
            pass
        except NotUnderstood:
            raise
        except (ValueError, TypeError, IndexError, KeyError, AttributeError) as error:
            raise NotUnderstood(f"{call.label} cannot be evaluated: {error}") from error
    results = estimated(call, operands)
    return results, not all(result.exact for result in results)
