"""A book with the real settings and prose, in which small stand-ins take the place of the executed pages.

The executed pages take minutes to make and are checked where they are made; what these tests prove about settings,
prose, run cards and figures does not depend on what was computed.
"""

from __future__ import annotations

import base64
import io
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from matplotlib.figure import Figure

from melib.engine.pages import dress
from melib.engine.runs import load_runs

ROOT = Path(__file__).parents[2]


def stand_in(run_id: str) -> nbformat.NotebookNode:
    """A page as a run leaves it: title, card, folded parameters, a formula, a figure with its words, a table."""
    drawing = Figure(figsize=(3, 2))
    drawing.add_subplot().plot([0, 1], [0, 1])
    buffer = io.BytesIO()
    drawing.savefig(buffer, format="png")
    picture = nbformat.v4.new_output("display_data", {"image/png": base64.b64encode(buffer.getvalue()).decode()})
    words = {
        "image": {"alt": f"A rising line ({run_id})."},
        "figure": {"caption": "It rises.", "name": f"fig-{run_id}"},
    }
    table = {"text/html": "<table><tr><th>F1</th></tr><tr><td>one</td></tr></table>", "text/plain": "F1"}
    cells = [
        nbformat.v4.new_markdown_cell(f"# Stand-in for {run_id}\n\nQuestion: is $x^2$ drawn?"),
        nbformat.v4.new_code_cell("tier = 'quick'\nseed = 0", metadata={"tags": ["parameters"]}, execution_count=1),
        nbformat.v4.new_code_cell("draw()", metadata={"mystnb": words}, outputs=[picture], execution_count=2),
        nbformat.v4.new_code_cell("show()", outputs=[nbformat.v4.new_output("display_data", table)], execution_count=3),
    ]
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"language_info": {"name": "python"}})
    made = {"time": "2026-01-02T03:04:05+00:00", "commit": "unknown", "code": "0" * 64}
    run = load_runs(ROOT / "runs.yml")[run_id]
    dress(notebook, run, "quick", key="0" * 64, parameters={"tier": "quick", "seed": 0}, seconds=200, made=made)
    return notebook


@pytest.fixture(scope="session")
def build() -> Callable[[Path], subprocess.CompletedProcess[str]]:
    """A function that builds the book of a folder as the Snakefile does."""
    (options,) = re.findall(r"\{JUPYTER_BOOK\} build (.*)\"", (ROOT / "Snakefile").read_text(encoding="utf-8"))
    command = [Path(sys.executable).with_name("jupyter-book"), "build", *options.split()]
    return lambda folder: subprocess.run(command, cwd=folder, capture_output=True, text=True)


@pytest.fixture(scope="session")
def book(tmp_path_factory: pytest.TempPathFactory, build: Callable) -> Path:
    """Folder of the book, built without a warning."""
    folder = tmp_path_factory.mktemp("book")
    for name in ("_config.yml", "_toc.yml"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(ROOT / "book", folder / "book", ignore=shutil.ignore_patterns("runs"))
    (folder / "book" / "runs").mkdir()
    for run_id in load_runs(ROOT / "runs.yml"):
        nbformat.write(stand_in(run_id), folder / "book" / "runs" / f"{run_id}.ipynb")
    result = build(folder)
    assert result.returncode == 0, result.stdout + result.stderr
    return folder
