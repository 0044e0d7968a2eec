"""SFAMNet learns what can be learnt, nothing from noise, and the same from the same seed."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score
from sklearn.utils.class_weight import compute_class_weight

from melib.models import SFAMNet
from melib.training import SFAMNetSettings, predict, train_sfamnet
from melib.training.sfamnet import JointStage, balanced_weights, magnitude_factors, sfamnet_stage

QUICK = SFAMNetSettings(steps=30, batch=32, rate=5e-3)
NEUTRAL = 3


@pytest.fixture(scope="module")
def samples(toy):
    def make(unrelated=False):
        planes, targets, labels = toy(160, seed=100)
        if unrelated:  # dealt out evenly: each target to as many moving as still samples, each label to each movement
            for same in (np.flatnonzero(targets), np.flatnonzero(targets == 0)):
                labels[same[np.argsort(labels[same], kind="stable")]] = np.arange(len(same)) % 3
            emotions = planes, labels  # recognition samples count as positive: as many moving as still ones
            targets = (np.arange(len(targets)) // 2 % 2).astype(np.float32)
        else:
            emotions = planes[targets > 0][:40], labels[targets > 0][:40]
        return planes, targets, np.where(targets > 0, labels, NEUTRAL), *emotions

    return make


@pytest.fixture(scope="module")
def train(samples):
    def run(settings=QUICK, seed=0, unrelated=False):
        return train_sfamnet(*samples(unrelated), classes=4, settings=settings, seed=seed, device="cpu")

    return run


@pytest.fixture(scope="module")
def judge(toy):
    def run(model):
        planes, targets, labels = toy(160, seed=200)
        spot, logits = predict(model, planes, device="cpu")
        return roc_auc_score(targets, spot), (logits[:, :NEUTRAL].argmax(1) == labels)[targets > 0].mean()

    return run


def test_separable_samples_are_spotted_and_named(train, judge):
    model, history = train()
    auc, accuracy = judge(model)
    assert auc > 0.95
    assert accuracy > 0.9
    losses = history["joint"]
    assert losses.shape == (30, 3)
    np.testing.assert_allclose(losses[:, 0], 0.9 * losses[:, 1] + 0.1 * losses[:, 2], rtol=1e-5)


def test_labels_unrelated_to_the_planes_leave_it_at_chance(train, judge):
    auc, accuracy = judge(train(unrelated=True)[0])
    assert 0.2 < auc < 0.8
    assert accuracy < 0.6


def test_a_part_of_the_batch_at_a_time_gives_the_gradient_of_the_batch(samples):
    stage, draw = sfamnet_stage(*samples(), classes=4, settings=QUICK, seed=0, device=torch.device("cpu"))
    weight = stage.double().model.spot.dense.weight
    drawn = [tensor.double() if tensor.is_floating_point() else tensor for tensor in draw()]
    batch = stage.prepare(*drawn)
    (whole,) = torch.autograd.grad(stage(*batch)[0], weight)
    parts = zip(*(tensor.split(5) for tensor in batch), strict=True)
    summed = sum(torch.autograd.grad(stage(*part)[0], weight)[0] for part in parts)
    torch.testing.assert_close(summed, whole, atol=1e-12, rtol=1e-9)


def test_a_batch_without_a_named_emotion_has_no_recognition_loss_unless_the_release_is_followed():
    model = SFAMNet(4)
    batch = (torch.rand(4, 3, 42, 42), torch.zeros(4), torch.full((4,), NEUTRAL), torch.ones(4))
    weights = torch.tensor([1.0, 1.0, 1.0, 0.0])

    def losses(**flag):
        stage = JointStage(model, weights, SFAMNetSettings(**flag))
        return stage(*stage.prepare(*batch))

    total, spotting, recognition = losses().tolist()
    assert recognition == 0 and total == pytest.approx(0.9 * spotting) and spotting > 0
    released = losses(released_zero_division=True)
    assert torch.isnan(released[0]) and torch.isnan(released[2])


def test_class_weights_are_scikit_learns_balanced_ones_with_neutral_at_zero():
    labels = np.array([0] * 11 + [1] * 6 + [2] * 5 + [3] * 20)
    expected = compute_class_weight("balanced", classes=np.arange(3), y=labels[labels < 3])
    np.testing.assert_allclose(balanced_weights(labels, 4), [*expected, 0], rtol=1e-6)
    np.testing.assert_allclose(balanced_weights(np.array([0, 0, 0, 2]), 4), [2 / 3, 0, 2, 0], rtol=1e-6)
    with pytest.raises(ValueError, match="no sample carries an emotion"):
        balanced_weights(np.array([3, 3]), 4)


def test_samples_are_the_positives_the_recognition_samples_and_as_many_negatives(toy):
    planes, _, _ = toy(300, seed=1)
    targets = (np.arange(300) < 20).astype(np.float32)
    labels = np.where(targets > 0, 1, NEUTRAL)
    settings = SFAMNetSettings(magnitude=0)
    stage, draw = sfamnet_stage(
        planes, targets, labels, planes[:30], np.zeros(30, int), classes=4, settings=settings, seed=0,
        device=torch.device("cpu"),
    )  # fmt: skip
    _, spot, emotion = draw.arrays
    assert spot.sum() == 50 and len(spot) == 100
    assert (emotion[spot == 0] == NEUTRAL).all() and (emotion[spot > 0] < NEUTRAL).all()
    np.testing.assert_allclose(stage.class_weights, balanced_weights(emotion, 4))


def test_magnitude_factors_lie_on_the_published_grid():
    (factors,) = magnitude_factors(0.1, 5000, torch.Generator().manual_seed(0))
    steps = sorted(set((factors * 100).round().int().tolist()))
    assert steps == list(range(90, 111))
    assert (factors * 100 - (factors * 100).round()).abs().max() < 1e-4
    (none,) = magnitude_factors(0, 5, torch.Generator())
    assert (none == 1).all()


def test_the_same_seed_gives_the_same_bits_and_another_seed_others(train):
    settings = SFAMNetSettings(steps=3, batch=16, rate=1e-3)
    torch.manual_seed(1)
    first = train(settings)[0].state_dict()
    torch.manual_seed(2)  # the global state must not matter
    second = train(settings)[0].state_dict()
    other = train(settings, seed=1)[0].state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first["spot.dense.weight"], other["spot.dense.weight"])
    assert train(replace(settings, attention=False))[0].streams.attention is None


def test_frame_labels_that_do_not_match_are_refused(samples):
    planes, targets, frame_labels, emotion_planes, emotion_labels = samples()
    with pytest.raises(ValueError, match="160 planes for 159 frame labels"):
        train_sfamnet(planes, targets, frame_labels[1:], emotion_planes, emotion_labels, classes=4, device="cpu")
    with pytest.raises(ValueError, match="0 to 2"):
        train_sfamnet(planes, targets, frame_labels, emotion_planes, emotion_labels + 1, classes=4, device="cpu")
