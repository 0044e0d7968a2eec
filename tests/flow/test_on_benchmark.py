"""Flow and stabilisation on rendered faces whose motion is known: noise, flicker and head motion included."""

import cv2
import numpy as np
import pytest

from melib.flow import optical_flow, scene_flow
from melib.synthetic.dataset import open_benchmark


@pytest.fixture(scope="module")
def pair():
    """Grey images, depth, truth, the expression's own flow, the face and the camera of one micro-expression."""
    dataset = open_benchmark("default", subjects=1, videos=6, frames=240)
    video, event = next((v, e) for v in dataset.videos for e in v.events if e.true.kind == "micro")
    onset, apex = event.true.onset, event.true.apex
    frames = [video.frames(i, i + 1)[0] for i in (onset, apex)]
    depth = [video.depth(i, i + 1)[0] for i in (onset, apex)]
    flow, motion, valid = video.true_motion(onset, apex)
    own, _, _ = video.expression_motion(event)
    face = cv2.erode(valid.astype(np.uint8), np.ones((5, 5), np.uint8)).astype(bool) & (depth[0] > 0)
    gray = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in frames]
    return gray, depth, flow, motion, own, face, video.camera


def error(found, truth, face):
    return np.linalg.norm(found - truth, axis=0)[face].mean()


@pytest.mark.parametrize(
    ("settings", "share"),
    [
        ({"method": "tvl1"}, 0.35),
        ({"method": "tvl1", "local_mean": 3.0, "attachment": 0.3}, 0.35),
        ({"method": "dis"}, 0.35),
        ({"method": "farneback"}, 0.6),
    ],
)
def test_image_flow_finds_most_of_the_motion(pair, settings, share):
    (a, b), _, flow, *_, face, _ = pair
    assert error(optical_flow(a, b, **settings), flow, face) < share * error(0 * flow, flow, face)


def test_scene_flow_is_right_to_tenths_of_a_millimetre_though_the_sensor_errs_by_more(pair):
    (a, b), (z_a, z_b), flow, motion, _, face, camera = pair
    found, image_flow, valid = scene_flow(a, z_a, b, z_b, camera)
    assert valid[face].mean() > 0.97
    assert error(image_flow, flow, face) < 0.25
    wrong = 1e3 * np.abs(found - motion)[:, face & valid].mean(axis=1)
    assert (wrong < [0.25, 0.25, 0.3]).all()
