"""Spotting metrics: counts, average precision, and the ranking of frames."""

import numpy as np
import pandas as pd
import pytest
import sklearn.metrics as peer

from melib.errors import InputError
from melib.metrics import spotting


def table(rows, columns=("subject", "video", "onset", "offset", "kind")):
    return pd.DataFrame(rows, columns=list(columns))


def test_macro_expressions_leave_both_tables():
    truth = table([("s", "v", 0, 9, "micro"), ("s", "v", 50, 99, "macro"), ("s", "w", 0, 9, "micro")])
    predictions = table([("s", "v", 0, 9, "micro"), ("s", "v", 50, 99, "micro"), ("s", "w", 40, 99, "macro")])
    scores = spotting.evaluate(truth, predictions)
    assert [scores[f"{key}_micro"] for key in ("tp", "fp", "fn")] == [1, 1, 1]
    assert scores["f1_micro"] == 0.5


def scored(rows):
    return table(rows, ("subject", "video", "onset", "offset", "score"))


def test_average_precision_of_a_hand_made_ranking():
    truth = table([("s", "v", 0, 9, "micro"), ("s", "v", 50, 59, "micro")])
    predictions = scored([("s", "v", 0, 9, 0.9), ("s", "v", 20, 29, 0.8), ("s", "v", 50, 59, 0.7)])
    # Recall 1/2 at precision 1, then recall 1 at precision 2/3; all hits are exact, so every threshold agrees.
    assert spotting.average_precision(truth, predictions) == pytest.approx({"ap_50": 5 / 6, "ap_50_95": 5 / 6})


def test_average_precision_falls_with_the_threshold():
    truth = table([("s", "v", 0, 9, "micro")])
    predictions = scored([("s", "v", 0, 12, 1.0)])  # IoU 10/13 = 0.77: right at six of the ten thresholds
    assert spotting.average_precision(truth, predictions) == pytest.approx({"ap_50": 1.0, "ap_50_95": 0.6})


def test_average_precision_does_not_depend_on_the_order_of_rows_of_equal_score():
    truth = table([("s", f"v{i}", 0, 9, "micro") for i in range(4)])
    rows = [("s", f"v{i}", 0, 9, 0.5) for i in range(3)] + [("s", f"v{i}", 50, 59, 0.5) for i in range(3)]
    there = spotting.average_precision(truth, scored(rows))
    assert there == spotting.average_precision(truth, scored(rows[::-1]))
    assert there["ap_50"] == pytest.approx(3 / 6 * 3 / 4)


def test_average_precision_agrees_with_a_plain_implementation_on_random_rankings():
    rng = np.random.default_rng(5)
    for _ in range(20):
        truth = table([("s", f"v{i}", 0, 9, "micro") for i in range(8)])
        rows = [("s", f"v{i}", *((0, 9) if rng.random() < 0.6 else (60, 69)), rng.random()) for i in range(8)]
        predictions = scored(rows).sort_values("score", ascending=False)
        hits = (predictions.onset == 0).to_numpy()
        precision = np.cumsum(hits) / np.arange(1, 9)
        area = sum(precision[i:].max() / 8 for i in range(8) if hits[i])
        assert spotting.average_precision(truth, predictions)["ap_50"] == pytest.approx(area)


def test_without_scores_average_precision_is_not_invented():
    truth = table([("s", "v", 0, 9, "micro")])
    assert np.isnan(spotting.evaluate(truth, truth)["ap_50_micro"])
    with pytest.raises(InputError, match="add a column 'score'"):
        spotting.average_precision(truth, truth)
    assert spotting.evaluate(truth, truth, protocol="mean")["ap_50_micro"] == 1


def test_under_protocol_mean_average_precision_follows_the_order_of_rows():
    truth = table([("s", "v", 0, 9, "micro")])
    first = table([("s", "v", 0, 9, "micro"), ("s", "v", 50, 59, "micro")])
    assert spotting.average_precision(truth, first, protocol="mean")["ap_50"] == 1
    assert spotting.average_precision(truth, first[::-1], protocol="mean")["ap_50"] == 0.5


@pytest.fixture
def ranked_frames():
    rng = np.random.default_rng(2)
    micro = [("1", "v", 10, 19, "micro"), ("1", "v", 15, 30, "micro"), ("2", "v", 40, 49, "micro")]
    frames = {"subject": np.repeat([1, 2, 3], 60), "video": "v", "frame": np.tile(np.arange(60), 3)}
    return table([*micro, ("2", "v", 0, 5, "macro")]), pd.DataFrame(frames | {"score": rng.integers(0, 9, 180)})


def test_frames_from_onset_to_offset_of_micro_expressions_are_positive(ranked_frames):
    truth, scores = ranked_frames
    labels = spotting.frame_labels(truth, scores.sample(frac=1, random_state=0))
    inside = scores.sample(frac=1, random_state=0)[labels]
    assert sorted(inside[inside.subject == 1].frame) == list(range(10, 31))
    assert sorted(inside[inside.subject == 2].frame) == list(range(40, 50))
    assert not (inside.subject == 3).any()


def test_frame_metrics_agree_with_scikit_learn(ranked_frames):
    truth, scores = ranked_frames
    labels = spotting.frame_labels(truth, scores)
    assert spotting.roc_auc_frames(truth, scores) == pytest.approx(peer.roc_auc_score(labels, scores.score))
    average = spotting.tally_frames(truth, scores).scores()["average_precision_frames"]
    assert average == pytest.approx(peer.average_precision_score(labels, scores.score))
    fpr, tpr, _ = spotting.roc_curve_frames(truth, scores)
    assert peer.auc(fpr, tpr) == pytest.approx(spotting.roc_auc_frames(truth, scores))


def test_weights_of_a_frame_tally_repeat_subjects(ranked_frames):
    truth, scores = ranked_frames
    weights = spotting.tally_frames(truth, scores).scores(np.array([[1, 2, 0], [1, 1, 1]]))
    labels = spotting.frame_labels(truth, scores)
    repeats = scores.subject.map({1: 1, 2: 2, 3: 0})
    weighted = peer.roc_auc_score(np.repeat(labels, repeats), np.repeat(scores.score, repeats))
    assert weights["roc_auc_frames"][0] == pytest.approx(weighted)
    assert weights["roc_auc_frames"][1] == pytest.approx(spotting.roc_auc_frames(truth, scores))


def test_what_cannot_be_scored_is_refused_by_name(ranked_frames):
    truth, scores = ranked_frames
    with pytest.raises(InputError, match="no scored frame lies in a true micro-expression"):
        spotting.roc_auc_frames(truth[:0], scores)
    with pytest.raises(InputError, match="frame 0 of 1/v is scored twice"):
        spotting.roc_auc_frames(truth, pd.concat([scores, scores[:1]], ignore_index=True))
    with pytest.raises(InputError, match="unknown protocol 'soft'"):
        spotting.evaluate(truth, truth, protocol="soft")
