"""Both networks under both protocols: what is chosen, and on whom."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from melib import study, tables
from melib.spotting import MICRO, box_smooth, mean_intervals, sfamnet_intervals
from melib.study import chain
from melib.study.data import SpottingSamples, open_data
from melib.study.rules import Rule, hits, inner_folds, released_rule
from melib.video import EMOTIONS_7

SMALL = replace(study.TIERS["smoke"], spot_steps=12, recognition_steps=12, joint_steps=12, resamples=100)


@pytest.fixture
def small(monkeypatch):
    """Fewer steps than tier smoke: what is claimed here does not depend on how well a network has learnt."""
    monkeypatch.setitem(study.TIERS, "smoke", SMALL)


def parameters(**changes):
    return study.Parameters(suite="sanity", tier="smoke", device="cpu", **changes)


def relabelled(video):
    """The same video, its expressions begun and ended otherwise and called something else."""
    names = dict(zip(EMOTIONS_7, np.roll(EMOTIONS_7, 3).tolist(), strict=True))
    changed = copy.copy(video)
    changed.expressions = tuple(
        replace(each, onset=each.onset - 2, offset=each.offset + 1, emotion=names[each.emotion])
        for each in video.expressions
    )
    return changed


def with_other_labels_of_the_held_out(given, **where):
    dataset, folds = open_data(given, **where)
    return dataset, tuple(replace(fold, test=tuple(map(relabelled, fold.test))) for fold in folds)


@pytest.mark.parametrize("model", ["mean", "sfamnet"])
def test_nothing_that_is_chosen_or_found_depends_on_the_labels_of_the_held_out(model, small, store, monkeypatch):
    given = parameters(model=model, rule="strict")
    first = study.run(given, store=store)
    monkeypatch.setattr(chain, "open_data", with_other_labels_of_the_held_out)
    other = study.run(given, store=store)
    assert not other.truth.equals(first.truth), "the labels were changed"
    assert other.record["rules"] == first.record["rules"]
    assert other.record["floor"]["rules"] == first.record["floor"]["rules"] != first.record["rules"]
    assert other.floor.predictions.equals(first.floor.predictions)
    assert other.record["k_p"] == first.record["k_p"]
    assert other.predictions.equals(first.predictions)


def test_the_same_seed_gives_the_same_record_of_sfamnet_under_protocol_strict(small, store):
    records = [study.run(parameters(model="sfamnet", rule="strict"), store=store).record for _ in range(2)]
    for record in records:
        del record["provenance"]["time"], record["peak_memory_mb"]
        record["seconds"] = 0
    assert json.dumps(records[0], allow_nan=False) == json.dumps(records[1], allow_nan=False)
    words = tables.describe(records[0]).loc["Intervals"].item()
    assert words.startswith("SFAMNet's rule, constants chosen on training subjects only")
    assert tables.describe(records[0]).loc["Network"].item() == "SFAMNet"


def test_a_silent_network_is_scored_and_shown(small, store, monkeypatch):
    monkeypatch.setattr(chain, "released_rule", lambda *_, **__: Rule("mean", "strict", {"k_p": 5, "threshold": 99.0}))
    outcome = study.run(parameters(), store=store)
    assert len(outcome.predictions) == 0
    assert outcome.record["spotting_and_naming"]["f1_spotting"]["value"] == 0
    assert tables.spot_then_recognize(outcome.record).loc["True positives", "Value"] == "0"


@pytest.mark.parametrize("split", ["fresh", "loso"])
def test_nobody_is_scored_by_a_network_that_learnt_from_them_or_looks_at_the_held_out(split):
    _, folds = open_data(parameters(split=split))
    for fold in folds:
        held_out = {video.subject for video in fold.test}
        scored = []
        for learnt, clips, videos in inner_folds(fold, seed=3):
            seen = {video.subject for video in learnt + clips}
            scored += [(video.subject, video.name) for video in videos]
            assert learnt and clips and videos
            assert not seen & {video.subject for video in videos}
            assert not (seen | {video.subject for video in videos}) & held_out
        assert sorted(scored) == sorted((video.subject, video.name) for video in fold.train)


def test_a_single_training_subject_is_too_few_to_choose_on():
    _, (fold,) = open_data(parameters())
    alone = replace(fold, train=fold.train[:1])
    with pytest.raises(ValueError, match="rule='strict'.*needs two, got 1"):
        inner_folds(alone, seed=0)


def score(seed=0, n=300):
    rng = np.random.default_rng(seed)
    bumps = sum(np.exp(-(((np.arange(n) - centre) / 14) ** 2)) for centre in (60, 150, 240))
    return (0.9 * bumps + 0.02 * rng.random(n)).astype(np.float32)


def test_the_released_rules_are_those_of_the_papers():
    rule = released_rule(parameters(), k_p=6)
    assert rule.as_record() == {"k_p": 6, "p": 0.55}
    found = rule.positions(score())
    np.testing.assert_array_equal(found, mean_intervals(score(), k_p=6, p=0.55))
    np.testing.assert_array_equal(rule.heights(score(), found), box_smooth(score(), 12)[found[:, 1]])
    rule = released_rule(parameters(model="sfamnet"), k_p=6)
    found = rule.positions(score())
    assert len(found) == 3 and rule.frame_skip == 2
    np.testing.assert_array_equal(found, sfamnet_intervals(score()[::2], MICRO))
    centres = found[:, 1] * rule.frame_skip
    assert np.abs(centres - [60, 150, 240]).max() <= 6, "positions times the frame skip are frames"


def test_of_a_clip_with_one_expression_mean_keeps_the_highest_peak(tmp_path):
    rule = released_rule(study.Parameters(dataset="smic_hs", data_root=str(tmp_path)), k_p=6)
    ((_, apex, _),) = rule.positions(score())
    smooth = box_smooth(score(), 12)
    assert smooth[apex] == smooth.max() and rule.as_record()["keep"] == "max"


def test_intervals_that_are_one_once_clipped_count_once():
    """Two peaks of a short clip, each widened beyond both of its ends."""

    class Answers:
        readers = (SimpleNamespace(parameters=parameters()),)

        def score_frames(self, video):
            peaks = np.zeros(20, np.float32)
            peaks[[4, 14]] = 0.9, 1.0
            return peaks, np.full((20, 4), 0.25)

    video = SimpleNamespace(subject="s1", name="v1", n_frames=21)
    rule = Rule("mean", "strict", {"k_p": 1, "threshold": 0.1})
    wide = SimpleNamespace(
        positions=lambda given: rule.positions(given) + np.array([-30, 0, 30]),
        names=rule.names,
        heights=rule.heights,
        frame_skip=1,
    )
    _, found = chain.spot(Answers(), video, rule=wide)
    assert found[["onset", "apex", "offset"]].to_numpy().tolist() == [[0, 14, 20]]


def test_any_network_can_be_run_under_any_rule():
    assert parameters(model="sfamnet").finder == "sfamnet"
    assert released_rule(parameters(model="sfamnet", intervals_by="mean"), k_p=6).name == "mean"
    assert released_rule(parameters(intervals_by="sfamnet"), k_p=6).name == "sfamnet"


def test_a_record_of_constants_can_be_written_as_json():
    rule = Rule("sfamnet", "strict", {"rule": replace(MICRO, max_mean=np.inf, max_video_mean=np.inf)})
    kept = json.loads(json.dumps(rule.as_record(), allow_nan=False))
    assert kept["max_mean"] is None and kept["threshold"] == 0.576


def test_hits_are_counted_one_to_one():
    truth = np.array([[10, 19], [40, 49]])
    assert hits(truth, np.array([[10, 19], [11, 20], [70, 79]])) == 1
    assert hits(truth, np.array([[10, 19], [42, 51]])) == 2
    assert hits(truth, np.empty((0, 2), int)) == hits(np.empty((0, 2), int), truth) == 0


def test_shuffled_frames_keep_their_targets_and_the_neutral_ones_their_label():
    targets = np.array([0, 1, 1, 1, 0, 1], np.float32)
    labels = np.array([4, 0, 1, 2, 4, 3])
    samples = SpottingSamples(np.zeros((6, 3, 42, 42), np.float32), targets, labels, 5, ())
    dealt = samples.shuffled(np.random.default_rng(2))
    assert dealt.frame_labels[[0, 4]].tolist() == [4, 4]
    assert sorted(dealt.frame_labels) == sorted(labels) and dealt.frame_labels.tolist() != labels.tolist()
    assert dealt.targets is targets and labels.tolist() == [4, 0, 1, 2, 4, 3]
