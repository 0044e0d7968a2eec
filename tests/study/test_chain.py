"""The chain from videos to STRS: nobody is tested who was learnt from, and the same seed gives the same record."""

from __future__ import annotations

import json

import numpy as np
import pytest

from melib import plots, study, tables
from melib.metrics import strs
from melib.study.data import Reader, open_data
from melib.tables.study import against_chance, against_half


@pytest.mark.parametrize("split", ["fresh", "loso"])
def test_nobody_is_tested_who_was_learnt_from(split):
    _, folds = open_data(study.Parameters(suite="sanity", tier="smoke", split=split))
    tested = []
    for fold in folds:
        learnt = {video.subject for video in fold.train + fold.train_clips}
        held_out = {video.subject for video in fold.test + fold.test_clips}
        assert learnt and held_out and not learnt & held_out
        tested += sorted(held_out)
    assert len(tested) == len(set(tested))
    if split == "loso":
        assert [len(fold.test) for fold in folds] == [2, 2, 2]


def test_half_length_and_targets_come_from_the_training_videos_alone(store, outcome):
    parameters = study.Parameters(**outcome.record["parameters"])
    dataset, (fold,) = open_data(parameters)
    reader = Reader(dataset, parameters, store)
    samples = reader.spotting_samples(fold.train)
    assert outcome.record["k_p"] == [samples.k_p]
    assert len(samples.planes) == len(samples.targets)
    assert 0 < samples.targets.mean() < 0.5


def test_every_tested_frame_has_a_score_and_every_interval_lies_in_its_video(outcome):
    frames = outcome.videos.set_index(["subject", "video"])["frames"]
    assert set(outcome.scores) == set(frames.index)
    for key, score in outcome.scores.items():
        assert score.shape == (frames[key] - 6,) and np.isfinite(score).all()
    found = outcome.predictions
    assert len(found) > 0
    last = frames.loc[list(zip(found["subject"], found["video"], strict=True))].to_numpy() - 1
    assert ((0 <= found["onset"]) & (found["onset"] <= found["apex"]) & (found["apex"] <= found["offset"])).all()
    assert (found["offset"].to_numpy() <= last).all()


def test_the_record_holds_what_the_metrics_say_of_the_tables(outcome):
    micro = outcome.truth[outcome.truth["kind"] == "micro"]
    emotions = study.Parameters().emotions
    scored = strs.evaluate(micro, outcome.predictions, videos=outcome.videos, emotions=emotions)
    for key, value in scored.items():
        assert outcome.record["spotting_and_naming"][key]["value"] == pytest.approx(value)
    assert len(outcome.named) == outcome.record["counts"]["given_expressions"]
    assert np.sum(outcome.record["confusion"]["given"]) == len(outcome.named)
    assert np.sum(outcome.record["confusion"]["spotted"]) == scored["tp"]


def test_the_same_seed_gives_the_same_numbers_and_another_seed_others(outcome, store):
    def numbers(seed):
        found = study.run(study.Parameters(suite="sanity", tier="smoke", device="cpu", seed=seed), store=store)
        return found.predictions.to_csv(), {
            key: found.record[key]
            for key in ("spotting_and_naming", "frames", "recognition", "chance", "shuffled", "floor", "minus_floor")
        }

    again = numbers(0)
    assert again == (outcome.predictions.to_csv(), {key: outcome.record[key] for key in again[1]})
    assert numbers(1)[1]["frames"] != again[1]["frames"]


def test_folds_side_by_side_find_the_same(store):
    given = study.Parameters(suite="sanity", tier="smoke", split="loso", model="floor", device="cpu")
    alone, beside = (study.run(given, store=store, jobs=jobs) for jobs in (1, 2))
    assert beside.predictions.equals(alone.predictions) and len(alone.predictions) > 0
    assert beside.record["recognition"] == alone.record["recognition"]
    assert beside.record["frames"] == alone.record["frames"]


def test_a_record_comes_back_as_it_was_written(outcome, tmp_path):
    path = study.write_record(tmp_path / "new", "sanity", outcome.record, outcome.predictions)
    assert study.read_record(path) == json.loads(json.dumps(outcome.record))
    assert sorted(p.name for p in path.parent.iterdir()) == ["sanity.csv", "sanity.json"]
    assert path.with_suffix(".csv").read_text().startswith("subject,video,onset,apex,offset,emotion,score\n")


@pytest.mark.parametrize(("text", "words"), [("{", "is not JSON"), ("[]", "lacks"), ('{"experiment": 1}', "lacks")])
def test_a_damaged_record_is_named(tmp_path, text, words):
    path = tmp_path / "odd.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=f"odd.json.*{words}"):
        study.read_record(path)


def test_a_record_that_cannot_be_written_leaves_nothing(outcome, tmp_path):
    with pytest.raises(ValueError):
        study.write_record(tmp_path, "bad", {"value": float("nan")}, outcome.predictions)
    assert list(tmp_path.iterdir()) == []


def test_tablessay_what_the_record_says(outcome):
    record = outcome.record
    table = tables.spot_then_recognize(record)
    assert table.loc["STRS", "Value"] == f"{record['spotting_and_naming']['strs']['value']:.3f}"
    assert table.loc["True positives", "Value"] == str(record["spotting_and_naming"]["tp"]["value"]).removesuffix(".0")
    assert "synthetic" in tables.describe(record).loc["Data"].item()
    assert "synthetic" in tables.verdict(record)
    assert "Few data" in tables.cautions(record)


def test_the_verdict_follows_the_numbers(outcome):
    def verdict(auc, shuffled):
        frames = {"roc_auc_frames": {"value": auc, "low": auc - 0.05, "high": auc + 0.01}}
        return tables.verdict({**outcome.record, "frames_smoothed": frames, "shuffled": [{"uf1_pooled": shuffled}]})

    assert "met." in verdict(0.95, 0.1) and "is at chance" in verdict(0.95, 0.1)
    assert "missed" in verdict(0.85, 0.1) and "something leaks" in verdict(0.85, 0.9)
    assert "holds the 0.5" in verdict(0.52, 0.1) and "below the 0.5" in verdict(0.4, 0.1)


def test_above_chance_takes_the_whole_interval():
    null = {"low": 0.2, "high": 0.3}

    def words(value, low, high):
        return against_chance({"value": value, "low": low, "high": high}, null)

    assert words(0.5, 0.31, 0.6) == "above chance" and words(0.5, 0.29, 0.6) == "above chance by its value alone"
    assert words(0.25, 0.1, 0.5) == "not told from chance" and words(0.1, 0.05, 0.19) == "below chance"
    assert words(None, None, None) == "undefined" and words(0.5, None, None) == "above chance by its value alone"
    assert against_half({"value": None, "low": None, "high": None}).startswith("undefined")


def test_the_timeline_shows_every_interval_of_its_video(outcome):
    subject, video = next(iter(outcome.scores))
    figure = plots.score_timeline(outcome, subject=subject, video=video)
    drawn = len(figure.axes[0].collections)
    rows = [t[(t["subject"] == subject) & (t["video"] == video)] for t in (outcome.truth, outcome.predictions)]
    assert drawn == sum(map(len, rows))
    with pytest.raises(ValueError, match="nobody/v9 was not tested"):
        plots.score_timeline(outcome, subject="nobody", video="v9")


def test_the_confusion_figure_shows_every_count(outcome):
    figure = plots.confusions(outcome)
    shown = [[int(text.get_text()) for text in ax.texts] for ax in figure.axes[:2]]
    assert [sum(counts) for counts in shown] == [
        np.sum(outcome.record["confusion"]["given"]),
        np.sum(outcome.record["confusion"]["spotted"]),
    ]
