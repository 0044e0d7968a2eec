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

import jupytext
import nbformat
from latex2mathml import converter, exceptions
from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin
from nbformat import NotebookNode
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from melib.errors import InputError
from melib.files import refresh_all

TAGS = ("start", "parameters", "solution", "check", "slide", "instructor")
LABS = Path("labs")
TABLE = Path("book", "tables", "labs.md")
ANSWER = "*Your answer:*"

_KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
_EXERCISE = re.compile(r"^#+ Exercise (\d+)\b", re.MULTILINE)
_BAD_FORMULA = tuple(each for each in vars(exceptions).values() if isinstance(each, type))
# Colab and Jupyter show a lab, and they know nothing of MyST.
_MYST = re.compile(r"^(?::::+|```+)\{|\{[a-z][\w:+-]*\}`", re.MULTILINE)


@dataclass(frozen=True)
class Cell:
    """A cell of a lab.

    Attributes
    ----------
    kind : {"code", "markdown"}
    source : str
    tag : str
        One of :data:`TAGS`, or ``""``.
    exercise : int
        The number of the exercise in which it stands; 0 before the first.
    place : str
        What an error calls it.
    """

    kind: str
    source: str
    tag: str
    exercise: int
    place: str


@dataclass(frozen=True)
class Lab:
    """A lab as its source holds it.

    Attributes
    ----------
    name, title : str
    cells : tuple of Cell
    start : str
        The first code cell of students.
    small : dict
        Sizes of a quick run.
    """

    name: str
    title: str
    cells: tuple[Cell, ...]
    start: str
    small: dict[str, object]

    def tagged(self, tag: str) -> list[Cell]:
        """The cells with a tag, in order."""
        return [cell for cell in self.cells if cell.tag == tag]


def read_lab(path: Path) -> Lab:
    """Read a lab and check that it keeps the format.

    Raises
    ------
    ValueError
        Naming the first cell that does not, and what is wrong with it.
    """
    notebook = jupytext.read(path)
    cells, small, exercise = [], {}, 0
    for number, raw in enumerate(notebook.cells, start=1):
        first = raw.source.strip().partition("\n")[0]
        place = f"{path} cell {number} ({first[:60]!r})"
        tags = list(raw.metadata.get("tags", ()))
        unknown = [tag for tag in tags if tag not in TAGS]
        if unknown:
            raise InputError(f"{place}: unknown tag {unknown[0]!r}: use one of {', '.join(TAGS)}")
        if len(tags) > 1:
            raise InputError(f"{place}: a cell has one tag, this has {', '.join(tags)}")
        if raw.cell_type == "markdown":
            exercise = max([exercise, *map(int, _EXERCISE.findall(raw.source))])
        cell = Cell(raw.cell_type, raw.source, "".join(tags), exercise, place)
        _check(cell)
        cells.append(cell)
        small |= raw.metadata.get("small", {}) if cell.tag == "parameters" else {}
    start = path.with_name("start.py")
    if not start.is_file():
        raise InputError(f"{start} is missing: with it every lab begins")
    lab = Lab(path.stem, _title(path, cells), tuple(cells), start.read_text(encoding="utf-8").strip(), dict(small))
    return _checked(lab, path)


def _check(cell: Cell) -> None:
    """What a cell must be, by itself."""
    if cell.tag in ("start", "parameters", "check") and cell.kind != "code":
        raise InputError(f"{cell.place}: tag {cell.tag!r} belongs to a code cell")
    if cell.tag == "instructor" and cell.kind != "markdown":
        raise InputError(f"{cell.place}: tag 'instructor' belongs to a Markdown cell")
    if cell.kind == "code" and cell.tag in ("solution", "check") and cell.exercise == 0:
        raise InputError(f"{cell.place}: no heading 'Exercise N' stands before this {cell.tag}")
    if cell.kind == "markdown" and cell.tag != "instructor" and _MYST.search(cell.source):
        raise InputError(f"{cell.place}: write plain Markdown: Jupyter and Colab show no MyST directives or roles")
    if cell.kind == "code":
        try:
            tree = ast.parse(cell.source)
        except SyntaxError as error:
            raise InputError(f"{cell.place}: not Python: {error.msg} in its line {error.lineno}") from None
        if cell.tag == "solution":
            _functions(tree, cell)


def _functions(tree: ast.Module, cell: Cell) -> list[ast.FunctionDef]:
    """The functions of a solution."""
    for node in tree.body:
        if not isinstance(node, (ast.FunctionDef, ast.Import, ast.ImportFrom)):
            raise InputError(
                f"{cell.place}: line {node.lineno} of a solution is neither a function nor an import: students would "
                "get it as it stands"
            )
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    if not functions:
        raise InputError(f"{cell.place}: a solution without a function leaves students nothing to write")
    for function in functions:
        if not ast.get_docstring(function):
            raise InputError(f"{cell.place}: {function.name} has no docstring, by which students know what to write")
    return functions


def _title(path: Path, cells: Sequence[Cell]) -> str:
    first = cells[0].source if cells and cells[0].kind == "markdown" else ""
    found = re.match(r"# (.+)", first)
    if not found:
        raise InputError(f"{path} does not begin with a Markdown cell whose first line is '# TITLE'")
    return found[1].strip()


def _checked(lab: Lab, path: Path) -> Lab:
    """The same lab, if its cells fit together."""
    code = [cell for cell in lab.cells if cell.kind == "code"]
    if [cell.place for cell in lab.tagged("start")] != [cell.place for cell in code[:1]]:
        raise InputError(f"{path}: the first code cell, and no other, has the tag 'start'")
    if len(lab.tagged("parameters")) != 1:
        raise InputError(f"{path}: one cell has the tag 'parameters', here {len(lab.tagged('parameters'))} have it")
    (parameters,) = lab.tagged("parameters")
    assigned = [node for node in ast.parse(parameters.source).body if isinstance(node, ast.Assign)]
    sizes = {ast.unparse(target) for node in assigned for target in node.targets}
    unknown = sorted(set(lab.small) - sizes)
    if unknown:
        raise InputError(f"{parameters.place}: 'small' gives {unknown[0]!r}, which the cell does not set")
    for tag in ("check", "slide", "instructor"):
        if not lab.tagged(tag):
            raise InputError(f"{path}: no cell has the tag {tag!r}")
    if lab.tagged("slide")[0].kind == "code":
        raise InputError(f"{lab.tagged('slide')[0].place}: a slide begins with a Markdown cell")
    unsolved = {cell.exercise for cell in lab.tagged("check")} - {
        cell.exercise for cell in lab.tagged("solution") if cell.kind == "code"
    }
    if unsolved:
        raise InputError(f"{path}: exercise {min(unsolved)} has a check, but no code to solve it")
    return lab


def emptied(cell: Cell) -> str:
    """A solution as students get it: functions with signature, docstring and a body that says what is to be done."""
    if cell.kind == "markdown":
        return ANSWER
    tree = ast.parse(cell.source)
    for function in _functions(tree, cell):
        task = ast.get_docstring(function).partition("\n")[0]
        refusal = ast.parse(f"raise NotImplementedError({f'exercise {cell.exercise}: {task}'!r})").body[0]
        function.body = [function.body[0], refusal]
    imports = "\n".join(ast.unparse(node) for node in tree.body if not isinstance(node, ast.FunctionDef))
    functions = [ast.unparse(node) for node in tree.body if isinstance(node, ast.FunctionDef)]
    return "\n\n\n".join(filter(None, [imports, *functions]))


def student_text(lab: Lab, solved: Collection[int] = ()) -> str:
    """The student's notebook as text of an ``.ipynb``.

    Parameters
    ----------
    solved : collection of int
        Exercises whose solutions stay, as if the student had found them.
    """
    cells = []
    for cell in lab.cells:
        if cell.tag == "instructor":
            continue
        kept = cell.tag != "solution" or cell.exercise in solved
        source = lab.start if cell.tag == "start" else cell.source
        make = nbformat.v4.new_code_cell if cell.kind == "code" else nbformat.v4.new_markdown_cell
        # The book folds the cell that finds the project, which readers of the page do not need.
        tags = {"solution": ["exercise"], "start": ["start", "hide-input"], "": []}.get(cell.tag, [cell.tag])
        metadata = {"tags": tags} if tags else {}
        cells.append(make(source if kept else emptied(cell), id=f"cell-{len(cells)}", metadata=metadata))
    notebook: NotebookNode = nbformat.v4.new_notebook(
        cells=cells, metadata={"kernelspec": _KERNEL, "language_info": {"name": "python"}}
    )
    nbformat.validate(notebook)
    return nbformat.writes(notebook) + "\n"


def slides_text(lab: Lab) -> str:
    """The slides as one HTML file that loads nothing: reveal.js is inside, formulas are MathML."""
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    markdown.use(dollarmath_plugin, renderer=_mathml, allow_digits=False)
    slides: list[str] = []
    for cell in lab.tagged("slide"):
        if cell.kind == "markdown":
            try:
                slides.append(markdown.render(cell.source))
            except ValueError as error:
                raise InputError(f"{cell.place}: {error}") from None
        else:
            slides[-1] += highlight(cell.source, PythonLexer(), HtmlFormatter(style="bw"))
    reveal = files("sphinx_revealjs") / "_static" / "revealjs" / "dist"
    style, program = ((reveal / name).read_text(encoding="utf-8") for name in ("reveal.css", "reveal.js"))
    sections = "\n".join(f"<section>\n{slide.strip()}\n</section>" for slide in slides)
    return _SLIDES.format(
        title=html.escape(lab.title),
        source=f"labs/{lab.name}.md",
        reveal_style=style,
        code_style=HtmlFormatter(style="bw").get_style_defs(".highlight"),
        program=program,
        sections=sections,
    )


def _mathml(formula: str, options: dict) -> str:
    try:
        made = converter.convert(formula, display="block" if options["display_mode"] else "inline")
    except _BAD_FORMULA as error:
        raise InputError(f"the formula {formula!r} cannot be drawn: {type(error).__name__}") from None
    if "\\" in made:
        raise InputError(f"the formula {formula!r} has a command that slides cannot draw")
    return made


_SLIDES = """\
<!doctype html>
<!-- Written by tools/make_labs.py from {source}: change that. -->
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{reveal_style}</style>
<style>
{code_style}
body {{ background: #fff; color: #222; color-scheme: light; }}
.reveal {{ font: 34px/1.3 system-ui, "Liberation Sans", sans-serif; }}
.reveal .slides {{ text-align: left; }}
.reveal .slides section {{ box-sizing: border-box; padding: 30px 40px; }}
.reveal .slide-number {{ right: auto; left: 8px; background: none; color: #444; font-size: 16px; }}
.reveal .math.block {{ margin: .3em 0 .8em; }}
.reveal h1 {{ font-size: 1.5em; line-height: 1.15; margin: 0 0 .5em; }}
.reveal h2, .reveal h3 {{ font-size: 1.25em; line-height: 1.2; margin: 0 0 .5em; }}
.reveal p, .reveal ul, .reveal ol, .reveal table {{ margin: 0 0 .7em; }}
.reveal blockquote {{ border-left: 4px solid #999; font-style: italic; margin: 0 0 .7em; padding-left: .6em; }}
.reveal li {{ margin-bottom: .3em; }}
.reveal th, .reveal td {{ border-bottom: 1px solid #999; padding: .15em .6em; text-align: left; }}
.reveal pre {{ font-size: .6em; line-height: 1.3; margin: 0 0 .7em; overflow: auto; }}
.reveal code {{ font-family: "DejaVu Sans Mono", monospace; }}
.reveal a {{ color: #0b4f8a; }}
</style>
</head>
<body>
<div class="reveal"><div class="slides">
{sections}
</div></div>
<script>{program}</script>
<script>
Reveal.initialize({{ center: false, hash: true, slideNumber: "c/t", transition: "none", width: 1120 }});
</script>
</body>
</html>
"""


def instructor_text(labs: Sequence[Lab]) -> str:
    """The part of the instructor page that the labs themselves hold."""
    lines = ["<!-- Written by tools/make_labs.py from labs/*.md: change those. -->"]
    for lab in labs:
        # Links start from the page that includes this, one folder up.
        student = f"{{download}}`student notebook <../labs/student/{lab.name}.ipynb>`"
        slides = f"{{download}}`slides <../labs/slides/{lab.name}.html>`"
        lines += ["", f"## {lab.title}", "", f"Files: {student}, {slides}; with solutions `labs/{lab.name}.md`."]
        for cell in lab.tagged("instructor"):
            lines += ["", cell.source.strip()]
    return "\n".join([*lines, ""])


def main(arguments: list[str] | None = None) -> int:
    """Write what differs, or with ``--check`` say that the table does and return 1."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if book/tables/labs.md is stale")
    parsed = parser.parse_args(arguments)
    try:
        labs = [read_lab(path) for path in sorted(LABS.glob("*.md"))]
        if not labs:
            raise InputError(f"no lab in {LABS}/: run from the root of the repository")
        # All texts are made before the first file is written.
        texts = {LABS / "student" / f"{lab.name}.ipynb": student_text(lab) for lab in labs}
        texts |= {LABS / "slides" / f"{lab.name}.html": slides_text(lab) for lab in labs}
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    table = {TABLE: instructor_text(labs)}
    return refresh_all(table if parsed.check else texts | table, tool="tools/make_labs.py", check=parsed.check)


if __name__ == "__main__":
    sys.exit(main())
