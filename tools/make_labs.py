"""Write what students and teachers get from the labs, each from its source labs/NAME.md.

    python tools/make_labs.py [--check]

The source is a notebook with solutions. Of each lab this makes ``labs/student/NAME.ipynb``, where the solutions are
left out, and ``labs/slides/NAME.html``, one file that a browser shows without a network; and of all labs together
``book/tables/labs.md``, what teachers should know. The same sources give the same bytes. With ``--check`` nothing is
written, and a stale table is an error (the rest is not under version control).

A cell has at most one tag:

``start``
    The first code cell. Students get ``labs/start.py`` in its place, which finds the project on Colab and Binder too.
``parameters``
    The sizes. Its metadata may hold ``small``, other sizes for a quick run; students do not get those.
``solution``
    A code cell of functions (and imports), of which students get signature and docstring, or a written answer, in
    whose place they get room for theirs. An exercise begins with a heading "Exercise N", by which solutions are known.
``check``
    Assertions that fail until the exercise before is solved.
``slide``
    A Markdown cell begins a slide; a code cell stands on the slide before it.
``instructor``
    Markdown for teachers alone.
"""

from __future__ import annotations

import argparse
import ast
import html
import re
import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from string import Template

import jupytext
import nbformat
from latex2mathml import converter, exceptions
from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin
from pair_notebooks import as_text
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from melib.errors import InputError
from melib.files import refresh_all

TAGS = ("start", "parameters", "solution", "check", "slide", "instructor")
LABS, TABLE = Path("labs"), Path("book", "tables", "labs.md")
ANSWER = "*Your answer:*"

_EXERCISE = re.compile(r"^#+ Exercise (\d+)\b", re.MULTILINE)
_BAD_FORMULA = tuple(each for each in vars(exceptions).values() if isinstance(each, type))
# Colab and Jupyter show a lab, and they know nothing of MyST.
_MYST = re.compile(r"^(?::::+|```+)\{|\{[a-z][\w:+-]*\}`", re.MULTILINE)


@dataclass(frozen=True)
class Cell:
    """A cell of a lab, with its tag or ``""``."""

    kind: str  # code or markdown
    source: str
    tag: str
    exercise: int  # number of the exercise in which it stands; 0 before the first
    place: str  # what an error calls it


@dataclass(frozen=True)
class Lab:
    """A lab as its source holds it."""

    name: str
    title: str
    cells: tuple[Cell, ...]
    start: str  # the first code cell of students
    small: dict[str, object]  # sizes of a quick run

    def tagged(self, tag: str) -> list[Cell]:
        """The cells with a tag, in order."""
        return [cell for cell in self.cells if cell.tag == tag]


def read_lab(path: Path) -> Lab:
    """Read a lab; InputError names the first cell that does not keep the format, and what is wrong with it."""
    cells, small, exercise = [], {}, 0
    for number, raw in enumerate(jupytext.read(path).cells, start=1):
        place = f"{path} cell {number} ({raw.source.strip().partition(chr(10))[0][:60]!r})"
        tags = list(raw.metadata.get("tags", ()))
        unknown = next((tag for tag in tags if tag not in TAGS), None)
        _demand(unknown is None, f"{place}: unknown tag {unknown!r}: use one of {', '.join(TAGS)}")
        _demand(len(tags) < 2, f"{place}: a cell has one tag, this has {', '.join(tags)}")
        if raw.cell_type == "markdown":
            exercise = max([exercise, *map(int, _EXERCISE.findall(raw.source))])
        cell = Cell(raw.cell_type, raw.source, "".join(tags), exercise, place)
        _check(cell)
        cells.append(cell)
        small |= raw.metadata.get("small", {}) if cell.tag == "parameters" else {}
    title = re.match(r"# (.+)", cells[0].source if cells and cells[0].kind == "markdown" else "")
    _demand(title, f"{path} does not begin with a Markdown cell whose first line is '# TITLE'")
    start = path.with_name("start.py").read_text(encoding="utf-8").strip()
    lab = Lab(path.stem, title[1].strip(), tuple(cells), start, dict(small))
    first = [cell for cell in cells if cell.kind == "code"][:1]
    _demand(lab.tagged("start") == first, f"{path}: the first code cell, and no other, has the tag 'start'")
    parameters = lab.tagged("parameters")
    _demand(len(parameters) == 1, f"{path}: one cell has the tag 'parameters', here {len(parameters)} have it")
    assigned = [node for node in ast.parse(parameters[0].source).body if isinstance(node, ast.Assign)]
    unset = small.keys() - {ast.unparse(target) for node in assigned for target in node.targets}
    words = f"'small' gives {min(unset, default='')!r}, which the cell does not set"
    _demand(not unset, f"{parameters[0].place}: {words}")
    solved = {cell.exercise for cell in lab.tagged("solution") if cell.kind == "code"}
    for cell in lab.tagged("check"):
        _demand(cell.exercise in solved, f"{path}: exercise {cell.exercise} has a check, but no code to solve it")
    return lab


def _demand(holds: object, words: str) -> None:
    """InputError with the words unless something holds."""
    if not holds:
        raise InputError(words)


def _check(cell: Cell) -> None:
    """What a cell must be, by itself."""
    what = {"start": "code", "parameters": "code", "check": "code", "instructor": "Markdown"}.get(cell.tag, cell.kind)
    _demand(what.lower() == cell.kind, f"{cell.place}: tag {cell.tag!r} belongs to a {what} cell")
    if cell.kind == "markdown":
        plain = cell.tag == "instructor" or not _MYST.search(cell.source)
        _demand(plain, f"{cell.place}: write plain Markdown: Jupyter and Colab show no MyST directives or roles")
        return
    inside = cell.exercise or cell.tag not in ("solution", "check")
    _demand(inside, f"{cell.place}: no heading 'Exercise N' stands before this {cell.tag}")
    try:
        tree = ast.parse(cell.source)
    except SyntaxError as error:
        raise InputError(f"{cell.place}: not Python: {error.msg} in its line {error.lineno}") from None
    if cell.tag != "solution":
        return
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    others = [node for node in tree.body if not isinstance(node, ast.FunctionDef | ast.Import | ast.ImportFrom)]
    words = "of a solution is neither a function nor an import: students would get it as it stands"
    _demand(not others, f"{cell.place}: line {others[0].lineno if others else 0} {words}")
    _demand(functions, f"{cell.place}: a solution without a function leaves students nothing to write")
    for function in functions:
        words = f"{function.name} has no docstring, by which students know what to write"
        _demand(ast.get_docstring(function), f"{cell.place}: {words}")


def emptied(cell: Cell) -> str:
    """A solution as students get it: functions with signature, docstring and a body that says what is to be done."""
    if cell.kind == "markdown":
        return ANSWER
    body = ast.parse(cell.source).body
    functions = [node for node in body if isinstance(node, ast.FunctionDef)]
    for function in functions:
        refusal = ast.parse(f"raise NotImplementedError({f'exercise {cell.exercise}: {function.name}'!r})").body[0]
        function.body = [function.body[0], refusal]
    imports = "\n".join(ast.unparse(node) for node in body if node not in functions)
    return "\n\n\n".join(filter(None, [imports, *map(ast.unparse, functions)]))


def student_text(lab: Lab, solved: Collection[int] = ()) -> str:
    """The student's notebook as text of an ``.ipynb``; solutions of the exercises ``solved`` stay."""
    cells = []
    for cell in lab.cells:
        if cell.tag == "instructor":
            continue
        kept = cell.tag != "solution" or cell.exercise in solved
        source = lab.start if cell.tag == "start" else cell.source
        make = getattr(nbformat.v4, f"new_{cell.kind}_cell")
        # The book folds the cell that finds the project, which readers of the page do not need.
        tags = {"solution": ["exercise"], "start": ["start", "hide-input"], "": []}.get(cell.tag, [cell.tag])
        metadata = {"tags": tags} if tags else {}
        cells.append(make(source if kept else emptied(cell), metadata=metadata))
    return as_text(nbformat.v4.new_notebook(cells=cells))


def slides_text(lab: Lab) -> str:
    """The slides as one HTML file that loads nothing: reveal.js is inside, formulas are MathML."""
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    markdown.use(dollarmath_plugin, renderer=_mathml, allow_digits=False)
    slides: list[str] = []
    for cell in lab.tagged("slide"):
        if cell.kind == "markdown":
            try:
                slides.append(markdown.render(cell.source))
            except InputError as error:
                raise InputError(f"{cell.place}: {error}") from None
        else:
            slides[-1] += highlight(cell.source, PythonLexer(), HtmlFormatter(style="bw"))
    reveal = files("sphinx_revealjs") / "_static" / "revealjs" / "dist"
    return Template(Path(__file__).with_name("slides.html").read_text(encoding="utf-8")).substitute(
        title=html.escape(lab.title),
        source=f"labs/{lab.name}.md",
        reveal_style=(reveal / "reveal.css").read_text(encoding="utf-8"),
        code_style=HtmlFormatter(style="bw").get_style_defs(".highlight"),
        program=(reveal / "reveal.js").read_text(encoding="utf-8"),
        sections="\n".join(f"<section>\n{slide.strip()}\n</section>" for slide in slides),
    )


def _mathml(formula: str, options: dict) -> str:
    try:
        made = converter.convert(formula, display="block" if options["display_mode"] else "inline")
    except _BAD_FORMULA as error:
        raise InputError(f"the formula {formula!r} cannot be drawn: {type(error).__name__}") from None
    _demand("\\" not in made, f"the formula {formula!r} has a command that slides cannot draw")
    return made


def instructor_text(labs: Sequence[Lab]) -> str:
    """The part of the instructor page that the labs themselves hold."""
    parts = ["<!-- Written by tools/make_labs.py from labs/*.md: change those. -->"]
    for lab in labs:
        # Links start from the page that includes this, one folder up.
        student = f"{{download}}`student notebook <../labs/student/{lab.name}.ipynb>`"
        slides = f"{{download}}`slides <../labs/slides/{lab.name}.html>`"
        parts += [f"## {lab.title}", f"Files: {student}, {slides}; with solutions `labs/{lab.name}.md`."]
        parts += [cell.source.strip() for cell in lab.tagged("instructor")]
    return "\n\n".join(parts) + "\n"


def main(arguments: list[str] | None = None) -> int:
    """Write what differs, or with ``--check`` say that the table does and return 1."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if book/tables/labs.md is stale")
    check = parser.parse_args(arguments).check
    try:
        labs = [read_lab(path) for path in sorted(LABS.glob("*.md"))]
        _demand(labs, f"no lab in {LABS}/: run from the root of the repository")
        # All texts are made before the first file is written.
        texts = {LABS / "student" / f"{lab.name}.ipynb": student_text(lab) for lab in labs}
        texts |= {LABS / "slides" / f"{lab.name}.html": slides_text(lab) for lab in labs}
    except (InputError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    table = {TABLE: instructor_text(labs)}
    return refresh_all(table if check else texts | table, tool="tools/make_labs.py", check=check)


if __name__ == "__main__":
    sys.exit(main())
