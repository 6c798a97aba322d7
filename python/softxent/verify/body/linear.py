"""Matrix products: sums of products, bounded as such."""

from __future__ import annotations

import numpy as np

from softxent.verify.arithmetic import Array
from softxent.verify.body.bounded import Bounded, arithmetic_of, computed, product
from softxent.verify.body.operators import Call, Rule


def matmul(call: Call, a: Bounded, b: Bounded) -> Bounded:
    """a @ b, over the last two axes."""
    return product(np.matmul, a, b, a.value.shape[-1])


def gemm(call: Call, a: Bounded, b: Bounded, c: Bounded | None = None) -> Bounded:
    """alpha a @ b + beta c, each factor transposed on request."""
    if call.attribute("transA", 0):
        a = a.moved(np.transpose)
    if call.attribute("transB", 0):
        b = b.moved(np.transpose)
    a = _scaled(a, call.attribute("alpha", 1.0))
    c = None if c is None else _scaled(c, call.attribute("beta", 1.0))
    return product(np.matmul, a, b, a.value.shape[-1], c)


def _scaled(a: Bounded, factor: float) -> Bounded:
    """A value times a constant of the graph."""
    if factor == 1.0:
        return a
    value, size = a.value * factor, abs(factor)
    rounding = np.abs(value) * arithmetic_of(a.dtype).u
    return computed(value, a.dtype, (a.e * size, a.t * size), (rounding, rounding))


def einsum(call: Call, *operands: Bounded) -> Bounded:
    """Sums of products of one or two operands as the equation says."""
    equation = call.attribute("equation")

    def multiply(x: Array, y: Array) -> Array:
        return np.einsum(equation, x, y, optimize=True)

    if len(operands) == 1:
        ones = Bounded.given(np.ones((), operands[0].dtype))
        return product(
            lambda x, y: np.einsum(equation, x) * y, operands[0], ones, operands[0].value.size
        )
    a, b = operands
    value_size = max(np.einsum(equation, a.value, b.value, optimize=True).size, 1)
    terms = max(1, round(_joint_size(equation, a.value, b.value) / value_size))
    return product(multiply, a, b, terms)


def _joint_size(equation: str, a: Array, b: Array) -> int:
    """Product of the sizes of all letters: how many products there are in all."""
    sizes: dict[str, int] = {}
    inputs = equation.replace(" ", "").partition("->")[0].split(",")
    for letters, array in zip(inputs, (a, b), strict=True):
        head, _, tail = letters.partition("...")
        shape = array.shape
        for letter, size in [
            *zip(head, shape, strict=False),
            *zip(reversed(tail), reversed(shape), strict=False),
        ]:
            sizes[letter] = max(sizes.get(letter, 1), size)
        between = shape[len(head) : len(shape) - len(tail)] if "..." in letters else ()
        sizes["..."] = max(sizes.get("...", 1), int(np.prod(between)))
    return int(np.prod(list(sizes.values())))


RULES: dict[str, Rule] = {"MatMul": matmul, "Gemm": gemm, "Einsum": einsum}
