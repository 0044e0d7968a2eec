"""STRS under its four protocols: by hand, against a second implementation, and by its properties."""

from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from melib.errors import InputError
from melib.metrics import strs

COLUMNS = ["subject", "video", "onset", "offset", "emotion"]
EMOTIONS = ("a", "b", "c")


def table(rows):
    return pd.DataFrame(rows, columns=COLUMNS).astype({"onset": int, "offset": int})


def lists(least: int = 0, most: int = 5):
    row = st.tuples(
        st.integers(1, 2), st.integers(0, 1), st.integers(0, 14), st.integers(1, 12), st.sampled_from(EMOTIONS)
    )
    return st.lists(row, min_size=least, max_size=most, unique_by=lambda r: r[:4]).map(
        lambda rows: table([(s, f"v{v}", onset, onset + length - 1, e) for s, v, onset, length, e in rows])
    )


def overlap(t, p) -> float:
    """IoU by counting frames; 0 across videos."""
    if (t.subject, t.video) != (p.subject, p.video):
        return 0.0
    a, b = set(range(t.onset, t.offset + 1)), set(range(p.onset, p.offset + 1))
    return len(a & b) / len(a | b)


def best_matchings(truth, predictions) -> list[list[tuple[int, int]]]:
    """All matchings of maximum cardinality and largest total IoU, by enumeration."""
    ts, ps = list(truth.itertuples()), list(predictions.itertuples())
    small, large = (ts, ps) if len(ts) <= len(ps) else (ps, ts)
    scored = []
    for order in permutations(range(len(large)), len(small)):
        pairs = [(i, j) if len(ts) <= len(ps) else (j, i) for i, j in enumerate(order)]
        pairs = [(i, j, overlap(ts[i], ps[j])) for i, j in pairs]
        pairs = [pair for pair in pairs if pair[2] >= 0.5]
        scored.append((len(pairs), round(sum(pair[2] for pair in pairs), 9), sorted(pair[:2] for pair in pairs)))
    best = max(scored)[:2]
    return [list(m) for m in {tuple(pairs) for *score, pairs in scored if tuple(score) == best}]


def naive_strict(truth, predictions, pairs) -> dict:
    """The definition spelt out with sets and loops."""
    tp, fp, fn = len(pairs), len(predictions) - len(pairs), len(truth) - len(pairs)
    named = [(truth.emotion[i], predictions.emotion[j]) for i, j in pairs]

    def divide(a, b):
        return a / b if b else 0.0

    precisions, recalls, f1s = [], [], []
    for emotion in sorted(set(truth.emotion)):
        right = sum(t == p == emotion for t, p in named)
        precisions.append(divide(right, sum(p == emotion for _, p in named)))
        recalls.append(divide(right, sum(t == emotion for t, _ in named)))
        f1s.append(divide(2 * precisions[-1] * recalls[-1], precisions[-1] + recalls[-1]))
    n = len(f1s)
    precision, recall = divide(sum(precisions), n), divide(sum(recalls), n)
    spotting = divide(2 * tp, len(truth) + len(predictions))
    analysis = divide(2 * precision * recall, precision + recall)
    return {
        "tp": tp,
        "fp": fp,
        "fn": fn,
        "precision_spotting": divide(tp, tp + fp),
        "recall_spotting": divide(tp, tp + fn),
        "f1_spotting": spotting,
        "precision_analysis": precision,
        "recall_analysis": recall,
        "f1_analysis": analysis,
        "uf1_analysis": divide(sum(f1s), n),
        "uar_analysis": recall,
        "strs": spotting * analysis,
        "f1_named": divide(2 * sum(t == p for t, p in named), len(truth) + len(predictions)),
    }


@settings(max_examples=50, deadline=None, derandomize=True)
@given(lists(least=1), lists())
def test_strict_agrees_with_the_definition_spelt_out_over_all_matchings(truth, predictions):
    scores = strs.evaluate(truth, predictions)
    scores.pop("false_positives_per_minute")
    wanted = [naive_strict(truth, predictions, pairs) for pairs in best_matchings(truth, predictions)]
    assert any(scores == pytest.approx(one) for one in wanted)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(lists(least=1), lists(least=1), st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(truth, predictions, random):
    counts = ("tp", "fp", "fn", "f1_spotting")
    scores = strs.evaluate(truth, predictions)
    truth_2 = truth.sample(frac=1, random_state=random.randint(0, 999))
    predictions_2 = predictions.sample(frac=1, random_state=random.randint(0, 999))
    again = strs.evaluate(truth_2, predictions_2)
    assert {key: scores[key] for key in counts} == {key: again[key] for key in counts}
    assume(len(best_matchings(truth, predictions)) == 1)  # exact ties in IoU go to the earlier row, by definition
    assert scores == pytest.approx(again, nan_ok=True)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(lists(least=1, most=8))
def test_perfect_predictions_score_1(truth):
    truth = truth.drop_duplicates(COLUMNS[:4])
    scores = strs.evaluate(truth, truth)
    ones = [key for key in strs.KEYS if key not in ("tp", "fp", "fn", "false_positives_per_minute")]
    assert {key: scores[key] for key in ones} == pytest.approx(dict.fromkeys(ones, 1.0))
    assert (scores["tp"], scores["fp"], scores["fn"]) == (len(truth), 0, 0)


def test_nothing_predicted_and_nothing_true_score_0_without_an_error():
    some, none = table([(1, "v", 0, 9, "a")]), table([])
    assert strs.evaluate(some, none)["strs"] == 0
    assert strs.evaluate(none, some)["strs"] == 0
    assert strs.evaluate(none, none)["f1_spotting"] == 0


def test_a_truth_outside_the_emotions_is_spotted_but_not_analysed():
    truth = table([(1, "v", 0, 9, "a"), (1, "v", 50, 59, "others")])
    predictions = table([(1, "v", 0, 9, "a"), (1, "v", 50, 59, "a")])
    with_others = strs.evaluate(truth, predictions)
    without = strs.evaluate(truth, predictions, emotions=["a"])
    assert with_others["tp"] == without["tp"] == 2
    assert with_others["precision_analysis"] == 0.25
    assert without["precision_analysis"] == 1


def test_an_emotion_that_never_occurs_counts_0_under_strict_and_leaves_the_mean_under_mean():
    truth = table([(1, "v", 0, 9, "a")])
    strict = strs.evaluate(truth, truth, emotions=["a", "b"])
    released = strs.evaluate(truth, truth, emotions=["a", "b"], protocol="mean")
    assert strict["uf1_analysis"] == 0.5
    assert released["uf1_analysis"] == 1


def test_an_unlabelled_truth_is_spotted_and_never_named():
    truth = table([(1, "v", 0, 9, None), (1, "v", 50, 59, "a")])
    predictions = table([(1, "v", 0, 9, "a"), (1, "v", 50, 59, "a")])
    scores = strs.evaluate(truth, predictions)
    assert (scores["tp"], scores["uf1_analysis"], scores["f1_named"]) == (2, 1, 0.5)


def test_predictions_of_macro_expressions_are_left_aside():
    truth = table([(1, "v", 0, 9, "a"), (1, "v", 50, 99, "a")]).assign(kind=["micro", "macro"])
    predictions = table([(1, "v", 0, 9, "a"), (1, "v", 50, 99, "b")]).assign(kind=["micro", "macro"])
    assert strs.evaluate(truth, predictions)["strs"] == 1


def test_deleting_misnamed_hits_raises_strs_while_true_positives_and_f1_of_spotting_fall():
    truth = table([(s, "v", 0, 9, e) for s, e in enumerate("aaabbb")])
    found = table([(s, "v", 0, 9, e) for s, e in enumerate("aabbba")])
    honest = strs.evaluate(truth, found)
    trimmed = strs.evaluate(truth, found[[True, True, False, True, True, False]])
    assert trimmed["strs"] > honest["strs"]
    assert (honest["tp"], trimmed["tp"]) == (6, 4)
    assert trimmed["f1_spotting"] < honest["f1_spotting"]
    assert honest["f1_named"] == pytest.approx(2 * 4 / 12)
    assert trimmed["f1_named"] == pytest.approx(2 * 4 / 10)


def test_false_positives_per_minute_count_silent_videos():
    truth = table([(1, "v", 0, 9, "a")])
    predictions = table([(1, "v", 30, 39, "a"), (2, "w", 30, 39, "a")])
    videos = pd.DataFrame(
        {"subject": [1, 2, 3], "video": ["v", "w", "x"], "frames": [1800, 1800, 7200], "fps": [30.0, 30.0, 60.0]}
    )
    assert strs.evaluate(truth, predictions, videos=videos)["false_positives_per_minute"] == pytest.approx(2 / 4)
    assert np.isnan(strs.evaluate(truth, predictions)["false_positives_per_minute"])
    assert np.isnan(strs.evaluate(truth, predictions, videos=videos[:1])["false_positives_per_minute"])


def test_the_released_script_skips_silent_subjects_and_videos_without_truth():
    truth = table([(1, "v", 0, 9, "a"), (2, "v", 0, 9, "b")])
    predictions = table([(1, "v", 0, 9, "a"), (1, "w", 0, 9, "a")])
    strict, released = (strs.evaluate(truth, predictions, protocol=name) for name in ("strict", "strs-metric"))
    assert (strict["tp"], strict["fp"], strict["fn"]) == (1, 1, 1)
    assert (released["tp"], released["fp"], released["fn"]) == (1, 0, 0)


def test_the_released_script_averages_precision_under_the_name_of_uar():
    truth = table([(1, f"v{i}", 0, 9, emotion) for i, emotion in enumerate("aaab")])
    predictions = table([(1, f"v{i}", 0, 9, emotion) for i, emotion in enumerate("aabb")])
    # Recalls 2/3 and 1, precisions 1 and 1/2.
    assert strs.evaluate(truth, predictions)["uar_analysis"] == pytest.approx(5 / 6)
    assert strs.evaluate(truth, predictions, protocol="strs-metric")["uar_analysis"] == pytest.approx(3 / 4)


def test_the_released_script_gives_a_class_that_all_pairs_hold_nothing():
    truth = table([(1, "v", 0, 9, "a"), (1, "w", 0, 9, "a"), (1, "w", 50, 59, "b")])
    scores = strs.evaluate(truth, truth[:2], protocol="strs-metric")
    assert (scores["precision_analysis"], scores["recall_analysis"], scores["uf1_analysis"]) == (0, 0, 0)
    assert np.isnan(scores["strs"])
    assert strs.evaluate(truth, truth[:2])["uf1_analysis"] == 0.5


def test_where_nothing_is_found_the_released_script_prints_no_number():
    truth = table([(1, "v", 0, 9, "a")])
    scores = strs.evaluate(truth, table([(1, "v", 50, 59, "a")]), protocol="strs-metric")
    assert (scores["tp"], scores["fp"], scores["fn"]) == (0, 1, 1)
    assert np.isnan([scores[key] for key in strs.KEYS[3:12]]).all()


def test_sfamnet_s_soft_matching_can_find_more_than_there_is_and_skips_double_hits():
    truth = table([(1, "v", 0, 9, "a"), (1, "v", 10, 19, "b"), (1, "w", 0, 9, "a")])
    predictions = table([(1, "v", 0, 19, "a"), (1, "w", 0, 9, "a"), (1, "w", 0, 8, "a")])
    scores = strs.evaluate(truth, predictions, protocol="sfamnet")
    assert (scores["tp"], scores["fp"], scores["fn"]) == (4, 0, -1)
    # Of the four pairs the double hit is not analysed: class b leaves the mean, class a is right twice.
    assert (scores["precision_analysis"], scores["recall_analysis"]) == (1, 1)


def test_per_class_rows_add_up_to_the_analysed_pairs(tables):
    truth, predictions = tables
    rows = strs.per_class(truth, predictions)
    scores = strs.evaluate(truth, predictions)
    assert rows.index.tolist() == sorted(set(truth.emotion))
    assert (rows.tp + rows.fn).sum() == (rows.tp + rows.fp).sum() == scores["tp"]
    assert rows.recall.mean() == pytest.approx(scores["uar_analysis"])
    assert rows.f1.mean() == pytest.approx(scores["uf1_analysis"])


def test_a_tally_adds_up_to_evaluate_and_its_weights_repeat_subjects(tables, videos):
    truth, predictions = tables
    tally = strs.tally(truth, predictions, videos=videos)
    assert tally.subjects == tuple(sorted(str(s) for s in set(videos.subject)))
    weights = np.array([2.0 if subject == "3" else 1.0 for subject in tally.subjects])
    twin_t, twin_p, twin_v = (
        pd.concat([part, part[part.subject == 3].assign(subject="twin")]) for part in (truth, predictions, videos)
    )
    twice = strs.evaluate(twin_t, twin_p, videos=twin_v)
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
    with pytest.raises(InputError, match=words):
        strs.evaluate(*tables, **options)
