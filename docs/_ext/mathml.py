"""Formulas as MathML, which browsers draw by themselves: no script, no network."""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from latex2mathml import converter
from sphinx.application import Sphinx

#: After which TeX leaves a little room before a letter or a fraction.
NAMES = re.compile(r"\\(log|exp|max|min|tanh)\s+(?=[A-Za-z\\])")


def convert(formula: str, **options: Any) -> str:
    return converter.convert(NAMES.sub(r"\\\1\\,", formula), **options)


def inline(translator: Any, node: nodes.math) -> None:
    translator.body.append(convert(node.astext()))
    raise nodes.SkipNode


def block(translator: Any, node: nodes.math_block) -> None:
    # A blank line between formulas separates them, as in Sphinx's own renderers.
    for formula in filter(None, map(str.strip, node.astext().split("\n\n"))):
        translator.body.append(f'<div class="formula">{convert(formula, display="block")}</div>')
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_html_math_renderer("mathml", (inline, None), (block, None))
    app.config.html_math_renderer = "mathml"
    return {"parallel_read_safe": True, "parallel_write_safe": True}
