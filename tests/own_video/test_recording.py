"""A video file is read as a player would show it, whatever its header says of it, and nothing else is."""

import tracemalloc
from fractions import Fraction

import av
import numpy as np
import pytest

from melib.own_video import recording, run
from melib.own_video.recording import Recording, nearest

TICK = Fraction(1, 600)


def film(path, frames, *, codec="ffv1", pixels="bgr0", times=None, rate=30, aspect=Fraction(1), matrix=None, **options):
    """Write RGB frames, without loss unless another codec is named; times are in units of TICK."""
    with av.open(path, "w") as container:
        stream = container.add_stream(codec, rate=rate, options=options)
        (stream.height, stream.width), stream.pix_fmt = frames[0].shape[:2], pixels
        stream.codec_context.sample_aspect_ratio = aspect
        if matrix is not None:
            stream.set_display_matrix(matrix)
        if times is not None:
            stream.codec_context.time_base = stream.time_base = TICK
        for index, frame in enumerate(frames):
            picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
            if times is not None:
                picture.pts, picture.time_base = int(times[index]), TICK
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path


@pytest.fixture(scope="module")
def frames():
    """Thirty small pictures that can be told apart by their grey level, with a bright corner up on the left."""
    pictures = np.repeat(np.arange(0, 120, 4, dtype=np.uint8), 48 * 64 * 3).reshape(30, 48, 64, 3)
    pictures[:, :12, :16] = 250
    return pictures


def level(frame: np.ndarray) -> int:
    """Number of one of the pictures, from the grey level of its middle."""
    return round(float(frame[20:28, 28:36].mean()) / 4)


def corner(frame: np.ndarray) -> tuple[bool, bool]:
    """Whether the bright corner is below, and on the right."""
    down, right = np.unravel_index(frame[..., 0].argmax(), frame.shape[:2])
    return bool(down > frame.shape[0] / 2), bool(right > frame.shape[1] / 2)


def test_frames_do_not_depend_on_the_order_in_which_they_are_asked_for_and_memory_does_not_grow(scene, tmp_path):
    video = Recording(film(tmp_path / "scene.mkv", scene))
    assert (video.n_frames, video.size, video.fps, video.notes) == (len(scene), (320, 240), 30.0, ())
    for start, stop in ((40, 43), (0, 2), (59, 60), (41, 42), (41, 42), (7, 50)):
        np.testing.assert_array_equal(video.frames(start, stop), scene[start:stop])
    tracemalloc.start()
    try:
        video = Recording(video.path)
        for frame in range(video.n_frames):
            video.frames(frame, frame + 1)
        assert tracemalloc.get_traced_memory()[1] < 60 * 320 * 240 * 3 / 4
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("steps", "rate", "breaks", "words"),
    [
        ([20] * 29, 30, [], []),
        ([20, 21, 19] * 9 + [20, 20], 30, [], []),
        ([40] * 10 + [20] * 19, 30, [], ["varies (from 33 to 67 ms"]),
        ([20] * 14 + [6000] + [20] * 14, 30, [15], ["varies", "Pauses: 1, of up to 10.0 s"]),
        ([20] * 14 + [0] + [20] * 14, 30, [], ["do not rise: 1", "varies"]),
    ],
)
def test_frames_are_numbered_as_in_the_file_and_timed_by_its_clock(frames, tmp_path, steps, rate, breaks, words):
    times = np.cumsum([0, *steps])
    video = Recording(film(tmp_path / "clock.mkv", frames, times=times - times.min()))
    assert video.fps == pytest.approx(rate, rel=0.02) and (np.diff(video.times) > 0).all()
    assert [level(video.frames(i, i + 1)[0]) for i in range(30)] == list(range(30))
    assert np.flatnonzero(video.breaks).tolist() == breaks and len(video.notes) == len(words)
    assert all(word in note for word, note in zip(words, video.notes, strict=True))
    if not words:
        np.testing.assert_array_equal(video.times, np.arange(30) / video.fps)


def test_a_time_stamp_that_goes_back_lies_between_its_neighbours_and_many_of_them_are_not_believed():
    header, stamps = recording._Header(rate=30.0), np.arange(40) / 30
    stamps[20] = 0.1
    times, rate, notes = recording._clock(stamps, header, None, "film.mp4")
    assert rate == 30 and notes[0].startswith("Time stamps that do not rise: 1.")
    np.testing.assert_allclose(times, np.arange(40) / 30, atol=1e-9)
    stamps[::3] = np.nan
    assert recording._clock(stamps, header, None, "film.mp4")[2] == [
        "The time stamps do not rise: the frame rate is that of the header."
    ]
    with pytest.raises(ValueError, match="give the rate"):
        recording._clock(stamps, recording._Header(), None, "film.mp4")


def test_a_cut_and_what_stands_still_are_told(scene, tmp_path):
    other = 255 - scene[:20]
    video = Recording(film(tmp_path / "cut.mkv", [*scene[:20], *other, *other[-1:]]))
    assert np.flatnonzero(video.breaks).tolist() == [20]
    assert video.notes == (
        "Cuts to another scene: 1. Nothing is compared across them, faces neither.",
        "1 of 41 frames are the one before again.",
    )


def test_the_nearest_frame_in_time_is_taken():
    assert nearest(np.array([0, 1, 2, 5.0]), np.array([-1, 0.4, 0.5, 0.6, 4, 9])).tolist() == [0, 0, 0, 1, 3, 3]
    assert nearest(np.zeros(1), np.array([-1.0, 3.0])).tolist() == [0, 0]


def test_a_file_without_a_clock_asks_for_a_rate_and_one_with_a_clock_keeps_it(frames, tmp_path):
    path = film(tmp_path / "camera.h264", frames, codec="libx264", pixels="yuv420p", qp="0")
    refused("no usable time stamps: give the rate", path)
    video = Recording(path, fps=90)
    assert (video.n_frames, video.fps, video.times[-1]) == (30, 90, 29 / 90)
    for fps in (0, -30, 1e6, float("nan")):
        with pytest.raises(ValueError, match="frame rate lies between"):
            run.open_video(path, fps=fps)
    refused("keeps its own time: leave --fps out", film(tmp_path / "fast.mkv", frames), fps=200)


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("down", [1, -1])
@pytest.mark.parametrize("right", [1, -1])
def test_pictures_are_turned_and_mirrored_as_the_file_asks(frames, tmp_path, turned, right, down):
    one = 1 << 16
    matrix = [0, down * one, 0, right * one, 0, 0] if turned else [right * one, 0, 0, 0, down * one, 0]
    path = film(tmp_path / "phone.mp4", frames, codec="libx264", pixels="yuv420p", matrix=[*matrix, 0, 0, 1 << 30])
    video = Recording(path)
    picture = video.frames(3, 4)[0]
    assert video.size == ((48, 64) if turned else (64, 48)) == picture.shape[1::-1]
    assert corner(picture) == (down < 0, right < 0)


@pytest.mark.parametrize(("aspect", "size"), [(Fraction(4, 3), (85, 48)), (Fraction(1, 2), (64, 96))])
def test_pixels_are_shown_square(frames, tmp_path, aspect, size):
    how = {"codec": "libx264", "pixels": "yuv420p", "aspect": aspect}
    video = Recording(film(tmp_path / "wide.mp4", frames, **how))
    assert video.size == size and video.frames(0, 1).shape == (1, size[1], size[0], 3)


def test_interlaced_pictures_are_decoded_and_are_not_those_of_another_file(frames, tmp_path):
    how = {"codec": "libx264", "pixels": "yuv420p", "flags": "+ildct+ilme", "x264opts": "tff=1", "qp": "4"}
    video = Recording(film(tmp_path / "camcorder.mts", frames, **how))
    assert video.notes == ("The video is interlaced: lacking lines are interpolated.",)
    assert [level(video.frames(i, i + 1)[0]) for i in (29, 0, 7, 8)] == [29, 0, 7, 8]


def test_frames_are_counted_and_not_believed(scene, tmp_path):
    whole = film(tmp_path / "whole.avi", scene[:30], codec="mjpeg", pixels="yuvj420p").read_bytes()
    path = tmp_path / "cut.avi"
    path.write_bytes(whole[: len(whole) // 2])
    video = Recording(path)
    assert 5 < video.n_frames < 25
    assert video.frames(video.n_frames - 1, video.n_frames).shape == (1, 240, 320, 3)
    assert any(f"promises 30 frames, {video.n_frames} could be decoded" in note for note in video.notes)


def refused(words, path, kind=ValueError, **how):
    with pytest.raises(kind, match=words):
        Recording(path, **how)


def test_only_the_file_of_that_name_is_read(frames, tmp_path):
    path = film(tmp_path / "plain.mkv", frames)
    for name in ("12:30:00.mkv", "file:s.mkv", "%03d.mkv"):
        assert Recording(path.rename(path.with_name(name))).n_frames == 30
        path = path.with_name(name)
    (tmp_path / "list.m3u8").write_text(f"#EXTM3U\n#EXTINF:1,\n{path}\n#EXT-X-ENDLIST\n")
    (tmp_path / "list.txt").write_text(f"ffconcat version 1.0\nfile '{path}'\n")
    (tmp_path / "letter.mp4").write_bytes(b"Dear Sir, " * 50)
    for name in ("list.m3u8", "list.txt", "letter.mp4"):
        refused(f"{name} (cannot be read as|holds no)", tmp_path / name)
    for missing in (tmp_path / "missing.mp4", "http://127.0.0.1/film.mp4"):
        refused("no video file", missing, FileNotFoundError)
