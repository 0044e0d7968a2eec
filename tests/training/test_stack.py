"""Folds trained together are the folds trained alone."""

import numpy as np
import pytest
import torch

import melib.training.loop as loop
from melib.training import MEANSettings, SFAMNetSettings, stack, train_folds, train_mean, train_sfamnet
from melib.training.stack import FoldSamples, train_stack, train_stacks

CPU = torch.device("cpu")
SFAMNET = SFAMNetSettings(steps=20, batch=8, rate=1e-3)
MEAN = MEANSettings(spot_steps=20, recognition_steps=20, batch=8)


def own(samples, folds):
    """Each fold with its rows of shared samples."""
    return [FoldSamples(samples, 0, *rows) for rows in folds]


@pytest.fixture(scope="module")
def data(toy):
    planes, targets, labels = toy(90, seed=3)
    folds = [
        (np.delete(np.arange(90), np.s_[30 * i : 30 * i + 30]), np.delete(np.arange(45), np.s_[15 * i : 15 * i + 15]))
        for i in range(3)
    ]
    mean = (planes, targets, planes[1::2], labels[1::2])
    sfamnet = (planes, targets, np.where(targets > 0, labels, 3), planes[1::2], labels[1::2])
    return {"mean": (mean, 3, train_mean), "sfamnet": (sfamnet, 4, train_sfamnet)}, folds


@pytest.mark.parametrize(
    ("network", "settings"),
    [("sfamnet", SFAMNET), ("mean", MEAN), ("mean", MEANSettings(20, 20, 20, 20, batch=8, transfer=False))],
    ids=["sfamnet", "mean", "mean without transfer"],
)
def test_a_fold_in_the_stack_equals_the_fold_alone(data, network, settings):
    (samples, classes, train), folds = data[0][network], data[1]
    stacked = train_stack(own(samples, folds), classes=classes, settings=settings, device=CPU)
    weights = []
    for (rows, emotion_rows), (model, history) in zip(folds, stacked, strict=True):
        alone, expected = train(
            *samples, classes=classes, settings=settings, seed=0, device=CPU, rows=rows, emotion_rows=emotion_rows
        )
        for name, value in alone.state_dict().items():
            torch.testing.assert_close(model.state_dict()[name], value, atol=1e-5, rtol=0, msg=name)
        for name, losses in expected.items():
            np.testing.assert_allclose(history[name], losses, atol=1e-5)
        weights.append(model.spot.dense.weight)
    assert not torch.equal(weights[0], weights[1]), "the folds have seen different samples"


def test_a_fold_never_sees_rows_that_are_not_its_own(data):
    (samples, classes, _), folds = data[0]["sfamnet"], data[1]
    spoilt = [array.copy() for array in samples]
    left_out = np.setdiff1d(np.arange(90), folds[0][0])
    spoilt[0][left_out] = np.nan
    settings = SFAMNetSettings(steps=2, batch=16)
    clean = train_folds(samples, folds[:1], classes=classes, settings=settings, device=CPU)[0][0]
    blind = train_folds(spoilt, folds[:1], classes=classes, settings=settings, device=CPU)[0][0]
    assert all(torch.equal(value, blind.state_dict()[name]) for name, value in clean.state_dict().items())


def test_folds_in_processes_have_the_bits_of_the_folds_alone(data):
    (samples, classes, train), folds = data[0]["mean"], data[1]
    settings = MEANSettings(spot_steps=2, recognition_steps=2, batch=8)
    together = train_folds(samples, folds, classes=classes, settings=settings, device=CPU, processes=2)
    for (rows, emotion_rows), (model, _) in zip(folds, together, strict=True):
        alone, _ = train(*samples, classes=classes, settings=settings, device=CPU, rows=rows, emotion_rows=emotion_rows)
        assert all(torch.equal(value, model.state_dict()[name]) for name, value in alone.state_dict().items())


def test_folds_of_unequal_numbers_of_updates_are_no_stack(data):
    (samples, classes, _), folds = data[0]["mean"], data[1]
    uneven = [folds[0], (folds[1][0][:30], folds[1][1])]
    with pytest.raises(ValueError, match="set spot_steps"):
        train_stack(own(samples, uneven), classes=classes, settings=MEANSettings(batch=4), device=CPU)


def test_a_stack_that_is_killed_goes_on_with_the_same_bits(data, tmp_path, monkeypatch):
    (samples, classes, _), folds = data[0]["sfamnet"], data[1]
    common = {"classes": classes, "settings": SFAMNetSettings(steps=5, batch=8), "device": CPU}
    expected = train_stack(own(samples, folds), **common)
    made = []

    def killed(losses, step):
        made.append(step)
        if made == [0, 1, 2, 3]:
            raise KeyboardInterrupt

    monkeypatch.setattr(loop, "_require_finite", killed)
    with pytest.raises(KeyboardInterrupt):
        train_stack(own(samples, folds), checkpoint=tmp_path, checkpoint_every=2, **common)
    again = train_stack(own(samples, folds), checkpoint=tmp_path, checkpoint_every=2, **common)
    assert made == [0, 1, 2, 3, 2, 3, 4]
    for (model, history), (other, other_history) in zip(expected, again, strict=True):
        assert all(torch.equal(value, other.state_dict()[name]) for name, value in model.state_dict().items())
        assert (history["joint"] == other_history["joint"]).all()


def test_folds_of_other_samples_and_seeds_make_a_stack(data):
    (samples, classes, train), folds = data[0]["mean"], data[1]
    others = (samples[0], 1 - samples[1], *samples[2:])
    both = [FoldSamples(samples, 3, *folds[0]), FoldSamples(others, 4, *folds[1])]
    stacked = train_stack(both, classes=classes, settings=MEAN, device=CPU)
    for fold, (model, _) in zip(both, stacked, strict=True):
        rows = {"rows": fold.rows, "emotion_rows": fold.emotion_rows}
        alone, _ = train(*fold.samples, classes=classes, settings=MEAN, seed=fold.seed, device=CPU, **rows)
        for name, value in alone.state_dict().items():
            torch.testing.assert_close(model.state_dict()[name], value, atol=1e-5, rtol=0, msg=name)


def test_a_stack_is_halved_until_memory_holds_it(data, monkeypatch):
    (samples, classes, _), folds = data[0]["sfamnet"], data[1]
    common = {"classes": classes, "settings": SFAMNetSettings(steps=2, batch=8), "device": CPU}
    expected = train_stacks(own(samples, folds), at_once=1, **common)
    tried, real = [], stack.train_stack

    def short_of_memory(part, **more):
        tried.append(len(part))
        if len(part) > 1:
            raise torch.OutOfMemoryError("no room")
        return real(part, **more)

    monkeypatch.setattr(stack, "train_stack", short_of_memory)
    found = train_stacks(own(samples, folds), **common)
    assert tried == [3, 2, 1, 1, 1]
    for (model, _), (other, _) in zip(found, expected, strict=True):
        assert all(torch.equal(value, other.state_dict()[name]) for name, value in model.state_dict().items())
    with pytest.raises(torch.OutOfMemoryError):
        train_stacks(own(samples, folds), at_once=2, **common)
