"""What happens in a video: reproducible, uniform in time, and telling nothing about the labels but the face itself."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binomtest, chi2_contingency, kruskal, kstest, spearmanr

from melib.synthetic import everyday
from melib.synthetic import timeline as module
from melib.synthetic.action_units import EMOTION_PATTERNS
from melib.synthetic.head import load_head
from melib.synthetic.scene import draw_scene
from melib.synthetic.timeline import TimelineSettings, draw_events, draw_timeline

NAMES = list(load_head().action_units)
PEAK = load_head().peak_mm
DEFAULT = TimelineSettings()
QUIET = TimelineSettings(macro_rate=0.0, eyes=False)
EVERYDAY = TimelineSettings(everyday=True)


def timeline(seed, n_frames=600, settings=DEFAULT):
    return draw_timeline(seed, n_frames, settings, NAMES, PEAK)


@pytest.fixture(scope="module")
def plans():
    return [draw_events(seed, 600, DEFAULT) for seed in range(1000)]


def events_of(plans, kind):
    return [event for plan in plans for event in plan if event.true.kind == kind]


PARTS = ("weights", "rotation", "translation", "gaze", "gain", "blinks", "lamp", "covers")


def differing(a, b):
    return {part for part in PARTS if not np.array_equal(getattr(a, part), getattr(b, part))}


def test_a_seed_gives_one_timeline_and_everyday_adds_motion_to_the_same_expressions_blinks_and_glances():
    usual, moved = ([timeline(seed, 1200, each) for seed in range(12)] for each in (DEFAULT, EVERYDAY))
    assert differing(moved[0], timeline(0, 1200, EVERYDAY)) == set() and differing(moved[0], moved[1]) == set(PARTS)
    for before, after in zip(usual, moved, strict=True):
        assert before.events == after.events and differing(before, after) <= set(PARTS) - {"gaze", "blinks"}
        assert np.rad2deg(np.abs(after.rotation)).max() < 32 and np.abs(after.translation).max() < 60
    for part, low, high in (("rotation", 3, 7), ("translation", 2, 5), ("gain", 2, 9), ("weights", 1.5, 4)):
        still, fast = (np.mean([np.abs(np.diff(getattr(p, part), axis=0)) for p in plans]) for plans in (usual, moved))
        assert low < fast / still < high, part


@pytest.mark.parametrize("change", [{"classes": "out_of_plane"}, {"macro_rate": 9.0}, {"amplitude": 2.0}])
def test_other_expressions_leave_every_nuisance_as_it_was_and_eyes_switched_off_everything_else(change):
    before, after = timeline(11), timeline(11, settings=replace(DEFAULT, **change))
    assert before.events != after.events and differing(before, after) == {"weights"}
    blind = timeline(11, settings=replace(DEFAULT, eyes=False))
    assert before.events == blind.events and differing(before, blind) == {"weights", "gaze", "blinks"}
    lids = np.isin(NAMES, ("45L", "45R", "gazeUp", "gazeDown"))
    assert np.array_equal(before.weights[:, ~lids], blind.weights[:, ~lids])
    assert before.weights[:, lids].any() and not blind.weights[:, lids].any() and not blind.gaze.any()


TOUCHED = {purpose: {purpose} for purpose in ("rotation", "translation")}
TOUCHED |= {"posture": {"rotation", "translation"}, "blinks": {"weights", "blinks"}, "gaze": {"weights", "gaze"}}
TOUCHED |= {"tonic": {"weights"}, "flicker": {"gain"}, "room": {"gain", "lamp"}, "covers": {"covers"}}
TOUCHED |= dict.fromkeys(("turns", "nods"), {"rotation"}) | {"speech": {"weights"}}
TOUCHED |= dict.fromkeys(("leaning", "restlessness", "camera"), {"rotation", "translation"})


@pytest.mark.parametrize("purpose", TOUCHED)
def test_a_changed_draw_in_one_purpose_leaves_the_others_unchanged(monkeypatch, purpose):
    before, original = timeline(3, 1200, EVERYDAY), module.stream

    def disturbed(seed, name, *more):
        rng = original(seed, name, *more)
        if name == purpose:
            rng.random(17)
        return rng

    for each in (module, everyday):
        monkeypatch.setattr(each, "stream", disturbed)
    after = timeline(3, 1200, EVERYDAY)
    assert differing(before, after) == TOUCHED[purpose] and before.events == after.events


def test_one_video_in_five_has_no_micro_expression_and_is_as_likely_to_have_a_macro_expression(plans):
    table = np.zeros((2, 2), int)
    for plan in plans:
        kinds = {e.true.kind for e in plan}
        table[int("micro" in kinds), int("macro" in kinds)] += 1
    assert binomtest(int(table[0].sum()), len(plans), 0.2).pvalue > 1e-3
    assert chi2_contingency(table).pvalue > 1e-3


def test_amplitudes_of_micro_and_macro_expressions_overlap(plans):
    micro = np.array([e.amplitude_mm for e in events_of(plans, "micro")])
    macro = np.array([e.amplitude_mm for e in events_of(plans, "macro")])
    assert np.median(micro) < 1.4 and np.median(macro) > 3
    assert 0.1 < np.mean(macro < 2.0) < 0.3 and 0.05 < np.mean(micro > 2.0) < 0.2
    weak = [e for e in events_of(plans, "macro") if e.amplitude_mm < 1.99]
    strong = [e for e in events_of(plans, "micro") if e.amplitude_mm > 2.4]
    assert min(e.true.length for e in weak) > 30, "weak macro-expressions last longer than a second"
    assert max(e.true.length for e in strong) <= 12, "strong micro-expressions are short"
    lengths = [e.true.length for e in events_of(plans, "micro")]
    assert 6 <= min(lengths) and max(lengths) <= 15, "micro-expressions last at most half a second"


def test_events_fall_anywhere_in_a_video_but_not_on_each_other(plans):
    for kind in ("micro", "macro"):
        where = [e.true.onset / (600 - e.true.length) for e in events_of(plans, kind)]
        assert kstest(where, "uniform").statistic < 0.05
        assert min(where) < 0.005 and max(where) > 0.995
    gaps = [b.true.onset - a.true.offset - 1 for plan in plans for a, b in zip(plan[:-1], plan[1:], strict=True)]
    assert min(gaps) == 0 and np.mean(np.array(gaps) < 12) > 0.03, "no fixed gap"


def test_annotations_are_bounded_valid_and_unbiased(plans):
    for kind, most, sd in (("micro", 3, 1.0), ("macro", 7, 2.5)):
        events = events_of(plans, kind)
        # Away from the ends of the video, where nothing is cut off.
        free = [e for e in events if e.true.onset >= 8 and e.true.offset < 592 and e.true.length > 11]
        for at in ("onset", "offset"):
            error = np.array([getattr(e.annotated, at) - getattr(e.true, at) for e in free])
            assert np.abs(error).max() <= most
            assert error.std() == pytest.approx(sd, rel=0.1) and abs(error.mean()) < 0.15
        for true, note in ((event.true, event.annotated) for event in events):
            assert 0 <= note.onset < note.apex < note.offset < 600
            assert replace(note, onset=true.onset, apex=true.apex, offset=true.offset) == true


def test_weights_move_only_between_true_onset_and_offset_and_reach_the_amplitude_at_the_apex():
    free, checked = [name for name in NAMES if name not in module._DRIFTING], 0
    for seed in range(40):
        plan = timeline(seed, settings=QUIET)
        still = np.ones(600, bool)
        for event in plan.events:
            still[event.true.onset + 1 : event.true.offset] = False
            label, intensity = event.intensities[0]
            if label in free:
                k = NAMES.index(label)
                expected = min(event.amplitude_mm * intensity / PEAK[k], 1.1)
                assert plan.weights[event.true.apex, k] == pytest.approx(expected, rel=1e-5)
                checked += 1
        assert not plan.weights[still][:, [NAMES.index(name) for name in free]].any()
    assert checked > 20


def test_in_a_long_video_the_head_stays_near_its_place_and_memory_in_proportion_to_the_weights():
    tracemalloc.start()
    plan = timeline(1, 18_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * plan.weights.nbytes
    assert np.rad2deg(np.abs(plan.rotation)).max() < 15 and np.abs(plan.translation).max() < 30


def test_nuisances_are_independent_of_the_labels():
    """Light, crop, background, sensor, motion and blinks must not tell the emotion or the presence of an expression."""
    settings, rows, emotion, present = replace(EVERYDAY, macro_rate=0.0), [], [], []
    for seed in range(250):
        plan, scene = timeline(seed, 200, settings), draw_scene(seed, everyday=True)
        micro = [e for e in plan.events if e.true.kind == "micro"]
        lamp = (*scene.light, scene.ambient, scene.specular, scene.brightness, scene.colour_sensor.shot)
        motion = (plan.gain.std(), plan.rotation.std(), plan.translation.std(), plan.gaze.std(), len(plan.blinks))
        spoken = plan.weights[:, NAMES.index("22")].sum(), plan.lamp.std(), (plan.covers[:, 3] > 0).sum()
        rows.append([*lamp, *scene.crop_jitter, *scene.background_colour, *motion, *spoken])
        emotion.append(micro[0].true.emotion if micro else None)
        present.append(bool(micro))
    rows, emotion, present = np.array(rows), np.array(emotion, dtype=object), np.array(present)
    p = []
    for column in rows.T:
        if np.ptp(column) > 0:
            p.append(kruskal(*(column[emotion == name] for name in EMOTION_PATTERNS)).pvalue)
            p.append(spearmanr(column, present).pvalue)
    assert len(p) > 25 and min(p) > 0.01 / len(p), "Bonferroni: one nuisance tells the label"
