"""``melib doctor`` says of a copy what it holds and lacks beside the published counts, and changes nothing in it."""

import json
import shutil

import cv2
import dataset_trees as trees
import numpy as np
import pytest

from melib import datasets
from melib.__main__ import main
from melib.datasets import doctor

FIRST, LENGTH, SHEET = 101, 6, "SMIC-VIS-E_annotation.xlsx"


def label(root, names):
    return trees.smic_labels(root, [trees.smic_row(name, FIRST, FIRST + 1, FIRST + 4) for name in names], "VIS")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """SMIC VIS as published: 8 subjects, 71 clips, each of six tiny frames."""
    root = tmp_path_factory.mktemp("smic") / "VIS_long"
    names = [f"s{1 + i % 8:02d}_{('ne', 'po', 'sur')[i % 3]}_{1 + i // 8:02d}" for i in range(71)]
    label(root, names)
    files = trees.numbered(range(FIRST, FIRST + LENGTH), "image{:06d}.jpg")
    for name in names:
        trees.write_frames(root / "VIS" / name[:3] / name, files)
    return root


@pytest.fixture
def copy(whole, tmp_path):
    return shutil.copytree(whole, tmp_path / "VIS_long")


def examined(root, *options, dataset="smic_vis"):
    return main(["doctor", "--dataset", dataset, "--root", str(root), *options])


def frame(root, number=FIRST + 2):
    return root / "VIS" / "s01" / "s01_ne_01" / f"image{number:06d}.jpg"


def rename_the_only_clip(root):
    for clip in root.glob("VIS/s*/s*"):
        clip.rename(clip.with_name("s01_ne_77")) if clip.name == "s01_ne_01" else shutil.rmtree(clip)


def test_a_copy_with_all_that_was_published_passes(whole, tmp_path, capsys):
    assert examined(whole, "--json", str(tmp_path / "found.json")) == 0
    said = capsys.readouterr()
    assert "Verdict: as published" in said.out and said.err == ""
    lines = [line.split() for line in said.out.splitlines()]
    assert ["as", "read", "micro", "71", "71", "71"] in lines and "published ones from the literature" in said.out
    assert f"Frames: {71 * LENGTH} in 71 videos, 0 of them missing" in said.out and "8x6 (71)" in said.out
    found = json.loads((tmp_path / "found.json").read_text())
    assert found["dataset"] == "smic_vis" and len(found["videos"]) == 71 and found["verdict"] == doctor.AS_PUBLISHED


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lambda root: shutil.rmtree(frame(root).parent), "labels without frames: 1"),
        (lambda root: frame(root).unlink(), "missing frames: 1, in 1 of 71 videos"),
        (lambda root: frame(root).write_bytes(b"\xff\xd8 no picture"), "damaged files: 1"),
        (lambda root: cv2.imwrite(str(frame(root)), np.zeros((6, 9, 3), np.uint8)), "damaged files: 1"),
        (lambda root: [frame(root, number=n).unlink() for n in (105, 106)], "labels that end behind the last frame"),
        (lambda root: label(root, ["s01_ne_01", "s01_ne_04"]), "as read: subjects 1 and not 8, micro 2 and not 71"),
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
    assert (examined(copy), examined(copy, "--decode")) == (0, 1)


def test_the_account_is_complete_and_what_the_release_itself_lacks_is_no_fault_of_a_copy(tmp_path, monkeypatch):
    monkeypatch.setitem(doctor._DAMAGED, ("casme3", "spNO.3", "j"), range(30, 31))
    result = doctor.examine("casme3", trees.casme3_tree(tmp_path), decode=True)
    assert [video["missing"] for video in result["videos"]] == [10, 0, 0, 0, 0]
    (reason,) = [reason for video in result["videos"] for reason in video["damaged"]]
    assert "31.jpg cannot be read" in reason
    said = "\n".join(result["differences"])
    assert "missing frames" not in said and "damaged files: 1" in said and "videos without depth: 2 of 5" in said
    account = result["labels"]
    lost = [(row["subject"], row["video"], row["reason"]) for row in account["without_frames"]]
    assert lost == [("spNO.5", "c", "no folder of frames")]
    assert [row["row"] for row in account["skipped"]] == [5] and "one frame" in account["skipped"][0]["reason"]
    assert sorted(row["column"] for row in account["changes"]) == ["apex", "offset", "onset"]
    assert all(row["reason"] and row["source"] for row in account["changes"])
    assert [(row["from"], row["to"]) for row in account["cut"]] == [(60, 40)]
    counted = {(r["labels"], r["count"]): (r["published"], r["found"], r["with_frames"]) for r in result["counts"]}
    assert counted["as released", "micro"] == (860, 6, None)
    assert counted["after the rule of 30 frames", "micro"] == (818, 5, 4)
    assert counted["folders", "videos"] == (1300, 5, 5)


def test_labels_whose_onset_and_apex_are_one_picture_are_counted(tmp_path):
    # A plain one; one labelled so; one whose apex is missing, so that the frame of its onset stands in.
    frames = {"spNO.210": (2, 6, 10), "spNO.3": (10, 10, 18), "spNO.1": (19, 20, 25)}
    videos = dict(zip(frames, "bJa", strict=True))
    rows = [(person, videos[person], *found, "4", "I", "happy") for person, found in frames.items()]
    result = doctor.examine("casme3", trees.casme3_tree(tmp_path, rows))
    assert result["one_picture"] == ["spNO.1/a, frame 19", "spNO.3/j, frame 10"]
    assert "onset and apex are one picture, between which nothing moves: 2" in doctor.report(result)


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lambda root: (root / SHEET).unlink(), "no label file SMIC-VIS-E_annotation"),
        (lambda root: (root / SHEET).write_bytes(b"PK\3\4 cut"), "is damaged"),
        (lambda root: shutil.rmtree(root / "VIS"), "no video of smic_vis could be read"),
        (shutil.rmtree, "name that into which it was unpacked"),
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


def test_the_json_file_never_lies_in_the_dataset(whole, tmp_path, capsys):
    (tmp_path / "way").symlink_to(whole / "VIS")
    for inside in (whole / "found.json", whole / "VIS" / ".." / "found.json", tmp_path / "way" / "found.json"):
        assert examined(whole, "--json", str(inside)) == 2
        assert "lies in the dataset" in capsys.readouterr().err and not inside.exists()
    assert examined(whole, "--json", str(tmp_path / "no" / "found.json")) == 2
    assert "make it first" in capsys.readouterr().err


def test_without_a_dataset_the_known_ones_are_listed_and_half_a_question_is_one_line(capsys):
    assert main(["doctor", "--dataset", "casme3"]) == 2
    assert "--root DIR" in capsys.readouterr().err
    assert main(["doctor", "--decode"]) == 2
    assert "which dataset" in capsys.readouterr().err
    assert main(["doctor"]) == 0
    said = capsys.readouterr().out
    assert all(f"{name}: {doctor.about(name)[0]}" in said for name in datasets.DATASETS)
    assert "860 micro, 3346 macro, 98 subjects" in said and said.count("from the literature") == 4


def test_names_and_cells_cannot_steer_a_terminal(tmp_path, capsys):
    names = ["\x9b2J\u202e", "two\nlines", "\u2066x"]
    rows = [(9, f"{name}1_1", 9, 13, 17, 4, "negative", "micro-expression", "") for name in names]
    root = trees.casme_sq_tree(tmp_path / "data", [*rows, *trees.CASME_SQ])
    (root / "rawpic" / "s16" / "16_0401\x1b]0;owned\x07").mkdir()
    assert examined(root, dataset="casme_sq") == 1
    said = capsys.readouterr().out
    assert all(character.isprintable() or character == "\n" for character in said)
    assert "0401\\x1b]0;owned\\x07" in said and "row 1, 9/\\x9b2J\\u202e1_1" in said
