"""Head motion is removed, and the face's own is kept."""

import numpy as np
import pytest
from refusing import refused

from melib.flow import face_mask, stabilize
from tests.flow.scenes import grid

SIZE = 64
X, Y = grid(SIZE, SIZE)
FACE = (X - 32) ** 2 + (Y - 32) ** 2 < 27**2
ANGLES = np.linspace(0, 2 * np.pi, 68, endpoint=False)
LANDMARKS = np.stack([32 + 26 * np.cos(ANGLES), 32 + 26 * np.sin(ANGLES)], -1)
LANDMARKS[28] = (32, 30)
#: A small movement far from the nose, and a head that turns, rolls and comes closer.
LOCAL = np.stack([0 * X, 0.8 * np.exp(-((X - 32) ** 2 + (Y - 48) ** 2) / 30)])
AFFINE = np.stack([0.7 + 0.01 * (X - 30) - 0.02 * (Y - 20), -0.4 + 0.015 * (X - 30) + 0.005 * (Y - 20)])


@pytest.mark.parametrize("mode", ["nose", "median", "affine", "relief"])
@pytest.mark.parametrize("shift", [(0.9, 0.5), (-0.9, -0.5)])
def test_a_translating_head_is_removed_and_the_expression_kept(mode, shift):
    flow = LOCAL + np.array(shift)[:, None, None]
    found = stabilize(flow, mode, face=FACE, landmarks=LANDMARKS)
    assert np.abs(found - LOCAL)[:, FACE].max() < 0.02
    assert np.abs(flow - LOCAL)[:, FACE].max() > 0.8


def test_affine_removes_roll_and_scale_that_the_other_modes_leave():
    errors = {
        mode: np.abs(stabilize(LOCAL + AFFINE, mode, face=FACE, landmarks=LANDMARKS) - LOCAL)[:, FACE].max()
        for mode in ("affine", "none", "nose", "median")
    }
    assert errors.pop("affine") < 0.02
    assert min(errors.values()) > 0.3


def test_affine_is_not_drawn_by_a_fifth_of_the_face_moving_on_its_own():
    moving = FACE & (np.quantile(Y[FACE], 0.8) <= Y)
    flow = AFFINE + np.random.default_rng(5).normal(0, 0.02, (2, SIZE, SIZE))
    flow[1, moving] += 1.5
    found = stabilize(flow, "affine", face=FACE)
    assert np.abs(found[:, FACE & ~moving]).mean() < 0.03
    assert found[1, moving].mean() == pytest.approx(1.5, abs=0.05)


def test_none_changes_nothing_and_batches_are_stabilised_pair_by_pair():
    flows = np.stack([LOCAL + 1, 2 * LOCAL - 3]).astype(np.float32)
    np.testing.assert_array_equal(stabilize(flows, "none"), flows)
    for mode in ("nose", "median", "affine", "relief"):
        both = stabilize(flows, mode, face=np.stack([FACE, FACE]), landmarks=np.stack([LANDMARKS, LANDMARKS]))
        assert both.dtype == np.float32
        for found, flow in zip(both, flows, strict=True):
            np.testing.assert_array_equal(found, stabilize(flow, mode, face=FACE, landmarks=LANDMARKS))


def test_a_nose_near_the_border_uses_the_pixels_there_are():
    landmarks = LANDMARKS.copy()
    landmarks[28] = (1, 2)
    flow = np.full_like(LOCAL, 0.25)
    assert np.abs(stabilize(flow, "nose", landmarks=landmarks)).max() < 1e-12
    landmarks[28] = (-40, 2)
    refused("outside", stabilize, flow, "nose", landmarks=landmarks, kind=ValueError)


def test_the_hull_of_the_landmarks_stands_in_for_a_missing_mask():
    hull = face_mask(LANDMARKS, SIZE, SIZE)
    assert (hull & FACE).sum() > 0.9 * FACE.sum()
    assert not hull[0].any()
    np.testing.assert_array_equal(face_mask(LANDMARKS[None], SIZE, SIZE)[0], hull)
    found, expected = (stabilize(LOCAL + 0.5, "median", **by) for by in ({"landmarks": LANDMARKS}, {"face": hull}))
    np.testing.assert_array_equal(found, expected)


def test_missing_or_unfit_input_is_named():
    for mode, given, message in (
        ("spin", {}, "unknown stabilisation mode 'spin'"),
        ("nose", {"face": FACE}, "needs landmarks="),
        ("affine", {"face": FACE[:-1]}, "face must be"),
        ("median", {"face": 0 * FACE}, "face has 0 pixels"),
        ("nose", {"landmarks": np.where(LANDMARKS > 50, np.nan, LANDMARKS)}, "finite"),
        ("rigid", {"face": FACE, "depth": 1.0 * FACE}, "needs camera="),
        ("rigid", {"face": FACE, "depth": 1.0 * FACE[1:], "camera": ()}, "depth must be"),
    ):
        refused(message, stabilize, LOCAL, mode, **given, kind=ValueError)
    refused("2 or 3, H, W", stabilize, LOCAL[:1], "median", face=FACE, kind=ValueError)
