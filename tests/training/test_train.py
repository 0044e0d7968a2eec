"""The networks learn what can be learnt, and nothing from noise."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from refusing import refused
from sklearn.metrics import roc_auc_score
from sklearn.utils.class_weight import compute_class_weight

from melib.models import SFAMNet
from melib.training import MEANSettings, SFAMNetSettings, predict, retrain_recognition, train_mean, train_sfamnet
from melib.training.sfamnet import JointStage, balanced_weights, magnitude_factors, sfamnet_stage

NEUTRAL = 3
CPU = torch.device("cpu")
MEAN = MEANSettings(spot_steps=60, recognition_steps=60, batch=16, rate=4e-3)
SFAMNET = SFAMNetSettings(steps=30, batch=16, rate=8e-3)
UNTRAINED = replace(MEAN, spot_steps=0, recognition_steps=0)
BOTH = pytest.mark.parametrize("settings", [MEAN, SFAMNET], ids=["mean", "sfamnet"])


@pytest.fixture(scope="module")
def samples(toy):
    """Planes, targets and frame labels, then emotion planes and labels, as SFAMNet takes them."""
    planes, targets, labels = toy(240, seed=100)
    moving = targets > 0
    return planes, targets, np.where(moving, labels, NEUTRAL), planes[moving], labels[moving]


@pytest.fixture(scope="module")
def unrelated(toy):
    """Such samples whose targets and labels are dealt out evenly among moving and still planes of each movement."""
    planes, moving, labels = toy(240, seed=100)
    for same in (np.flatnonzero(moving), np.flatnonzero(moving == 0)):
        labels[same[np.argsort(labels[same], kind="stable")]] = np.arange(len(same)) % 3
    targets = (np.arange(len(moving)) // 2 % 2).astype(np.float32)
    return planes, targets, np.where(targets > 0, labels, NEUTRAL), planes, labels


def train(samples, settings, seed=0):
    planes, targets, frame_labels, *emotions = samples
    common = {"settings": settings, "seed": seed, "device": "cpu"}
    if isinstance(settings, SFAMNetSettings):
        return train_sfamnet(planes, targets, frame_labels, *emotions, classes=4, **common)
    return train_mean(planes, targets, *emotions, classes=3, **common)


@pytest.fixture(scope="module")
def trained(samples):
    return {settings: train(samples, settings) for settings in (MEAN, SFAMNET)}


@pytest.fixture(scope="module")
def judge(toy):
    """Area under the ROC curve, distance of mean scores, and accuracy of a network on new samples."""
    planes, targets, labels = toy(200, seed=200)
    moving = targets > 0

    def run(model):
        spot, logits = predict(model, planes, device="cpu")
        gap = abs(spot[moving].mean() - spot[~moving].mean())
        return roc_auc_score(targets, spot), gap, (logits[:, :NEUTRAL].argmax(1) == labels)[moving].mean()

    return run


@BOTH
def test_what_is_separable_is_learnt_and_labels_unrelated_to_the_planes_leave_chance(
    trained, unrelated, judge, settings
):
    auc, gap, accuracy = judge(trained[settings][0])
    assert auc > 0.95
    assert accuracy > 0.9
    _, chance_gap, chance_accuracy = judge(train(unrelated, settings)[0])
    # A network always scores moving and still samples somewhat differently, but not by what labels would teach.
    assert chance_gap < 0.5 * gap
    assert chance_accuracy < 0.6


def test_losses_are_recorded_for_every_step_and_fall(trained, samples):
    history = trained[MEAN][1]
    for losses in (history["spot"], history["recognition"]):
        assert losses.shape == (60, 2) and losses[-5:, 1].mean() < 0.5 * losses[:5, 1].mean()
        assert (losses[:, 0] > losses[:, 1]).all(), "the L2 terms are added"
    fresh = train(samples, UNTRAINED)[0]
    penalty = 0.001 * sum((streams.weight.detach() ** 2).sum() for streams in fresh.shared.convolutions)
    penalty += 0.1 * (fresh.spot.convolution.weight.detach() ** 2).sum()
    assert history["spot"][0, 0] - history["spot"][0, 1] == pytest.approx(penalty.item(), rel=1e-4)
    losses = trained[SFAMNET][1]["joint"]
    assert losses.shape == (30, 3) and losses[-5:, 0].mean() < losses[:5, 0].mean()
    np.testing.assert_allclose(losses[:, 0], 0.9 * losses[:, 1] + 0.1 * losses[:, 2], rtol=1e-5)


def test_retraining_recognition_repeats_stage_two_which_leaves_the_spotting_path_untouched(trained, samples):
    model, known = trained[MEAN]
    planes, *_, emotion_planes, labels = samples
    again, history = retrain_recognition(model, emotion_planes, labels, settings=MEAN, seed=0)
    np.testing.assert_array_equal(history, known["recognition"])
    for name, value in model.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name
    mixed = np.random.default_rng(0).permutation(labels)
    other, _ = retrain_recognition(model, emotion_planes, mixed, settings=replace(MEAN, recognition_steps=5), seed=0)
    (spot, logits), (other_spot, other_logits) = (predict(one, planes[:20], device="cpu") for one in (model, other))
    np.testing.assert_array_equal(spot, other_spot)
    assert not np.array_equal(logits, other_logits)
    with pytest.raises(ValueError, match="transfer is False, but the model was made with True"):
        retrain_recognition(model, emotion_planes, labels, settings=MEANSettings(transfer=False))


def test_passes_are_counted_in_batches():
    settings = MEANSettings()
    assert (settings.steps(0, 320), settings.steps(0, 321), settings.steps(1, 64)) == (100, 110, 200)
    assert MEANSettings(spot_steps=7).steps(0, 320) == 7


def test_samples_that_do_not_match_are_refused_and_those_that_are_no_numbers_stop_the_training(toy):
    planes, targets, labels = toy(8, seed=0)
    for settings, given, message in (
        (MEAN, (planes, targets[:-1], labels, planes, labels), "numbers must agree"),
        (MEAN, (planes, targets, labels, planes, labels + 1), "0 to 2"),
        (MEAN, (planes[:, :2], targets, labels, planes, labels), "shape"),
        (MEAN, (np.full_like(planes, np.nan), targets, labels, planes, labels), "step 0.*NaN"),
        (SFAMNET, (planes, targets, labels[1:], planes, labels), "8 planes for 7 frame labels"),
    ):
        refused(message, train, given, settings, kind=ValueError)


def test_a_part_of_the_batch_at_a_time_gives_the_gradient_of_the_batch(samples):
    stage, draw = sfamnet_stage(*samples, classes=4, settings=SFAMNET, seed=0, device=CPU)
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

    def losses(**flag):
        stage = JointStage(model, torch.tensor([1.0, 1.0, 1.0, 0.0]), SFAMNetSettings(**flag))
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
    refused("no sample carries an emotion", balanced_weights, np.array([3, 3]), 4, kind=ValueError)


def test_samples_are_the_positives_the_recognition_samples_and_as_many_negatives(toy):
    planes, _, _ = toy(300, seed=1)
    targets = (np.arange(300) < 20).astype(np.float32)
    data = (planes, targets, np.where(targets > 0, 1, NEUTRAL), planes[:30], np.zeros(30, int))
    stage, draw = sfamnet_stage(*data, classes=4, settings=SFAMNetSettings(attention=False), seed=0, device=CPU)
    _, spot, emotion = draw.arrays
    assert spot.sum() == 50 and len(spot) == 100
    assert (emotion[spot == 0] == NEUTRAL).all() and (emotion[spot > 0] < NEUTRAL).all()
    np.testing.assert_allclose(stage.class_weights, balanced_weights(emotion, 4))
    assert stage.model.streams.attention is None


def test_magnitude_factors_lie_on_the_published_grid():
    (factors,) = magnitude_factors(0.1, 5000, torch.Generator().manual_seed(0))
    assert sorted(set((factors * 100).round().int().tolist())) == list(range(90, 111))
    assert (factors * 100 - (factors * 100).round()).abs().max() < 1e-4
