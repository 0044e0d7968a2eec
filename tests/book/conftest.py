"""A book with the real settings and prose, in which small stand-ins take the place of the executed pages."""

import base64
import functools
import io
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import frame_viewer as viewer
import nbformat
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from playwright.sync_api import Browser, Page
from reading import ROOT, chromium, reader, visit

from melib import provenance
from melib.study import pages
from melib.synthetic.dataset import open_clips

MADE = {"time": "2026-01-02T03:04:05+00:00", "commit": "unknown"}
RUNS = pages.load_runs(ROOT)


@functools.cache
def picture() -> str:
    """A rising line, as a notebook keeps it."""
    drawing, buffer = Figure(figsize=(3, 2)), io.BytesIO()
    drawing.add_subplot().plot([0, 1], [0, 1])
    drawing.savefig(buffer, format="png")
    return base64.b64encode(buffer.getvalue()).decode()


def stand_in(run_id: str) -> nbformat.NotebookNode:
    """A page as a run leaves it: title, card, folded parameters, a formula, a figure with its words, a wide table."""
    words = {
        "image": {"alt": f"A rising line ({run_id})."},
        "figure": {"caption": "It rises.", "name": f"fig-{run_id}"},
    }
    drawn = new_output("display_data", {"image/png": picture()})
    wide = pd.DataFrame(np.zeros((2, 14)), index=["mean", "sfamnet"]).add_prefix("measure ")
    table = {"text/html": wide.to_html(), "text/plain": wide.to_string()}
    line = "print(" + " + ".join(f"summand_{k}" for k in range(20)) + ")  # longer than a page is wide"
    cells = [
        new_markdown_cell(f"# Stand-in for {run_id}\n\nQuestion: is $x^2$ drawn?"),
        new_code_cell("tier = 'quick'\nseed = 0", metadata={"tags": ["parameters"]}),
        new_code_cell("draw()", metadata={"mystnb": words}, outputs=[drawn]),
        new_code_cell("show()", outputs=[new_output("display_data", table)]),
        new_code_cell(line, outputs=[new_output("stream", name="stdout", text="what the line prints\n")]),
        new_markdown_cell("The lines: {py:func}`melib.metrics.recognition._scores`."),
    ]
    if run_id == "viewer":
        shown = new_output("display_data", {"text/html": viewer_markup()})
        cells.append(new_code_cell("markup(clip)", metadata={"tags": ["hide-input"]}, outputs=[shown]))
    notebook = new_notebook(cells=cells, metadata={"language_info": {"name": "python"}})
    parameters = {"tier": "quick", "seed": 0}
    pages._dress(notebook, RUNS[run_id], "quick", key="0" * 64, parameters=parameters, seconds=200)
    return notebook


def viewer_markup() -> str:
    """The viewer of a clip in which nothing moves: what it makes of a real one, test_viewer.py says."""
    (video, *_) = open_clips("default", subjects=3, clips=1, population="test").videos
    event = video.events[0]
    colour = np.full((8, 64, 64, 3), 128, np.uint8)
    depth = np.broadcast_to(np.linspace(0.4, 0.6, 64, dtype=np.float32), (8, 64, 64))
    motion = dict.fromkeys(("estimated", "true"), np.zeros((8, 2, 16, 16), np.float32))
    clip = viewer.Clip(video, event, event.true.onset, colour, depth, motion, np.zeros(8), gap=3)
    return viewer.markup(clip, alt="A grey square in consecutive frames.")


@pytest.fixture(scope="session")
def build() -> Callable[[Path], subprocess.CompletedProcess[str]]:
    """A function that builds the book of a folder as the Snakefile does."""
    (options,) = re.findall(r"\{JUPYTER_BOOK:q\} build (.*)\"", (ROOT / "Snakefile").read_text(encoding="utf-8"))
    command = [Path(sys.executable).with_name("jupyter-book"), "build", *options.split()]
    return lambda folder: subprocess.run(command, cwd=folder, capture_output=True, text=True)


@pytest.fixture(scope="session")
def book(tmp_path_factory: pytest.TempPathFactory, build: Callable) -> Path:
    """Folder of the book, built without a warning."""
    folder = tmp_path_factory.mktemp("book")
    for name in ("_config.yml", "_toc.yml"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(ROOT / "book", folder / "book", ignore=shutil.ignore_patterns("runs"))
    shutil.copytree(ROOT / "labs", folder / "labs", ignore=shutil.ignore_patterns("student", "slides"))
    subprocess.run([sys.executable, ROOT / "tools" / "make_labs.py"], cwd=folder, check=True, capture_output=True)
    (folder / "book" / "runs").mkdir()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(provenance, "provenance", lambda: MADE)
        for run_id in RUNS:
            nbformat.write(stand_in(run_id), folder / "book" / "runs" / f"{run_id}.ipynb")
    result = build(folder)
    assert result.returncode == 0, result.stdout + result.stderr
    return folder


@pytest.fixture(scope="session")
def html(request: pytest.FixtureRequest) -> Path:
    """Folder of the pages that the gates look at: of the book above, or of the one that MELIB_BOOK names."""
    real = os.environ.get("MELIB_BOOK")
    folder = Path(real).resolve() if real else request.getfixturevalue("book") / "_build" / "html"
    assert (folder / "index.html").is_file(), f"no book in {folder}: `make book` builds it"
    return folder


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def window(browser: Browser) -> Iterator[tuple[Page, list[str]]]:
    """One window for all tests of a module: to open one takes longer than to load a page."""
    with reader(browser, width=1000) as opened:
        yield opened


@pytest.fixture
def page(window: tuple[Page, list[str]], written: Path) -> Iterator[Page]:
    """The page that a module has written, loaded anew, in which nothing may go wrong."""
    page, said = window
    visit(page, said, written)
    yield page
    assert said == []
