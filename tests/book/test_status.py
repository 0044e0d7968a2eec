"""The book's own account of how up to date it is: read from pages and records, not typed."""

from __future__ import annotations

import importlib.util
import json
from html.parser import HTMLParser
from pathlib import Path

import pytest

from melib.engine.runs import load_runs, run_key
from melib.study.catalogue import EXPERIMENTS
from melib.study.experiments import Experiment
from melib.study.known_units import KNOWN_UNITS
from melib.study.rows import Row, compute

ROOT = Path(__file__).parents[2]
RUNS = load_runs(ROOT / "runs.yml")


def extension(name: str):
    specification = importlib.util.spec_from_file_location(name, ROOT / "book" / "extensions" / f"{name}.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.fixture
def status():
    return extension("status")


def page(run_id: str, *, tier: str = "quick", **changed: object) -> dict:
    """What a current page says of its run."""
    return {
        "tier": tier,
        "key": run_key(RUNS[run_id], tier, ROOT),
        "seconds": 200,
        "provenance": {"time": "2026-01-02T03:04:05+00:00", "commit": "c" * 40, "code": "a" * 64, "python": "3.11.7"},
        **changed,
    }


def rows(table: str) -> list[list[str]]:
    """Cells of a list-table, without its head."""
    return [
        [cell.removeprefix("  - ").removeprefix("  -") for cell in row.rstrip("`\n").split("\n")]
        for row in table.split("* - ")[2:]
    ]


def test_a_page_is_current_or_stale_and_a_run_without_page_is_missing(status):
    pages = {"motion": page("motion"), "networks": page("networks", key="other", tier="smoke")}
    said = {row[0].partition("<runs/")[2].rstrip(">`"): row[1:] for row in rows(status.pages_status(pages))}
    assert list(said) == list(RUNS)
    plain = [cell.replace("\N{NO-BREAK SPACE}", " ") for cell in said["motion"]]
    assert plain == ["`quick`", "2 Jan 2026", "3.3 min", "`aaaaaaaaa`", "`ccccccccc`", "yes"]
    assert said["networks"][0] == "`smoke`" and said["networks"][-1] == "**stale**"
    assert said["spotting"][-1] == "not made"


def test_pages_of_another_environment_have_a_row_of_their_own(status):
    other = {"time": "2026-01-02T03:04:05+00:00", "commit": "unknown", "code": "", "python": "3.12.1"}
    pages = {"motion": page("motion"), "networks": page("networks"), "spotting": page("spotting", provenance=other)}
    said = rows(status.pages_made_with(pages))
    assert [row[0] for row in said] == ["2", "1"]
    assert said[0][1].startswith("Python 3.11.7") and said[1][1].startswith("Python 3.12.1")


def test_records_are_counted_as_declared_there_and_current(status, monkeypatch, tmp_path):
    made, missing = (Row(f"units-{name}", "True action units", KNOWN_UNITS) for name in ("made", "missing"))
    monkeypatch.setattr(status, "EXPERIMENTS", {"one": Experiment("one", "?", "!", (made, missing), ())})
    monkeypatch.setattr(status, "CHECKOUT", tmp_path)
    path = compute(made, "smoke", 0, folder=tmp_path / ".cache" / "records", store=tmp_path)
    pages = {"motion": page("motion", tier="smoke")}
    ((name, tier, *counts, day, _, commit),) = rows(status.records_status(pages))
    assert (name, tier, counts) == ("`one`", "`smoke`", ["2", "1", "1"])
    record = json.loads(path.read_text(encoding="utf-8"))
    assert record["provenance"]["time"][:4] in day and "to" not in day
    assert commit.startswith(f"`{record['provenance']['commit'][:9]}")
    record["provenance"]["code"] = "other"
    path.write_text(json.dumps(record), encoding="utf-8")
    assert rows(status.records_status(pages))[0][2:5] == ["2", "1", "0"]


def test_a_stored_record_is_current_until_what_it_measured_changes(status, monkeypatch, tmp_path):
    (tmp_path / "results").mkdir()
    monkeypatch.setattr(status, "CHECKOUT", tmp_path)
    record = json.loads((ROOT / "results" / "out_of_plane.json").read_text(encoding="utf-8"))
    now = {**record, "measured": status.flow_truth.measured_hash()}
    (tmp_path / "results" / "out_of_plane.json").write_text(json.dumps(now))
    ((name, _, commit, command, current),) = rows(status.stored_records({}))
    assert (name, current) == ("`out_of_plane`", "yes")
    assert record["provenance"]["commit"][:9] in commit and record["command"] in command
    (tmp_path / "results" / "out_of_plane.json").write_text(json.dumps({**record, "measured": "other"}))
    assert rows(status.stored_records({}))[0][-1] == "**stale**"


def test_changes_of_results_are_those_of_the_changelog(status, monkeypatch, tmp_path):
    monkeypatch.setattr(status, "CHECKOUT", tmp_path)
    head = "# Changelog\n\n## [0.2.0] - 2027-01-01\n\n### Added\n\n- A page.\n\n"
    (tmp_path / "CHANGELOG.md").write_text(head)
    assert "the first version" in status.results_changes({})
    (tmp_path / "CHANGELOG.md").write_text(f"{head}## [0.1.0] - 2026-12-24\n\n### Added\n\n- A name.\n")
    assert "No version has changed" in status.results_changes({})
    (tmp_path / "CHANGELOG.md").write_text(f"{head}### Results\n\n- Depth moved.\n\n### Fixed\n\n- A word.\n")
    said = status.results_changes({})
    assert "0.2.0" in said and "Depth moved." in said
    assert "A page." not in said and "A word." not in said


def test_pages_that_no_run_made_are_left_out(status, tmp_path):
    for name, metadata in {"run": {"melib": {"tier": "quick"}}, "other": {}}.items():
        (tmp_path / f"{name}.ipynb").write_text(json.dumps({"metadata": metadata, "cells": []}))
    assert status.made_pages(tmp_path) == {"run": {"tier": "quick"}}


class Cells(HTMLParser):
    """Texts of the cells of all tables of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.inside, self.found = False, []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list) -> None:
        if tag == "td":
            self.inside = True
            self.found.append("")

    def handle_endtag(self, tag: str) -> None:
        self.inside &= tag != "td"

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.found[-1] += data.strip()


@pytest.mark.book
def test_the_built_page_names_every_run_and_every_experiment(book):
    cells = Cells((book / "_build" / "html" / "book" / "status.html").read_text(encoding="utf-8")).found
    assert {run.title.replace("'", "’") for run in RUNS.values()} <= {cell.replace("'", "’") for cell in cells}
    assert set(EXPERIMENTS) <= set(cells)
    assert cells.count("stale") == len(RUNS), "the stand-ins have keys of no code"


def test_a_printed_number_is_that_of_the_papers_table_with_all_its_digits():
    printed = extension("printed").printed_number
    assert printed("MEAN; CAS(ME)^2; spotting; FP") == "206"
    assert printed("STRS; SFAMNet; SFAMNet; S; 7") == "0.0164"


@pytest.mark.parametrize("name", ["MEAN; CAS(ME)^2; spotting; F2", "MEAN; spotting; F1", ""])
def test_a_name_of_no_number_or_of_several_is_an_error(name):
    with pytest.raises(ValueError, match="printed numbers, not one"):
        extension("printed").printed_number(name)


@pytest.mark.book
def test_the_built_introduction_holds_the_printed_numbers(book):
    html = (book / "_build" / "html" / "book" / "introduction.html").read_text(encoding="utf-8")
    assert "finds\n17 micro-expressions, misses 40" in html
