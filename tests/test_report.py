"""Pages and figures: self-contained, escaped, complete and reproducible."""

from __future__ import annotations

import base64
import re

import jinja2
import numpy as np
import pytest

from softxent.report import PALETTE, figure_uri, number_axis, render, subplots, write_text


def drawn():
    figure, axes = subplots(1, 2, size=(5, 2))
    axes[0].plot(np.arange(5), label="<five>")
    axes[1].bar([0, 1], [1, 2])
    axes[0].legend()
    return figure


@pytest.mark.parametrize(
    ("kind", "start"), [("svg", b"<?xml"), ("png", b"\x89PNG")], ids=["svg", "png"]
)
def test_figure_uri_embeds_the_image(kind, start):
    media, _, encoded = figure_uri(drawn(), kind).partition(";base64,")
    assert media == {"svg": "data:image/svg+xml", "png": "data:image/png"}[kind]
    assert base64.b64decode(encoded).startswith(start)


@pytest.mark.parametrize("kind", ["svg", "png"])
def test_figure_uri_is_the_same_for_the_same_figure(kind):
    assert figure_uri(drawn(), kind) == figure_uri(drawn(), kind)


def test_figure_uri_names_an_unknown_format():
    with pytest.raises(ValueError, match=r"\['png', 'svg'\], got 'bmp'"):
        figure_uri(drawn(), "bmp")


def test_subplots_leaves_the_settings_of_matplotlib_alone():
    import matplotlib

    before = dict(matplotlib.rcParams)
    figure, _ = subplots()
    figure_uri(figure)
    assert dict(matplotlib.rcParams) == before


def test_palette_is_distinct_colours():
    assert len(set(PALETTE)) == len(PALETTE)
    assert all(re.fullmatch("#[0-9a-f]{6}", colour) for colour in PALETTE)


def test_render_of_the_base_page_needs_nothing_from_elsewhere():
    page = render("base.html")
    assert page.startswith("<!doctype html>")
    assert not re.search(r"https?://|src=|@import|<script", page)


def test_render_names_an_unknown_template():
    with pytest.raises(jinja2.TemplateNotFound, match=re.escape("nothing.html")):
        render("nothing.html")


def test_render_refuses_a_page_with_missing_values():
    with pytest.raises(jinja2.UndefinedError, match="report"):
        render("verify.html")


def test_write_text_replaces_a_file_as_a_whole(tmp_path):
    path = tmp_path / "page.html"
    write_text(path, "one ü\n")
    write_text(path, "two ü\n")
    assert path.read_bytes() == "two ü\n".encode()
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    "values",
    [(30.9, 318.5), (0.4, 5000.0), (101.0, 103.0), (7.0, 7.0), (1e-3, 1e6), (200.0, 200.0), (5, 9)],
    ids=str,
)
@pytest.mark.parametrize("name", ["xaxis", "yaxis"])
def test_number_axis_has_numbers_at_both_ends(name, values):
    """Also where no power of ten lies between the values."""
    figure, axes = subplots()
    axes.loglog(values, values)
    axis = getattr(axes, name)
    number_axis(axis, values)
    figure.draw_without_rendering()
    low, high = sorted(axis.get_view_interval())
    shown = {
        tick.get_loc(): tick.label1.get_text()
        for tick in axis.get_major_ticks()
        if low <= tick.get_loc() <= high
    }
    assert len(shown) >= 2 and all(shown.values()) and len(shown) <= 18
    assert {float(text) for text in shown.values()} == set(shown)
    assert min(shown) == low <= min(values) <= max(values) <= high == max(shown)


def test_time_plot_of_a_verification_has_numbers_on_its_axes():
    from softxent.verify.page import timing_figure
    from softxent.verify.report import Report
    from softxent.verify.timing import Timing

    timings = [Timing("native", size, 3e-5 + 1e-7 * size, 5) for size in (1, 32, 256)]
    figure = timing_figure(Report({}, [], [], timings=timings))
    figure.draw_without_rendering()
    (axes,) = figure.axes
    for axis in (axes.xaxis, axes.yaxis):
        low, high = axis.get_view_interval()
        numbers = [
            float(t.label1.get_text()) for t in axis.get_major_ticks() if t.label1.get_text()
        ]
        assert sum(low <= number <= high for number in numbers) >= 2
