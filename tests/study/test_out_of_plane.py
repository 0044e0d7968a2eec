"""Whether depth helps is decided on people the classifier never saw."""

from __future__ import annotations

import numpy as np
import pytest

from melib.study import out_of_plane as study
from melib.study import stored
from melib.synthetic.dataset import open_clips


def planted(seed, *, people, away):
    """Clips of two classes that only the motion away tells apart, if it does at all."""
    rng = np.random.default_rng(seed)
    count = 12 * people
    labels = np.array(["AU29", "AU30"] * (count // 2))
    motion = {source: rng.normal(size=(count, 3, *study.GRID)) for source in study.SOURCES}
    for one in motion.values():
        one[:, 2, 3] += away * np.where(labels == "AU29", 1, -1)[:, None]
    return study.Clips(motion, labels, np.repeat([f"{seed}-{k}" for k in range(people)], 12))


def test_a_cell_is_the_mean_of_its_pixels():
    landmarks = np.zeros((68, 2))
    landmarks[1:] = 70.0
    y, x = np.mgrid[:80, :90].astype(float)
    use = np.ones((80, 90), bool)
    use[:10, :10] = False
    down, right = study.region_means(np.stack([y, x]), use, landmarks)
    assert down[2, 3] == pytest.approx(24.5) and right[2, 3] == pytest.approx(34.5)
    assert down[0, 0] == 0  # no pixel of it counts
    assert right[6, 6] == pytest.approx(64.5)


def test_depth_that_tells_the_classes_apart_is_found_to_help():
    result = study.compare(
        planted(1, people=4, away=1.0), planted(2, people=8, away=1.0), ("AU29", "AU30"), resamples=100
    )
    assert result["scores"]["scene flow"]["value"] > 0.9
    assert result["scores"]["optical flow"]["value"] < 0.7
    assert all(row["low"] > 0 for row in result["differences"].values())
    assert "true scene flow is better than true optical flow" in study.verdict(result)
    assert result["scores"]["shuffled labels"]["value"] < 0.75
    assert np.sum(result["confusion"]["scene flow"]) == 96
    assert result["likeness"]["away, mm, from two frames"]["size"] > 1


def test_depth_that_never_changes_is_not_found_to_help():
    train, test = planted(3, people=4, away=0.0), planted(4, people=4, away=0.0)
    for clips in (train, test):
        for motion in clips.motion.values():
            motion[:, 2] = 0
    result = study.compare(train, test, ("AU29", "AU30"), resamples=50)
    assert all(row["value"] == 0 for row in result["differences"].values())
    assert "scene flow is not shown to differ from optical flow" in study.verdict(result)
    assert "better" not in study.verdict(result)


def test_a_subject_on_both_sides_and_an_unknown_input_are_refused():
    clips = planted(5, people=2, away=1.0)
    with pytest.raises(ValueError, match="5-0, 5-1"):
        study.name_clips(clips, clips, "scene flow")
    with pytest.raises(ValueError, match="unknown input 'depth'"):
        study.name_clips(clips, planted(6, people=2, away=1.0), "depth")


def test_region_means_of_the_truth_are_those_of_the_expression_alone():
    video = open_clips("out_of_plane", subjects=1, clips=1).videos[0]
    means = study.read_clip(video)
    assert {source: one.shape for source, one in means.items()} == dict.fromkeys(study.SOURCES, (3, *study.GRID))
    landmarks = video.landmarks(video.expressions[0].onset, video.expressions[0].onset + 1)[0]
    flow, motion, valid = video.expression_motion(video.events[0])
    own = study.region_means(np.concatenate([flow, 1e3 * motion[2:]]), valid, landmarks)
    for plane in (1, 2):
        assert np.corrcoef(means["truth"][plane].ravel(), own[plane].ravel())[0, 1] > 0.8
    assert np.abs(means["truth"][2] - own[2]).mean() < 0.15


def test_a_run_counts_its_clips_and_names_its_data():
    result = study.run(train_subjects=2, test_subjects=2, clips=2, resamples=50)
    assert result["counts"] == {"train_subjects": 2, "test_subjects": 2, "train_clips": 4, "test_clips": 4}
    assert result["dataset"]["name"] == "synthetic-out_of_plane-clips"
    assert set(result["scores"]) == {*study.INPUTS, "shuffled labels"}


def test_the_record_in_the_book_has_every_input_and_contrast():
    record = stored.load("out_of_plane")
    assert list(record["scores"]) == [*study.INPUTS, "shuffled labels"]
    assert list(record["differences"]) == list(study.CONTRASTS)
    assert record["counts"]["test_subjects"] >= 30
