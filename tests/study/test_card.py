"""The dataset card's figures are those of the videos, and its pictures show what their titles say."""

import numpy as np
import pytest
from matplotlib import pyplot

from melib.plots import benchmark
from melib.synthetic.card import (
    action_unit_counts,
    class_counts,
    composition,
    depth_quality,
    micro_events,
    motion_sizes,
    shape_quantiles,
    traits,
)
from melib.synthetic.dataset import open_benchmark


@pytest.fixture(scope="module")
def dataset():
    return open_benchmark("default", subjects=20, videos=3, frames=600)


@pytest.fixture
def closing():
    yield
    pyplot.close("all")


def test_the_composition_counts_what_is_there(dataset):
    counted = composition(dataset)
    expressions = [e for video in dataset.videos for e in video.true_expressions]
    assert (counted["subjects"], counted["videos"], counted["frames"], counted["minutes"]) == (20, 60, 36_000, 20.0)
    assert counted["micro-expressions"] == sum(e.kind == "micro" for e in expressions)
    assert counted["micro-expressions"] + counted["macro-expressions"] == len(expressions)
    silent = sum(not any(e.kind == "micro" for e in video.expressions) for video in dataset.videos)
    assert counted["videos without a micro-expression"] == f"{silent / 60:.0%}"


def test_class_counts_cover_every_expression_once(dataset):
    counts = class_counts(dataset)
    assert list(counts.index) == list(dataset.emotions)
    assert counts["micro"].sum() == len(micro_events(dataset))
    happy = sum(event.true.emotion == "happy" for _, event in micro_events(dataset))
    assert counts.loc["happy", "micro"] == happy


def test_action_unit_counts_join_the_sides_and_tell_one_sided_ones(dataset):
    counts = action_unit_counts(dataset)
    labels = [e.action_units for video in dataset.videos for e in video.true_expressions]
    with_14 = [{"14L", "14R"} & set(units) for units in labels if {"14L", "14R"} & set(units)]
    assert counts.loc[14, ["micro", "macro"]].sum() == len(with_14)
    assert counts.loc[14, "one-sided"] == pytest.approx(np.mean([len(s) == 1 for s in with_14]), abs=0.005)
    assert counts.loc[17, "one-sided"] == 0


def test_quantiles_are_those_of_the_events(dataset):
    table = shape_quantiles(dataset)
    lengths = [event.true.length for _, event in micro_events(dataset)]
    assert table.loc[("micro", "duration (frames)"), "50%"] == np.median(lengths)
    assert (table.diff(axis=1).iloc[:, 1:] >= 0).all(axis=None)


def test_micro_expressions_move_the_face_by_less_than_two_pixels_and_about_half_a_millimetre(dataset):
    few = [pair for pair in micro_events(dataset) if pair[0].subject in dataset.subjects[:3]]
    assert len(few) >= 8
    sizes = motion_sizes(few).median()
    assert 0.4 < sizes["in_plane_px"] < 1.6
    assert 0.15 < sizes["depth_mm"] < 0.9


def test_traits_are_those_of_the_people_and_lie_in_their_ranges(dataset):
    small = open_benchmark("default", subjects=3, videos=2, frames=60)
    table = traits(small)
    assert list(table.index) == list(small.subjects)
    assert table["inter-ocular distance (mm)"].between(55, 71).all()
    assert np.allclose(table[["african", "asian", "caucasian"]].sum(axis=1), 1, atol=0.02)


def test_depth_quality_finds_the_stated_noise(dataset):
    for level, noise in (("none", 0.0), ("mid", 0.57)):
        quality = depth_quality(open_benchmark("sanity", subjects=1, videos=1, frames=60, depth=level).videos[0])
        assert quality["noise over time (mm)"] == pytest.approx(noise, abs=0.06)
        assert (quality["no reading inside the face"] > 0) == (level == "mid")


def test_contact_sheets_show_every_subject_action_unit_and_expression(dataset, closing):
    small = open_benchmark("default", subjects=2, videos=1, frames=60)
    sheet = benchmark.faces(small, columns=3)
    assert [axis.get_title() for axis in sheet.axes if axis.images] == ["train000", "train001"]
    sheet = benchmark.action_units(small.videos[0].person)
    titles = [axis.get_title() for axis in sheet.axes if axis.images]
    assert {"at rest", "AU12", "AU30", "AU35", "AU45"} <= set(titles)
    pictures = {title: axis.images[0].get_array() for title, axis in zip(titles, sheet.axes, strict=False)}
    assert all(np.abs(pictures[t].astype(int) - pictures["at rest"]).max() > 10 for t in titles[1:])
    shown = [pair for pair in micro_events(dataset) if pair[0].subject == "train000"][:2]
    sheet = benchmark.filmstrip(shown)
    assert sum(len(axis.images) == 1 for axis in sheet.axes) >= 7 * len(shown)
    assert len(benchmark.durations_and_amplitudes(dataset).axes) == 1
    assert len(benchmark.timeline(shown[0][0]).axes) == 4


def test_flow_colours_tell_direction_and_length():
    flow = np.zeros((2, 1, 4), np.float32)
    flow[0, 0] = [0.0, 1.0, -1.0, np.nan]
    still, right, left, nothing = benchmark.flow_colours(flow, 1.0)[0]
    assert still == pytest.approx([1, 1, 1]) and nothing == pytest.approx([0.8, 0.8, 0.8])
    assert right == pytest.approx([1, 0, 0]) and left == pytest.approx([0, 1, 1])
