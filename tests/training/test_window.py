"""WindowNet on whole videos: its targets are the labels, and it learns what comes and goes, wherever that is shown."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from refusing import refused

from melib.metrics import intervals
from melib.models import FrameValues, score_frames, window_targets
from melib.spotting import choose, window_candidates, window_intervals
from melib.training import WindowSettings, train_window
from melib.video import Expression

CLASSES = ("first", "second", "third")
SETTINGS = WindowSettings(steps=120, batch=4, window=96)
FEW = replace(SETTINGS, steps=3, decay=0.0)
ROWS = np.arange(240) + 3.0  # of pairs six frames apart


def filmed(seed):
    """Planes of a video, and its micro- and all its expressions: a part of the face, by emotion, moves and comes back.

    Both kinds begin alike, so that one pair cannot tell them apart.
    """
    rng = np.random.default_rng(seed)
    planes, expressions = rng.normal(0, 0.05, (len(ROWS), 3, 42, 42)).astype(np.float32), []
    for onset in (20, 75, 130, 185):
        emotion, kind, length = int(rng.integers(3)), *(("macro", 30) if rng.random() < 0.4 else ("micro", 12))
        for middle, way in ((onset + 3, 1), (onset + length - 3, -1)):
            planes[np.abs(ROWS - middle) <= 3, 1, 12 * emotion : 12 * emotion + 12] += 0.6 * way
        expressions.append(Expression(onset, onset + length, onset + length // 2, kind, CLASSES[emotion]))
    return planes, [each for each in expressions if each.kind == "micro"], expressions


def material(seeds):
    videos, micro, every = zip(*(filmed(seed) for seed in seeds), strict=True)
    return videos, [window_targets(ROWS, each, CLASSES) for each in every], micro


def train(videos, targets, settings=SETTINGS, seed=0):
    return train_window(videos, targets, classes=3, settings=settings, seed=seed, device="cpu")


def hits(truth, found):
    sides = [(np.zeros(len(each), int), *np.reshape(each, (-1, 2)).T) for each in (truth, found)]
    return len(intervals.match_arrays(*sides))


@pytest.fixture(scope="module")
def trained():
    return train(*material(range(8))[:2])


@pytest.mark.parametrize("stride", [1, 2])
def test_the_rule_makes_of_the_targets_the_labels_at_any_stride(stride):
    rows = ROWS[::stride]
    for seed in range(5):
        _, labels, every = filmed(seed)
        targets = window_targets(rows, every, CLASSES)
        known = targets._replace(emotions=np.eye(3)[targets.emotions] * (targets.emotions >= 0)[:, None])
        kept = window_intervals(known, rows, 246).above(0.3)
        order = np.argsort(kept.intervals[:, 0])
        assert kept.intervals[order][:, [0, 2]].tolist() == [[each.onset, each.offset] for each in labels]
        assert np.abs(kept.intervals[order, 1] - [each.apex for each in labels]).max() <= stride
        assert [CLASSES[emotion] for emotion in kept.emotions[order]] == [each.emotion for each in labels]
    refused("rows at 9 frames", window_intervals, targets, rows[:9], 246)


def test_targets_name_kinds_ends_marks_and_blinks():
    labels = [Expression(4, 8, None, "micro", "unknown"), Expression(10, 14, 12, "macro", "first")]
    targets = window_targets(np.arange(20) + 0.5, labels, CLASSES, blinks=np.array([[0, 2]]))
    assert [np.flatnonzero(kind).tolist() for kind in targets.kinds.T] == [[4, 5, 6, 7], [10, 11, 12, 13], [0, 1]]
    assert targets.ends[4:8].tolist() == [[1, 4], [2, 3], [3, 2], [4, 1]]
    assert targets.marks[3, 0] == targets.marks[4, 0] == targets.marks[:, 0].max() and targets.marks[:, 1].max() == 0
    assert (targets.emotions == -1).all(), "an emotion that is no class is not learnt"


def test_what_comes_and_goes_is_found_and_named_by_a_threshold_from_other_videos(trained):
    def found(seeds):
        videos, _, labels = material(seeds)
        spotted = [window_intervals(score_frames(trained[0], video, device="cpu"), ROWS, 246) for video in videos]
        return spotted, [[(each.onset, each.offset) for each in video] for video in labels], labels

    spotted, truth, _ = found(range(20, 26))
    candidates = window_candidates(spotted)
    chosen = choose(lambda video, threshold: video.above(threshold).intervals, candidates, spotted, truth, hits)
    right = named = said = 0
    spotted, truth, labels = found(range(30, 36))
    for video, ends, micro in zip(spotted, truth, labels, strict=True):
        kept = video.above(**chosen.constants)
        right, said = right + hits(ends, kept.intervals[:, [0, 2]]), said + len(kept.scores)
        said_names = zip(kept.intervals[:, 0] // 55, kept.emotions, strict=True)
        names = {(place, CLASSES[emotion]) for place, emotion in said_names}
        named += len(names & {(each.onset // 55, each.emotion) for each in micro})
    assert chosen.f1 > 0.9 and 2 * right / (said + sum(map(len, truth))) > 0.8
    assert named > 0.8 * right


def test_losses_fall_and_each_task_is_learnt_alone_if_so_wished(trained):
    losses = trained[1]["joint"]
    assert losses.shape == (120, 3) and (losses[-10:].mean(0) < 0.5 * losses[:10].mean(0)).all()
    np.testing.assert_allclose(losses[:, 0], losses[:, 1] + SETTINGS.naming * losses[:, 2], rtol=1e-5)
    videos, targets, _ = material(range(2))
    for weights, still in (({"spotting": 0.0}, slice(0, 7)), ({"naming": 0.0}, slice(7, 10))):
        before, after = (train(videos, targets, replace(FEW, steps=steps, **weights))[0] for steps in (0, 3))
        moved = (before.heads.weight != after.heads.weight).any(dim=1)
        assert not moved[still].any() and moved.any()


def test_the_same_seed_gives_the_same_bits_and_another_seed_others():
    videos, targets, _ = material(range(2))
    states = []
    for seed in (0, 0, 1):
        torch.manual_seed(len(states))  # the global state must not matter
        states.append(train(videos, targets, FEW, seed)[0].state_dict())
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    assert not torch.equal(states[0]["look.weight"], states[2]["look.weight"])


def test_videos_that_do_not_match_or_show_nothing_are_refused_and_short_ones_are_lengthened():
    (planes,), (targets,), _ = material(range(1))
    for given, wanted in ((planes[1:], targets), (planes, window_targets(ROWS, [], CLASSES))):
        refused("as many planes as rows of targets, and some row a micro-expression", train, [given], [wanted], FEW)
    assert np.isfinite(train([planes[:50]], [FrameValues(*(part[:50] for part in targets))], FEW)[1]["joint"]).all()
