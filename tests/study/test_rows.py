"""The rows of a results table: every network with every input, and the floor beside each."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from melib import study, tables
from melib.metrics import recognition, strs
from melib.study import measure
from melib.study.data import Reader, open_data
from melib.study.kept import Kept
from melib.study.parameters import FLOOR_DRAWS
from melib.study.systems import System
from melib.training import region_means

SIZES = {"train_subjects": 2, "test_subjects": 2, "videos": 1, "clips": 4, "stride": 6, "resamples": 50}
TINY = replace(study.TIERS["smoke"], **SIZES, spot_steps=2, recognition_steps=2, joint_steps=2, batch=16)


@pytest.fixture(scope="module")
def rows_store(tmp_path_factory):
    return tmp_path_factory.mktemp("rows")


@pytest.fixture
def tiny(monkeypatch):
    """Hardly any training: what is claimed here does not depend on how well a network has learnt."""
    monkeypatch.setitem(study.TIERS, "smoke", TINY)
    monkeypatch.setattr(measure, "CHANCE_DRAWS", 100)


def parameters(**changes):
    """On the easiest suite."""
    return study.Parameters(suite="sanity", tier="smoke", device="cpu", **changes)


@pytest.mark.parametrize("given", ["O", "S", "O+S", "D", "O|S"])
@pytest.mark.parametrize("model", ["mean", "sfamnet"])
def test_every_row_of_network_and_input_can_be_run(tiny, rows_store, model, given):
    outcome = study.run(parameters(model=model, input=given), store=rows_store)
    record = outcome.record
    for part in ("spotting_and_naming", "frames", "frames_smoothed", "recognition"):
        assert record["minus_floor"][part].keys() == record["floor"][part].keys() == record[part].keys()
    assert 0 <= record["frames"]["roc_auc_frames"]["value"] <= 1
    shown = tables.describe(record).loc["Input"].item()
    assert ("a network for each" in shown) == (given == "O|S")


def system_of(given, store, floor=False):
    dataset, (fold,) = open_data(given)
    readers = tuple(Reader(dataset, part, store) for part in given.parts)
    return System(readers, torch.device("cpu"), Kept(None, {}), floor=floor), fold


@pytest.mark.parametrize("floor", [False, True])
def test_late_fusion_asks_the_networks_that_each_input_alone_would_give(tiny, rows_store, floor):
    outputs = {}
    for given in ("O", "S", "O|S"):
        system, fold = system_of(parameters(model="sfamnet", input=given), rows_store, floor)
        trained = system.train(system.samples(fold.train, fold.train_clips), seed=5, name="any")
        planes = [reader.emotion_samples(fold.test_clips).planes for reader in system.readers]
        outputs[given] = trained.predict(planes)
    spots, probabilities = zip(outputs["O"], outputs["S"], strict=True)
    spot, joined = np.mean(spots, axis=0), np.mean(probabilities, axis=0)
    np.testing.assert_allclose(outputs["O|S"][0], spot, rtol=1e-6)
    np.testing.assert_allclose(outputs["O|S"][1], joined, rtol=1e-5)
    assert np.abs(outputs["O"][1] - outputs["S"][1]).max() > 1e-4


def test_the_floor_learns_from_the_samples_of_its_network_and_is_measured_on_its_people(outcome, store):
    record, floor = outcome.record, outcome.floor
    micro = outcome.truth[outcome.truth["kind"] == "micro"]
    emotions = study.Parameters().emotions
    scored = strs.evaluate(micro, floor.predictions, videos=outcome.videos, emotions=emotions)
    named = recognition.evaluate(floor.named["emotion"], floor.named["named"], classes=emotions)
    for part, values in (("spotting_and_naming", scored), ("recognition", named)):
        for key, value in values.items():
            assert record["floor"][part][key]["value"] == pytest.approx(value)
            difference = record[part][key]["value"] - value
            assert record["minus_floor"][part][key]["value"] == pytest.approx(difference)
    pd.testing.assert_series_equal(floor.named["emotion"], outcome.named["emotion"])
    assert floor.scores.keys() == outcome.scores.keys()

    system, fold = system_of(study.Parameters(**record["parameters"]), store, floor=True)
    spot, _ = system.samples(fold.train, fold.train_clips)[0]
    found = system.train(system.samples(fold.train, fold.train_clips), seed=0, name="any").models[0]
    assert found.spot[0].n_samples_seen_ <= len(spot.targets)
    # A plane that moves nowhere has the same mean everywhere, so nothing but the means can have been seen.
    planes = np.random.default_rng(0).normal(size=(4, 3, 42, 42)).astype(np.float32)
    level = np.repeat(np.repeat(region_means(planes).reshape(4, 3, 2, 2), 21, axis=2), 21, axis=3)
    np.testing.assert_allclose(found.predict(planes)[0], found.predict(level.astype(np.float32))[0], rtol=1e-4)


@pytest.mark.parametrize("classifier", ["logistic", "svm"])
def test_the_floor_can_be_the_model_and_then_stands_alone(tiny, rows_store, classifier):
    outcome = study.run(parameters(model="floor", classifier=classifier), store=rows_store)
    record, scores = outcome.record, np.concatenate(list(outcome.scores.values()))
    assert ((scores >= 0) & (scores <= 1)).all() == (classifier == "logistic")
    assert record["floor"] is None and record["minus_floor"] is None
    assert len(record["shuffled"]) == FLOOR_DRAWS
    assert "Floor" not in tables.spot_then_recognize(record).columns
    assert tables.describe(record).loc["Network"].item().startswith("none")
    assert tables.describe(record).loc["Intervals"].item().startswith("MEAN's rule, constants ")
    assert "minus floor" not in tables.verdict(record)


def test_tables_show_the_floor_beside_the_network(outcome):
    record = outcome.record
    table = tables.spot_then_recognize(record)
    assert table.loc["STRS", "Floor"] == f"{record['floor']['spotting_and_naming']['strs']['value']:.3f}"
    difference = record["minus_floor"]["recognition"]["uf1_pooled"]
    shown = table.loc["UF1, expressions given", "Value minus floor (95 %)"]
    assert shown == f"{difference['value']:+.3f} ({difference['low']:.3f} to {difference['high']:.3f})"
    assert (table["Floor"] != "").all()
    assert "Network minus floor" in tables.verdict(record)


@pytest.mark.parametrize(
    ("low", "high", "word"), [(0.1, 0.3, "better"), (-0.3, -0.1, "worse"), (-0.1, 0.1, "not told")]
)
def test_the_words_on_the_floor_follow_the_interval(outcome, low, high, word):
    difference = {"value": (low + high) / 2, "low": low, "high": high}
    changed = {part: {key: difference for key in values} for part, values in outcome.record["minus_floor"].items()}
    said = tables.verdict({**outcome.record, "minus_floor": changed})
    (line,) = [line for line in said.splitlines() if "minus floor" in line]
    assert line.count(word) == 4, "ROC-AUC, F1 of spotting, UF1 and STRS"
