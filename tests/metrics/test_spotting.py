import numpy as np
import pandas as pd
import pytest
import sklearn.metrics as peer
from refusing import refused

from melib.errors import InputError
from melib.metrics import spotting


def table(rows, last="kind"):
    return pd.DataFrame(rows, columns=["subject", "video", "onset", "offset", last])


ONE = table([("s", "v", 0, 9, "micro")])


def test_macro_expressions_leave_both_tables():
    truth = table([("s", "v", 0, 9, "micro"), ("s", "v", 50, 99, "macro"), ("s", "w", 0, 9, "micro")])
    predictions = table([("s", "v", 0, 9, "micro"), ("s", "v", 50, 99, "micro"), ("s", "w", 40, 99, "macro")])
    scores = spotting.evaluate(truth, predictions)
    assert [scores[f"{key}_micro"] for key in ("tp", "fp", "fn")] == [1, 1, 1]
    assert scores["f1_micro"] == 0.5


def test_average_precision_falls_with_the_threshold_and_is_the_same_in_any_order_of_rows_of_equal_score():
    predictions = table([("s", "v", 0, 12, 1.0)], "score")  # IoU 10/13 = 0.77: right at six of the ten thresholds
    assert spotting.average_precision(ONE, predictions) == pytest.approx({"ap_50": 1.0, "ap_50_95": 0.6})
    truth = table([("s", f"v{i}", 0, 9, "micro") for i in range(4)])
    predictions = table([("s", f"v{i}", at, at + 9, 0.5) for at in (0, 50) for i in range(3)], "score")
    there = spotting.average_precision(truth, predictions)
    assert there == spotting.average_precision(truth, predictions[::-1])
    assert there["ap_50"] == pytest.approx(3 / 6 * 3 / 4)


def test_average_precision_agrees_with_a_plain_implementation_on_random_rankings():
    rng = np.random.default_rng(5)
    truth = table([("s", f"v{i}", 0, 9, "micro") for i in range(8)])
    for _ in range(10):
        rows = [("s", f"v{i}", *((0, 9) if rng.random() < 0.6 else (60, 69)), rng.random()) for i in range(8)]
        predictions = table(rows, "score").sort_values("score", ascending=False)
        hits = (predictions.onset == 0).to_numpy()
        precision = np.cumsum(hits) / np.arange(1, 9)
        area = sum(precision[i:].max() / 8 for i in range(8) if hits[i])
        # All hits are exact, so every threshold agrees.
        found = spotting.average_precision(truth, predictions.sample(frac=1, random_state=0))
        assert found == pytest.approx({"ap_50": area, "ap_50_95": area})


def test_without_scores_average_precision_is_not_invented_but_follows_the_rows_under_protocol_mean():
    assert np.isnan(spotting.evaluate(ONE, ONE)["ap_50_micro"])
    refused("add a column 'score'", spotting.average_precision, ONE, ONE)
    two = pd.concat([ONE, table([("s", "v", 50, 59, "micro")])])
    assert spotting.average_precision(ONE, two, protocol="mean")["ap_50"] == 1
    assert spotting.average_precision(ONE, two[::-1], protocol="mean")["ap_50"] == 0.5


@pytest.fixture
def ranked_frames():
    rng = np.random.default_rng(2)
    micro = [("1", "v", 10, 19, "micro"), ("1", "v", 15, 30, "micro"), ("2", "v", 40, 49, "micro")]
    frames = {"subject": np.repeat([1, 2, 3], 60), "video": "v", "frame": np.tile(np.arange(60), 3)}
    return table([*micro, ("2", "v", 0, 5, "macro")]), pd.DataFrame(frames | {"score": rng.integers(0, 9, 180)})


def test_frames_of_micro_expressions_are_positive_and_metrics_of_frames_agree_with_scikit_learn(ranked_frames):
    truth, scores = ranked_frames
    scores = scores.sample(frac=1, random_state=0)
    inside = scores[spotting.frame_labels(truth, scores)].sort_values("frame").groupby("subject")["frame"].agg(list)
    assert inside.to_dict() == {1: list(range(10, 31)), 2: list(range(40, 50))}
    truth, scores = ranked_frames
    tally, labels = spotting.tally_frames(truth, scores), spotting.frame_labels(truth, scores)
    area = spotting.roc_auc_frames(truth, scores)
    assert area == pytest.approx(peer.roc_auc_score(labels, scores.score))
    average = tally.scores()["average_precision_frames"]
    assert average == pytest.approx(peer.average_precision_score(labels, scores.score))
    repeats = scores.subject.map({1: 1, 2: 2, 3: 0})
    weighted = peer.roc_auc_score(np.repeat(labels, repeats), np.repeat(scores.score, repeats))
    assert tally.scores(np.array([[1, 2, 0], [1, 1, 1]]))["roc_auc_frames"] == pytest.approx([weighted, area])


def test_what_cannot_be_scored_is_refused_by_name(ranked_frames):
    truth, scores = ranked_frames
    refused("no scored frame lies in a true micro-expression", spotting.roc_auc_frames, truth[:0], scores)
    with pytest.raises(InputError, match="frame 0 of 1/v is scored twice"):
        spotting.roc_auc_frames(truth, pd.concat([scores, scores[:1]], ignore_index=True))
    refused("unknown protocol 'soft'", spotting.evaluate, truth, truth, protocol="soft")
