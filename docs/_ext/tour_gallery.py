"""The sections of the tour as a grid of pictures: `{tour-gallery}`."""

from __future__ import annotations

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from softxent.tour import SECTIONS


class TourGallery(SphinxDirective):
    """One card per section, in reading order, each a link to its section."""

    def run(self) -> list[nodes.Node]:
        up = "../" * self.env.docname.count("/")
        lines = ["::::{grid} 1 2 2 3", ":gutter: 3", ""]
        for section in SECTIONS:
            anchor = nodes.make_id(section.title)
            lines += [
                f":::{{grid-item-card}} {section.title}",
                f":img-top: /tour/{section.name}.svg",
                f":img-alt: {section.caption}",
                f":link: {up}tour.html#{anchor}",
                ":class-card: gallery",
                "",
                section.caption,
                ":::",
                "",
            ]
        lines.append("::::")
        return self.parse_text_to_nodes("\n".join(lines))


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("tour-gallery", TourGallery)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
