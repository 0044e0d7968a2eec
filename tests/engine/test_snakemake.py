"""What Snakemake would do, and what it does in a small checkout with the real Snakefile and tools."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import build_book
import pytest
import snakemake.cli
from branching import ROOT, start

from melib.study import records

CONFIG = """\
title: A small book
only_build_toc_files: true
exclude_patterns: [_build, ".*", ".*/**", notebooks]
execute: {execute_notebooks: "off"}
"""
#: Rows that one process computes.
BATCH = 12
CONTENTS = "format: jb-book\nroot: book/index\nchapters:\n- file: book/runs/small\n"


def engine(arguments: list[str], said: Path) -> None:
    """Snakemake's command line in a process of its own; what it and its jobs say goes into two files."""
    for stream, name in enumerate(("out", "err"), start=1):
        with said.with_suffix(f".{name}").open("w") as file:
            os.dup2(file.fileno(), stream)
    snakemake.cli.main(arguments)


def ran(folder: Path, arguments: list[str], said: Path) -> tuple[int, str, str]:
    """Exit code of Snakemake in a folder, and what was said on the two streams."""
    process = start(folder, engine, arguments, said)
    process.join()
    return process.exitcode, *(said.with_suffix(f".{name}").read_text() for name in ("out", "err"))


@pytest.fixture(scope="module")
def plan(tmp_path_factory) -> dict[str, list[str]]:
    """The jobs that Snakemake would start in a fresh checkout for records and book: rule to the texts of its jobs."""
    folder = tmp_path_factory.mktemp("fresh")
    for name in ("notebooks", "labs", "tools", "Snakefile", "runs.yml", "_config.yml", "_toc.yml", "results"):
        (folder / name).symlink_to(ROOT / name)
    (folder / "book").mkdir()
    for path in (path for path in (ROOT / "book").iterdir() if path.name != "runs"):
        (folder / "book" / path.name).symlink_to(path)
    arguments = ["--dry-run", "--printshellcmds", "--nocolor", "--cores", "3"]
    arguments += ["--config", "tier=smoke", f"batch={BATCH}", "--", "records", "book"]
    code, said, complained = ran(folder, arguments, tmp_path_factory.mktemp("said") / "plan")
    assert code == 0, complained[-3000:]
    found: dict[str, list[str]] = {}
    for rule, text in re.findall(r"^rule (\w+):\n(.*?)(?=^rule |^Job stats|\Z)", said, re.M | re.S):
        found.setdefault(rule, []).append(text)
    return found


def test_all_rows_are_computed_in_batches_after_their_features(plan):
    batches = records.batches("smoke", BATCH)
    assert len(plan["record"]) == len(batches)
    (features,) = plan["features"]
    assert "--features --jobs 3" in features, "all cores, of which each process takes one"
    commands = "\n".join(plan["record"])
    for seed, rows in batches.values():
        assert len(rows) <= BATCH
        words = " ".join(f"--row {row.name}" for row in rows)
        assert f" --seed {seed} {words} --tier smoke" in commands


def test_pages_wait_for_all_records_and_the_book_for_its_pages(plan):
    (pages,), (book,) = plan["pages"], plan["book"]
    assert set(re.findall(r"\.cache/done/smoke/(\d[\w.-]+)", pages)) == set(records.batches("smoke", BATCH))
    runs = re.findall(r"- id: (\w+)", (ROOT / "runs.yml").read_text())
    assert all(f"book/runs/{id}.ipynb" in book and f"book/runs/{id}.ipynb" in pages for id in runs)


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


@pytest.fixture
def build(book_checkout, monkeypatch, capfd, tmp_path_factory) -> Callable[[], tuple[int, str]]:
    """A function that makes the book and gives exit code and what was said."""
    monkeypatch.chdir(book_checkout)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("XDG_CACHE_HOME", str(book_checkout / "cache"))
    said = tmp_path_factory.mktemp("said") / "engine"

    def run(command: list[str]) -> subprocess.CompletedProcess:
        assert command[:3] == [sys.executable, "-m", "snakemake"]
        code, *words = ran(book_checkout, command[3:], said)
        print(*words)
        return subprocess.CompletedProcess(command, code)

    # The engine that is killed is started as `make book` starts it; those after it branch off.
    monkeypatch.setattr(build_book, "subprocess", SimpleNamespace(run=run))

    def made() -> tuple[int, str]:
        capfd.readouterr()
        code = build_book.main("smoke")
        said, complained = capfd.readouterr()
        return code, complained + said

    return made


@pytest.mark.book
@pytest.mark.notebook
def test_a_killed_engine_leaves_nothing_half_made_and_the_next_one_finishes(book_checkout, build):
    checkout = book_checkout
    page, index = checkout / "book" / "runs" / "small.ipynb", checkout / "_build" / "html" / "index.html"
    (checkout / "notebooks" / "wait").touch()
    command = [sys.executable, "tools/build_book.py", "smoke"]
    killed = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        deadline = time.monotonic() + 120
        while not (checkout / "notebooks" / "waiting").exists():
            assert killed.poll() is None, killed.stdout.read()
            assert time.monotonic() < deadline, "the notebook did not get to its wait"
            time.sleep(0.1)
        code, said = build()
        assert code == 1 and "an engine is at work in this folder" in said
    finally:
        os.killpg(killed.pid, signal.SIGKILL)
        killed.communicate()
    assert not any(page.parent.glob("*")) and not index.exists()
    (checkout / "notebooks" / "wait").unlink()
    code, said = build()
    assert code == 0, said
    assert "clearing the lock of an engine that was killed" in said
    assert said.splitlines()[-1] == f"the book: {index}"
    made = page.stat().st_mtime_ns, index.stat().st_mtime_ns
    code, said = build()
    assert code == 0, said
    assert (page.stat().st_mtime_ns, index.stat().st_mtime_ns) == made, "nothing had changed, yet something was made"
    (checkout / "runs.yml").write_text((checkout / "runs.yml").read_text().replace("seed: 5", "fail: true"))
    code, said = build()
    assert code != 0 and "this notebook was told to fail" in said and not page.exists()
