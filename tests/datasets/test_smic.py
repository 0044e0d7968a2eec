import dataset_trees as trees
import pytest
from dataset_trees import SMIC as ROWS
from dataset_trees import smic_row as row
from dataset_trees import smic_tree as long

from melib.datasets import open_dataset, smic


def placed(dataset) -> list[tuple]:
    return [(each.onset, each.apex, each.offset) for video in dataset.videos for each in video.expressions]


def test_each_sensor_is_a_dataset_with_its_frame_rate(tmp_path):
    for sensor in smic.FPS:
        long(tmp_path, sensor=sensor.upper())
    for sensor, fps in {"hs": 100.0, "vis": 25.0, "nir": 25.0}.items():
        dataset = open_dataset(f"smic_{sensor}", tmp_path)
        assert [video.name for video in dataset.videos] == ["s01_ne_01", "s01_po_02", "s03_sur_01"]
        assert {video.fps for video in dataset.videos} == {fps}
        assert all(f"{sensor.upper()}_long" in str(video.colour.folder) for video in dataset.videos)
    with pytest.raises(ValueError, match="unknown sensor 'thermal': use one of hs, vis, nir"):
        smic.read_labels(tmp_path, sensor="thermal")


def test_frames_count_from_the_first_of_their_clip_and_the_class_is_that_of_its_name(tmp_path):
    dataset = open_dataset("smic_hs", long(tmp_path, [(*ROWS[0][:5], "positive"), *ROWS[1:]]))
    assert placed(dataset) == [(4, None, 9), (2, None, 9), (0, None, 19)]
    video = dataset.videos[0]
    assert (video.subject, video.n_frames, video.missing) == ("s01", 20, 0)
    assert trees.brightness(video.frames(4, 10)) == [5, 6, 7, 8, 9, 10]
    assert [video.expressions[0].emotion for video in dataset.videos] == ["negative", "positive", "surprise"]
    (change,) = dataset.labels.changes.to_dict("records")
    assert (change["row"], change["from"], change["to"]) == (2, "positive", "negative")
    # Text below the table is skipped row by row.
    assert dataset.labels.skipped["row"].tolist() == [6, 7]
    assert dataset.labels.skipped["reason"].str.startswith("no clip such as s01_ne_01 is named").all()


def test_the_label_file_of_2019_is_preferred_and_gives_the_apex(tmp_path):
    long(tmp_path)
    rows = [(subject, name, on, on + 3, off, first, emotion) for subject, name, on, off, first, emotion in ROWS]
    header = ("Subject", "Filename", "OnsetF", "ApexF", "OffsetF", "FirstF", "Emotion")
    trees.write_book(tmp_path / "SMIC-HS-E_annotation_2019.xlsx", Sheet1=[header, *rows])
    dataset = open_dataset("smic_hs", tmp_path)
    assert dataset.version.startswith("2019") and placed(dataset) == [(4, 7, 9), (2, 5, 9), (0, 3, 19)]


def test_a_cropped_clip_holds_the_frames_of_its_expression(tmp_path):
    for _, name, onset, offset, _, emotion in ROWS:
        short = name.replace("s0", "s")
        folder = tmp_path / "SMIC_all_cropped" / "HS" / short[:2] / "micro" / emotion / short
        trees.write_frames(folder, trees.numbered(range(onset, offset + 1), "reg_image{:06d}.bmp"))
    sheet = trees.smic_labels(tmp_path, ROWS)
    dataset = open_dataset("smic_hs", tmp_path)
    assert placed(dataset) == [(0, None, 5), (0, None, 7), (0, None, 19)]
    assert [video.n_frames for video in dataset.videos] == [6, 8, 20] and dataset.labels.changes.empty
    # Where the long clips lie there, too, they are read.
    sheet.unlink()
    assert [video.n_frames for video in open_dataset("smic_hs", long(tmp_path)).videos] == [20] * 3


def test_a_clip_that_lacks_its_beginning_keeps_its_labels_and_one_numbered_anew_counts_from_its_first_file(tmp_path):
    folder = tmp_path / "SMIC-E_raw image" / "HS_long" / "SMIC-HS-E" / "HS" / "s01" / "s01_ne_01"
    long(tmp_path)
    for number in (101, 102):
        (folder / f"image{number:06d}.jpg").unlink()
    dataset = open_dataset("smic_hs", tmp_path)
    video = dataset.videos[0]
    assert (video.n_frames, video.missing) == (20, 2) and placed(dataset)[0] == (4, None, 9)
    assert trees.brightness(video.frames(0, 5)) == [3, 3, 3, 4, 5]
    long(tmp_path)
    for number in range(101, 121):
        (folder / f"image{number:06d}.jpg").rename(folder / f"image{number - 100:06d}.jpg")
    dataset = open_dataset("smic_hs", tmp_path)
    assert placed(dataset)[0] == (4, None, 9)
    assert trees.brightness(dataset.videos[0].frames(4, 10)) == [5, 6, 7, 8, 9, 10]
    (change,) = dataset.labels.changes.to_dict("records")
    assert (change["column"], change["from"], change["to"]) == ("FirstF", 101, 1)


def test_rows_that_cannot_be_read_are_skipped_with_their_reasons(tmp_path):
    odd = {
        row("s04_ne_01", 10, 5, 12): "onset 5 lies before 10, the first frame of its clip",
        row("s04_ne_01", None, 11, 12): "FirstF is blank",
        (5, *row("s04_ne_01", 10, 11, 12)[1:]): "subject '5', but the name says s04",
        row("s01_ne_01", 100, 105, 110): "first frame 100, but row 2 says 101",
        row("s01_nn_01", 101, 105, 110, "negative"): "no clip such as s01_ne_01 is named",
        row("s04_po_01", 10, 11, 12): "no folder of frames",
    }
    labels = open_dataset("smic_hs", long(tmp_path, [*ROWS, *odd])).labels
    reasons = dict(zip(labels.skipped["row"], labels.skipped["reason"], strict=True))
    assert all(words in reasons[number] for number, words in enumerate(odd.values(), start=5))
    assert len(labels.rows) == 3
