"""The book's own account of how up to date it is, and the numbers of papers: read from files, not typed."""

import json

import pytest
from conftest import RUNS
from reading import ROOT, Elements, program

from melib.study import experiments, pages, records

STATUS, PRINTED = (program(f"book/extensions/{name}.py") for name in ("status", "printed"))
EXPERIMENT = """
{question: "?", criterion: "!", least: 0.03, measures: [], rows: [{name: "units-{what}", label: units,
settings: {model: action units}, for: {what: [made, missing]}}]}
"""


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A checkout with one experiment, which is the working folder."""
    for name in ("notebooks", "results"):
        (tmp_path / name).mkdir()
    (tmp_path / "notebooks" / "one.yml").write_text(EXPERIMENT, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def page(run_id: str, *, tier: str = "quick", **changed: object) -> dict:
    """What a current page says of its run."""
    made = {"time": "2026-01-02T03:04:05+00:00", "commit": "c" * 40, "python": "3.11.7"}
    key = pages.page_key(RUNS[run_id], tier, ROOT)
    return {"tier": tier, "key": key, "seconds": 200, "provenance": made, **changed}


def rows(table: str) -> list[list[str]]:
    """Cells of a list-table, without its head."""
    return [
        [cell.removeprefix("  - ").removeprefix("  -") for cell in row.rstrip("`\n").split("\n")]
        for row in table.split("* - ")[2:]
    ]


def test_a_page_is_current_or_stale_and_a_run_without_page_is_missing(monkeypatch, tmp_path):
    for name, metadata in {"run": {"melib": {"tier": "quick"}}, "other": {}}.items():
        (tmp_path / f"{name}.ipynb").write_text(json.dumps({"metadata": metadata, "cells": []}))
    assert STATUS.made_pages(tmp_path) == {"run": {"tier": "quick"}}, "no run made the other"
    monkeypatch.chdir(ROOT)
    made = {"motion": page("motion"), "networks": page("networks", key="other", tier="smoke")}
    said = {row[0].partition("<runs/")[2].rstrip(">`"): row[1:] for row in rows(STATUS.pages_status(made))}
    assert list(said) == list(RUNS)
    plain = [cell.replace("\N{NO-BREAK SPACE}", " ") for cell in said["motion"]]
    assert plain == ["`quick`", "2 Jan 2026", "3.3 min", "`ccccccccc`", f"`{made['motion']['key'][:9]}`", "yes"]
    assert said["networks"][0] == "`smoke`" and said["networks"][-1] == "**stale**"
    assert said["spotting"][-1] == "not made"


def test_declared_runs_have_their_minutes_and_sum_and_pages_of_another_environment_a_row_of_their_own(monkeypatch):
    monkeypatch.chdir(ROOT)
    *said, total = rows(STATUS.declared_runs({}))
    assert [row[0] for row in said] == [f"`{run_id}`" for run_id in RUNS]
    assert float(total[-1]) == pytest.approx(sum(float(row[-1] or 0) for row in said), rel=5e-3)
    other = {"time": "2026-01-02T03:04:05+00:00", "commit": "unknown", "python": "3.12.1"}
    made = {"motion": page("motion"), "networks": page("networks"), "spotting": page("spotting", provenance=other)}
    said = rows(STATUS.pages_made_with(made))
    assert [row[0] for row in said] == ["2", "1"]
    assert said[0][1].startswith("Python 3.11.7") and said[1][1].startswith("Python 3.12.1")


def test_records_are_counted_as_declared_there_and_current(checkout):
    row = experiments.load("one", "smoke").row("units-made")
    path = records.compute(row, 0, folder=checkout / ".cache" / "records", store=checkout)
    made = {"motion": page("motion", tier="smoke")}
    ((name, tier, *counts, day, _, commit),) = rows(STATUS.records_status(made))
    assert (name, tier, counts) == ("`one`", "smoke", ["1 of 2", "1"])
    record = json.loads(path.read_text(encoding="utf-8"))
    assert record["provenance"]["time"][:4] in day and "to" not in day
    assert commit.startswith(f"`{record['provenance']['commit'][:9]}")
    path.write_text(json.dumps(record | {"key": "other"}), encoding="utf-8")
    assert rows(STATUS.records_status(made))[0][2:4] == ["1 of 2", "0"]


def test_a_stored_record_is_current_until_what_it_measured_changes(checkout):
    record = json.loads((ROOT / "results" / "out_of_plane.json").read_text(encoding="utf-8"))
    for measured, state in ((STATUS.stored.measured_hash(), "yes"), ("other", "**stale**")):
        path = checkout / "results" / "out_of_plane.json"
        path.write_text(json.dumps(record | {"measured": measured}), encoding="utf-8")
        ((name, _, commit, command, current),) = rows(STATUS.stored_records({}))
        assert (name, current) == ("`out_of_plane`", state)
        assert record["provenance"]["commit"][:9] in commit and record["command"] in command


def test_changes_of_results_are_those_of_the_changelog(checkout):
    head = "# Changelog\n\n## [0.2.0] - 2027-01-01\n\n### Added\n\n- A page.\n\n"
    for text, words in (
        (head, "the first version"),
        (f"{head}## [0.1.0] - 2026-12-24\n\n### Added\n\n- A name.\n", "No version has changed"),
        (f"{head}### Results\n\n- Depth moved.\n\n### Fixed\n\n- A word.\n", "Depth moved."),
    ):
        (checkout / "CHANGELOG.md").write_text(text, encoding="utf-8")
        assert words in STATUS.results_changes({})
    assert "0.2.0" in STATUS.results_changes({})
    assert not {"A page.", "A word."} & set(STATUS.results_changes({}).split("- "))


@pytest.mark.book
def test_the_built_pages_name_every_run_and_every_experiment_and_hold_the_printed_numbers(book):
    built = book / "_build" / "html" / "book"
    cells = Elements(built / "status.html").cells
    assert {run.title.replace("'", "’") for run in RUNS.values()} <= {cell.replace("'", "’") for cell in cells}
    assert set(experiments.names(ROOT / "notebooks")) <= set(cells)
    assert cells.count("stale") >= len(RUNS), "the stand-ins have keys of no code"
    assert "finds\n17 micro-expressions, misses 40" in (built / "introduction.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "number"),
    [
        *(("MEAN; CAS(ME)²; spotting; FP", "206"), ("STRS; SFAMNet; SFAMNet; S; 7", "0.0164")),
        *((name, None) for name in ("MEAN; CAS(ME)²; spotting; F2", "MEAN; spotting; F1", "")),
    ],
)
def test_a_printed_number_is_that_of_the_papers_table_and_no_other(name, number):
    if number is None:
        with pytest.raises(ValueError, match="printed numbers, not one"):
            PRINTED.printed_number(name)
    else:
        assert PRINTED.printed_number(name) == number
