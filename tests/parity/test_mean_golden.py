"""MEAN with the released weights against the outputs of the released code."""

import numpy as np
import pytest
import torch
from released_files import ROOT, golden, needs_reference
from scipy.special import softmax

from melib.models import load_mean, predict

pytestmark = needs_reference


def checkpoint(case, kind):
    return ROOT / f"MEAN_Spot-then-recognize/MEAN_Weights/{case['dataset']}/{kind}/s{case['subject']}.hdf5"


@pytest.mark.parametrize("path", golden("mean_*.npz"), ids=lambda path: path.stem)
def test_outputs_are_those_of_the_released_network_and_files_of_one_task_hold_it_without_the_other_head(path):
    case = np.load(path)
    both = load_mean(checkpoint(case, "spot_recog"))
    spot, logits = predict(both, np.moveaxis(case["x"], 3, 1), device="cpu")
    np.testing.assert_allclose(spot, case["spot"], atol=1e-5)
    np.testing.assert_allclose(softmax(logits, axis=1), case["recog"], atol=1e-5)
    for kind, missing in (("spot", "recognition."), ("recog", "spot.")):
        for name, value in load_mean(checkpoint(case, kind)).state_dict().items():
            if name.startswith(missing):
                assert torch.isnan(value).all()
            else:
                assert torch.equal(value, both.state_dict()[name]), name
