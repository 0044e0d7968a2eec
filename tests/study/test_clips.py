"""Clips as samples and rows: what is read, what is shared, what is learnt from whom."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from melib.features import FeatureSettings, planes
from melib.study import clips, settings
from melib.study.clips import Samples, answer, deal, load, mean_motion, run
from melib.study.settings import FLOOR_DRAWS, ClipSettings
from melib.synthetic import readings
from melib.synthetic.action_units import AU14_SHARE
from melib.synthetic.dataset import open_clips
from melib.synthetic.readings import People, Reading, Request, clip_pairs, grid_means
from melib.training import region_means, train_floor

SIZES = {"clip_people": (2, 2), "clips_each": 3, "sweep_people": (2, 2), "sweep_clips_each": 3}
TINY = replace(settings.TIERS["smoke"], **SIZES, clip_steps=2, clip_batch=8, clip_guesses=20, clip_resamples=30)
FLOW, DEPTH, SCENE = ({"input": name} for name in "ODS")


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    monkeypatch.setitem(settings.TIERS, "smoke", TINY)
    return monkeypatch


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return tmp_path_factory.mktemp("clips")


def row(**values) -> ClipSettings:
    return ClipSettings(**{"tier": "smoke", "flow": FLOW} | values)


def read(asked: ClipSettings, population: str, store) -> Samples:
    clips.prepare([asked], store=store)
    return load(asked, population, store=store)


def test_a_still_pair_is_as_far_apart_as_the_moving_one_and_holds_none_of_the_expression():
    for clip in open_clips("default", subjects=3, clips=20).videos:
        moving, still = clip_pairs(clip)
        (expression,) = clip.expressions
        assert moving == (expression.onset, expression.apex)
        assert still[1] - still[0] == moving[1] - moving[0]
        assert 0 <= still[0] and still[1] < clip.n_frames and (still[1] < moving[0] or expression.offset < still[0])


def test_what_is_stored_of_a_clip_are_the_planes_of_its_pairs(store):
    whole, cells = (Request(People("train", 2, 3), Reading.of(FLOW), True, whole) for whole in (True, False))
    readings.fill([whole, cells], store=store)
    found, kept = readings.read(whole, store=store)
    starts, ends = (np.array(side) for side in zip(*clip_pairs(found[4]), strict=True))
    np.testing.assert_array_equal(kept[4], next(planes(found[4], (starts, ends), FeatureSettings())))
    np.testing.assert_array_equal(readings.read(cells, store=store)[1], grid_means(kept))


def test_the_third_plane_is_zero_the_change_of_depth_or_motion_away_on_the_same_flow(store):
    flow = read(row(), "test", store).planes
    depth, scene = (read(row(input="depth", depth=each), "test", store).planes for each in (DEPTH, SCENE))
    for asked, third in (
        (row(input="uv0"), np.zeros_like(flow[:, :, 2])),
        (row(input="uvz", depth=DEPTH), depth[:, :, 0]),
        (row(input="uvz", depth=SCENE), scene[:, :, 2]),
    ):
        joined = read(asked, "test", store).planes
        np.testing.assert_array_equal(joined[:, :, :2], flow[:, :, :2])
        np.testing.assert_array_equal(joined[:, :, 2], third)


def test_somebody_elses_depth_is_somebody_elses_and_leaves_the_flow_alone(store):
    own, other = (read(row(input=kind, depth=DEPTH), "test", store) for kind in ("uvz", "uvz-other"))
    np.testing.assert_array_equal(own.planes[:, :, :2], other.planes[:, :, :2])
    for place in range(6):
        donors = [j for j in range(6) if np.array_equal(other.planes[place, :, 2], own.planes[j, :, 2])]
        assert donors and all(own.subjects[j] != own.subjects[place] for j in donors)


def test_training_noise_can_differ_from_the_noise_that_is_tested(store):
    mixed = row(input="uvz", depth=SCENE, learnt_depth=DEPTH)
    for population, depth in (("train", DEPTH), ("test", SCENE)):
        wanted = read(row(input="uvz", depth=depth), population, store).planes
        np.testing.assert_array_equal(read(mixed, population, store).planes, wanted)


def test_a_mixture_has_the_asked_share_and_a_larger_one_keeps_whom_a_smaller_one_had():
    some = open_clips("default", subjects=10, clips=30).videos
    dealt = [deal("out-of-plane", share, some) for share in (0.0, 0.25, 0.5, 1.0)]
    np.testing.assert_allclose([each.mean() for each in dealt], [0.0, 0.25, 0.5, 1.0], atol=0.08)
    assert not dealt[0].any() and dealt[3].all()
    assert all((larger | ~smaller).all() for smaller, larger in zip(dealt, dealt[1:], strict=False))


@pytest.mark.parametrize("multiple", [0.5, 1.0, 2.0])
def test_au14_is_dealt_in_a_multiple_of_its_usual_share(multiple, tiny):
    tiny.setitem(settings.TIERS, "smoke", replace(TINY, sweep_people=(20, 2), sweep_clips_each=30))
    asked = row(people="sweeps", model="action units", mixture="au14", share=multiple)
    samples = load(asked, "train", store="nothing is read")
    main = [{label for label, strength in clip.events[0].intensities if strength > 0.5} for clip in samples.clips]
    shows = np.array([any(label.startswith("14") for label in units) for units in main])
    expected = multiple * np.mean([AU14_SHARE[clip.expressions[0].emotion] for clip in samples.clips])
    assert shows.mean() == pytest.approx(expected, abs=0.05)


def test_mixed_planes_are_those_of_the_clips_that_were_dealt(store):
    asked = row(people="sweeps", mixture="out-of-plane", share=0.5)
    mixed = read(asked, "test", store)
    outside, inside = (
        readings.read(Request(People("test", 2, 3, name), Reading.of(FLOW), False, False), store=store)[1]
        for name in clips.MIXTURES["out-of-plane"]
    )
    wanted = deal("out-of-plane", 0.5, mixed.clips)
    assert 0 < wanted.sum() < 6
    np.testing.assert_array_equal(mixed.planes[wanted], outside[wanted])
    np.testing.assert_array_equal(mixed.planes[~wanted], inside[~wanted])


def test_the_floor_of_clips_is_the_floor_of_the_study(store):
    asked = row(model="floor")
    train, test = (read(asked, population, store) for population in ("train", "test"))
    names = list(asked.emotions)
    codes = np.array([names.index(emotion) for emotion in train.emotions])
    both = np.concatenate([train.planes[:, 0], train.planes[:, 1]])
    floor = train_floor(both, np.repeat([1.0, 0.0], len(codes)), train.planes[:, 0], codes, classes=4)
    wanted = [names[index] for index in floor.predict(test.planes[:, 0])[1].argmax(axis=1)]
    assert list(answer(asked, train, test, seed=0)[0]) == wanted
    np.testing.assert_allclose(mean_motion(test.planes[:, 0], 2), region_means(test.planes[:, 0]), atol=1e-6)


def _drawn(rng: np.random.Generator, some, emotions: np.ndarray, strength: float) -> Samples:
    """Planes of noise in which one cell of each class moves."""
    drawn = rng.normal(size=(len(emotions), 2, 3, 6, 6)).astype(np.float32)
    for sample, emotion in zip(drawn, emotions, strict=True):
        cell = {"negative": 0, "positive": 9, "surprise": 20, "others": 33}[emotion]
        sample[0, 2].reshape(-1)[cell] += strength
    return Samples(some, drawn, emotions)


@pytest.mark.parametrize(("strength", "least", "most"), [(8.0, 0.8, 1.0), (0.0, 0.1, 0.45)])
def test_the_grid_and_windownet_find_a_moving_cell_and_nothing_where_there_is_nothing(strength, least, most):
    rng = np.random.default_rng(0)
    train, test = (open_clips("default", subjects=8, clips=10, population=name).videos for name in ("train", "test"))
    emotions = np.tile(["negative", "positive", "surprise", "others"], 20)
    samples = [_drawn(rng, some, emotions, strength) for some in (train, test)]
    found, none = answer(row(people="sweeps"), *samples, seed=0)
    assert least <= (found == emotions).mean() <= most and not none
    whole = [replace(each, planes=each.planes.repeat(7, -1).repeat(7, -2)) for each in samples]
    named, _ = answer(row(model="window", effort=100.0), *whole, seed=0)
    assert least <= (named == emotions).mean() <= most
    _, controls = answer(row(people="sweeps", model="floor", controls=True), *samples, seed=0)
    assert len(controls) == FLOOR_DRAWS >= 20
    assert np.mean([(control == emotions).mean() for control in controls]) == pytest.approx(0.25, abs=0.06)


def test_spotting_tells_moving_from_still_pairs(store):
    found = run(row(people="sweeps", question="spotting"), 0, store=store)
    assert set(found.tables["named"]["emotion"]) == {"moving", "still"}
    assert found.tables["named"]["count"].sum() == 12 and found.values["confusion"]["emotions"] == ["still", "moving"]


@pytest.mark.parametrize("model", ["mean", "sfamnet", "window"])
def test_networks_learn_on_clips_and_their_controls_on_shuffled_labels(model, store):
    found, again = (run(row(model=model, controls=controls), 1, store=store) for controls in (True, False))
    assert found.values["counts"] == {"subjects": 2, "clips": 6, "learnt_subjects": 2, "learnt_clips": 6}
    assert len(found.values["shuffled"]) == clips.NETWORK_DRAWS
    pd.testing.assert_frame_equal(found.tables["predictions"], again.tables["predictions"])
    assert found.values["recognition"] == again.values["recognition"]


def test_choices_look_at_training_people_alone_and_learn_from_the_others(tiny, tmp_path):
    tiny.setitem(settings.TIERS, "smoke", replace(TINY, clip_people=(6, 2), clips_each=8))
    found = run(row(model="action units", population="train"), 0, store=tmp_path)
    assert sorted(set(found.tables["predictions"]["subject"])) == ["train000", "train002", "train004"]
    assert found.values["counts"] == {"subjects": 3, "clips": 24, "learnt_subjects": 3, "learnt_clips": 24}


def test_a_pass_that_was_stopped_goes_on_where_it_was_and_one_file_serves_both_kinds_of_pairs(tmp_path):
    moving = Request(People("train", 2, 1), Reading.of(FLOW), False, False)
    with_still = replace(moving, still=True)
    readings.fill([moving], store=tmp_path)
    first, second = sorted(tmp_path.iterdir())
    kept, content = first.stat().st_mtime_ns, second.read_bytes()
    second.unlink()
    with pytest.raises(FileNotFoundError, match="fill the store first"):
        readings.read(moving, store=tmp_path)
    readings.fill([moving], store=tmp_path)
    assert first.stat().st_mtime_ns == kept and second.read_bytes() == content
    for path in (first, second):
        path.unlink()
    readings.fill([moving, with_still], store=tmp_path)
    assert len(list(tmp_path.iterdir())) == 2
    alone, beside = (readings.read(each, store=tmp_path)[1][:, 0] for each in (moving, with_still))
    np.testing.assert_array_equal(alone, beside)
