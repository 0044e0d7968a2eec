"""A run leaves a whole page or none, and is repeated exactly when something that decides it has changed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest
from nbclient.exceptions import DeadKernelError

from melib.__main__ import main
from melib.engine import execute as execute_module
from melib.engine.execute import RunFailed, execute, page_path
from melib.engine.pages import page_key, stored_errors
from melib.engine.runs import load_runs, run_key

ROOT = Path(__file__).parents[2]


def small(checkout, **changes):
    return replace(load_runs(checkout / "runs.yml")["small"], **changes)


def files(checkout) -> set[str]:
    """Names of all files that runs write, the hidden ones included."""
    return {path.name for folder in ("book/runs", ".cache/runs") for path in (checkout / folder).glob("*")}


@pytest.fixture
def papermill_calls(monkeypatch) -> list[dict]:
    """Put a papermill in place that starts no kernel; gives the parameters of each call."""
    calls: list[dict] = []

    def quick(notebook, output, parameters, **_):
        calls.append(dict(parameters))
        nbformat.write(notebook, output)
        return notebook

    monkeypatch.setattr(execute_module.papermill, "execute_notebook", quick)
    return calls


@pytest.mark.notebook
def test_a_notebook_becomes_a_page(checkout):
    assert execute(small(checkout), "smoke", root=checkout)
    page = nbformat.read(page_path("small", checkout), as_version=4)
    said = "".join(output.text for cell in page.cells for output in cell.get("outputs", ()))
    assert said == f"tier smoke seed 5\nfolder {checkout}\nthreads 1\n"
    assert page_key(page) == run_key(small(checkout), "smoke", checkout)
    assert page.metadata["melib"]["parameters"]["seed"] == 5
    assert page.metadata["melib"]["seconds"] > 0
    assert files(checkout) == {"small.ipynb", "small.smoke.ipynb"}


@pytest.mark.notebook
def test_a_failed_run_leaves_no_page_and_keeps_the_notebook_aside(checkout, monkeypatch, capsys):
    page_path("small", checkout).parent.mkdir(parents=True)
    page_path("small", checkout).write_text("a page of an earlier run")
    path = checkout / "runs.yml"
    path.write_text(path.read_text().replace("{seed: 5}", "{fail: true}"))
    monkeypatch.chdir(checkout)
    assert main(["run", "small", "--tier", "smoke"]) == 1
    assert files(checkout) == {"small.smoke.failed.ipynb"}
    kept = nbformat.read(checkout / ".cache" / "runs" / "small.smoke.failed.ipynb", as_version=4)
    assert stored_errors(kept)
    said = capsys.readouterr().err
    assert "failed in cell [4] of notebooks/small.md: RuntimeError: this notebook was told to fail" in said
    assert ".cache/runs/small.smoke.failed.ipynb" in said


@pytest.mark.notebook
def test_a_run_killed_in_the_middle_leaves_nothing_half_written(checkout):
    (checkout / "wait").touch()
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "melib", "run", "small", "--tier", "smoke"]
    process = subprocess.Popen(command, cwd=checkout, env=environment, stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 120
        while not (checkout / "waiting").exists():
            assert process.poll() is None and time.monotonic() < deadline, "the notebook did not get to its wait"
            time.sleep(0.05)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert not page_path("small", checkout).exists()
    assert files(checkout) <= {"small.smoke.working.ipynb"}
    (checkout / "wait").unlink()
    assert subprocess.run(command, cwd=checkout, env=environment, capture_output=True).returncode == 0
    assert stored_errors(nbformat.read(page_path("small", checkout), as_version=4)) == []
    assert files(checkout) == {"small.ipynb", "small.smoke.ipynb"}


def test_an_unchanged_run_is_not_repeated_even_if_its_page_was_deleted(checkout, papermill_calls):
    assert execute(small(checkout), "smoke", root=checkout)
    first = page_path("small", checkout).read_text()
    page_path("small", checkout).unlink()
    assert not execute(small(checkout), "smoke", root=checkout)
    assert page_path("small", checkout).read_text() == first
    assert papermill_calls == [{"seed": 5, "tier": "smoke"}]


def test_a_changed_parameter_is_run(checkout, papermill_calls):
    execute(small(checkout), "smoke", root=checkout)
    assert execute(small(checkout, parameters={"seed": 6}), "smoke", root=checkout)
    assert [call["seed"] for call in papermill_calls] == [5, 6]


def test_changed_code_is_run(checkout, papermill_calls, monkeypatch):
    execute(small(checkout), "smoke", root=checkout)
    monkeypatch.setattr("melib.engine.runs.computing_hash", lambda: "other code")
    assert execute(small(checkout), "smoke", root=checkout)


def test_a_changed_notebook_is_run(checkout, papermill_calls):
    execute(small(checkout), "smoke", root=checkout)
    source = checkout / "notebooks" / "small.md"
    source.write_text(source.read_text() + "\nOne more sentence.\n")
    assert execute(small(checkout), "smoke", root=checkout)


def test_the_page_of_one_tier_is_not_taken_for_another(checkout, papermill_calls):
    execute(small(checkout), "smoke", root=checkout)
    assert execute(small(checkout), "quick", root=checkout)
    assert not execute(small(checkout), "smoke", root=checkout), "the smaller one was kept"
    page = nbformat.read(page_path("small", checkout), as_version=4)
    assert page.metadata["melib"]["tier"] == "smoke"


def test_a_kept_page_with_an_error_is_not_used(checkout, papermill_calls):
    execute(small(checkout), "smoke", root=checkout)
    kept = checkout / ".cache" / "runs" / "small.smoke.ipynb"
    notebook = nbformat.read(kept, as_version=4)
    notebook.cells[-1].outputs = [nbformat.v4.new_output("error", ename="E", evalue="", traceback=[])]
    nbformat.write(notebook, kept)
    assert execute(small(checkout), "smoke", root=checkout)


def test_a_kept_page_that_cannot_be_read_is_made_again(checkout, papermill_calls):
    execute(small(checkout), "smoke", root=checkout)
    (checkout / ".cache" / "runs" / "small.smoke.ipynb").write_text('{"cells": [')
    assert execute(small(checkout), "smoke", root=checkout)


def test_an_error_that_papermill_lets_pass_is_caught(checkout, monkeypatch):
    def tolerant(notebook, output, parameters, **_):
        error = nbformat.v4.new_output("error", ename="ValueError", evalue="lost", traceback=[])
        notebook.cells[-1].outputs = [error]
        nbformat.write(notebook, output)
        return notebook

    monkeypatch.setattr(execute_module.papermill, "execute_notebook", tolerant)
    with pytest.raises(RunFailed, match="ValueError: lost"):
        execute(small(checkout), "smoke", root=checkout)
    assert files(checkout) == {"small.smoke.failed.ipynb"}


def test_a_kernel_that_is_killed_is_said_and_leaves_nothing(checkout, monkeypatch, capsys):
    def killed(notebook, output, parameters, **_):
        nbformat.write(notebook, output)
        raise DeadKernelError("Kernel died")

    monkeypatch.setattr(execute_module.papermill, "execute_notebook", killed)
    monkeypatch.chdir(checkout)
    assert main(["run", "small", "--tier", "smoke"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "the kernel of notebooks/small.md was killed" in line and "memory" in line
    assert files(checkout) == set()


@pytest.mark.parametrize(
    ("changes", "tier", "words"),
    [
        ({}, "qick", "unknown tier 'qick'"),
        ({}, "full", "has no tier full: runs.yml declares smoke, quick"),
        ({"parameters": {"sede": 1}}, "smoke", "no parameter 'sede'"),
    ],
)
def test_a_wrong_request_starts_nothing(checkout, papermill_calls, changes, tier, words):
    with pytest.raises(ValueError, match=words):
        execute(small(checkout, **changes), tier, root=checkout)
    assert papermill_calls == []
    assert not (checkout / "book").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["smal"], "did you mean small?"), (["small", "--tier", "qick"], "unknown tier 'qick': choose one of smoke")],
)
def test_the_command_line_gives_one_line_for_a_wrong_request(checkout, monkeypatch, capsys, arguments, words):
    monkeypatch.chdir(checkout)
    assert main(["run", *arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert words in line


def test_the_environment_of_the_caller_is_left_as_it_was(checkout, papermill_calls):
    before = dict(os.environ)
    execute(small(checkout), "smoke", root=checkout)
    assert dict(os.environ) == before
