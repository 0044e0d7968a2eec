"""MEAN learns what can be learnt, nothing from noise, and the same from the same seed."""

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from melib.training import MEANSettings, predict, retrain_recognition, train_mean

QUICK = MEANSettings(spot_steps=110, recognition_steps=60, rate=2e-3)


@pytest.fixture(scope="module")
def train(toy):
    def run(settings=QUICK, seed=0, unrelated=False):
        planes, targets, labels = toy(240, seed=100)
        emotion_planes, emotion_labels = planes[targets > 0], labels[targets > 0]
        if unrelated:  # dealt out evenly: each label to as many moving as still samples, to each movement alike
            targets = (np.arange(len(targets)) // 2 % 2).astype(np.float32)
            order = np.argsort(emotion_labels, kind="stable")
            emotion_labels = np.empty_like(emotion_labels)
            emotion_labels[order] = np.arange(len(order)) % 3
        return train_mean(
            planes, targets, emotion_planes, emotion_labels, classes=3, settings=settings, seed=seed, device="cpu"
        )

    return run


@pytest.fixture(scope="module")
def trained(train):
    return train()


@pytest.fixture(scope="module")
def judge(toy):
    def run(model):
        planes, targets, labels = toy(200, seed=200)
        spot, logits = predict(model, planes, device="cpu")
        return roc_auc_score(targets, spot), (logits.argmax(1) == labels)[targets > 0].mean()

    return run


def test_separable_samples_are_spotted_and_named(trained, judge):
    auc, accuracy = judge(trained[0])
    assert auc > 0.95
    assert accuracy > 0.9


def test_labels_unrelated_to_the_planes_leave_it_at_chance(train, judge):
    auc, accuracy = judge(train(unrelated=True)[0])
    # A network always scores moving and still samples somewhat differently: one draw is near .5, not at it.
    assert 0.2 < auc < 0.8
    assert accuracy < 0.6


def test_losses_fall_and_are_recorded_for_every_step(trained):
    history = trained[1]
    assert history["spot"].shape == (110, 2) and history["recognition"].shape == (60, 2)
    for losses in history.values():
        assert losses[-5:, 1].mean() < 0.5 * losses[:5, 1].mean()
        assert (losses[:, 0] > losses[:, 1]).all(), "the L2 terms are added"


def test_first_loss_is_the_squared_error_and_the_published_l2_terms(train, trained):
    untrained = train(settings=MEANSettings(spot_steps=0, recognition_steps=0))[0]
    kernels = [c.weight.detach() for c in untrained.shared.convolutions]
    penalty = 0.001 * sum((k**2).sum() for k in kernels) + 0.1 * (untrained.spot.convolution.weight.detach() ** 2).sum()
    first = trained[1]["spot"][0]
    assert first[0] - first[1] == pytest.approx(penalty.item(), rel=1e-4)


def test_transfer_leaves_the_spotting_path_untouched(train):
    only_spotting = train(settings=MEANSettings(spot_steps=5, recognition_steps=0))[0].state_dict()
    both = train(settings=MEANSettings(spot_steps=5, recognition_steps=5))[0].state_dict()
    for name, value in only_spotting.items():
        same = torch.equal(value, both[name])
        assert same != name.startswith("recognition."), name


def test_without_transfer_the_recognition_path_is_trained_from_scratch(train, judge):
    settings = MEANSettings(spot_steps=5, recognition_steps=80, rate=2e-3, transfer=False)
    model, history = train(settings=settings)
    assert judge(model)[1] > 0.8
    initial = train(settings=MEANSettings(spot_steps=0, recognition_steps=0, transfer=False))[0]
    for before, after in zip(
        initial.recognition_streams.parameters(), model.recognition_streams.parameters(), strict=True
    ):
        assert not torch.equal(before, after)


def test_the_same_seed_gives_the_same_bits_and_another_seed_others(train):
    settings = MEANSettings(spot_steps=6, recognition_steps=6)
    torch.manual_seed(1)
    first = train(settings=settings)[0].state_dict()
    torch.manual_seed(2)  # the global state must not matter
    second = train(settings=settings)[0].state_dict()
    other = train(settings=settings, seed=1)[0].state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first["spot.dense.weight"], other["spot.dense.weight"])


def test_passes_are_counted_in_batches():
    settings = MEANSettings()
    assert settings.steps(0, 320) == 100 and settings.steps(0, 321) == 110
    assert settings.steps(1, 64) == 200
    assert MEANSettings(spot_steps=7).steps(0, 320) == 7


def test_samples_that_do_not_match_are_refused_and_those_that_are_no_numbers_stop_the_training(toy):
    planes, targets, labels = toy(8, seed=0)
    good = {"classes": 3, "device": "cpu"}
    with pytest.raises(ValueError, match="numbers must agree"):
        train_mean(planes, targets[:-1], planes, labels, **good)
    with pytest.raises(ValueError, match="0 to 2"):
        train_mean(planes, targets, planes, labels + 1, **good)
    with pytest.raises(ValueError, match="shape"):
        train_mean(planes[:, :2], targets, planes, labels, **good)
    planes[3, 0, 0, 0] = np.nan
    with pytest.raises(ValueError, match="step 0.*NaN"):
        train_mean(planes, targets, planes, labels, settings=MEANSettings(batch=8), **good)


def test_retraining_recognition_repeats_stage_two_and_leaves_spotting(trained, toy):
    planes, targets, labels = toy(240, seed=100)
    same = (planes[targets > 0], labels[targets > 0])
    again, history = retrain_recognition(trained[0], *same, settings=QUICK, seed=0)
    np.testing.assert_array_equal(history, trained[1]["recognition"])
    for name, value in trained[0].state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name
    mixed = np.random.default_rng(0).permutation(same[1])
    other, _ = retrain_recognition(trained[0], same[0], mixed, settings=QUICK, seed=0)
    spot, logits = predict(trained[0], planes[:20], device="cpu")
    other_spot, other_logits = predict(other, planes[:20], device="cpu")
    np.testing.assert_array_equal(spot, other_spot)
    assert not np.array_equal(logits, other_logits)
    with pytest.raises(ValueError, match="transfer is False, but the model was made with True"):
        retrain_recognition(trained[0], *same, settings=MEANSettings(transfer=False))
