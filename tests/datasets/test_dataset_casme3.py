import shutil
from dataclasses import replace

import dataset_trees as trees
import numpy as np
import pytest
from refusing import refused

from melib.datasets import casme3, open_dataset
from melib.datasets.doctor import published
from melib.datasets.sheets import count_labels
from melib.video import EMOTIONS_7


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return trees.casme3_tree(tmp_path_factory.mktemp("casme3"))


@pytest.fixture(scope="module")
def dataset(root):
    return open_dataset("casme3", root)


def test_the_released_files_are_read_as_sfamnet_reads_them_and_every_row_is_accounted_for():
    folder = trees.released("SFAMNet", "annotation")
    trees.assert_published("casme3", casme3.read_labels(folder, thirty_frame_rule=False))
    labels = casme3.read_labels(folder)
    counts = count_labels(labels.rows)
    assert counts["micro"] == 818 and counts == published("casme3 after the rule of 30 frames")
    micro = labels.rows[labels.rows["kind"] == "micro"]
    merged = micro["emotion"].map(casme3.MERGE[4]).value_counts().to_dict()
    assert merged == {"negative": 442, "surprise": 185, "others": 142, "positive": 49}
    length = micro["offset"] - micro["onset"] + 1
    assert (length.min(), length.max(), length.median()) == (3, 97, 16)
    assert length.mean() == pytest.approx(16.95, abs=0.005)
    assert len(labels.rows) + len(labels.skipped) == 860 + 3346
    assert len(labels.skipped) == 42 and labels.skipped["reason"].str.contains("one frame").all()
    assert labels.changes["source"].str.startswith("SFAMNet").sum() + len(labels.skipped) == 267
    onset_zero = labels.changes[labels.changes["from"] == 0][["subject", "video", "to"]].drop_duplicates()
    assert onset_zero.values.tolist() == [["spNO.216", "e", 1], ["spNO.215", "l", 1]]
    # The four cells that the official file has wrong are right in this copy.
    assert labels.fixes_unused == 4


def test_the_wrong_rows_of_the_official_file_are_mended_and_found_in_the_other(tmp_path):
    right = [
        ("spNO.149", "d", 112, 160, 358, "T28+14", "VII", "fear"),
        ("spNO.216", "d", 2647, 2668, 2694, "38", "VII", "others"),
        ("spNO.40", "e", 1812, 1824, 1845, "18", "VII", "others"),
        ("spNO.40", "e", 2327, 2363, 2403, "14", "VII", "others"),
    ]
    wrong = [list(row) for row in right]
    wrong[0][3], wrong[1][2], wrong[2][4], wrong[3][4] = 83, 3647, 0, 0
    trees.casme3_labels(tmp_path, wrong, both=[(*row[:6], "Micro-expression", row[6]) for row in right])
    labels = casme3.read_labels(tmp_path, thirty_frame_rule=False)
    assert labels.rows[["subject", "video", "onset", "apex", "offset"]].values.tolist() == [[*r[:5]] for r in right]
    changes = [["apex", 83, 160], ["onset", 3647, 2647], ["offset", 0, 1845], ["offset", 0, 2403]]
    assert labels.changes[["column", "from", "to"]].values.tolist() == changes and labels.skipped.empty
    assert labels.changes["source"].str.len().gt(0).all() and labels.fixes_unused == 3


def test_every_folder_with_frames_is_a_video_and_labels_are_positions(dataset):
    names = [f"{video.subject}/{video.name} {video.n_frames}" for video in dataset.videos]
    assert names == ["spNO.1/a 40", "spNO.3/j 40", "spNO.210/b 40", "spNO.216/e 30", "spNO.216/f 4"]
    found = {v.subject: [(e.onset, e.offset, e.emotion, e.kind) for e in v.expressions] for v in dataset.videos[:4]}
    assert found == {
        "spNO.1": [(8, 16, "disgust", "micro"), (19, 34, None, "macro")],
        "spNO.3": [(4, 39, None, "macro"), (9, 17, "others", "micro")],
        "spNO.210": [(1, 17, "happy", "micro")],
        "spNO.216": [(0, 24, "fear", "micro")],
    }
    assert dataset.labels.rows.query("kind == 'macro'")["emotion"].tolist() == [None, None]
    assert dataset.videos[0].expressions[0].action_units == ("4", "14L")
    assert dataset.videos[1].expressions[1].action_units == ("18R",)
    assert not dataset.synthetic and dataset.emotions == EMOTIONS_7 and dataset.videos[0].fps == 30


def test_what_is_left_out_or_changed_stands_in_the_account(dataset, root):
    labels = dataset.labels
    reasons = {(row.subject, row.video, row.row): row.reason for row in labels.skipped.itertuples()}
    assert set(reasons) == {("spNO.210", "b", 5), ("spNO.5", "c", 7)}
    assert "one frame" in reasons["spNO.210", "b", 5] and reasons["spNO.5", "c", 7] == "no folder of frames"
    changed = labels.changes[["subject", "video", "column", "from", "to"]].values.tolist()
    first_frame = [["spNO.216", "e", column, 0, 1] for column in ("apex", "onset")]
    assert sorted(changed) == [["spNO.210", "b", "offset", 39, 18], *first_frame, ["spNO.3", "j", "offset", 60, 40]]
    assert len(labels.rows) + len(labels.skipped) == len(trees.CASME3_MICRO) + len(trees.CASME3_MACRO)
    rows = open_dataset("casme3", root, thirty_frame_rule=False).labels.rows
    assert rows[rows["subject"] == "spNO.210"][["onset", "apex", "offset"]].values.tolist() == [[2, 10, 39], [3, 3, 36]]


def test_frames_that_the_release_lacks_are_the_nearest_and_are_counted(dataset):
    video = dataset.videos[0]
    assert (video.missing, video.missing_depth) == (10, 10)
    shown = [*[9] * 9, *range(10, 20), 19, 22, *range(22, 41)]
    assert trees.brightness(video.frames(0, 40)) == shown
    np.testing.assert_allclose(video.depth(0, 40)[:, 0, 0], [0.6 + number / 1000 for number in shown], rtol=1e-6)


def test_depth_is_found_with_and_without_its_folder_and_its_camera_is_assumed(dataset):
    with_depth = [video for video in dataset.videos if video.camera]
    assert [video.subject for video in with_depth] == ["spNO.1", "spNO.3", "spNO.210"]
    for video in with_depth:
        depth = video.depth(10, 11)
        assert depth.dtype == np.float32 and depth.mean() == pytest.approx(0.611)
    refused("no depth", dataset.videos[-1].depth, 0, 1)
    known = replace(with_depth[0], depth_scale=0.0005)
    np.testing.assert_allclose(2 * known.depth(9, 10), with_depth[0].depth(9, 10))
    assumed = with_depth[0].camera
    edges = [np.degrees(np.arctan((x - assumed.cx) / assumed.fx)) for x in (-0.5, assumed.width - 0.5)]
    assert edges == pytest.approx([-casme3.FIELD_OF_VIEW / 2, casme3.FIELD_OF_VIEW / 2])


def test_the_folders_of_subjects_are_found_where_copies_keep_them(tmp_path):
    trees.casme3_labels(tmp_path)
    for number, layout in enumerate(("root", "part_A_split/part_A", "disk/RGB"), start=1):
        folder = tmp_path / layout / f"SpNo.{number}" / "A"
        trees.write_frames(folder / "Color", trees.numbered(range(1, 21)))
        trees.write_depth(folder / "Depth", range(1, 21))
    videos = open_dataset("casme3", tmp_path).videos
    assert [f"{v.subject}/{v.name} {v.n_frames}" for v in videos] == [f"spNO.{n}/a 20" for n in (1, 2, 3)]
    assert all(video.depth(0, 1).any() for video in videos)


def test_folders_that_cannot_be_read_or_are_there_twice_are_reported_with_their_labels(tmp_path):
    trees.casme3_labels(tmp_path)
    for video in ("1/a", "216/E", "216/e"):
        trees.write_frames(tmp_path / f"spNO.{video}" / "color", trees.numbered(range(1, 21)))
    trees.write_depth(tmp_path / "spNO.3" / "j", range(1, 3))
    (tmp_path / "spNO.210" / "b" / "color").mkdir(parents=True)
    dataset = open_dataset("casme3", tmp_path)
    assert [video.subject for video in dataset.videos] == ["spNO.1", "spNO.216"]
    skipped = dataset.labels.skipped
    folders = skipped.query("row == 0").set_index("subject")["reason"]
    assert "no folder" in folders["spNO.3"] and "holds no image" in folders["spNO.210"]
    assert "is left out: this video is read from" in folders["spNO.216"]
    assert (skipped.query("row > 0 and subject == 'spNO.3'")["reason"] == "its frames cannot be read").all()


def test_labels_that_cannot_be_read_are_skipped_each_with_its_reason(tmp_path):
    odd = [
        ("../../etc", "a", 9, 13, 17, "4", "III", "disgust"),
        ("spNO.1", "../b", 9, 13, 17, "4", "III", "disgust"),
        ("spNO.1", "a", "/", 13, 17, "4", "III", "disgust"),
        ("spNO.1", "a", 9, 30, 17, "4", "III", "disgust"),
        ("spNO.1", "a", 9, 13, 17, "4", "III", "=CMD()"),
        ("spNO.1", "a", 9.4, 13, 17, "4", "III", " Disgust "),
    ]
    both = [("spNO.1", "a", 9, 13, 17, "4", "Micro-expression", "III")]
    both += [("spNO.1", "a", 1, 2, 3, "4", kind, "III") for kind in ("Micro-expression", "blink")]
    trees.casme3_labels(tmp_path, odd, both=both)
    labels = casme3.read_labels(tmp_path)
    assert labels.rows[["row", "onset", "offset"]].values.tolist() == [[7, 9, 17]]
    words = ["not of the form", "not of the form", "no onset", "out of order", "none of the seven"]
    words += ["file with emotions lacks", "neither micro nor macro"]
    assert all(word in reason for word, reason in zip(words, labels.skipped["reason"], strict=True))


def test_missing_files_are_named(tmp_path):
    trees.casme3_labels(tmp_path)
    refused("no folder spNO", open_dataset, "casme3", tmp_path, kind=FileNotFoundError)
    for copy in ("a", "b"):
        (tmp_path / copy).mkdir()
        shutil.copy(tmp_path / "CAS(ME)3_part_A_v2.xls", tmp_path / copy)
    (tmp_path / "CAS(ME)3_part_A_v2.xls").unlink()
    refused("two label files", open_dataset, "casme3", tmp_path)
