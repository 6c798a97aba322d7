"""How Sphinx builds the site: `make docs`, without a network, into build/docs."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import softxent

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "_ext"))

project = "softxent"
author = "The softxent developers"
copyright = author
version = release = softxent.__version__

extensions = [
    "myst_nb",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx_copybutton",
    "sphinx_design",
    "command_line",
    "joined_lines",
    "mathml",
    "neighbours",
    "stray_files",
    "tour_gallery",
]
exclude_patterns = ["_ext", "inventories", "Thumbs.db"]
# Names in single backticks of docstrings are links where there is something to link to.
default_role = "py:obj"
suppress_warnings = ["config.cache"]

# Notebooks keep their outputs; tests compare them with a fresh run.
nb_execution_mode = "off"
myst_enable_extensions = ["attrs_inline", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

autodoc_typehints = "none"
autodoc_member_order = "bysource"
autosummary_generate = True
autosummary_generate_overwrite = True
templates_path = ["_templates"]
numpydoc_show_class_members = False
numpydoc_xref_param_type = True
numpydoc_xref_ignore = {
    "default", "of", "optional", "or", "shape", "sequence", "mapping", "callable", "path-like",
    "scalar", "table", "finite", "n",
}  # fmt: skip
numpydoc_xref_aliases = {
    "array_like": "numpy.array_like",
    "ndarray": "numpy.ndarray",
    "Path": "pathlib.Path",
    "Tensor": "torch.Tensor",
}

copybutton_prompt_text = r"\$ |>>> |\.\.\. "
copybutton_prompt_is_regexp = True

html_theme = "pydata_sphinx_theme"
html_title = "softxent"
html_favicon = "_static/mark.svg"
html_static_path = ["_static"]
html_css_files = ["softxent.css"]
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {
    "logo": {
        "text": "softxent",
        "image_light": "_static/mark.svg",
        "image_dark": "_static/mark.svg",
    },
    "navbar_align": "left",
    "show_prev_next": True,
    "show_toc_level": 2,
    "footer_start": ["copyright"],
    "footer_end": [],
    "secondary_sidebar_items": ["page-toc"],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
html_sidebars = {"index": [], "changes": [], "tour": []}
html_context = {"default_mode": "auto"}

# The matrices of examples are too small for several threads of a BLAS.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
