"""A spotter is one file that says all that decides an interval, and the one that is shipped is sound."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import make_spotter
import numpy as np
import pandas as pd
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from melib.features import FeatureSettings
from melib.models import MEAN, SFAMNet, save_model
from melib.own_video import SHIPPED, Band, Spotter, load_spotter, save_spotter

ROOT = Path(__file__).parents[2]


@pytest.fixture
def spotter():
    return Spotter(
        model=MEAN(4, generator=torch.Generator().manual_seed(3)).eval(),
        settings=FeatureSettings(stabilization="affine"),
        gap_s=0.2,
        half_length_s=0.2,
        threshold=0.5,
        emotions=("negative", "positive", "surprise", "others"),
        bands=(Band(0.5, 10, 2, 0.1, 0.4), Band(0.7, 10, 6, 0.4, 0.8)),
        origin={"seed": "3"},
    )


def test_a_spotter_comes_back_from_its_file_as_it_was(spotter, tmp_path):
    path = tmp_path / "a.safetensors"
    save_spotter(spotter, path)
    found = load_spotter(path)
    assert replace(found, model=None) == replace(spotter, model=None)
    for name, value in spotter.model.state_dict().items():
        assert torch.equal(found.model.state_dict()[name], value)


def test_weights_that_are_not_numbers_are_refused(spotter, tmp_path):
    path = tmp_path / "nan.safetensors"
    with torch.no_grad():
        spotter.model.spot.dense.bias.fill_(float("nan"))
    save_spotter(spotter, path)
    with pytest.raises(ValueError, match=r"NaN or infinite weights in 1 of .*spot\.dense\.bias"):
        load_spotter(path)


def test_a_network_without_a_rule_is_refused(tmp_path):
    for model in (MEAN(4), SFAMNet(5)):
        path = tmp_path / f"{type(model).__name__}.safetensors"
        save_model(model, path, seed="1")
        with pytest.raises(ValueError, match="without a spotting rule"):
            load_spotter(path)


def test_what_is_no_checkpoint_is_refused_by_name(tmp_path):
    path = tmp_path / "letter.safetensors"
    path.write_bytes(b"Dear Sir")
    with pytest.raises(ValueError, match=r"letter\.safetensors is no safetensors file"):
        load_spotter(path)
    with pytest.raises(FileNotFoundError, match=r"no checkpoint .*missing\.safetensors"):
        load_spotter(tmp_path / "missing.safetensors")


def test_weights_of_another_network_are_refused_in_one_line(spotter, tmp_path):
    path, other = tmp_path / "a.safetensors", tmp_path / "other.safetensors"
    save_spotter(spotter, path)
    with safe_open(path, "pt") as file:
        header = file.metadata()
    incomplete = spotter.model.state_dict()
    del incomplete["spot.dense.bias"]
    for tensors in (MEAN(7).state_dict(), incomplete):
        save_file(tensors, other, header)
        with pytest.raises(ValueError, match="do not fit the network") as refused:
            load_spotter(other)
        assert "\n" not in str(refused.value) and str(other) in str(refused.value)
    save_file(spotter.model.state_dict(), other, {"network": "MEAN"})
    with pytest.raises(ValueError, match="do not fit the network"):
        load_spotter(other)


def test_a_rule_of_another_version_or_without_sense_is_refused(spotter, tmp_path):
    path = tmp_path / "a.safetensors"
    save_model(spotter.model, path, spotter='{"settings": {}, "emotions": [], "bands": [], "colour": "red"}')
    with pytest.raises(ValueError, match="another version"):
        load_spotter(path)
    for broken in (replace(spotter, bands=()), replace(spotter, gap_s=0.0)):
        save_spotter(broken, path)
        with pytest.raises(ValueError, match="no usable spotting rule"):
            load_spotter(path)


def test_intervals_last_as_long_in_seconds_at_any_frame_rate(spotter):
    for fps, length in ((30.0, 13), (200.0, 81)):
        score = np.zeros(round(4 * fps))
        score[round(1.9 * fps) : round(2.1 * fps)] = 3.0
        ((onset, apex, offset),) = spotter.intervals(score, fps).tolist()
        assert offset - onset + 1 == length
        assert apex / fps == pytest.approx(2.0, abs=0.05)


def test_a_score_falls_into_the_band_that_it_reaches(spotter):
    low, high = spotter.bands
    assert [spotter.band(score) for score in (0.1, 0.5, 0.69, 0.7, 9.0)] == [low, low, low, high, high]


def test_bands_count_what_was_found_and_what_was_right():
    rng = np.random.default_rng(0)
    found = pd.DataFrame({"subject": np.repeat([f"s{i}" for i in range(20)], 6), "score": rng.random(120)})
    hit = rng.random(120) < found["score"]
    bands = make_spotter.bands_of(found, hit.to_numpy())
    assert sum(band.found for band in bands) == 120 and sum(band.hits for band in bands) == hit.sum()
    edges = [band.least for band in bands] + [np.inf]
    for band, least, most in zip(bands, edges, edges[1:], strict=False):
        inside = (found["score"] >= least) & (found["score"] < most)
        assert (band.found, band.hits) == (inside.sum(), hit[inside].sum())
        assert band.low < band.share < band.high


def test_the_shipped_spotter_is_small_and_says_where_it_comes_from():
    spotter = load_spotter()
    assert SHIPPED.stat().st_size < 2**17
    assert re.fullmatch(r"[0-9a-f]{40}", spotter.origin["commit"])
    assert spotter.origin["dataset"].startswith("synthetic-default")
    assert (spotter.settings.input, spotter.settings.normalization) == ("O", "fixed")
    assert spotter.model.classes == len(spotter.emotions)


def test_the_shipped_bands_rise_from_the_threshold_and_are_within_their_limits():
    spotter = load_spotter()
    least = [band.least for band in spotter.bands]
    assert least == sorted(least) and least[0] >= spotter.threshold
    for band in spotter.bands:
        assert 0 <= band.low <= band.share <= band.high <= 1
    assert sum(band.hits for band in spotter.bands) <= int(spotter.origin["fresh_true"])


def test_weights_without_their_description_are_refused(tmp_path):
    tensors = load_file(SHIPPED)
    save_file(tensors, tmp_path / "bare.safetensors")
    with pytest.raises(ValueError, match="names no network"):
        load_spotter(tmp_path / "bare.safetensors")
