"""The API reference: numpydoc docstrings as Sphinx wants them, and references by the name that one writes.

Napoleon reads the docstrings, called from here because its own hook takes the words before a colon in the comment of a
constant for a type, and because types and errors are named as in Python, not as links: nothing outside ``melib`` can
be linked to without a network.

``melib.training.train_mean`` is what one writes; ``melib.training.mean.train_mean`` is where it stands in the
reference. A name that Sphinx does not find is looked up as Python would, from the module in whose text it stands.
Beside each name, a link leads to its lines.
"""

from __future__ import annotations

import re
import sys
from types import ModuleType

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config as SphinxConfig
from sphinx.ext.napoleon import Config, NumpyDocstring

#: Packages whose names stand without a link: their reference is on the network.
ELSEWHERE = ("collections", "matplotlib", "numpy", "torch")

_NAMES_ARE_TEXT = Config(
    napoleon_use_param=False,
    napoleon_use_rtype=False,
    napoleon_custom_sections=[("Attributes", "params_style"), ("Raises", "params_style")],
)


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.setup_extension("sphinx.ext.autodoc")
    app.setup_extension("sphinx.ext.viewcode")
    app.add_css_file("reference.css")
    app.connect("config-inited", configure)
    app.connect("autodoc-process-docstring", read_docstring)
    app.connect("missing-reference", resolve)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def configure(app: Sphinx, config: SphinxConfig) -> None:
    """How the reference is set: in the order of the code, types in the text alone, nothing inherited from PyTorch."""
    config.add_module_names = False
    config.autodoc_inherit_docstrings = False
    config.autodoc_member_order = "bysource"
    config.autodoc_typehints = "none"


def read_docstring(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """Replace the lines of a docstring by reStructuredText."""
    lines[:] = NumpyDocstring(list(lines), _NAMES_ARE_TEXT).lines()


def resolve(app: Sphinx, env, node, contnode) -> nodes.Element | None:
    """The reference under its documented name; its mere words for `ELSEWHERE`; None for what does not exist."""
    if node.get("refdomain") != "py":
        return None
    target = node["reftarget"]
    if target.partition(".")[0] in ELSEWHERE:
        return contnode
    domain = env.get_domain("py")
    for kind, name in documented_names(target, node.get("py:module")):
        found = domain.resolve_xref(env, node["refdoc"], app.builder, kind or node["reftype"], name, node, contnode)
        if found is not None:
            return found
    return None


def documented_names(target: str, module: str | None) -> list[tuple[str, str]]:
    """Where the object that ``target`` means in the text of a module may be documented, best first.

    Parameters
    ----------
    target : str
        A name, with or without dots.
    module : str or None
        In whose text it stands; it has been imported. The packages around it are searched, too.

    Returns
    -------
    list of (str, str)
        Type of reference (empty: that of the text) and full name. A constant knows neither its name nor its module; it
        leads to the module through which it was found. An attribute of instances leads to their class.
    """
    package = (module or "melib").split(".")
    starts = [(".".join(package[:length]), target.split(".")) for length in range(len(package), 0, -1)]
    if target.startswith("melib."):
        starts.insert(0, ("melib", target.split(".")[1:]))
    for start, words in starts:
        found, holder = sys.modules.get(start), None
        for word in words:
            if isinstance(found, ModuleType):
                holder = found
            if isinstance(found, type) and not hasattr(found, word) and _has_attribute(found, word):
                break
            found = getattr(found, word, None)
        if found is not None and holder is not None:
            name = getattr(found, "__qualname__", None)
            kind = "class" if isinstance(found, type) else ""
            return [(kind, f"{found.__module__}.{name}")] if name else [("mod", holder.__name__)]
    return []


def _has_attribute(found: type, name: str) -> bool:
    """Whether the docstring of a class lists an attribute that its instances get."""
    return re.search(rf"^\s*(\w+, )*{name}\b[\w, ]* : ", found.__doc__ or "", re.MULTILINE) is not None
