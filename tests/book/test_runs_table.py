"""The table of the declared runs says what runs.yml says."""

from __future__ import annotations

import shutil
from pathlib import Path

import make_runs_table

ROOT = Path(__file__).parents[2]


def test_the_table_is_that_of_runs_yml(monkeypatch):
    monkeypatch.chdir(ROOT)
    assert make_runs_table.main(["--check"]) == 0, "run python tools/make_runs_table.py"


def test_a_changed_declaration_makes_the_table_stale(monkeypatch, tmp_path):
    (tmp_path / make_runs_table.TABLE.parent).mkdir(parents=True)
    shutil.copy(ROOT / "runs.yml", tmp_path)
    monkeypatch.chdir(tmp_path)
    assert make_runs_table.main([]) == 0
    assert make_runs_table.main(["--check"]) == 0
    more = "\n- id: another\n  notebook: notebooks/another.md\n  title: Another\n  minutes: {full: 7}\n"
    with (tmp_path / "runs.yml").open("a", encoding="utf-8") as file:
        file.write(more)
    assert make_runs_table.main(["--check"]) == 1
    assert make_runs_table.main([]) == 0
    row = "* - `another`\n  - {doc}`Another <runs/another>`\n  -\n  -\n  - 7\n"
    assert row in make_runs_table.TABLE.read_text(encoding="utf-8")
