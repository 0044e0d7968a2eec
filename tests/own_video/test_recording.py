"""A video file is read as it is, whatever its header says of it."""

import struct
import tracemalloc

import cv2
import numpy as np
import pytest

from melib.own_video import recording
from melib.own_video.recording import Recording

#: Boxes of an MP4 file that hold boxes: its clock and its rotation are changed, which OpenCV cannot write.
_CONTAINERS = (b"moov", b"trak", b"mdia", b"minf", b"stbl")


def edit(data, kind, change):
    """The boxes of a file with the content of each box of a kind replaced, and all sizes made right."""
    out, at = b"", 0
    while at < len(data):
        size, name = struct.unpack(">I4s", data[at : at + 8])
        content = data[at + 8 : at + size]
        if name in (kind, *_CONTAINERS):
            content = change(content) if name == kind else edit(content, kind, change)
        out += struct.pack(">I4s", len(content) + 8, name) + content
        at += size
    return out


def level(frame: np.ndarray) -> int:
    """Number of a frame of the fixture `numbered`, from its grey level."""
    return round(float(frame.mean()) / 8)


def test_frames_do_not_depend_on_the_order_in_which_they_are_asked_for_and_memory_does_not_grow(mp4):
    capture, wanted = cv2.VideoCapture(str(mp4)), []
    while (read := capture.read())[0]:
        wanted.append(read[1][..., ::-1])
    video = Recording(mp4)
    assert (video.n_frames, video.size, video.fps) == (len(wanted), (320, 240), 30.0)
    for start, stop in ((40, 43), (0, 2), (59, 60), (41, 42), (41, 42), (7, 50)):
        np.testing.assert_array_equal(video.frames(start, stop), np.stack(wanted[start:stop]))
    assert video.notes == ()
    tracemalloc.start()
    try:
        video = Recording(mp4)
        for frame in range(video.n_frames):
            video.frames(frame, frame + 1)
        assert tracemalloc.get_traced_memory()[1] < 60 * 320 * 240 * 3 / 4
    finally:
        tracemalloc.stop()


def test_a_video_of_varying_rate_is_resampled_to_the_nearest_frames(numbered, tmp_path):
    data, found, path = numbered.read_bytes(), [], tmp_path / "varying.mp4"
    edit(data, b"stts", lambda content: found.append(struct.unpack(">II", content[8:16])) or content)
    ((count, tick),) = found
    # Ten frames of 3/2, ten of 1/2 and ten of the usual length.
    table = struct.pack(">8I", 0, 3, 10, tick * 3 // 2, 10, tick // 2, 10, tick)
    path.write_bytes(edit(data, b"stts", lambda _: table))
    video = Recording(path)
    steps = np.repeat([1.5, 0.5, 1.0], 10) / 30
    times = np.concatenate([[0], np.cumsum(steps)[:-1]])
    mean = (count - 1) / times[-1]
    wanted = [int(np.abs(times - i / mean).argmin()) for i in range(count)]
    assert video.fps == pytest.approx(mean)
    assert [level(video.frames(i, i + 1)[0]) for i in range(count)] == wanted
    assert len(set(wanted)) < count
    (note,) = video.notes
    assert "varies" in note and f"{count - len(set(wanted))} of {count}" in note


def test_timestamps_rounded_to_milliseconds_are_no_varying_rate(scene, write_video, tmp_path):
    video = Recording(write_video(tmp_path / "rounded.webm", scene[:31:5], codec="VP80"))
    assert (video.fps, video.n_frames, video.notes) == (30.0, 7, ())


def test_a_rate_that_is_given_overrules_the_timestamps_and_one_that_no_camera_has_is_refused(numbered):
    video = Recording(numbered, fps=200)
    assert video.fps == 200
    assert [level(video.frames(i, i + 1)[0]) for i in range(30)] == list(range(30))
    for fps in (0, -30, 1e6, float("nan")):
        refused("frame rate lies between", numbered, fps=fps)


def test_rotation_that_the_file_asks_for_is_applied(mp4, tmp_path):
    path = tmp_path / "turned.mp4"
    # By 90 degrees with the clock.
    matrix = struct.pack(">9i", 0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30)
    path.write_bytes(edit(mp4.read_bytes(), b"tkhd", lambda content: content[:40] + matrix + content[76:]))
    video = Recording(path)
    assert video.size == (240, 320)
    np.testing.assert_array_equal(video.frames(3, 4)[0], np.rot90(Recording(mp4).frames(3, 4)[0], -1))


def test_frames_are_counted_and_not_believed(scene, write_video, tmp_path):
    whole = write_video(tmp_path / "whole.avi", scene[:30], codec="MJPG").read_bytes()
    path = tmp_path / "cut.avi"
    path.write_bytes(whole[: len(whole) // 2])
    video = Recording(path)
    assert 5 < video.n_frames < 25
    assert video.frames(video.n_frames - 1, video.n_frames).shape == (1, 240, 320, 3)
    (note,) = video.notes
    assert f"promises 30 frames, {video.n_frames} could be decoded" in note


def refused(words, path, kind=ValueError, **how):
    with pytest.raises(kind, match=words):
        Recording(path, **how)


def test_what_is_no_video_or_holds_no_frame_is_refused_by_name(mp4, tmp_path):
    nothing = {b"stts": bytes(8), b"stsc": bytes(8), b"stco": bytes(8), b"stss": bytes(8), b"stsz": bytes(12)}
    data, path = mp4.read_bytes(), tmp_path / "empty.mp4"
    for kind, content in nothing.items():
        data = edit(data, kind, lambda _, content=content: content)
    path.write_bytes(data)
    refused("holds no frame", path)
    path.write_bytes(b"Dear Sir, " * 50)
    refused("empty.mp4 cannot be read as a video", path)
    for missing in (tmp_path / "missing.mp4", "http://127.0.0.1/film.mp4"):
        refused("no video file", missing, FileNotFoundError)


def test_a_file_without_any_clock_asks_for_a_rate():
    times = np.zeros(5)
    with pytest.raises(ValueError, match="give the rate"):
        recording._clock(times, 0.0, None, "film.mp4")
    fps, frames, notes = recording._clock(times, 25.0, None, "film.mp4")
    assert (fps, frames.tolist()) == (25.0, [0, 1, 2, 3, 4]) and "header" in notes[0]


def depth_folder(folder, count, *, height=48):
    """600 mm in the first frame, a millimetre more in each."""
    folder.mkdir()
    for number in range(count):
        cv2.imwrite(str(folder / f"depth_{number:03d}.png"), np.full((height, 64), 600 + number, np.uint16))
    return folder


def test_depth_of_a_frame_is_that_of_its_image_in_metres_and_must_fit(numbered, tmp_path):
    video = Recording(numbered, depth=depth_folder(tmp_path / "depth", 30))
    found = video.depth(4, 6)
    assert found.shape == (2, 48, 64) and found.dtype == np.float32
    np.testing.assert_allclose(found[:, 0, 0], [0.604, 0.605], rtol=1e-6)
    assert (video.camera.width, video.camera.height) == (64, 48)
    assert np.degrees(2 * np.arctan(32 / video.camera.fx)) == pytest.approx(65)
    refused("holds 29 images for a video of 30 frames", numbered, depth=depth_folder(tmp_path / "few", 29))
    small = depth_folder(tmp_path / "small", 30, height=24)
    refused("64x24 pixels, but the video begins with 64x48", numbered, depth=small)
    refused("no folder .*missing", numbered, FileNotFoundError, depth=tmp_path / "missing")
    with pytest.raises(ValueError, match="no depth"):
        Recording(numbered).depth(0, 1)
