"""The region and the size of a movement are those of the movement that was made."""

import cv2
import numpy as np
import pytest
from scipy import ndimage

from melib.features import FeatureSettings
from melib.own_video import REGIONS
from melib.own_video.analysis import face_flow, region_masks, strongest_motion

SETTINGS = FeatureSettings(method="dis", stabilization="median")


@pytest.fixture(scope="module")
def still(person):
    """One rendered frame and its landmarks."""
    return person.frames(0, 1)[0], person.landmarks(0, 1)[0]


def bulged(frame, centre, shift, spread):
    """The frame with what lies around a point moved by ``shift`` pixels (right, down), fading out smoothly."""
    rows, columns = np.mgrid[: frame.shape[0], : frame.shape[1]].astype(np.float32)
    weight = np.exp(-((columns - centre[0]) ** 2 + (rows - centre[1]) ** 2) / (2 * spread**2)).astype(np.float32)
    there = columns - shift[0] * weight, rows - shift[1] * weight
    return cv2.remap(frame, *there, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)


def moved(still, region, shift=(0.0, -3.0)):
    frame, landmarks = still
    centre = ndimage.center_of_mass(region_masks(landmarks, 128, 128)[region])[::-1]
    frames = np.stack([frame, bulged(frame, centre, shift, spread=5)])
    return strongest_motion(face_flow(frames, landmarks, SETTINGS), landmarks)


def test_the_region_that_was_moved_is_named(still):
    assert [moved(still, region)[0] for region in REGIONS] == list(REGIONS)


def test_regions_lie_apart_and_right_is_the_persons_own_right(still):
    masks = region_masks(still[1], 128, 128)
    assert set(masks) == set(REGIONS) and np.sum(list(masks.values()), axis=0).max() == 1
    across = {name: ndimage.center_of_mass(mask)[1] for name, mask in masks.items()}
    # Who looks into the camera has the right side on the left of the picture.
    for part in ("brow", "eye", "cheek"):
        assert across[f"right {part}"] < across["mouth"] < across[f"left {part}"]


def test_strength_grows_with_the_movement_and_turns_into_millimetres_by_the_eyes(still):
    (_, small, _), (_, large, millimetres) = (moved(still, "mouth", (0.0, -length)) for length in (1.5, 3.0))
    assert 0.3 < small < 0.8 * large < 2.5
    eyes = still[1][36:42].mean(axis=0) - still[1][42:48].mean(axis=0)
    assert millimetres == pytest.approx(large * 63 / np.hypot(*eyes))
