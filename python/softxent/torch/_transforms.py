"""Derivatives and rules of vmap, given to the operators and to what stands for them."""

from __future__ import annotations

from typing import Any

import torch

from ._batching import rules
from ._derivatives import BACKWARD, OUTPUT_SAVED
from ._ops import FUNCTIONS, LIBRARY, ops

__all__: list[str] = []

#: Of the functions, and of the operators themselves, by which compilers call: a function cannot be
#: called where vmap has been found by way of an operator.
_RULES, _OPERATORS_RULES = rules(ops), rules(torch.ops.softxent)


def _register(name: str) -> None:
    """Register what autograd and vmap do with an operator."""
    backward, with_output = BACKWARD[name], name in OUTPUT_SAVED

    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        tensors = [value for value in inputs if isinstance(value, torch.Tensor)]
        ctx.save_for_backward(*tensors, *([output] if with_output else []))
        ctx.places = [k for k, value in enumerate(inputs) if isinstance(value, torch.Tensor)]
        ctx.given = [None if k in ctx.places else value for k, value in enumerate(inputs)]

    def run(ctx: Any, *grads: Any) -> tuple[Any, ...]:
        inputs, saved = list(ctx.given), list(ctx.saved_tensors)
        for place, value in zip(ctx.places, saved, strict=False):
            inputs[place] = value
        output = saved[len(ctx.places) :]
        found = backward(ctx.needs_input_grad, *grads, *inputs, *output)
        return (*found, *(None,) * (len(inputs) - len(found)))

    operator = getattr(torch.ops.softxent, name)
    FUNCTIONS[name] = type(
        name,
        (torch.autograd.Function,),
        {
            "forward": staticmethod(lambda *inputs: operator(*inputs)),
            "setup_context": staticmethod(setup_context),
            "backward": staticmethod(run),
            "vmap": staticmethod(_RULES[name]),
        },
    )
    key = f"softxent::{name}"
    torch.library.register_autograd(key, run, setup_context=setup_context, lib=LIBRARY)
    torch.library.register_vmap(key, _OPERATORS_RULES[name], lib=LIBRARY)


for _name in BACKWARD:
    _register(_name)
