"""Clips as samples and rows: what is read, what is shared, what is learnt from whom."""

import numpy as np
import pandas as pd
import pytest

from melib.features import FeatureSettings, planes
from melib.study.clip_models import answer, mean_motion
from melib.study.clip_rows import compute
from melib.study.clip_sheets import People, Sheet, Variant, clip_pairs, fill_sheet, grid_means, read_sheet
from melib.study.clip_sizes import CLIP_TIERS, ClipSizes
from melib.study.clip_variants import SHEETS
from melib.study.clips import MIXTURES, MOVING, STILL, ClipParameters, ClipSamples, deal, everyone, load
from melib.synthetic.action_units import AU14_SHARE, OUT_OF_PLANE_UNITS
from melib.synthetic.dataset import open_clips
from melib.training import region_means, train_floor

TINY = ClipSizes((2, 2, 3), (2, 2, 3), 2, 8, 20, 2, 20, 30)
SMALL = Sheet(
    "small",
    {
        "O": Variant(FeatureSettings()),
        "D": Variant(FeatureSettings(input="D")),
        "S": Variant(FeatureSettings(input="S"), still=False),
        "O+S": Variant(FeatureSettings(input="O+S"), still=False),
    },
    whole=True,
)
PAIRS = Sheet("pairs", {"O": Variant(FeatureSettings())})


@pytest.fixture
def small(monkeypatch):
    """Two sheets of two learnt and two tested subjects, under a tier of their own."""
    for sheet in (SMALL, PAIRS):
        monkeypatch.setitem(SHEETS, sheet.name, sheet)
    monkeypatch.setitem(CLIP_TIERS, "tiny", TINY)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clips")
    people = [People(population, 2, 3) for population in ("train", "test")]
    for sheet in (SMALL, PAIRS):
        fill_sheet(sheet, people, store=folder)
    return folder


def parameters(**values) -> ClipParameters:
    return ClipParameters(**{"sheet": "small", "tier": "tiny", "flow": "O"} | values)


def test_a_still_pair_is_as_far_apart_as_the_moving_one_and_holds_none_of_the_expression():
    for clip in open_clips("default", subjects=3, clips=20).videos:
        moving, still = clip_pairs(clip)
        (expression,) = clip.expressions
        assert moving == (expression.onset, expression.apex)
        assert still[1] - still[0] == moving[1] - moving[0]
        assert 0 <= still[0] and still[1] < clip.n_frames
        assert still[1] < expression.onset or still[0] > expression.offset


def test_inputs_that_are_put_together_equal_those_that_are_computed(small, store):
    for name, values in {
        "O+S": {"input": "uvz", "depth": "S"},
    }.items():
        _, computed = read_sheet(SMALL, People("test", 2, 3), name, store=store)
        np.testing.assert_array_equal(load(parameters(**values), "test", store=store).planes, computed, err_msg=name)


def test_what_is_stored_of_a_clip_are_the_planes_of_its_pairs(store):
    clips, read = read_sheet(SMALL, People("train", 2, 3), "O", store=store)
    starts, ends = (np.array(side) for side in zip(*clip_pairs(clips[4]), strict=True))
    np.testing.assert_array_equal(read[4], next(planes(clips[4], (starts, ends), FeatureSettings())))
    _, means = read_sheet(PAIRS, People("train", 2, 3), "O", store=store)
    np.testing.assert_array_equal(means, grid_means(read))


def test_somebody_elses_depth_is_somebody_elses_and_leaves_the_flow_alone(small, store):
    own = load(parameters(input="uvz", depth="D"), "test", store=store)
    other = load(parameters(input="uvz-other", depth="D"), "test", store=store)
    np.testing.assert_array_equal(own.planes[:, :, :2], other.planes[:, :, :2])
    for place in range(6):
        donors = [j for j in range(6) if np.array_equal(other.planes[place, :, 2], own.planes[j, :, 2])]
        assert donors and all(own.subjects[j] != own.subjects[place] for j in donors)


def test_training_noise_can_differ_from_the_noise_that_is_tested(small, store):
    values = {"input": "uvz", "depth": "S", "learnt_depth": "D"}
    train, test = (load(parameters(**values), population, store=store).planes for population in ("train", "test"))
    for planes_read, population, depth in ((train, "train", "D"), (test, "test", "S")):
        wanted = load(parameters(input="uvz", depth=depth), population, store=store).planes
        np.testing.assert_array_equal(planes_read, wanted)


def test_a_mixture_has_the_asked_share_and_a_larger_one_keeps_whom_a_smaller_one_had():
    clips = open_clips("default", subjects=10, clips=30).videos
    dealt = [deal("out-of-plane", share, clips) for share in (0.0, 0.25, 0.5, 1.0)]
    np.testing.assert_allclose([each.mean() for each in dealt], [0.0, 0.25, 0.5, 1.0], atol=0.08)
    assert not dealt[0].any() and dealt[3].all()
    assert all((larger | ~smaller).all() for smaller, larger in zip(dealt, dealt[1:], strict=False))


@pytest.mark.parametrize("multiple", [0.5, 1.0, 2.0])
def test_au14_is_dealt_in_a_multiple_of_its_usual_share(multiple, monkeypatch):
    monkeypatch.setitem(CLIP_TIERS, "tiny", ClipSizes((1, 1, 1), (20, 2, 30), 2, 8, 20, 2, 20, 30))
    row = ClipParameters(sheet="mixtures", model="action units", mixture="au14", share=multiple, tier="tiny")
    samples = load(row, "train", store="nothing is read")
    main = [{label for label, strength in clip.events[0].intensities if strength > 0.5} for clip in samples.clips]
    shows = np.array([any(label.startswith("14") for label in units) for units in main])
    expected = multiple * np.mean([AU14_SHARE[clip.expressions[0].emotion] for clip in samples.clips])
    assert shows.mean() == pytest.approx(expected, abs=0.05)


def test_at_a_share_of_one_every_expression_moves_out_of_plane_and_at_zero_none_does(monkeypatch):
    monkeypatch.setitem(CLIP_TIERS, "tiny", ClipSizes((1, 1, 1), (2, 2, 10), 2, 8, 20, 2, 20, 30))
    for share, wanted in ((0.0, False), (1.0, True)):
        row = ClipParameters(sheet="mixtures", model="action units", mixture="out-of-plane", share=share, tier="tiny")
        for clip in load(row, "test", store="nothing is read").clips:
            # Stray units are weak; what makes the expression is strong.
            units = {label.rstrip("LR") for label, strength in clip.events[0].intensities if strength > 0.5}
            assert bool(units & set(OUT_OF_PLANE_UNITS)) == wanted


def test_the_floor_of_clips_is_the_floor_of_the_study(small, store):
    train, test = (load(parameters(model="floor"), population, store=store) for population in ("train", "test"))
    names = list(parameters().names)
    codes = np.array([names.index(emotion) for emotion in train.emotions])
    both = np.concatenate([train.planes[:, 0], train.planes[:, 1]])
    targets = np.repeat([1.0, 0.0], len(codes))
    floor = train_floor(both, targets, train.planes[:, 0], codes, classes=4)
    wanted = [names[index] for index in floor.predict(test.planes[:, 0])[1].argmax(axis=1)]
    found, _ = answer(parameters(model="floor"), train, test)
    assert list(found) == wanted
    np.testing.assert_allclose(mean_motion(test.planes[:, 0], 2), region_means(test.planes[:, 0]), atol=1e-6)


def _drawn(rng: np.random.Generator, clips, emotions: np.ndarray, strength: float) -> ClipSamples:
    """Planes of noise in which one cell of each class moves."""
    drawn = rng.normal(size=(len(emotions), 2, 3, 6, 6)).astype(np.float32)
    for sample, emotion in zip(drawn, emotions, strict=True):
        cell = {"negative": 0, "positive": 9, "surprise": 20, "others": 33}[emotion]
        sample[0, 2].reshape(-1)[cell] += strength
    return ClipSamples(clips, drawn, emotions)


@pytest.mark.parametrize(("strength", "least", "most"), [(8.0, 0.8, 1.0), (0.0, 0.1, 0.45)])
def test_the_grid_finds_a_moving_cell_and_nothing_where_there_is_nothing(strength, least, most):
    rng = np.random.default_rng(0)
    train, test = (open_clips("default", subjects=8, clips=10, population=name).videos for name in ("train", "test"))
    emotions = np.tile(["negative", "positive", "surprise", "others"], 20)
    samples = [_drawn(rng, clips, emotions, strength) for clips in (train, test)]
    found, none = answer(ClipParameters(sheet="sweeps", flow="O, rigid", tier="smoke"), *samples)
    assert least <= (found == emotions).mean() <= most and not none
    row = ClipParameters(sheet="sweeps", flow="O, rigid", model="floor", controls=True, tier="smoke")
    _, controls = answer(row, *samples)
    assert len(controls) == CLIP_TIERS["smoke"].floor_draws >= 20
    assert np.mean([(control == emotions).mean() for control in controls]) == pytest.approx(0.25, abs=0.06)


def test_spotting_tells_moving_from_still_pairs(small, store):
    found = compute({"sheet": "pairs", "flow": "O", "question": "spotting"}, "tiny", 0, store)
    assert set(found.tables["named"]["emotion"]) == {MOVING, STILL}
    assert found.tables["named"]["count"].sum() == 12
    assert found.record["confusion"]["emotions"] == [STILL, MOVING]


@pytest.mark.parametrize("model", ["mean", "sfamnet"])
def test_networks_learn_on_clips_and_their_controls_on_shuffled_labels(model, small, store):
    values = {"sheet": "small", "flow": "O", "model": model, "controls": True}
    found = compute(values, "tiny", 1, store)
    assert found.record["counts"] == {"subjects": 2, "clips": 6, "learnt_subjects": 2, "learnt_clips": 6}
    assert len(found.record["shuffled"]) == TINY.network_draws
    again = compute(values, "tiny", 1, store)
    pd.testing.assert_frame_equal(found.predictions, again.predictions)
    assert found.record["recognition"] == again.record["recognition"]


def test_choices_look_at_training_subjects_alone_and_learn_from_the_others(monkeypatch):
    monkeypatch.setitem(CLIP_TIERS, "tiny", ClipSizes((6, 2, 8), (2, 2, 3), 2, 8, 20, 2, 20, 30))
    found = compute({"model": "action units", "population": "train"}, "tiny", 0, "nothing is read")
    assert sorted(set(found.predictions["subject"])) == ["train000", "train002", "train004"]
    assert found.record["counts"] == {"subjects": 3, "clips": 24, "learnt_subjects": 3, "learnt_clips": 24}


def test_mixed_planes_are_those_of_the_clips_that_were_dealt(small, store, monkeypatch):
    sources = {"in plane": "emotions_in_plane", "out of plane": "emotions_out_of_plane"}
    sheet = Sheet("mixed", {"O": Variant(FeatureSettings(), still=False)}, sources=sources)
    monkeypatch.setitem(SHEETS, "mixed", sheet)
    people = everyone("mixed", "tiny")["test"]
    fill_sheet(sheet, [people], store=store)
    mixed = load(parameters(sheet="mixed", mixture="out-of-plane", share=0.5), "test", store=store)
    inside, outside = (read_sheet(sheet, people, "O", source=name, store=store)[1] for name in sources)
    wanted = deal("out-of-plane", 0.5, mixed.clips)
    assert 0 < wanted.sum() < 6
    np.testing.assert_array_equal(mixed.planes[wanted], outside[wanted])
    np.testing.assert_array_equal(mixed.planes[~wanted], inside[~wanted])
    assert all(
        ("out_of_plane" in clip.suite.timeline.classes) == out for clip, out in zip(mixed.clips, wanted, strict=True)
    )


def test_a_pass_that_was_stopped_goes_on_where_it_was(tmp_path):
    people = People("train", 2, 1)
    sheet = Sheet("one", {"O": Variant(FeatureSettings(), still=False)})
    fill_sheet(sheet, [people], store=tmp_path)
    first, second = sorted(tmp_path.iterdir())
    kept, content = first.stat().st_mtime_ns, second.read_bytes()
    second.unlink()
    with pytest.raises(FileNotFoundError, match="fill the sheet first"):
        read_sheet(sheet, people, "O", store=tmp_path)
    fill_sheet(sheet, [people], store=tmp_path)
    assert first.stat().st_mtime_ns == kept and second.read_bytes() == content
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"model": "svm"}, "unknown model 'svm'"),
        ({"flow": "P"}, "needs a variant of sheet small as flow"),
        ({"input": "uvz"}, "as depth"),
        ({"mixture": "out-of-plane", "share": 1.5}, "between 0 and 1"),
        ({"question": "spotting", "model": "mean"}, "spots in long videos"),
    ],
)
def test_a_wrong_value_is_named(values, words, small):
    with pytest.raises(ValueError, match=words):
        parameters(**values)


def test_every_mixture_names_sources_that_its_sheet_has():
    for sources in MIXTURES.values():
        assert any(set(sources) <= set(sheet.sources) for sheet in SHEETS.values())
