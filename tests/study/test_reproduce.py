"""Records computed anew against kept ones: the same bits on the same machine, near elsewhere, told apart else."""

import json

import pytest

from melib.__main__ import main
from melib.study import experiments, records
from melib.study.reproduce import compare, numbers
from melib.study.settings import ClipSettings

ROW = experiments.Row("units", "True action units", "only", ClipSettings("smoke", model="action units"), (0,))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("records")
    records.make([ROW], folder=folder, store=folder)
    return folder


@pytest.fixture
def kept(made, tmp_path, monkeypatch):
    """A copy of the folder, the experiment it belongs to, and a function that changes its record."""
    only = experiments.Experiment("only", "smoke", "?", "!", 0.03, (ROW,), ("uf1_pooled",), ())
    monkeypatch.setattr(experiments, "load", lambda name, tier, **_: only)
    path = records.path(ROW, 0, tmp_path)
    path.parent.mkdir(parents=True)
    path.write_bytes(records.path(ROW, 0, made).read_bytes())

    def change(by=0.0, **provenance):
        values = json.loads(path.read_text())
        values["recognition"]["uf1_pooled"]["value"] += by
        values["provenance"].update(provenance)
        path.write_text(json.dumps(values))

    return tmp_path, change, path


def answer(folder, capsys):
    code = main(["reproduce", "--experiment", "only", "--kept", str(folder), "--jobs", "1"])
    return code, capsys.readouterr().out


def test_a_tier_computed_anew_on_the_same_machine_agrees_to_the_last_bit_or_fails(kept, capsys):
    assert answer(kept[0], capsys) == (0, "agree  exactly  only/units.0: the same to the last bit\n")
    kept[1](by=1e-9)
    code, said = answer(kept[0], capsys)
    assert code == 1 and said.startswith("DIFFER exactly") and "recognition/uf1_pooled/value" in said


@pytest.mark.parametrize(("by", "agrees"), [(0.019, True), (0.021, False)])
def test_on_another_machine_a_metric_may_be_two_hundredths_off(kept, capsys, by, agrees):
    kept[1](by=by, processor="another processor")
    code, said = answer(kept[0], capsys)
    assert code == (0 if agrees else 1) and "nearly" in said and "uf1_pooled" in said


def test_a_missing_or_damaged_kept_record_is_named_before_anything_is_computed(kept, capsys, monkeypatch):
    monkeypatch.setattr(records, "make", lambda *_, **__: pytest.fail("computed"))
    kept[2].write_text('{"row": ')
    assert main(["reproduce", "--kept", str(kept[0])]) == 2
    kept[2].unlink()
    assert main(["reproduce", "--kept", str(kept[0])]) == 2
    first, second = capsys.readouterr().err.splitlines()
    assert "is not JSON" in first and "no record" in second
    assert main(["reproduce", "--jobs", "0"]) == 2 and "--jobs must be" in capsys.readouterr().err


def counted(tp: float, f1: float, processor: str = "any") -> dict:
    spotted = {"tp": {"value": tp}, "f1_spotting": {"value": f1}}
    return {"spotting_and_naming": spotted, "provenance": {"processor": processor}}


def test_a_count_that_differs_by_one_on_another_processor_is_said_and_is_no_failure():
    elsewhere = compare("row", counted(4, 0.4), counted(5, 0.5, "other"), {})
    assert elsewhere.agrees and "a count of intervals differs by 1" in elsewhere.words
    assert not compare("row", counted(4, 0.4), counted(5, 0.5), {}).agrees, "on the same machine it is a failure"
    for spread in ({}, {"spotting_and_naming/tp/value": 0.05}):  # as of a network that was trained once
        assert compare("row", counted(9, 0.5), counted(12, 0.5, "other"), spread).agrees == bool(spread)
    assert not compare("row", counted(4, 0.4), counted(4, 0.5, "other"), {}).agrees


def test_two_deviations_over_seeds_widen_what_is_near_and_a_gone_or_undefined_metric_does_not_agree(made):
    values = records.read_values(records.path(ROW, 0, made))
    other = json.loads(json.dumps(values))
    other["provenance"]["python"] = "other"
    other["recognition"]["uar_pooled"]["value"] += 0.05
    assert not compare("row", values, other, {}).agrees
    assert compare("row", values, other, {"recognition/uar_pooled/value": 0.026}).agrees
    assert not compare("row", values, other, {"recognition/uar_pooled/value": 0.024}).agrees
    values = records.read_values(records.path(ROW, 0, made))
    gone, undefined = json.loads(json.dumps(values)), json.loads(json.dumps(values))
    del gone["recognition"]["accuracy"]
    undefined["recognition"]["accuracy"]["value"] = None
    undefined["provenance"]["python"] = "other"
    assert len(numbers(gone)) < len(numbers(values))
    assert not any(compare("row", values, each, {}).agrees for each in (gone, undefined))
