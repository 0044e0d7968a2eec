"""The labs of the repository, and what makes them."""

from pathlib import Path

import jupytext
import make_labs
import nbformat
import pytest
from nbformat import NotebookNode
from papermill.parameterize import parameterize_notebook

ROOT = Path(__file__).parents[2]
KERNEL = {"name": "python3", "language": "python", "display_name": "Python 3"}
LABS = [make_labs.read_lab(path) for path in sorted((ROOT / "labs").glob("*.md"))]
each_lab = pytest.mark.parametrize("lab", LABS, ids=[lab.name for lab in LABS])


def solved(lab) -> NotebookNode:
    """The lab with its solutions, as its source has it."""
    return jupytext.read(ROOT / "labs" / f"{lab.name}.md")


def unsolved(lab) -> NotebookNode:
    """The lab as students get it."""
    return nbformat.reads(make_labs.student_text(lab), as_version=4)


def sized(notebook: NotebookNode, sizes: dict[str, object]) -> list[NotebookNode]:
    """The code cells of a notebook, with these parameters in place of its own."""
    # Papermill wants these of a notebook that it has not read from a file itself.
    notebook.metadata = nbformat.from_dict({"kernelspec": KERNEL, "papermill": {}})
    for cell in notebook.cells:
        cell.metadata.setdefault("tags", [])
    return [cell for cell in parameterize_notebook(notebook, sizes).cells if cell.cell_type == "code"]
