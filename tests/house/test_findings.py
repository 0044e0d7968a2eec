"""What README and book say came out is what the records of tier full say."""

from pathlib import Path

import make_findings
import pandas as pd
import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A folder with a place for table and figure, and no time lost on numbers."""
    monkeypatch.chdir(tmp_path)
    make_findings.OVERVIEW.parent.mkdir(parents=True)
    make_findings.TABLE.parent.mkdir(parents=True)
    line = {"question": "Is it?", "metric": "strs", "low": 0.1, "verdict": "higher"}
    monkeypatch.setattr(make_findings.answers, "headlines", lambda _: (pd.DataFrame([line]), ["asked"]))
    monkeypatch.setattr(make_findings, "table", lambda found: f"{found['verdict'][0]}\n")
    return line


def test_the_findings_are_those_of_the_published_records(monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    assert make_findings.main(["--check"]) == 0, capsys.readouterr().err


def test_a_changed_finding_is_noticed_and_drawn_and_an_unchanged_figure_stays(checkout, monkeypatch):
    drawn = []

    def draw(asked, found, words):
        drawn.append((asked, *found["question"]))
        return make_findings.matplotlib.figure.Figure()

    monkeypatch.setattr(make_findings.answers, "draw", draw)
    assert make_findings.main(["--check"]) == 1 and not make_findings.TABLE.exists()
    assert make_findings.main([]) == 0 and make_findings.main(["--check"]) == 0
    assert drawn[-1] == (["asked"], "Is it? (both tasks)") and make_findings.TABLE.read_text() == "higher\n"
    times = len(drawn)
    assert (
        make_findings.OVERVIEW.read_text().startswith("<?xml") and make_findings.main([]) == 0 and len(drawn) == times
    )
    checkout["verdict"] = "lower"
    monkeypatch.setattr(make_findings.answers, "headlines", lambda _: (pd.DataFrame([checkout]), ["asked"]))
    assert make_findings.main(["--check"]) == 1 and "higher" in make_findings.TABLE.read_text()


def test_away_from_the_checkout_nothing_is_written(monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    assert make_findings.main([]) == 2 and "start from the root of the checkout" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
