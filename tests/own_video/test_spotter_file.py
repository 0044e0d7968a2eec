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

from melib.__main__ import main
from melib.features import FeatureSettings
from melib.models import MEAN, WindowNet, save_model
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


def same_spotter(one, other):
    assert replace(one, model=None) == replace(other, model=None)
    for name, value in one.model.state_dict().items():
        assert torch.equal(other.model.state_dict()[name], value)


def test_a_spotter_comes_back_from_its_file_as_it_was(spotter, path):
    same_spotter(spotter, load_spotter(path))


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
        refused(path, r"no spotter of this version \('spotter'\)")
    save_spotter(spotter, path)
    with safe_open(path, "pt") as file:
        header = file.metadata()
    weights = spotter.model.state_dict()
    incomplete = {name: value for name, value in weights.items() if name != "heads.bias"}
    for tensors, said in ((WindowNet(7).state_dict(), header), (incomplete, header), (weights, {"network": "MEAN"})):
        save_file(tensors, path, said)
        refused(path, "no spotter of this version")
    save_model(spotter.model, path, spotter='{"settings": {}, "emotions": [], "bands": [], "colour": "red"}')
    refused(path, "no spotter of this version")
    with torch.no_grad():
        spotter.model.heads.bias.fill_(float("nan"))
    save_spotter(spotter, path)
    refused(path, r"NaN or infinite weights in 1 of .*heads\.bias")


def test_a_mark_falls_into_the_band_that_it_reaches(spotter):
    low, high = spotter.bands
    assert [spotter.band(score) for score in (0.1, 0.5, 0.69, 0.7, 0.9)] == [low, low, low, high, high]
    assert spotter.rate == 5.0


def test_bands_count_what_was_found_and_what_was_right():
    rng = np.random.default_rng(0)
    found = pd.DataFrame({"score": rng.random(120)})
    hit = (rng.random(120) < found["score"]).to_numpy()
    bands = make_spotter.bands_of(found, hit)
    assert sum(band.found for band in bands) == 120 and sum(band.hits for band in bands) == hit.sum()
    for band, most in zip(bands, [*(band.least for band in bands[1:]), np.inf], strict=True):
        inside = (found["score"] >= band.least) & (found["score"] < most)
        assert (band.found, band.hits) == (inside.sum(), hit[inside].sum())
        assert band.low < band.share < band.high
    (none,) = make_spotter.bands_of(found[:1], hit[:1] & False)
    assert (none.hits, none.low, none.high) == (0, 0.0, pytest.approx(0.975))


def test_the_tool_makes_the_same_spotter_twice_and_the_command_takes_it(mp4, tmp_path, monkeypatch, capsys):
    def invented(video, pairs, settings, **_):
        noise = np.random.default_rng(sum(map(ord, video.subject))).normal(0, 0.02, (len(pairs[0]), 3, 42, 42))
        for one in (each for each in video.expressions if each.kind == "micro"):
            moving = (pairs[0] <= one.offset) & (pairs[1] >= one.onset)
            noise[moving, :, 4:20] += 0.3
        yield noise.astype(np.float32)

    monkeypatch.setattr("melib.features.store.planes", invented)
    settings = replace(make_spotter.training_settings(make_spotter.SETTINGS), steps=4)
    monkeypatch.setattr(make_spotter, "training_settings", lambda _: settings)
    monkeypatch.setattr(make_spotter, "THRESHOLDS", [0.005])
    monkeypatch.setattr(make_spotter, "MOST_FALSE", 1e9)
    sizes = make_spotter.Sizes(training=2, fresh=2, videos=2, frames=300)
    for name in ("one", "two"):
        assert make_spotter.run(tmp_path / name, tmp_path / "store", 1, sizes) == 0
    said, made, again = capsys.readouterr().out, *(load_spotter(tmp_path / name) for name in ("one", "two"))
    same_spotter(made, again)
    assert said.count("fresh people of synthetic-everyday") == 2 and made.threshold == 0.005
    told = "training_subjects", "fresh_subjects", "fresh_minutes", "seed"
    assert [made.origin[name] for name in told] == ["4", "2", f"{2 * 2 * 10 / 60:g}", "0"]
    assert main(["spot", str(mp4), "--out", str(tmp_path / "out"), "--model", str(tmp_path / "one"), "--no-video"]) == 0
    assert made.origin["dataset"] in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


def test_the_shipped_spotter_is_small_and_says_where_it_comes_from():
    spotter = load_spotter()
    assert SHIPPED.stat().st_size < 2**20 and re.fullmatch(r"[0-9a-f]{40}", spotter.origin["commit"])
    assert re.fullmatch(r"synthetic-default \S+ and synthetic-everyday \S+", spotter.origin["dataset"])
    assert all(int(spotter.origin[name]) >= 20 for name in ("training_subjects", "fresh_subjects", "fresh_true"))
    assert 2 <= len(spotter.bands) <= make_spotter.BANDS
    seen = spotter.settings
    assert (seen.input, seen.normalization, seen.region, seen.stabilization) == ("O", "fixed", "face", "relief")
    assert (spotter.model.kinds, spotter.model.classes) == (2, len(spotter.emotions))
    least = [band.least for band in spotter.bands]
    assert least == sorted(least) and least[0] >= spotter.threshold
    assert all(0 <= band.low <= band.share <= band.high <= 1 for band in spotter.bands)
    assert sum(band.hits for band in spotter.bands) <= int(spotter.origin["fresh_true"])
