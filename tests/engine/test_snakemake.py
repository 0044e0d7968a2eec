"""What Snakemake would do, and what it does in a small checkout with the real Snakefile and tools."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from melib.study import records

ROOT = Path(__file__).parents[2]
CONFIG = """\
title: A small book
only_build_toc_files: true
exclude_patterns: [_build, ".*", ".*/**", notebooks]
execute: {execute_notebooks: "off"}
"""
CONTENTS = "format: jb-book\nroot: book/index\nchapters:\n- file: book/runs/small\n"


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    """A function that gives the jobs which Snakemake would start in a fresh checkout: rule to the texts of its jobs."""
    folder = tmp_path_factory.mktemp("fresh")
    for name in ("notebooks", "labs", "tools", "Snakefile", "runs.yml", "_config.yml", "_toc.yml", "results"):
        (folder / name).symlink_to(ROOT / name)
    (folder / "book").mkdir()
    for path in (path for path in (ROOT / "book").iterdir() if path.name != "runs"):
        (folder / "book" / path.name).symlink_to(path)

    def jobs(*asked: str) -> dict[str, list[str]]:
        command = [sys.executable, "-m", "snakemake", "--dry-run", "--printshellcmds", "--nocolor", *asked]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
        assert result.returncode == 0, result.stderr[-3000:]
        found: dict[str, list[str]] = {}
        for rule, text in re.findall(r"^rule (\w+):\n(.*?)(?=^rule |^Job stats|\Z)", result.stdout, re.M | re.S):
            found.setdefault(rule, []).append(text)
        return found

    return jobs


def test_all_rows_are_computed_in_batches_after_their_features(plan):
    batch = 12
    found = plan("--cores", "3", "--config", "tier=smoke", f"batch={batch}", "--", "records")
    batches = records.batches("smoke", batch)
    assert len(found["record"]) == len(batches)
    (features,) = found["features"]
    assert "--features --jobs 3" in features, "all cores, of which each process takes one"
    commands = "\n".join(found["record"])
    for name, seed, rows in batches.values():
        assert len(rows) <= batch
        words = " ".join(f"--row {row.name}" for row in rows)
        assert f"-m melib rows {name} --seed {seed} {words} --tier smoke" in commands


def test_a_page_waits_for_its_records_and_the_book_for_its_pages(plan):
    found = plan("--cores", "1", "--config", "tier=smoke", "--", "book")
    pages = {re.search(r"melib run (\w+)", job)[1]: job for job in found["page"]}
    assert len(pages) == (ROOT / "runs.yml").read_text().count("- id:")
    shown = set(re.findall(r"\.cache/done/smoke/([\w.-]+)", pages["depth_ablation"]))
    homes = {name for id, (name, *_) in records.batches("smoke", 12).items() if id in shown}
    assert {"depth_ablation", "dose_response", "sensor_sweep"} <= homes and "spotting" not in homes
    assert ".cache/done" not in pages["motion"]
    (book,) = found["book"]
    assert all(f"book/runs/{id}.ipynb" in book for id in pages)


@pytest.fixture
def book_checkout(checkout: Path) -> Path:
    """The small checkout, with a book around its one page."""
    shutil.copy(ROOT / "Snakefile", checkout)
    shutil.copytree(ROOT / "tools", checkout / "tools", ignore=shutil.ignore_patterns("__pycache__"))
    (checkout / "results").mkdir()
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
    page, index = checkout / "book" / "runs" / "small.ipynb", checkout / "_build" / "html" / "index.html"
    (checkout / "notebooks" / "wait").touch()
    killed = start(checkout)
    try:
        deadline = time.monotonic() + 120
        while not (checkout / "notebooks" / "waiting").exists():
            assert killed.poll() is None, killed.stdout.read()
            assert time.monotonic() < deadline, "the notebook did not get to its wait"
            time.sleep(0.1)
        code, said = build(checkout)
        assert code == 1 and "an engine is at work in this folder" in said
    finally:
        os.killpg(killed.pid, signal.SIGKILL)
        killed.communicate()
    assert not page.exists() and not index.exists()
    (checkout / "notebooks" / "wait").unlink()

    code, said = build(checkout)
    assert code == 0, said
    assert "clearing the lock of an engine that was killed" in said
    assert said.splitlines()[-1] == f"the book: {index}"
    made = page.stat().st_mtime_ns, index.stat().st_mtime_ns
    code, said = build(checkout)
    assert code == 0, said
    assert (page.stat().st_mtime_ns, index.stat().st_mtime_ns) == made, "nothing had changed, yet something was made"

    (checkout / "runs.yml").write_text((checkout / "runs.yml").read_text().replace("seed: 5", "fail: true"))
    code, said = build(checkout)
    assert code != 0 and "this notebook was told to fail" in said and not page.exists()
