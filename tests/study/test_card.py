"""The dataset card's figures are those of the videos, and its pictures show what their titles say."""

import card
import numpy as np
import pytest

from melib.synthetic.dataset import open_benchmark


@pytest.fixture(scope="module")
def dataset():
    return open_benchmark("default", subjects=20, videos=3, frames=600)


def test_counts_classes_and_durations_are_those_of_the_events(dataset):
    counted, kinds = card.composition(dataset), [e.kind for v in dataset.videos for e in v.true_expressions]
    micro = [event.true for _, event in card.micro_events(dataset)]
    assert counted.iloc[:4].to_dict() == {"subjects": 20, "videos": 60, "frames": 36_000, "minutes": 20.0}
    assert counted["micro-expressions"] == len(micro) == kinds.count("micro")
    assert counted["macro-expressions"] == kinds.count("macro")
    silent = sum(not any(e.kind == "micro" for e in video.expressions) for video in dataset.videos)
    assert counted["videos without a micro-expression"] == f"{silent / 60:.0%}"
    counts, table = card.class_counts(dataset), card.shape_quantiles(dataset)
    assert list(counts.index) == list(dataset.emotions) and counts["micro"].sum() == len(micro)
    assert counts.loc["happy", "micro"] == sum(true.emotion == "happy" for true in micro)
    assert table.loc[("micro", "duration (frames)"), "50%"] == np.median([true.length for true in micro])
    assert (table.diff(axis=1).iloc[:, 1:] >= 0).all(axis=None)


def test_action_unit_counts_join_the_sides_and_tell_one_sided_ones(dataset):
    counts = card.action_unit_counts(dataset)
    labels = [e.action_units for video in dataset.videos for e in video.true_expressions]
    with_14 = [{"14L", "14R"} & set(units) for units in labels if {"14L", "14R"} & set(units)]
    assert counts.loc[14, ["micro", "macro"]].sum() == len(with_14)
    assert counts.loc[14, "share one-sided"] == pytest.approx(np.mean([len(s) == 1 for s in with_14]), abs=0.005)
    assert counts.loc[17, "share one-sided"] == 0


def test_micro_expressions_move_the_face_by_less_than_two_pixels_and_about_half_a_millimetre(dataset):
    few = [pair for pair in card.micro_events(dataset) if pair[0].subject in dataset.subjects[:2]][:8]
    sizes = card.motion_sizes(few)
    assert len(sizes) == 8
    assert 0.4 < sizes.iloc[:, 0].median() < 1.6
    assert 0.15 < sizes.iloc[:, 1].median() < 0.9


def test_people_are_shown_with_traits_in_their_ranges_and_expressions_with_their_motion(dataset):
    small = open_benchmark("default", subjects=2, videos=1, frames=60)
    table = card.traits(small)
    assert table["age"].to_dict() == {video.subject: round(video.person.traits.age, 2) for video in small.videos}
    assert table["inter-ocular distance (mm)"].between(55, 71).all()
    assert np.allclose(table[["african", "asian", "caucasian"]].sum(axis=1), 1, atol=0.02)
    assert [axis.get_title() for axis in card.faces(small, columns=3).axes] == ["train000", "train001"]
    shown = [pair for pair in card.micro_events(dataset) if pair[0].subject == "train000"][:2]
    sheet = card.filmstrip(shown)
    # The wheel of directions stands within a map, the bar of the scale beside them.
    assert sum(len(axis.images) == 1 for axis in sheet.axes) == 7 * len(shown)


@pytest.mark.parametrize(("level", "noise"), [("none", 0.0), ("mid", 0.57)])
def test_depth_quality_finds_the_stated_noise(level, noise):
    quality = card.depth_quality(open_benchmark("sanity", subjects=1, videos=1, frames=60, depth=level).videos[0])
    assert quality["noise over time (mm)"] == pytest.approx(noise, abs=0.06)
    assert (quality["no reading inside the face"] > 0) == (level == "mid")
