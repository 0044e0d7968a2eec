"""What README and book say came out is what the records of tier full say."""

from __future__ import annotations

from pathlib import Path

import make_findings
import pandas as pd
import pytest

from melib.study.catalogue import EXPERIMENTS, find_experiment
from melib.tables.headlines import NEEDED, _said

ROOT = Path(__file__).parents[2]


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A folder with a record, and a README and a page that hold its findings."""
    monkeypatch.chdir(tmp_path)
    Path("results", "full", "clips").mkdir(parents=True)
    Path("results", "full", "clips", "grid.0.json").write_text("{}")
    findings = f"<!-- Records: {make_findings.fingerprint()} -->\n\n1. Something.\n"
    make_findings.TABLE.parent.mkdir(parents=True)
    make_findings.TABLE.write_text(findings)
    make_findings.README.write_text(f"# A study\n\n{make_findings.BEGIN}{findings}{make_findings.END}\nMore.\n")
    return tmp_path


def test_the_findings_are_those_of_the_published_records(monkeypatch):
    monkeypatch.chdir(ROOT)
    assert make_findings.stale() == [], "run python tools/make_findings.py"


def test_a_changed_record_or_a_changed_sentence_is_noticed(checkout, capsys):
    assert make_findings.main(["--check"]) == 0
    make_findings.README.write_text(make_findings.README.read_text().replace("Something", "Something else"))
    assert make_findings.stale() == [make_findings.README]
    Path("results", "full", "clips", "grid.0.json").write_text('{"value": 1}')
    assert make_findings.main(["--check"]) == 1
    assert "book/tables/findings.md does not hold the findings of results/full" in capsys.readouterr().err


def test_away_from_the_checkout_nothing_is_written(monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    for arguments in ([], ["--check"]):
        assert make_findings.main(arguments) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert "no record in results/full: start from the root of the checkout" in line
    assert list(tmp_path.iterdir()) == []


def test_the_rest_of_the_readme_stays_as_it_is(checkout):
    written = make_findings.in_readme(make_findings.README.read_text(), "2. Else.\n")
    assert written == f"# A study\n\n{make_findings.BEGIN}2. Else.\n{make_findings.END}\nMore.\n"
    with pytest.raises(ValueError, match="once each"):
        make_findings.in_readme("# A study\n", "2. Else.\n")


def test_a_few_comparisons_are_named_and_many_counted():
    assert set(NEEDED) <= set(EXPERIMENTS)
    experiment = find_experiment("normalization")
    found = pd.DataFrame([vars(each) for each in experiment.contrasts])
    found = found.assign(value=[-0.1] * 7 + [0.2], low=[-0.15] * 7 + [0.1], high=[-0.05] * 7 + [0.3], detectable=0.05)
    one = "SFAMNet, u, v and depth change +0.200, 0.100 to 0.300"
    assert _said("normalization", found) == f"*lower* in 7 of 8 comparisons, by -0.100 to -0.100, *higher* ({one})"
    named = {question: "one" for question in found["question"]}
    assert _said("normalization", found.tail(1), named) == "*higher* (one +0.200, 0.100 to 0.300)"
