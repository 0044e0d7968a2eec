"""STRS under its four protocols: by hand, against a second implementation, and by its properties."""

import numpy as np
import pandas as pd
import pytest
from enumerated import best_matchings, drawn, on_examples, table
from hypothesis import assume, given
from hypothesis import strategies as st
from refusing import refused

from melib.metrics import strs


def counts(scores):
    return scores["tp"], scores["fp"], scores["fn"]


def spelt_out(truth, predictions, pairs) -> dict:
    """The strict definition in sets and loops."""

    def divide(a, b):
        return a / b if b else 0.0

    named = [(truth.emotion[i], predictions.emotion[j]) for i, j in pairs]
    classes = []
    for emotion in sorted(set(truth.emotion)):
        right = sum(t == p == emotion for t, p in named)
        precision = divide(right, sum(p == emotion for _, p in named))
        recall = divide(right, sum(t == emotion for t, _ in named))
        classes.append((precision, recall, divide(2 * precision * recall, precision + recall)))
    precision, recall, uf1 = np.mean(classes, axis=0)
    tp, both = len(pairs), len(truth) + len(predictions)
    spotting, analysis = divide(2 * tp, both), divide(2 * precision * recall, precision + recall)
    return {
        "tp": tp,
        "fp": len(predictions) - tp,
        "fn": len(truth) - tp,
        "precision_spotting": divide(tp, len(predictions)),
        "recall_spotting": tp / len(truth),
        "f1_spotting": spotting,
        "precision_analysis": precision,
        "recall_analysis": recall,
        "f1_analysis": analysis,
        "uf1_analysis": uf1,
        "uar_analysis": recall,
        "strs": spotting * analysis,
        "false_positives_per_minute": np.nan,
        "f1_named": divide(2 * sum(t == p for t, p in named), both),
    }


@on_examples
@given(drawn(least=1), drawn())
def test_strict_agrees_with_the_definition_spelt_out_over_all_matchings(truth, predictions):
    scores = strs.evaluate(truth, predictions)
    wanted = [spelt_out(truth, predictions, pairs) for pairs in best_matchings(truth, predictions)]
    assert any(scores == pytest.approx(one, nan_ok=True) for one in wanted)


@on_examples
@given(drawn(least=1), drawn(least=1), st.integers(0, 999))
def test_the_order_of_rows_changes_nothing(truth, predictions, seed):
    scores = strs.evaluate(truth, predictions)
    again = strs.evaluate(*(part.sample(frac=1, random_state=seed) for part in (truth, predictions)))
    assert counts(scores) == counts(again)
    assume(len(best_matchings(truth, predictions)) == 1)  # exact ties in IoU go to the earlier row, by definition
    assert scores == pytest.approx(again, nan_ok=True)


def test_truths_of_no_scored_emotion_are_not_analysed_and_one_that_never_occurs_counts_0_under_strict_alone():
    truth = table([(1, "v", 0, 9, "a"), (1, "v", 50, 59, "others")])
    predictions = truth.assign(emotion="a")
    every, scored = strs.evaluate(truth, predictions), strs.evaluate(truth, predictions, emotions=["a"])
    unlabelled = strs.evaluate(truth.assign(emotion=["a", None]), predictions)
    assert every["tp"] == scored["tp"] == unlabelled["tp"] == 2
    assert (every["precision_analysis"], scored["precision_analysis"]) == (0.25, 1)
    assert (unlabelled["uf1_analysis"], unlabelled["f1_named"]) == (1, 0.5)
    truth = table([(1, "v", 0, 9, "a")])
    assert strs.evaluate(truth, truth, emotions=["a", "b"])["uf1_analysis"] == 0.5
    assert strs.evaluate(truth, truth, emotions=["a", "b"], protocol="mean")["uf1_analysis"] == 1


def test_deleting_misnamed_hits_raises_strs_while_true_positives_and_f1_of_spotting_fall():
    truth = table([(s, "v", 0, 9, e) for s, e in enumerate("aaabbb")])
    found = truth.assign(emotion=list("aabbba"))
    honest, trimmed = strs.evaluate(truth, found), strs.evaluate(truth, found[truth.emotion == found.emotion])
    assert trimmed["strs"] > honest["strs"]
    assert (honest["tp"], trimmed["tp"]) == (6, 4)
    assert trimmed["f1_spotting"] < honest["f1_spotting"]
    assert (honest["f1_named"], trimmed["f1_named"]) == pytest.approx((2 * 4 / 12, 2 * 4 / 10))


def test_false_positives_per_minute_count_silent_videos():
    truth = table([(1, "v", 0, 9, "a")])
    predictions = table([(1, "v", 30, 39, "a"), (2, "w", 30, 39, "a")])
    videos = pd.DataFrame({"subject": [1, 2, 3], "video": ["v", "w", "x"], "frames": [1800, 1800, 7200]})
    videos["fps"] = [30.0, 30.0, 60.0]
    for listed, rate in ((videos, 2 / 4), (None, np.nan), (videos[:1], np.nan)):
        scores = strs.evaluate(truth, predictions, videos=listed)
        assert scores["false_positives_per_minute"] == pytest.approx(rate, nan_ok=True)


def test_the_released_script_skips_silent_subjects_and_videos_without_truth_and_calls_mean_precision_uar():
    truth = table([(1, "v", 0, 9, "a"), (2, "v", 0, 9, "b")])
    predictions = table([(1, "v", 0, 9, "a"), (1, "w", 0, 9, "a")])
    assert counts(strs.evaluate(truth, predictions)) == (1, 1, 1)
    assert counts(strs.evaluate(truth, predictions, protocol="strs-metric")) == (1, 0, 0)
    truth = table([(1, f"v{i}", 0, 9, emotion) for i, emotion in enumerate("aaab")])
    predictions = truth.assign(emotion=list("aabb"))
    # Recalls 2/3 and 1, precisions 1 and 1/2.
    assert strs.evaluate(truth, predictions)["uar_analysis"] == pytest.approx(5 / 6)
    assert strs.evaluate(truth, predictions, protocol="strs-metric")["uar_analysis"] == pytest.approx(3 / 4)


def test_the_released_script_gives_a_class_that_all_pairs_hold_nothing_and_prints_no_number_without_pairs():
    truth = table([(1, "v", 0, 9, "a"), (1, "w", 0, 9, "a"), (1, "w", 50, 59, "b")])
    scores = strs.evaluate(truth, truth[:2], protocol="strs-metric")
    assert (scores["precision_analysis"], scores["recall_analysis"], scores["uf1_analysis"]) == (0, 0, 0)
    assert np.isnan(scores["strs"])
    assert strs.evaluate(truth, truth[:2])["uf1_analysis"] == 0.5
    scores = strs.evaluate(truth[:1], truth[:1].assign(onset=50, offset=59), protocol="strs-metric")
    assert counts(scores) == (0, 1, 1)
    assert np.isnan([scores[key] for key in strs.KEYS[3:12]]).all()


def test_sfamnet_s_soft_matching_can_find_more_than_there_is_and_skips_double_hits():
    truth = table([(1, "v", 0, 9, "a"), (1, "v", 10, 19, "b"), (1, "w", 0, 9, "a")])
    predictions = table([(1, "v", 0, 19, "a"), (1, "w", 0, 9, "a"), (1, "w", 0, 8, "a")])
    scores = strs.evaluate(truth, predictions, protocol="sfamnet")
    assert counts(scores) == (4, 0, -1)
    # Of the four pairs the double hit is not analysed: class b leaves the mean, class a is right twice.
    assert (scores["precision_analysis"], scores["recall_analysis"]) == (1, 1)


def test_per_class_rows_add_up_to_the_analysed_pairs(tables):
    rows, scores = strs.per_class(*tables), strs.evaluate(*tables)
    assert rows.index.tolist() == sorted(set(tables[0].emotion))
    assert (rows.tp + rows.fn).sum() == (rows.tp + rows.fp).sum() == scores["tp"]
    means = rows.recall.mean(), rows.f1.mean()
    assert means == pytest.approx((scores["uar_analysis"], scores["uf1_analysis"]))


def test_a_tally_adds_up_to_evaluate_and_its_weights_repeat_subjects(tables, videos):
    tally = strs.tally(*tables, videos=videos)
    assert tally.subjects == tuple(sorted(str(s) for s in set(videos.subject)))
    weights = np.array([2.0 if subject == "3" else 1.0 for subject in tally.subjects])
    twins = [pd.concat([part, part[part.subject == 3].assign(subject="twin")]) for part in (*tables, videos)]
    twice = strs.evaluate(*twins[:2], videos=twins[2])
    assert {key: float(value) for key, value in tally.scores(weights).items()} == pytest.approx(twice)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"protocol": "coco"}, "unknown protocol 'coco'.*strict, strs-metric, mean, sfamnet"),
        ({"emotions": ["a", "a"]}, "named twice"),
        ({"emotions": "ab"}, "sequence of names"),
    ],
)
def test_bad_options_are_refused_by_name(tables, options, words):
    refused(words, strs.evaluate, *tables, **options)
