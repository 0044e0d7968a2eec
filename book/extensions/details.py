"""Links from a page to a line of the source, and the lists of details of the networks, which rest on them.

``{source}`melib/models/mean.py: FILTERS = ` `` finds the one line of a file that starts with these words, and leads to
it among the pages of the source: no line number is typed, and words that start no line, or several, end the build.
The directive ``details`` sets one network of ``book/tables/network_details.yml`` as a numbered list.
"""

from __future__ import annotations

from pathlib import Path

import yaml
from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective, SphinxRole

import melib

DATA = "book/tables/network_details.yml"
#: The folder that the names of files start from.
ROOT = Path(melib.__file__).parents[1]
#: Keys of a detail, in the order in which they are read, and what stands before them.
PARTS = {"paper": "The paper", "released": "Released", "ours": "Ours", "effect": "What it changes"}


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.add_role("source", SourceRole())
    app.add_directive("details", Details)
    app.connect("doctree-resolved", link_lines)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


class SourceLine(nodes.Inline, nodes.TextElement):
    """A place in the source, before the pages of the source are known."""


def line_of(place: str) -> tuple[str, int]:
    """File and number of the line that ``FILE: WORDS`` names; ValueError unless just one line starts with them."""
    name, _, words = place.partition(": ")
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    found = [number for number, line in enumerate(lines, start=1) if line.strip().startswith(words.strip())]
    if len(found) != 1:
        raise ValueError(f"{len(found)} lines of {name} start with {words!r}, not one")
    return name, found[0]


class SourceRole(SphinxRole):
    """The role ``source``."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        try:
            name, number = line_of(self.text)
        except (OSError, ValueError) as error:
            said = self.inliner.reporter.error(str(error), line=self.lineno)
            return [self.inliner.problematic(self.rawtext, self.rawtext, said)], [said]
        self.env.note_dependency(str(ROOT / name))
        return [SourceLine("", "", nodes.literal(text=f"{name}, line {number}"), file=name, number=number)], []


def link_lines(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Lead each place to the nearest mark above it on the page of its file, or leave its name where there is none."""
    shown = getattr(app.env, "_viewcode_modules", {})
    for place in list(doctree.findall(SourceLine)):
        module = place["file"].removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        if not (entry := shown.get(module)):
            place.replace_self(place.children)
            continue
        _, tags, used, _ = entry
        above = [(tags[name][1], name) for name in used if name in tags and tags[name][1] <= place["number"]]
        mark = f"#{max(above)[1]}" if above else ""
        address = app.builder.get_relative_uri(page, "_modules/" + module.replace(".", "/")) + mark
        place.replace_self(nodes.reference("", "", *place.children, internal=True, refuri=address))


class Details(SphinxDirective):
    """The directive ``details``."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        path = Path(self.env.srcdir, DATA)
        self.env.note_dependency(str(path))
        network = yaml.safe_load(path.read_text(encoding="utf-8"))[self.arguments[0]]
        lines = StringList(as_markdown(network).splitlines(), str(path))
        holder = nodes.container()
        self.state.nested_parse(lines, 0, holder)
        return holder.children


def as_markdown(network: dict) -> str:
    """The numbered list of a network: title, what the paper, the release and this study do, and what it changes."""
    base = f"https://github.com/{network['repository']}"
    text = []
    for number, detail in enumerate(network["details"], start=1):
        text.append(f"{number}. **{detail['title']}.**")
        file, _, lines = detail["at"].partition("#")
        numbers = lines.replace("L", "lines " if "-" in lines else "line ", 1).replace("-L", " to ")
        where = f"{Path(file).name}, {numbers}" if lines else file
        address = f"{base}/{'blob' if lines else 'tree'}/{network['commit']}/{detail['at']}"
        for key, words in PARTS.items():
            if key in detail:
                link = f" ([{where}]({address}))" if key == "released" else ""
                text.append(f"    - *{words}*: {detail[key]}{link}")
    return "\n".join(text) + "\n"
