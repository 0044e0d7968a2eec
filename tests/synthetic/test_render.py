import cv2
import numpy as np
import pytest

from melib.synthetic.raster import rasterize
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


def test_vertices_on_whole_pixels_leave_no_hole():
    x, y = np.meshgrid(np.arange(0.0, 33, 4), np.arange(0.0, 33, 4))
    corner = np.array([row * 9 + column for row in range(8) for column in range(8)])
    quads = np.column_stack([corner, corner + 9, corner + 10, corner + 1])
    triangles = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]]).astype(np.int32)
    assert (rasterize(np.column_stack([x.ravel(), y.ravel()]), np.ones(81), triangles, 33, 33)[0] >= 0).all()
