"""The floor, and the fusion of two networks."""

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.metrics import roc_auc_score

from melib.models import late_fusion
from melib.training import fold_rows, loso, region_means, train_floor


def test_region_means_are_the_means_of_the_four_regions_in_order():
    planes = np.zeros((2, 3, 42, 42))
    planes[0, 0, :21, :21] = 1
    planes[0, 1, :21, 21:] = 2
    planes[1, 2, 21:, :21] = 3
    planes[1, 2, 21:, 21:] = np.arange(21 * 21).reshape(21, 21)
    means = region_means(planes, batch=1)
    assert means.shape == (2, 12)
    assert means[0].tolist() == [1, 0, 0, 0] + [0, 2, 0, 0] + [0, 0, 0, 0]
    assert means[1].tolist() == [0] * 8 + [0, 0, 3, 220]


@pytest.mark.parametrize("classifier", ["logistic", "svm"])
def test_the_floor_finds_what_a_mean_can_show(toy, classifier):
    planes, targets, labels = toy(240, seed=100)
    samples = (planes, targets, planes[targets > 0], labels[targets > 0])
    floor, again = (train_floor(*samples, classes=4, classifier=classifier) for _ in range(2))
    planes, targets, labels = toy(200, seed=200)
    spot, logits = floor.predict(planes)
    assert spot.dtype == logits.dtype == np.float32 and logits.shape == (200, 4)
    assert roc_auc_score(targets, spot) > 0.95
    assert (logits.argmax(1) == labels)[targets > 0].mean() > 0.95
    assert np.isneginf(logits[:, 3]).all(), "an emotion that was never seen"
    assert [len(part) for part in floor.predict(planes[:0])] == [0, 0]
    assert all((a == b).all() for a, b in zip(floor.predict(planes), again.predict(planes), strict=True))


def test_the_floor_cannot_see_what_a_mean_hides(toy):
    """Movement with mean 0 in every region: a network may see it, the floor must not."""
    rng = np.random.default_rng(0)
    planes, targets, labels = toy(400, seed=1)
    quiet = rng.normal(0, 0.03, planes.shape)
    quiet[targets > 0, :, ::2] += 0.8
    quiet[targets > 0, :, 1::2] -= 0.8
    quiet -= quiet.reshape(400, 3, 2, 21, 2, 21).mean((3, 5)).repeat(21, 2).repeat(21, 3)
    floor = train_floor(quiet, targets, planes, labels, classes=3, rows=np.arange(200))
    spot, _ = floor.predict(quiet[200:])
    assert 0.3 < roc_auc_score(targets[200:], spot) < 0.7


def test_only_the_support_vector_machine_sees_movement_of_either_direction(toy):
    planes, targets, labels = toy(400, seed=1)
    rng = np.random.default_rng(0)
    planes *= rng.choice([-1, 1], len(planes))[:, None, None, None].astype(np.float32)
    found = {}
    for classifier in ("logistic", "svm"):
        floor = train_floor(planes, targets, planes, labels, classes=3, classifier=classifier, rows=np.arange(200))
        found[classifier] = roc_auc_score(targets[200:], floor.predict(planes[200:])[0])
    assert found["svm"] > 0.95
    assert found["logistic"] < 0.7


def test_two_emotions_get_opposite_decision_values(toy):
    planes, targets, labels = toy(240, seed=3, classes=2)
    moving = targets > 0
    # Classes 1 and 2 of 3: what scikit-learn gives as one column must stand in the two that were seen.
    floor = train_floor(planes, targets, planes[moving], labels[moving] + 1, classes=3, classifier="svm")
    spot, logits = floor.predict(planes)
    assert np.isneginf(logits[:, 0]).all()
    np.testing.assert_array_equal(logits[:, 1], -logits[:, 2])
    assert (logits.argmax(1) == labels + 1)[moving].mean() > 0.95
    assert (spot > 0)[moving].mean() > 0.95 > 0.05 > (spot > 0)[~moving].mean()


def test_an_unknown_classifier_is_refused(toy):
    planes, targets, labels = toy(8, seed=0)
    with pytest.raises(ValueError, match="unknown classifier 'forest': use one of logistic, svm"):
        train_floor(planes, targets, planes, labels, classes=3, classifier="forest")


def test_rows_of_a_fold_are_those_of_its_training_subjects():
    rows = fold_rows(loso("abc"), list("aabbcc"), list("cab"))
    assert [r.tolist() for r, _ in rows] == [[2, 3, 4, 5], [0, 1, 4, 5], [0, 1, 2, 3]]
    assert [r.tolist() for _, r in rows] == [[0, 2], [0, 1], [1, 2]]


def test_fusion_is_the_mean_score_and_the_mean_probability():
    rng = np.random.default_rng(0)
    first, second = ((rng.random(5), rng.normal(size=(5, 4))) for _ in range(2))
    spot, logits = late_fusion([first, second])
    np.testing.assert_allclose(spot, (first[0] + second[0]) / 2)
    expected = (softmax(first[1], axis=1) + softmax(second[1], axis=1)) / 2
    np.testing.assert_allclose(np.exp(logits), expected)
    np.testing.assert_allclose(np.exp(late_fusion([first])[1]), softmax(first[1], axis=1))


def test_outputs_that_do_not_match_are_not_fused():
    with pytest.raises(ValueError, match="same shapes"):
        late_fusion([(np.zeros(3), np.zeros((3, 4))), (np.zeros(2), np.zeros((2, 4)))])
    with pytest.raises(ValueError, match="at least one"):
        late_fusion([])
