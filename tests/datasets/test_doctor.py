"""``melib doctor`` says of a copy what it holds and lacks beside the published counts, and changes nothing in it."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import casme_trees
import clip_trees
import cv2
import dataset_trees
import numpy as np
import pytest

from melib import datasets
from melib.__main__ import main
from melib.datasets import doctor
from melib.datasets.sheets import count_labels

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


def rename_the_only_clip(root):
    for clip in root.glob("VIS/s*/s*"):
        clip.rename(clip.with_name("s01_ne_77")) if clip.name == "s01_ne_01" else shutil.rmtree(clip)


def fewer_labels(root):
    rows = [clip_trees.smic_row(f"s01_ne_{i:02d}", FIRST, FIRST + 1, FIRST + 4) for i in (1, 4, 7)]
    dataset_trees.write_book(root / "SMIC-VIS-E_annotation.xlsx", Sheet1=[clip_trees.SMIC_COLUMNS, *rows])


def test_a_copy_with_all_that_was_published_passes(whole, capsys):
    assert examined(whole) == 0
    said = capsys.readouterr()
    assert "Verdict: as published" in said.out and said.err == ""
    assert ["as", "read", "micro", "71", "71", "71"] in [line.split() for line in said.out.splitlines()]
    assert "published ones from the literature" in said.out
    assert f"Frames: {71 * LENGTH} in 71 videos, 0 of them missing" in said.out and "8x6 (71)" in said.out


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lambda root: shutil.rmtree(frame(root).parent), "labels without frames: 1"),
        (lambda root: frame(root).unlink(), "missing frames: 1, in 1 of 71 videos"),
        (lambda root: frame(root).write_bytes(b"\xff\xd8 no picture"), "damaged files: 1"),
        (lambda root: cv2.imwrite(str(frame(root)), np.zeros((6, 9, 3), np.uint8)), "damaged files: 1"),
        (lambda root: [frame(root, number=n).unlink() for n in (105, 106)], "labels that end behind the last frame"),
        (fewer_labels, "as read: subjects 1 and not 8, micro 3 and not 71"),
    ],
    ids=["folder", "frame", "file", "size", "end", "labels"],
)
def test_what_a_copy_lacks_is_told_and_the_exit_code_is_1(copy, capsys, harm, words):
    harm(copy)
    assert examined(copy) == 1
    assert words in capsys.readouterr().out.partition("Verdict: usable with differences")[2]


def test_a_file_cut_short_is_found_by_decoding_alone(copy):
    path = frame(copy)
    assert cv2.imwrite(str(path), np.random.default_rng(0).integers(0, 255, (6, 8, 3), dtype=np.uint8))
    path.write_bytes(path.read_bytes()[:-30])
    assert examined(copy) == 0
    assert examined(copy, "--decode") == 1


def test_frames_that_the_release_lacks_or_holds_damaged_are_no_fault_of_a_copy(casme3, monkeypatch):
    monkeypatch.setitem(doctor._DAMAGED, ("casme3", "spNO.3", "j"), range(30, 31))
    result = doctor.examine("casme3", casme3, decode=True)
    assert [video["missing"] for video in result["videos"]] == [10, 0, 0, 0, 0]
    (reason,) = [reason for video in result["videos"] for reason in video["damaged"]]
    assert "31.jpg cannot be read" in reason
    said = "\n".join(result["differences"])
    assert "missing frames" not in said and "damaged files: 1" in said


def test_the_account_of_labels_is_complete(casme3):
    result = doctor.examine("casme3", casme3)
    account = result["labels"]
    lost = [(row["subject"], row["video"], row["reason"]) for row in account["without_frames"]]
    assert lost == [("spNO.5", "c", "no folder of frames")]
    assert [row["row"] for row in account["skipped"]] == [5] and "one frame" in account["skipped"][0]["reason"]
    assert sorted(row["column"] for row in account["changes"]) == ["apex", "offset", "onset"]
    assert all(row["reason"] and row["source"] for row in account["changes"])
    assert [(row["from"], row["to"]) for row in account["cut"]] == [(60, 40)]
    assert "videos without depth: 2 of 5" in result["differences"]
    counted = {
        (row["labels"], row["count"]): (row["published"], row["found"], row["with_frames"]) for row in result["counts"]
    }
    assert counted["as released", "micro"] == (860, 6, None)
    assert counted["after the rule of 30 frames", "micro"] == (818, 5, 4)
    assert counted["folders", "videos"] == (1300, 5, 5)


@pytest.mark.parametrize(
    ("name", "folder", "options"),
    [
        ("casme3", "SFAMNet/annotation", {"thirty_frame_rule": False}),
        ("casme_sq", "MTSN-Spot-ME-MaE/megc2021-ground-truth", {}),
        ("samm_lv", "MTSN-Spot-ME-MaE/megc2021-ground-truth", {}),
    ],
)
def test_the_released_label_files_hold_the_published_counts(name, folder, options):
    if "MELIB_REFERENCE" not in os.environ:
        pytest.skip("set MELIB_REFERENCE to the folder of the authors' released files to compare with them")
    labels = datasets.reader(name)[0].read_labels(Path(os.environ["MELIB_REFERENCE"]) / folder, **options)
    published, found = doctor.published(name), count_labels(labels.rows)
    assert published.pop("recorded videos") and len(published) >= 6
    assert {count: found[count] for count in published} == published and doctor.about(name)[1] == "label files"


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lambda root: (root / "SMIC-VIS-E_annotation.xlsx").unlink(), "no label file SMIC-VIS-E_annotation"),
        (lambda root: (root / "SMIC-VIS-E_annotation.xlsx").write_bytes(b"PK\3\4 cut"), "is damaged"),
        (lambda root: shutil.rmtree(root / "VIS"), "no video of smic_vis could be read"),
        (shutil.rmtree, "name the folder into which the dataset was unpacked"),
        (rename_the_only_clip, "no labelled micro-expression has frames"),
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


def test_the_json_file_holds_all_and_never_lies_in_the_dataset(copy, tmp_path, capsys):
    out = tmp_path / "found.json"
    assert examined(copy, "--json", str(out)) == 0
    found = json.loads(out.read_text())
    assert found["dataset"] == "smic_vis" and len(found["videos"]) == 71 and found["verdict"] == doctor.AS_PUBLISHED
    (tmp_path / "way").symlink_to(copy / "VIS")
    for inside in (copy / "found.json", copy / "VIS" / ".." / "found.json", tmp_path / "way" / "found.json"):
        assert examined(copy, "--json", str(inside)) == 2
        assert "lies in the dataset" in capsys.readouterr().err and not inside.exists()
    assert examined(copy, "--json", str(tmp_path / "no" / "found.json")) == 2
    assert "make it first" in capsys.readouterr().err


def test_without_a_dataset_the_known_ones_are_listed_and_half_a_question_is_one_line(capsys):
    assert main(["doctor", "--dataset", "casme3"]) == 2
    assert "--root DIR" in capsys.readouterr().err
    assert main(["doctor", "--decode"]) == 2
    assert "which dataset" in capsys.readouterr().err
    assert main(["doctor"]) == 0
    said = capsys.readouterr().out
    for name in datasets.DATASETS:
        assert f"{name}: {doctor.about(name)[0]}" in said
    assert "860 micro, 3346 macro, 98 subjects" in said and said.count("from the literature") == 4


def test_names_and_cells_cannot_steer_a_terminal(tmp_path, capsys):
    names = ["\x9b2J\u202e", "two\nlines", "\u2066x"]
    rows = [(9, f"{name}1_1", 9, 13, 17, 4, "negative", "micro-expression", "") for name in names]
    root = casme_trees.casme_sq_tree(tmp_path / "data")
    casme_trees.casme_sq_labels(root / "CAS(ME)^2code_final(Updated).xlsx", [*rows, *casme_trees.CASME_SQ])
    (root / "rawpic" / "s16" / "16_0401\x1b]0;owned\x07").mkdir()
    assert examined(root, dataset="casme_sq") == 1
    said = capsys.readouterr().out
    assert all(character.isprintable() or character == "\n" for character in said)
    assert "0401\\x1b]0;owned\\x07" in said and "row 1, 9/\\x9b2J\\u202e1_1" in said
