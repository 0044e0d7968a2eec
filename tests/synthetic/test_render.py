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


def test_motion_of_a_shifted_head_is_the_shift(renderer, subject, pose):
    flow, scene, valid = renderer.true_motion(pose(subject), pose(subject, translation=(2, -1, 3)))
    np.testing.assert_allclose(scene[:, valid].T - (0.002, 0.001, -0.003), 0, atol=1e-8)
    assert (flow[0, 40:90, 60:70] > 0).all()


def test_hidden_points_are_not_valid(renderer, subject, pose, grey):
    a, b = pose(subject), pose(subject, rotation=(0, 0.45, 0))
    (flow, _, valid), (back_flow, _, back_valid) = renderer.true_motion(a, b), renderer.true_motion(b, a)
    y, x = np.mgrid[0:128, 0:128].astype(np.float32)
    back = np.stack([cv2.remap(f, x + flow[0], y + flow[1], cv2.INTER_LINEAR) for f in back_flow])
    inner = cv2.remap(back_valid.astype(np.float32), x + flow[0], y + flow[1], cv2.INTER_LINEAR) > 0.999
    assert np.quantile(np.linalg.norm(flow + back, axis=0)[valid & inner], 0.95) < 0.5
    # Turning the head by 26 degrees hides a good part of one cheek.
    shown = frame(renderer, a, grey)[1] > 0
    assert 0.05 < 1 - valid.sum() / shown.sum() < 0.5 and not valid[~shown].any()


def test_depth_is_the_surface_that_the_geometry_says(renderer, subject, pose, weights, grey):
    points = pose(subject, weights("26") * 0.3, rotation=(0.05, 0.1, 0))
    _, depth = frame(renderer, points, grey)
    pixels, inverse_depth, ids, nearest = renderer._look(points)
    surface = interpolate(points, pixels, inverse_depth, subject.triangles, ids, nearest)
    hit = ids >= 0
    assert (depth[~hit] == 0).all() and depth.dtype == np.float32
    np.testing.assert_allclose(renderer.camera.backproject(depth)[hit], surface[hit], atol=1e-6)
    assert 0.4 < depth[hit].min() < depth[hit].max() < 0.8


def test_gain_multiplies_the_picture_and_the_background_blends_at_the_outline(renderer, subject, pose, grey):
    points = pose(subject)
    colour, depth = frame(renderer, points, grey)
    np.testing.assert_allclose(frame(renderer, points, grey, gain=0.5)[0], 0.5 * colour, rtol=1e-5, atol=1e-7)
    away = cv2.dilate((depth > 0).astype(np.uint8), np.ones((3, 3))) == 0
    np.testing.assert_allclose(colour[away], 0.12, rtol=1e-6)
    bright = frame(renderer, points, grey + 0.5)[0] - colour
    assert away.any() and ((bright > 0.1) & (bright < 0.4)).all(-1).sum() > 30


def test_light_brightens_the_side_it_comes_from(renderer, subject, pose, grey):
    right, left, above, below = (
        frame(renderer, pose(subject), grey, light=light)[0].mean(-1)
        for light in ((1, 0, 0.5), (-1, 0, 0.5), (0, 1, 0.5), (0, -1, 0.5))
    )
    assert (right - left)[60:80, 90:105].mean() > 0.05 and (left - right)[60:80, 23:38].mean() > 0.05
    assert above[5:15, 50:78].mean() > below[5:15, 50:78].mean()


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
