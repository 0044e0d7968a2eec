"""The motion of a rigid head is predicted exactly, found, and removed."""

import cv2
import numpy as np
import pytest
from refusing import refused

from melib.flow import fit_rigid, generic_face, rigid_motion, stabilize
from melib.video import Camera
from tests.flow.scenes import grid

CAMERA = Camera(460.0, 470.0, 66.0, 60.0, 128, 120)
ROTATION = cv2.Rodrigues(np.radians([1.1, -2.3, 0.8]))[0]
TRANSLATION = np.array([0.002, -0.001, 0.004])


@pytest.fixture(scope="module")
def surface():
    """A face-like relief 0.56 m away with a hole, the face's mask, and a smile-like scene flow in metres."""
    x, y = grid(120, 128)
    face = ((x - 64) / 48) ** 2 + ((y - 62) / 55) ** 2 < 1
    relief = 0.05 * np.exp(-(((x - 64) / 40) ** 2) - ((y - 62) / 45) ** 2) + 0.02 * np.exp(-((x - 64) ** 2) / 120)
    depth = np.where(face, 0.56 - relief, 0)
    depth[50:54, 30:34] = 0
    bump = np.exp(-((x - 80) ** 2 + (y - 95) ** 2) / 60)
    return face, depth, np.stack([0.0006 * bump, -0.001 * bump, 0.0004 * bump]) * (depth > 0)


@pytest.fixture(scope="module")
def head(surface):
    """Image flow and scene flow of the turned and shifted head."""
    return rigid_motion(surface[1], CAMERA, ROTATION, TRANSLATION)


def moved_pixels(depth, scene_flow):
    """Image flow of a scene flow, straight from the projection."""
    points = CAMERA.backproject(np.where(depth > 0, depth, 1.0))
    flow = CAMERA.project(points + scene_flow.transpose(1, 2, 0)) - CAMERA.project(points)
    return np.where(depth > 0, flow.transpose(2, 0, 1), 0)


def test_a_known_turn_and_shift_give_the_flow_of_the_projection(surface, head):
    _, depth, _ = surface
    flow, scene_flow = head
    row, column = 60, 40
    point = depth[row, column] * np.array([(column - CAMERA.cx) / CAMERA.fx, (row - CAMERA.cy) / CAMERA.fy, 1])
    target = ROTATION @ point + TRANSLATION
    np.testing.assert_allclose(scene_flow[:, row, column], target - point, atol=1e-12)
    seen = np.array([CAMERA.fx * target[0] / target[2] + CAMERA.cx, CAMERA.fy * target[1] / target[2] + CAMERA.cy])
    np.testing.assert_allclose(flow[:, row, column], seen - [column, row], atol=1e-9)
    assert not flow[:, depth == 0].any() and not scene_flow[:, depth == 0].any()


def test_the_motion_is_found_from_scene_flow_though_the_mouth_moves(surface, head):
    face, depth, own = surface
    rotation, translation = fit_rigid(head[1] + own, depth, CAMERA, face)
    np.testing.assert_allclose(rotation, ROTATION, atol=2e-5)
    np.testing.assert_allclose(translation, TRANSLATION, atol=2e-5)
    refused("the face with depth has 0 pixels", fit_rigid, own, np.zeros_like(depth), CAMERA, face, kind=ValueError)


@pytest.mark.parametrize("components", [2, 3])
def test_rigid_leaves_the_expression_and_nothing_of_the_head(surface, head, components):
    face, depth, own = surface
    total, expected, unit = head[1] + own, own, 1000.0
    if components == 2:
        total, unit = moved_pixels(depth, total), 1.0
        expected = total - moved_pixels(depth, head[1])
    found = stabilize(total, "rigid", face=face, depth=depth, camera=CAMERA)
    use = face & (depth > 0)
    assert unit * np.abs(found - expected)[:, use].max() < 0.02
    assert unit * np.abs(total - expected)[:, use].mean() > 1


def test_image_flow_is_stabilised_in_the_holes_of_the_depth_map_too(surface):
    face, depth, _ = surface
    whole = depth.copy()
    whole[50:54, 30:34] = depth[49, 30:34]
    flow, motion = rigid_motion(whole, CAMERA, ROTATION, TRANSLATION)
    hole = face & (depth == 0)
    assert hole.any() and np.abs(flow[:, hole]).min() > 0.5
    assert np.abs(stabilize(flow, "rigid", face=face, depth=depth, camera=CAMERA)[:, hole]).max() < 0.05
    motion[:, hole] = 0
    assert not stabilize(motion, "rigid", face=face, depth=depth, camera=CAMERA)[:, hole].any()


#: Eyes 63 mm apart, and a nose tip where the relief suggests it.
LANDMARKS, HALF = np.tile([64.0, 62.0], (68, 1)), 0.5 * 0.063 * CAMERA.fx / 0.53
LANDMARKS[36:42], LANDMARKS[42:48] = (64 - HALF, 45), (64 + HALF, 45)
GENERIC = generic_face(LANDMARKS, CAMERA)


def test_rigid_removes_the_parallax_that_affine_leaves_and_a_generic_face_much_of_it(surface, head):
    face, depth, _ = surface
    given = {"face": face & (depth > 0), "landmarks": LANDMARKS, "camera": CAMERA}
    ways = [(mode, None) for mode in ("median", "affine", "relief")] + [("rigid", depth), ("rigid", GENERIC)]
    median, affine, relief, rigid, guessed = (
        np.abs(stabilize(head[0], mode, depth=shape, **given))[:, given["face"]].mean() for mode, shape in ways
    )
    assert median > 4 * affine > 16 * rigid
    assert guessed < 0.6 * affine and relief < 0.7 * affine


def test_the_generic_face_stands_at_the_distance_its_eyes_tell_nose_first():
    assert GENERIC.shape == (120, 128) and GENERIC.dtype == np.float32
    assert GENERIC[45, 64] == pytest.approx(0.53, abs=0.04)
    assert GENERIC[62, 64] == GENERIC.min()
    assert GENERIC.max() - GENERIC.min() == pytest.approx(0.08, abs=1e-6)
    for points, message in ((5, r"landmarks must be \(68, 2\)"), (68, "0 pixels apart")):
        refused(message, generic_face, np.zeros((points, 2)), CAMERA, kind=ValueError)
