import dataset_trees as trees
import pytest
from refusing import refused

from melib.datasets import casme_sq, open_dataset
from melib.training import half_length
from melib.video import EMOTIONS_4, Expression, truth_table


def test_the_released_file_has_the_published_lengths_classes_and_odd_cells():
    released = casme_sq.read_labels(trees.released("MTSN-Spot-ME-MaE", "megc2021-ground-truth"))
    trees.assert_published("casme_sq", released)
    micro = released.rows.query("kind == 'micro'")
    assert half_length(Expression(row.onset, row.offset, kind="micro") for row in micro.itertuples()) == 6
    length = micro["offset"] - micro["onset"]
    assert (length.min(), length.max()) == (8, 16) and length.mean() == pytest.approx(12.6, abs=0.05)
    named = micro[micro["emotion"].map(casme_sq.MERGE[3]).notna()]
    assert len(named) == 38 and named["subject"].nunique() == 9
    assert released.changes["column"].value_counts().to_dict() == {"offset": 44, "apex": 4}
    assert set(released.rows.set_index("row").loc[released.changes["row"], "kind"]) == {"macro"}
    assert (released.rows["offset"] > 0).all()


def test_folders_and_labels_meet_through_the_sheets_of_names(tmp_path):
    dataset = open_dataset("casme_sq", trees.casme_sq_tree(tmp_path))
    videos = [(video.subject, video.name, video.n_frames, video.missing) for video in dataset.videos]
    assert videos == [("s15", "0101", 40, 0), ("s16", "0102", 4, 0), ("s16", "0508", 40, 2)]
    table = truth_table(dataset.videos)
    assert table.drop(columns="apex").values.tolist() == [
        ["s15", "0101", 8, 16, "negative", "micro"],
        ["s15", "0101", 19, 27, "negative", "macro"],
        ["s16", "0508", 4, 17, "positive", "macro"],
        ["s16", "0508", 21, 29, "others", "macro"],
    ]
    assert table["apex"].isna().tolist() == [False, False, True, True]
    assert dataset.videos[0].expressions[1].apex == 27
    assert dataset.emotions == EMOTIONS_4 and dataset.videos[0].fps == 30
    reasons = dataset.labels.skipped.set_index("row")["reason"]
    assert "not in the sheets of names" in reasons[5] and reasons[6] == "no folder of frames"
    assert sorted([*dataset.labels.rows["row"], *reasons.index]) == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("name", ["code_final.xlsx", "CASME_sq_gt.xlsx", "labels/CODE_FINAL.XLSX"])
def test_the_label_file_is_found_under_each_of_its_names(tmp_path, name):
    trees.casme_sq_labels(tmp_path / name)
    assert len(casme_sq.read_labels(tmp_path).rows) == 5


def test_labels_that_cannot_be_read_are_skipped_each_with_its_reason(tmp_path):
    good = (1, "disgust1_1", 9, 13, 17, 4, "negative", "micro-expression", "disgust")
    odd = [
        ("Subject", *good[1:]),
        (1, "../../x_1", *good[2:]),
        (*good[:2], None, *good[3:]),
        (*good[:6], "glee", *good[7:]),
        (*good[:7], "blink", good[8]),
        (*good[:2], 20, 13, 17, *good[5:]),
    ]
    labels = casme_sq.read_labels(trees.casme_sq_labels(tmp_path / "code_final.xlsx", [good, *odd]))
    assert labels.rows["row"].tolist() == [1]
    words = ["sheets of names", "sheets of names", "no onset", "none of negative", "neither micro", "out of order"]
    assert all(word in reason for word, reason in zip(words, labels.skipped["reason"], strict=True))


def test_missing_things_are_named(tmp_path):
    trees.write_book(tmp_path / "code_final.xlsx", CASFEcode_final=[(1, "disgust1_1", 4)])
    refused("code_final.xlsx has the sheets 'CASFEcode final': sheet number 2", open_dataset, "casme_sq", tmp_path)
    trees.write_book(tmp_path / "code_final.xlsx", labels=[(1, "disgust1_1", 4)], people=[(1, 2, 3)], names=[(1, 2)])
    refused("code_final.xlsx, sheet 1: fewer columns than the 8", open_dataset, "casme_sq", tmp_path)
    trees.casme_sq_labels(tmp_path / "code_final.xlsx")
    refused("no folder s<n>", open_dataset, "casme_sq", tmp_path, kind=FileNotFoundError)
