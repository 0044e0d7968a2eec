"""Rules from scores to intervals, on sequences worked out by hand."""

from dataclasses import replace

import numpy as np
import pytest
from refusing import refused

from melib.spotting import MACRO, MICRO, mean_intervals, mean_intervals_strict, name_intervals, sfamnet_intervals
from melib.spotting.smoothing import box_smooth, centred_smooth, per_frame


def bump(n, centre, height=1.0, half=5):
    """A triangle of a height, zero from ``half`` frames beside its centre."""
    return height * np.clip(1 - np.abs(np.arange(n) - centre) / half, 0, None)


def test_box_smoothing_is_numpys_convolution_and_level_where_the_score_is_and_centred_smoothing_a_mean():
    rng = np.random.default_rng(0)
    for n, width in ((100, 14), (100, 7), (9, 14), (1, 5), (14, 14)):
        score = rng.random(n, np.float32)
        expected = np.convolve(score.astype(float), np.ones(width) / width, "same")
        np.testing.assert_allclose(box_smooth(score, width), expected, rtol=1e-12)
    # Windows with the same scores in another order: rounding would tell them apart.
    score = np.resize(rng.random(12, np.float32), 60)
    assert len(set(box_smooth(score, 12)[6:-6])) == 1
    np.testing.assert_allclose(centred_smooth([0, 0, 3, 0, 0], 1), [0, 1, 1, 1, 0])
    np.testing.assert_allclose(centred_smooth([8.0, 2.0, 2.0, 2.0], 2), [4, 3.5, 3.5, 2])
    np.testing.assert_allclose(centred_smooth([7.0] * 3, 9), [7] * 3)


def test_peaks_become_intervals_of_k_p_to_both_sides():
    score = bump(100, 30) + bump(100, 70, 0.9)
    # Smoothed over 6 frames the even box moves a peak to 30 or 31; both peaks are above 55 % of the way to the top.
    intervals = mean_intervals(score, k_p=3)
    assert intervals.dtype == np.int64 and (np.diff(intervals, axis=1) == 3).all()
    assert intervals[:, 1] == pytest.approx([30, 70], abs=1)
    assert mean_intervals(score, k_p=3, keep="max").tolist() == intervals[:1].tolist()


def test_threshold_lies_p_of_the_way_from_mean_to_maximum():
    score = np.zeros(200)
    score[50:60], score[150:160] = 10, 6  # boxes of the smoothing's own width: the smoothed tops are 10 and 6
    smooth = box_smooth(score, 10)
    share = (6 - smooth.mean()) / (10 - smooth.mean())
    assert len(mean_intervals(score, k_p=5, p=share - 0.01)) == 2
    assert len(mean_intervals(score, k_p=5, p=share + 0.01)) == 1


def test_released_rule_speaks_on_an_empty_video_and_a_strict_one_may_stay_silent():
    noise = np.random.default_rng(0).normal(0, 0.01, 300)
    assert len(mean_intervals(noise, k_p=6)) > 0
    assert mean_intervals_strict(noise, k_p=6, threshold=0.5).shape == (0, 3)
    flat = np.zeros(50)
    assert mean_intervals(flat, k_p=4).shape == (0, 3)
    assert mean_intervals(flat, k_p=4, dummy=True).tolist() == [[0, 0, 0]]


def test_strict_intervals_stay_inside_the_video_and_released_ones_do_not():
    score = bump(60, 2) + bump(60, 57)
    released = mean_intervals(score, k_p=4)
    assert released[:, 0].min() < 0 or released[:, 2].max() > 59
    strict = mean_intervals_strict(score, k_p=4, threshold=0.3)
    assert len(strict) == 2 and strict.min() >= 0 and strict.max() <= 59
    # A peak may stand at the first and last frame.
    score = np.exp(-np.minimum(np.arange(80), 79 - np.arange(80)) / 5.0)
    assert mean_intervals_strict(score, k_p=3, threshold=0.4)[:, 1].tolist() == [0, 79]


def test_scores_at_a_stride_are_interpolated_to_every_frame():
    filled = per_frame(np.array([0.0, 3.0, 6.0], np.float32), np.array([1, 4, 5]), 8)
    np.testing.assert_allclose(filled, [0, 0, 1, 2, 3, 6, 6, 6])
    assert filled.dtype == np.float32
    logits = per_frame(np.array([[0.0, 8.0], [4.0, 0.0]]), np.array([0, 4]), 5)
    np.testing.assert_allclose(logits, [[0, 8], [1, 6], [2, 4], [3, 2], [4, 0]])
    refused("ascend", per_frame, np.zeros(2), np.array([3, 3]), 5, kind=ValueError)


def test_votes_are_counted_over_the_span_and_ties_go_to_the_label_met_first():
    labels = np.array([9, 9, 9, 2, 1, 1, 2, 5, 5, 5])
    interval = np.array([[3, 7, 9]])
    assert name_intervals(labels, interval).tolist() == [2]  # 2 1 1 2: a tie, 2 was first
    assert name_intervals(labels, interval, span="whole").tolist() == [5]
    assert name_intervals(np.array([4, 4, 7, 7, 7]), np.array([[0, 4, 4]]), span="to_apex").tolist() == [7]
    assert name_intervals(labels, np.array([[-3, 2, 5]])).tolist() == [9], "frames before the video do not vote"
    assert name_intervals(labels, np.array([[0, 0, 4], [12, 14, 16]])).tolist() == [9, 5], "the nearest frame decides"
    assert name_intervals(labels, np.empty((0, 3), int)).shape == (0,)
    refused("before_apex, to_apex, whole", name_intervals, labels, interval, span="half", kind=ValueError)


def test_bad_input_is_named():
    for score, more, message in (
        ([0.0, np.nan], {}, "finite"),
        ([], {}, "n > 0"),
        ([0.0, 1.0], {"k_p": 0}, "at least 1 frame"),
        ([0.0, 1.0], {"keep": "best"}, "all, max"),
    ):
        refused(message, mean_intervals, score, **({"k_p": 2} | more), kind=ValueError)


def plateau(n, start, stop, height):
    """A score that is flat in the middle: what SFAMNet's rule accepts."""
    return np.where((np.arange(n) >= start) & (np.arange(n) <= stop), height, 0.0)


def test_sfamnets_rule_grows_an_interval_to_the_lowest_frame_above_the_threshold():
    # A box of 14 samples, height .9, smoothed over 14: a triangle .9 high that falls by .9/14 a sample. Its top is
    # half a box off: the frames 53..67 are .9 (1 - |i - 60| / 14) high, and above .576 up to 5 samples from the top.
    score = plateau(120, 53, 66, 0.9)
    smooth = box_smooth(score, 14)
    assert smooth.argmax() == 60
    rule = replace(MICRO, peak_shift=0, max_mean=1.0)
    assert sfamnet_intervals(score, rule).tolist() == [[55, 60, 65]]
    assert (smooth[[55, 65]] > 0.576).all() and (smooth[[54, 66]] < 0.576).all()
    shifted = sfamnet_intervals(score, replace(rule, peak_shift=-1))
    assert shifted.tolist() == [[55, 59, 65]], "the released rule takes the sample before the peak for the peak"


def test_every_filter_of_sfamnets_rule_can_silence_it():
    score, rule = plateau(120, 53, 66, 0.9), replace(MICRO, peak_shift=0, max_mean=1.0)
    assert len(sfamnet_intervals(score, rule)) == 1
    silencing = {"threshold": 0.95, "min_length": 11, "max_length": 9, "max_mean": 0.7}
    for name, value in (silencing | {"min_drop": 0.4, "max_video_mean": 0.1}).items():
        assert sfamnet_intervals(score, replace(rule, **{name: value})).shape == (0, 3), name


def test_short_macro_intervals_are_widened_inside_the_video_and_a_still_or_very_short_video_has_none():
    score, rule = plateau(60, 1, 22, 0.62), replace(MACRO, min_drop=-1.0)
    ((onset, _, offset),) = sfamnet_intervals(score, rule)
    narrow = sfamnet_intervals(score, replace(rule, widen_below=0, min_length=0))[0]
    assert (onset, offset) == (max(narrow[0] - 8, 0), narrow[2] + 8)
    assert sfamnet_intervals(np.full(200, 0.2)).shape == (0, 3)
    assert sfamnet_intervals(np.full(14, 0.9)).shape == (0, 3)
