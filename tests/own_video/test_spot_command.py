"""``melib spot`` from a file to a folder: what it writes, what it never says, and how it fails."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
from dataclasses import dataclass, replace
from html.parser import HTMLParser

import cv2
import numpy as np
import pandas as pd
import pytest

from melib import face, own_video
from melib.__main__ import main
from melib.metrics import spotting
from melib.own_video import analysis, run
from melib.recording import Recording
from melib.synthetic.action_units import EMOTION_PATTERNS
from melib.video import EMOTIONS_4, EMOTIONS_7

CLASS_NAMES = {*EMOTIONS_7, *EMOTIONS_4, *EMOTION_PATTERNS, "happiness", "sadness", "fearful", "disgusted", "surprised"}
CHALLENGE = ["subject", "video", "onset", "offset"]


@pytest.fixture(scope="module")
def eager(tmp_path_factory):
    """The shipped network with a threshold that every peak passes, so that there is something to show."""
    path = tmp_path_factory.mktemp("spotter") / "eager.safetensors"
    own_video.save_spotter(replace(own_video.load_spotter(), threshold=-100.0), path)
    return path


@pytest.fixture(scope="module")
def calm(tmp_path_factory):
    """The shipped network with a threshold that no peak passes: nothing to draw, so it is quick."""
    path = tmp_path_factory.mktemp("spotter") / "calm.safetensors"
    own_video.save_spotter(replace(own_video.load_spotter(), threshold=100.0), path)
    return path


@pytest.fixture(scope="module")
def result(mp4, eager, tmp_path_factory):
    """What the command writes about the rendered scene."""
    out = tmp_path_factory.mktemp("result") / "out"
    assert main(["spot", str(mp4), "--out", str(out), "--model", str(eager)]) == 0
    return out


class Page(HTMLParser):
    """Elements with their attributes, visible text, and elements that were not closed."""

    _VOID = {"meta", "img", "br", "link", "input"}

    def __init__(self, text):
        super().__init__()
        self.elements, self.text, self.open = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in self._VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.text.append(data)


@pytest.fixture(scope="module")
def page(result):
    return Page((result / "report.html").read_text(encoding="utf-8"))


def test_the_folder_holds_the_results_and_nothing_else(result):
    assert {path.name for path in result.iterdir()} == set(own_video.FILES)
    assert [path.name for path in result.parent.iterdir()] == ["out"]


def test_the_table_has_the_challenges_columns_and_can_be_scored(result, person):
    table = pd.read_csv(result / "intervals.csv")
    assert list(table.columns[:4]) == CHALLENGE and "emotion" not in table
    assert len(table) > 1
    assert (table["onset"] <= table["apex"]).all() and (table["apex"] <= table["offset"]).all()
    assert table["onset"].min() >= 0 and table["offset"].max() < person.n_frames
    np.testing.assert_allclose(table["apex_s"], table["apex"] / 30, atol=1e-4)
    assert set(table["region"]) <= set(own_video.REGIONS) and (table["strength_mm"] > 0).all()
    truth = table[CHALLENGE].head(1)
    scores = spotting.evaluate(truth, result / "intervals.csv")
    assert scores["tp_micro"] == 1 and scores["fp_micro"] == len(table) - 1


def test_no_class_of_emotion_is_written_unless_it_is_asked_for(result):
    for name in ("intervals.csv", "report.html", "spot.json"):
        text = (result / name).read_text(encoding="utf-8")
        text = re.sub(r'src="data:[^"]*"', "", text)  # letters of a picture are no words
        words = set(re.findall(r"[a-z]+", text.lower()))
        assert not words & CLASS_NAMES, name


def test_the_report_loads_nothing_and_its_pictures_are_inside(page):
    for tag, attributes in page.elements:
        assert tag not in {"script", "link", "iframe", "object", "embed", "video", "audio", "source", "base", "form"}
        assert "srcset" not in attributes and not any(name.startswith("on") for name in attributes)
        if tag == "img":
            kind, data = attributes["src"].split(",", 1)
            assert kind == "data:image/png;base64"
            assert base64.b64decode(data, validate=True).startswith(b"\x89PNG")
            assert len(attributes["alt"]) > 20
        if tag == "a":
            assert attributes["href"] in own_video.FILES
    policies = [attributes.get("content", "") for tag, attributes in page.elements if tag == "meta"]
    assert any("default-src 'none'" in policy for policy in policies)


def test_the_report_is_whole_html_for_any_screen(page, result):
    assert not page.open
    text = (result / "report.html").read_text(encoding="utf-8")
    assert text.startswith("<!DOCTYPE html>") and '<html lang="en">' in text and 'charset="utf-8"' in text
    assert 'content="width=device-width, initial-scale=1"' in text and "prefers-color-scheme:dark" in text
    assert "url(" not in text and "@import" not in text


def test_the_report_says_what_it_cannot_tell(page):
    text = " ".join(" ".join(page.text).split())
    for words in ("rendered heads", "no evidence of lying", "not a felt emotion", "consent", "holds for the benchmark"):
        assert words in text
    assert text.count("Movement ") >= 2


def test_the_annotated_video_is_vp9_and_as_long_as_the_video(result):
    capture = cv2.VideoCapture(str(result / "annotated.mp4"))
    code = int(capture.get(cv2.CAP_PROP_FOURCC)).to_bytes(4, "little")
    capture.release()
    assert code.lower() in (b"vp09", b"vp90")
    drawn = Recording(result / "annotated.mp4")
    assert (drawn.n_frames, drawn.fps) == (60, 30.0)
    # The strip below moves its hand from left to right.
    hands = [drawn.frames(i, i + 1)[0, -3].sum(axis=1, dtype=int).argmin() for i in (5, 55)]
    assert hands[0] < 60 and hands[1] > 240


def test_the_record_names_code_spotter_and_video(result, mp4):
    record = json.loads((result / "spot.json").read_text())
    assert record["video"]["frames"] == 60 and re.fullmatch(r"[0-9a-f]{64}", record["video"]["sha256"])
    assert record["spotter"]["seed"] and record["spotter"]["commit"]
    assert str(mp4.parent) not in json.dumps(record)


@pytest.fixture
def quick(monkeypatch):
    """Without the annotated video, whose encoding is the slowest part and is tested above."""
    monkeypatch.setattr(run, "write_annotated", lambda finding, path, *, progress: path.write_bytes(b"left out"))


def test_names_are_opt_in_and_are_called_an_invented_table(mp4, eager, tmp_path, quick):
    assert main(["spot", str(mp4), "--out", str(tmp_path / "out"), "--model", str(eager), "--name"]) == 0
    table = pd.read_csv(tmp_path / "out" / "intervals.csv")
    assert list(table.columns[:5]) == [*CHALLENGE, "emotion"] and set(table["emotion"]) <= set(EMOTIONS_4)
    text = (tmp_path / "out" / "report.html").read_text()
    assert text.count("Nearest class of an invented action-unit table") == 1
    assert text.count("Nearest class of the invented table: ") == len(table)


def test_a_run_that_was_killed_goes_on_to_the_same_bits(mp4, calm, tmp_path, monkeypatch, quick):
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
        return own_video.spot_file(mp4, tmp_path / name, model=calm)

    first = spot("whole")
    whole = list(asked)
    with pytest.raises(KeyboardInterrupt):
        spot("killed", dies_at=3)
    assert not (tmp_path / "killed").exists()
    second = spot("killed")
    np.testing.assert_array_equal(first.score, second.score)
    assert asked == whole[3:]
    assert not (tmp_path / "killed.unfinished").exists()
    for name in ("intervals.csv", "report.html", "spot.json", "timeline.png"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name


def test_scores_of_another_video_are_not_taken_up(mp4, calm, scene, write_video, tmp_path, quick):
    other = write_video(tmp_path / "someone.mp4", scene[::-1])
    out = tmp_path / "out"
    work = run._open_work(tmp_path / "out.unfinished", {"video": run._fingerprint(mp4)})
    np.savez(work / "scores-00000000.npz", score=np.full(84, 9.0), logits=np.zeros((84, 4)))
    finding = own_video.spot_file(other, out, model=calm)
    assert finding.score.max() < 9


@pytest.mark.parametrize("harm", ["cut", "flipped", "emptied"])
def test_damaged_scores_of_a_killed_run_are_named(tmp_path, harm):
    path = tmp_path / "scores-00000000.npz"
    np.savez(path, score=np.zeros(84), logits=np.zeros((84, 4)))
    whole = path.read_bytes()
    kept = {"cut": whole[: len(whole) // 2], "flipped": whole[:300] + b"\xff" + whole[301:], "emptied": b""}
    path.write_bytes(kept[harm])
    with pytest.raises(ValueError, match="scores-00000000.npz are damaged .*: delete that folder"):
        analysis._kept(path, 84)


def test_a_failure_on_the_way_leaves_the_earlier_result(mp4, calm, tmp_path, monkeypatch):
    out = tmp_path / "out"
    out.mkdir()
    for name in own_video.FILES:
        (out / name).write_text(f"earlier {name}")

    def full(*_, **__):
        raise OSError("no room left on the disk")

    monkeypatch.setattr(run, "write_annotated", full)
    with pytest.raises(OSError, match="no room"):
        own_video.spot_file(mp4, out, model=calm)
    assert {path.name: path.read_text() for path in out.iterdir()} == {n: f"earlier {n}" for n in own_video.FILES}
    monkeypatch.setattr(run, "write_annotated", lambda finding, path, **_: path.write_bytes(b""))
    own_video.spot_file(mp4, out, model=calm)
    assert (
        pd.read_csv(out / "intervals.csv").empty and list(pd.read_csv(out / "intervals.csv").columns[:4]) == CHALLENGE
    )


def test_a_movement_that_begins_with_the_video_is_measured_over_what_follows(mp4, eager):
    finding = own_video.analyse(Recording(mp4), own_video.load_spotter(eager))
    settings = finding.spotter.settings
    frames = finding.face.frames(0, 13)[[0, 12]]
    landmarks = finding.face.landmarks(0, 1)[0]
    wanted = own_video.strongest_motion(frames, landmarks, method=settings.method, stabilization=settings.stabilization)
    assert analysis._motion(finding.face, analysis._pair(0, 0, 12), finding.spotter) == wanted
    first = finding.movements[0]
    crops, flow = own_video.onset_to_apex(finding, first)
    assert crops.shape == (2, 128, 128, 3) and flow.shape == (2, 128, 128)
    assert own_video.strongest_motion(
        crops, landmarks, method=settings.method, stabilization=settings.stabilization
    ) == first.motion  # fmt: skip


def test_200_frames_per_second_are_compared_over_the_same_time(mp4, eager):
    spotter = own_video.load_spotter(eager)
    video = face.crop(Recording(mp4, fps=200))
    score, logits = own_video.score_video(video, spotter)
    # 0.2 s are 40 frames; every seventh frame is scored and what lies between is interpolated.
    assert score.shape == (60 - 40,) and logits.shape == (20, 4)
    np.testing.assert_allclose(np.diff(score[:8], n=2)[:6], 0, atol=1e-5)
    assert np.ptp(score) > 0


def test_scoring_reads_a_few_crops_at_a_time(mp4, eager, monkeypatch):
    monkeypatch.setattr(analysis, "_CHUNK", 16)
    spotter, video = own_video.load_spotter(eager), face.crop(Recording(mp4))
    whole, _ = own_video.score_video(video, spotter)
    made = []
    monkeypatch.setattr(analysis, "Recent", lambda video, kept: made.append(kept) or Counting(video, kept))
    again, _ = own_video.score_video(video, spotter)
    np.testing.assert_array_equal(whole, again)
    assert made == [8] and Counting.read == list(range(60))


class Counting(own_video.analysis.Recent):
    """Notes which frames of the video below are read."""

    read: list[int] = []

    def __init__(self, video, kept):
        super().__init__(video, kept)
        frames = video.frames
        Counting.read = []
        self.video = type("Counted", (), {"__getattr__": lambda _, name: getattr(video, name)})()
        self.video.frames = lambda start, stop: Counting.read.extend(range(start, stop)) or frames(start, stop)


def test_a_folder_of_images_is_a_video(scene, eager, tmp_path, quick):
    folder = tmp_path / "images"
    folder.mkdir()
    for number, frame in enumerate(scene[:40]):
        cv2.imwrite(str(folder / f"img{number + 7:04d}.png"), frame[..., ::-1])
    (folder / "img0020.png").unlink()
    depth = tmp_path / "depth"
    depth.mkdir()
    for path in folder.iterdir():
        cv2.imwrite(str(depth / path.name), np.full((240, 320), 600, np.uint16))
    assert main(["spot", str(folder), "--fps", "30", "--depth", str(depth), "--out", str(tmp_path / "out"),
                 "--model", str(eager)]) == 0  # fmt: skip
    table = pd.read_csv(tmp_path / "out" / "intervals.csv")
    assert (table["away_mm"] == 0).all()
    notes = json.loads((tmp_path / "out" / "spot.json").read_text())["notes"]
    assert notes[0].startswith("1 of 40 frames have no image") and "Depth" in notes[-1]


def told(capfd, *arguments) -> str:
    """The one line on stderr of a command that fails with exit code 2."""
    capfd.readouterr()
    assert main(["spot", *map(str, arguments)]) == 2
    said = capfd.readouterr()
    assert said.out == ""
    (line,) = said.err.splitlines()
    assert line.startswith("melib spot: ")
    return line


def test_bad_input_is_said_in_one_line_and_leaves_nothing(mp4, scene, write_video, tmp_path, capfd, monkeypatch):
    letter = tmp_path / "letter.mp4"
    letter.write_bytes(b"Dear Sir, " * 50)
    short = write_video(tmp_path / "short.mp4", scene[:6])
    nobody = write_video(tmp_path / "nobody.mp4", np.full((20, 240, 320, 3), 90, np.uint8))
    depth = tmp_path / "depth"
    depth.mkdir()
    cv2.imwrite(str(depth / "1.png"), np.full((240, 320), 600, np.uint16))
    before = sorted(tmp_path.iterdir())
    out = ("--out", tmp_path / "out")
    assert "no video file" in told(capfd, tmp_path / "missing.mp4", *out)
    assert "has 6 frames: too few for a gap of 6" in told(capfd, short, *out)
    assert "no face found" in told(capfd, nobody, *out)
    assert "holds 1 images for a video of 60 frames" in told(capfd, mp4, "--depth", depth, *out)
    assert "frame rate lies between" in told(capfd, mp4, "--fps", "-1", *out)
    assert "does not tell their frame rate" in told(capfd, depth, *out)
    assert "no checkpoint" in told(capfd, mp4, "--model", tmp_path / "no.safetensors", *out)
    assert "is no safetensors file" in told(capfd, mp4, "--model", letter, *out)
    assert "no folder" in told(capfd, mp4, "--out", tmp_path / "a" / "b")
    monkeypatch.setattr(face.detect, "_predictor_file", lambda: (_ for _ in ()).throw(face.detect._missing_extra()))
    assert 'pip install "melib[faces]"' in told(capfd, mp4, *out)
    assert sorted(tmp_path.iterdir()) == before


@dataclass(frozen=True)
class Pointer:
    """A detector that knows where the face is."""

    box: face.Box
    points: np.ndarray
    name: str = "pointer"

    def detect(self, rgb):
        return [face.Face(self.box, self.points, 1.0)]

    def landmarks(self, rgb, box):
        return (self.points - self.box[:2]) * box.width / self.box.width


@pytest.mark.parametrize(("side", "said"), [(20, "20 pixels wide, fewer than 24"), (30, None)])
def test_a_tiny_face_is_refused_and_a_small_one_reported(scene, person, calm, write_video, tmp_path, quick, side, said):
    film = np.full((20, 60, 80, 3), 110, np.uint8)
    box = face.Box(20, 10, side, side)
    film[:, 10 : 10 + side, 20 : 20 + side] = [
        cv2.resize(frame[56:184, 96:224], (side, side), interpolation=cv2.INTER_AREA) for frame in scene[:20]
    ]
    film = write_video(tmp_path / "far.mp4", film)
    detector = Pointer(box, person.landmarks(0, 1)[0] * side / 128 + box[:2])
    if said:
        with pytest.raises(ValueError, match=said):
            own_video.spot_file(film, tmp_path / "out", model=calm, detector=detector)
        assert [path.name for path in tmp_path.iterdir()] == ["far.mp4"]
    else:
        own_video.spot_file(film, tmp_path / "out", model=calm, detector=detector)
        (note,) = json.loads((tmp_path / "out" / "spot.json").read_text())["notes"]
        assert note.startswith("The face is only 30 pixels wide")


def test_what_is_no_video_is_said_in_one_line_and_not_by_the_decoder(tmp_path):
    letter = tmp_path / "letter.mp4"
    letter.write_bytes(b"Dear Sir, " * 50)
    command = [sys.executable, "-m", "melib", "spot", str(letter), "--out", str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("melib spot: ") and "cannot be read as a video" in line
    assert list(tmp_path.iterdir()) == [letter]


def test_files_of_others_are_not_touched(mp4, tmp_path, capfd):
    out = tmp_path / "photos"
    out.mkdir()
    (out / "holiday.jpg").write_bytes(b"dear to somebody")
    assert "holds other files (holiday.jpg" in told(capfd, mp4, "--out", out)
    (out / "holiday.jpg").rename(out / "report.html")
    assert "holds other files (report.html" in told(capfd, mp4, "--out", out)
    assert "is not a folder" in told(capfd, mp4, "--out", mp4)
    unfinished = tmp_path / "new.unfinished"
    unfinished.mkdir()
    (unfinished / "notes.txt").write_text("mine")
    assert "in the way" in told(capfd, mp4, "--out", tmp_path / "new")
    link = tmp_path / "link"
    link.symlink_to(out)
    assert "is not a folder" in told(capfd, mp4, "--out", link)
    assert (out / "report.html").read_bytes() == b"dear to somebody" and (unfinished / "notes.txt").exists()


@pytest.mark.parametrize("name", ["=cmd.mp4", "a,b.mp4", "<script>.mp4", "@x.mp4", "--.mp4"])
def test_a_name_of_a_file_is_no_formula_and_no_markup(name):
    plain = run._plain(name.removesuffix(".mp4"))
    assert re.fullmatch(r"\w[\w. -]*", plain)
