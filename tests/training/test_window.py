"""WindowNet on whole videos: its targets are the labels, and it learns what comes and goes, wherever that is shown."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from melib.metrics import intervals
from melib.models import score_frames, window_targets
from melib.spotting import choose, window_candidates, window_intervals
from melib.training import WindowSettings, train_window
from melib.video import Expression

CLASSES = ("first", "second", "third")
SETTINGS = WindowSettings(steps=120, batch=4, window=96)
ROWS = np.arange(240) + 3.0  # of pairs six frames apart
N_FRAMES = 246


def filmed(seed):
    """Planes of a video and its labels: a part of the face, by emotion, moves and comes back; a macro-expression stays.

    Both begin alike, so that one pair cannot tell them apart.
    """
    rng = np.random.default_rng(seed)
    planes, expressions = rng.normal(0, 0.05, (len(ROWS), 3, 42, 42)).astype(np.float32), []
    for onset in (20, 75, 130, 185):
        emotion, macro = int(rng.integers(3)), rng.random() < 0.4
        length = 30 if macro else 12
        here = np.abs(ROWS - onset - 3) <= 3, np.abs(ROWS - onset - length + 3) <= 3
        for rows, way in zip(here, (1, -1), strict=True):
            planes[rows, 1, 12 * emotion : 12 * emotion + 12] += 0.6 * way
        kind = "macro" if macro else "micro"
        expressions.append(Expression(onset, onset + length, onset + length // 2, kind, CLASSES[emotion]))
    return planes, expressions


def material(seeds):
    videos, labels = zip(*(filmed(seed) for seed in seeds), strict=True)
    return videos, [window_targets(ROWS, each, CLASSES) for each in labels], labels


def micro(labels):
    return [each for each in labels if each.kind == "micro"]


def values_of(targets):
    """Targets as a network would say them that knows them all."""
    return targets._replace(emotions=np.eye(3)[targets.emotions] * (targets.emotions >= 0)[:, None])


def hits(truth, found):
    return len(intervals.match_arrays(*((np.zeros(len(each), int), *np.transpose(each)) for each in (truth, found))))


@pytest.mark.parametrize("stride", [1, 2])
def test_the_rule_makes_of_the_targets_the_labels_at_any_stride(stride):
    for seed in range(5):
        labels = micro(filmed(seed)[1])
        found = window_intervals(values_of(window_targets(ROWS[::stride], labels, CLASSES)), ROWS[::stride], N_FRAMES)
        kept = found.above(0.3)
        order = np.argsort(kept.intervals[:, 0])
        assert len(kept.scores) == len(labels)
        for (onset, apex, offset), emotion, label in zip(
            kept.intervals[order], kept.emotions[order], labels, strict=True
        ):
            assert (onset, offset) == (label.onset, label.offset) and abs(apex - label.apex) <= stride
            assert CLASSES[emotion] == label.emotion
    with pytest.raises(ValueError, match="240 rows at 239 frames"):
        window_intervals(window_targets(ROWS, [], CLASSES), ROWS[1:], N_FRAMES)


def test_targets_name_kinds_ends_marks_and_blinks():
    labels = [Expression(4, 8, None, "micro", "unknown"), Expression(10, 14, 12, "macro", "first")]
    targets = window_targets(np.arange(20) + 0.5, labels, CLASSES, blinks=np.array([[0, 2]]))
    assert [np.flatnonzero(kind).tolist() for kind in targets.kinds.T] == [[4, 5, 6, 7], [10, 11, 12, 13], [0, 1]]
    assert targets.ends[4:8].tolist() == [[1, 4], [2, 3], [3, 2], [4, 1]]
    assert targets.marks[3:5, 0].tolist() == targets.marks[[4, 3], 0].tolist() and targets.marks[:, 1].max() == 0
    assert (targets.emotions == -1).all(), "an emotion that is no class is not learnt"


@pytest.fixture(scope="module")
def trained():
    videos, targets, _ = material(range(8))
    return train_window(videos, targets, classes=3, settings=SETTINGS, device="cpu")


def test_what_comes_and_goes_is_found_and_named_and_the_threshold_is_chosen_on_other_videos(trained):
    def found(videos):
        return [window_intervals(score_frames(trained[0], video, device="cpu"), ROWS, N_FRAMES) for video in videos]

    def truth(labels):
        return [np.array([(e.onset, e.offset) for e in micro(each)]).reshape(-1, 2) for each in labels]

    videos, _, labels = material(range(20, 26))
    seen = found(videos)
    find = lambda each, threshold: each.above(threshold).intervals  # noqa: E731
    chosen = choose(find, window_candidates(seen), seen, truth(labels), hits)
    assert chosen.f1 > 0.9
    videos, _, labels = material(range(30, 36))
    right = named = wrong = 0
    for each, expressions in zip(found(videos), labels, strict=True):
        kept = each.above(**chosen.constants)
        right += hits(*truth([expressions]), kept.intervals[:, [0, 2]])
        wrong += len(kept.scores)
        for (onset, _, _), emotion in zip(kept.intervals, kept.emotions, strict=True):
            named += any(abs(onset - e.onset) < 6 and CLASSES[emotion] == e.emotion for e in micro(expressions))
    assert 2 * right / (wrong + sum(len(micro(each)) for each in labels)) > 0.8
    assert named / right > 0.8


def test_losses_fall_and_each_task_is_learnt_alone_if_so_wished(trained):
    losses = trained[1]["joint"]
    assert losses.shape == (120, 3) and (losses[-10:].mean(0) < 0.5 * losses[:10].mean(0)).all()
    np.testing.assert_allclose(losses[:, 0], losses[:, 1] + 0.15 * losses[:, 2], rtol=1e-5)
    videos, targets, _ = material(range(2))
    for weights, still in (({"spotting": 0.0}, slice(0, 7)), ({"naming": 0.0}, slice(7, 10))):
        settings = replace(SETTINGS, steps=3, decay=0.0, **weights)
        first, last = (
            train_window(videos, targets, classes=3, settings=replace(settings, steps=n), device="cpu")[0]
            for n in (0, 3)
        )
        moved = (first.heads.weight != last.heads.weight).any(dim=1)
        assert not moved[still].any() and moved.any()


def test_the_same_seed_gives_the_same_bits_and_another_seed_others():
    videos, targets, _ = material(range(2))
    settings = replace(SETTINGS, steps=3)
    states = []
    for seed in (0, 0, 1):
        torch.manual_seed(len(states))  # the global state must not matter
        model = train_window(videos, targets, classes=3, settings=settings, seed=seed, device="cpu")[0]
        states.append(model.state_dict())
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    assert not torch.equal(states[0]["look.weight"], states[2]["look.weight"])


def test_videos_that_do_not_match_or_show_nothing_are_refused_and_short_ones_are_lengthened():
    videos, targets, _ = material(range(1))
    more = {"classes": 3, "settings": replace(SETTINGS, steps=1), "device": "cpu"}
    nothing = [window_targets(ROWS, [], CLASSES)]
    for planes, wanted in (([videos[0][1:]], targets), (videos, nothing)):
        with pytest.raises(ValueError, match="numbers must agree, and some row must lie in a micro-expression"):
            train_window(planes, wanted, **more)
    short = [videos[0][:50]], [type(targets[0])(*(part[:50] for part in targets[0]))]
    assert np.isfinite(train_window(*short, **more)[1]["joint"]).all()
