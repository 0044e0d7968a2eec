"""A crop shows what the frame shows there, reads no more than it must, and says how the face was found."""

from __future__ import annotations

import pickle

import cv2
import numpy as np
import pytest
from filmed import GROUND, PAINT, FilmedVideo, PaintDetector, paint

from melib.face import Box, FaceError, crop, crop_dataset, crop_table, strips
from melib.video import Camera, Dataset, Expression, Video

CAMERA = Camera(fx=500.0, fy=520.0, cx=79.3, cy=60.9, width=160, height=120)


def filmed(places, **options):
    return FilmedVideo(paint(places), **options)


def noise(count=1, height=120, width=160):
    return np.random.default_rng(3).integers(0, 250, (count, height, width, 3), dtype=np.uint8)


def test_the_crop_is_the_box_of_the_face_and_a_video_of_the_same_person():
    video = filmed([[(30, 20)]] * 4, expressions=(Expression(1, 3, 2, emotion="fear"),))
    cropped = crop(video, detector=PaintDetector())
    assert isinstance(cropped, Video)
    assert cropped.window(3) == cropped.report.box == Box(30, 20, 60, 60)
    assert (cropped.report.faces, cropped.report.looks, cropped.report.notes) == (1, 1, ())
    found = cropped.frames(1, 3)
    assert found.shape == (2, 128, 128, 3) and found.dtype == np.uint8
    assert (found[..., 0] == PAINT).all() and (found[..., 1] == GROUND).all()
    for name in ("subject", "name", "fps", "n_frames", "expressions"):
        assert getattr(cropped, name) == getattr(video, name)


def test_a_crop_of_the_boxs_own_size_is_a_plain_cut():
    frames = noise(2)
    cropped = crop(FilmedVideo(frames), size=64, detector=PaintDetector(), box=(50, 40, 64, 64))
    np.testing.assert_array_equal(cropped.frames(0, 2), frames[:, 40:104, 50:114])


def test_only_the_frames_asked_for_are_read():
    video = filmed([[(30, 20)]] * 50)
    cropped = crop(video, detector=PaintDetector())
    assert video.read == [0]
    cropped.frames(40, 42)
    assert video.read == [0, 40, 41]


@pytest.mark.parametrize("track", [False, True])
def test_however_many_are_asked_for_whole_frames_are_held_one_at_a_time(track):
    video = filmed([[(30, 20)]] * 50)
    cropped = crop(video, detector=PaintDetector(), track=track)
    assert len(cropped.frames(0, 50)) == len(cropped.landmarks(0, 50)) == 50
    assert video.longest_read == 1


def test_a_point_projects_into_the_crop_where_the_crop_shows_it():
    depth = np.full((1, 120, 160), 0.6, np.float32)
    video = FilmedVideo(paint([[(31, 17)]]), depth=depth, camera=CAMERA)
    cropped = crop(video, size=100, detector=PaintDetector())
    points = np.random.default_rng(5).uniform([-0.1, -0.1, 0.4], [0.1, 0.1, 0.9], (50, 3))
    # Outer edges, not centres, of the first pixels lie on each other: half a pixel either way.
    expected = (CAMERA.project(points) - [31, 17] + 0.5) * 100 / 60 - 0.5
    np.testing.assert_allclose(cropped.camera.project(points), expected, atol=1e-9)
    assert (cropped.camera.width, cropped.camera.height) == (100, 100)


def test_the_image_moves_into_the_crop_as_the_camera_says():
    height, width = 120, 160
    y, x = np.mgrid[:height, :width]
    blob = np.exp(-((x - 66.3) ** 2 + (y - 51.8) ** 2) / 60)
    frames = np.repeat((250 * blob).astype(np.uint8)[None, ..., None], 3, axis=3)
    video = FilmedVideo(frames, camera=CAMERA)
    for size in (60, 50, 90, 128):
        cropped = crop(video, size=size, detector=PaintDetector(), box=(31, 17, 70, 70))
        weight = cropped.frames(0, 1)[0, ..., 0].astype(float)
        rows, columns = np.mgrid[:size, :size]
        centre = [(columns * weight).sum() / weight.sum(), (rows * weight).sum() / weight.sum()]
        point = [(66.3 - CAMERA.cx) / CAMERA.fx, (51.8 - CAMERA.cy) / CAMERA.fy, 1.0]
        np.testing.assert_allclose(centre, cropped.camera.project(np.array(point)), atol=0.1)


def test_depth_is_cut_with_the_colour_and_its_holes_stay_holes():
    depth = np.random.default_rng(7).uniform(0.4, 0.8, (1, 120, 160)).astype(np.float32)
    depth[:, 30:40, 50:60] = 0
    video = FilmedVideo(paint([[(31, 17)]]), depth=depth, camera=CAMERA)
    cropped = crop(video, size=180, detector=PaintDetector())
    found = cropped.depth(0, 1)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found[0], np.repeat(np.repeat(depth[0, 17:77, 31:91], 3, 0), 3, 1))
    smaller = crop(video, size=44, detector=PaintDetector()).depth(0, 1)[0]
    assert set(np.unique(smaller)) <= set(np.unique(depth))
    assert (smaller == 0).mean() == pytest.approx(100 / 3600, rel=0.3)
    # At 44 of 60 pixels no centre falls between two readings, where either would be the nearest.
    exact = cv2.resize(depth[0, 17:77, 31:91], (44, 44), interpolation=cv2.INTER_NEAREST_EXACT)
    np.testing.assert_array_equal(smaller, exact)


def test_a_video_without_depth_stays_without():
    cropped = crop(filmed([[(30, 20)]]), detector=PaintDetector())
    assert cropped.camera is None
    with pytest.raises(ValueError, match="s1/v1 has no depth"):
        cropped.depth(0, 1)
    with pytest.raises(ValueError, match="s1/v1 has no camera"):
        cropped.camera_at(0)


def test_a_camera_or_depth_of_another_size_is_refused():
    video = filmed([[(30, 20)]], depth=np.ones((1, 60, 80), np.float32), camera=Camera(500, 500, 40, 30, 80, 60))
    cropped = crop(video, detector=PaintDetector())
    with pytest.raises(ValueError, match="frames of 160x120 pixels and a camera of 80x60"):
        _ = cropped.camera
    with pytest.raises(ValueError, match="images of 80x60 pixels beside others of 160x120"):
        cropped.depth(0, 1)


def test_landmarks_are_those_of_the_first_crop_repeated():
    cropped = crop(filmed([[(30, 20)]] * 9), size=128, detector=PaintDetector())
    found = cropped.landmarks(2, 7)
    assert found.shape == (5, 68, 2) and found.dtype == np.float32
    expected = PaintDetector().landmarks(None, Box(0, 0, 128, 128))
    np.testing.assert_array_equal(found, np.repeat(expected[None], 5, axis=0))
    upper, mouth = strips(found[0], 128, 128)
    assert upper.bottom < mouth.top


def test_a_face_over_the_edge_is_cut_from_inside_the_image():
    cropped = crop(FilmedVideo(noise()), detector=PaintDetector(), box=(-20, 80, 60, 60))
    assert cropped.window(0) == Box(0, 60, 60, 60)
    assert cropped.report.notes == ("the face reaches over the edge of the image: the crop holds what lies inside",)
    larger = crop(FilmedVideo(noise()), detector=PaintDetector(), box=(-20, -40, 200, 200))
    assert larger.window(0) == Box(20, 0, 120, 120)
    assert larger.frames(0, 1).shape == (1, 128, 128, 3)


def test_a_box_that_is_not_square_is_widened_about_its_middle():
    cropped = crop(FilmedVideo(noise()), detector=PaintDetector(), box=(60, 30, 40, 60))
    assert cropped.window(0) == Box(50, 30, 60, 60)


def test_of_several_faces_the_largest_is_taken_and_said():
    cropped = crop(filmed([[(5, 10, 40), (80, 20, 60)]]), detector=PaintDetector())
    assert cropped.report.box == Box(80, 20, 60, 60)
    assert cropped.report.faces == 2
    assert cropped.report.notes == ("2 faces in frame 0: the largest is taken",)


def test_frames_without_a_face_at_the_start_are_passed_over_and_said():
    cropped = crop(filmed([[]] * 12 + [[(30, 20)]] * 20), detector=PaintDetector())
    report = cropped.report
    assert 12 <= report.frame < 12 + 30 / 6
    assert report.notes == (f"no face before frame {report.frame}: the crop is made from that frame",)
    assert cropped.frames(0, 1).shape == (1, 128, 128, 3)


def test_a_video_without_a_face_is_refused_with_its_name_and_the_mend():
    with pytest.raises(FaceError, match=r"no face found in video s1/v1 \(6 of its first 30 frames .* pass box="):
        crop(filmed([[]] * 30), detector=PaintDetector())
    given = crop(filmed([[]] * 30), detector=PaintDetector(), box=(10, 10, 80, 80))
    assert given.report.box == Box(10, 10, 80, 80) and given.report.faces == 0


def test_the_search_stops_after_ten_seconds():
    video = FilmedVideo(np.zeros((400, 8, 8, 3), np.uint8))
    with pytest.raises(FaceError, match="61 of its first 301 frames"):
        crop(video, detector=PaintDetector())
    assert max(video.read) == 300


def test_a_small_face_is_reported_and_a_tiny_one_refused():
    small = crop(filmed([[(30, 20, 36)]]), detector=PaintDetector()).report
    assert small.notes == ("the face is only 36 pixels wide, enlarged to 128: small movements of it cannot be seen",)
    with pytest.raises(FaceError, match="face in frame 0 of video s1/v1 is 20 pixels wide, fewer than 24"):
        crop(filmed([[(30, 20, 20)]]), detector=PaintDetector())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 41}, "crop of 41 pixels is smaller than a network's input"),
        ({"box": (0, 0, 0, 60)}, r"\(left, top, width, height\) is needed"),
        ({"box": (150, 20, 60, 60)}, "outside the 160x120 images of video s1/v1"),
    ],
)
def test_bad_settings_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        crop(filmed([[(30, 20)]]), detector=PaintDetector(), **options)


def test_frames_that_change_size_are_refused():
    class Changing(FilmedVideo):
        def frames(self, start, stop):
            return super().frames(start, stop)[:, : 120 - 10 * start]

    cropped = crop(Changing(paint([[(30, 20)]] * 2)), detector=PaintDetector())
    with pytest.raises(ValueError, match="s1/v1 has images of 160x110 pixels beside others of 160x120"):
        cropped.frames(1, 2)


def test_frames_beyond_the_video_are_refused():
    cropped = crop(filmed([[(30, 20)]] * 3), detector=PaintDetector())
    for method in (cropped.frames, cropped.landmarks, cropped.depth):
        with pytest.raises(IndexError, match=r"frames 2\.\.4 asked of video s1/v1"):
            method(2, 4)


def test_a_video_of_one_frame_can_be_cropped_and_followed():
    for track in (False, True):
        cropped = crop(filmed([[(30, 20)]]), detector=PaintDetector(), track=track)
        assert cropped.frames(0, 1).shape == (1, 128, 128, 3)
        assert cropped.landmarks(0, 1).shape == (1, 68, 2)


def test_what_was_found_once_is_kept(tmp_path):
    first, second = PaintDetector(), PaintDetector()
    video = filmed([[(30, 20)], [(33, 21)]] * 10)
    before = crop(video, detector=first, track=True, cache=tmp_path, dataset="films 1")
    landmarks, report = before.landmarks(0, 20), before.report
    again = crop(video, detector=second, track=True, cache=tmp_path, dataset="films 1")
    np.testing.assert_array_equal(again.landmarks(0, 20), landmarks)
    assert again.report == report
    assert first.asked > 0 and second.asked == 0
    assert not list(tmp_path.glob("*.part"))
    crop(video, detector=second, cache=tmp_path, dataset="films 2")
    assert second.asked == 1


@pytest.mark.parametrize("damage", ["", "[]", "{}", '{"frame": 0}'])
def test_a_damaged_kept_detection_is_named(tmp_path, damage):
    video = filmed([[(30, 20)]])
    crop(video, detector=PaintDetector(), cache=tmp_path)
    (file,) = tmp_path.iterdir()
    file.write_text(damage)
    with pytest.raises(ValueError, match=f"{file.name} is damaged .* delete the file"):
        crop(video, detector=PaintDetector(), cache=tmp_path)


def test_a_dataset_is_cropped_when_its_videos_are_used():
    videos = tuple(
        FilmedVideo(paint([places]), name=name)
        for name, places in (("v1", [(30, 20)]), ("v2", []), ("v3", [(30, 20, 36), (90, 60, 30)]))
    )
    whole = Dataset("films", "1", videos, ("fear",))
    detector = PaintDetector()
    cropped = crop_dataset(whole, detector=detector)
    assert detector.asked == 0 and (cropped.name, cropped.emotions) == ("films", ("fear",))
    assert cropped.version == "1+crop-128-paint"
    assert crop_dataset(whole, detector=detector, size=64, track=True).version == "1+crop-64-paint-tracked"
    table = crop_table(cropped).set_index("video")
    assert table["side"].to_dict() == {"v1": 60, "v2": 0, "v3": 36}
    assert table.loc["v1", "notes"] == ""
    assert table.loc["v2", "notes"].startswith("no face found in video s1/v2")
    assert "2 faces" in table.loc["v3", "notes"] and "36 pixels" in table.loc["v3", "notes"]


def test_a_cropped_video_travels_to_another_process():
    cropped = crop(filmed([[(30, 20)]] * 3), detector=PaintDetector(), track=True)
    sent = pickle.loads(pickle.dumps(cropped))  # noqa: S301 - made here, a line ago
    np.testing.assert_array_equal(sent.frames(0, 3), cropped.frames(0, 3))
