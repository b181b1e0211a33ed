"""How the documentation is built: Markdown pages, tables made from the code, no request outside."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import docstrings
import made
from sphinx.application import Sphinx

import unclicked

project = "Unclicked"
author = "the authors of Unclicked"
copyright = "the authors of Unclicked, Apache-2.0"
version = release = unclicked.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
exclude_patterns = ["_*"]
source_suffix = {".md": "markdown"}
# Dashes only: quotes in a docstring are often code.
smartquotes_action = "D"


myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 4
# Links to files of the repository become copies beside the pages, so that they work offline.
myst_all_links_external = False

autodoc_default_options = {"members": True}
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
napoleon_numpy_docstring = False
python_maximum_signature_line_length = 80
add_module_names = False
toc_object_entries = False

html_theme = "furo"
html_title = f"Unclicked {release}"
html_static_path = ["_static"]
html_css_files = ["pages.css"]
html_copy_source = False
html_show_sphinx = False
html_theme_options = {"navigation_with_keys": True}
pygments_style = "friendly"
pygments_dark_style = "monokai"


def setup(app: Sphinx) -> None:
    """Connect what is made from the code.

    Args:
        app: Sphinx.
    """
    app.connect("source-read", made.fill_in)
    # Before napoleon, which listens at the usual 500.
    app.connect("autodoc-process-docstring", docstrings.as_rest, priority=400)
