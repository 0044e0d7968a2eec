"""``melib spot`` from a file to a folder: what it writes, what it never says, and how it fails."""

import base64
import json
import os
import re
import subprocess
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
from melib.synthetic.action_units import EMOTION_PATTERNS
from melib.video import EMOTIONS_4, EMOTIONS_7

CLASS_NAMES = {*EMOTIONS_7, *EMOTIONS_4, *EMOTION_PATTERNS, "happiness", "sadness", "fearful", "disgusted", "surprised"}
CHALLENGE = ["subject", "video", "onset", "offset"]


@pytest.fixture(scope="module")
def spotters(tmp_path_factory):
    """The shipped network so that nothing is found, which is quick, and so that every peak of long intervals is."""
    folder, shipped = tmp_path_factory.mktemp("spotters"), own_video.load_spotter()
    own_video.save_spotter(replace(shipped, threshold=100.0), folder / "calm")
    own_video.save_spotter(replace(shipped, threshold=-100.0, half_length_s=0.5), folder / "eager")
    return folder


@pytest.fixture(scope="module")
def result(mp4, spotters, tmp_path_factory):
    """What the command writes about the rendered scene."""
    out = tmp_path_factory.mktemp("result") / "out"
    assert main(["spot", str(mp4), "--out", str(out), "--model", str(spotters / "eager")]) == 0
    return out


@pytest.fixture
def quick(monkeypatch):
    """Without the annotated video, whose encoding is the slowest part and has a test of its own."""
    monkeypatch.setattr(pictures, "write_annotated", lambda finding, path, **_: path.write_bytes(b"left out"))


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
    assert (drawn.n_frames, drawn.fps) == (60, 30.0)
    # The strip below moves its hand from left to right.
    hands = [drawn.frames(i, i + 1)[0, -3].sum(axis=1, dtype=int).argmin() for i in (5, 55)]
    assert hands[0] < 60 and hands[1] > 240


def test_the_table_has_the_challenges_columns_and_can_be_scored(result):
    table = pd.read_csv(result / "intervals.csv")
    assert list(table.columns[:4]) == CHALLENGE and "emotion" not in table and len(table) > 1
    assert (table["onset"] <= table["apex"]).all() and (table["apex"] <= table["offset"]).all()
    assert table["onset"].min() >= 0 and table["offset"].max() < 60
    np.testing.assert_allclose(table["apex_s"], table["apex"] / 30, atol=1e-4)
    assert set(table["region"]) <= set(own_video.REGIONS) and (table["strength_mm"] > 0).all()
    scores = spotting.evaluate(table[CHALLENGE].head(1), result / "intervals.csv")
    assert scores["tp_micro"] == 1 and scores["fp_micro"] == len(table) - 1


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
    for words in ("rendered heads", "no evidence of lying", "not a felt emotion", "consent", "holds for the benchmark"):
        assert words in text
    table = pd.read_csv(result / "intervals.csv")
    assert len(page.find_all("img")) == 1 + len(table)
    for number, row in enumerate(table.itertuples(), start=1):
        assert f"Movement {number}: {row.region}, at 0:{row.apex / 30:06.3f}" in text
        assert f"(frames {row.onset} to {row.offset})" in text and f"by {row.strength_mm:.1f} mm" in text


def test_a_folder_of_images_with_depth_and_with_the_names_asked_for(scene, spotters, tmp_path, quick, monkeypatch):
    monkeypatch.setattr(sys.modules["melib.face.crop"], "_SMALL_FACE", 1000)
    images, depth, out = tmp_path / "images", tmp_path / "depth", tmp_path / "out"
    images.mkdir()
    depth.mkdir()
    for number in {*range(40)} - {13}:
        cv2.imwrite(str(images / f"img{number + 7:04d}.png"), scene[number, ..., ::-1])
        cv2.imwrite(str(depth / f"img{number + 7:04d}.png"), np.full((240, 320), 600, np.uint16))
    options = ["--fps", "30", "--depth", str(depth), "--model", str(spotters / "eager"), "--name"]
    assert main(["spot", str(images), "--out", str(out), *options]) == 0
    table, text = pd.read_csv(out / "intervals.csv"), (out / "report.html").read_text()
    assert (table["away_mm"] == 0).all()
    assert list(table.columns[:5]) == [*CHALLENGE, "emotion"] and set(table["emotion"]) <= set(EMOTIONS_4)
    assert text.count("Nearest class of an invented action-unit table") == 1
    assert text.count("Nearest class of the invented table: ") == len(table)
    missing, small, deep = json.loads((out / "spot.json").read_text())["notes"]
    assert missing.startswith("1 of 40 frames have no image") and deep.startswith("Depth tells")
    assert small.startswith("The face is only ") and all(note in text for note in (missing, small))


def test_a_run_that_was_killed_goes_on_to_the_same_bits(mp4, spotters, tmp_path, monkeypatch, quick):
    monkeypatch.setattr(analysis, "_CHUNK", 16)
    predict, asked = analysis.predict, []

    def spot(name, dies_at=None):
        asked.clear()

        def counted(model, planes, **options):
            if len(asked) == dies_at:
                raise KeyboardInterrupt
            asked.append(len(planes))
            return predict(model, planes, **options)

        monkeypatch.setattr(analysis, "predict", counted)
        return own_video.spot_file(mp4, tmp_path / name, model=spotters / "calm")

    first = spot("whole")
    whole = list(asked)
    with pytest.raises(KeyboardInterrupt):
        spot("killed", dies_at=3)
    assert not (tmp_path / "killed").exists()
    # Of the three parts that were kept one is damaged: it is scored again.
    damaged = tmp_path / "killed.unfinished" / "scores-00000016.npz"
    damaged.write_bytes(damaged.read_bytes()[:300])
    second = spot("killed")
    np.testing.assert_array_equal(first.score, second.score)
    assert asked == [whole[1], *whole[3:]] and not (tmp_path / "killed.unfinished").exists()
    for name in ("intervals.csv", "report.html", "spot.json", "timeline.png"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name


def test_whatever_fails_on_the_way_leaves_the_earlier_result(mp4, spotters, tmp_path, monkeypatch, quick):
    out, work, model = tmp_path / "out", tmp_path / "out.unfinished", spotters / "calm"
    out.mkdir()
    earlier = {name: f"earlier {name}" for name in own_video.FILES}
    for name, content in earlier.items():
        (out / name).write_text(content)

    def kept():
        return {path.name: path.read_text() for path in out.iterdir()}

    def full(source, *to, move=os.replace, **_):
        # Of the moves only that of the result to its place.
        if not isinstance(source, os.PathLike) or source.name == "result":
            raise OSError("no room left on the disk")
        move(source, *to)

    for place, name in ((pictures, "write_annotated"), (run.os, "replace")):
        with monkeypatch.context() as broken:
            broken.setattr(place, name, full)
            with pytest.raises(OSError, match="no room"):
                own_video.spot_file(mp4, out, model=model)
        assert kept() == earlier
    # A run that is killed between the two moves: the earlier result waits where the next run, of whatever, looks.
    os.replace(out, work / "earlier")
    with pytest.raises(FileNotFoundError, match="no video file"):
        own_video.spot_file(mp4.with_name("other.mp4"), out, model=model)
    run._open_work(work, {"another": "run"}, out)
    assert kept() == earlier
    # Scores of another run are not taken up.
    np.savez(work / "scores-00000000.npz", score=np.full(54, 999.0), logits=np.zeros((54, 4)))
    finding = own_video.spot_file(mp4, out, model=model)
    table = pd.read_csv(out / "intervals.csv")
    assert finding.score.max() < 9 and table.empty and list(table.columns[:4]) == CHALLENGE and not work.exists()


def test_a_movement_is_measured_on_the_two_frames_that_were_compared(mp4, spotters):
    finding = own_video.analyse(Recording(mp4), own_video.load_spotter(spotters / "eager"))
    for found in finding.movements:
        assert found.pair == (found.apex, found.apex + 6)
        crops, flow = analysis.compared(finding, found)
        np.testing.assert_array_equal(crops, finding.face.frames(found.apex, found.apex + 7)[[0, 6]])
        assert flow.shape == (2, 128, 128)
        landmarks = finding.face.landmarks(found.apex, found.apex + 1)[0]
        assert analysis.strongest_motion(crops, landmarks, finding.spotter.settings) == found.motion


def test_nothing_is_marked_where_no_face_was_seen_or_something_lies_between(
    mp4, spotters, scene, write_video, tmp_path
):
    empty = np.full((90, *scene.shape[1:]), 110, np.uint8)
    path = write_video(tmp_path / "leaves.mp4", [*empty[:30], *scene, *empty, *scene[:45]])
    spotter = own_video.load_spotter(spotters / "eager")
    finding = own_video.analyse(Recording(path), spotter, track=True)
    frames = np.arange(225)
    there = (frames >= 30) & (frames < 90) | (frames >= 180)
    assert not finding.scored[~there[:219]].any() and finding.scored[there[:219]].mean() > 0.7
    assert len(finding.movements) > 1
    for found in finding.movements:
        assert there[[found.onset, found.offset]].all()
    seconds = sum(stop - start for start, stop in finding.unscored())
    assert 4 < seconds < 5.5 and finding.face.seen.sum() < 110
    # A pause in the clock of the file parts what lies before it from what lies after it.
    video = Recording(mp4)
    video.times = np.where(np.arange(60) < 30, video.times, video.times + 3)
    video.breaks[30] = True
    when, starts, ends, usable = analysis.pairs_in_time(face.crop(video), spotter.gap_s)
    assert 48 <= usable.sum() <= 50 and when[-1] == pytest.approx(video.times[-1] - 0.2, abs=0.02)
    assert not ((starts[usable] < 30) & (ends[usable] >= 30)).any()


def test_scores_compare_over_the_same_time_and_in_parts_are_the_same_and_read_each_frame_once(mp4, monkeypatch):
    spotter = own_video.load_spotter()
    score, logits, scored = own_video.score_video(face.crop(Recording(mp4, fps=200)), spotter)
    # 0.2 s are 40 frames; of the 20 that begin a pair every seventh is scored, and what lies between is interpolated.
    assert score.shape == (15,) and logits.shape == (15, 4) and np.ptp(score) > 0 and scored.all()
    np.testing.assert_allclose(np.diff(score[:8], n=2)[:6], 0, atol=1e-5)
    video, read = face.crop(Recording(mp4)), []
    whole = own_video.score_video(video, spotter)[0]
    monkeypatch.setattr(analysis, "_CHUNK", 16)
    frames = face.CroppedVideo.frames
    monkeypatch.setattr(face.CroppedVideo, "frames", lambda self, *span: read.append(span) or frames(self, *span))
    np.testing.assert_array_equal(whole, own_video.score_video(video, spotter)[0])
    assert read == [(i, i + 1) for i in range(60)]


def told(capfd, *arguments) -> str:
    """The one line on stderr of a command that fails with exit code 2."""
    capfd.readouterr()
    assert main(["spot", *map(str, arguments)]) == 2
    said = capfd.readouterr()
    assert said.out == "" and len(said.err.splitlines()) == 1 and said.err.startswith("melib spot: ")
    return said.err


def test_bad_input_is_said_in_one_line_and_leaves_nothing(mp4, scene, write_video, tmp_path, capfd, monkeypatch):
    short, one = (write_video(tmp_path / f"{count}.mp4", scene[:count]) for count in (6, 1))
    nobody = write_video(tmp_path / "nobody.mp4", np.full((20, 240, 320, 3), 90, np.uint8))
    before, out = sorted(tmp_path.iterdir()), ("--out", tmp_path / "out")
    for words, *arguments in (
        ("has 6 frames: too few for a gap of 6", short),
        ("has 1 frame: too few", one),
        ("no face found", nobody),
        ("frame rate lies between", mp4, "--fps", "-1"),
        ("does not tell their frame rate", tmp_path),
        ("no folder", mp4, "--depth", tmp_path / "no-depth"),
        ("no checkpoint", mp4, "--model", tmp_path / "no.safetensors"),
    ):
        assert words in told(capfd, *arguments, *out)
    assert "no folder" in told(capfd, mp4, "--out", tmp_path / "a" / "b")
    monkeypatch.setattr(face.detect.importlib.util, "find_spec", lambda name: None)
    assert 'pip install "melib[faces]"' in told(capfd, mp4, *out)
    assert sorted(tmp_path.iterdir()) == before


def test_the_command_loads_no_study_and_the_decoder_keeps_quiet(tmp_path):
    letter = tmp_path / "letter.mp4"
    letter.write_bytes(b"Dear Sir, " * 50)
    program = """if True:
        import sys
        from melib.__main__ import main
        code = main(sys.argv[1:])
        print(*{name.split(".")[1] for name in sys.modules if name.startswith("melib.")})
        sys.exit(code)"""
    command = [sys.executable, "-c", program, "spot", str(letter), "--out", str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2 and list(tmp_path.iterdir()) == [letter]
    (line,) = done.stderr.splitlines()
    assert line.startswith("melib spot: ") and "cannot be read as a video" in line
    assert "own_video" in done.stdout and not set(done.stdout.split()) & {"metrics", "study", "synthetic", "training"}


def test_files_of_others_are_not_touched(mp4, tmp_path, capfd):
    out, unfinished, link = tmp_path / "photos", tmp_path / "new.unfinished", tmp_path / "link"
    for folder, name in ((out, "holiday.jpg"), (unfinished, "notes.txt")):
        folder.mkdir()
        (folder / name).write_text("dear to somebody")
    link.symlink_to(out)
    assert "holds other files (holiday.jpg" in told(capfd, mp4, "--out", out)
    (out / "holiday.jpg").rename(out / "report.html")
    assert "holds other files (report.html" in told(capfd, mp4, "--out", out)
    for place, words in ((mp4, "is not a folder"), (link, "is not a folder"), (tmp_path / "new", "in the way")):
        assert words in told(capfd, mp4, "--out", place)
    assert all(path.read_text() == "dear to somebody" for path in (out / "report.html", unfinished / "notes.txt"))


def test_a_name_of_a_file_is_no_formula_and_no_markup():
    assert all(re.fullmatch(r"\w[\w. -]*", run._plain(name)) for name in ("=cmd", "a,b", "<script>", "@x", "--"))
