"""A crop that follows the head stays on it, without lag, and says where it lost it."""

import numpy as np
import pytest
from filmed import FilmedVideo, PaintDetector, paint

from melib.face import Box, crop
from melib.video import Camera

T = 90
FULL = Camera(500.0, 520.0, 79.3, 60.9, 160, 120)


def followed(scenes, detector=None, cuts=(), span=None, **options):
    """The tracking crop of a video of scenes, each a list of places of faces, of which the left 160 pixels are seen."""
    video = FilmedVideo(paint(scenes, width=200)[:, :, :160], **options)
    video.breaks[list(cuts)] = True
    return crop(video, detector=detector or PaintDetector(), track=True, span=span)


def corners(cropped):
    return np.array([cropped.window(i)[:2] for i in range(cropped.n_frames)])


def test_the_window_the_landmarks_and_the_camera_go_with_the_face():
    # A face that sways slowly, as heads do.
    phase, detector = 2 * np.pi * np.arange(T) / 120, PaintDetector()
    places = np.stack([40 + 20 * np.sin(phase), 25 + 8 * np.cos(phase)], axis=1).round().astype(int)
    cropped = followed([[tuple(place)] for place in places], camera=FULL)
    windows = corners(cropped)
    beside = np.linalg.norm(windows - places, axis=1)
    assert beside.max() < 5 and beside.mean() < 0.15 * np.linalg.norm(places[0] - places, axis=1).mean()
    assert {cropped.window(i)[2:] for i in range(T)} == {(60, 60)} and cropped.notes == ()
    found = cropped.landmarks(10, 70)
    truth = np.stack([detector.landmarks(None, Box(*place, 60, 60)) for place in places[10:70]])
    truth = (truth - windows[10:70, None] + 0.5) * 128 / 60 - 0.5
    assert np.linalg.norm(found - truth, axis=-1).mean() < 3
    points = np.random.default_rng(5).uniform([-0.1, -0.1, 0.4], [0.1, 0.1, 0.9], (50, 3))
    assert tuple(windows[15]) != tuple(windows[0])
    expected = (FULL.project(points) - windows[0] + 0.5) * 128 / 60 - 0.5
    np.testing.assert_allclose(cropped.camera.project(points), expected, atol=1e-9)


def test_the_track_does_not_lag_behind_the_face_and_smooths_the_jitter_of_landmarks():
    class Shaky(PaintDetector):
        name = "shaky"

        def detect(self, rgb, near=None):
            faces = super().detect(rgb)
            for face in faces:
                face.landmarks[:] += np.random.default_rng(self.asked).normal(0, 2, (68, 2)).astype(np.float32)
            return faces

    places = np.stack([20 + np.arange(T) // 2, np.full(T, 30)], axis=1)
    assert abs((places - corners(followed([[tuple(place)] for place in places])))[25:65, 0].mean()) < 0.75
    spread = followed([[(40, 30)]] * 300, Shaky()).landmarks(50, 250).std(axis=0).mean() * 60 / 128
    assert 0 < spread < 0.6 * 2


def test_a_face_that_leaves_is_not_seen_and_a_larger_one_does_not_take_the_crop():
    cropped = followed([[(40 + i // 3, 30)] if i < 45 else [] for i in range(T)])
    assert cropped.notes == ("The face was not found in 10 of 19 frames looked at; who came back is not known.",)
    # The last look that shows it is that of frame 40.
    assert cropped.window(T - 1) == Box(40 + 40 // 3, 30, 60, 60)
    assert np.flatnonzero(cropped.seen).tolist() == [*range(41)]
    scenes = [[(10, 30, 50)] + [(80, 20, 70)] * (i > 20) for i in range(T)]
    assert followed(scenes).window(T - 1) == Box(10, 30, 50, 50)


def test_after_a_cut_or_a_second_the_nearest_face_of_the_picture_is_followed():
    cropped = followed([[(20, 20)]] * 30 + [[]] * 30 + [[(90, 40), (15, 50)]] * 30, cuts=(30, 60))
    assert np.flatnonzero(np.diff(cropped.seen)).tolist() == [29, 59] and not cropped.seen[45]
    assert cropped.window(29) == Box(20, 20, 60, 60) and cropped.window(60) == Box(15, 50, 60, 60)
    # Without a cut one elsewhere is not taken for it within the second.
    there = followed([[(20, 20)]] * 30 + [[(90, 40)]] * 60)
    assert there.seen[:26].all() and not there.seen[31:55].any() and there.seen[65:].all()


def test_a_face_is_looked_for_between_start_and_end_alone_and_not_seen_beyond_the_edge():
    cropped = followed([[(40, 30)]] * T, span=(30, 60))
    assert np.flatnonzero(cropped.seen).tolist() == [*range(30, 60)] == sorted({*cropped.source.read, *range(30, 60)})
    cropped = followed([[(50 + i, 30)] for i in range(T)])
    assert corners(cropped)[:, 0].max() <= 160 - 60 and cropped.frames(T - 1, T).shape == (1, 128, 128, 3)
    assert cropped.seen[:45].all() and not cropped.seen[75:].any()


@pytest.mark.parametrize(("frames", "fps"), [(1, 30.0), (T, 4.0), (T, 25.0), (T, 200.0)])
def test_the_face_is_looked_for_six_times_a_second_at_most(frames, fps):
    detector = PaintDetector()
    cropped = followed([[(40, 30)]] * frames, detector, fps=fps)
    assert cropped.notes == () and cropped.frames(0, 1).shape == (1, 128, 128, 3)
    assert detector.asked == len({*range(0, frames, max(1, round(fps / 6))), frames - 1})
