"""IoU and the matchings, against enumeration and by hand."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from melib.errors import InputError
from melib.metrics import intervals


def table(rows):
    return pd.DataFrame(rows, columns=["subject", "video", "onset", "offset"]).astype({"onset": int, "offset": int})


def interval_lists(most: int = 5):
    interval = st.tuples(st.integers(0, 1), st.integers(0, 14), st.integers(1, 12))
    return st.lists(interval, max_size=most, unique=True).map(
        lambda rows: table([("s", f"v{video}", onset, onset + length - 1) for video, onset, length in rows])
    )


def frames_in(row) -> set:
    return {(row.subject, row.video, frame) for frame in range(row.onset, row.offset + 1)}


def iou_of_sets(a, b) -> float:
    return len(frames_in(a) & frames_in(b)) / len(frames_in(a) | frames_in(b))


def best_by_enumeration(truth, predictions) -> tuple[int, float]:
    """Largest number of pairs and, for it, largest total IoU, by trying every assignment."""
    allowed = [
        [None] + [(j, iou_of_sets(t, p)) for j, p in enumerate(predictions.itertuples()) if iou_of_sets(t, p) >= 0.5]
        for t in truth.itertuples()
    ]
    best = (0, 0.0)
    for choice in product(*allowed):
        pairs = [pair for pair in choice if pair is not None]
        if len({j for j, _ in pairs}) == len(pairs):
            best = max(best, (len(pairs), round(sum(value for _, value in pairs), 9)))
    return best


def test_iou_counts_both_end_frames():
    assert intervals.iou(0, 9, 0, 9) == 1
    assert intervals.iou(0, 9, 10, 19) == 0
    assert intervals.iou(0, 9, 9, 18) == pytest.approx(1 / 19)
    assert intervals.iou(0, 9, 0, 19) == 0.5
    np.testing.assert_allclose(intervals.iou([0, 5], [9, 14], 5, 14), [5 / 15, 1])


@settings(max_examples=50, deadline=None, derandomize=True)
@given(interval_lists(), interval_lists())
def test_every_pair_agrees_with_counting_frames(truth, predictions):
    found = intervals.match(truth, predictions, how="every-pair")
    wanted = {
        (i, j): iou_of_sets(t, p)
        for i, t in enumerate(truth.itertuples())
        for j, p in enumerate(predictions.itertuples())
        if iou_of_sets(t, p) >= 0.5
    }
    assert (
        dict(zip(zip(found.truth.tolist(), found.prediction.tolist(), strict=True), found.iou, strict=True)) == wanted
    )


@settings(max_examples=50, deadline=None, derandomize=True)
@given(interval_lists(), interval_lists())
def test_one_to_one_is_the_best_of_all_assignments(truth, predictions):
    found = intervals.match(truth, predictions)
    assert len(set(found.truth)) == len(set(found.prediction)) == len(found)
    assert (len(found), round(float(found.iou.sum()), 9)) == best_by_enumeration(truth, predictions)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(interval_lists(8), interval_lists(8))
def test_one_to_one_finds_at_least_as_many_as_greedy_claims(truth, predictions):
    strict = len(intervals.match(truth, predictions))
    for how in ("best-iou", "next-best"):
        greedy = intervals.match(truth, predictions, how=how)
        assert len(set(greedy.truth)) == len(set(greedy.prediction)) == len(greedy)
        assert len(greedy) <= strict


def test_a_further_pair_is_worth_more_than_a_better_overlap():
    # Two exact pairs (total IoU 2), or three loose ones (1/2 + 4/7 + 1/2): the three win.
    truth = table([("s", "v", 0, 9), ("s", "v", 2, 13), ("s", "v", 8, 13)])
    predictions = table([("s", "v", 0, 4), ("s", "v", 0, 9), ("s", "v", 2, 13)])
    found = intervals.match(truth, predictions)
    assert sorted(zip(found.truth, found.prediction, strict=True)) == [(0, 0), (1, 1), (2, 2)]
    assert found.iou.sum() == pytest.approx(0.5 + 8 / 14 + 0.5)


def test_the_matchings_differ_where_one_prediction_serves_two_truths():
    # Two short truths side by side, one prediction over both; it overlaps each by exactly one half.
    truth = table([("s", "v", 0, 9), ("s", "v", 10, 19)])
    predictions = table([("s", "v", 0, 19)])
    counts = {how: len(intervals.match(truth, predictions, how=how)) for how in intervals.MATCHINGS}
    assert counts == {"one-to-one": 1, "best-iou": 1, "next-best": 1, "every-pair": 2, "first-come": 2}


def test_the_matchings_differ_where_two_predictions_prefer_the_same_truth():
    truth = table([("s", "v", 0, 9), ("s", "v", 3, 14)])
    # Both predictions overlap the first truth most; the second one also reaches the other truth.
    predictions = table([("s", "v", 0, 9), ("s", "v", 1, 10)])
    counts = {how: len(intervals.match(truth, predictions, how=how)) for how in intervals.MATCHINGS}
    assert counts == {"one-to-one": 2, "best-iou": 1, "next-best": 2, "every-pair": 3, "first-come": 2}


def test_intervals_of_other_subjects_videos_and_kinds_are_never_paired():
    truth = table([("s", "v", 0, 9)]).assign(kind="micro")
    for other in ({"subject": "t"}, {"video": "w"}, {"kind": "macro"}):
        assert len(intervals.match(truth, truth.assign(**other))) == 0
    assert len(intervals.match(truth, truth)) == 1


def test_evaluate_counts_pairs_misses_and_false_intervals():
    truth = table([("s", "v", 0, 9), ("s", "v", 50, 59)])
    predictions = table([("s", "v", 0, 4), ("s", "v", 80, 89), ("s", "w", 0, 9)])
    assert intervals.evaluate(truth, predictions) == {"tp": 1, "fp": 2, "fn": 1, "mean_iou": 0.5}


def test_bad_arguments_are_refused_by_name():
    some = table([("s", "v", 0, 9)])
    with pytest.raises(InputError, match="unknown matching 'hungarian'"):
        intervals.match(some, some, how="hungarian")
    for threshold in (0, 1.5, -0.1):
        with pytest.raises(InputError, match="IoU threshold"):
            intervals.match(some, some, threshold=threshold)
    with pytest.raises(InputError, match="ends before it begins"):
        intervals.iou(5, 4, 0, 1)
