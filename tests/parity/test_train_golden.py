"""Five steps of training against what the released code recorded."""

import numpy as np
import pytest
import torch
from released_files import ROOT, golden, needs_reference

from melib.models import load_sfamnet, predict
from melib.training.loop import fit
from melib.training.sfamnet import JointStage, SFAMNetSettings, balanced_weights

pytestmark = needs_reference


@pytest.mark.parametrize("part", [None, 16], ids=["whole", "parts"])
@pytest.mark.parametrize("path", golden("train_sfamnet_*.npz"), ids=lambda path: path.stem)
def test_losses_and_outputs_follow_the_released_training(path, part):
    case = np.load(path)
    checkpoint = ROOT / f"SFAMNet/pretrained_weights/{case['emotions']}emo/subject_{case['subject']}.pkl"
    model = load_sfamnet(checkpoint)
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
