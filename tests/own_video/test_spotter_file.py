"""A spotter is one file that says all that decides an interval, and the one that is shipped is sound."""

import re
from dataclasses import replace

import make_spotter
import numpy as np
import pandas as pd
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from melib.features import FeatureSettings
from melib.models import MEAN, FrameValues, WindowNet, save_model
from melib.own_video import SHIPPED, Band, Spotter, load_spotter, save_spotter
from melib.video import EMOTIONS_4


@pytest.fixture
def spotter():
    model = WindowNet(4, generator=torch.Generator().manual_seed(3)).eval()
    seen, bands = FeatureSettings(region="face"), (Band(0.5, 10, 2, 0.1, 0.4), Band(0.7, 10, 6, 0.4, 0.8))
    origin = {"seed": "3", "fresh_minutes": "4"}
    rule = {"gap_s": 0.2, "threshold": 0.5, "emotions": EMOTIONS_4}
    return Spotter(model=model, settings=seen, **rule, bands=bands, origin=origin)


@pytest.fixture
def path(spotter, tmp_path):
    save_spotter(spotter, tmp_path / "a.safetensors")
    return tmp_path / "a.safetensors"


def test_a_spotter_comes_back_from_its_file_as_it_was(spotter, path):
    found = load_spotter(path)
    assert replace(found, model=None) == replace(spotter, model=None)
    for name, value in spotter.model.state_dict().items():
        assert torch.equal(found.model.state_dict()[name], value)


def refused(path, words, kind=ValueError):
    """The file cannot be loaded, and one line names it and says why."""
    with pytest.raises(kind, match=words) as caught:
        load_spotter(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_what_is_no_spotter_is_refused_by_name(spotter, path, tmp_path):
    other = tmp_path / "other.safetensors"
    refused(other, "no checkpoint", FileNotFoundError)
    other.write_bytes(b"Dear Sir")
    refused(other, "is no safetensors file")
    save_file(load_file(path), other)
    refused(other, "names no network")
    for model in (MEAN(4), WindowNet(4)):
        save_model(model, path, seed="1")
        refused(path, "no network with a threshold")
    with torch.no_grad():
        spotter.model.heads.bias.fill_(float("nan"))
    save_spotter(spotter, path)
    refused(path, r"NaN or infinite weights in 1 of .*heads\.bias")


def test_weights_or_a_rule_of_another_network_or_version_are_refused(spotter, path):
    with safe_open(path, "pt") as file:
        header = file.metadata()
    weights = spotter.model.state_dict()
    incomplete = {name: value for name, value in weights.items() if name != "heads.bias"}
    for tensors, said in ((WindowNet(7).state_dict(), header), (incomplete, header), (weights, {"network": "MEAN"})):
        save_file(tensors, path, said)
        refused(path, "do not fit the network")
    save_model(spotter.model, path, spotter='{"settings": {}, "emotions": [], "bands": [], "colour": "red"}')
    refused(path, "another version")
    unusable = {"bands": ()}, {"gap_s": 0.0}, {"threshold": 1.5}, {"emotions": ("joy",)}
    for changes, words in (({"gap_s": None}, "another version"), *((each, "cannot be used") for each in unusable)):
        save_spotter(replace(spotter, **changes), path)
        refused(path, words)


def test_marks_reach_the_threshold_and_fall_into_the_band_they_reach(spotter):
    rows = np.arange(60)
    kinds, ends = np.zeros((60, 2), np.float32), np.full((60, 2), 5.5, np.float32)
    kinds[[20, 40], 0] = 0.8, 0.4
    values = FrameValues(kinds, ends, np.ones((60, 3), np.float32), np.ones((60, 4), np.float32) / 4)
    found = spotter.intervals(values, rows + 3, 66)
    assert found.intervals[:, [0, 2]].tolist() == [[18, 28]] and found.scores == pytest.approx([0.8])
    low, high = spotter.bands
    assert [spotter.band(score) for score in (0.1, 0.5, 0.69, 0.7, 0.9)] == [low, low, low, high, high]
    assert (spotter.rate, replace(spotter, origin={}).rate) == (5.0, None)


def test_bands_count_what_was_found_and_what_was_right():
    rng = np.random.default_rng(0)
    found = pd.DataFrame({"subject": np.repeat([f"s{i}" for i in range(20)], 6), "score": rng.random(120)})
    hit = (rng.random(120) < found["score"]).to_numpy()
    bands = make_spotter.bands_of(found, hit)
    assert sum(band.found for band in bands) == 120 and sum(band.hits for band in bands) == hit.sum()
    for band, most in zip(bands, [*(band.least for band in bands[1:]), np.inf], strict=True):
        inside = (found["score"] >= band.least) & (found["score"] < most)
        assert (band.found, band.hits) == (inside.sum(), hit[inside].sum())
        assert band.low < band.share < band.high


def test_the_shipped_spotter_is_small_and_says_where_it_comes_from():
    spotter = load_spotter()
    assert SHIPPED.stat().st_size < 2**20 and re.fullmatch(r"[0-9a-f]{40}", spotter.origin["commit"])
    assert spotter.origin["dataset"].startswith("synthetic")
    seen = spotter.settings
    assert (seen.input, seen.normalization, seen.region, seen.stabilization) == ("O", "fixed", "face", "relief")
    assert (spotter.model.kinds, spotter.model.classes) == (2, len(spotter.emotions))
    least = [band.least for band in spotter.bands]
    assert least == sorted(least) and least[0] >= spotter.threshold
    assert all(0 <= band.low <= band.share <= band.high <= 1 for band in spotter.bands)
    assert sum(band.hits for band in spotter.bands) <= int(spotter.origin["fresh_true"])
