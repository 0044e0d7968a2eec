"""On a graphics card the library finds what it finds on a processor. Skipped where there is no CUDA device."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from flow_truth import micro_pairs

from melib.features import FeatureSettings, planes
from melib.flow import MODES, optical_flow, scene_flow
from melib.models import MEAN, SFAMNet, choose_device, predict
from melib.study.long_videos import study
from melib.study.settings import TIERS, Settings

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="PyTorch sees no CUDA device here"),
]

SMALL = replace(TIERS["smoke"], videos=1, clips=4, stride=8, spot_steps=9, recognition_steps=9, batch=16, resamples=50)


@pytest.fixture(scope="module")
def pairs():
    return micro_pairs(4, population="test", subjects=2)


def test_flow_and_scene_flow_on_the_card_are_those_on_the_processor(pairs):
    assert choose_device("auto").type == "cuda"
    gray, depth = (torch.from_numpy(np.stack([getattr(p, name) for p in pairs], axis=1)) for name in ("gray", "depth"))
    found = []
    for device in ("cpu", "cuda"):
        (a, b), (near, far) = gray.to(device), depth.to(device)
        # Without a tolerance both take the same number of iterations.
        flow = optical_flow(a, b, method="tvl1", tolerance=0.0)
        assert flow.device.type == device
        found.append((flow.cpu(), scene_flow(a, near, b, far, pairs[0].camera)[0].cpu()))
    (flow, scene), (flow_there, scene_there) = found
    assert (flow - flow_there).abs().mean() < 1e-3
    assert torch.equal(scene.isnan(), scene_there.isnan())
    assert (scene - scene_there).abs().nanmean() < 1e-5, "metres"


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("input", "region"), [("O", "strips"), ("S", "strips"), ("O+S", "face")])
def test_planes_made_on_the_card_are_those_of_the_processor(pairs, input, region, mode):
    how = FeatureSettings(input, region, "tvl1", mode)
    ends = np.array([pairs[0].onset]), np.array([pairs[0].apex])
    here, there = (next(planes(pairs[0].video, ends, how, device=device)) for device in ("cpu", "cuda"))
    # In units of the fixed scales; TV-L1 stops when little changes, which roundings move by an iteration or two.
    assert np.abs(here - there).mean() < 5e-3 and here.shape == there.shape


@pytest.mark.parametrize("network", [MEAN(4), SFAMNet(5)], ids=["mean", "sfamnet"])
def test_a_network_answers_alike_on_both(network):
    planes = np.random.default_rng(0).uniform(-1, 1, (50, 3, 42, 42)).astype(np.float32)
    here = predict(network.to("cpu"), planes, device="cpu")
    there = predict(network.to("cuda"), planes, device="cuda")
    for first, second in zip(here, there, strict=True):
        np.testing.assert_allclose(first, second, atol=1e-3)


@pytest.mark.parametrize("model", ["mean", "sfamnet"])
def test_a_study_on_the_card_finds_what_it_finds_on_the_processor(model, monkeypatch, tmp_path):
    monkeypatch.setitem(TIERS, "smoke", SMALL)
    settings = Settings(suite="sanity", tier="smoke", split="loso", model=model, shuffled=False)
    here, there = (study(replace(settings, device=device), 0, store=tmp_path) for device in ("cpu", "cuda"))
    assert there.record.values["device"].startswith("cuda")
    assert here.scores.keys() == there.scores.keys()
    for video, score in here.scores.items():
        np.testing.assert_allclose(there.scores[video], score, atol=0.02, err_msg=str(video))
