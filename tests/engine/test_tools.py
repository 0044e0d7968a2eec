"""The gate before the book, and the pairs of the notebooks."""

from __future__ import annotations

import runpy
import shutil
import sys
from pathlib import Path

import build_book
import check_pages
import nbformat
import pair_notebooks
import papermill
import pytest

from melib.engine import execute as execute_module
from melib.engine.execute import execute, page_path
from melib.engine.runs import load_runs

ROOT = Path(__file__).parents[2]


@pytest.fixture
def page(checkout, monkeypatch) -> Path:
    """A sound page that the table of contents names."""

    def quick(notebook, output, parameters, **_):
        nbformat.write(notebook, output)
        return notebook

    monkeypatch.setattr(execute_module.papermill, "execute_notebook", quick)
    execute(load_runs(checkout / "runs.yml")["small"], "smoke", root=checkout)
    contents = "format: jb-book\nroot: book/index\nparts:\n- chapters:\n  - file: book/runs/small\n"
    (checkout / "_toc.yml").write_text(contents)
    return page_path("small", checkout)


def test_a_sound_page_passes(checkout, page):
    assert check_pages.faults(checkout, "smoke") == []


def test_a_page_with_a_stored_error_is_refused(checkout, page):
    notebook = nbformat.read(page, as_version=4)
    notebook.cells[-1].outputs = [nbformat.v4.new_output("error", ename="KeyError", evalue="x", traceback=[])]
    nbformat.write(notebook, page)
    (fault,) = check_pages.faults(checkout, "smoke")
    assert "book/runs/small: cell" in fault and "KeyError" in fault


def test_a_stale_page_is_refused(checkout, page):
    (checkout / "runs.yml").write_text((checkout / "runs.yml").read_text().replace("seed: 5", "seed: 6"))
    (fault,) = check_pages.faults(checkout, "smoke")
    assert "stale" in fault


def test_the_page_of_another_tier_is_refused(checkout, page):
    (fault,) = check_pages.faults(checkout, "quick")
    assert "stale" in fault


def test_a_page_that_is_missing_or_undeclared_is_refused(checkout, page):
    page.unlink()
    with (checkout / "_toc.yml").open("a") as contents:
        contents.write("  - file: book/runs/unknown\n")
    missing, undeclared = check_pages.faults(checkout, "smoke")
    assert "python -m melib run small --tier smoke" in missing
    assert "no such run" in undeclared


def test_every_notebook_has_its_pair():
    assert pair_notebooks.main(["--check", "--folder", str(ROOT / "notebooks")]) == 0


def test_a_missing_or_stale_pair_is_named_and_then_written(checkout, capsys):
    folder = checkout / "notebooks"
    arguments = ["--folder", str(folder)]
    assert pair_notebooks.main(["--check", *arguments]) == 1
    assert "small.ipynb is missing or stale" in capsys.readouterr().err
    assert not (folder / "small.ipynb").exists()
    assert pair_notebooks.main(arguments) == 0
    assert pair_notebooks.main(["--check", *arguments]) == 0
    source = folder / "small.md"
    source.write_text(source.read_text() + "\nOne more sentence.\n")
    assert pair_notebooks.main(["--check", *arguments]) == 1


def test_a_pair_without_source_is_an_error(checkout):
    folder = checkout / "notebooks"
    pair_notebooks.main(["--folder", str(folder)])
    (folder / "small.md").unlink()
    assert pair_notebooks.main(["--folder", str(folder)]) == 1


def test_the_same_source_gives_the_same_bytes(checkout, tmp_path):
    source = checkout / "notebooks" / "small.md"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    shutil.copy(source, elsewhere)
    assert pair_notebooks.paired_text(source) == pair_notebooks.paired_text(elsewhere / "small.md")


def test_a_pair_has_no_outputs_and_papermill_finds_its_parameters(checkout):
    folder = checkout / "notebooks"
    pair_notebooks.main(["--folder", str(folder)])
    pair = nbformat.read(folder / "small.ipynb", as_version=4)
    assert not [cell for cell in pair.cells if cell.get("outputs") or cell.get("execution_count")]
    assert pair.metadata["kernelspec"]["name"] == "python3"
    assert set(papermill.inspect_notebook(folder / "small.ipynb")) == {"tier", "seed", "fail"}


@pytest.mark.parametrize("name", ["build_book", "check_pages", "check_records", "keep_records"])
def test_a_tier_that_does_not_exist_gets_one_line(name, monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [f"tools/{name}.py", "qick"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(ROOT / "tools" / f"{name}.py"), run_name="__main__")
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"tools/{name}.py: unknown tier 'qick'")
    assert list(tmp_path.iterdir()) == []


def test_the_book_is_built_from_the_root_of_the_checkout_alone(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match="start from the root of the checkout"):
        build_book.main("smoke")


def test_a_folder_without_notebooks_is_no_success(tmp_path, capsys):
    assert pair_notebooks.main(["--check", "--folder", str(tmp_path / "nowhere")]) == 2
    assert "no notebook in" in capsys.readouterr().err
