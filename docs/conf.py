"""Settings of Sphinx for this site. `python tools/build_docs.py` builds it."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from resolver.version import __version__

project = "hubresolve"
author = "the hubresolve authors"
project_copyright = author
release = version = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_click", "tools.site_directives"]
exclude_patterns = ["_build"]

# Anchors are those of GitHub, where the pages can be read too.
myst_heading_anchors = 4

# Docstrings write code as `code`, as the pages do.
default_role = "code"
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_class_signature = "separated"
napoleon_numpy_docstring = False
toc_object_entries_show_parents = "hide"
python_maximum_signature_line_length = 88

html_theme = "pydata_sphinx_theme"
html_title = "hubresolve"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_copyright = False
html_sidebars = {"index": []}
html_theme_options = {
    "show_nav_level": 2,
    # All commands are listed beside the page about them.
    "show_toc_level": 3,
    "header_links_before_dropdown": 8,
    "navbar_align": "left",
    "footer_start": ["sphinx-version"],
    "footer_end": [],
    "secondary_sidebar_items": ["page-toc"],
}
