"""Pages that load little: the icons that they show in one small style sheet, and MathJax only where a formula stands.

The theme loads Font Awesome twice, as a script of 1.5 MB and as three fonts, and draws some thirty icons with it. Here
those icons are cut out of the theme's own font and written into `STYLE`, which ``book/templates`` links in place of
both. A style sheet that holds its font also shows the icons where a browser loads no fonts from files.
"""

from __future__ import annotations

import base64
import io
import re
from functools import partial
from pathlib import Path

from fontTools import subset
from sphinx.application import Sphinx

#: The style sheet, below the folder of static files.
STYLE = "icons.css"

_RULES = """\
/* Icons of Font Awesome Free 6 (Fonticons, Inc.): icons CC BY 4.0, font SIL OFL 1.1; only those shown in this book. */
@font-face {{
  font-family: "Font Awesome 6 Free";
  font-weight: 900;
  src: url("data:font/woff;base64,{font}") format("woff");
}}
:root {{ --fa-font-solid: normal 900 1em/1 "Font Awesome 6 Free"; }}
.fas, .fa-solid {{ display: inline-block; font: var(--fa-font-solid); text-rendering: auto; }}
.fa-lg {{ font-size: 1.25em; line-height: 0.05em; vertical-align: -0.075em; }}
"""


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    # Before the theme makes a sidebar of the contents.
    app.connect("html-page-context", partial(share_contents, {}), priority=100)
    # After every extension has added its scripts to the page.
    app.connect("html-page-context", drop_mathjax, priority=900)
    app.connect("build-finished", write_icons)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def drop_mathjax(app: Sphinx, page: str, template: str, context: dict, doctree: object) -> None:
    """Take MathJax from a page without a formula; Sphinx loads it there too if a page further down has one."""
    with_formula = app.env.get_domain("math").data["has_equations"]
    if not with_formula.get(page, False):
        context["script_files"] = [script for script in context["script_files"] if "mathjax" not in str(script).lower()]


def share_contents(made: dict, app: Sphinx, page: str, template: str, context: dict, doctree: object) -> None:
    """Work out the contents beside pages of source code once for each folder, in which they differ in no link."""
    if doctree is None:
        folder, work_out = page.rpartition("/")[0], context["toctree"]

        def contents(**how: object) -> str:
            key = folder, *sorted(how.items())
            if key not in made:
                made[key] = work_out(**how)
            return made[key]

        context["toctree"] = contents


def write_icons(app: Sphinx, exception: Exception | None) -> None:
    """Write the style sheet for the pages and styles that the build has left."""
    if exception is None and app.builder.format == "html":
        static = Path(app.outdir) / "_static"
        (folder,) = (static / "vendor" / "fontawesome").iterdir()
        named = characters((folder / "css" / "all.min.css").read_text(encoding="utf-8"))
        wanted = names(Path(app.outdir))
        styles = [path.read_text(encoding="utf-8") for path in static.rglob("*.css") if "vendor" not in path.parts]
        sheet = style_sheet(
            folder / "webfonts" / "fa-solid-900.ttf",
            {name: named[name] for name in sorted(wanted & set(named))},
            private_characters("".join(styles)),
        )
        (static / STYLE).write_text(sheet, encoding="utf-8")


def names(folder: Path) -> set[str]:
    """Words beginning with ``fa-`` in the pages and scripts below a folder: classes of icons among them."""
    files = [path for kind in ("*.html", "*.js") for path in folder.rglob(kind) if "vendor" not in path.parts]
    return {name for path in files for name in re.findall(r"\bfa-[a-z-]+", path.read_text(encoding="utf-8"))}


def characters(style: str) -> dict[str, str]:
    """The character of each class of icons, from the style sheet of Font Awesome."""
    found = {}
    for selectors, code in re.findall(r"([^{}]*:before)\{content:\"\\([0-9a-f]+)\"\}", style):
        for name in re.findall(r"\.(fa-[a-z0-9-]+):before", selectors):
            found[name] = chr(int(code, 16))
    return found


def private_characters(style: str) -> set[str]:
    """Characters without a public meaning in a style sheet, written out or escaped: icons that the theme draws."""
    escaped = {chr(int(code, 16)) for code in re.findall(r"\\([ef][0-9a-f]{3})\b", style)}
    return escaped | set(re.findall("[\ue000-\uf8ff]", style))


def style_sheet(font: Path, named: dict[str, str], others: set[str]) -> str:
    """Rules for the named icons, with a font of these and of other characters inside."""
    options = subset.Options(flavor="woff", notdef_outline=True)
    opened = subset.load_font(str(font), options)
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=[ord(character) for character in {*named.values(), *others}])
    cutter.subset(opened)
    # The time of the build would otherwise stand in the font.
    opened.recalcTimestamp = False
    buffer = io.BytesIO()
    subset.save_font(opened, buffer, options)
    rules = _RULES.format(font=base64.b64encode(buffer.getvalue()).decode())
    # The empty words after the slash keep a screen reader from reading a character without a meaning.
    return rules + "".join(
        f'.{name}::before {{ content: "\\{ord(character):x}"; content: "\\{ord(character):x}" / ""; }}\n'
        for name, character in named.items()
    )
