"""Null distributions: what they keep, what they break, and that luck looks like luck."""

import numpy as np
import pandas as pd
import pytest
from refusing import refused

from melib.errors import InputError
from melib.metrics import chance, recognition, strs


@pytest.fixture
def draws(monkeypatch):
    found, score = [], strs.tally_checked
    monkeypatch.setattr(strs, "tally_checked", lambda t, p, *rest: found.append(p) or score(t, p, *rest))
    return found


def test_a_good_system_is_above_both_nulls(tables, videos):
    scores = {"strs": strs.evaluate(*tables)["strs"]}
    nulls = chance.shifted(*tables, videos, n_draws=40), chance.exchanged(*tables, videos=videos, n_draws=40)
    for null in nulls:
        assert scores["strs"] > null.table.loc["strs", "high"]
        assert not null.holds(scores)["strs"]


def test_random_intervals_and_names_are_at_chance_about_95_times_in_100(tables, videos):
    inside = 0
    for run in range(10):
        rng = np.random.default_rng(run)
        onset = rng.integers(0, 280, 40)
        luck = videos.sample(40, replace=True, random_state=run)[["subject", "video"]].assign(
            onset=onset, offset=onset + 19, emotion=rng.choice(["negative", "positive", "surprise"], 40)
        )
        luck = luck.drop_duplicates(["subject", "video", "onset"])
        null = chance.shifted(tables[0], luck, videos, n_draws=20, seed=run)
        inside += null.holds({"f1_spotting": strs.evaluate(tables[0], luck)["f1_spotting"]})["f1_spotting"]
    assert inside >= 8


def test_shifting_keeps_lengths_videos_and_the_emotions_as_a_whole(tables, videos, draws):
    _, predictions = tables
    chance.shifted(*tables, videos, n_draws=20)
    frames = videos.assign(subject=videos.subject.astype(str)).set_index(["subject", "video"]).frames
    for moved in draws:
        assert (moved.offset - moved.onset).tolist() == (predictions.offset - predictions.onset).tolist()
        assert moved.video.tolist() == predictions.video.tolist()
        assert sorted(moved.emotion) == sorted(predictions.emotion)
        assert (moved.onset >= 0).all()
        assert (moved.offset < frames.loc[list(zip(moved.subject, moved.video, strict=True))].to_numpy()).all()
    assert np.std([moved.onset for moved in draws], axis=0).min() > 30  # of a video of 300 frames


def test_exchanging_moves_all_predictions_of_a_video_together_and_repeats_with_its_seed(tables, videos, draws):
    _, predictions = tables
    first, again = (chance.exchanged(*tables, videos=videos, n_draws=20, seed=4).draws for _ in range(2))
    pd.testing.assert_frame_equal(first, again, check_exact=True)
    before = predictions.groupby(["subject", "video"]).size()
    for moved in draws:
        assert sorted(moved.groupby(["subject", "video"]).size()) == sorted(before)
        assert moved[["onset", "offset", "emotion"]].equals(predictions[["onset", "offset", "emotion"]])
    assert any("silent" in set(moved.subject) for moved in draws)


def test_guessing_has_its_expected_accuracy_and_is_not_1_over_c():
    truth = ["a"] * 80 + ["b"] * 15 + ["c"] * 5
    prior, uniform = (chance.guessed(truth, guess=guess, n_draws=100).table for guess in ("prior", "uniform"))
    assert prior.loc["accuracy", "mean"] == pytest.approx(0.8**2 + 0.15**2 + 0.05**2, abs=0.01)
    assert prior.loc["uf1_pooled", "mean"] == pytest.approx(1 / 3, abs=0.02)
    assert prior.loc["uf1_pooled", "high"] > 0.4
    assert uniform.loc["accuracy", "mean"] == pytest.approx(1 / 3, abs=0.01)
    assert uniform.loc["uf1_pooled", "mean"] < 0.28
    majority = chance.guessed(truth, guess="majority", n_draws=20).table
    assert majority["mean"].to_dict() == pytest.approx(recognition.evaluate(truth, ["a"] * 100))
    assert (majority["low"] == majority["high"]).all()


def test_what_a_null_cannot_do_is_refused_by_name(tables, videos):
    with pytest.raises(InputError, match="video 8/v1 has predictions but no length"):
        chance.shifted(*tables, videos[~((videos.subject == 8) & (videos.video == "v1"))])
    refused("at least 20", chance.exchanged, *tables, n_draws=19)
    refused("no metric 'strs'", chance.guessed(["a", "b"], n_draws=20).holds, {"strs": 0.1})
    refused("unknown way of guessing 'random'", chance.guessed, ["a"], guess="random")
