import numpy as np
import pytest
from scipy.special import softmax
from sklearn.metrics import roc_auc_score

from melib.errors import InputError
from melib.models import late_fusion
from melib.training import region_means, train_floor


def test_region_means_are_the_means_of_the_four_regions_in_order():
    planes = np.zeros((2, 3, 42, 42))
    planes[0, 0, :21, :21], planes[0, 1, :21, 21:], planes[1, 2, 21:, :21] = 1, 2, 3
    planes[1, 2, 21:, 21:] = np.arange(21 * 21).reshape(21, 21)
    means = region_means(planes, batch=1)
    assert means.tolist() == [[1, 0, 0, 0] + [0, 2, 0, 0] + [0, 0, 0, 0], [0] * 8 + [0, 0, 3, 220]]


def test_the_floor_finds_what_a_mean_can_show(toy):
    planes, targets, labels = toy(240, seed=100)
    samples = (planes, targets, planes[targets > 0], labels[targets > 0])
    floor, again = (train_floor(*samples, classes=4) for _ in range(2))
    planes, targets, labels = toy(200, seed=200)
    spot, logits = floor.predict(planes)
    assert spot.dtype == logits.dtype == np.float32 and logits.shape == (200, 4)
    assert roc_auc_score(targets, spot) > 0.95
    assert (logits.argmax(1) == labels)[targets > 0].mean() > 0.95
    assert np.isneginf(logits[:, 3]).all(), "an emotion that was never seen"
    assert [len(part) for part in floor.predict(planes[:0])] == [0, 0]
    assert all((a == b).all() for a, b in zip(floor.predict(planes), again.predict(planes), strict=True))
    with pytest.raises(InputError, match="emotions learnt from are all of one class.*take more people"):
        train_floor(*samples[:3], 0 * samples[3], classes=4)


def test_fusion_is_the_mean_score_and_the_mean_probability():
    rng = np.random.default_rng(0)
    first, second = ((rng.random(5), rng.normal(size=(5, 4))) for _ in range(2))
    spot, logits = late_fusion([first, second])
    np.testing.assert_allclose(spot, (first[0] + second[0]) / 2)
    expected = (softmax(first[1], axis=1) + softmax(second[1], axis=1)) / 2
    np.testing.assert_allclose(np.exp(logits), expected)
    for outputs in ([], [first, (np.zeros(2), np.zeros((2, 4)))]):
        with pytest.raises(ValueError, match="at least one and have the same shapes"):
            late_fusion(outputs)
