"""Kept records are whole, current and declared; otherwise nothing is copied."""

from __future__ import annotations

import json

import keep_records
import pytest

from melib.study.experiments import Experiment
from melib.study.known_units import KNOWN_UNITS
from melib.study.rows import Row, compute, record_path

ROW = Row("units-kept", "True action units", KNOWN_UNITS)


@pytest.fixture
def tool(monkeypatch):
    """The tool, with one experiment of one row declared."""
    monkeypatch.setattr(keep_records, "EXPERIMENTS", {"one": Experiment("one", "?", "!", (ROW,), ())})
    return keep_records


def test_records_are_copied_and_what_is_no_longer_declared_goes(tool, tmp_path, capsys):
    made, kept = tmp_path / "made", tmp_path / "kept"
    compute(ROW, "smoke", 0, folder=made, store=tmp_path)
    other = kept / "smoke" / "units" / "gone.0.json"
    other.parent.mkdir(parents=True)
    other.write_text("{}")
    assert tool.main("smoke", made=made, kept=kept) == 0
    source, target = record_path(made, ROW, "smoke", 0), record_path(kept, ROW, "smoke", 0)
    assert target.read_bytes() == source.read_bytes()
    assert target.with_suffix(".csv").read_bytes() == source.with_suffix(".csv").read_bytes()
    assert not other.exists()
    assert len(target.read_bytes()) < 50_000


@pytest.mark.parametrize("fault", ["missing", "stale"])
def test_nothing_is_copied_while_a_record_is_missing_or_stale(tool, tmp_path, capsys, fault):
    made, kept = tmp_path / "made", tmp_path / "kept"
    if fault == "stale":
        path = compute(ROW, "smoke", 0, folder=made, store=tmp_path)
        record = json.loads(path.read_text())
        record["provenance"]["code"] = "other"
        path.write_text(json.dumps(record))
    assert tool.main("smoke", made=made, kept=kept) == 1
    assert not kept.exists()
    said = capsys.readouterr().err
    assert said.startswith("1 of 1 records are missing or stale in") and "units/units-kept.0" in said
    assert "python tools/build_book.py smoke records" in said


def test_a_copy_that_breaks_off_leaves_the_kept_record_as_it_was(tool, tmp_path, monkeypatch):
    made, kept = tmp_path / "made", tmp_path / "kept"
    compute(ROW, "smoke", 0, folder=made, store=tmp_path)
    target = record_path(kept, ROW, "smoke", 0).with_suffix(".csv")
    target.parent.mkdir(parents=True)
    target.write_text("kept before")

    def half(source, destination):
        destination.write_text("half")
        raise OSError("no room left on the disk")

    monkeypatch.setattr(tool.shutil, "copyfile", half)
    with pytest.raises(OSError, match="no room"):
        tool.main("smoke", made=made, kept=kept)
    assert [(path.name, path.read_text()) for path in target.parent.iterdir()] == [(target.name, "kept before")]
