"""The tools about the book: pairs of the notebooks, records that are kept, and refusals in one line."""

import json
import runpy
import sys
from pathlib import Path

import build_book
import keep_records
import make_findings
import nbformat
import pair_notebooks
import papermill
import pytest
from refusing import refused

from melib.study import experiments, records
from melib.study.record import Record

ROOT = Path(__file__).parents[2]
EXPERIMENT = """\
question: "?"
criterion: "!"
least: 0.1
measures: [uf1_pooled]
rows:
- {name: units, label: Units, way: clips, settings: {model: action units}}
"""


@pytest.fixture
def kept(tmp_path, monkeypatch) -> Path:
    """A checkout with one experiment of one row, whose record is made; the folder of those that are kept."""
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "one.yml").write_text(EXPERIMENT)
    (tmp_path / "results" / "smoke" / "gone").mkdir(parents=True)
    (tmp_path / "results" / "smoke" / "gone" / "row.0.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    (row,) = experiments.load("one", "smoke").rows
    values = {"key": records.key(row.settings, 0), "settings": {}, "amounts": {}, "dataset": {}, "provenance": {}}
    records.write(Record(values), records.path(row, 0, tmp_path / ".cache" / "records"))
    return tmp_path / "results"


def test_records_are_kept_and_what_is_no_longer_declared_goes(kept):
    assert keep_records.main("smoke") == 0
    assert sorted(path.name for path in kept.rglob("*.*")) == ["units.0.json", "units.0.zip"]
    made = kept.parent / ".cache" / "records" / "smoke" / "one"
    assert all((kept / "smoke" / "one" / path.name).read_bytes() == path.read_bytes() for path in made.iterdir())


def test_nothing_is_kept_while_a_record_is_missing_or_stale(kept):
    (made,) = (kept.parent / ".cache").rglob("units.0.json")
    made.write_text(json.dumps({**json.loads(made.read_text()), "key": "other"}))
    for _ in ("stale", "missing"):
        refused("1 records are missing or stale.*build_book.py smoke records", keep_records.main, "smoke")
        assert [path.name for path in kept.rglob("*.*")] == ["row.0.json"]
        made.unlink(missing_ok=True)


def test_a_missing_or_stale_pair_is_named_and_then_written_for_papermill(checkout, capsys):
    assert pair_notebooks.main(["--check", "--folder", str(ROOT / "notebooks")]) == 0, "every notebook has its pair"
    folder = checkout / "notebooks"
    arguments = ["--folder", str(folder)]
    assert pair_notebooks.main(["--check", *arguments]) == 1
    assert "small.ipynb is missing or stale" in capsys.readouterr().err
    assert not (folder / "small.ipynb").exists()
    assert pair_notebooks.main(arguments) == 0
    assert pair_notebooks.main(["--check", *arguments]) == 0
    pair = nbformat.read(folder / "small.ipynb", as_version=4)
    assert not [cell for cell in pair.cells if cell.get("outputs") or cell.get("execution_count")]
    assert pair.metadata["kernelspec"]["name"] == "python3"
    assert set(papermill.inspect_notebook(folder / "small.ipynb")) == {"tier", "seed", "fail"}
    source = folder / "small.md"
    source.write_text(source.read_text() + "\nOne more sentence.\n")
    assert pair_notebooks.main(["--check", *arguments]) == 1
    source.unlink()
    assert pair_notebooks.main(arguments) == 1, "a pair without a source"


@pytest.mark.parametrize("name", ["build_book", "check_pages", "keep_records"])
def test_a_tier_that_does_not_exist_gets_one_line(name, monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [f"tools/{name}.py", "qick"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(ROOT / "tools" / f"{name}.py"), run_name="__main__")
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"tools/{name}.py: unknown tier 'qick'")
    assert list(tmp_path.iterdir()) == []


def test_away_from_the_checkout_nothing_is_built_written_or_paired(monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    assert make_findings.main([]) == 2 and "start from the root of the checkout" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
    refused("start from the root of the checkout", build_book.main, "smoke", kind=FileNotFoundError)
    assert pair_notebooks.main(["--check", "--folder", str(tmp_path / "nowhere")]) == 2
    assert "no notebook in" in capsys.readouterr().err
