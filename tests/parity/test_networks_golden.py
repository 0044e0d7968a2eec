"""Networks with the released weights, and five steps of their training, against what the released code gave."""

import numpy as np
import pytest
import torch
from released_files import ROOT, golden, needs_reference
from scipy.special import softmax

from melib.models import load_mean, load_sfamnet, nonfinite_tensors, predict
from melib.training.loop import fit
from melib.training.sfamnet import JointStage, SFAMNetSettings, balanced_weights

pytestmark = needs_reference


def mean_weights(case, kind):
    return load_mean(ROOT / f"MEAN_Spot-then-recognize/MEAN_Weights/{case['dataset']}/{kind}/s{case['subject']}.hdf5")


def sfamnet_weights(case):
    return load_sfamnet(ROOT / f"SFAMNet/pretrained_weights/{case['emotions']}emo/subject_{case['subject']}.pkl")


@pytest.mark.parametrize("path", golden("mean_*.npz"), ids=lambda path: path.stem)
def test_outputs_of_mean_are_those_of_the_released_network_and_files_of_one_task_hold_it_without_the_other_head(path):
    case = np.load(path)
    both = mean_weights(case, "spot_recog")
    spot, logits = predict(both, np.moveaxis(case["x"], 3, 1), device="cpu")
    np.testing.assert_allclose(spot, case["spot"], atol=1e-5)
    np.testing.assert_allclose(softmax(logits, axis=1), case["recog"], atol=1e-5)
    for kind, missing in (("spot", "recognition."), ("recog", "spot.")):
        for name, value in mean_weights(case, kind).state_dict().items():
            if name.startswith(missing):
                assert torch.isnan(value).all()
            else:
                assert torch.equal(value, both.state_dict()[name]), name


def checkpoints():
    return sorted((ROOT / "SFAMNet/pretrained_weights").glob("*emo/subject_*.pkl"))


@pytest.mark.parametrize("path", golden("sfamnet_*.npz"), ids=lambda path: path.stem)
def test_outputs_of_sfamnet_are_those_of_the_released_network(path):
    case = np.load(path)
    model = sfamnet_weights(case)
    assert model.classes == case["emotions"] + 1
    spot, logits = predict(model, case["x"], device="cpu")
    np.testing.assert_allclose(spot, case["spot"], atol=1e-5)
    np.testing.assert_allclose(logits, case["recog"], atol=1e-5)


@pytest.mark.parametrize("path", checkpoints(), ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_file_is_refused_exactly_if_it_is_not_finite(path):
    bad = nonfinite_tensors(torch.load(path, map_location="cpu", weights_only=True))
    if not bad:
        load_sfamnet(path)
        return
    with pytest.raises(ValueError, match=f"in {len(bad)} of 77 tensors") as raised:
        load_sfamnet(path)
    assert all(name in str(raised.value) for name in bad)
    planes = np.random.default_rng(0).random((4, 3, 42, 42), dtype=np.float32)
    spot, logits = predict(load_sfamnet(path, allow_nonfinite=True), planes, device="cpu")
    assert np.isnan(spot).all() and (logits.argmax(1) == 0).all(), "such a fold spots nothing and names class 0"


@pytest.mark.parametrize("part", [None, 16], ids=["whole", "parts"])
@pytest.mark.parametrize("path", golden("train_sfamnet_*.npz"), ids=lambda path: path.stem)
def test_losses_and_outputs_follow_the_released_training(path, part):
    case = np.load(path)
    model = sfamnet_weights(case)
    np.testing.assert_allclose(balanced_weights(case["emotion_target"], model.classes), case["class_weight"], rtol=1e-6)
    planes = case["x"][: len(case["spot_after"])]
    before = predict(model, planes, device="cpu")
    settings = SFAMNetSettings(spot_weight=float(case["loss_lambda"]))
    stage = JointStage(model, torch.from_numpy(case["class_weight"]), settings)
    batch = tuple(torch.from_numpy(case[name]) for name in ("x", "spot_target", "emotion_target"))
    batch += (torch.ones(len(batch[0])),)  # no augmentation
    losses = fit(stage, lambda: batch, steps=len(case["losses"]), rate=float(case["lr"]), part=part)
    np.testing.assert_allclose(losses, case["losses"], rtol=1e-4)
    after = predict(model, planes, device="cpu")
    # Adam makes a whole step of a gradient's sign, rounding or not: what counts is how little that is of the change.
    for ours, start, theirs in zip(after, before, (case["spot_after"], case["recog_after"]), strict=True):
        assert np.abs(ours - theirs).max() < 0.01 * np.abs(theirs - start).max()
