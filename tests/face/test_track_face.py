"""A crop that follows the head stays on it, without lag, and says where it lost it."""

from __future__ import annotations

import numpy as np
import pytest
from filmed import FilmedVideo, PaintDetector, paint

from melib.face import Box, crop
from melib.video import Camera

T = 90


def walking(frames=T):
    """Places of a face that sways slowly, as heads do, and of its left upper corner in whole pixels."""
    phase = 2 * np.pi * np.arange(frames) / 120
    return np.stack([40 + 20 * np.sin(phase), 25 + 8 * np.cos(phase)], axis=1).round().astype(int)


def filmed(places, **options):
    return FilmedVideo(paint([[tuple(place)] for place in places]), **options)


def corners(cropped, frames):
    return np.array([cropped.window(i)[:2] for i in range(frames)])


def test_the_window_goes_with_the_face():
    places = walking()
    cropped = crop(filmed(places), detector=PaintDetector(), track=True)
    followed = np.linalg.norm(corners(cropped, T) - places, axis=1)
    still = np.linalg.norm(places[0] - places, axis=1)
    assert followed.max() < 5 and followed.mean() < 0.15 * still.mean()
    assert {cropped.window(i)[2:] for i in range(T)} == {(60, 60)}


def test_the_track_does_not_lag_behind_the_face():
    places = np.stack([20 + np.arange(T) // 2, np.full(T, 30)], axis=1)
    cropped = crop(FilmedVideo(paint([[tuple(p)] for p in places])), detector=PaintDetector(), track=True)
    middle = slice(25, 65)
    behind = (places - corners(cropped, T))[middle, 0]
    assert abs(behind.mean()) < 0.75


def test_landmarks_of_a_followed_crop_lie_on_its_face():
    places, detector = walking(), PaintDetector()
    cropped = crop(filmed(places), detector=detector, track=True)
    found = cropped.landmarks(10, 70)
    windows = corners(cropped, T)[10:70]
    truth = np.stack([detector.landmarks(None, Box(*place, 60, 60)) for place in places[10:70]])
    truth = (truth - windows[:, None] + 0.5) * 128 / 60 - 0.5
    assert np.linalg.norm(found - truth, axis=-1).mean() < 3
    one = cropped.landmarks(33, 34)
    np.testing.assert_array_equal(one[0], found[23])


def test_jitter_of_the_landmarks_is_smoothed():
    class Shaky(PaintDetector):
        name = "shaky"

        def detect(self, rgb):
            faces = super().detect(rgb)
            jitter = np.random.default_rng(self.asked).normal(0, 2, (68, 2)).astype(np.float32)
            for face in faces:
                face.landmarks[:] += jitter
            return faces

    cropped = crop(filmed([(40, 30)] * 300), detector=Shaky(), track=True)
    spread = cropped.landmarks(50, 250).std(axis=0).mean() * 60 / 128
    assert 0 < spread < 0.6 * 2


def test_a_face_that_leaves_keeps_its_last_place_and_is_counted():
    frames = paint([[(40 + i // 3, 30)] if i < 45 else [] for i in range(T)])
    cropped = crop(FilmedVideo(frames), detector=PaintDetector(), track=True)
    report = cropped.report
    assert (report.lost, report.looks) == (9, 18)
    assert report.notes == ("the face was not found in 9 of 18 frames looked at: its last place was kept there",)
    # The last look that shows it is that of frame 40.
    assert cropped.window(T - 1) == Box(40 + 40 // 3, 30, 60, 60)


def test_a_face_that_never_leaves_is_lost_nowhere():
    assert crop(filmed(walking()), detector=PaintDetector(), track=True).report.lost == 0


def test_a_larger_face_that_comes_later_does_not_take_the_crop():
    def scene(i):
        return [(10, 30, 50)] + ([(80, 20, 70)] if i > 20 else [])

    cropped = crop(FilmedVideo(paint([scene(i) for i in range(T)])), detector=PaintDetector(), track=True)
    assert cropped.window(T - 1) == Box(10, 30, 50, 50)
    gone = paint([scene(i) if i < 40 else [(100, 20, 55)] for i in range(T)])
    assert crop(FilmedVideo(gone), detector=PaintDetector(), track=True).report.lost == 10


def test_a_window_stops_at_the_edge_of_the_image():
    places = np.stack([40 + np.arange(T), np.full(T, 30)], axis=1)
    frames = np.pad(paint([[tuple(p)] for p in places], width=200), ((0, 0),) * 4)[:, :, :140]
    cropped = crop(FilmedVideo(frames), detector=PaintDetector(), track=True)
    assert corners(cropped, T)[:, 0].max() <= 140 - 60
    assert cropped.frames(T - 1, T).shape == (1, 128, 128, 3)


def test_the_camera_of_a_frame_goes_with_its_window():
    full = Camera(500.0, 520.0, 79.3, 60.9, 160, 120)
    cropped = crop(filmed(walking(), camera=full), detector=PaintDetector(), track=True)
    points = np.random.default_rng(5).uniform([-0.1, -0.1, 0.4], [0.1, 0.1, 0.9], (50, 3))
    assert cropped.window(15)[:2] != cropped.window(0)[:2]
    for frame in (0, 15, 40):
        expected = (full.project(points) - cropped.window(frame)[:2] + 0.5) * 128 / 60 - 0.5
        np.testing.assert_allclose(cropped.camera_at(frame).project(points), expected, atol=1e-9)
    assert cropped.camera == cropped.camera_at(0)


@pytest.mark.parametrize("fps", [4.0, 25.0, 200.0])
def test_the_face_is_looked_for_six_times_a_second_at_most(fps):
    detector = PaintDetector()
    video = filmed([(40, 30)] * T, fps=fps)
    _ = crop(video, detector=detector, track=True).report
    assert detector.asked == len(range(0, T, max(1, round(fps / 6))))


def test_a_crop_that_stays_reads_nothing_to_stay():
    video = filmed(walking())
    _ = crop(video, detector=PaintDetector()).report
    assert video.read == [0]
