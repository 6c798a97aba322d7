"""A node of a graph as its rule sees it, and onnx's own implementation of its operator."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import onnx
from onnx import helper
from onnx.reference import ReferenceEvaluator

from softxent.onnx.view import attribute
from softxent.verify.arithmetic import Array
from softxent.verify.body.bounded import Bounded


class NotUnderstood(Exception):
    """Something in a graph that cannot be evaluated, in words that name the node."""


class NoRule(Exception):
    """A node uses its operator in a way that no rule covers, so that it is estimated."""


class Call:
    """One node.

    Attributes
    ----------
    node : onnx.NodeProto
        It.
    operator, domain : str
        What it computes; the domain of the standard operators is "".
    version : int
        Of the operators of that domain.
    """

    def __init__(self, node: onnx.NodeProto, opsets: dict[str, int]) -> None:
        self.node, self.operator = node, node.op_type
        self.domain = "" if node.domain == "ai.onnx" else node.domain
        self._opsets = opsets
        self.version = opsets.get(self.domain, 1)

    def attribute(self, name: str, default: Any = None) -> Any:
        """Value of an attribute."""
        return attribute(self.node, name, default)

    @property
    def label(self) -> str:
        """How messages name it."""
        return f"{self.operator} {next(iter(self.results), '')!r}"

    @cached_property
    def _evaluator(self) -> ReferenceEvaluator:
        node = onnx.NodeProto()
        node.CopyFrom(self.node)
        # Results are told apart by their places, those that nobody uses too.
        node.output[:] = [f"result{place}" for place in range(len(node.output))]
        untyped = [helper.make_empty_tensor_value_info(name) for name in self._names]
        results = [helper.make_empty_tensor_value_info(name) for name in node.output]
        graph = helper.make_graph([node], "node", untyped, results)
        imports = [helper.make_opsetid(domain, version) for domain, version in self._opsets.items()]
        return ReferenceEvaluator(helper.make_model(graph, opset_imports=imports))

    @cached_property
    def _names(self) -> list[str]:
        return list(dict.fromkeys(filter(None, self.node.input)))

    @cached_property
    def results(self) -> list[str]:
        """Names of the results that are asked for."""
        return [name for name in self.node.output if name]

    def reference(self, *operands: Array | None) -> list[Any]:
        """Apply onnx's implementation of the operator to arrays of any type; all its results.

        Raises
        ------
        NotUnderstood
            If there is none, or it fails.
        """
        feeds = {
            name: array
            for name, array in zip(self.node.input, operands, strict=False)
            if name and array is not None
        }
        try:
            return list(self._evaluator.run(None, feeds))
        except Exception as error:  # it raises whatever its NumPy code raises
            raise NotUnderstood(
                f"{self.label}: onnx's reference implementation fails ({error})"
            ) from error


#: Computes the results of a node from its operands; an operand that is left out is None.
Rule: TypeAlias = Callable[..., Bounded | Sequence[Bounded]]


def present(operands: Sequence[Bounded | None]) -> list[Bounded]:
    """Operands that are not left out."""
    return [operand for operand in operands if operand is not None]


def integers(operand: Bounded | None, default: Sequence[int] | None = None) -> list[int] | None:
    """An operand that holds sizes, places or axes."""
    if operand is None:
        return None if default is None else list(default)
    return [int(value) for value in np.asarray(operand.value).reshape(-1)]
