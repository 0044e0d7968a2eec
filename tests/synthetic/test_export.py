"""The benchmark as files: CAS(ME)^3's reader gives back what the generator has, and no run leaves half a folder."""

import hashlib
import json
import shutil

import numpy as np
import pandas as pd
import pytest

from melib import datasets
from melib.__main__ import main
from melib.synthetic.dataset import SyntheticVideo, open_benchmark

SIZE = {"population": "test", "videos": 2, "frames": 30}
#: The only frame of the first video that is rendered; the others are grey, which says as much of a file.
RENDERED = 9


@pytest.fixture(scope="module")
def shot():
    """Video and number of each frame that is asked of the generator."""
    asked, render = [], SyntheticVideo._render

    def quick(video, frame):
        asked.append((video.name, frame))
        if video.name == "v00" and frame == RENDERED:
            return render(video, frame)
        return np.full((480, 640, 3), frame, np.uint8), np.full((480, 640), 500 + frame, np.uint16)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SyntheticVideo, "_render", quick)
        yield asked


def write(folder, *options):
    size = (word for name, value in SIZE.items() for word in (f"--{name}", str(value)))
    return main(["render", "default", "--people", "1", "--out", str(folder), *size, *options])


@pytest.fixture(scope="module")
def root(tmp_path_factory, shot):
    folder = tmp_path_factory.mktemp("rendered")
    assert write(folder, "--format", "png") == 0
    return folder


@pytest.fixture(scope="module")
def pairs(root):
    read = datasets.open_dataset("casme3", root)
    assert read.synthetic and len(read.labels.skipped) == len(read.labels.changes) == 0
    return list(zip(read.videos, open_benchmark(subjects=1, **SIZE, view="full").videos, strict=True))


def digests(folder):
    files = (path for path in folder.rglob("*.*") if path.is_file())
    return {path.relative_to(folder): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_the_reader_gives_back_labels_lengths_camera_colour_and_depth(root, pairs):
    for read, video in pairs:
        named = [{**vars(e), "emotion": e.emotion if e.kind == "micro" else None} for e in video.expressions]
        assert [vars(e) for e in read.expressions] == named
        assert (read.n_frames, read.fps, read.missing, read.missing_depth) == (video.n_frames, video.fps, 0, 0)
        assert vars(read.camera) == pytest.approx(vars(video.camera))
        assert np.array_equal(read.frames(8, 11), video.frames(8, 11))
        assert np.abs(read.depth(8, 11) - video.depth(8, 11)).max() <= 0.0005
    every = [e for _, video in pairs for e in video.expressions]
    assert {e.kind for e in every} == {"micro", "macro"}
    assert pd.read_csv(root / "labels.csv")["emotion"].tolist() == [e.emotion for e in every]


def test_jpeg_is_off_by_a_few_grey_levels(pairs, tmp_path):
    assert write(tmp_path) == 0
    error = np.abs(datasets.open_dataset("casme3", tmp_path).videos[0].frames(9, 10) - pairs[0][1].frames(9, 10) * 1.0)
    assert 0 < error.mean() < 2 and np.quantile(error, 0.99) <= 8


def test_a_killed_run_goes_on_with_what_is_missing_and_gives_the_same_bytes(root, shot):
    whole = digests(root)
    for name in ("croissant.json", "spNO.5001/b/depth/4.png", "spNO.5001/b/color/30.png"):
        (root / name).unlink()
    (root / "spNO.5001/a/color/.7.png.0.part").write_bytes(b"half")
    shot.clear()
    assert write(root, "--format", "png") == 0 and set(shot) <= {("v01", 3), ("v01", 29)}
    assert digests(root) == whole


def test_the_description_is_valid_croissant_and_holds_the_sums_of_the_files(root):
    told = json.loads((root / "croissant.json").read_text())["distribution"]
    sums = {str(path): each for path, each in digests(root).items() if len(path.parts) == 1}
    del sums["croissant.json"]
    assert {each["name"]: each["sha256"] for each in told if "sha256" in each} == sums
    assert [len(list(root.glob(each["includes"]))) for each in told if "includes" in each] == [60, 60]
    croissant = pytest.importorskip("mlcroissant", reason="mlcroissant, of requirements.lock, is not installed")
    described = croissant.Dataset(jsonld=root / "croissant.json")
    assert not described.metadata.ctx.issues.errors and not described.metadata.ctx.issues.warnings
    onsets = [record["labels/onset"] for record in described.records("labels")]
    assert onsets == pd.read_csv(root / "labels.csv")["onset"].tolist()


def test_what_cannot_be_written_or_read_is_refused_in_one_line(root, capsys, tmp_path):
    before = digests(root)
    for options, words in (
        (["--people", "2", "--format", "png"], "holds something else"),
        (["--format", "bmp"], "unknown image format 'bmp'"),
        (["--videos", "14"], "at most 4000 people, 13 videos of each"),
        (["--jobs", "0"], "jobs are at least 1"),
        (["--population", "both"], "unknown population 'both'"),
    ):
        assert write(root, *options) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert words in line and digests(root) == before
    assert main(["render", "out_of_plane", "--people", "1", "--out", str(tmp_path / "new")]) == 2
    assert "the seven emotions" in capsys.readouterr().err and not (tmp_path / "new").exists()
    shutil.copytree(root, tmp_path / "copy")
    (tmp_path / "copy" / "render.json").write_text("{}")
    with pytest.raises(ValueError, match="names no field of view"):
        datasets.open_dataset("casme3", tmp_path)
