"""Recognition metrics, against scikit-learn where the definitions coincide and by hand where they do not."""

import numpy as np
import pytest
import sklearn.metrics as peer
from enumerated import on_examples
from hypothesis import given
from hypothesis import strategies as st
from refusing import refused

from melib.metrics import recognition

NAMES = ("anger", "disgust", "happy")
labels = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from((*NAMES, "neutral"))), min_size=1, max_size=30)


@on_examples
@given(labels)
def test_pooled_metrics_agree_with_scikit_learn(pairs):
    truth, predicted = (list(side) for side in zip(*pairs, strict=True))
    options = {"labels": list(NAMES), "zero_division": 0}
    precision, recall, f1, _ = peer.precision_recall_fscore_support(truth, predicted, average="macro", **options)
    assert recognition.evaluate(truth, predicted, classes=NAMES) == pytest.approx(
        {
            "accuracy": peer.accuracy_score(truth, predicted),
            "uf1_pooled": f1,
            "uar_pooled": recall,
            "weighted_f1_pooled": peer.f1_score(truth, predicted, average="weighted", **options),
            "f1_of_macro_pr_pooled": 2 * precision * recall / (precision + recall) if precision + recall else 0,
        }
    )


def test_fold_means_average_scikit_learn_s_metrics_over_the_folds():
    rng = np.random.default_rng(0)
    truth, predicted, folds = rng.choice(NAMES, 60), rng.choice(NAMES, 60), rng.integers(0, 7, 60)
    scores = recognition.evaluate(truth, predicted, classes=NAMES, folds=folds)
    parts = [(truth[folds == fold], predicted[folds == fold]) for fold in np.unique(folds)]
    assert scores["uf1_fold_mean"] == pytest.approx(np.mean([peer.f1_score(*part, average="macro") for part in parts]))
    assert scores["accuracy_fold_mean"] == pytest.approx(np.mean([peer.accuracy_score(*part) for part in parts]))


def test_the_three_macro_f1_of_one_set_of_predictions_differ():
    truth = ["a"] * 6 + ["b"] * 3 + ["c"]
    predicted = ["a"] * 5 + ["b"] + ["b", "b", "a"] + ["a"]
    folds = [1, 1, 1, 2, 2, 2, 1, 2, 2, 1]
    scores = recognition.evaluate(truth, predicted, folds=folds)
    # By hand: class F1 10/13, 2/3, 0; precisions 5/7, 2/3, 0; recalls 5/6, 2/3, 0.
    assert scores["uf1_pooled"] == pytest.approx((10 / 13 + 2 / 3 + 0) / 3)
    p, r = (5 / 7 + 2 / 3) / 3, (5 / 6 + 2 / 3) / 3
    assert scores["f1_of_macro_pr_pooled"] == pytest.approx(2 * p * r / (p + r))
    # Fold 1 holds a a a b c, answered a a a b a; fold 2 holds a a a b b, answered a a b b a.
    assert scores["uf1_fold_mean"] == pytest.approx(((6 / 7 + 1 + 0) / 3 + (2 / 3 + 1 / 2) / 2) / 2)


def test_an_answer_outside_the_classes_is_wrong_and_stands_in_its_own_column():
    matrix = recognition.confusion_matrix(["a", "a", "b"], ["a", "neutral", "b"])
    assert matrix.columns.tolist() == ["a", "b", "(other)"]
    assert matrix.to_numpy().tolist() == [[1, 0, 1], [0, 1, 0]]
    assert recognition.confusion_matrix(["a", "b"], ["a", "a"]).to_numpy().tolist() == [[1, 0], [1, 0]]


def test_bad_labels_are_refused():
    for arguments, words in (
        ((["a"], ["a", "b"]), "1 true labels but 2 predicted"),
        (([], []), "no labels"),
        ((["a", None], ["a", "a"]), "true label 1 is missing"),
        ((["a", "x"], ["a", "a"], ["a"]), "true label 1 is 'x', which is none of the classes a"),
        ((["a"], ["a"], ["a", "a"]), "named twice"),
    ):
        refused(words, recognition.validate, *arguments)
    refused("2 subjects for 1 clips", recognition.tally, ["a"], ["a"], [1, 2])
