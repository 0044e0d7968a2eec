"""``melib spot`` from a file to a folder: what it writes, what it never says, and how it fails."""

import base64
import json
import re
import sys
from dataclasses import replace

import av
import cv2
import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup

from melib import face, own_video
from melib.__main__ import main
from melib.metrics import spotting
from melib.own_video import analysis, pictures, run
from melib.own_video.recording import Recording
from melib.spotting import Spotted
from melib.synthetic.action_units import EMOTION_PATTERNS
from melib.video import EMOTIONS_4, EMOTIONS_7

CLASS_NAMES = {*EMOTIONS_7, *EMOTIONS_4, *EMOTION_PATTERNS, "happiness", "sadness", "fearful", "disgusted", "surprised"}
CHALLENGE = ["subject", "video", "onset", "offset"]


@pytest.fixture(scope="module")
def spotters(tmp_path_factory):
    """The shipped network so that nothing is found, which is quick, and so that much is."""
    folder, shipped = tmp_path_factory.mktemp("spotters"), own_video.load_spotter()
    own_video.save_spotter(replace(shipped, threshold=0.999), folder / "calm")
    own_video.save_spotter(replace(shipped, threshold=0.005), folder / "eager")
    return folder


@pytest.fixture(scope="module")
def result(mp4, spotters, tmp_path_factory):
    """What the command writes about the rendered scene."""
    out = tmp_path_factory.mktemp("result") / "out"
    assert main(["spot", str(mp4), "--out", str(out), "--model", str(spotters / "eager")]) == 0
    return out


def test_the_folder_holds_the_results_and_nothing_else(result, mp4):
    assert {path.name for path in result.iterdir()} == set(own_video.FILES)
    assert [path.name for path in result.parent.iterdir()] == ["out"]
    record = json.loads((result / "spot.json").read_text())
    assert record["video"]["frames"] == 60 and re.fullmatch(r"[0-9a-f]{64}", record["video"]["sha256"])
    assert record["spotter"]["seed"] and record["spotter"]["commit"] and record["face"]["detector"] == "dlib68"
    assert str(mp4.parent) not in json.dumps(record)
    with av.open(result / "annotated.mp4") as film:
        assert film.streams.video[0].codec_context.name == "h264"
    drawn = Recording(result / "annotated.mp4")
    assert (drawn.n_frames, drawn.fps, drawn.size) == (60, 30.0, (320, 240))


def test_the_table_has_the_challenges_columns_and_can_be_scored(result, tmp_path):
    table = pd.read_csv(result / "intervals.csv")
    assert list(table.columns[:4]) == CHALLENGE and "emotion" not in table and len(table) > 1
    assert (table["onset"] <= table["apex"]).all() and (table["apex"] <= table["offset"]).all()
    assert table["onset"].min() >= 0 and table["offset"].max() < 60
    np.testing.assert_allclose(table["apex_s"], table["apex"] / 30, atol=1e-4)
    assert set(table["region"]) <= set(own_video.REGIONS) and (table["strength_mm"] > 0).all()
    scores = spotting.evaluate(table[CHALLENGE].head(1), result / "intervals.csv")
    assert scores["tp_micro"] == 1 and scores["fp_micro"] == len(table) - 1
    truth = tmp_path / "truth.csv"
    table[CHALLENGE].assign(emotion="others").to_csv(truth, index=False)
    assert main(["score", str(result / "intervals.csv"), str(truth)]) == 0


def test_the_report_shows_every_movement_has_its_pictures_inside_loads_nothing_and_names_no_emotion(result):
    page = BeautifulSoup((result / "report.html").read_text(encoding="utf-8"), "html.parser")
    assert page.html["lang"] == "en" and "prefers-color-scheme:dark" in page.style.text
    assert not re.search(r"url\(|@import", page.style.text)
    for element in page.find_all(True):
        assert element.name not in {"script", "link", "iframe", "object", "embed", "video", "audio", "source", "base"}
        assert not any(name == "srcset" or name.startswith("on") for name in element.attrs)
    for image in page.find_all("img"):
        kind, data = image["src"].split(",", 1)
        assert kind == "data:image/png;base64" and len(image["alt"]) > 20
        assert base64.b64decode(data, validate=True).startswith(b"\x89PNG")
    assert {link["href"] for link in page.find_all("a")} <= set(own_video.FILES)
    assert any("default-src 'none'" in each.get("content", "") for each in page.find_all("meta"))
    for text in (page.text, *((result / name).read_text() for name in ("intervals.csv", "spot.json"))):
        assert not set(re.findall(r"[a-z]+", text.lower())) & CLASS_NAMES
    text = " ".join(page.text.split())
    for words in (
        "rendered heads",
        "no evidence of lying",
        "not a felt emotion",
        "consent",
        "on the benchmark the spotter",
    ):
        assert words in text
    table = pd.read_csv(result / "intervals.csv")
    assert len(page.find_all("img")) == 1 + min(len(table), analysis._PICTURED)
    for number, row in enumerate(table.itertuples(), start=1):
        cells = [cell.text for cell in page.find_all("tr")[number].find_all("td")]
        frames = f"{row.onset} to {row.offset}", row.region, f"{row.strength_mm:.1f}", f"{row.score:.2f}"
        assert cells[:2] == [str(number), f"00:{row.onset / 30:06.3f}"] and cells[4:8] == list(frames)
        assert cells[8] == f"{row.share:.2f} ({row.share_low:.2f} to {row.share_high:.2f})"
        assert f"{number}: {row.region}, at 00:{row.apex / 30:06.3f}" in text
    # On a phone each cell stands under the other and says what it is.
    assert all(cell["data-name"] for cell in page.find_all("td")) and "max-width:44rem" in page.style.text


def test_a_folder_of_images_a_part_of_it_and_the_names_asked_for(scene, spotters, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys.modules["melib.face.crop"], "_SMALL_FACE", 1000)
    images, out = tmp_path / "images", tmp_path / "out"
    images.mkdir()
    for number in {*range(50)} - {13}:
        cv2.imwrite(str(images / f"img{number + 7:04d}.png"), scene[number, ..., ::-1])
    options = ["--fps", "30", "--model", str(spotters / "eager"), "--name", "--no-video", "--start", "0:00.2"]
    assert main(["spot", str(images), "--out", str(out), *options, "--end", "1.5", "--face", "1"]) == 0
    assert {path.name for path in out.iterdir()} == set(own_video.FILES) - {"annotated.mp4"}
    table, text = pd.read_csv(out / "intervals.csv"), (out / "report.html").read_text()
    assert table["onset"].min() >= 6 and table["offset"].max() <= 45 and "frames 6 to 45" in text
    assert list(table.columns[:5]) == [*CHALLENGE, "emotion"] and set(table["emotion"]) <= set(EMOTIONS_4)
    assert text.count("<th scope") == 10 and len(table) > 0
    small, missing = json.loads((out / "spot.json").read_text())["notes"][:2]
    assert missing.startswith("1 of 50 frames have no image") and small.startswith("The face is only ")
    said = capsys.readouterr().out
    assert all(note in text and note in said for note in (missing, small))


def test_a_run_that_was_killed_goes_on_to_the_same_bits_and_reads_each_frame_once(mp4, spotters, tmp_path, monkeypatch):
    monkeypatch.setattr(analysis, "_PIECE", 32)
    asked, score = [], analysis.score_frames

    def spot(name, dies_at=None):
        def counted(model, planes, **options):
            if len(asked) == dies_at:
                raise KeyboardInterrupt
            asked.append(len(planes))
            return score(model, planes, **options)

        asked.clear()
        monkeypatch.setattr(analysis, "score_frames", counted)
        return own_video.spot_file(mp4, tmp_path / name, model=spotters / "eager")

    whole = spot("whole")
    assert asked == [54, 54]  # each piece is seen with 32 rows more to either side
    with pytest.raises(KeyboardInterrupt):
        spot("killed", dies_at=1)
    work = tmp_path / "killed.unfinished"
    with monkeypatch.context() as broken, pytest.raises(KeyboardInterrupt):
        broken.setattr(run, "_write", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        spot("killed")
    assert asked == [54] and not (tmp_path / "killed").exists()
    again = spot("killed")
    assert asked == [] and not work.exists()
    np.testing.assert_array_equal(whole.scores.probability, again.scores.probability)
    for name in own_video.FILES:
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name
    monkeypatch.undo()
    read, cut = [], face.CroppedVideo._cut
    monkeypatch.setattr(face.CroppedVideo, "_cut", lambda self, *what: read.append(what[1]) or cut(self, *what))
    video = face.crop(Recording(mp4), track=True)
    at_once = own_video.score_video(video, whole.spotter)
    assert read == list(range(60))
    np.testing.assert_allclose(at_once.probability, whole.scores.probability, atol=1e-5)


def test_whatever_fails_on_the_way_leaves_the_earlier_result(mp4, spotters, tmp_path, monkeypatch):
    out, work, model = tmp_path / "out", tmp_path / "out.unfinished", spotters / "calm"
    own_video.spot_file(mp4, out, model=model, annotate=False)
    earlier = {path.name: path.read_bytes() for path in out.iterdir()}

    def full(*_, **__):
        raise OSError("no room left on the disk")

    with monkeypatch.context() as broken, pytest.raises(OSError, match="no room"):
        broken.setattr(pictures, "write_annotated", full)
        own_video.spot_file(mp4, out, model=model)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == earlier
    # Scores of another run are not taken up.
    kept = {name: np.ones((54, 4), np.float32) for name in ("kinds", "ends", "marks", "emotions")}
    np.savez(work / "scores-00000000.npz", **kept)
    finding = own_video.spot_file(mp4, out, model=model, annotate=False)
    table = pd.read_csv(out / "intervals.csv")
    assert finding.scores.probability.max() < 1 and table.empty and list(table.columns[:4]) == CHALLENGE
    assert not work.exists() and set(earlier) == {path.name for path in out.iterdir()}


def test_nothing_is_marked_where_no_face_was_seen_or_something_lies_between(
    mp4, spotters, scene, write_video, tmp_path
):
    empty = np.full((90, *scene.shape[1:]), 110, np.uint8)
    path = write_video(tmp_path / "leaves.mp4", [*empty[:30], *scene, *empty, *scene[:45]])
    spotter = own_video.load_spotter(spotters / "eager")
    finding = own_video.analyse(Recording(path), spotter)
    frames = np.arange(225)
    there = (frames >= 30) & (frames < 90) | (frames >= 180)
    scores = finding.scores
    assert not scores.scored[~there[3:222]].any() and scores.scored[there[3:222]].mean() > 0.7
    assert len(finding.movements) > 1 and not scores.probability[~scores.scored].any()
    for found in finding.movements.itertuples():
        assert there[found.onset : found.offset + 1].all()
    ((first, back), (left, again)) = finding.unscored()
    assert (first, back, left, again) == pytest.approx((0, 1, 2.8, 6), abs=0.2)
    assert re.search(r"5\d% \(\d\.\d of 7\.5 s\) was not scored", " ".join(finding.notes))
    # A pause in the clock of the file parts what lies before it from what lies after it.
    video = Recording(mp4)
    video.times = np.where(np.arange(60) < 30, video.times, video.times + 3)
    video.breaks[30] = True
    seconds, starts, ends, usable = analysis.rows_of(face.crop(video), spotter.gap_s)
    assert 48 <= usable.sum() <= 50 and seconds[-1] == pytest.approx(video.times[-1] - 0.1, abs=0.02)
    assert not ((starts[usable] < 30) & (ends[usable] >= 30)).any()


@pytest.mark.parametrize(("fps", "step", "gap"), [(30, 1, 6), (15, 1, 3), (60, 2, 12), (200, 7, 42), (25, 1, 5)])
def test_rows_lie_about_a_thirtieth_of_a_second_apart_and_frames_the_gap(fps, step, gap):
    video = type("Film", (), {"fps": float(fps), "n_frames": 4 * fps, "subject": "a", "name": "b"})()
    seconds, starts, ends, usable = analysis.rows_of(video, 0.2)
    assert usable.all() and set(ends - starts) == {gap}
    assert set(np.unique(np.diff(np.unique(starts)))) == {step}
    assert 24 < 1 / np.diff(seconds).mean() < 36
    np.testing.assert_allclose(seconds, (starts + ends) / 2 / fps, atol=0.51 / fps)


def test_a_long_timeline_has_lines_and_many_marks_are_warned_of(mp4, spotters):
    finding = own_video.analyse(Recording(mp4), own_video.load_spotter(spotters / "eager"))
    assert "Do not trust" in finding.notes[-1]
    (dots,) = (line for line in pictures.timeline(finding).axes[0].lines if line.get_marker() == "o")
    np.testing.assert_array_equal(dots.get_ydata(), finding.movements["score"])
    assert "Do not trust" not in str(replace(finding, movements=finding.movements[:2]).notes)
    times, scores = np.linspace(0, 1800, 60), finding.scores._replace(spotted=Spotted(*[np.empty((0, 3))] * 3))
    long = replace(finding, times=times, scores=scores._replace(seconds=np.linspace(0, 1800, 54)))
    lines = pictures.timeline(long).axes
    assert len(lines) == 6 and lines[1].get_xlim() == pytest.approx((300, 600), abs=1)
    assert [label.get_text()[:3] for label in lines[1].get_xticklabels()][:1] == ["05:"]


def told(capfd, *arguments) -> str:
    """The one line on stderr of a command that fails with exit code 2."""
    capfd.readouterr()
    assert main(["spot", *map(str, arguments)]) == 2
    said = capfd.readouterr()
    assert said.out == "" and len(said.err.splitlines()) == 1 and said.err.startswith("melib spot: ")
    return said.err


def test_bad_input_is_said_in_one_line_and_leaves_nothing(mp4, scene, write_video, tmp_path, capfd, monkeypatch):
    short, one = (write_video(tmp_path / f"{count}.mp4", scene[:count]) for count in (12, 1))
    nobody = write_video(tmp_path / "nobody.mp4", np.full((20, 240, 320, 3), 90, np.uint8))
    (tmp_path / "letter.mp4").write_bytes(b"Dear Sir, " * 50)
    before, out = sorted(tmp_path.iterdir()), ("--out", tmp_path / "out")
    for words, *arguments in (
        ("shows no face to be measured for 0.5 s on end", short),
        ("shows no face to be measured for 0.5 s on end", one),
        ("no face found", nobody),
        ("nothing lies between the start and the end", mp4, "--start", "1:30"),
        ("does not tell the frame rate", tmp_path),
        ("no checkpoint", mp4, "--model", tmp_path / "no.safetensors"),
        ("letter.mp4 cannot be read as a video", tmp_path / "letter.mp4"),
    ):
        assert words in told(capfd, *arguments, *out)
    monkeypatch.setattr(face.detect.importlib.util, "find_spec", lambda name: None)
    assert 'pip install ".[faces]"' in told(capfd, mp4, *out)
    assert sorted(tmp_path.iterdir()) == before


def test_files_of_others_are_not_touched(mp4, result, tmp_path, capfd):
    out, unfinished = tmp_path / "photos", tmp_path / "new.unfinished"
    for folder, name in ((out, "holiday.jpg"), (unfinished, "notes.txt")):
        folder.mkdir()
        (folder / name).write_text("dear to somebody")
    assert "holds other files (holiday.jpg" in told(capfd, mp4, "--out", out)
    (out / "holiday.jpg").rename(out / "report.html")
    assert "holds other files (report.html" in told(capfd, mp4, "--out", out)
    for place, words in ((mp4, "is not a folder"), (tmp_path / "new", "in the way")):
        assert words in told(capfd, mp4, "--out", place)
    other = tmp_path / "other.mp4"
    other.write_bytes(mp4.read_bytes() + b"another")
    assert "holds the result of another video: choose another --out" in told(capfd, other, "--out", result)
    assert all(path.read_text() == "dear to somebody" for path in (out / "report.html", unfinished / "notes.txt"))


def test_a_name_of_a_file_is_no_formula_and_no_markup(mp4, tmp_path):
    for name in ("=cmd.mp4", "a,b.mp4", "<script>.mp4", "@x.mp4", "--.mp4", "12:30:00.mp4"):
        copy = tmp_path / name
        copy.write_bytes(mp4.read_bytes())
        assert re.fullmatch(r"\w[\w. -]*", run.open_video(copy).name)
