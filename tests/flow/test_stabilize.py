"""Head motion is removed, and the face's own is kept."""

import numpy as np
import pytest

from melib.flow import face_mask, stabilize
from tests.flow.scenes import grid

SIZE = 64


def scene():
    """A face mask, 68 landmarks, and the flow of a small local movement far from the nose."""
    x, y = grid(SIZE, SIZE)
    face = (x - 32) ** 2 + (y - 32) ** 2 < 27**2
    angle = np.linspace(0, 2 * np.pi, 68, endpoint=False)
    landmarks = np.stack([32 + 26 * np.cos(angle), 32 + 26 * np.sin(angle)], -1)
    landmarks[28] = (32, 30)
    local = np.zeros((2, SIZE, SIZE))
    local[1] = 0.8 * np.exp(-((x - 32) ** 2 + (y - 48) ** 2) / 30)
    return face, landmarks, local


def affine_flow():
    x, y = grid(SIZE, SIZE)
    return np.stack([0.7 + 0.01 * (x - 30) - 0.02 * (y - 20), -0.4 + 0.015 * (x - 30) + 0.005 * (y - 20)])


@pytest.mark.parametrize("mode", ["nose", "median", "affine"])
@pytest.mark.parametrize("shift", [(0.9, 0.5), (-0.9, -0.5)])
def test_a_translating_head_is_removed_and_the_expression_kept(mode, shift):
    face, landmarks, local = scene()
    flow = local + np.array(shift)[:, None, None]
    found = stabilize(flow, mode, face=face, landmarks=landmarks)
    assert np.abs(found - local)[:, face].max() < 0.02
    assert np.abs(flow - local)[:, face].max() > 0.8


def test_affine_removes_roll_and_scale_that_the_other_modes_leave():
    face, landmarks, local = scene()
    errors = {
        mode: np.abs(stabilize(local + affine_flow(), mode, face=face, landmarks=landmarks) - local)[:, face].max()
        for mode in ("none", "nose", "median", "affine")
    }
    assert errors["affine"] < 0.02
    assert min(errors["median"], errors["nose"], errors["none"]) > 0.3


def test_affine_is_not_drawn_by_a_fifth_of_the_face_moving_on_its_own():
    face, _, _ = scene()
    rows, columns = np.nonzero(face)
    moving = np.zeros_like(face)
    lowest = rows >= np.quantile(rows, 0.8)
    moving[rows[lowest], columns[lowest]] = True
    noise = np.random.default_rng(5).normal(0, 0.02, (2, SIZE, SIZE))
    flow = affine_flow() + noise
    flow[1, moving] += 1.5
    found = stabilize(flow, "affine", face=face)
    assert np.abs(found[:, face & ~moving]).mean() < 0.03
    assert found[1, moving].mean() == pytest.approx(1.5, abs=0.05)


def test_none_changes_nothing_and_batches_are_stabilised_pair_by_pair():
    face, landmarks, local = scene()
    flows = np.stack([local + 1, 2 * local - 3]).astype(np.float32)
    np.testing.assert_array_equal(stabilize(flows, "none"), flows)
    for mode in ("nose", "median", "affine"):
        both = stabilize(flows, mode, face=np.stack([face, face]), landmarks=np.stack([landmarks, landmarks]))
        assert both.dtype == np.float32
        for index in range(2):
            np.testing.assert_array_equal(both[index], stabilize(flows[index], mode, face=face, landmarks=landmarks))


def test_a_nose_near_the_border_uses_the_pixels_there_are():
    _, landmarks, local = scene()
    landmarks[28] = (1, 2)
    flow = np.full_like(local, 0.25)
    assert np.abs(stabilize(flow, "nose", landmarks=landmarks)).max() < 1e-12
    landmarks[28] = (-40, 2)
    with pytest.raises(ValueError, match="outside"):
        stabilize(flow, "nose", landmarks=landmarks)


def test_the_hull_of_the_landmarks_stands_in_for_a_missing_mask():
    face, landmarks, local = scene()
    hull = face_mask(landmarks, SIZE, SIZE)
    assert (hull & face).sum() > 0.9 * face.sum()
    assert not hull[0].any()
    np.testing.assert_array_equal(face_mask(landmarks[None], SIZE, SIZE)[0], hull)
    flow = local + 0.5
    np.testing.assert_array_equal(stabilize(flow, "median", landmarks=landmarks), stabilize(flow, "median", face=hull))


FACE, LANDMARKS, LOCAL = scene()


@pytest.mark.parametrize(
    ("mode", "given", "message"),
    [
        ("spin", {}, "unknown stabilisation mode 'spin'"),
        ("nose", {"face": FACE}, "needs landmarks="),
        ("nose", {"landmarks": LANDMARKS[:5]}, "landmarks must be"),
        ("median", {}, "needs face="),
        ("affine", {"face": FACE[:-1]}, "face must be"),
        ("median", {"face": 0 * FACE}, "face has 0 pixels"),
        ("affine", {"face": 0 * FACE}, "face has 0 pixels"),
        ("median", {"landmarks": np.where(LANDMARKS > 50, np.nan, LANDMARKS)}, "finite"),
        ("nose", {"landmarks": np.where(LANDMARKS > 50, np.nan, LANDMARKS)}, "finite"),
        ("rigid", {"face": FACE, "depth": 1.0 * FACE}, "needs camera="),
        ("rigid", {"face": FACE, "depth": 1.0 * FACE[1:], "camera": ()}, "depth must be"),
    ],
)
def test_missing_or_unfit_input_is_named(mode, given, message):
    with pytest.raises(ValueError, match=message):
        stabilize(LOCAL, mode, **given)
    with pytest.raises(ValueError, match="2 or 3, H, W"):
        stabilize(LOCAL[:1], "median", face=FACE)
