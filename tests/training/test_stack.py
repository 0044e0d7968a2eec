"""Folds trained together are the folds trained alone.

Rounding drifts apart in long trainings, so arithmetic is compared in double precision and over a few steps.
"""

from dataclasses import replace

import numpy as np
import pytest
import torch

from melib.training import MEANSettings, SFAMNetSettings, stack
from melib.training.loop import fit
from melib.training.mean import recognition_stage, spotting_stage
from melib.training.sfamnet import sfamnet_stage
from melib.training.stack import FoldSamples, fit_stack, train_stack, train_stacks

CPU = torch.device("cpu")
SFAMNET = SFAMNetSettings(steps=3, batch=4, rate=1e-3)
MEAN = MEANSettings(spot_steps=3, recognition_steps=3, batch=4)
SCRATCH = replace(MEAN, transfer=False)


@pytest.fixture(scope="module")
def folds_of(toy):
    """Folds of one network, each with other samples and another seed."""

    def make(settings):
        folds = []
        for seed in (3, 4, 5):
            planes, targets, labels = toy(60 + 2 * seed, seed=seed)
            frame_labels = [np.where(targets > 0, labels, 3)] if isinstance(settings, SFAMNetSettings) else []
            folds.append(FoldSamples([planes, targets, *frame_labels, planes[1::2], labels[1::2]], seed))
        return folds, {"classes": 3 + isinstance(settings, SFAMNetSettings), "settings": settings, "device": CPU}

    return make


def in_double(draw):
    return lambda: tuple(tensor.double() if tensor.is_floating_point() else tensor for tensor in draw())


@pytest.mark.parametrize("stage_of", ["joint", "spotting", "recognition", "recognition from scratch"])
def test_a_stack_computes_what_each_fold_computes(folds_of, stage_of):
    settings = {"joint": SFAMNET, "recognition from scratch": SCRATCH}.get(stage_of, MEAN)
    folds, common = folds_of(settings)

    def stages():
        for fold in folds[:2]:
            if stage_of == "joint":
                yield sfamnet_stage(*fold.samples, seed=fold.seed, **common)
                continue
            stage, draw = spotting_stage(*fold.samples[:2], seed=fold.seed, **common)
            if stage_of != "spotting":
                stage, draw = recognition_stage(stage.model, *fold.samples[2:], settings=settings, seed=fold.seed)
            yield stage, draw

    adam = {"steps": 3, "rate": 1e-3}
    networks, draws = zip(*((stage.double(), in_double(draw)) for stage, draw in stages()), strict=True)
    histories = fit_stack(networks, draws, **adam)
    for network, history, (stage, draw) in zip(networks, histories, stages(), strict=True):
        before = {name: value.clone() for name, value in stage.double().state_dict().items()}
        np.testing.assert_allclose(history, fit(stage, in_double(draw), **adam), rtol=1e-7)
        for name, value in stage.state_dict().items():
            torch.testing.assert_close(network.state_dict()[name], value, atol=1e-7, rtol=0, msg=name)
        trained = [name for name, parameter in stage.named_parameters() if parameter.requires_grad]
        assert max((stage.get_parameter(name) - before[name]).abs().max() for name in trained) > 1e-3, "far more"


def test_folds_of_unequal_numbers_of_updates_are_no_stack(folds_of):
    folds, common = folds_of(MEANSettings(batch=4))
    with pytest.raises(ValueError, match="set spot_steps"):
        train_stack(folds, **common)


def test_a_stack_is_halved_until_memory_holds_it(folds_of, monkeypatch):
    folds, common = folds_of(SFAMNET)
    expected = train_stacks(folds, at_once=1, **common)
    tried, real = [], stack.train_stack

    def short_of_memory(part, **more):
        tried.append(len(part))
        if len(part) > 1:
            raise torch.OutOfMemoryError("no room")
        return real(part, **more)

    monkeypatch.setattr(stack, "train_stack", short_of_memory)
    found = train_stacks(folds, **common)
    assert tried == [3, 2, 1, 1, 1]
    for (model, _), (other, _) in zip(found, expected, strict=True):
        assert all(torch.equal(value, other.state_dict()[name]) for name, value in model.state_dict().items())
