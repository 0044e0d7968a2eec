"""Who is learnt from and who is tested, and what is learnt of their videos."""

from copy import copy
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from refusing import refused

from melib.study.data import Reader, SpottingSamples, StoredPlanes, open_data
from melib.study.rules import inner_folds
from melib.study.settings import Settings


@pytest.mark.parametrize("split", ["fresh", "loso"])
def test_nobody_is_tested_or_scored_who_was_learnt_from(split):
    _, folds = open_data(Settings(suite="sanity", tier="smoke", split=split))
    tested = []
    for fold in folds:
        learnt = {video.subject for video in fold.train + fold.train_clips}
        held_out = {video.subject for video in fold.test + fold.test_clips}
        assert learnt and held_out and not learnt & held_out
        tested += sorted(held_out)
        scored = []
        for videos, clips, others in inner_folds(fold, seed=3):
            seen = {video.subject for video in videos + clips}
            asked = {video.subject for video in others}
            assert videos and clips and others
            assert not seen & asked and not (seen | asked) & held_out
            scored += [(video.subject, video.name) for video in others]
        assert sorted(scored) == sorted((video.subject, video.name) for video in fold.train)
    assert len(tested) == len(set(tested))
    assert [len(fold.test) for fold in folds] == ([6] if split == "fresh" else [2, 2, 2])


def test_a_single_person_is_too_few_to_choose_on():
    _, (fold,) = open_data(Settings(suite="sanity", tier="smoke"))
    refused("rule='strict'.*needs two, got 1", inner_folds, replace(fold, train=fold.train[:1]), seed=0)


def test_an_expression_whose_onset_and_apex_are_one_picture_is_named_and_not_learnt_from(monkeypatch, tmp_path):
    settings = Settings(suite="sanity", tier="smoke")
    dataset, (fold,) = open_data(settings)
    monkeypatch.setattr(Reader, "planes", lambda self, video, pairs: np.zeros((len(pairs[0]), 3, 42, 42), np.float32))
    reader, clip = Reader(dataset, settings, tmp_path), copy(fold.train_clips[0])
    for picture, learnt in ((lambda frame: frame, 1), (lambda frame: 7, 0)):
        clip.source = SimpleNamespace(picture=picture)
        assert [len(reader.emotion_samples([clip], moving=some).labels) for some in (False, True)] == [1, learnt]


def test_half_length_and_targets_come_from_the_videos_that_are_learnt_from(tmp_path):
    settings = Settings(suite="sanity", tier="smoke", model="sfamnet")
    dataset, (fold,) = open_data(settings)
    samples = Reader(dataset, settings, tmp_path).spotting_samples(fold.train)
    lengths = [each.length for video in fold.train for each in video.expressions if each.kind == "micro"]
    assert samples.k_p == fold.k_p == int(np.mean(lengths) / 2)
    assert len(samples.planes) == len(samples.targets) == sum(count for *_, count in samples.videos)
    assert 0 < samples.targets.mean() < 0.5
    assert ((samples.frame_labels == 4) == (samples.targets == 0)).all()


def test_planes_of_many_videos_are_read_as_one_array():
    parts = [np.random.default_rng(i).normal(size=(i + 1, 3, 42, 42)).astype(np.float32) for i in range(5)]
    whole, joined = np.concatenate(parts), StoredPlanes([(len(p), lambda p=p: p) for p in parts])
    assert joined.shape == whole.shape and len(joined) == 15
    for rows in (np.array([14, 0, 3, 3, 7]), whole[:, 0, 0, 0] > 0, slice(2, 9), np.array([], int)):
        np.testing.assert_array_equal(joined[rows], whole[rows])


def test_shuffled_frames_keep_their_targets_and_the_neutral_ones_their_label():
    targets = np.array([0, 1, 1, 1, 0, 1], np.float32)
    labels = np.array([4, 0, 1, 2, 4, 3])
    samples = SpottingSamples(np.zeros((6, 3, 42, 42), np.float32), targets, labels, 5, ())
    dealt = samples.shuffled(np.random.default_rng(2))
    assert dealt.frame_labels[[0, 4]].tolist() == [4, 4]
    assert sorted(dealt.frame_labels) == sorted(labels) and dealt.frame_labels.tolist() != labels.tolist()
    assert dealt.targets is targets and labels.tolist() == [4, 0, 1, 2, 4, 3]
