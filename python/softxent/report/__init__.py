"""Self-contained HTML reports: one style, figures embedded, nothing fetched from anywhere.

A report is a Jinja2 template that extends ``base.html`` and is rendered by `render`; figures are
drawn on canvases from `subplots`, which carry the same palette as the page, and are embedded by
`figure_uri`. Needs the ``plot`` extra (jinja2, matplotlib), imported on first use.
"""

from softxent.report._figures import PALETTE, figure_uri, number_axis, subplots
from softxent.report._pages import render, write_text

__all__ = ["PALETTE", "figure_uri", "number_axis", "render", "subplots", "write_text"]
