from __future__ import annotations

from collections import Counter
from pathlib import Path

import clip_trees
import pytest
from clip_trees import CASME2 as ROWS
from clip_trees import casme2_row as row
from clip_trees import casme2_tree as raw
from dataset_trees import write_book

from melib.datasets import casme2, open_dataset
from melib.datasets.doctor import published

FIVE = {name: published("casme2")[f"micro {name}"] for name in casme2.CLASSES[5]}
SHEET = "CASME2-coding-20190701.xlsx"


def cropped(root: Path) -> Path:
    for subject, name, _, onset, _, offset, *_ in ROWS:
        folder = root / "Cropped" / f"sub{subject:02d}" / name
        clip_trees.write_frames(folder, [f"reg_img{number}.jpg" for number in range(onset, offset + 1)])
    write_book(root / SHEET, Sheet1=clip_trees.casme2_sheet(ROWS))
    return root


def whole_release(path: Path) -> Path:
    """255 generated rows: the published numbers of each emotion, and the two clips that MEAN leaves out."""
    emotions = [name for name, number in FIVE.items() for _ in range(number)] + ["fear"] * 2 + ["sadness"] * 7
    rows = [row(i % 26 + 1, f"EP01_{i:03d}", 10, 20 + i % 9, 60, emotion) for i, emotion in enumerate(emotions)]
    rows += [row(4, "EP12_01f", 10, "/", 60, "disgust"), row(9, "EP18_03", 66, 111, 111, "others")]
    return write_book(path, Sheet1=clip_trees.casme2_sheet(rows))


def test_a_clip_is_a_video_of_one_expression_on_the_frames_its_label_names(tmp_path):
    dataset = open_dataset("casme2", raw(tmp_path), as_in_mean=False)
    video = dataset.videos[0]
    assert (video.subject, video.name, video.fps, video.n_frames) == ("sub01", "EP02_01f", 200, 15)
    (expression,) = video.expressions
    assert (expression.onset, expression.apex, expression.offset) == (5, 8, 11)
    assert (expression.kind, expression.emotion, expression.action_units) == ("micro", "happiness", ("4", "14L"))
    assert clip_trees.brightness(video.frames(5, 12)) == [6, 7, 8, 9, 10, 11, 12]
    assert len(dataset.labels.rows) == 4 and dataset.labels.skipped.empty
    # A slash for the apex is unknown and never estimated.
    assert {video.name: video.expressions[0].apex for video in dataset.videos}["EP12_01f"] is None
    as_in_mean = open_dataset("casme2", tmp_path)
    assert [video.name for video in as_in_mean.videos] == ["EP02_01f", "EP03_02"]
    assert as_in_mean.labels.skipped["video"].tolist() == ["EP12_01f", "EP05_04"]


def test_a_cropped_clip_begins_at_its_first_file(tmp_path):
    video = open_dataset("casme2", cropped(tmp_path)).videos[0]
    (expression,) = video.expressions
    assert (video.n_frames, video.missing) == (7, 0)
    assert (expression.onset, expression.apex, expression.offset) == (0, 3, 6)
    assert clip_trees.brightness(video.frames(0, 7)) == [6, 7, 8, 9, 10, 11, 12]
    # Where the raw clips lie there, too, they are read.
    assert [video.n_frames for video in open_dataset("casme2", raw(tmp_path), as_in_mean=False).videos] == [15] * 4


def test_as_in_mean_keeps_the_published_244_clips(tmp_path):
    path = whole_release(tmp_path / SHEET)
    everything, labels = casme2.read_labels(path, as_in_mean=False), casme2.read_labels(path)
    assert len(everything.rows) == 255 and everything.skipped.empty
    assert Counter(labels.rows["emotion"]) == FIVE
    # Negative is disgust and repression: 88 + 32 + 25 clips (MEGC 2019).
    three = Counter(labels.rows["emotion"].map(casme2.MERGE[3]).dropna())
    assert three == {"negative": 88, "positive": 32, "surprise": 25}
    assert len(labels.rows) == published("casme2")["micro"] == 244
    assert labels.rows["subject"].nunique() == published("casme2")["subjects"]
    left_out = dict(zip(labels.skipped["video"], labels.skipped["reason"], strict=True))
    assert left_out["EP12_01f"] == "left out as in MEAN: no apex"
    assert left_out["EP18_03"] == "left out as in MEAN: the clip of the frames 66, 111, 111"
    assert len(left_out) == 11


def test_folder_and_label_may_differ_in_case_and_padding(tmp_path):
    root = raw(tmp_path, [row("sub1", "ep02_01F", 6, 9, 12, "Happiness"), row("01", "EP03_02", 3, 5, 8, "OTHER")])
    (root / "CASME2-RAW" / "sub01").rename(root / "CASME2-RAW" / "Sub1")
    dataset = open_dataset("casme2", root)
    found = {video.name: video.expressions[0].emotion for video in dataset.videos if video.expressions}
    assert found == {"EP02_01f": "happiness", "EP03_02": "others"}


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (row(1, "EP02_01f", 6, 9, "12?", "happiness"), "OffsetFrame '12?' is no frame number"),
        (row(1, "EP02_01f", 0, 9, 12, "happiness"), "onset 0 lies before frame 1"),
        (row(1, "EP02_01f", 6, 9, 12, "boredom"), "unknown emotion 'boredom'"),
        (row("two", "EP02_01f", 6, 9, 12, "happiness"), "subject 'two' is no number"),
        (row(1, None, 6, 9, 12, "happiness"), "no clip is named"),
        (ROWS[0], "repeats row 2"),
    ],
)
def test_a_row_that_cannot_be_read_is_skipped_with_its_reason(tmp_path, bad, reason):
    labels = open_dataset("casme2", raw(tmp_path, [*ROWS, bad]), as_in_mean=False).labels
    assert reason in dict(zip(labels.skipped["row"], labels.skipped["reason"], strict=True))[6]
    assert len(labels.rows) == 4


def test_the_newest_coding_is_read(tmp_path):
    root = raw(tmp_path, ROWS[:1])
    for name in ("CASME2-coding-20140508.xlsx", "CASME2_label_Ver_2.xlsx", "~$CASME2-coding-20200101.xlsx"):
        write_book(root / name, Sheet1=clip_trees.casme2_sheet(ROWS))
    assert len(open_dataset("casme2", root, as_in_mean=False).labels.rows) == 1


def test_labels_of_which_none_is_left_are_said_to_be_why(tmp_path):
    with pytest.raises(OSError, match="no video .*: left out as in MEAN: a blank is none of its five emotions"):
        open_dataset("casme2", raw(tmp_path, [(*ROWS[0][:8], None)]))
    assert casme2.read_labels(tmp_path, as_in_mean=False).rows["emotion"].tolist() == [None]
