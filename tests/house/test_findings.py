"""What README and book say came out is what the records of tier full say."""

from pathlib import Path

import make_findings
import pandas as pd
import pytest

ROOT = Path(__file__).parents[2]


def test_the_findings_are_those_of_the_published_records(monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    assert make_findings.main(["--check"]) == 0, capsys.readouterr().err
    kept = make_findings.answers._kept_differences(make_findings.answers.places.published())
    monkeypatch.setattr(make_findings.answers, "_kept_differences", lambda _: {})
    monkeypatch.setattr(make_findings.answers.experiments, "names", lambda: ["flow_choice"])
    assert all(kept[said] == pytest.approx(anew) for said, anew in make_findings.answers.every_difference().items())


def test_a_changed_finding_is_noticed_and_drawn_and_an_unchanged_figure_stays(tmp_path, monkeypatch):
    made, drawn = make_findings, []
    monkeypatch.chdir(tmp_path)
    for path in (made.OVERVIEW, made.TABLE):
        path.parent.mkdir(parents=True)
    line = {"question": "Is it?", "metric": "uf1_pooled", "low": 0.1, "verdict": "higher"}
    other = {"question": "And of another measure?", "metric": "strs"}
    monkeypatch.setattr(made.answers, "headlines", lambda _: (pd.DataFrame([line, line | other]), ["asked", "out"]))
    monkeypatch.setattr(made, "table", lambda found: f"{found['verdict'][0]}\n")
    draw = lambda asked, found, words: drawn.append((asked, *found["question"])) or made.matplotlib.figure.Figure()  # noqa: E731
    monkeypatch.setattr(made.answers, "draw", draw)
    assert made.main(["--check"]) == 1 and not made.TABLE.exists()
    assert made.main([]) == 0 and made.main(["--check"]) == 0 and made.TABLE.read_text() == "higher\n"
    assert drawn == [(["asked"], "Is it?")] * 2 and made.OVERVIEW.read_text().startswith("<?xml")
    line["verdict"] = "lower"
    assert made.main(["--check"]) == 1 and "higher" in made.TABLE.read_text()
