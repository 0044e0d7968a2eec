"""A run leaves a whole page or none, is repeated exactly when something that decides it has changed, and says so."""

import json
from dataclasses import replace

import nbformat
import pytest
from nbclient.exceptions import DeadKernelError
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from refusing import refused

from melib.__main__ import main
from melib.study import pages
from melib.study.pages import RunFailed, execute, figures_without_words, load_runs, page_key, stored_errors


def small(checkout, **changes):
    return replace(load_runs(checkout)["small"], **changes)


def files(checkout) -> set[str]:
    """Names of all files that runs write, the hidden ones included."""
    return {path.name for folder in ("book/runs", ".cache/runs") for path in (checkout / folder).glob("*")}


@pytest.fixture
def calls(monkeypatch) -> list[dict]:
    """Put a papermill in place that starts no kernel; gives the parameters of each call."""
    made: list[dict] = []

    def quick(notebook, output, parameters, **_):
        made.append(dict(parameters))
        nbformat.write(notebook, output)
        return notebook

    monkeypatch.setattr(pages.papermill, "execute_notebook", quick)
    return made


@pytest.mark.notebook
def test_a_notebook_becomes_a_page(checkout):
    assert execute(small(checkout), "smoke", root=checkout)
    page = nbformat.read(small(checkout).page(checkout), as_version=4)
    said = "".join(output.text for cell in page.cells for output in cell.get("outputs", ()))
    assert said == f"tier smoke seed 5\nfolder {checkout / 'notebooks'}\nthreads 1\n"
    title, card, rest = page.cells[:3]
    assert title.source == "# A small page" and rest.source.startswith("Question")
    for words in ("**smoke**", "seed 5", "python -m melib run small --tier smoke"):
        assert words in card.source
    folded = [cell.source for cell in page.cells if "hide-input" in cell.metadata.get("tags", ())]
    assert len(folded) == 2, "defaults and injected values"
    assert page.metadata["melib"]["key"] == page_key(small(checkout), "smoke", checkout)
    assert page.metadata["melib"]["parameters"]["seed"] == 5 and "jupytext" not in page.metadata
    assert str(checkout) not in json.dumps({**page, "cells": page.cells[:3]}), "no path of the machine"
    assert files(checkout) == {"small.ipynb", "small.smoke.ipynb"}


@pytest.mark.notebook
def test_a_failed_run_leaves_no_page_and_keeps_the_notebook_aside(checkout, monkeypatch, capsys):
    page = small(checkout).page(checkout)
    page.parent.mkdir(parents=True)
    page.write_text("a page of an earlier run")
    path = checkout / "runs.yml"
    path.write_text(path.read_text().replace("{seed: 5}", "{fail: true}"))
    monkeypatch.chdir(checkout)
    assert main(["run", "small", "--tier", "smoke"]) == 1
    assert files(checkout) == {"small.smoke.failed.ipynb"}
    assert stored_errors(nbformat.read(checkout / ".cache" / "runs" / "small.smoke.failed.ipynb", as_version=4))
    said = capsys.readouterr().err
    assert "failed in cell [4] of notebooks/small.md: RuntimeError: this notebook was told to fail" in said
    assert ".cache/runs/small.smoke.failed.ipynb" in said


def test_an_unchanged_run_is_not_repeated_even_if_its_page_was_deleted(checkout, calls):
    page = small(checkout).page(checkout)
    assert execute(small(checkout), "smoke", root=checkout)
    first = page.read_text()
    page.unlink()
    assert not execute(small(checkout), "smoke", root=checkout)
    assert page.read_text() == first and calls == [{"seed": 5, "tier": "smoke"}]


ERROR = new_notebook(cells=[new_code_cell(outputs=[new_output("error", ename="E", evalue="", traceback=[])])])


@pytest.mark.parametrize(
    ("file", "change"),
    [
        ("notebooks/small.md", lambda text: text + "\nOne more sentence.\n"),
        ("notebooks/deeper.py", lambda text: "VALUE = 2"),
        ("notebooks/grid.yml", lambda text: "question: Another?\n"),
        ("results/speed.json", lambda text: '{"value": 2}'),
        ("results/full/grid/row.0.json", lambda text: '{"value": 2}'),
        ("melib/data/table.csv", lambda text: "2"),
        (".cache/runs/small.smoke.ipynb", lambda text: nbformat.writes(ERROR)),
        (".cache/runs/small.smoke.ipynb", lambda text: '{"cells": ['),
        ("code", None),
    ],
)
def test_what_decides_a_page_makes_it_anew(checkout, calls, monkeypatch, file, change):
    (checkout / "results/full/grid").mkdir(parents=True)
    # The notebook imports a module beside it, and that another one.
    notebooks = checkout / "notebooks"
    source = (notebooks / "small.md").read_text().replace("import time\n", "import time\nfrom beside import VALUE\n")
    files = {"small.md": source, "grid.yml": "question: One?\n", "../results/speed.json": "{}"}
    files["../results/full/grid/row.0.json"] = "{}"  # published: shown at every tier
    files |= {"beside.py": "from deeper import VALUE", "deeper.py": "VALUE = 1"}
    for name, content in files.items():
        (notebooks / name).write_text(content)
    # The package, with data that no module names.
    (checkout / "melib" / "data").mkdir(parents=True)
    (checkout / "melib" / "data" / "table.csv").write_text("1")
    monkeypatch.setattr(pages.melib, "__file__", str(checkout / "melib" / "__init__.py"))
    run = small(checkout, experiments=["grid"])
    execute(run, "smoke", root=checkout)
    assert not execute(run, "smoke", root=checkout)
    if file == "code":
        monkeypatch.setattr(pages, "source_hash", lambda _: "of other code")
    else:
        (checkout / file).write_text(change((checkout / file).read_text()))
    assert execute(run, "smoke", root=checkout)


def test_a_path_in_a_parameter_is_meant_from_the_root_and_one_in_the_environment_from_the_caller(
    checkout, calls, monkeypatch
):
    source = checkout / "notebooks" / "small.md"
    source.write_text(source.read_text().replace("fail = False\n", 'fail = False\ndata_root = ""\nreference = ""\n'))
    monkeypatch.chdir(checkout)
    monkeypatch.setenv("MELIB_CACHE", "cache")
    run = small(checkout, parameters={"data_root": "data/set", "reference": "/elsewhere"})
    execute(run, "smoke", root=checkout)
    assert calls == [{"data_root": "../data/set", "reference": "/elsewhere", "tier": "smoke"}]
    assert pages._kernel_environment()["MELIB_CACHE"] == str(checkout / "cache")


def test_tiers_parameters_and_titles_are_told_apart(checkout):
    run = small(checkout)
    keys = [page_key(run, tier, checkout) for tier in ("smoke", "quick")]
    keys += [page_key(replace(run, title="T"), "quick", checkout)]
    keys += [page_key(replace(run, parameters={"seed": 6}), "quick", checkout)]
    assert len(set(keys)) == len(keys)


def test_an_error_that_papermill_lets_pass_is_caught(checkout, monkeypatch):
    def tolerant(notebook, output, parameters, **_):
        notebook.cells[-1].outputs = [new_output("error", ename="ValueError", evalue="lost", traceback=[])]
        nbformat.write(notebook, output)
        return notebook

    monkeypatch.setattr(pages.papermill, "execute_notebook", tolerant)
    refused("ValueError: lost", execute, small(checkout), "smoke", root=checkout, kind=RunFailed)
    assert files(checkout) == {"small.smoke.failed.ipynb"}


def test_a_kernel_that_is_killed_is_said_and_leaves_nothing(checkout, monkeypatch, capsys):
    def killed(notebook, output, parameters, **_):
        nbformat.write(notebook, output)
        raise DeadKernelError("Kernel died")

    monkeypatch.setattr(pages.papermill, "execute_notebook", killed)
    monkeypatch.chdir(checkout)
    assert main(["run", "small", "--tier", "smoke"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "the kernel of notebooks/small.md was killed" in line and files(checkout) == set()


@pytest.mark.parametrize(
    ("changes", "tier", "words"),
    [
        ({}, "qick", "unknown tier 'qick'"),
        ({}, "full", "has no tier full: runs.yml declares smoke, quick"),
        ({"parameters": {"sede": 1}}, "smoke", "unknown parameter of .* 'sede': did you mean 'seed'"),
    ],
)
def test_a_wrong_request_starts_nothing(checkout, calls, changes, tier, words):
    refused(words, execute, small(checkout, **changes), tier, root=checkout)
    assert calls == [] and not (checkout / "book").exists()


def test_a_notebook_must_open_with_its_title_and_have_one_cell_of_parameters(checkout, calls):
    source = checkout / "notebooks" / "small.md"
    text = source.read_text()
    source.write_text(text.replace("# A small page", "## Low"))
    refused("must open with its title", execute, small(checkout), "smoke", root=checkout)
    cell = "```{code-cell} python\n"
    source.write_text(text.replace(f"{cell}import os", f"{cell}:tags: [parameters]\n\nimport os"))
    refused("2 cells are tagged parameters", execute, small(checkout), "smoke", root=checkout)
    with pytest.raises(FileNotFoundError, match="notebooks/gone.md"):
        execute(small(checkout, notebook="notebooks/gone.md"), "smoke", root=checkout)
    assert calls == []


@pytest.mark.parametrize(
    ("line", "replacement", "words"),
    [
        ("title: A small page", "titel: A small page", "unknown field in .* 'titel': did you mean 'title'"),
        ("title: A small page", "", "missing title"),
        ("id: small", "id: Small page", "lower-case letters"),
        ("{smoke: 0.1, quick: 0.2}", "{smoke: 0.1, quik: 0.2}", "expected minutes by tier"),
        ("{seed: 5}", "{tier: quick}", "without tier"),
    ],
)
def test_a_wrong_declaration_is_refused_by_name(checkout, line, replacement, words):
    path = checkout / "runs.yml"
    path.write_text(path.read_text().replace(line, replacement))
    refused(words, load_runs, checkout)


def test_declarations_that_are_not_there_are_refused(checkout, tmp_path):
    (checkout / "runs.yml").write_text((checkout / "runs.yml").read_text() * 2)
    refused("'small' twice", load_runs, checkout)
    refused("start from the root", load_runs, tmp_path / "elsewhere", kind=FileNotFoundError)


def test_the_gate_catches_a_stored_error():
    notebook = new_notebook(cells=[new_markdown_cell("# A page"), new_code_cell("1")])
    assert stored_errors(notebook) == []
    notebook.cells[1].outputs.append(new_output("error", ename="KeyError", evalue="'x'", traceback=[]))
    assert stored_errors(notebook) == ["cell 2: KeyError: 'x'"]


@pytest.mark.parametrize(
    ("metadata", "missing"),
    [
        ({}, ["alt text", "caption"]),
        ({"mystnb": {"image": {"alt": "A line."}}}, ["caption"]),
        ({"mystnb": {"image": {"alt": "A line."}, "figure": {"caption": "A line."}}}, []),
        ({"tags": ["remove-output"]}, []),
    ],
)
def test_a_shown_figure_needs_alt_text_and_caption(metadata, missing):
    drawn = new_code_cell("draw()", metadata=metadata, outputs=[new_output("display_data", {"image/png": ""})])
    found = figures_without_words(new_notebook(cells=[drawn]))
    assert len(found) == len(missing) and all(word in fault for word, fault in zip(missing, found, strict=True))


def test_the_gate_before_the_book_names_every_fault(checkout, calls):
    (checkout / "_toc.yml").write_text("- file: book/runs/small\n- file: book/runs/other\n")
    assert pages.faults(checkout, "smoke") == [
        "small: not there; `python -m melib run small --tier smoke` makes it",
        "other: no such run in runs.yml",
    ]
    execute(small(checkout), "smoke", root=checkout)
    assert pages.faults(checkout, "smoke") == ["other: no such run in runs.yml"]
    assert any("stale" in fault for fault in pages.faults(checkout, "quick"))
