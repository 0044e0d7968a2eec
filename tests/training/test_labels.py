"""Pseudo-labels and splits, against cases worked out by hand."""

import numpy as np
import pytest
from refusing import refused

from melib.training import downsample_negatives, group_folds, half_length, loso, sfamnet_labels, spotting_targets
from melib.video import EMOTIONS_4, SEVEN_TO_FOUR, Expression


def micro(onset, apex, offset, emotion="happy"):
    return Expression(onset=onset, apex=apex, offset=offset, emotion=emotion)


def test_a_frame_is_positive_if_its_window_overlaps_a_micro_expression_at_any_stride_and_order():
    # [i, i + 4) meets [10, 14] for i = 7 (frames 7..10) to i = 14.
    targets = spotting_targets(np.arange(30), [micro(10, 12, 14)], k_p=4)
    assert targets.dtype == np.float32
    assert np.flatnonzero(targets).tolist() == list(range(7, 15))
    expressions = [micro(5, 8, 11), micro(9, 12, 20), micro(40, 40, 40)]
    covered = {frame for e in expressions for frame in range(e.onset, e.offset + 1)}
    frames = np.random.default_rng(0).permutation(np.arange(0, 60, 3))
    for k_p in (1, 6, 17):
        expected = [float(bool(covered & set(range(i, i + k_p)))) for i in frames]
        assert spotting_targets(frames, expressions, k_p=k_p).tolist() == expected


def test_macro_expressions_are_negative_for_both_networks():
    macro = [Expression(onset=3, apex=6, offset=20, kind="macro")]
    assert not spotting_targets(np.arange(30), macro, k_p=5).any()
    targets, labels = sfamnet_labels(np.arange(30), macro, EMOTIONS_4)
    assert not targets.any() and (labels == 4).all()


def test_k_p_is_half_the_mean_inclusive_length_rounded_down():
    # Lengths 13 and 14: mean 13.5, half 6.75.
    assert half_length([micro(0, 5, 12), micro(20, 25, 33)]) == 6
    assert half_length([micro(4, 4, 4)]) == 1
    long = Expression(onset=0, apex=9, offset=99, kind="macro")
    assert half_length([micro(0, 5, 12), long]) == 6
    refused("none was given", half_length, [long], kind=ValueError)


def test_sfamnet_labels_the_second_half_of_the_rise_and_needs_an_apex_and_a_known_emotion():
    # In units of two frames: onset 10, apex 15, so units 12 to 15, frames 24 to 31.
    more = {"merge": SEVEN_TO_FOUR, "frame_skip": 2}
    targets, labels = sfamnet_labels(np.arange(50), [micro(20, 30, 44, "fear")], EMOTIONS_4, **more)
    assert np.flatnonzero(targets).tolist() == list(range(24, 32))
    assert (labels[24:32] == EMOTIONS_4.index("negative")).all()
    assert (np.delete(labels, range(24, 32)) == 4).all()
    refused("need an apex", sfamnet_labels, np.arange(9), [Expression(onset=1, offset=5, emotion="happy")], EMOTIONS_4)
    with pytest.raises(ValueError, match="'fear' is not among the classes negative, positive"):
        sfamnet_labels(np.arange(9), [micro(1, 3, 5, "fear")], EMOTIONS_4)


def test_down_sampling_keeps_every_positive_and_the_ratio():
    targets = np.zeros(1000, np.float32)
    targets[100:120] = 1
    rows = downsample_negatives(targets, 5, 3)
    assert len(rows) == 120 and (np.diff(rows) > 0).all()
    assert targets[rows].sum() == 20
    few = downsample_negatives(targets[90:130], 5, 3)
    assert few.tolist() == list(range(40)), "all negatives where there are fewer"
    refused("none of the 50", downsample_negatives, targets[:50], 5, 3, kind=ValueError)


def test_folds_leave_each_subject_out_once_and_follow_the_seed():
    folds = list(loso(["b", "a", "b", "c", "a"]))
    assert [test for _, test in folds] == [("b",), ("a",), ("c",)]
    assert folds[1][0] == ("b", "c")
    subjects = [f"s{i}" for i in range(11)]
    folds = list(group_folds(subjects, 3, seed=1))
    assert sorted(sum((test for _, test in folds), ())) == sorted(subjects)
    assert sorted(len(test) for _, test in folds) == [3, 4, 4]
    assert all(not set(train) & set(test) and len(train) + len(test) == 11 for train, test in folds)
    assert folds == list(group_folds(subjects, 3, seed=1))
    assert folds != list(group_folds(subjects, 3, seed=2))
    for few in (loso(["a", "a"]), group_folds(["a", "b"], 3, seed=0)):
        refused("at least [23] subjects", list, few, kind=ValueError)
