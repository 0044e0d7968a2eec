import numpy as np
import pytest
from sliding import landmarks_128

from melib.face import INPUT_SIZE, stack_strips, strips


def test_strips_are_the_landmarks_with_a_margin_of_twelve_pixels_of_128():
    upper, mouth = strips(landmarks_128(), 128, 128)
    assert upper == (28 - 12, 52 + 12, 20 - 12, 108 + 12)
    assert mouth == (84 - 12, 100 + 12, 48 - 12, 80 + 12)
    assert strips(2 * landmarks_128(), 256, 256)[1] == tuple(2 * edge for edge in mouth)


@pytest.mark.parametrize(
    ("points", "message"),
    [
        (np.zeros((67, 2)), "68 finite landmarks"),
        (np.full((68, 2), np.nan), "68 finite landmarks"),
        (landmarks_128() + 500, "no region inside the 128x128 image"),
    ],
)
def test_wrong_landmarks_and_a_face_outside_the_image_are_refused(points, message):
    with pytest.raises(ValueError, match=message):
        strips(points, 128, 128)


def test_the_brows_stand_above_the_mouth_and_left_stays_left():
    planes = np.zeros((1, 128, 128))
    planes[0, :70, :64] = 1.0
    stacked = stack_strips(planes, strips(landmarks_128(), 128, 128))
    assert stacked.shape == (1, INPUT_SIZE, INPUT_SIZE)
    assert (stacked[0, :20, :18] == 1).all() and (stacked[0, :20, 24:] == 0).all()
    assert (stacked[0, 21:] == 0).all()
