"""IoU and the matchings, against enumeration and by hand."""

import numpy as np
import pytest
from enumerated import best_matchings, drawn, on_examples, overlaps, table
from hypothesis import given
from refusing import refused

from melib.metrics import intervals


def spans(*ends):
    return table([(1, "v", onset, offset, "a") for onset, offset in ends])


def pairs(found):
    return list(zip(found.truth.tolist(), found.prediction.tolist(), strict=True))


def test_iou_counts_both_end_frames():
    assert intervals.iou(0, 9, 0, 9) == 1
    assert intervals.iou(0, 9, 10, 19) == 0
    assert intervals.iou(0, 9, 9, 18) == pytest.approx(1 / 19)
    assert intervals.iou(0, 9, 0, 19) == 0.5
    np.testing.assert_allclose(intervals.iou([0, 5], [9, 14], 5, 14), [5 / 15, 1])


@on_examples
@given(drawn(), drawn())
def test_every_pair_agrees_with_counting_frames_and_no_assignment_or_greedy_claim_beats_one_to_one(truth, predictions):
    every = intervals.match(truth, predictions, how="every-pair")
    assert dict(zip(pairs(every), every.iou, strict=True)) == overlaps(truth, predictions)
    strict = pairs(intervals.match(truth, predictions))
    assert sorted(strict) in best_matchings(truth, predictions)
    for how in ("best-iou", "next-best"):
        greedy = intervals.match(truth, predictions, how=how)
        assert len(set(greedy.truth)) == len(set(greedy.prediction)) == len(greedy) <= len(strict)


@pytest.mark.parametrize(
    ("truth", "predictions", "counts"),
    [
        # One prediction over two short truths side by side overlaps each by exactly one half.
        (spans((0, 9), (10, 19)), spans((0, 19)), (1, 1, 1, 2, 2)),
        # Both predictions overlap the first truth most; the second one also reaches the other truth.
        (spans((0, 9), (3, 14)), spans((0, 9), (1, 10)), (2, 1, 2, 3, 2)),
    ],
    ids=["one prediction for two truths", "two predictions for one truth"],
)
def test_the_matchings_differ_where_intervals_are_contested(truth, predictions, counts):
    found = {how: len(intervals.match(truth, predictions, how=how)) for how in intervals.MATCHINGS}
    names = ("one-to-one", "best-iou", "next-best", "every-pair", "first-come")
    assert found == dict(zip(names, counts, strict=True))


def test_intervals_of_other_subjects_videos_and_kinds_are_never_paired_and_evaluate_counts_what_is_left():
    truth = spans((0, 9)).assign(kind="micro")
    for other in ({"subject": "t"}, {"video": "w"}, {"kind": "macro"}):
        assert len(intervals.match(truth, truth.assign(**other))) == 0
    assert len(intervals.match(truth, truth)) == 1
    predictions = table([(1, "v", 0, 4, "a"), (1, "v", 80, 89, "a"), (1, "w", 0, 9, "a")])
    found = intervals.evaluate(spans((0, 9), (50, 59)), predictions)
    assert found == {"tp": 1, "fp": 2, "fn": 1, "mean_iou": 0.5}


def test_bad_arguments_are_refused_by_name():
    refused("unknown matching 'hungarian'", intervals.match, spans((0, 9)), spans((0, 9)), how="hungarian")
    for threshold in (0, 1.5, -0.1):
        refused("IoU threshold", intervals.match, spans((0, 9)), spans((0, 9)), threshold=threshold)
    refused("ends before it begins", intervals.iou, 5, 4, 0, 1)
