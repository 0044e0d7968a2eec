"""``melib features`` fills the store that a study with the same parameters reads, and once only."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from melib import features, study
from melib.__main__ import build_parser, main
from melib.study.data import Reader, open_data

TINY = replace(study.TIERS["smoke"], train_subjects=2, test_subjects=1, videos=1, frames=60, stride=20, clips=1)
CHOSEN = {"suite": "sanity", "tier": "smoke", "input": "D", "stabilization": "none"}
OPTIONS = [word for name, value in CHOSEN.items() for word in (f"--{name}", value)]


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    monkeypatch.setitem(study.TIERS, "smoke", TINY)


def test_the_command_computes_what_the_study_reads_and_keeps_what_is_there(tmp_path, monkeypatch):
    assert main(["features", *OPTIONS, "--store", str(tmp_path)]) == 0
    files = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.npy")}
    assert files

    def none(*arguments, **more):
        raise AssertionError("computed again")

    monkeypatch.setattr("melib.features.store.planes", none)
    assert main(["features", *OPTIONS, "--store", str(tmp_path)]) == 0
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == files
    parameters = study.Parameters(**CHOSEN)
    dataset, (fold,) = open_data(parameters)
    read = Reader(dataset, parameters, tmp_path).spotting_samples(fold.train)
    assert read.planes.shape[1:] == (3, 42, 42)


@pytest.mark.parametrize("option", ["input", "region", "stabilization", "normalization"])
def test_an_unknown_choice_is_one_line(capsys, option):
    assert main(["features", f"--{option}", "nonsense"]) == 2
    assert f"unknown {option} 'nonsense': use one of" in capsys.readouterr().err


def test_without_options_the_features_are_those_of_a_study_without_parameters():
    given, default = vars(build_parser().parse_args(["features"])), study.Parameters()
    shared = {field.name for field in fields(default)} & given.keys()
    assert {"input", "region", "stabilization", "normalization", "tier", "suite", "split"} <= shared
    assert {name: given[name] for name in shared} == {name: getattr(default, name) for name in shared}


def test_help_names_every_choice(capsys):
    with pytest.raises(SystemExit):
        main(["features", "--help"])
    said = capsys.readouterr().out.replace(",", " ").split()
    assert {*features.INPUTS, *features.STABILIZATIONS, *features.NORMALIZATIONS} <= set(said)
