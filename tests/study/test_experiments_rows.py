"""Rows and their records: computed once, kept whole, stale when what decides them changes."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from melib import provenance
from melib.__main__ import main
from melib.study import compare, rows
from melib.study.catalogue import EXPERIMENTS, find_experiment
from melib.study.experiments import Contrast, Experiment, collect
from melib.study.long_videos import count_names
from melib.study.rows import Chain, Computed, Row, ensure, is_there, read, record_path

CALLS: list[tuple[float, int]] = []


def _describe(values, tier, seed):
    return {"parameters": {**values, "seed": seed}, "sizes": {"tier": tier, "resamples": 200}}


def _compute(values, tier, seed, store):
    CALLS.append((values["shift"], seed))
    generator = np.random.default_rng([seed, 7])
    named = pd.DataFrame({"subject": np.repeat(["1", "2", "3", "4"], 10), "emotion": ["happy", "other"] * 20})
    right = generator.random(40) < values["shift"]
    named["named"] = np.where(right, named["emotion"], "happy")
    record = {
        "experiment": "made up",
        "seconds": 0.0,
        "dataset": {"name": "none", "synthetic": True},
        "provenance": {"code": provenance.computing_hash()},
        "confusion": {"emotions": ["happy", "other"]},
    }
    return Computed(record, named, {"named": count_names(named)})


CHAIN = Chain("made-up", _describe, lambda values, tier: {}, lambda values, tier, store, jobs: None, _compute)
GOOD, BAD = Row("good", "Good", CHAIN, {"shift": 0.9}), Row("bad", "Bad", CHAIN, {"shift": 0.4})


@pytest.fixture
def calls():
    CALLS.clear()
    return CALLS


def test_a_row_is_computed_once_for_each_seed_and_then_read(tmp_path, calls):
    ensure([GOOD], "smoke", seeds=(0, 1), folder=tmp_path, store=tmp_path)
    kept = ensure([GOOD, BAD], "smoke", seeds=(0, 1), folder=tmp_path, store=tmp_path)
    assert calls == [(0.9, 0), (0.9, 1), (0.4, 0), (0.4, 1)]
    assert list(kept) == ["good", "bad"]
    assert [record["seed"] for record in kept["good"].records] == [0, 1]


@pytest.mark.parametrize("change", ["code", "parameters", "sizes", "csv"])
def test_a_record_that_today_would_not_make_is_made_again(tmp_path, calls, change):
    ensure([GOOD], "smoke", folder=tmp_path, store=tmp_path)
    path = record_path(tmp_path, GOOD, "smoke", 0)
    record = json.loads(path.read_text())
    if change == "csv":
        path.with_suffix(".csv").unlink()
    elif change == "code":
        record["provenance"]["code"] = "0" * 64
    else:
        record[change] = {**record[change], "more": 1}
    path.write_text(json.dumps(record))
    assert not is_there(GOOD, "smoke", 0, folder=tmp_path)
    ensure([GOOD], "smoke", folder=tmp_path, store=tmp_path)
    assert len(calls) == 2 and is_there(GOOD, "smoke", 0, folder=tmp_path)


@pytest.fixture
def declared(monkeypatch):
    """An experiment of two rows that take no time, among the declared ones."""
    experiment = Experiment("made_up", "?", "!", (GOOD, BAD), ())
    monkeypatch.setitem(EXPERIMENTS, experiment.name, experiment)


def test_the_command_computes_the_rows_that_are_asked_for(tmp_path, calls, declared, capsys):
    options = ["--tier", "smoke", "--folder", str(tmp_path), "--store", str(tmp_path)]
    assert main(["record", "made_up", "--row", "bad", "--seed", "1", *options]) == 0
    assert calls == [(0.4, 1)]
    assert str(record_path(tmp_path, BAD, "smoke", 1)) in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["made_op"], "no experiment called 'made_op': did you mean 'made_up'?"),
        (["made_up", "--row", "god"], "no row in made_up called 'god': did you mean 'good'?"),
        (["made_up", "--tier", "qick"], "unknown tier 'qick'"),
        (["made_up", "--jobs", "0"], "--jobs must be at least 1"),
        (["made_up", "--dataset", "casme3"], "is read from a folder"),
        (["made_up", "--folder", "letter"], "--folder letter cannot be written into"),
        (["made_up", "--folder", "letter/below"], "--folder letter/below cannot be written into"),
    ],
)
def test_a_wrong_request_computes_nothing_and_gets_one_line(
    tmp_path, calls, declared, capsys, monkeypatch, arguments, words
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "letter").touch()
    assert main(["record", *arguments, "--store", str(tmp_path)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert words in line
    assert calls == [] and [path.name for path in tmp_path.iterdir()] == ["letter"]


def test_reading_says_which_rows_are_stale_and_never_computes(tmp_path, calls, monkeypatch):
    with pytest.raises(FileNotFoundError, match="good.0.json"):
        read([GOOD], "smoke", folder=tmp_path)
    ensure([GOOD], "smoke", folder=tmp_path, store=tmp_path)
    assert not read([GOOD], "smoke", folder=tmp_path)["good"].stale
    monkeypatch.setattr(rows, "computing_hash", lambda: "other code")
    assert read([GOOD], "smoke", folder=tmp_path)["good"].stale
    assert len(calls) == 1


def test_a_difference_of_rows_is_that_of_their_tallies_and_says_what_it_could_have_seen(tmp_path):
    kept = ensure([GOOD, BAD], "smoke", seeds=(0, 1), folder=tmp_path, store=tmp_path)
    found = compare.difference(kept["good"], kept["bad"], "recognition", "uar_pooled")
    values = [
        np.mean(
            [(row["named"] == row["emotion"]).groupby(row["emotion"]).mean().mean() for row in kept[name].predictions]
        )
        for name in ("good", "bad")
    ]
    assert found["value"] == pytest.approx(values[0] - values[1])
    assert found["low"] < found["value"] < found["high"]
    # Of a normal estimate: 1.96 + 0.84 standard errors, the interval being 2 x 1.96 of them wide.
    assert found["detectable"] == pytest.approx((found["high"] - found["low"]) * 2.8016 / 3.9199, rel=1e-3)


def test_a_name_that_no_file_may_have_and_two_meanings_of_a_name_are_refused():
    with pytest.raises(ValueError, match="lower-case"):
        Row("O/S", "", CHAIN)
    other = Row("good", "Other", CHAIN, {"shift": 0.1})
    with pytest.raises(ValueError, match="two things"):
        collect([Experiment("a", "?", "!", (GOOD,), ()), Experiment("b", "?", "!", (other,), ())])
    with pytest.raises(ValueError, match="does not have"):
        Experiment("a", "?", "!", (GOOD,), (), (Contrast("good", "gone", "frames", "roc_auc_frames", "?"),))
    with pytest.raises(ValueError, match="did you mean 'spotting'"):
        find_experiment("spoting")


def test_every_network_that_is_tested_on_fresh_people_is_trained_three_times_at_tier_full():
    networks = [
        (experiment, row)
        for experiment in EXPERIMENTS.values()
        for row in experiment.rows
        if row.values.get("model") in ("mean", "sfamnet") and row.values.get("split") != "loso"
    ]
    assert len({experiment.name for experiment, _ in networks}) > 5
    for experiment, row in networks:
        assert len(row.seeds(experiment.seeds("full"))) >= 3, (experiment.name, row.name)


def test_every_declared_row_can_be_run_at_every_tier():
    for experiment in EXPERIMENTS.values():
        for row in experiment.rows:
            for tier in ("smoke", "quick", "full"):
                described = row.chain.describe(row.values, tier, 0)
                assert json.loads(json.dumps(described))["sizes"], row.name
                assert len(row.feature_key(tier)) == 12
