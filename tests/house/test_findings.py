"""What README and book say came out is what the records of tier full say."""

from pathlib import Path

import make_findings
import pytest
from refusing import refused

ROOT = Path(__file__).parents[2]
BETWEEN = f"# A study\n\n{make_findings.BEGIN}%s{make_findings.END}\nMore.\n"


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_findings.TABLE.parent.mkdir(parents=True)
    make_findings.README.write_text(BETWEEN % "1. Something.\n")
    return tmp_path


def test_the_findings_are_those_of_the_published_records(monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    assert make_findings.main(["--check"]) == 0, capsys.readouterr().err


def test_a_changed_finding_is_noticed_and_the_rest_of_the_readme_stays(checkout, monkeypatch, capsys):
    monkeypatch.setattr(make_findings, "table", lambda: "2. Else.\n")
    assert make_findings.main(["--check"]) == 1 and "Something" in make_findings.README.read_text()
    assert make_findings.main([]) == 0 and make_findings.main(["--check"]) == 0
    assert make_findings.README.read_text() == BETWEEN % "\n2. Else.\n\n"
    refused("once each", make_findings.in_readme, "# A study\n", "2. Else.\n")


def test_away_from_the_checkout_nothing_is_written(monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    assert make_findings.main([]) == 2 and "start from the root of the checkout" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
