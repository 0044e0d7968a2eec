"""A training run that is killed and started again ends with the same bits."""

import pytest
import torch

import melib.training.loop as loop
from melib.training import MEANSettings, SFAMNetSettings, train_mean, train_sfamnet

SFAMNET = SFAMNetSettings(steps=7, batch=12, rate=1e-3)
MEAN = MEANSettings(spot_steps=5, recognition_steps=5, batch=12)


class Killed(BaseException):
    pass


def sfamnet(toy, **more):
    planes, targets, labels = toy(60, seed=3)
    frame_labels = labels.copy()
    frame_labels[targets == 0] = 3
    arguments = (planes, targets, frame_labels, planes[1::2], labels[1::2])
    return train_sfamnet(*arguments, classes=4, device="cpu", checkpoint_every=2, **({"settings": SFAMNET} | more))


def mean(toy, **more):
    planes, targets, labels = toy(60, seed=3)
    arguments = (planes, targets, planes[1::2], labels[1::2])
    return train_mean(*arguments, classes=3, device="cpu", checkpoint_every=2, **({"settings": MEAN} | more))


# Steps done when the kill comes: before the first writing, just after one, in the second stage of MEAN.
@pytest.mark.parametrize(("train", "after"), [(sfamnet, 1), (sfamnet, 5), (mean, 3), (mean, 8)])
def test_a_killed_run_goes_on_with_the_same_bits(toy, tmp_path, monkeypatch, train, after):
    expected, expected_history = train(toy)
    done = 0
    original = loop._require_finite

    def kill(*arguments):
        nonlocal done
        done += 1
        if done == after:
            raise Killed
        original(*arguments)

    monkeypatch.setattr(loop, "_require_finite", kill)
    with pytest.raises(Killed):
        train(toy, checkpoint=tmp_path)
    monkeypatch.setattr(loop, "_require_finite", original)
    model, history = train(toy, checkpoint=tmp_path)
    for name, value in expected.state_dict().items():
        assert torch.equal(value, model.state_dict()[name]), name
    for name, losses in expected_history.items():
        assert (history[name] == losses).all() and history[name].shape == losses.shape


def test_a_finished_run_is_not_repeated(toy, tmp_path, monkeypatch):
    first, _ = sfamnet(toy, checkpoint=tmp_path)

    def refuse(*_):
        raise AssertionError("a step was made")

    monkeypatch.setattr(loop, "_require_finite", refuse)
    again, history = sfamnet(toy, checkpoint=tmp_path)
    assert len(history["joint"]) == 7
    assert torch.equal(first.spot.dense.weight, again.spot.dense.weight)


def test_a_checkpoint_of_another_run_is_refused(toy, tmp_path):
    sfamnet(toy, checkpoint=tmp_path)
    with pytest.raises(ValueError, match="belongs to another run"):
        sfamnet(toy, checkpoint=tmp_path, seed=1)
    with pytest.raises(ValueError, match="belongs to another run"):
        sfamnet(lambda n, seed: toy(n, seed + 1), checkpoint=tmp_path)


def test_nothing_but_the_checkpoint_is_left(toy, tmp_path):
    mean(toy, checkpoint=tmp_path / "new" / "fold")
    assert sorted(entry.name for entry in (tmp_path / "new" / "fold").iterdir()) == ["recognition.pt", "spot.pt"]
