"""What the theme and an extension leave out for those who use a keyboard or have a page read to them.

Most of it is in ``book/assets/access.css`` and ``access.js``, which every page loads.
"""

from __future__ import annotations

from docutils import nodes
from sphinx.application import Sphinx

#: Ids that sphinx-exercise gives to the body of every exercise and solution, however many a page has. Nothing refers to
#: them, and an id given twice names nothing.
REPEATED = {"exercise-content", "solution-content"}


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.add_css_file("access.css")
    app.add_js_file("access.js", defer="defer")
    app.connect("doctree-resolved", drop_repeated_ids)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def drop_repeated_ids(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Take `REPEATED` from a page."""
    for section in doctree.findall(nodes.section):
        section["ids"] = [name for name in section["ids"] if name not in REPEATED]
