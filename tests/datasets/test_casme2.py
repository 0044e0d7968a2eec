from collections import Counter

import dataset_trees as trees
import pytest
from dataset_trees import CASME2 as ROWS
from dataset_trees import casme2_row as row
from dataset_trees import casme2_tree as raw

from melib.datasets import casme2, open_dataset
from melib.datasets.doctor import published


def placed(video) -> tuple:
    (expression,) = video.expressions
    return expression.onset, expression.apex, expression.offset


def test_a_clip_is_a_video_of_one_expression_on_the_frames_its_label_names(tmp_path):
    dataset = open_dataset("casme2", raw(tmp_path), as_in_mean=False)
    video = dataset.videos[0]
    assert (video.subject, video.name, video.fps, video.n_frames) == ("sub01", "EP02_01f", 200, 15)
    (expression,) = video.expressions
    assert placed(video) == (5, 8, 11)
    assert (expression.kind, expression.emotion, expression.action_units) == ("micro", "happiness", ("4", "14L"))
    assert trees.brightness(video.frames(5, 12)) == [6, 7, 8, 9, 10, 11, 12]
    assert len(dataset.labels.rows) == 4 and dataset.labels.skipped.empty
    # A slash for the apex is unknown and never estimated.
    assert {video.name: placed(video)[1] for video in dataset.videos}["EP12_01f"] is None
    as_in_mean = open_dataset("casme2", tmp_path)
    assert [video.name for video in as_in_mean.videos] == ["EP02_01f", "EP03_02"]
    assert as_in_mean.labels.skipped["video"].tolist() == ["EP12_01f", "EP05_04"]


def test_a_cropped_clip_begins_at_its_first_file(tmp_path):
    for subject, name, _, onset, _, offset, *_ in ROWS:
        names = trees.numbered(range(onset, offset + 1), "reg_img{}.jpg")
        trees.write_frames(tmp_path / "Cropped" / f"sub{subject:02d}" / name, names)
    trees.casme2_labels(tmp_path)
    video = open_dataset("casme2", tmp_path).videos[0]
    assert (video.n_frames, video.missing) == (7, 0) and placed(video) == (0, 3, 6)
    assert trees.brightness(video.frames(0, 7)) == [6, 7, 8, 9, 10, 11, 12]
    # Where the raw clips lie there, too, they are read.
    assert [video.n_frames for video in open_dataset("casme2", raw(tmp_path), as_in_mean=False).videos] == [15] * 4


def test_as_in_mean_keeps_the_published_244_clips(tmp_path):
    # 255 rows: the published numbers of each emotion, and the two clips that MEAN leaves out.
    five = {name: published("casme2")[f"micro {name}"] for name in casme2.CLASSES[5]}
    emotions = [name for name, number in five.items() for _ in range(number)] + ["fear"] * 2 + ["sadness"] * 7
    rows = [row(i % 26 + 1, f"EP01_{i:03d}", 10, 20 + i % 9, 60, emotion) for i, emotion in enumerate(emotions)]
    rows += [row(4, "EP12_01f", 10, "/", 60, "disgust"), row(9, "EP18_03", 66, 111, 111, "others")]
    path = trees.casme2_labels(tmp_path, rows)
    everything, labels = casme2.read_labels(path, as_in_mean=False), casme2.read_labels(path)
    assert len(everything.rows) == 255 and everything.skipped.empty
    assert Counter(labels.rows["emotion"]) == five
    # Negative is disgust and repression: 88 + 32 + 25 clips (MEGC 2019).
    three = Counter(labels.rows["emotion"].map(casme2.MERGE[3]).dropna())
    assert three == {"negative": 88, "positive": 32, "surprise": 25}
    assert len(labels.rows) == published("casme2")["micro"] == 244
    assert labels.rows["subject"].nunique() == published("casme2")["subjects"]
    left_out = dict(zip(labels.skipped["video"], labels.skipped["reason"], strict=True))
    assert left_out["EP12_01f"] == "left out as in MEAN: no apex" and len(left_out) == 11
    assert left_out["EP18_03"] == "left out as in MEAN: the clip of the frames 66, 111, 111"


def test_folder_and_label_may_differ_in_case_and_padding_and_the_newest_coding_is_read(tmp_path):
    root = raw(tmp_path, [row("sub1", "ep02_01F", 6, 9, 12, "Happiness"), row("01", "EP03_02", 3, 5, 8, "OTHER")])
    (root / "CASME2-RAW" / "sub01").rename(root / "CASME2-RAW" / "Sub1")
    for name in ("CASME2-coding-20140508.xlsx", "CASME2_label_Ver_2.xlsx", "~$CASME2-coding-20200101.xlsx"):
        trees.casme2_labels(root, name=name)
    dataset = open_dataset("casme2", root)
    found = {video.name: video.expressions[0].emotion for video in dataset.videos if video.expressions}
    assert found == {"EP02_01f": "happiness", "EP03_02": "others"}


def test_rows_that_cannot_be_read_are_skipped_with_their_reasons_and_none_left_is_said_to_be_why(tmp_path):
    odd = {
        row(1, "EP02_01f", 6, 9, "12?", "happiness"): "OffsetFrame '12?' is no frame number",
        row(1, "EP02_01f", 6, 9, 12, "boredom"): "unknown emotion 'boredom'",
        row("two", "EP02_01f", 6, 9, 12, "happiness"): "subject 'two' is no number",
        row(1, None, 6, 9, 12, "happiness"): "'' is no name of a clip",
        ROWS[0]: "repeats row 2",
        row(1, "EP02_01f", 0, 9, 12, "happiness"): "onset 0 lies before frame 1",
    }
    labels = open_dataset("casme2", raw(tmp_path, [*ROWS, *odd]), as_in_mean=False).labels
    assert labels.skipped["row"].tolist() == [6, 7, 8, 9, 10, 11] and len(labels.rows) == 4
    assert all(word in reason for word, reason in zip(odd.values(), labels.skipped["reason"], strict=True))
    with pytest.raises(OSError, match="no video .*: left out as in MEAN: a blank is none of its five emotions"):
        open_dataset("casme2", raw(tmp_path, [(*ROWS[0][:8], None)]))
    assert casme2.read_labels(tmp_path, as_in_mean=False).rows["emotion"].tolist() == [None]
