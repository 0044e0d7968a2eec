"""Tables of executed pages: header cells that say what they head, a name, and the command that makes them again.

What a browser adds, sorting and a download, is in ``book/assets/tables.js``; without it nothing of a table is lost.
"""

from __future__ import annotations

import itertools
import re
from html import escape
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import nbformat
from nbformat import NotebookNode
from sphinx.application import Sphinx

_TABLE = re.compile(r"<table\b.*?</table>", re.DOTALL)
#: The style that pandas writes above each table; browsers no longer confine it to that table.
_STYLE = re.compile(r"<style scoped>.*?</style>\s*", re.DOTALL)
_NUMBER = r"[-+]?\d[\d.]*"
#: An interval or a spread, which no line should break.
_RANGE = re.compile(rf"\(?{_NUMBER} (?:to|±) {_NUMBER}\)?")
#: From so many characters on, a cell holds words that want room.
_LONG = 25
#: A fenced block, in which a line that starts with # is no heading; a heading; markup in the words of a heading.
_FENCED = re.compile(r"^(`{3,}|~{3,}).*?^\1", re.DOTALL | re.MULTILINE)
_HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*$", re.MULTILINE)
_MARKUP = re.compile(r"\{[a-z:]+\}|[`*$]")


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("source-read", _read)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _read(app: Sphinx, name: str, source: list[str]) -> None:
    if name.startswith("book/runs/"):
        notebook = nbformat.reads(source[0], as_version=4)
        frame_tables(notebook)
        source[0] = nbformat.writes(notebook)


def frame_tables(notebook: NotebookNode) -> None:
    """Number the tables of an executed page, name each by the heading it stands under, and put its command below it."""
    made, number, heading = notebook.metadata["melib"], 1, ""
    command = f"python -m melib run {made['run']} --tier {made['tier']}"
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            headings = _HEADING.findall(_FENCED.sub("", cell.source))
            heading = _MARKUP.sub("", headings[-1]) if headings else heading
        for output in cell.get("outputs", ()):
            html = output.get("data", {}).get("text/html", "")
            if tables := len(_TABLE.findall(html)):
                how = {"first": number, "heading": heading, "file": made["run"], "command": command}
                output.data["text/html"] = framed(html, **how)
                number += tables


def framed(html: str, *, first: int, heading: str, file: str, command: str) -> str:
    """Tables as pandas prints them, each in a box that scrolls, with the command that makes it again below.

    ``first`` is the number of the first table on the page, ``heading`` what it stands under (a part of its name for
    those who hear the page), ``file`` what names of downloads start with. A table that is no well-formed XML, which
    pandas writes only of cells with HTML of their own, keeps its header cells as they are.
    """
    numbers = itertools.count(first)

    def frame(found: re.Match[str]) -> str:
        number = next(numbers)
        try:
            table = ElementTree.fromstring(found[0])
        except ElementTree.ParseError:
            inner = found[0]
        else:
            _mend(table)
            inner = ElementTree.tostring(table, encoding="unicode", method="html").rstrip()
        name = escape(f"Table {number}: {heading}")
        inner = inner.replace("<table", f'<table aria-label="{name}" data-csv="{escape(file)}-table-{number}.csv"', 1)
        return (
            f'<div class="made-table"><div class="made-table-box">{inner}</div>\n'
            f'<p class="made-table-foot"><span>Table {number} of this page. To make it again: '
            f"<code>{escape(command)}</code></span></p></div>"
        )

    return _TABLE.sub(frame, _STYLE.sub("", html))


def _mend(table: Element) -> None:
    """Say of every header cell what it heads, and leave the looks to the style of the book."""
    table.attrib.pop("border", None)
    for cell in table.iter():
        for look in ("style", "halign", "valign"):
            cell.attrib.pop(look, None)
    head, body = table.find("thead"), table.find("tbody")
    if head is None or body is None or len(body) == 0:
        return
    labels = len(body[0].findall("th"))
    _join_names(head, labels)
    _name_columns(head, labels)
    for cell in body.iter("th"):
        cell.set("scope", "rowgroup" if "rowspan" in cell.attrib else "row")
    for cell in [*body.iter("th"), *body.iter("td")]:
        if len(cell.text or "") >= _LONG:
            cell.set("class", "words")
        _keep_ranges_whole(cell)


def _join_names(head: Element, labels: int) -> None:
    """Put the names of the index, for which pandas opens a row of their own, beside the names of the columns."""
    if len(head) < 2:
        return
    above, below = list(head[-2]), list(head[-1])
    free = not any(cell.text for cell in above[:labels]) and not any(cell.text for cell in below[labels:])
    if free and len(above) == len(below):
        for place, name in zip(above[:labels], below[:labels], strict=True):
            place.text = name.text
        head.remove(head[-1])


def _name_columns(head: Element, labels: int) -> None:
    """Give header cells their scope; an empty one is none, unless its column would be left without."""
    columns: dict[int, list[Element]] = {}
    for row in head:
        place = 0
        for cell in row:
            columns.setdefault(place, []).append(cell)
            span = int(cell.get("colspan", 1))
            cell.set("scope", "col" if span == 1 else "colgroup")
            place += span
    for place, cells in columns.items():
        for cell in cells:
            last_hope = cell is cells[-1] and not any(other.text for other in cells)
            if last_hope:
                cell.set("aria-label", "row" if place < labels else "value")
            elif not cell.text:
                cell.tag = "td"
                del cell.attrib["scope"]


def _keep_ranges_whole(cell: Element) -> None:
    found = _RANGE.search(cell.text or "")
    if found is None or len(cell):
        return
    whole = ElementTree.SubElement(cell, "span", {"class": "whole"})
    whole.text, whole.tail = found[0], cell.text[found.end() :]
    cell.text = cell.text[: found.start()]
