"""SFAMNet with the released weights against the outputs of the released code."""

import numpy as np
import pytest
import torch
from released_files import ROOT, golden, needs_reference

from melib.models import load_sfamnet, nonfinite_tensors, predict

pytestmark = needs_reference


def checkpoints():
    return sorted((ROOT / "SFAMNet/pretrained_weights").glob("*emo/subject_*.pkl"))


@pytest.mark.parametrize("path", golden("sfamnet_*.npz"), ids=lambda path: path.stem)
def test_outputs_are_those_of_the_released_network(path):
    case = np.load(path)
    weights = ROOT / f"SFAMNet/pretrained_weights/{case['emotions']}emo/subject_{case['subject']}.pkl"
    model = load_sfamnet(weights)
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
