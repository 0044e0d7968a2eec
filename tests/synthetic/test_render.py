import hashlib
import subprocess
import sys

import cv2
import numpy as np
import pytest

from melib.synthetic.raster import interpolate
from melib.synthetic.render import Renderer

LIGHT = {"light": (0.35, 0.45, 0.82), "ambient": 0.42, "specular": 0.05, "gain": 1.0}


@pytest.fixture(scope="module")
def renderer(subject):
    return Renderer(subject, subject.crop_camera(128))


@pytest.fixture(scope="module")
def grey(renderer):
    return np.full((renderer.camera.height, renderer.camera.width, 3), 0.12, np.float32)


def frame(renderer, points, grey, **changes):
    return renderer.render(points, **(LIGHT | {"background": grey} | changes))


def test_still_face_has_no_motion(renderer, subject, pose, weights):
    points = pose(subject, weights(**{"12L": 0.1, "4R": 0.2}), rotation=(0.02, 0.1, 0.01))
    flow, scene, valid = renderer.true_motion(points, points.copy())
    assert flow.shape == (2, 128, 128) and scene.shape == (3, 128, 128) and valid.mean() > 0.5
    assert (flow == 0).all()
    assert (scene == 0).all()


def test_true_flow_agrees_with_projected_scene_flow(renderer, subject, pose, weights):
    a = pose(subject)
    b = pose(subject, weights(**{"12L": 0.2, "12R": 0.2, "1L": 0.4}), rotation=(0.01, 0.02, 0), translation=(1, 0, 2))
    flow, scene, valid = renderer.true_motion(a, b)
    camera = renderer.camera
    _, depth = frame(renderer, a, np.zeros((128, 128, 3), np.float32))
    start = camera.backproject(depth)
    expected = camera.project(start[valid] + np.moveaxis(scene, 0, -1)[valid]) - camera.project(start[valid])
    assert np.abs(flow[:, valid].T - expected).max() < 2e-3
    assert 0.5 < np.abs(flow).max() < 10


def test_motion_of_a_shifted_head_is_the_shift(renderer, subject, pose):
    flow, scene, valid = renderer.true_motion(pose(subject), pose(subject, translation=(2, -1, 3)))
    np.testing.assert_allclose(scene[:, valid].T - (0.002, 0.001, -0.003), 0, atol=1e-8)
    assert (flow[0, 40:90, 60:70] > 0).all()


def test_true_flow_warps_frame_b_onto_frame_a(renderer, subject, pose, weights, grey):
    a = pose(subject)
    b = pose(subject, weights(**{"12L": 0.1, "12R": 0.08, "4L": 0.3, "4R": 0.3}), rotation=(0.01, -0.015, 0.01))
    flow, _, valid = renderer.true_motion(a, b)
    image_a, image_b = frame(renderer, a, grey)[0], frame(renderer, b, grey)[0]
    y, x = np.mgrid[0:128, 0:128].astype(np.float32)
    warped = cv2.remap(image_b, x + flow[0], y + flow[1], cv2.INTER_CUBIC)
    inner = cv2.erode(valid.astype(np.uint8), np.ones((5, 5))) > 0
    before = np.abs(image_b - image_a)[inner].mean()
    after = np.abs(warped - image_a)[inner].mean()
    # Shading changes with the pose, so the residual is small, not zero.
    assert after < 0.3 * before
    assert after < 0.01  # the sensor's own noise is about as large
    assert np.abs(flow[:, inner]).max() > 1


def test_hidden_points_are_not_valid(renderer, subject, pose):
    a, b = pose(subject), pose(subject, rotation=(0, 0.45, 0))
    flow, _, valid = renderer.true_motion(a, b)
    back_flow, _, back_valid = renderer.true_motion(b, a)
    y, x = np.mgrid[0:128, 0:128].astype(np.float32)
    back = np.stack([cv2.remap(f, x + flow[0], y + flow[1], cv2.INTER_LINEAR) for f in back_flow])
    inner = cv2.remap(back_valid.astype(np.float32), x + flow[0], y + flow[1], cv2.INTER_LINEAR) > 0.999
    error = np.linalg.norm(flow + back, axis=0)
    assert np.quantile(error[valid & inner], 0.95) < 0.5
    # Turning the head by 26 degrees hides a good part of one cheek.
    shown = frame(renderer, a, np.zeros((128, 128, 3), np.float32))[1] > 0
    assert 0.05 < 1 - valid.sum() / shown.sum() < 0.5
    assert not valid[~shown].any()


def test_depth_is_the_surface_that_the_geometry_says(renderer, subject, pose, weights, grey):
    points = pose(subject, weights("26") * 0.3, rotation=(0.05, 0.1, 0))
    _, depth = frame(renderer, points, grey)
    pixels, inverse_depth, ids, nearest = renderer._look(points)
    surface = interpolate(points, pixels, inverse_depth, subject.triangles, ids, nearest)
    hit = ids >= 0
    assert (depth[~hit] == 0).all() and depth.dtype == np.float32
    np.testing.assert_allclose(renderer.camera.backproject(depth)[hit], surface[hit], atol=1e-6)
    assert 0.4 < depth[hit].min() < depth[hit].max() < 0.8


def test_a_frame_depends_only_on_its_arguments(renderer, subject, pose, weights, grey):
    points = pose(subject, weights("12L") * 0.3)
    first = frame(renderer, points, grey)
    frame(renderer, pose(subject, rotation=(0, 0.3, 0)), grey, gain=0.5)
    renderer.true_motion(pose(subject), points)
    again, fresh = frame(renderer, points, grey), frame(Renderer(subject, renderer.camera), points, grey)
    for a, b, c in zip(first, again, fresh, strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(a, c)


def test_gain_multiplies_the_whole_picture(renderer, subject, pose, grey):
    points = pose(subject)
    full, half = frame(renderer, points, grey)[0], frame(renderer, points, grey, gain=0.5)[0]
    np.testing.assert_allclose(half, 0.5 * full, rtol=1e-5, atol=1e-7)


def test_background_shows_where_there_is_no_head_and_blends_at_the_outline(renderer, subject, pose, grey):
    points = pose(subject)
    colour, depth = frame(renderer, points, grey)
    away = cv2.dilate((depth > 0).astype(np.uint8), np.ones((3, 3))) == 0
    assert away.any()
    np.testing.assert_allclose(colour[away], 0.12, rtol=1e-6)
    bright = frame(renderer, points, grey + 0.5)[0] - colour
    partial = (bright > 0.1).all(-1) & (bright < 0.4).all(-1)
    assert partial.sum() > 30


def test_light_from_the_right_brightens_the_right_cheek(renderer, subject, pose, grey):
    points = pose(subject)
    right = frame(renderer, points, grey, light=(1, 0, 0.5))[0]
    left = frame(renderer, points, grey, light=(-1, 0, 0.5))[0]
    cheeks = [right[60:80, 90:105].mean() - left[60:80, 90:105].mean()]
    cheeks.append(left[60:80, 23:38].mean() - right[60:80, 23:38].mean())
    assert min(cheeks) > 0.05
    above = frame(renderer, points, grey, light=(0, 1, 0.5))[0][5:15, 50:78].mean()
    below = frame(renderer, points, grey, light=(0, -1, 0.5))[0][5:15, 50:78].mean()
    assert above > below


def test_frowning_darkens_the_furrow_between_the_brows(renderer, subject, pose, weights, grey):
    a, b = pose(subject), pose(subject, weights("4L", "4R"))
    flow, _, valid = renderer.true_motion(a, b)
    y, x = np.mgrid[0:128, 0:128].astype(np.float32)
    moved = cv2.remap(frame(renderer, b, grey, ambient=3.0)[0], x + flow[0], y + flow[1], cv2.INTER_LINEAR)
    change = (moved / frame(renderer, a, grey, ambient=3.0)[0])[valid].mean(-1)
    assert np.quantile(change, 0.01) < 0.85
    assert abs(np.median(change) - 1) < 0.01


def test_wrong_arguments_are_named(renderer, subject, pose, grey):
    with pytest.raises(ValueError, match="background must have shape"):
        frame(renderer, pose(subject), grey[:64])
    with pytest.raises(ValueError, match="light must be a direction"):
        frame(renderer, pose(subject), grey, light=(0, 0, 0))


DIGEST = """
import hashlib, sys
import numpy as np
from melib.synthetic.identity import make_subject
from melib.synthetic.render import Renderer
s = make_subject(7)
r = Renderer(s, s.crop_camera(128))
a, b = (s.points(w * s.gains, (0.1, 0.2, 0.0), (1, 2, 3), (0.1, 0.0)) for w in (0.0, 0.1))
background = np.full((128, 128, 3), 0.12, np.float32)
out = r.render(b, light=(0.35, 0.45, 0.82), ambient=0.42, specular=0.05, gain=1.0, background=background)
h = hashlib.sha256()
for array in (*out, *r.true_motion(a, b)):
    h.update(array.tobytes())
print(h.hexdigest())
"""


def test_pictures_depth_and_motion_have_the_same_bits_in_every_process(subject, renderer, grey):
    a, b = (subject.points(w * subject.gains, (0.1, 0.2, 0.0), (1, 2, 3), (0.1, 0.0)) for w in (0.0, 0.1))
    here = hashlib.sha256()
    for array in (*frame(renderer, b, grey), *renderer.true_motion(a, b)):
        here.update(array.tobytes())
    there = subprocess.run([sys.executable, "-c", DIGEST], capture_output=True, text=True, check=True).stdout.strip()
    assert there == here.hexdigest()
