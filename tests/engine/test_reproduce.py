"""Records computed anew against kept ones: the same bits on the same machine, near elsewhere, told apart else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from melib.__main__ import main
from melib.engine.jobs import jobs_of
from melib.engine.reproduce import compare, numbers
from melib.study.catalogue import EXPERIMENTS
from melib.study.experiments import Experiment
from melib.study.known_units import KNOWN_UNITS
from melib.study.rows import Row, compute, record_path

ROW = Row("units-only", "True action units", KNOWN_UNITS)


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """A folder with one record of tier smoke."""
    folder = tmp_path_factory.mktemp("records")
    compute(ROW, "smoke", 0, folder=folder, store=folder)
    return folder


@pytest.fixture
def declared(monkeypatch) -> Experiment:
    """An experiment of one row that takes a second."""
    experiment = Experiment("units_only", "?", "!", (ROW,), (("recognition", "uf1_pooled"),))
    monkeypatch.setitem(EXPERIMENTS, experiment.name, experiment)
    return experiment


@pytest.fixture
def kept(made, tmp_path):
    """A copy of the folder, and a function that changes its record."""
    path = record_path(tmp_path, ROW, "smoke", 0)
    path.parent.mkdir(parents=True)
    path.write_bytes(record_path(made, ROW, "smoke", 0).read_bytes())

    def change(**provenance):
        record = json.loads(path.read_text())
        record["recognition"]["uf1_pooled"]["value"] += provenance.pop("by", 0.0)
        record["provenance"].update(provenance)
        path.write_text(json.dumps(record))

    return tmp_path, change


def answer(kept, capsys):
    code = main(["reproduce", "--experiment", "units_only", "--kept", str(kept), "--jobs", "1"])
    said = capsys.readouterr()
    return code, said.out


def test_a_tier_computed_anew_on_the_same_machine_agrees_to_the_last_bit(kept, declared, capsys):
    code, said = answer(kept[0], capsys)
    assert code == 0
    assert said == "agree  exactly  units/units-only.0: the same to the last bit\n"


def test_the_least_difference_on_the_same_machine_is_told_and_is_a_failure(kept, declared, capsys):
    folder, change = kept
    change(by=1e-9)
    code, said = answer(folder, capsys)
    assert code == 1
    assert said.startswith("DIFFER exactly") and "recognition/uf1_pooled/value" in said


@pytest.mark.parametrize(("by", "agrees"), [(0.019, True), (0.021, False)])
def test_on_another_machine_a_metric_may_be_two_hundredths_off(kept, declared, capsys, by, agrees):
    folder, change = kept
    change(by=by, processor="another processor")
    code, said = answer(folder, capsys)
    assert code == (0 if agrees else 1)
    assert "nearly" in said and "uf1_pooled" in said


def test_without_a_kept_record_nothing_is_computed(declared, tmp_path, capsys):
    code = main(["reproduce", "--experiment", "units_only", "--kept", str(tmp_path)])
    assert code == 2
    assert "no kept record" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", '{"row": '])
def test_a_damaged_kept_record_is_named_before_anything_is_computed(kept, declared, capsys, monkeypatch, text):
    path = record_path(kept[0], ROW, "smoke", 0)
    path.write_text(text)
    monkeypatch.setattr("melib.study.rows.ensure", lambda *_, **__: pytest.fail("computed"))
    assert main(["reproduce", "--experiment", "units_only", "--kept", str(kept[0])]) == 2
    assert f"{path} is not JSON" in capsys.readouterr().err


def test_no_job_at_all_is_refused(declared, capsys):
    assert main(["reproduce", "--experiment", "units_only", "--jobs", "0"]) == 2
    assert "--jobs must be at least 1" in capsys.readouterr().err


def test_two_standard_deviations_over_seeds_widen_what_is_near(made):
    record = json.loads(record_path(made, ROW, "smoke", 0).read_text())
    other = json.loads(json.dumps(record))
    other["provenance"]["packages"]["torch"] = "0.0"
    other["recognition"]["uar_pooled"]["value"] += 0.05
    assert not compare("row", record, other, {}).agrees
    assert compare("row", record, other, {"recognition/uar_pooled/value": 0.026}).agrees
    assert not compare("row", record, other, {"recognition/uar_pooled/value": 0.024}).agrees


def test_a_metric_that_is_gone_or_undefined_does_not_agree(made):
    record = json.loads(record_path(made, ROW, "smoke", 0).read_text())
    gone, undefined = json.loads(json.dumps(record)), json.loads(json.dumps(record))
    del gone["recognition"]["accuracy"]
    undefined["recognition"]["accuracy"]["value"] = None
    undefined["provenance"]["python"] = "other"
    assert len(numbers(gone)) < len(numbers(record))
    assert not compare("row", record, gone, {}).agrees
    assert not compare("row", record, undefined, {}).agrees


def test_a_row_of_two_experiments_is_one_job(declared):
    other = Experiment("also_units", "?", "!", (ROW,), ())
    jobs = jobs_of([declared, other], "full")
    assert list(jobs) == ["units/units-only.0", "units/units-only.1", "units/units-only.2"]
    assert jobs["units/units-only.0"].experiment is declared
