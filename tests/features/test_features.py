"""Planes carry the motion that is there, and the store gives back what was computed, whole or not at all."""

import os
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from refusing import refused
from sliding import SlidingVideo

from melib import features
from melib.features import compute, store
from melib.features import settings as scales
from melib.video import Dataset, Expression

HERE = Path(__file__).parent
RAW = features.FeatureSettings(stabilization="none")
PAIR = (np.array([0]), np.array([2]))  # a texture that slides by one pixel


def all_planes(video, pairs, settings=RAW):
    return np.concatenate(list(features.planes(video, pairs, settings)))


def test_pairs_lie_a_gap_of_time_apart_or_go_from_onset_to_apex(video):
    assert [features.gap_frames(fps, 0.1) for fps in (200, 100, 30, 25)] == [20, 10, 3, 2]
    assert features.gap_frames(10, 0.01) == 1
    starts, ends = features.spotting_pairs(video, gap_s=0.2, stride=3)
    assert starts.tolist() == list(range(0, 34, 3)) and (ends - starts == 6).all()
    starts, ends = features.expression_pairs(video.expressions)
    assert (starts.tolist(), ends.tolist()) == ([10], [14])
    refused("v0 has 5 frames: too few for a gap of 6", features.spotting_pairs, SlidingVideo(n_frames=5), gap_s=0.2)
    refused("frame 3 has no apex", features.expression_pairs, [Expression(3, 9)])


def test_planes_are_flow_right_flow_down_and_strain_in_fixed_units(video):
    found = all_planes(video, (np.array([0, 8]), np.array([2, 10])))
    assert found.shape == (2, 3, 42, 42) and found.dtype == np.float32
    middle = found[:, :, 5:16, 8:34]
    assert middle[:, 0].mean() == pytest.approx(1.0 / scales.FLOW_SCALE_PX, abs=0.08)
    assert abs(middle[:, 1].mean()) < 0.08
    assert middle[:, 2].mean() < 0.05 / scales.STRAIN_SCALE
    # A motion that all of the face shares is the head's.
    assert abs(np.median(all_planes(video, PAIR, features.FeatureSettings())[:, 0])) < 0.05


def test_an_unknown_setting_is_named_with_its_choices():
    for name in ("input", "region", "method", "stabilization", "normalization"):
        refused(f"unknown {name} 'nonsense': use one of ", features.FeatureSettings, **{name: "nonsense"})


def test_memory_does_not_grow_with_the_number_of_pairs(tmp_path, dataset, monkeypatch):
    still = lambda a, b, **_: np.zeros((len(a), 2, *a.shape[1:]), np.float32)  # noqa: E731
    monkeypatch.setattr("melib.features.compute.flow.optical_flow", still)

    def peak(n_pairs):
        video = SlidingVideo(n_frames=36_000)
        starts = np.linspace(0, 35_000, n_pairs).astype(int)
        tracemalloc.start()
        try:
            features.stored_planes(tmp_path, dataset, video, (starts, starts + 6), RAW)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(8)
    # The planes of 48 more pairs would take 1.0 MB.
    few, many = peak(64), peak(112)
    assert many - few < 5e5, (few, many)


def test_optical_flow_by_dis_does_without_pytorch():
    code = (
        "import sys; from sliding import SlidingVideo; from melib import features; video = SlidingVideo();"
        "next(features.planes(video, features.spotting_pairs(video, gap_s=1.0), features.FeatureSettings()));"
        "sys.exit('torch' in sys.modules)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE), str(HERE.parents[1])])}
    assert subprocess.run([sys.executable, "-c", code], env=environment).returncode == 0


def test_what_is_stored_is_what_was_computed_and_is_computed_once(tmp_path, dataset, video):
    pairs = features.spotting_pairs(video, gap_s=0.2, stride=4)
    first = features.stored_planes(tmp_path, dataset, video, pairs, RAW)
    np.testing.assert_array_equal(first, all_planes(SlidingVideo(), pairs))
    asked = len(video.asked)
    again = features.stored_planes(tmp_path, dataset, video, pairs, RAW)
    assert len(video.asked) == asked and not again.flags.writeable
    np.testing.assert_array_equal(first, again)


def test_another_setting_dataset_video_pair_or_code_is_another_file(tmp_path, dataset, video, monkeypatch):
    def store_one(dataset=dataset, video=video, end=2, settings=RAW):
        features.stored_planes(tmp_path, dataset, video, (np.array([0]), np.array([end])), settings)

    for other in ({}, {"dataset": Dataset("sliding", "2", (), ())}, {"video": SlidingVideo("v1")}, {"end": 3}):
        store_one(**other)
    store_one(settings=features.FeatureSettings())
    before = features.key(dataset, RAW)
    monkeypatch.setattr(store, "source_hash", lambda *_, **__: "other code")
    store_one()
    assert len(list(tmp_path.glob("*.npy"))) == 6
    assert len(before) == 64 and before != features.key(dataset, RAW)


def test_a_video_that_cannot_be_read_leaves_nothing_behind(tmp_path, dataset):
    video = SlidingVideo(n_frames=80, broken_at=70)
    with pytest.raises(OSError, match="frame 70 cannot be read"):
        features.stored_planes(tmp_path, dataset, video, features.spotting_pairs(video, gap_s=0.2), RAW)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"no array", None])
def test_a_damaged_file_is_named(tmp_path, dataset, video, content):
    features.stored_planes(tmp_path, dataset, video, PAIR, RAW)
    (path,) = tmp_path.glob("*.npy")
    if content is None:
        np.save(path, np.zeros((2, 3, 42, 42), np.float32))
    else:
        path.write_bytes(content)
    refused(f"{path.name}.*delete the file", features.stored_planes, tmp_path, dataset, video, PAIR, RAW)


def test_what_is_asked_at_once_shares_flow_and_has_the_bits_of_each_alone_in_two_processes(tmp_path, monkeypatch):
    dataset, found, counted = Dataset("sliding", "1", (), (), synthetic=True), compute.flow.optical_flow, []
    kinds = [features.FeatureSettings(), RAW, features.FeatureSettings(stabilization="affine", method="farneback")]
    videos = [SlidingVideo(f"v{i}", speed=0.2 * (i + 1), n_frames=20) for i in range(3)]
    asked = [
        (v, features.spotting_pairs(v, gap_s=0.2, stride=n), kind) for v in videos for n in (1, 5) for kind in kinds
    ]
    alone = [all_planes(*request) for request in asked]
    features.fill_store(tmp_path / "2", dataset, asked, jobs=2)
    monkeypatch.setattr(compute.flow, "optical_flow", lambda a, b, **how: counted.append(len(a)) or found(a, b, **how))
    features.fill_store(tmp_path / "1", dataset, asked)
    assert sum(counted) == 3 * 2 * 14  # of each video and by each of two methods, every pair once
    one, two = ({path.name: path.read_bytes() for path in (tmp_path / jobs).iterdir()} for jobs in "12")
    assert one == two and len(one) == len(asked)
    for (video, pairs, kind), planes in zip(asked, alone, strict=True):
        np.testing.assert_array_equal(features.stored_planes(tmp_path / "1", dataset, video, pairs, kind), planes)
