import dataset_trees as trees
import pytest
from dataset_trees import SAMM_LV as ROWS
from dataset_trees import samm_lv_row as row
from dataset_trees import samm_lv_tree as tree

from melib.datasets import open_dataset, samm_lv
from melib.training import half_length
from melib.video import Expression, truth_table


def reasons(labels) -> dict[int, str]:
    return dict(zip(labels.skipped["row"], labels.skipped["reason"], strict=True))


def test_the_published_label_file_gives_the_published_lengths():
    released = samm_lv.read_labels(trees.released("MTSN-Spot-ME-MaE", "megc2021-ground-truth"))
    trees.assert_published("samm_lv", released)
    labels, micro = released.rows, released.rows.query("kind == 'micro'")
    length = micro["offset"] - micro["onset"]
    assert (length.mean().round(1), length.min(), length.max()) == (73.3, 29, 100)
    expressions = [Expression(int(on), int(off)) for on, off in zip(micro["onset"], micro["offset"], strict=True)]
    assert half_length(expressions) == 37
    assert labels["apex"].isna().groupby(labels["kind"]).sum().to_dict() == {"macro": 4, "micro": 2}


@pytest.mark.parametrize("digits", [4, 5])
def test_labels_become_positions_on_the_grey_frames_they_name_whatever_the_padding(tmp_path, digits):
    dataset = open_dataset("samm_lv", tree(tmp_path, digits=digits))
    video = dataset.videos[0]
    assert (video.subject, video.name, video.fps, video.n_frames) == ("006", "006_1", 200, 20)
    frames = video.frames(2, 9)
    assert frames.shape == (7, 6, 8, 3) and trees.brightness(frames) == [3, 4, 5, 6, 7, 8, 9]
    table = truth_table(dataset.videos).set_index(["video", "kind", "onset"])
    assert len(table) == 5 and table.loc["006_1", "micro", 2][["apex", "offset"]].tolist() == [5, 8]
    # Fractional frames are rounded, and an apex of -1 is unknown.
    assert dataset.labels.rows.set_index("row").loc[12, ["onset", "apex", "offset"]].tolist() == [10, 13, 16]
    assert [each.apex for each in video.expressions] == [5, 12, None]
    assert video.expressions[0].action_units == ("4", "14L")
    # An onset of zero becomes the first frame and is noted.
    (expression,) = dataset.videos[1].expressions
    assert (expression.onset, expression.apex, expression.offset) == (0, 7, 11)
    (change,) = dataset.labels.changes.to_dict("records")
    assert (change["row"], change["column"], change["from"], change["to"]) == (14, "onset", 0, 1)
    assert "not annotated" in change["reason"]


def test_emotions_join_by_name_and_kind(tmp_path):
    root = tree(tmp_path, [*ROWS, row("006_1_1", 1, 6, 12, "Macro")])
    codes = trees.samm_codes(root, [("006_1_1", "Anger"), ("006_1_3", "Other")])
    dataset = open_dataset("samm_lv", root)
    found = [(e.kind, e.onset, e.emotion) for e in dataset.videos[0].expressions]
    assert found == [("macro", 0, None), ("micro", 2, "anger"), ("macro", 9, None), ("micro", 16, "other")]
    assert 0 not in reasons(dataset.labels)
    # Without the second file there is no emotion, and the reader says so.
    codes.unlink()
    dataset = open_dataset("samm_lv", root)
    assert {e.emotion for video in dataset.videos for e in video.expressions} == {None}
    assert "no emotions: put the FACS codes of SAMM here" in reasons(dataset.labels)[0]


def test_what_the_emotions_lack_is_reported(tmp_path):
    root = tree(tmp_path)
    rows = [("006_1_1", "Anger"), ("006_1_1", "Fear"), ("006_1_9", "Fear"), ("006_1_3", "Boredom"), ("x", "Fear")]
    trees.samm_codes(root, rows)
    labels = samm_lv.read_labels(root)
    told = "\n".join(labels.skipped.loc[labels.skipped["row"] == 0, "reason"])
    for part in (
        "row 15 gives no emotion: 006_1_1 was anger in an earlier row and is fear here",
        "row 17 gives no emotion: unknown emotion 'boredom'",
        "row 18 gives no emotion: 'x' is no name such as 006_1_2",
        "has no emotion of 006_1_3",
        "006_1_9 is no micro-expression of the labels",
    ):
        assert part in told


def test_rows_that_cannot_be_read_are_skipped_with_their_reasons(tmp_path):
    odd = {
        row("006_1_4", "early", 6, 9, "Macro"): "Onset 'early' is no frame number",
        row("006_1_4", 3, None, None, "Macro"): "Offset is blank",
        row("006_1_4", 3, "?", 9, "Macro"): "Apex '?' is no frame number",
        row("006_1_4", -1, 6, 9, "Macro"): "frames out of order: onset -1",
        row("006_1_4", 3, 6, 9, "Blink"): "type 'Blink' is neither micro nor macro",
        ("7", *row("006_1_4", 3, 6, 9, "Macro")[1:]): "subject '7', but the name says 006",
        row("006_1_4", 30, 31, 32, "Macro"): "onset or apex lies behind frame 20",
    }
    labels = open_dataset("samm_lv", tree(tmp_path, [*ROWS, *odd])).labels
    found = reasons(labels)
    assert all(words in found[number] for number, words in enumerate(odd.values(), start=16))
    assert len(labels.rows) == 5
