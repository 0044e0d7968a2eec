"""The engine from end to end, in a small checkout with the real Snakefile and tools."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

CONFIG = """\
title: A small book
only_build_toc_files: true
exclude_patterns: [_build, ".*", ".*/**", notebooks]
execute: {execute_notebooks: "off"}
"""

CONTENTS = """\
format: jb-book
root: book/index
chapters:
- file: book/runs/small
"""


@pytest.fixture
def book_checkout(checkout: Path) -> Path:
    """The small checkout, with a book around its one page."""
    shutil.copy(ROOT / "Snakefile", checkout)
    shutil.copytree(ROOT / "tools", checkout / "tools", ignore=shutil.ignore_patterns("__pycache__"))
    (checkout / "_config.yml").write_text(CONFIG)
    (checkout / "_toc.yml").write_text(CONTENTS)
    (checkout / "book").mkdir()
    (checkout / "book" / "index.md").write_text("# A small book\n")
    return checkout


def start(checkout: Path) -> subprocess.Popen[str]:
    """Start the making of the book, in a process group of its own."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(checkout / "cache")}
    return subprocess.Popen(
        [sys.executable, "tools/build_book.py", "smoke"],
        cwd=checkout,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def build(checkout: Path) -> tuple[int, str]:
    """Make the book; exit code and what was said."""
    process = start(checkout)
    said, _ = process.communicate(timeout=300)
    return process.returncode, said


@pytest.mark.book
@pytest.mark.notebook
def test_a_killed_engine_leaves_nothing_half_made_and_the_next_one_finishes(book_checkout):
    checkout = book_checkout
    page = checkout / "book" / "runs" / "small.ipynb"
    index = checkout / "_build" / "html" / "index.html"

    (checkout / "wait").touch()
    killed = start(checkout)
    try:
        deadline = time.monotonic() + 120
        while not (checkout / "waiting").exists():
            assert killed.poll() is None, killed.stdout.read()
            assert time.monotonic() < deadline, "the notebook did not get to its wait"
            time.sleep(0.1)
        code, said = build(checkout)
        assert code == 1 and "an engine is at work in this folder" in said
    finally:
        os.killpg(killed.pid, signal.SIGKILL)
        killed.communicate()
    assert not page.exists() and not index.exists()
    (checkout / "wait").unlink()

    code, said = build(checkout)
    assert code == 0, said
    assert "clearing the lock of an engine that was killed" in said
    assert said.splitlines()[-1] == f"the book: {index}"
    assert page.exists() and index.exists()

    made = page.stat().st_mtime_ns, index.stat().st_mtime_ns
    code, said = build(checkout)
    assert code == 0, said
    assert (page.stat().st_mtime_ns, index.stat().st_mtime_ns) == made, "nothing had changed, yet something was made"

    (checkout / "runs.yml").write_text((checkout / "runs.yml").read_text().replace("seed: 5", "seed: 6"))
    code, said = build(checkout)
    assert code == 0, said
    assert "seed 6" in (checkout / "_build" / "html" / "book" / "runs" / "small.html").read_text()


@pytest.mark.notebook
def test_a_failing_run_stops_the_book(book_checkout):
    (book_checkout / "runs.yml").write_text((book_checkout / "runs.yml").read_text().replace("seed: 5", "fail: true"))
    code, said = build(book_checkout)
    assert code != 0
    assert "this notebook was told to fail" in said
    assert not (book_checkout / "_build" / "html" / "index.html").exists()
